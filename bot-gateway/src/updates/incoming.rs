//! An update as far as it is looked at before it is handled.

use serde_json::Value;
use teloxide::types::{Update, UpdateKind};

/// An update of a kind that the bot asks for.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) id: i64,
    /// Groups have ids below 0.
    pub(super) chat: i64,
    /// Who writes or presses; nobody where the update does not say.
    pub(super) person: Option<Person>,
    /// To acknowledge a pressed button by.
    pub(super) callback_id: Option<String>,
    /// As the conversation takes it. Boxed, because it is large.
    pub(super) update: Box<Update>,
}

/// Who writes or presses.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: i64,
    pub(super) language_code: String,
}

/// The id that every update has.
pub(super) fn id(update: &Value) -> Option<i64> {
    update.get("update_id").and_then(Value::as_i64)
}

impl Incoming {
    /// The bot talks to people alone.
    pub(super) fn is_private(&self) -> bool {
        self.chat > 0
    }

    /// `None` when its form is not known, or it is of no chat.
    pub(super) fn read(update: &Value) -> Option<Self> {
        // From text, because teloxide reads the kind of an update from text only: given a
        // value it takes every kind for one that it does not know.
        let parsed = serde_json::from_str::<Update>(&update.to_string()).ok()?;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "Telegram adds kinds; the bot asks for these two only"
        )]
        let (from, callback_id) = match &parsed.kind {
            UpdateKind::Message(message) => (message.from.as_ref(), None),
            UpdateKind::CallbackQuery(query) => (Some(&query.from), Some(query.id.0.clone())),
            _ => (None, None),
        };
        let person = from.map(|user| Person {
            id: i64::try_from(user.id.0).unwrap_or_default(),
            language_code: user.language_code.clone().unwrap_or_default(),
        });
        Some(Self {
            id: id(update)?,
            chat: parsed.chat()?.id.0,
            person,
            callback_id,
            update: Box::new(parsed),
        })
    }
}
