//! What can go wrong in a call, and what the caller is told.

use olm_proto::common::v1::ErrorReason;
use service_kit::{
    paging::InvalidToken,
    status::{self, Refusal},
};
use tonic::{Code, Status};

use crate::notifications::states::State;

/// The domain of this service's errors.
pub const DOMAIN: &str = "olm.notify";

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of the request are wrong; the refusal names them all.
    #[error("the request is not valid")]
    Invalid(Refusal),
    /// The page token is not one this query gave out.
    #[error(transparent)]
    PageTokenInvalid(#[from] InvalidToken),
    /// No such notification for this viewer.
    #[error("no such notification")]
    NotificationNotFound,
    /// No such lesson that this person teaches.
    #[error("no such lesson")]
    LessonNotFound,
    /// The client has no bot in polling mode.
    #[error("this client has no bot in polling mode")]
    NoPolledBot,
    /// What is said of a notification contradicts where it stands.
    #[error("what is said contradicts the notification's state, {}", .0.as_str())]
    StateUnsuitable(State),
    /// No post can be signed.
    #[error("this installation posts no webhooks")]
    WebhooksOff,
    /// Nobody with this id can be written to.
    #[error("nobody with this id has started the bot")]
    RecipientNotFound,
    /// The client polls for this bot already.
    #[error("the client polls for another bot")]
    ClientPollsAnotherBot(i64),
    /// The same request id with another body.
    #[error("the request_id was used before with another body")]
    RequestIdReused,
    /// What is stored cannot be read: a fault of ours.
    #[error("a stored row cannot be read")]
    Stored(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// A stored row that cannot be read.
    pub fn stored(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Stored(cause.into())
    }

    /// Whether the same transaction may succeed when it is run again at once:
    /// PostgreSQL ended it for another's sake (40001, 40P01).
    #[must_use]
    pub fn is_contention(&self) -> bool {
        matches!(self, Self::Database(error) if is_contention(error))
    }
}

/// As [`Error::is_contention`].
#[must_use]
pub fn is_contention(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Invalid(refusal)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let refuse =
            |code, reason| Refusal::new(code, reason, error.to_string()).into_status(DOMAIN);
        match &error {
            Error::Invalid(refusal) => refusal.clone().into_status(DOMAIN),
            Error::PageTokenInvalid(_) => {
                refuse(Code::InvalidArgument, ErrorReason::PageTokenInvalid)
            }
            Error::NotificationNotFound => {
                refuse(Code::NotFound, ErrorReason::NotificationNotFound)
            }
            Error::LessonNotFound => refuse(Code::NotFound, ErrorReason::LessonNotFound),
            Error::WebhooksOff => refuse(Code::FailedPrecondition, ErrorReason::WebhooksOff),
            Error::NoPolledBot => refuse(Code::FailedPrecondition, ErrorReason::NoPolledBot),
            Error::StateUnsuitable(state) => Refusal::new(
                Code::Aborted,
                ErrorReason::NotificationStateUnsuitable,
                error.to_string(),
            )
            .metadata("state", state.as_str())
            .into_status(DOMAIN),
            Error::RecipientNotFound => refuse(Code::NotFound, ErrorReason::RecipientNotFound),
            Error::ClientPollsAnotherBot(bot_id) => Refusal::new(
                Code::FailedPrecondition,
                ErrorReason::ClientPollsAnotherBot,
                error.to_string(),
            )
            .metadata("bot_id", bot_id.to_string())
            .into_status(DOMAIN),
            Error::RequestIdReused => refuse(Code::AlreadyExists, ErrorReason::RequestIdReused),
            Error::Database(cause) if is_away(cause) || error.is_contention() => {
                status::unavailable(DOMAIN, &error)
            }
            Error::Stored(_) | Error::Database(_) => status::internal(DOMAIN, &error),
        }
    }
}

/// Whether the database cannot be used right now, rather than refusing what we ask.
fn is_away(error: &sqlx::Error) -> bool {
    if let Some(code) = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
    {
        // Connection exceptions, too many connections, shutdown, start-up; and a schema
        // that is not there yet: `migrate` has not been run.
        return code.starts_with("08")
            || code.starts_with("57P")
            || matches!(code.as_ref(), "53300" | "57014" | "3F000" | "42P01");
    }
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_)
    )
}
