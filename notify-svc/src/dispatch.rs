//! How begun notifications reach the gateway that owns a bot: the stream, ownership,
//! the dispatcher of each bot, and results (docs/architecture.md, "Stream").

use std::time::Duration;

use olm_proto::notify::v1 as wire;
use uuid::Uuid;

use crate::notifications::states::Outcome;

pub mod dispatcher;
pub mod flow;
pub mod grpc;
pub mod owners;
mod prompt;
pub mod reading;
mod reads;
pub mod results;
pub mod session;
pub mod store;
pub mod upcoming;

/// One attempt at one notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptRef {
    /// Which notification.
    pub notification_id: Uuid,
    /// Which attempt.
    pub attempt_no: i32,
}

impl AttemptRef {
    /// From the contract; `None` when it is none.
    #[must_use]
    pub fn parse(wire: Option<&wire::AttemptRef>) -> Option<Self> {
        let wire = wire?;
        Some(Self {
            notification_id: Uuid::try_parse(&wire.notification_id).ok()?,
            attempt_no: wire.attempt_no,
        })
    }

    /// As in the contract.
    #[must_use]
    pub fn wire(self) -> wire::AttemptRef {
        wire::AttemptRef {
            notification_id: self.notification_id.to_string(),
            attempt_no: self.attempt_no,
        }
    }
}

/// What a gateway says of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Of which.
    pub attempt: AttemptRef,
    /// What became of it.
    pub outcome: Outcome,
}

/// Characters kept of what a gateway or Telegram says.
const MAX_WORDS: usize = 500;

/// An outcome from the contract; `None` when it names no kind.
#[must_use]
pub fn parse_outcome(wire: wire::Outcome) -> Option<Outcome> {
    use wire::outcome::Kind;
    Some(match wire.kind? {
        Kind::Sent(sent) => Outcome::Sent {
            message_id: sent.telegram_message_id,
        },
        Kind::NotWritten(unwritten) => Outcome::NotWritten {
            cause: words(&unwritten.cause),
            retry_after: wait(unwritten.retry_after),
        },
        Kind::Limited(limited) => Outcome::Limited {
            retry_after: wait(limited.retry_after),
        },
        Kind::ChatGone(gone) => Outcome::ChatGone {
            description: words(&gone.description),
        },
        Kind::Refused(refused) => Outcome::Refused {
            code: refused.code,
            description: words(&refused.description),
            bad_content: refused.bad_content,
            bad_markup: refused.bad_markup,
        },
        Kind::Ambiguous(ambiguous) => Outcome::Ambiguous {
            cause: words(&ambiguous.cause),
        },
        Kind::Moved(moved) if moved.chat_id != 0 => Outcome::Moved {
            chat_id: moved.chat_id,
        },
        Kind::Moved(_) => return None,
    })
}

/// What a journal knows of an attempt; `None` when it says nothing.
#[must_use]
pub fn parse_journal_entry(wire: wire::JournalEntry) -> Option<Report> {
    use wire::journal_entry::Knowledge;
    let attempt = AttemptRef::parse(wire.attempt.as_ref())?;
    let outcome = match wire.knowledge? {
        Knowledge::Outcome(outcome) => parse_outcome(outcome)?,
        Knowledge::Writing(_) => Outcome::Ambiguous {
            cause: "the gateway ended while it was writing".to_owned(),
        },
        Knowledge::NotWritten(unwritten) => Outcome::NotWritten {
            cause: words(&unwritten.cause),
            retry_after: wait(unwritten.retry_after),
        },
    };
    Some(Report { attempt, outcome })
}

/// What is said, bounded, without the NUL that PostgreSQL's text cannot hold.
pub(crate) fn words(text: &str) -> String {
    text.chars()
        .filter(|c| *c != '\0')
        .take(MAX_WORDS)
        .collect()
}

/// A wait from the wire: never negative, at most a day.
fn wait(wire: Option<prost_types::Duration>) -> Duration {
    let longest = Duration::from_hours(24);
    wire.and_then(|wire| olm_proto::span(&wire))
        .and_then(|span| Duration::try_from(span).ok())
        .unwrap_or_default()
        .min(longest)
}
