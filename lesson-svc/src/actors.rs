//! Who acts: the person a call speaks for, and whether as an admin.

use olm_proto::common::v1::Caller;
use service_kit::grpc::server::{caller, required_acting_user};
use sqlx::PgConnection;
use tonic::{Request, Status};

use crate::{errors::Error, ids::UserId, users};

/// The person a call speaks for, as its metadata names them; not yet known to exist.
#[derive(Debug, Clone, Copy)]
pub struct Claimed {
    user: UserId,
    /// A bot's key can never act as an admin, whoever it speaks for.
    by_bot: bool,
}

/// A registered, living person who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// Whether what only admins may is open to them in this call.
    pub admin: bool,
}

impl Actor {
    /// Whose sight bounds what a query finds; `None` for admins, who see everything.
    #[must_use]
    pub fn viewer(self) -> Option<UserId> {
        (!self.admin).then_some(self.user)
    }
}

impl Claimed {
    /// Reads the acting user of a call whose policy demands one.
    ///
    /// # Errors
    ///
    /// When the call has none.
    pub fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        Ok(Self {
            user: UserId(required_acting_user(request)?),
            by_bot: caller(request)?.0 == Caller::BotGateway,
        })
    }

    /// Whether the call speaks for this person.
    #[must_use]
    pub fn is(self, user: UserId) -> bool {
        self.user == user
    }

    /// The person, when there is one.
    ///
    /// # Errors
    ///
    /// [`Error::UserNotFound`] for nobody and for the erased.
    pub async fn actor(self, conn: &mut PgConnection) -> Result<Actor, Error> {
        let is_admin = users::store::require(conn, self.user).await?;
        Ok(self.known(is_admin))
    }

    /// The person, kept from being erased until the transaction ends: for whatever
    /// changes something, before any other lock.
    ///
    /// # Errors
    ///
    /// [`Error::UserNotFound`] for nobody and for the erased.
    pub async fn actor_locked(self, conn: &mut PgConnection) -> Result<Actor, Error> {
        let is_admin = users::store::require_locked(conn, self.user).await?;
        Ok(self.known(is_admin))
    }

    fn known(self, is_admin: bool) -> Actor {
        Actor {
            user: self.user,
            admin: is_admin && !self.by_bot,
        }
    }
}
