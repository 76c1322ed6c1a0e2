//! Buttons of the time zone and the settings, all written "s.…".

use std::{fmt, ops::RangeInclusive};

use olm_proto::notify::v1::LessonNoticeKind;
use texts::{Language, Zone};

use super::{
    NoButton,
    wire::{self, Field, Fields},
};

/// A screen that a button opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// All settings.
    Menu,
    /// The language.
    Language,
    /// The likely zones, by what their clocks show.
    Zone,
    /// To type a city.
    City,
    /// To send the location.
    Place,
    /// Every clock there is.
    Clock,
    /// The reminders.
    Leads,
    /// To type a lead of one's own.
    OwnLead,
    /// The quiet hours.
    Quiet,
    /// To type hours of one's own.
    OwnQuiet,
    /// What is told.
    Kinds,
    /// The name.
    Name,
}

impl Page {
    const ALL: [Self; 12] = [
        Self::Menu,
        Self::Language,
        Self::Zone,
        Self::City,
        Self::Place,
        Self::Clock,
        Self::Leads,
        Self::OwnLead,
        Self::Quiet,
        Self::OwnQuiet,
        Self::Kinds,
        Self::Name,
    ];

    fn tag(self) -> &'static str {
        match self {
            Self::Menu => "menu",
            Self::Language => "language",
            Self::Zone => "zone",
            Self::City => "city",
            Self::Place => "place",
            Self::Clock => "clock",
            Self::Leads => "leads",
            Self::OwnLead => "own_lead",
            Self::Quiet => "quiet",
            Self::OwnQuiet => "own_quiet",
            Self::Kinds => "kinds",
            Self::Name => "name",
        }
    }
}

/// How many minutes before a lesson a reminder comes: a minute to 14 days (`ReminderLeads` of
/// the contract).
pub const LEADS: RangeInclusive<i64> = 1..=14 * 24 * 60;
/// Minutes ahead of UTC; no clock is a day from it.
const OFFSETS: RangeInclusive<i64> = -24 * 60..=24 * 60;

/// Minutes after midnight at which quiet hours begin and end.
pub type QuietMinutes = (i64, i64);

/// A button of the settings. What changes one carries the version of the person that it was
/// drawn for, and what is to be rather than "the other": pressed twice it does it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settings {
    /// Shows a screen.
    Open(Page),
    /// Shows cities whose clock is so far from UTC now. Not what it shows: that is another
    /// hour by the time the button is pressed.
    Clock {
        /// Minutes ahead of UTC.
        offset: i64,
    },
    /// Chooses the language.
    Language {
        /// The person's version.
        version: i64,
        /// The language.
        language: Language,
    },
    /// Chooses the zone.
    Zone {
        /// The person's version.
        version: i64,
        /// The zone.
        zone: Zone,
    },
    /// Chooses the zone, and what becomes of a teacher's hours of work.
    ZoneAndRules {
        /// The person's version.
        version: i64,
        /// The zone.
        zone: Zone,
        /// Whether the hours keep their wall clock and move along.
        moves: bool,
    },
    /// Switches a reminder on or off.
    Lead {
        /// The person's version.
        version: i64,
        /// How long before the lesson.
        minutes: i64,
        /// Whether it is to come.
        on: bool,
    },
    /// Sets the quiet hours, or none.
    Quiet {
        /// The person's version.
        version: i64,
        /// The hours.
        hours: Option<QuietMinutes>,
    },
    /// Switches a kind of notice on or off.
    Kind {
        /// The person's version.
        version: i64,
        /// The kind.
        kind: LessonNoticeKind,
        /// Whether it is to be told.
        on: bool,
    },
}

impl Settings {
    /// Whether pressing it changes something, or is to.
    #[must_use]
    pub fn changes(self) -> bool {
        match self {
            Self::Open(_) | Self::Clock { .. } => false,
            Self::Language { .. }
            | Self::Zone { .. }
            | Self::ZoneAndRules { .. }
            | Self::Lead { .. }
            | Self::Quiet { .. }
            | Self::Kind { .. } => true,
        }
    }

    /// The button's name, for logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open(_) => "settings_open",
            Self::Clock { .. } => "settings_clock",
            Self::Language { .. } => "settings_language",
            Self::Zone { .. } => "settings_zone",
            Self::ZoneAndRules { .. } => "settings_zone_and_rules",
            Self::Lead { .. } => "settings_lead",
            Self::Quiet { .. } => "settings_quiet",
            Self::Kind { .. } => "settings_kind",
        }
    }

    /// Reads the button of a kind that begins with "s.".
    pub(super) fn read(kind: &str, fields: &mut Fields<'_>) -> Result<Self, NoButton> {
        Ok(match kind {
            "s.o" => {
                let tag = fields.text()?;
                let page = Page::ALL.into_iter().find(|page| page.tag() == tag);
                Self::Open(page.ok_or(NoButton)?)
            }
            "s.c" => Self::Clock {
                offset: fields.within(&OFFSETS)?,
            },
            "s.g" => Self::Language {
                version: fields.version()?,
                language: Language::known(fields.text()?).ok_or(NoButton)?,
            },
            "s.z" => Self::Zone {
                version: fields.version()?,
                zone: zone(fields)?,
            },
            "s.r" => Self::ZoneAndRules {
                version: fields.version()?,
                zone: zone(fields)?,
                moves: flag(fields)?,
            },
            "s.l" => Self::Lead {
                version: fields.version()?,
                minutes: fields.within(&LEADS)?,
                on: flag(fields)?,
            },
            "s.n" => Self::Quiet {
                version: fields.version()?,
                hours: None,
            },
            "s.q" => Self::Quiet {
                version: fields.version()?,
                hours: Some((minutes(fields)?, minutes(fields)?)),
            },
            "s.k" => Self::Kind {
                version: fields.version()?,
                kind: notice_kind(fields)?,
                on: flag(fields)?,
            },
            _ => return Err(NoButton),
        })
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Field::{Number, Text};
        let flag = |on: bool| Number(on.into());
        match *self {
            Self::Open(page) => wire::write(f, "s.o", &[Text(page.tag())]),
            Self::Clock { offset } => wire::write(f, "s.c", &[Number(offset)]),
            Self::Language { version, language } => {
                wire::write(f, "s.g", &[Number(version), Text(language.tag())])
            }
            Self::Zone { version, zone } => {
                wire::write(f, "s.z", &[Number(version), Text(zone.iana_name())])
            }
            Self::ZoneAndRules {
                version,
                zone,
                moves,
            } => {
                let fields = [Number(version), Text(zone.iana_name()), flag(moves)];
                wire::write(f, "s.r", &fields)
            }
            Self::Lead {
                version,
                minutes,
                on,
            } => wire::write(f, "s.l", &[Number(version), Number(minutes), flag(on)]),
            Self::Quiet {
                version,
                hours: None,
            } => wire::write(f, "s.n", &[Number(version)]),
            Self::Quiet {
                version,
                hours: Some((start, end)),
            } => wire::write(f, "s.q", &[Number(version), Number(start), Number(end)]),
            Self::Kind { version, kind, on } => {
                let kind = Number(i32::from(kind).into());
                wire::write(f, "s.k", &[Number(version), kind, flag(on)])
            }
        }
    }
}

fn zone(fields: &mut Fields<'_>) -> Result<Zone, NoButton> {
    Zone::named(fields.text()?).ok_or(NoButton)
}

fn flag(fields: &mut Fields<'_>) -> Result<bool, NoButton> {
    match fields.number()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(NoButton),
    }
}

fn minutes(fields: &mut Fields<'_>) -> Result<i64, NoButton> {
    fields.within(&(0..=24 * 60 - 1))
}

fn notice_kind(fields: &mut Fields<'_>) -> Result<LessonNoticeKind, NoButton> {
    let number = i32::try_from(fields.number()?).map_err(|_| NoButton)?;
    LessonNoticeKind::try_from(number).map_err(|_| NoButton)
}

#[cfg(test)]
mod tests {
    use super::{super::Button, *};

    #[test]
    fn every_button_of_the_settings_survives_the_round_trip_within_64_bytes() {
        let version = i64::MAX;
        let zones = Zone::all().flat_map(|zone| {
            [
                Settings::Zone { version, zone },
                Settings::ZoneAndRules {
                    version,
                    zone,
                    moves: true,
                },
            ]
        });
        let languages = Language::ALL.map(|language| Settings::Language { version, language });
        let others = [
            Settings::Clock { offset: -720 },
            Settings::Lead {
                version,
                minutes: 20_160,
                on: false,
            },
            Settings::Quiet {
                version,
                hours: None,
            },
            Settings::Quiet {
                version,
                hours: Some((1_320, 480)),
            },
            Settings::Kind {
                version,
                kind: LessonNoticeKind::ClockShifts,
                on: true,
            },
        ];
        let pages = Page::ALL.map(Settings::Open);
        for settings in pages
            .into_iter()
            .chain(languages)
            .chain(others)
            .chain(zones)
        {
            let button = Button::Settings(settings);
            let text = button.to_string();
            assert!(text.len() <= 64, "{text}");
            assert_eq!(text.parse(), Ok(button));
        }
    }

    #[test]
    fn what_no_button_of_the_settings_says_is_refused() {
        for text in [
            "s.o:attic",
            "s.c:noon",
            "s.q:1:0:1440",
            "s.g:1:pt",
            "s.z:1:Europe/Atlantis",
            "s.l:1:60:2",
            "s.l:1:0:1",
            "s.l:1:-60:1",
            "s.l:1:20161:1",
            "s.l:1:9223372036854775807:1",
            "s.l:-1:60:1",
            "s.c:1441",
            "s.c:-9223372036854775808",
            "s.k:1:99:1",
            "s.n:1:2",
            "s.w",
        ] {
            assert_eq!(text.parse::<Button>(), Err(NoButton), "{text}");
        }
    }
}
