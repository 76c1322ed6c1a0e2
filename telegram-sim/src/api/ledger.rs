//! What bots asked and were told, and how it is judged.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call of a bot: what was asked, when, what was answered.
///
/// `getUpdates` is not recorded: it writes nothing and would drown the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Rises by one per call.
    pub seq: u64,
    /// Which bot called.
    pub bot_id: i64,
    /// The method in Telegram's spelling, such as `sendMessage`.
    pub method: String,
    /// The chat named in the call.
    pub chat_id: Option<i64>,
    /// The message named in the call (edits, deletions).
    pub message_id: Option<i64>,
    /// The callback query named in the call.
    pub callback_query_id: Option<String>,
    /// The text, or a picture's caption, as it was given, markup included; cut after 8192 characters.
    pub text: Option<String>,
    /// The reply markup as it was given; null when over 16 KiB.
    pub reply_markup: Option<Value>,
    /// Whether it asked to come without a sound (`disable_notification`).
    #[serde(default)]
    pub silent: bool,
    /// When the request was read, microseconds since 1970.
    pub received_unix_us: i64,
    /// The same since the simulator started, on a clock that never steps.
    pub received_mono_us: u64,
    /// When the answer was handed to the connection; absent while it waits, or when it was lost.
    pub answered_unix_us: Option<i64>,
    /// The same on the monotonic clock.
    pub answered_mono_us: Option<u64>,
    /// Whether the call took effect, whatever the caller was told.
    pub accepted: bool,
    /// What was answered, or would have been; absent when the call was reset before it was handled.
    pub answer: Option<LedgerAnswer>,
    /// The fault that was applied, as in [`FaultKind::name`](super::FaultKind::name).
    pub fault: Option<String>,
    /// The limit that the call broke.
    #[serde(default)]
    pub violation: Option<Violation>,
    /// The caller's `traceparent` header.
    pub traceparent: Option<String>,
}

/// What the caller was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerAnswer {
    /// HTTP status, also Telegram's `error_code`.
    pub status: u16,
    /// The message written or edited.
    pub message_id: Option<i64>,
    /// Telegram's text of the error.
    pub description: Option<String>,
    /// Seconds to wait, with 429.
    pub retry_after: Option<u32>,
}

/// Which ledger entries to read; absent fields match everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerQuery {
    /// Only this bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<i64>,
    /// Only this chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat: Option<i64>,
    /// Only this method, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only entries with a greater `seq`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// At most so many, oldest first (1 to 10,000; 1,000 when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Wait so long (at most 60,000) for a first matching entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

impl LedgerQuery {
    /// Everything `method` did, in every chat.
    #[must_use]
    pub fn method(method: &str) -> Self {
        Self {
            method: Some(method.to_owned()),
            ..Self::default()
        }
    }

    /// Only in this chat.
    #[must_use]
    pub fn in_chat(mut self, chat: i64) -> Self {
        self.chat = Some(chat);
        self
    }

    /// Only after this entry.
    #[must_use]
    pub fn since(mut self, seq: u64) -> Self {
        self.since = Some(seq);
        self
    }
}

/// A part of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerPage {
    /// Matching entries, oldest first.
    pub entries: Vec<LedgerEntry>,
    /// The newest `seq` given out to any call, 0 at the start.
    pub last_seq: u64,
    /// The oldest `seq` still kept; older entries were dropped.
    pub first_kept_seq: u64,
}

/// Which of Telegram's sending limits a call broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Messages of a token in a second.
    Token,
    /// Messages to a chat in a second.
    Chat,
    /// Messages to a group in a minute.
    Group,
}

/// A limit that a call broke: it was refused with 429 by the simulator itself, not by a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which limit; the one to wait longest for when there are several.
    pub limit: LimitKind,
    /// The call came before the end of a `retry_after` told earlier.
    pub early: bool,
}

/// How one bot has kept to the limits since the simulator started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotFigures {
    /// Which.
    pub bot_id: i64,
    /// Messages that were accepted.
    pub sent: u64,
    /// Calls refused because of the token's limit.
    pub over_token: u64,
    /// Calls refused because of a chat's limit.
    pub over_chat: u64,
    /// Calls refused because of a group's limit.
    pub over_group: u64,
    /// Those of them that came before the end of a `retry_after` told earlier.
    pub early: u64,
    /// The most writing calls admitted in any one second; 0 while the token's limit is off.
    pub busiest_second: u32,
}
