//! Whole years of series in every zone, against another implementation of RFC 5545 (`rrule`)
//! and another zone database (`chrono-tz`).

use chrono::{MappedLocalTime, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _};
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};

use super::super::Pattern;
use crate::{availability::format_minute, zones};

/// With days that a zone left out (`Pacific/Apia`), changes at midnight, of half an hour
/// (`Australia/Lord_Howe`), within a Ramadan (`Africa/Casablanca`), and of nobody.
const YEARS: [i16; 2] = [2011, 2024];
/// Around the hours at which clocks change.
const MINUTES: [i16; 5] = [0, 90, 120, 150, 1410];
const WEEKS: i16 = 53;

/// The wall clock of a weekly rule, expanded where no clock changes.
fn wall_clock(first: Date, minute: i16) -> Vec<NaiveDateTime> {
    let start = format!(
        "{}T{}00Z",
        first.strftime("%Y%m%d"),
        format_minute(minute).replace(':', "")
    );
    let rule = format!("DTSTART:{start}\nRRULE:FREQ=WEEKLY;INTERVAL=1;COUNT={WEEKS}");
    let rule: rrule::RRuleSet = rule.parse().unwrap();
    let dates = rule.all(u16::try_from(WEEKS).unwrap()).dates;
    dates.iter().map(chrono::DateTime::naive_utc).collect()
}

/// RFC 5545, 3.3.5: of two the first; where there is none, by the offset before the gap.
fn instant(zone: chrono_tz::Tz, wall: NaiveDateTime) -> i64 {
    let mut before = wall;
    loop {
        let offset = match zone.offset_from_local_datetime(&before) {
            MappedLocalTime::Single(offset) => offset,
            MappedLocalTime::Ambiguous(first, last) => {
                if before == wall {
                    first
                } else {
                    last
                }
            }
            MappedLocalTime::None => {
                before -= TimeDelta::minutes(1);
                continue;
            }
        };
        let offset = i64::from(offset.fix().local_minus_utc());
        return wall.and_utc().timestamp() - offset;
    }
}

/// Whether both databases have the same offsets in a year, and around it.
fn agree(ours: &jiff::tz::TimeZone, theirs: chrono_tz::Tz, year: i16) -> bool {
    let first = jiff::civil::date(year, 1, 1).to_zoned(jiff::tz::TimeZone::UTC);
    let first = first.unwrap().timestamp() - SignedDuration::from_hours(48);
    (0..390 * 24).all(|hour| {
        let at: Timestamp = first + SignedDuration::from_hours(hour);
        let utc = chrono::DateTime::from_timestamp(at.as_second(), 0).unwrap();
        let offset = theirs.offset_from_utc_datetime(&utc.naive_utc());
        offset.fix().local_minus_utc() == ours.to_offset(at).seconds()
    })
}

#[test]
fn a_year_of_a_series_in_every_zone_is_what_another_rfc_5545_and_zone_database_say() {
    let (mut compared, mut skipped) = (0, Vec::new());
    for year in YEARS {
        let mut rules = Vec::new();
        for day in 0..7 {
            let first_date = jiff::civil::date(year, 1, 1)
                .checked_add(day.days())
                .unwrap();
            for minute in MINUTES {
                rules.push((first_date, minute, wall_clock(first_date, minute)));
            }
        }
        for name in zones::names() {
            let Ok(theirs) = name.parse::<chrono_tz::Tz>() else {
                skipped.push(format!("{name} is unknown"));
                continue;
            };
            let zone = zones::zone(&name);
            let Some(zone) = zone.filter(|zone| agree(zone, theirs, year)) else {
                skipped.push(format!("{name} has other offsets in {year}"));
                continue;
            };
            for (first_date, start_minute, walls) in &rules {
                let pattern = Pattern {
                    zone: zone.clone(),
                    first_date: *first_date,
                    start_minute: *start_minute,
                    duration: SignedDuration::from_mins(60),
                    every_weeks: 1,
                };
                let ours: Vec<_> = pattern
                    .occurrences(0, WEEKS)
                    .map(|occurrence| occurrence.during.start.as_second())
                    .collect();
                let expected: Vec<_> = walls.iter().map(|wall| instant(theirs, *wall)).collect();
                assert_eq!(ours, expected, "{name} from {first_date} at {start_minute}");
                compared += 1;
            }
        }
    }
    assert!(compared > 2 * 400 * 35, "{compared}");
    assert!(skipped.len() <= 5, "{skipped:?}");
}
