//! Time zones by IANA name, from the one zone database this program links (TMB-6):
//! what a machine has under `/usr/share/zoneinfo` decides nothing, so that every
//! replica agrees on when a wall-clock hour is.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of an IANA name in any case; `None` when there is none.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    ZONES
        .get(name)
        .ok()
        .filter(|zone| zone.iana_name().is_some())
}

/// A name as the zone database spells it; `None` when there is no such zone.
#[must_use]
pub fn canonical_name(name: &str) -> Option<String> {
    zone(name)?.iana_name().map(str::to_owned)
}

/// The names of all zones.
#[must_use]
pub fn names() -> Vec<String> {
    ZONES
        .available()
        .map(|name| name.as_str().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_the_database_does() {
        assert_eq!(
            canonical_name("europe/berlin").as_deref(),
            Some("Europe/Berlin")
        );
        assert_eq!(canonical_name("UTC").as_deref(), Some("UTC"));
    }

    #[test]
    fn what_is_no_zone_is_refused() {
        for name in [
            "",
            "Mars/Olympus",
            "localtime",
            "+03:00",
            "../etc/passwd",
            "Etc/Unknown",
        ] {
            assert_eq!(canonical_name(name), None, "{name}");
        }
    }

    #[test]
    fn the_database_is_linked_not_read_from_the_machine() {
        assert!(names().len() > 400);
    }
}
