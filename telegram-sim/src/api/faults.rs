//! What can be made to go wrong.

use serde::{Deserialize, Serialize};

/// A fault to inject into matching calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Only this method, in any case; absent matches every method but `getUpdates`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only calls that name this chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<i64>,
    /// Only calls of this bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<i64>,
    /// How many calls to hit; 0 hits until the faults are cleared, absent hits one.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens to them.
    #[serde(flatten)]
    pub kind: FaultKind,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// A fault for the next call of any method but `getUpdates`.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self {
            method: None,
            chat: None,
            bot: None,
            times: 1,
            kind,
        }
    }

    /// Only for this method.
    #[must_use]
    pub fn on(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only for this chat.
    #[must_use]
    pub fn in_chat(mut self, chat: i64) -> Self {
        self.chat = Some(chat);
        self
    }

    /// For so many calls; 0 until cleared.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

/// What can go wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// The call takes effect at once, its answer comes later.
    Delay {
        /// Milliseconds, at most 600,000.
        ms: u64,
    },
    /// The call takes effect, then the connection closes without an answer.
    LoseResponse,
    /// The connection is reset before the call takes effect.
    ResetBefore,
    /// The call takes effect, then the connection is reset.
    ResetAfter,
    /// The call takes effect, and its answer breaks off in the middle of the body.
    TruncatedBody,
    /// The call has no effect: 403, as if the person had blocked the bot.
    Blocked,
    /// The call has no effect: 403, as if the person had deleted their account.
    Deactivated,
    /// The call has no effect: 400, as if the group had become this supergroup.
    Migrated {
        /// The supergroup's id.
        to: i64,
    },
    /// The call has no effect and is answered with this error.
    Status {
        /// HTTP status and `error_code`, 400 to 599.
        code: u16,
        /// Telegram's text.
        description: String,
        /// Seconds to wait, in `parameters`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
        /// The supergroup a group became, in `parameters`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        migrate_to_chat_id: Option<i64>,
    },
    /// The call takes effect and is answered with `502 Bad Gateway`.
    #[serde(rename = "after_acceptance_502")]
    AfterAcceptance502,
}

impl FaultKind {
    /// The name used in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delay { .. } => "delay",
            Self::LoseResponse => "lose_response",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::TruncatedBody => "truncated_body",
            Self::Blocked => "blocked",
            Self::Deactivated => "deactivated",
            Self::Migrated { .. } => "migrated",
            Self::Status { .. } => "status",
            Self::AfterAcceptance502 => "after_acceptance_502",
        }
    }
}

/// Faults that hit calls by chance, the same calls for the same seed: the draw depends on the seed, the
/// bot, the chat and how many calls came for that chat before. Faults that wait (`/sim/faults`) go first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// Another seed hits other calls.
    #[serde(default)]
    pub seed: u64,
    /// What may happen, at most 100 kinds, together at most 1,000 per mille of the calls.
    #[serde(default)]
    pub chances: Vec<Chance>,
}

/// One kind of fault and how often it hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chance {
    /// Of 1,000 calls, so many.
    pub per_mille: u16,
    /// Only this method, in any case; absent: every method but `getUpdates`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
}

impl Chance {
    /// So many of 1,000 calls of `sendMessage`.
    #[must_use]
    pub fn of_sends(per_mille: u16, kind: FaultKind) -> Self {
        Self {
            per_mille,
            method: Some("sendMessage".to_owned()),
            kind,
        }
    }
}
