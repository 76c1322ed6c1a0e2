//! The bot's screens, buttons and commands.

use crate::{
    Language,
    bundle::{Values, message},
};

/// What the bot shows; texts come out as Telegram's HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen<'a> {
    /// The first words after /start.
    Welcome {
        /// The reader's name.
        name: &'a str,
        /// The reader's zone, as [`crate::zone_name`] gives it.
        zone: &'a str,
    },
    /// What the bot can do.
    Help {
        /// The reader's zone.
        zone: &'a str,
    },
    /// The answer to what the bot does not understand.
    Unknown,
    /// Above a list of teachers.
    ChooseTeacher,
    /// Nobody teaches yet.
    NoTeachers,
    /// Above a teacher's free slots.
    Slots {
        /// The teacher's name.
        name: &'a str,
        /// The reader's zone.
        zone: &'a str,
    },
    /// A teacher without a free slot in the days shown.
    NoSlots {
        /// The teacher's name.
        name: &'a str,
    },
    /// The booking is done.
    Booked {
        /// The teacher's name.
        name: &'a str,
        /// As [`crate::lesson_time`] gives it.
        when: &'a str,
    },
    /// The teacher decides about the booking.
    Requested {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// Somebody was faster.
    SlotTaken {
        /// How many other slots are offered below.
        alternatives: usize,
    },
    /// The student has another lesson then.
    Busy,
    /// The teacher does not offer this slot any more.
    NotOffered,
    /// Inside the teacher's minimum notice, or past.
    TooSoon,
    /// Beyond the teacher's horizon.
    TooFar,
    /// A teacher cannot be their own student.
    SelfBooking,
    /// Only the teacher's own students may book.
    NotAccepting,
    /// The teacher's day is full.
    DayFull,
    /// Refused for a reason that has no words of its own.
    NotPossible,
    /// Above the list of lessons.
    Lessons,
    /// No lesson ahead.
    NoLessons,
    /// A line of the list, seen by the student.
    LessonWithTeacher {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// A line of the list, seen by the teacher.
    LessonWithStudent {
        /// The student's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// After a line: the teacher has not decided.
    LineRequested,
    /// After a line: kept while the student decides.
    LineHeld,
    /// Asks before cancelling.
    CancelAsk {
        /// The other side's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// The lesson is cancelled.
    Canceled {
        /// The other side's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// A button was drawn for an older version of the lesson.
    Changed {
        /// The other side's name.
        name: &'a str,
        /// The lesson's time now.
        when: &'a str,
    },
    /// It was cancelled before.
    AlreadyCanceled,
    /// The request was declined before.
    AlreadyDeclined,
    /// The request was confirmed before.
    AlreadyConfirmed {
        /// The student's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// The request, or the hold, ran out.
    Lapsed,
    /// A button was drawn for an older version of the request.
    RequestChanged {
        /// The student's name.
        name: &'a str,
        /// The lesson's time now.
        when: &'a str,
    },
    /// The teacher confirmed the request.
    Confirmed {
        /// The student's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// The teacher declined the request.
    Declined {
        /// The student's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// An invitation was accepted.
    Invited {
        /// The reader's name.
        name: &'a str,
        /// Who invited.
        teacher: &'a str,
    },
    /// An invitation of a teacher whose student the reader is already.
    StudentAlready {
        /// Who invited.
        teacher: &'a str,
    },
    /// No such invitation.
    InvitationUnknown,
    /// The invitation has run out.
    InvitationExpired,
    /// The teacher took it back.
    InvitationRevoked,
    /// Others accepted it.
    InvitationUsedUp,
    /// A teacher opened their own invitation.
    SelfInvitation,
    /// It has begun.
    AlreadyBegun,
    /// There is no such lesson for this reader.
    NoLesson,
    /// The zone is changed.
    ZoneSet {
        /// The zone now.
        zone: &'a str,
        /// The time there, for the reader to check.
        time: &'a str,
    },
    /// How to change the zone.
    ZoneUsage {
        /// The zone now.
        zone: &'a str,
    },
    /// No such zone.
    ZoneUnknown,
    /// The language is changed.
    LanguageSet,
    /// How to change the language.
    LanguageUsage,
    /// Somebody changed the settings at the same time.
    SettingsChanged,
    /// A button that means nothing any more.
    OldButton,
    /// server 1 cannot be reached (OLM-5).
    Unavailable,
    /// A fault of ours.
    Failed,
}

impl Screen<'_> {
    /// The screen's text, as Telegram's HTML.
    #[must_use]
    pub fn html(self, language: Language) -> String {
        message(language, self.id(), &self.values(language))
    }

    fn id(self) -> &'static str {
        match self {
            Self::Welcome { .. } => "screen-welcome",
            Self::Help { .. } => "screen-help",
            Self::Unknown => "screen-unknown",
            Self::ChooseTeacher => "screen-choose-teacher",
            Self::NoTeachers => "screen-no-teachers",
            Self::Slots { .. } => "screen-slots",
            Self::NoSlots { .. } => "screen-no-slots",
            Self::Booked { .. } => "screen-booked",
            Self::Requested { .. } => "screen-requested",
            Self::SlotTaken { .. } => "screen-slot-taken",
            Self::Busy => "screen-busy",
            Self::NotOffered => "screen-not-offered",
            Self::TooSoon => "screen-too-soon",
            Self::TooFar => "screen-too-far",
            Self::SelfBooking => "screen-self-booking",
            Self::NotAccepting => "screen-not-accepting",
            Self::DayFull => "screen-day-full",
            Self::NotPossible => "screen-not-possible",
            Self::Lessons => "screen-lessons",
            Self::NoLessons => "screen-no-lessons",
            Self::LessonWithTeacher { .. } => "screen-lesson-with-teacher",
            Self::LessonWithStudent { .. } => "screen-lesson-with-student",
            Self::LineRequested => "screen-line-requested",
            Self::LineHeld => "screen-line-held",
            Self::CancelAsk { .. } => "screen-cancel-ask",
            Self::Canceled { .. } => "screen-canceled",
            Self::Changed { .. } => "screen-changed",
            Self::AlreadyCanceled => "screen-already-canceled",
            Self::AlreadyDeclined => "screen-already-declined",
            Self::AlreadyConfirmed { .. } => "screen-already-confirmed",
            Self::Lapsed => "screen-lapsed",
            Self::RequestChanged { .. } => "screen-request-changed",
            Self::Confirmed { .. } => "screen-confirmed",
            Self::Declined { .. } => "screen-declined",
            Self::Invited { .. } => "screen-invited",
            Self::StudentAlready { .. } => "screen-student-already",
            Self::InvitationUnknown => "screen-invitation-unknown",
            Self::InvitationExpired => "screen-invitation-expired",
            Self::InvitationRevoked => "screen-invitation-revoked",
            Self::InvitationUsedUp => "screen-invitation-used-up",
            Self::SelfInvitation => "screen-self-invitation",
            Self::AlreadyBegun => "screen-already-begun",
            Self::NoLesson => "screen-no-lesson",
            Self::ZoneSet { .. } => "screen-zone-set",
            Self::ZoneUsage { .. } => "screen-zone-usage",
            Self::ZoneUnknown => "screen-zone-unknown",
            Self::LanguageSet => "screen-language-set",
            Self::LanguageUsage => "screen-language-usage",
            Self::SettingsChanged => "screen-settings-changed",
            Self::OldButton => "screen-old-button",
            Self::Unavailable => "screen-unavailable",
            Self::Failed => "screen-failed",
        }
    }

    fn values(self, language: Language) -> Values<'static> {
        let values = Values::default();
        match self {
            Self::Welcome { name, zone } => values
                .html("name", name)
                .html("zone", zone)
                .html("schedule", &Label::Schedule.text(language))
                .html("lessons", &Label::Lessons.text(language)),
            Self::Slots { name, zone } => values.html("name", name).html("zone", zone),
            Self::Help { zone } | Self::ZoneUsage { zone } => values.html("zone", zone),
            Self::NoSlots { name } => values.html("name", name),
            Self::ZoneSet { zone, time } => values.html("zone", zone).html("time", time),
            Self::SlotTaken { alternatives } => values.number(
                "alternatives",
                i64::try_from(alternatives).unwrap_or(i64::MAX),
            ),
            Self::Invited { name, teacher } => values.html("name", name).html("teacher", teacher),
            Self::StudentAlready { teacher } => values.html("teacher", teacher),
            Self::Booked { name, when }
            | Self::Requested { name, when }
            | Self::AlreadyConfirmed { name, when }
            | Self::RequestChanged { name, when }
            | Self::Confirmed { name, when }
            | Self::Declined { name, when }
            | Self::LessonWithTeacher { name, when }
            | Self::LessonWithStudent { name, when }
            | Self::CancelAsk { name, when }
            | Self::Canceled { name, when }
            | Self::Changed { name, when } => values.html("name", name).html("when", when),
            Self::Unknown
            | Self::ChooseTeacher
            | Self::NoTeachers
            | Self::Busy
            | Self::NotOffered
            | Self::TooSoon
            | Self::TooFar
            | Self::SelfBooking
            | Self::NotAccepting
            | Self::DayFull
            | Self::NotPossible
            | Self::LineRequested
            | Self::LineHeld
            | Self::AlreadyDeclined
            | Self::Lapsed
            | Self::InvitationUnknown
            | Self::InvitationExpired
            | Self::InvitationRevoked
            | Self::InvitationUsedUp
            | Self::SelfInvitation
            | Self::Lessons
            | Self::NoLessons
            | Self::AlreadyCanceled
            | Self::AlreadyBegun
            | Self::NoLesson
            | Self::ZoneUnknown
            | Self::LanguageSet
            | Self::LanguageUsage
            | Self::SettingsChanged
            | Self::OldButton
            | Self::Unavailable
            | Self::Failed => values,
        }
    }
}

/// What stands on a button; no markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label<'a> {
    /// Opens the schedule (OLM-9).
    Schedule,
    /// Opens the reader's lessons.
    Lessons,
    /// Shows later slots.
    More,
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
}

impl Label<'_> {
    /// The label's text.
    #[must_use]
    pub fn text(self, language: Language) -> String {
        let values = Values::default();
        match self {
            Self::Schedule => message(language, "label-schedule", &values),
            Self::Lessons => message(language, "label-lessons", &values),
            Self::More => message(language, "label-more", &values),
            Self::Cancel { time } => message(language, "label-cancel", &values.raw("time", time)),
            Self::Confirm => message(language, "label-confirm", &values),
            Self::Decline => message(language, "label-decline", &values),
            Self::CancelYes => message(language, "label-cancel-yes", &values),
            Self::CancelNo => message(language, "label-cancel-no", &values),
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
    /// /zone
    Zone,
    /// /language
    Language,
    /// /help
    Help,
}

/// Every command, in the order of the menu.
pub const COMMANDS: [Command; 6] = [
    Command::Schedule,
    Command::Lessons,
    Command::Zone,
    Command::Language,
    Command::Help,
    Command::Start,
];

impl Command {
    /// The command without its slash; the same in every language.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Schedule => "schedule",
            Self::Lessons => "lessons",
            Self::Zone => "zone",
            Self::Language => "language",
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
            for command in COMMANDS {
                let text = command.description(language);
                assert!(!text.starts_with("command-"), "{text}");
            }
        }
    }

    #[test]
    fn a_screen_without_alternatives_says_where_to_look() {
        let none = Screen::SlotTaken { alternatives: 0 }.html(Language::En);
        assert!(none.contains("/schedule"), "{none}");
        let some = Screen::SlotTaken { alternatives: 3 }.html(Language::En);
        assert!(some.contains("nearest"), "{some}");
    }

    #[test]
    fn a_name_full_of_markup_greets_as_it_is_written() {
        let screen = Screen::Welcome {
            name: "<i>A&B</i>",
            zone: "UTC+1",
        };
        let text = screen.html(Language::Ru);
        assert!(text.contains("&lt;i&gt;A&amp;B&lt;/i&gt;! 👋"), "{text}");
        assert!(text.contains("«📅 Расписание»"), "{text}");
    }
}
