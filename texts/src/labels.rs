//! What stands on the bot's buttons and in its menu.

pub(crate) mod booking;
mod settings;
mod teaching;

use crate::{
    Language,
    bundle::{Values, message},
};

pub use settings::{Audience, SettingsLabel, lead_name, mutable_kind};
pub use teaching::TeachingLabel;

/// What stands on a button; no markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label<'a> {
    /// Opens the schedule (OLM-9).
    Schedule,
    /// Opens the reader's lessons.
    Lessons,
    /// Cancels a lesson.
    Cancel {
        /// As [`crate::moment_short`] gives it.
        time: &'a str,
    },
    /// The teacher confirms a request.
    Confirm,
    /// The teacher declines a request.
    Decline,
    /// Yes, cancel it.
    CancelYes,
    /// No, keep it.
    CancelNo,
    /// Yes, withdraw the request.
    WithdrawYes,
    /// Yes, the time need not be kept.
    LetGoYes,
    /// No, the request stays, or the time is kept.
    LeaveIt,
    /// A student comes to the new time of a group's lesson.
    Keep,
    /// A student gives up their seat.
    GiveUp,
}

impl Label<'_> {
    /// The label's text.
    #[must_use]
    pub fn text(self, language: Language) -> String {
        let values = Values::default();
        match self {
            Self::Schedule => message(language, "label-schedule", &values),
            Self::Lessons => message(language, "label-lessons", &values),
            Self::Cancel { time } => message(language, "label-cancel", &values.raw("time", time)),
            Self::Confirm => message(language, "label-confirm", &values),
            Self::Decline => message(language, "label-decline", &values),
            Self::CancelYes => message(language, "label-cancel-yes", &values),
            Self::CancelNo => message(language, "label-cancel-no", &values),
            Self::WithdrawYes => message(language, "label-withdraw-yes", &values),
            Self::LetGoYes => message(language, "label-let-go-yes", &values),
            Self::LeaveIt => message(language, "label-leave-it", &values),
            Self::Keep => message(language, "label-keep", &values),
            Self::GiveUp => message(language, "label-give-up", &values),
        }
    }
}

/// A command of the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// /start
    Start,
    /// /schedule
    Schedule,
    /// /lessons
    Lessons,
    /// /agenda, for teachers
    Agenda,
    /// /invite, for teachers
    Invite,
    /// /zone
    Zone,
    /// /language
    Language,
    /// /settings
    Settings,
    /// /status
    Status,
    /// /cancel
    Cancel,
    /// /help
    Help,
}

/// Every command, in the order of the menu.
pub const COMMANDS: [Command; 9] = [
    Command::Schedule,
    Command::Lessons,
    Command::Settings,
    Command::Zone,
    Command::Language,
    Command::Status,
    Command::Cancel,
    Command::Help,
    Command::Start,
];

/// What teachers have besides, in the order of the menu.
pub const TEACHER_COMMANDS: [Command; 2] = [Command::Agenda, Command::Invite];

impl Command {
    /// The command without its slash; the same in every language.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Schedule => "schedule",
            Self::Lessons => "lessons",
            Self::Agenda => "agenda",
            Self::Invite => "invite",
            Self::Zone => "zone",
            Self::Language => "language",
            Self::Settings => "settings",
            Self::Status => "status",
            Self::Cancel => "cancel",
            Self::Help => "help",
        }
    }

    /// What the command does, for the menu.
    #[must_use]
    pub fn description(self, language: Language) -> String {
        message(
            language,
            &format!("command-{}", self.name()),
            &Values::default(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_button_is_the_one_of_the_requirements() {
        assert_eq!(Label::Schedule.text(Language::Ru), "📅 Расписание");
        assert_eq!(Label::Schedule.text(Language::En), "📅 Schedule");
    }

    #[test]
    fn every_command_has_a_description_in_every_language() {
        for language in Language::ALL {
            for command in COMMANDS.into_iter().chain(TEACHER_COMMANDS) {
                let text = command.description(language);
                assert!(!text.starts_with("command-"), "{text}");
            }
        }
    }
}
