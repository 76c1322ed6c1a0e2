//! What people are told when there is no answer.

use texts::{Language, Screen};
use tonic::{Code, Status};

use super::Conversation;
use crate::{
    replies::{Reply, ReplyError},
    server1::Fate,
};

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// server 1 cannot be reached, or fails.
    Unavailable,
    /// It answered, but not as it should have.
    Unexpected,
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        match status.code() {
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::Internal
            | Code::ResourceExhausted
            | Code::DataLoss => Self::Unavailable,
            Code::Ok
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated => {
                tracing::error!(status = ?status.code(), error = status.message(),
                    "an answer that no handler expects");
                Self::Unexpected
            }
        }
    }
}

impl Conversation {
    /// Says why there is no answer, in a new message: the old one keeps its buttons, and its
    /// question, for another try.
    pub(super) async fn explain(
        &self,
        chat: i64,
        language: Language,
        fault: &Fault,
        was_to_change: bool,
    ) -> (Result<(), ReplyError>, &'static str) {
        let (screen, outcome) = match fault {
            Fault::Unavailable => match self.link.fate() {
                None if was_to_change => (Screen::NotDone, "not_done"),
                None => (Screen::Unavailable, "unavailable"),
                Some(Fate::NotDone) => (Screen::NotDone, "not_done"),
                Some(Fate::Unknown) => (Screen::OutcomeUnknown, "outcome_unknown"),
                Some(Fate::Done) => (Screen::DoneUnshown, "done_unshown"),
            },
            Fault::Unexpected => (Screen::Failed, "failed"),
        };
        let reply = Reply::text(screen.html(language));
        (self.replies.send(chat, &reply).await.map(drop), outcome)
    }
}
