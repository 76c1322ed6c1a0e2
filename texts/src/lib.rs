//! What people read: every sentence, in every language, from the Fluent files in
//! `locales/`. Notices are rendered when they are sent, in their reader's language
//! and zone.

mod bundle;
mod calendars;
mod clocks;
mod dates;
mod labels;
mod notices;
mod reasons;
mod screens;
mod times;
mod zones;

pub use calendars::{calendar_name, calendar_summary};
pub use clocks::{day_name, offset_name};
pub use dates::{clock, days, hours, month, read_days, weekdays};
pub use labels::{
    Audience, COMMANDS, Command, Label, SettingsLabel, TEACHER_COMMANDS, TeachingLabel,
    booking::BookingLabel, lead_name, mutable_kind,
};
pub use notices::{Format, Rendered, person_name, render};
pub use reasons::reason;
pub use screens::{
    DeliveryState, InvitingScreen, Screen, SeatState, SettingsNow, SettingsScreen, StatusNow,
    TeachingNote, TeachingScreen, TimeOffScreen, ZoneNow, booking::BookingScreen,
};
pub use times::{
    clocks, day, day_short, lesson_time, lesson_time_elsewhere, moment, moment_short, notice_span,
    week_title, weekday_short, zone_name,
};
pub use zones::{
    Change, Place, Zone, likely_zones, next_change, offsets, search_places, zones_by_clock,
};

/// A language that people can be written to in (VIT-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Russian.
    Ru,
    /// English.
    En,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::Ru, Self::En];

    /// The language of an IETF tag such as "ru" or "pt-br", if there is one for it.
    #[must_use]
    pub fn known(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// The language of an IETF tag; English for all that is not known, because more
    /// people read it than any other.
    #[must_use]
    pub fn from_tag(tag: &str) -> Self {
        Self::known(tag).unwrap_or(Self::En)
    }

    /// The tag: "ru" or "en".
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regional_tag_finds_its_language_and_an_unknown_one_falls_back() {
        assert_eq!(Language::from_tag("ru-RU"), Language::Ru);
        assert_eq!(Language::from_tag("EN_gb"), Language::En);
        assert_eq!(Language::from_tag("pt-br"), Language::En);
        assert_eq!(Language::from_tag(""), Language::En);
        assert_eq!(Language::known("russian"), None);
    }
}
