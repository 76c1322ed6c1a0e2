//! What happened, as the clients, the database and Telegram's stand-in each saw it, and
//! whether the invariants of delivery held in it (docs/chaos.md).

mod rules;
mod told;

use std::collections::BTreeMap;

use telegram_sim::api::Violation;
use uuid::Uuid;

use super::load::Known;

pub use rules::check;

/// What a client was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The notification.
    pub id: Uuid,
    /// Where it goes.
    pub chat_id: i64,
    /// In whose name it was made: two senders share a lane in turns.
    pub client: &'static str,
    /// Never a second copy.
    pub hold: bool,
    /// When it is due; microseconds since 1970, as all times here.
    pub due_us: i64,
    /// When the client had the answer.
    pub accepted_us: i64,
}

/// An answered cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canceled {
    /// The notification.
    pub id: Uuid,
    /// The answer was CANCELED.
    pub bound: bool,
    /// When the client had it.
    pub answered_us: i64,
}

/// A notification as the database has it at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it goes.
    pub chat_id: i64,
    /// `pending`, `sent`, …
    pub state: String,
    /// A second copy was allowed.
    pub resent: bool,
}

/// One Begin, with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The notification.
    pub id: Uuid,
    /// From 1.
    pub number: i32,
    /// Whose.
    pub gateway_id: Uuid,
    /// When it was begun.
    pub begun_us: i64,
    /// `sent`, `not_written`, …; none when nobody said.
    pub outcome: Option<String>,
    /// When that was stored.
    pub ended_us: Option<i64>,
}

/// A change of state, in the order of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The notification.
    pub id: Uuid,
    /// None: it was accepted.
    pub before: Option<String>,
    /// Where it went.
    pub after: String,
    /// Of the last Begin.
    pub attempt_no: i32,
}

/// A request that Telegram's stand-in received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Its place in the ledger.
    pub seq: u64,
    /// What it says.
    pub text: String,
    /// Where it went.
    pub chat_id: i64,
    /// When it came.
    pub received_us: i64,
    /// It is in the chat.
    pub accepted: bool,
    /// Its sender was not told what became of it.
    pub answer_hidden: bool,
    /// It was refused for good.
    pub refused: bool,
    /// 429 was answered, for so long.
    pub retry_after_us: Option<i64>,
    /// The limit of Telegram's that it broke.
    pub violation: Option<Violation>,
}

impl Copy {
    /// The number in its text; none of what is told of lessons.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        number_in(&self.text)
    }
}

/// A change of the bot's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Which gateway.
    pub gateway_id: Uuid,
    /// Since when.
    pub since_us: i64,
}

/// A fault that was at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// What it was.
    pub name: String,
    /// From when.
    pub from_us: i64,
    /// Until when.
    pub until_us: i64,
    /// While it lasts, nobody may be able to know an outcome: a second copy may follow.
    pub hides_outcomes: bool,
    /// While it lasts, requests may reach Telegram long after they were written.
    pub delays_requests: bool,
}

/// Everything that is known.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The clients' view.
    pub known: Known,
    /// By notification.
    pub rows: BTreeMap<Uuid, Row>,
    /// In the order they were begun.
    pub attempts: Vec<Attempt>,
    /// In the order of the database.
    pub transitions: Vec<Transition>,
    /// In the order of the ledger.
    pub copies: Vec<Copy>,
    /// In the order of the database.
    pub owners: Vec<Owner>,
    /// What was done.
    pub windows: Vec<Window>,
}

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// `I1` … `I7`, `lost`, `told`, or `answer`.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

/// The text of a notification, from which its number can be read in the ledger.
#[must_use]
pub fn marked(number: u64) -> String {
    format!("chaos number {number}.")
}

/// The number in a text, if it is one of ours.
#[must_use]
pub fn number_in(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("chaos number ")?;
    rest.split_once('.')?.0.parse().ok()
}
