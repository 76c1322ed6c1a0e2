//! What stands on the buttons of the time zone and the settings.

use olm_proto::notify::v1::LessonNoticeKind;

use crate::{
    Language,
    bundle::{Values, message},
};

/// What stands on a button; no markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsLabel<'a> {
    /// A likely city with its clock: "14:35 Москва".
    LikelyCity {
        /// What its clock shows.
        time: &'a str,
        /// The city.
        city: &'a str,
    },
    /// A city that was found: "Казань, 14:35 (UTC+3)".
    FoundCity {
        /// The city.
        city: &'a str,
        /// What its clock shows.
        time: &'a str,
        /// As [`crate::offset_name`] gives it.
        offset: &'a str,
    },
    /// A city whose clock changes: "Берлин, с 28 марта UTC+2".
    ChangingCity {
        /// The city.
        city: &'a str,
        /// As [`crate::day_name`] gives it.
        day: &'a str,
        /// The offset from then on.
        offset: &'a str,
    },
    /// To find the city by its name.
    ByCity,
    /// To find it by where the reader is.
    ByPlace,
    /// To find it by the clock.
    ByClock,
    /// Sends the location.
    SendPlace,
    /// Takes a question back; below the text field.
    Cancel,
    /// A teacher's hours of work stay the instants they are.
    KeepRules,
    /// They keep their wall clock and move along.
    MoveRules,
    /// Back to where the reader came from.
    Back,
    /// Opens the settings; also below the text field.
    Settings,
    /// Opens the language.
    Language,
    /// A language by its own name.
    LanguageName(Language),
    /// Opens the zone.
    Zone,
    /// Opens the reminders.
    Leads,
    /// Opens the quiet hours.
    Quiet,
    /// Opens what is told.
    Kinds,
    /// Opens the name.
    Name,
    /// Something that is on, to switch it off.
    On {
        /// What.
        what: &'a str,
    },
    /// Something that is off, to switch it on.
    Off {
        /// What.
        what: &'a str,
    },
    /// To type a lead of one's own.
    OwnLead,
    /// No quiet hours.
    NoQuiet,
    /// To type hours of one's own.
    OwnQuiet,
}

impl SettingsLabel<'_> {
    /// The label's text.
    #[must_use]
    pub fn text(self, language: Language) -> String {
        let values = Values::default();
        let (id, values) = match self {
            Self::LikelyCity { time, city } => {
                let values = values.raw("time", time).raw("city", city);
                ("settings-label-likely-city", values)
            }
            Self::FoundCity { city, time, offset } => {
                let values = values.raw("city", city).raw("time", time);
                ("settings-label-found-city", values.raw("offset", offset))
            }
            Self::ChangingCity { city, day, offset } => {
                let values = values.raw("city", city).raw("day", day);
                ("settings-label-changing-city", values.raw("offset", offset))
            }
            Self::On { what } => ("settings-label-on", values.raw("what", what)),
            Self::Off { what } => ("settings-label-off", values.raw("what", what)),
            Self::LanguageName(Language::Ru) => ("settings-label-ru", values),
            Self::LanguageName(Language::En) => ("settings-label-en", values),
            Self::ByCity => ("settings-label-by-city", values),
            Self::ByPlace => ("settings-label-by-place", values),
            Self::ByClock => ("settings-label-by-clock", values),
            Self::SendPlace => ("settings-label-send-place", values),
            Self::Cancel => ("settings-label-cancel", values),
            Self::KeepRules => ("settings-label-keep-rules", values),
            Self::MoveRules => ("settings-label-move-rules", values),
            Self::Back => ("settings-label-back", values),
            Self::Settings => ("settings-label-settings", values),
            Self::Language => ("settings-label-language", values),
            Self::Zone => ("settings-label-zone", values),
            Self::Leads => ("settings-label-leads", values),
            Self::Quiet => ("settings-label-quiet", values),
            Self::Kinds => ("settings-label-kinds", values),
            Self::Name => ("settings-label-name", values),
            Self::OwnLead => ("settings-label-own-lead", values),
            Self::NoQuiet => ("settings-label-no-quiet", values),
            Self::OwnQuiet => ("settings-label-own-quiet", values),
        };
        message(language, id, &values)
    }
}

/// A lead in words: "за 1 час", "1 hour before".
#[must_use]
pub fn lead_name(length: &str, language: Language) -> String {
    let values = Values::default().raw("length", length);
    message(language, "settings-lead", &values)
}

/// Whom a kind of notice is told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// To students, and to teachers.
    Both,
    /// To whoever learns.
    Students,
    /// To whoever teaches.
    Teachers,
}

/// A kind of notice that a person can do without, in words, and who gets it; `None` for those
/// without which people wait in vain (`MutedKinds` of the contract).
#[must_use]
pub fn mutable_kind(kind: LessonNoticeKind, language: Language) -> Option<(String, Audience)> {
    use LessonNoticeKind as Kind;
    let (id, audience) = match kind {
        Kind::Booked => ("settings-kind-booked", Audience::Both),
        Kind::Reminder => ("settings-kind-reminder", Audience::Both),
        Kind::Requested => ("settings-kind-requested", Audience::Both),
        Kind::Lapsed => ("settings-kind-lapsed", Audience::Both),
        Kind::SeriesBooked => ("settings-kind-series-booked", Audience::Both),
        Kind::ClockShifts => ("settings-kind-clock-shifts", Audience::Both),
        Kind::Confirmed => ("settings-kind-confirmed", Audience::Students),
        Kind::Declined => ("settings-kind-declined", Audience::Students),
        Kind::StudentUnreachable => ("settings-kind-student-unreachable", Audience::Teachers),
        Kind::StudentLeft => ("settings-kind-student-left", Audience::Teachers),
        Kind::SeriesSkipped => ("settings-kind-series-skipped", Audience::Teachers),
        Kind::Unspecified
        | Kind::Canceled
        | Kind::Moved
        | Kind::PlaceChanged
        | Kind::Reconfirm
        | Kind::SeatFreed
        | Kind::SeriesChanged
        | Kind::SeriesCanceled => return None,
    };
    Some((message(language, id, &Values::default()), audience))
}
