//! An update as the conversation sees it.

use teloxide::types::{CallbackQuery, MaybeInaccessibleMessage, Message, Update, UpdateKind, User};
use texts::{
    COMMANDS, Command, Label, Language, SettingsLabel, TEACHER_COMMANDS, TeachingLabel, Zone,
};
use uuid::Uuid;

use crate::{buttons::Button, memory::Question, updates};

/// Who asks for what, and where the answer goes.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) chat: i64,
    pub(super) telegram_user_id: i64,
    pub(super) display_name: String,
    pub(super) language_code: &'a str,
    /// From Telegram; used only while the person's own setting cannot be asked for.
    pub(super) language: Language,
    /// The message whose button was pressed.
    pub(super) message_id: Option<i32>,
    /// Made of this very update: a change that it asks for happens once, however often the
    /// update is given out. Another press of the same button has another.
    pub(super) update_id: Uuid,
    pub(super) action: Action<'a>,
}

/// What a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action<'a> {
    /// A command, or the button below the text field that stands for it.
    Command(Command, &'a str),
    /// A button of a message; the id makes its effect happen once.
    Pressed(Button, Uuid),
    /// A button that this version of the bot does not know.
    OldButton,
    /// A text that is neither; perhaps the answer to a question.
    Text(&'a str),
    /// A location, by its zone; the place itself is forgotten.
    Place(Option<Zone>),
    /// Anything else.
    Unknown,
}

impl Action<'_> {
    /// A name for logs: never what was written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Command(command, _) => command.name(),
            Self::Pressed(button, _) => button.name(),
            Self::OldButton => "old_button",
            Self::Text(_) => "text",
            Self::Place(_) => "location",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the person means to change something by it, with `question` asked before.
    pub(super) fn is_to_change(self, question: Option<&Question>) -> bool {
        match self {
            Self::Command(command, argument) => {
                matches!(command, Command::Zone | Command::Language) && !argument.is_empty()
            }
            Self::Pressed(button, _) => button.changes(),
            Self::Text(_) | Self::Place(_) => match question {
                None | Some(Question::TeacherSearch | Question::DaysOff) => false,
                Some(
                    Question::Reason { .. }
                    | Question::Zone(_)
                    | Question::Place(_)
                    | Question::Lead
                    | Question::QuietHours
                    | Question::Name,
                ) => true,
            },
            Self::OldButton | Self::Unknown => false,
        }
    }
}

impl<'a> Request<'a> {
    /// `None` for updates the bot has nothing to say to: groups, channels, bots.
    pub(super) fn from_update(update: &'a Update, bot_id: i64) -> Option<Self> {
        let update_id = updates::request_id_of_update(bot_id, update.id.0);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "Telegram adds kinds; the poll asks for these two only"
        )]
        match &update.kind {
            UpdateKind::Message(message) => Self::from_message(message, update_id),
            UpdateKind::CallbackQuery(query) => Self::from_query(query, bot_id, update_id),
            _ => None,
        }
    }

    fn from_message(message: &'a Message, update_id: Uuid) -> Option<Self> {
        let from = message.from.as_ref()?;
        if !message.chat.is_private() || from.is_bot {
            return None;
        }
        let action = message.text().map_or(Action::Unknown, read);
        Some(Self::new(message.chat.id.0, from, update_id, action))
    }

    fn from_query(query: &'a CallbackQuery, bot_id: i64, update_id: Uuid) -> Option<Self> {
        let message = query.message.as_ref()?;
        if !message.chat().is_private() {
            return None;
        }
        let (chat, message_id) = (message.chat().id.0, message.id().0);
        let data = query.data.as_deref().unwrap_or_default();
        let request_id = updates::request_id(bot_id, chat, message_id, date(message), data);
        let action = data.parse().map_or(Action::OldButton, |button| {
            Action::Pressed(button, request_id)
        });
        Some(Self {
            message_id: Some(message_id),
            ..Self::new(chat, &query.from, update_id, action)
        })
    }

    fn new(chat: i64, from: &'a User, update_id: Uuid, action: Action<'a>) -> Self {
        let language_code = from.language_code.as_deref().unwrap_or_default();
        Self {
            chat,
            telegram_user_id: i64::try_from(from.id.0).unwrap_or_default(),
            display_name: from.full_name(),
            language_code,
            language: Language::from_tag(language_code),
            message_id: None,
            update_id,
            action,
        }
    }
}

/// Unix seconds; 0 for a message that Telegram shows no more.
fn date(message: &MaybeInaccessibleMessage) -> i64 {
    match message {
        MaybeInaccessibleMessage::Regular(message) => message.date.timestamp(),
        MaybeInaccessibleMessage::Inaccessible(_) => 0,
    }
}

/// Reads "/command@bot argument", or the text of a button below the text field in any
/// language.
fn read(text: &str) -> Action<'_> {
    for language in Language::ALL {
        let buttons = [
            (Label::Schedule.text(language), Command::Schedule),
            (Label::Lessons.text(language), Command::Lessons),
            (SettingsLabel::Settings.text(language), Command::Settings),
            (SettingsLabel::Cancel.text(language), Command::Cancel),
        ];
        if let Some((_, command)) = buttons.into_iter().find(|(label, _)| label == text) {
            return Action::Command(command, "");
        }
        if text == TeachingLabel::Agenda.text(language) {
            return Action::Command(Command::Agenda, "");
        }
    }
    if let Some(name) = updates::places::zone_name(text) {
        return Action::Place(Zone::named(name));
    }
    let Some(rest) = text.strip_prefix('/') else {
        return Action::Text(text);
    };
    let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let name = word.split('@').next().unwrap_or_default();
    COMMANDS
        .into_iter()
        .chain(TEACHER_COMMANDS)
        .find(|command| command.name().eq_ignore_ascii_case(name))
        .map_or(Action::Unknown, |command| {
            Action::Command(command, argument.trim())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_the_buttons_that_stand_for_them_are_read() {
        let schedule = Action::Command(Command::Schedule, "");
        for text in [
            "/schedule",
            "/schedule@lesson_bot",
            "📅 Расписание",
            "📅 Schedule",
            "/Schedule",
        ] {
            assert_eq!(read(text), schedule, "{text}");
        }
        let agenda = Action::Command(Command::Agenda, "");
        for text in ["/agenda", "🗓 Мой день", "🗓 My day"] {
            assert_eq!(read(text), agenda, "{text}");
        }
        let zone = Action::Command(Command::Zone, "Europe/Berlin");
        assert_eq!(read("/zone  Europe/Berlin "), zone);
        for text in ["/", "/nothing"] {
            assert_eq!(read(text), Action::Unknown, "{text}");
        }
        for text in ["", "schedule", "hello /start"] {
            assert_eq!(read(text), Action::Text(text), "{text}");
        }
    }
}
