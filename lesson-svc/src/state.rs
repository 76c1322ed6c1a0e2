//! What every RPC works with.

use jiff::Timestamp;
use service_kit::clock::SharedClock;
use sqlx::PgPool;

use crate::{invitations::TokenKey, outbox::Wake, users::Defaults};

/// Shared by all services of a replica; cheap to clone.
#[derive(Debug, Clone)]
pub struct State {
    /// Connections to schema `lesson`.
    pub pool: PgPool,
    /// What time it is.
    pub clock: SharedClock,
    /// What new users start with.
    pub defaults: Defaults,
    /// Makes the tokens of invitations.
    pub tokens: TokenKey,
    /// Wakes the relay after a commit that wrote an outbox row.
    pub wake: Wake,
}

impl State {
    /// The current instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
