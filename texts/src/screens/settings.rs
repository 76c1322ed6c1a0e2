//! Screens of the start, the time zone, the settings, and what the bot says of itself.

use crate::{
    Language,
    bundle::{Values, message},
};

/// A zone as its screens show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneNow<'a> {
    /// As [`crate::zone_name`] gives it.
    pub name: &'a str,
    /// As [`crate::offset_name`] gives it.
    pub offset: &'a str,
    /// What its clock shows.
    pub time: &'a str,
}

/// All settings in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingsNow<'a> {
    /// The reader's name.
    pub name: &'a str,
    /// The reader's zone.
    pub zone: ZoneNow<'a>,
    /// When reminders come, in words; empty: never.
    pub leads: &'a str,
    /// "22:00–08:00"; empty: none.
    pub quiet: &'a str,
    /// What is not told, in words; empty: everything is.
    pub muted: &'a str,
}

/// What the bot knows of its reader (VIT-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusNow<'a> {
    /// The reader's name.
    pub name: &'a str,
    /// Whether the reader teaches.
    pub is_teacher: bool,
    /// The reader's zone.
    pub zone: ZoneNow<'a>,
    /// The next lesson in one line; empty: none.
    pub next: &'a str,
    /// How many teachers the reader has.
    pub teachers: i64,
    /// How many students.
    pub students: i64,
    /// When reminders come, in words; empty: never.
    pub leads: &'a str,
    /// Whether the service answers; otherwise this is what it said last.
    pub answers: bool,
}

/// What the bot shows of a reader's own settings; texts come out as Telegram's HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsScreen<'a> {
    /// The first words to somebody new; the question for the zone follows.
    Hello {
        /// The reader's name.
        name: &'a str,
    },
    /// The first words to somebody known.
    WelcomeBack {
        /// The reader's name.
        name: &'a str,
        /// The next lesson in one line; empty: none.
        next: &'a str,
    },
    /// A lesson in one line.
    NextLesson {
        /// As [`crate::lesson_time`] gives it.
        when: &'a str,
        /// Who is on the other side.
        name: &'a str,
    },
    /// "What time is it for you now?", above the likely cities.
    AskZone,
    /// The same to somebody whose zone is known.
    AskOtherZone(ZoneNow<'a>),
    /// Asks for a city.
    AskCity,
    /// Above the cities that fit what was typed.
    WhichCity,
    /// No city fits.
    NoCity,
    /// Asks what the clock shows.
    AskClock,
    /// Above cities where the clock shows that.
    WhichClock {
        /// What it shows.
        time: &'a str,
        /// Whether the clocks of the cities part later in the year.
        part: bool,
    },
    /// Asks for the location.
    AskPlace {
        /// What stands on the button that sends it.
        button: &'a str,
    },
    /// No zone is known at that place.
    NoPlace,
    /// The zone is chosen.
    ZoneIs(ZoneNow<'a>),
    /// Which zone the location lies in; it is not chosen (yet).
    PlaceIs(ZoneNow<'a>),
    /// The answer came without the location.
    WithoutPlace,
    /// What becomes of a teacher's hours of work in another zone?
    AskRules {
        /// The zone chosen.
        zone: &'a str,
    },
    /// All settings.
    Menu(SettingsNow<'a>),
    /// Above all settings: they were changed elsewhere.
    Changed,
    /// Which language?
    AskLanguage,
    /// The language was chosen; above the settings, in that language.
    LanguageIs,
    /// When to remind?
    AskLeads,
    /// How long before the lesson, in words of one's own?
    AskOwnLead,
    /// That is no length of time between a minute and two weeks.
    NoLead,
    /// Five already.
    TooManyLeads,
    /// When not to remind?
    AskQuiet {
        /// "22:00–08:00"; empty: none.
        now: &'a str,
    },
    /// Which hours, in words of one's own?
    AskOwnQuiet,
    /// Those are no hours of a day.
    NoQuiet,
    /// What to tell?
    AskKinds,
    /// Which name?
    AskName {
        /// The name now.
        now: &'a str,
    },
    /// That cannot be a name.
    NoName,
    /// What the bot can do for a student.
    Help,
    /// What more it can do for a teacher.
    HelpTeacher,
    /// A command below them.
    HelpLine {
        /// Without its slash.
        command: &'a str,
        /// What it does.
        what: &'a str,
    },
    /// What the bot knows of its reader.
    Status(StatusNow<'a>),
    /// The question is taken back.
    Cancelled,
    /// There was none.
    NothingToCancel,
}

impl SettingsScreen<'_> {
    /// The screen's text, as Telegram's HTML.
    #[must_use]
    pub fn html(self, language: Language) -> String {
        let values = Values::default();
        let (id, values) = match self {
            Self::Hello { name } => ("settings-hello", values.html("name", name)),
            Self::WelcomeBack { name, next } => {
                let values = values.html("name", name).raw("next", next);
                ("settings-welcome-back", given(values, "has-next", next))
            }
            Self::NextLesson { when, name } => {
                let values = values.html("when", when).html("name", name);
                ("settings-next-lesson", values)
            }
            Self::AskOtherZone(now) => ("settings-ask-other-zone", zone(values, now)),
            Self::WhichClock { time, part } => {
                let id = if part {
                    "settings-which-clock-part"
                } else {
                    "settings-which-clock"
                };
                (id, values.html("time", time))
            }
            Self::AskPlace { button } => ("settings-ask-place", values.html("button", button)),
            Self::ZoneIs(now) => ("settings-zone-is", zone(values, now)),
            Self::PlaceIs(now) => ("settings-place-is", zone(values, now)),
            Self::WithoutPlace => ("settings-without-place", values),
            Self::AskRules { zone } => ("settings-ask-rules", values.html("zone", zone)),
            Self::Menu(now) => ("settings-menu", menu(values, now)),
            Self::AskQuiet { now } => {
                let values = given(values.html("now", now), "has-quiet", now);
                ("settings-ask-quiet", values)
            }
            Self::AskName { now } => ("settings-ask-name", values.html("now", now)),
            Self::Status(now) => ("settings-status", status(values, now)),
            Self::AskZone => ("settings-ask-zone", values),
            Self::AskCity => ("settings-ask-city", values),
            Self::WhichCity => ("settings-which-city", values),
            Self::NoCity => ("settings-no-city", values),
            Self::AskClock => ("settings-ask-clock", values),
            Self::NoPlace => ("settings-no-place", values),
            Self::Changed => ("settings-changed", values),
            Self::AskLanguage => ("settings-ask-language", values),
            Self::LanguageIs => ("settings-language-is", values),
            Self::AskLeads => ("settings-ask-leads", values),
            Self::AskOwnLead => ("settings-ask-own-lead", values),
            Self::NoLead => ("settings-no-lead", values),
            Self::TooManyLeads => ("settings-too-many-leads", values),
            Self::AskOwnQuiet => ("settings-ask-own-quiet", values),
            Self::NoQuiet => ("settings-no-quiet", values),
            Self::AskKinds => ("settings-ask-kinds", values),
            Self::NoName => ("settings-no-name", values),
            Self::Help => ("settings-help", values),
            Self::HelpTeacher => ("settings-help-teacher", values),
            Self::HelpLine { command, what } => (
                "settings-help-line",
                values.raw("command", command).raw("what", what),
            ),
            Self::Cancelled => ("settings-cancelled", values),
            Self::NothingToCancel => ("settings-nothing-to-cancel", values),
        };
        message(language, id, &values)
    }
}

/// Whether there is a text, as a number that a message can choose by.
fn given<'a>(values: Values<'a>, name: &'static str, text: &str) -> Values<'a> {
    values.number(name, i64::from(!text.is_empty()))
}

fn zone<'a>(values: Values<'a>, now: ZoneNow<'_>) -> Values<'a> {
    let values = values.html("zone", now.name).html("offset", now.offset);
    values.html("time", now.time)
}

fn menu<'a>(values: Values<'a>, now: SettingsNow<'_>) -> Values<'a> {
    let values = zone(values.html("name", now.name), now.zone);
    let values = given(values.html("leads", now.leads), "has-leads", now.leads);
    let values = given(values.html("quiet", now.quiet), "has-quiet", now.quiet);
    given(values.html("muted", now.muted), "has-muted", now.muted)
}

fn status<'a>(values: Values<'a>, now: StatusNow<'_>) -> Values<'a> {
    let values = zone(values.html("name", now.name), now.zone);
    let values = given(values.raw("next", now.next), "has-next", now.next);
    let values = given(values.html("leads", now.leads), "has-leads", now.leads);
    values
        .number("is-teacher", i64::from(now.is_teacher))
        .number("answers", i64::from(now.answers))
        .number("teachers", now.teachers)
        .number("students", now.students)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: ZoneNow<'_> = ZoneNow {
        name: "Москва",
        offset: "UTC+3",
        time: "14:35",
    };

    #[test]
    fn settings_that_are_off_are_said_to_be_off() {
        let now = SettingsNow {
            name: "<A>",
            zone: ZONE,
            leads: "",
            quiet: "",
            muted: "",
        };
        let off = SettingsScreen::Menu(now).html(Language::Ru);
        assert!(off.contains("&lt;A&gt;"), "{off}");
        assert!(off.contains("Напоминания: выключены"), "{off}");
        assert!(off.contains("Тихие часы: нет"), "{off}");
        let on = SettingsNow {
            leads: "за 1 час",
            quiet: "22:00–08:00",
            muted: "брони",
            ..now
        };
        let on = SettingsScreen::Menu(on).html(Language::Ru);
        for part in [
            "за 1 час",
            "22:00–08:00",
            "брони",
            "Москва (UTC+3), сейчас 14:35",
        ] {
            assert!(on.contains(part), "{on}");
        }
    }

    #[test]
    fn a_status_counts_with_the_right_plurals() {
        let now = StatusNow {
            name: "Anna",
            is_teacher: true,
            zone: ZONE,
            next: "",
            teachers: 1,
            students: 5,
            leads: "1 hour before",
            answers: true,
        };
        let ru = SettingsScreen::Status(now).html(Language::Ru);
        assert!(ru.contains("5 учеников"), "{ru}");
        let en = SettingsScreen::Status(now).html(Language::En);
        assert!(en.contains("1 teacher, 5 students"), "{en}");
        let student = StatusNow {
            is_teacher: false,
            ..now
        };
        let en = SettingsScreen::Status(student).html(Language::En);
        assert!(!en.contains("5 students"), "{en}");
    }
}
