//! Finding a zone by the clock on the wall.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::Offset};

use super::Zone;
use crate::Language;

/// How far ahead clocks are compared: over two changes of a year.
const AHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Zones that most readers of each language live in, the likeliest first; no two with one
/// clock among the first twelve.
const LIKELY: [(Language, &[&str]); 2] = [
    (
        Language::Ru,
        &[
            "Europe/Moscow",
            "Europe/Kaliningrad",
            "Europe/Samara",
            "Asia/Yekaterinburg",
            "Asia/Omsk",
            "Asia/Novosibirsk",
            "Asia/Irkutsk",
            "Asia/Yakutsk",
            "Asia/Vladivostok",
            "Asia/Magadan",
            "Asia/Kamchatka",
            "Europe/Berlin",
            "Europe/Minsk",
            "Asia/Almaty",
            "Asia/Tashkent",
            "Asia/Tbilisi",
            "Asia/Yerevan",
            "Asia/Baku",
            "Asia/Bishkek",
            "Asia/Krasnoyarsk",
            "Europe/Kyiv",
            "Europe/Chisinau",
            "Europe/Istanbul",
            "Asia/Jerusalem",
            "Europe/London",
            "Asia/Dubai",
            "America/New_York",
        ],
    ),
    (
        Language::En,
        &[
            "Europe/London",
            "Europe/Berlin",
            "Europe/Athens",
            "Europe/Istanbul",
            "Asia/Dubai",
            "Asia/Kolkata",
            "Asia/Singapore",
            "Asia/Tokyo",
            "America/New_York",
            "America/Chicago",
            "America/Denver",
            "America/Los_Angeles",
            "Australia/Sydney",
            "America/Sao_Paulo",
            "Europe/Dublin",
            "Europe/Paris",
            "Europe/Madrid",
            "Europe/Moscow",
            "America/Toronto",
            "America/Phoenix",
            "Asia/Bangkok",
            "Asia/Manila",
            "Africa/Lagos",
            "Africa/Johannesburg",
            "Pacific/Auckland",
        ],
    ),
];

/// The likely zones for a language, the likeliest first, with different clocks at `now`; at
/// most `most`.
#[must_use]
pub fn likely_zones(language: Language, now: Timestamp, most: usize) -> Vec<Zone> {
    let mut zones: Vec<Zone> = Vec::with_capacity(most);
    for zone in likely(language) {
        let is_new = !zones
            .iter()
            .any(|one| offset(*one, now) == offset(zone, now));
        if is_new && zones.len() < most {
            zones.push(zone);
        }
    }
    zones
}

/// Zones whose clock shows what somebody's clock shows at `now`, this many minutes after
/// midnight. A clock may go wrong by some minutes: the nearest time that any zone has counts.
/// The likely ones first, then one of each that goes on otherwise, then others; at most
/// `most`.
#[must_use]
pub fn zones_by_clock(minutes: i64, language: Language, now: Timestamp, most: usize) -> Vec<Zone> {
    let distance = |zone: Zone| {
        let local = (now.as_second() + i64::from(offset(zone, now).seconds())).div_euclid(60);
        let apart = (local - minutes).rem_euclid(24 * 60);
        apart.min(24 * 60 - apart)
    };
    let Some(nearest) = Zone::all().map(distance).min() else {
        return Vec::new();
    };
    let mut zones: Vec<Zone> = likely(language)
        .filter(|zone| distance(*zone) == nearest)
        .collect();
    let rest = || Zone::all().filter(|zone| distance(*zone) == nearest);
    let mut futures: Vec<_> = zones.iter().map(|zone| changes(*zone, now)).collect();
    for zone in rest() {
        let future = changes(zone, now);
        if !futures.contains(&future) {
            futures.push(future);
            zones.push(zone);
        }
    }
    for zone in rest() {
        if zones.len() >= most {
            break;
        }
        if !zones.contains(&zone) {
            zones.push(zone);
        }
    }
    zones.truncate(most);
    zones
}

/// Every distance from UTC that some zone's clock has at `now`, in minutes, the smallest
/// first.
#[must_use]
pub fn offsets(now: Timestamp) -> Vec<i64> {
    let offsets = Zone::all().map(|zone| i64::from(offset(zone, now).seconds()).div_euclid(60));
    offsets.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A change of a zone's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The day it happens on there.
    pub date: Date,
    /// The offset after it.
    pub offset: Offset,
}

/// The next change of the zone's clock, within a year.
#[must_use]
pub fn next_change(zone: Zone, now: Timestamp) -> Option<Change> {
    let (at, offset) = changes(zone, now).into_iter().next()?;
    let date = zone.time_zone().to_datetime(at).date();
    Some(Change { date, offset })
}

fn likely(language: Language) -> impl Iterator<Item = Zone> {
    let lists = LIKELY.iter().filter(move |(of, _)| *of == language);
    lists.flat_map(|(_, names)| names.iter().filter_map(|name| Zone::named(name)))
}

fn offset(zone: Zone, now: Timestamp) -> Offset {
    zone.time_zone().to_offset(now)
}

/// What happens to its clock within a year.
fn changes(zone: Zone, now: Timestamp) -> Vec<(Timestamp, Offset)> {
    let mut before = offset(zone, now);
    let zone = zone.time_zone();
    let mut changes = Vec::new();
    for transition in zone.following(now) {
        if transition.timestamp().duration_since(now) > AHEAD {
            break;
        }
        if transition.offset() != before {
            before = transition.offset();
            changes.push((transition.timestamp(), before));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMER: &str = "2026-07-01T10:20:00Z";
    const WINTER: &str = "2026-12-01T22:50:00Z";

    fn clock(zone: Zone, now: Timestamp) -> i64 {
        let at = now.to_zoned(zone.time_zone());
        i64::from(at.hour()) * 60 + i64::from(at.minute())
    }

    #[test]
    fn for_every_clock_there_is_a_zone_that_shows_it_and_no_other() {
        for now in [SUMMER, WINTER] {
            let now = now.parse().unwrap();
            let clocks: BTreeSet<_> = Zone::all().map(|zone| clock(zone, now)).collect();
            assert!(clocks.len() > 30);
            for shown in clocks {
                // A clock that goes wrong by some minutes means the same.
                for minutes in [shown, (shown + 6) % 1440, (shown + 1434) % 1440] {
                    for language in Language::ALL {
                        let zones = zones_by_clock(minutes, language, now, 12);
                        assert!(!zones.is_empty());
                        for zone in zones {
                            assert_eq!(clock(zone, now), shown, "{}", zone.iana_name());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn of_one_clock_the_likely_zones_come_first_and_no_other_future_is_left_out() {
        let now: Timestamp = WINTER.parse().unwrap();
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let zones = zones_by_clock(clock(berlin, now), Language::Ru, now, 12);
        assert_eq!(zones[0], berlin);
        let lagos = Zone::named("Africa/Lagos").unwrap();
        let stays = |zone: &Zone| next_change(*zone, now).is_none();
        assert!(stays(&lagos));
        assert!(zones.iter().any(stays), "{zones:?}");
        let change = next_change(berlin, now).unwrap();
        assert_eq!(change.date, jiff::civil::date(2027, 3, 28));
        assert_eq!(change.offset.seconds(), 7_200);
    }

    #[test]
    fn likely_zones_differ_by_their_clocks_and_all_exist() {
        for (language, names) in LIKELY {
            assert_eq!(likely(language).count(), names.len());
            for now in [SUMMER, WINTER] {
                let now = now.parse().unwrap();
                let zones = likely_zones(language, now, 12);
                assert_eq!(zones.len(), 12);
                let clocks: BTreeSet<_> = zones.iter().map(|zone| clock(*zone, now)).collect();
                assert_eq!(clocks.len(), 12);
            }
        }
    }
}
