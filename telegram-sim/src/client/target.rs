//! Whose chat, and which button.

use crate::api::Person;

/// Whose chat: a person's private chat with the only bot, unless told otherwise.
///
/// Made from a [`Person`], or from their id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chat {
    pub(super) person: i64,
    pub(super) bot: Option<i64>,
    pub(super) group: Option<i64>,
}

impl Chat {
    /// With this bot; needed where there are several.
    #[must_use]
    pub fn with_bot(mut self, bot: i64) -> Self {
        self.bot = Some(bot);
        self
    }

    /// The same person in a group.
    #[must_use]
    pub fn in_group(mut self, group: i64) -> Self {
        self.group = Some(group);
        self
    }

    pub(super) fn query(self) -> Vec<(&'static str, String)> {
        let bot = self.bot.map(|id| ("bot_id", id.to_string()));
        let group = self.group.map(|id| ("chat_id", id.to_string()));
        bot.into_iter().chain(group).collect()
    }
}

impl From<i64> for Chat {
    fn from(person: i64) -> Self {
        Self {
            person,
            bot: None,
            group: None,
        }
    }
}

impl From<&Person> for Chat {
    fn from(person: &Person) -> Self {
        Self::from(person.id)
    }
}

/// Which button to press; the newest that fits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Button {
    pub(super) message_id: Option<i64>,
    pub(super) data: Option<String>,
    pub(super) text: Option<String>,
}

impl Button {
    /// The one with this callback data.
    #[must_use]
    pub fn data(data: impl Into<String>) -> Self {
        Self {
            data: Some(data.into()),
            ..Self::default()
        }
    }

    /// The one with this label, inline or on the reply keyboard.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::default()
        }
    }

    /// Only under this message.
    #[must_use]
    pub fn on(mut self, message_id: i64) -> Self {
        self.message_id = Some(message_id);
        self
    }
}
