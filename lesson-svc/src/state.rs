//! What every RPC works with.

use jiff::Timestamp;
use service_kit::clock::SharedClock;
use sqlx::PgPool;

use crate::{invitations::TokenKey, outbox::Wake, users::Defaults, watching::Watchers};

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
    /// Wakes the relay; see [`State::committed`].
    pub wake: Wake,
    /// Tells of changes; see [`State::committed`].
    pub watchers: Watchers,
}

impl State {
    /// After every commit that changed something: wakes whoever tells of changes.
    pub fn committed(&self) {
        self.wake.wake();
        self.watchers.committed();
    }

    /// The current instant, in whole microseconds: as PostgreSQL keeps it, so that what
    /// was just written reads the same later.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}
