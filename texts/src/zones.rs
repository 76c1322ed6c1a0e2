//! Time zones as people know them: by a city, in each language.

mod clocks;
mod search;

use std::{collections::HashMap, sync::LazyLock};

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::Language;

pub use clocks::{Change, likely_zones, next_change, offsets, zones_by_clock};
pub use search::{Place, search_places};

/// What a machine has under `/usr/share/zoneinfo` decides nothing, as in lesson-svc.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// See `locales/zones.py`.
static TABLE: LazyLock<Vec<Row>> =
    LazyLock::new(|| rows(include_str!("../locales/zones.tsv"), ' '));

/// Every name of a zone in lower case, and where it stands in the table.
static NAMES: LazyLock<HashMap<String, u16>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for (row, index) in TABLE.iter().zip(0..) {
        for name in std::iter::once(&row.zone).chain(&row.others) {
            names.insert(name.to_ascii_lowercase(), index);
        }
    }
    names
});

/// A line of a table: a zone and what it is called.
#[derive(Debug)]
struct Row {
    zone: &'static str,
    ru: &'static str,
    en: &'static str,
    others: Vec<&'static str>,
}

impl Row {
    fn city(&self, language: Language) -> &'static str {
        match language {
            Language::Ru => self.ru,
            Language::En => self.en,
        }
    }
}

fn rows(table: &'static str, between_others: char) -> Vec<Row> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &'static str| {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or_default();
        let (zone, ru, en, others) = (field(), field(), field(), field());
        let others = others.split(between_others).filter(|name| !name.is_empty());
        Row {
            zone,
            ru,
            en,
            others: others.collect(),
        }
    };
    lines.map(row).collect()
}

/// A time zone with a city.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Zone(u16);

impl Zone {
    /// Every zone, by its IANA name.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).map(Self).take(TABLE.len())
    }

    /// The zone of an IANA name, old or new, in any case. None of those that only name an
    /// offset, such as "UTC".
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.get(&name.to_ascii_lowercase()).copied().map(Self)
    }

    fn row(self) -> &'static Row {
        // Made here only, from places in the table.
        &TABLE[usize::from(self.0)]
    }

    /// Its IANA name, such as "Europe/Berlin".
    #[must_use]
    pub fn iana_name(self) -> &'static str {
        self.row().zone
    }

    /// The city that people know it by.
    #[must_use]
    pub fn city(self, language: Language) -> &'static str {
        self.row().city(language)
    }

    /// Its clock; UTC if the zone database that is linked does not know it, which the tests
    /// exclude.
    #[must_use]
    pub fn time_zone(self) -> TimeZone {
        DATABASE.get(self.iana_name()).unwrap_or(TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the zones that only name an offset.
    fn names_an_offset(name: &str) -> bool {
        let zone = DATABASE.get(name).unwrap();
        let fixed =
            zone.to_fixed_offset().is_ok() || zone.preceding(jiff::Timestamp::MAX).next().is_none();
        fixed && (name.starts_with("Etc/") || !name.contains('/'))
    }

    #[test]
    fn every_zone_of_the_database_has_a_city_in_both_languages() {
        let mut cities = 0;
        for name in DATABASE.available() {
            let name = name.as_str();
            let Some(zone) = Zone::named(name) else {
                assert!(names_an_offset(name), "{name}");
                continue;
            };
            cities += 1;
            for language in Language::ALL {
                assert!(!zone.city(language).is_empty(), "{name}");
            }
        }
        assert!(cities > 500, "{cities}");
    }

    #[test]
    fn every_zone_of_the_table_has_a_clock_and_is_found_by_any_of_its_names() {
        for zone in Zone::all() {
            let name = zone.iana_name();
            assert!(DATABASE.get(name).is_ok(), "{name}");
            assert_eq!(Zone::named(&name.to_uppercase()), Some(zone));
        }
        assert_eq!(Zone::named("Europe/Kiev"), Zone::named("Europe/Kyiv"));
        assert_eq!(Zone::named("Europe/Atlantis"), None);
        assert_eq!(Zone::named("UTC"), None);
    }
}
