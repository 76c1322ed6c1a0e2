//! Scenario 1, over every zone and every change of 2024 to 2028: shifts of 30 minutes
//! and at midnight are among them.

use jiff::{civil::DateTime, tz::TimeZone};
use proptest::prelude::*;

use super::*;

const QUARTER: SignedDuration = SignedDuration::from_mins(15);

/// When the clock of a zone jumps; changes of the name alone are none.
fn changes(zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
    let end = at("2029-01-01T00:00:00Z");
    zone.following(at("2024-01-01T00:00:00Z"))
        .map(|change| change.timestamp())
        .take_while(move |change| *change < end)
        .filter(|change| shift_minutes(zone, *change) != 0)
}

fn slots(hours: &Hours, window: Stretch) -> Vec<Timestamp> {
    let policies = policies(15, 15);
    let calendar = Calendar::new(policies, hours, window, &Taken::default());
    calendar
        .offer(window.start)
        .slots(window, QUARTER)
        .map(|slot| slot.during.start)
        .collect()
}

/// Minutes that the clock goes forward at a change.
fn shift_minutes(zone: &TimeZone, change: Timestamp) -> i64 {
    let before = zone.to_offset(change - SignedDuration::from_secs(1));
    i64::from(zone.to_offset(change).seconds() - before.seconds()) / 60
}

#[test]
fn who_works_always_offers_every_quarter_of_an_hour_across_every_change() {
    let mut seen = 0;
    for name in zones::names() {
        let zone = zones::zone(&name).unwrap();
        let always = (1..=7).map(|day| rule(day, "00:00", "24:00")).collect();
        let hours = hours(&name, always);
        for change in changes(&zone) {
            seen += 1;
            let around = SignedDuration::from_hours(5);
            let window = Stretch {
                start: change - around,
                end: change + around,
            };
            let offered = slots(&hours, window);
            let expected: Vec<_> = (0..40).map(|step| window.start + QUARTER * step).collect();
            assert_eq!(offered, expected, "{name} {change}");
            let local: Vec<DateTime> = offered
                .iter()
                .map(|start| zone.to_datetime(*start))
                .collect();
            let wall = zone.to_datetime(change);
            let shift = shift_minutes(&zone, change);
            // What the clock skips is wall - shift to wall, what it doubles is wall to
            // wall + shift.
            let shown = |from: DateTime, minutes: i64| {
                let until = from + SignedDuration::from_mins(minutes);
                local
                    .iter()
                    .filter(|at| from <= **at && **at < until)
                    .count()
            };
            if shift > 0 {
                let skipped = wall - SignedDuration::from_mins(shift);
                assert_eq!(shown(skipped, shift), 0, "{name} {change}");
            } else {
                let doubled = usize::try_from(-shift / 15 * 2).unwrap();
                assert_eq!(shown(wall, -shift), doubled, "{name} {change}");
            }
        }
    }
    assert!(seen > 1_000, "{seen} changes");
}

#[test]
fn hours_around_a_change_are_as_long_as_the_change_makes_them() {
    for name in zones::names() {
        let zone = zones::zone(&name).unwrap();
        for change in changes(&zone) {
            // From an hour before the change for 150 minutes of the wall clock.
            let first = zone.to_datetime(change - SignedDuration::from_hours(1));
            let start_minute = i16::from(first.hour()) * 60 + i16::from(first.minute());
            let interval = Interval {
                start_minute,
                end_minute: start_minute + 150,
            };
            let mut hours = Hours::none(zone.clone());
            hours.overrides = vec![DateOverride {
                date: first.date(),
                intervals: vec![interval],
            }];
            let around = SignedDuration::from_hours(12);
            let window = Stretch {
                start: change - around,
                end: change + around,
            };
            let offered = slots(&hours, window);
            // Two hours are skipped at Troll, more than the hour and a half there is.
            let minutes = (150 - shift_minutes(&zone, change)).max(60);
            let count = i64::try_from(offered.len()).unwrap();
            assert_eq!(count * 15, minutes, "{name} {change}");
            let end = first + SignedDuration::from_mins(150);
            // The second pass of two doubled hours at Troll begins before the first.
            let first = first.min(zone.to_datetime(change));
            for start in &offered {
                let local = zone.to_datetime(*start);
                assert!(first <= local && local < end, "{name} {local}");
            }
        }
    }
}

#[test]
fn both_passes_of_a_doubled_time_can_be_booked() {
    for name in zones::names() {
        let zone = zones::zone(&name).unwrap();
        let always = (1..=7).map(|day| rule(day, "00:00", "24:00")).collect();
        let hours = hours(&name, always);
        for change in changes(&zone) {
            let shift = SignedDuration::from_mins(shift_minutes(&zone, change));
            if shift > SignedDuration::ZERO {
                continue;
            }
            let (first, second) = (change + shift, change);
            assert_eq!(zone.to_datetime(first), zone.to_datetime(second));
            let window = Stretch {
                start: first,
                end: second,
            };
            for (taken, other) in [(first, second), (second, first)] {
                let booked = Taken {
                    teacher_seats: vec![Stretch {
                        start: taken,
                        end: taken + QUARTER,
                    }],
                    ..Taken::default()
                };
                let calendar = Calendar::new(policies(15, 15), &hours, window, &booked);
                let offer = calendar.offer(change - SignedDuration::from_hours(9));
                assert_eq!(offer.bookable(taken, QUARTER), Err(Unbookable::SlotTaken));
                assert!(offer.bookable(other, QUARTER).is_ok(), "{name} {other}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Wall clock to instant and back, by RFC 5545: what exists is shown as it was
    /// written, the first pass of what is doubled; what is skipped is shown later by the
    /// length of the gap.
    #[test]
    fn an_interval_begins_when_the_clock_shows_its_start(
        name in prop::sample::select(zones::names()),
        day in 0..5 * 365_i64,
        start_minute in 0..1_440_i16,
        at_change in any::<bool>(),
    ) {
        let zone = zones::zone(&name).unwrap();
        let mut instant = at("2024-01-01T00:00:00Z") + SignedDuration::from_hours(24 * day);
        if at_change {
            instant = zone.following(instant).next().map_or(instant, |change| change.timestamp());
        }
        let date = zone.to_datetime(instant).date();
        let mut hours = Hours::none(zone.clone());
        hours.overrides = vec![DateOverride {
            date,
            intervals: vec![Interval { start_minute, end_minute: start_minute + 1_440 }],
        }];
        let around = SignedDuration::from_hours(72);
        let window = Stretch { start: instant - around, end: instant + around };
        let first = slots(&hours, window)[0];
        let wall = date.at(0, 0, 0, 0) + SignedDuration::from_mins(start_minute.into());
        let shown = zone.to_datetime(first);
        let ambiguous = zone.to_ambiguous_timestamp(wall);
        if let jiff::tz::AmbiguousOffset::Gap { before, after } = ambiguous.offset() {
            let gap = SignedDuration::from_secs((after.seconds() - before.seconds()).into());
            prop_assert_eq!(shown, wall + gap);
        } else {
            prop_assert_eq!(shown, wall);
            // Nothing earlier shows the same.
            let earlier = zone.to_datetime(first - SignedDuration::from_hours(1));
            prop_assert!(earlier < shown);
        }
    }
}
