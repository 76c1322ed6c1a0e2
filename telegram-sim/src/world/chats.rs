//! Chats and what is in them.

use std::collections::VecDeque;

use serde_json::Value;

use super::{World, pictures::Photo};
use crate::clock::Moment;

/// Messages kept per chat; the oldest are forgotten beyond it.
const MAX_MESSAGES: usize = 500;
/// Callback queries kept.
const MAX_CALLBACKS: usize = 20_000;

/// Which chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ChatKey {
    /// A person's chat with a bot; its id in the API is the person's.
    Private { bot: i64, person: i64 },
    /// A group, shared by all who are in it.
    Group(i64),
}

impl ChatKey {
    pub fn chat_id(self) -> i64 {
        match self {
            Self::Private { person, .. } => person,
            Self::Group(id) => id,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// The person wrote to the bot at least once.
    pub started: bool,
    pub blocked: bool,
    pub messages: VecDeque<Message>,
    /// The reply keyboard that is shown, as the bot gave it.
    pub keyboard: Option<Value>,
    /// What the bot is doing, and until when (monotonic).
    pub action: Option<(String, u64)>,
    pub revision: u64,
    pub next_message_id: i64,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    Bot(i64),
    Person(i64),
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub id: i64,
    pub author: Author,
    pub sent_unix_us: i64,
    pub edited_unix_us: Option<i64>,
    /// The text, or the caption of the picture.
    pub text: String,
    pub entities: Vec<Value>,
    pub photo: Option<Photo>,
    /// `{"inline_keyboard": …}`.
    pub inline_keyboard: Option<Value>,
}

/// A pressed button that waits for its answer, or got it.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    pub bot: i64,
    pub key: ChatKey,
    pub person: i64,
    pub data: String,
    pub asked: Moment,
    /// Text and whether it is an alert.
    pub answer: Option<(Option<String>, bool)>,
}

impl Conversation {
    pub fn message_mut(&mut self, id: i64) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.id == id)
    }

    pub fn push(&mut self, message: Message) {
        if self.messages.len() >= MAX_MESSAGES {
            self.messages.pop_front();
        }
        self.messages.push_back(message);
    }

    /// The labels of the reply keyboard by row.
    pub fn keyboard_labels(&self) -> Vec<Vec<String>> {
        let rows = self
            .keyboard
            .as_ref()
            .and_then(|keyboard| keyboard["keyboard"].as_array());
        rows.map(|rows| rows.iter().map(row_labels).collect())
            .unwrap_or_default()
    }
}

/// A reply button is a string or an object with `text`.
fn row_labels(row: &Value) -> Vec<String> {
    let buttons = row.as_array().map(Vec::as_slice).unwrap_or_default();
    buttons
        .iter()
        .filter_map(|button| button.as_str().or_else(|| button["text"].as_str()))
        .map(str::to_owned)
        .collect()
}

impl World {
    /// Remembers a pressed button and returns the query's number.
    pub fn add_callback(&mut self, callback: Callback) -> u64 {
        self.next_callback_id += 1;
        if self.callbacks.len() >= MAX_CALLBACKS {
            self.callbacks.pop_first();
        }
        self.callbacks.insert(self.next_callback_id, callback);
        self.next_callback_id
    }
}
