//! The JSON of the controls under `/sim/`, shared by the server and [`crate::client::SimClient`].

mod faults;
mod ledger;
mod location;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use faults::{Chance, Fault, FaultKind, FaultPlan};
pub use ledger::{
    BotFigures, LedgerAnswer, LedgerEntry, LedgerPage, LedgerQuery, LimitKind, Violation,
};
pub use location::Location;

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
    /// Bots they have started already; no update tells of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub started_bot_ids: Vec<i64>,
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

    /// The same, with an open chat with this bot.
    #[must_use]
    pub fn who_started(mut self, bot_id: i64) -> Self {
        self.started_bot_ids.push(bot_id);
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
    /// Copies of updates that wait to be delivered once more.
    pub redelivery_count: usize,
}

/// An update to deliver once more, as Telegram does when it did not hear that the bot has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redelivery {
    /// One of the bot's last thousand.
    pub update_id: i64,
    /// How often, 1 to 100; each copy comes in an answer of its own.
    pub times: u32,
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// The text, 1 to 4096 UTF-16 units; empty with a location.
    #[serde(default)]
    pub text: String,
    /// A location, in place of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
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
    /// The update that tells a bot of it; absent when the bot does not want this kind.
    pub update_id: Option<i64>,
    /// When it was said, as [`LedgerEntry::received_mono_us`] counts.
    pub said_mono_us: u64,
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
        /// The update that tells the bot; absent when it does not want this kind.
        update_id: Option<i64>,
        /// When it was pressed, as [`LedgerEntry::received_mono_us`] counts.
        pressed_mono_us: u64,
    },
    /// A button of the reply keyboard: its label was sent as a message.
    Message {
        /// The message.
        message_id: i64,
        /// The update that tells the bot; absent when it does not want this kind.
        update_id: Option<i64>,
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
    /// Text, or a picture's caption, without markup.
    pub text: String,
    /// Where the picture can be fetched, such as `/sim/pictures/7`.
    pub photo: Option<String>,
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
