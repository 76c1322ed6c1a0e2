//! The JSON of the controls under `/sim/`, shared by the server and [`crate::client::SimClient`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Somebody who uses Telegram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Telegram user id; also the id of their private chat with any bot.
    pub id: i64,
    /// First name, never empty.
    pub first_name: String,
    /// Last name, if they gave one.
    pub last_name: Option<String>,
    /// Username without `@`.
    pub username: Option<String>,
    /// IETF language tag of their app, such as `ru`.
    pub language_code: String,
}

/// A person to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// A wanted id (greater than 0); otherwise the next free one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// First name, 1 to 64 characters.
    pub first_name: String,
    /// Last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Username without `@`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Language of their app; `en` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language_code: Option<String>,
}

impl NewPerson {
    /// A person with a name and a language, and the next free id.
    #[must_use]
    pub fn named(first_name: &str, language_code: &str) -> Self {
        Self {
            first_name: first_name.to_owned(),
            language_code: Some(language_code.to_owned()),
            ..Self::default()
        }
    }

    /// The same with a chosen id.
    #[must_use]
    pub fn with_id(mut self, id: i64) -> Self {
        self.id = Some(id);
        self
    }
}

/// A bot that has been seen, or whose token is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotView {
    /// The digits of the token.
    pub id: i64,
    /// Username without `@`.
    pub username: String,
    /// Name shown in chats.
    pub first_name: String,
    /// Updates that wait for `getUpdates`.
    pub pending_update_count: usize,
    /// Whether a `getUpdates` call is waiting right now.
    pub polling: bool,
}

/// A group chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Chat id, negative; `-100…` for a supergroup.
    pub id: i64,
    /// Title, never empty.
    pub title: String,
    /// Bots in it.
    pub bot_ids: Vec<i64>,
    /// People in it.
    pub person_ids: Vec<i64>,
    /// Where it went when it became a supergroup.
    pub migrated_to: Option<i64>,
}

/// A group to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// Title, 1 to 128 characters.
    pub title: String,
    /// Bots in it.
    #[serde(default)]
    pub bot_ids: Vec<i64>,
    /// People in it; they must exist.
    #[serde(default)]
    pub person_ids: Vec<i64>,
}

/// Something a person types.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// The text, 1 to 4096 UTF-16 units.
    pub text: String,
    /// To which bot; may be left out while there is exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<i64>,
    /// A group to say it in, instead of the private chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<i64>,
}

/// Where something said has landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Id of the message in its chat.
    pub message_id: i64,
    /// The chat.
    pub chat_id: i64,
}

/// A button to press, found by any mix of message, callback data and label; the newest match wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Press {
    /// The message that carries the button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<i64>,
    /// Its callback data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Its label; also finds buttons of the reply keyboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whose chat; may be left out while there is exactly one bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<i64>,
    /// A group, instead of the private chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<i64>,
}

/// What pressing a button did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "pressed", rename_all = "snake_case")]
pub enum Pressed {
    /// An inline button: the bot got a `callback_query` with this id.
    Callback {
        /// Id to ask `/sim/callbacks/{id}` about.
        callback_query_id: String,
    },
    /// A button of the reply keyboard: its label was sent as a message.
    Message {
        /// The message.
        message_id: i64,
    },
    /// A link button: the app would open this address.
    Link {
        /// The address.
        url: String,
    },
}

/// A callback query and how the bot answered it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackView {
    /// Id of the query.
    pub callback_query_id: String,
    /// The button's data.
    pub data: String,
    /// Whether the bot answered.
    pub answered: bool,
    /// The text of the toast or alert, if the bot gave one.
    pub text: Option<String>,
    /// Whether the text is an alert that must be dismissed.
    pub show_alert: bool,
}

/// One chat as the person sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatView {
    /// The chat.
    pub chat_id: i64,
    /// The bot that was asked for.
    pub bot_id: i64,
    /// Whether the person has pressed Start.
    pub started: bool,
    /// Whether the person has blocked the bot.
    pub blocked: bool,
    /// Rises with every change of this chat.
    pub revision: u64,
    /// What the bot is doing, such as `typing`, while it lasts (5 s).
    pub action: Option<String>,
    /// Labels of the reply keyboard by row; empty when there is none.
    pub reply_keyboard: Vec<Vec<String>>,
    /// The bot's commands in the person's language.
    pub commands: Vec<CommandView>,
    /// Messages, oldest first; deleted ones are gone.
    pub messages: Vec<MessageView>,
    /// Answers to pressed buttons, oldest first.
    pub callbacks: Vec<CallbackView>,
}

/// A command in the bot's menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandView {
    /// Without the slash.
    pub command: String,
    /// What it does.
    pub description: String,
}

/// One message as the person sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageView {
    /// Id in its chat.
    pub message_id: i64,
    /// Who wrote it: a bot's id or a person's.
    pub from_id: i64,
    /// Whether a bot wrote it.
    pub from_bot: bool,
    /// Text without markup.
    pub text: String,
    /// Formatting, as the Bot API's `MessageEntity`.
    pub entities: Vec<Value>,
    /// When it was sent, microseconds since 1970.
    pub sent_unix_us: i64,
    /// When it was last edited.
    pub edited_unix_us: Option<i64>,
    /// Inline buttons by row.
    pub inline_keyboard: Vec<Vec<ButtonView>>,
}

/// One inline button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ButtonView {
    /// Label.
    pub text: String,
    /// Callback data of a callback button.
    pub data: Option<String>,
    /// Address of a link or Mini App button.
    pub url: Option<String>,
}

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
    /// The text as it was given, markup included; cut after 8192 characters.
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
    /// The fault that was applied, as in [`FaultKind::name`].
    pub fault: Option<String>,
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
            Self::Status { .. } => "status",
            Self::AfterAcceptance502 => "after_acceptance_502",
        }
    }
}
