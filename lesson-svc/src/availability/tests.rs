use jiff::civil::date;

use super::*;

fn rule(weekday: Weekday, start: &str, end: &str) -> WeeklyRule {
    let start_minute = parse_minute(start, false).unwrap();
    let end_minute = parse_minute(end, true).unwrap();
    let overnight = if end_minute > start_minute {
        0
    } else {
        END_OF_DAY
    };
    WeeklyRule {
        weekday,
        interval: Interval {
            start_minute,
            end_minute: end_minute + overnight,
        },
        first_date: None,
        last_date: None,
    }
}

fn overlap(one: WeeklyRule, other: WeeklyRule) -> bool {
    assert_eq!(one.overlaps(&other), other.overlaps(&one));
    one.overlaps(&other)
}

#[test]
fn minutes_are_read_strictly() {
    assert_eq!(parse_minute("00:00", false), Some(0));
    assert_eq!(parse_minute("23:59", false), Some(1439));
    assert_eq!(parse_minute("24:00", true), Some(END_OF_DAY));
    for wrong in [
        "24:00", "9:00", "09:60", "0900", "09:00:00", "-1:00", "+9:00", "", "24:01", "ab:cd",
    ] {
        assert_eq!(parse_minute(wrong, false), None, "{wrong}");
    }
    assert_eq!(parse_minute("24:01", true), None);
}

#[test]
fn minutes_are_written_as_they_are_read() {
    for text in ["00:00", "09:05", "23:59", "24:00"] {
        assert_eq!(format_minute(parse_minute(text, true).unwrap()), text);
    }
    assert_eq!(format_minute(END_OF_DAY + 120), "02:00");
}

#[test]
fn dates_are_read_strictly() {
    assert_eq!(parse_date("2026-02-28"), Some(date(2026, 2, 28)));
    for wrong in [
        "2026-02-29",
        "2026-2-28",
        "20260228",
        "1969-12-31",
        "2026-02-28T00:00",
        "+2026-02-2",
        "",
        "2026-W09-6",
    ] {
        assert_eq!(parse_date(wrong), None, "{wrong}");
    }
}

#[test]
fn rules_that_only_touch_do_not_overlap() {
    use Weekday::{Monday, Tuesday};
    assert!(!overlap(
        rule(Monday, "00:00", "01:00"),
        rule(Monday, "01:00", "02:00")
    ));
    assert!(!overlap(
        rule(Monday, "00:00", "01:00"),
        rule(Tuesday, "00:00", "01:00")
    ));
    assert!(overlap(
        rule(Monday, "00:00", "01:01"),
        rule(Monday, "01:00", "02:00")
    ));
}

#[test]
fn a_night_overlaps_the_next_days_rule_over_the_end_of_the_week_too() {
    use Weekday::{Monday, Sunday, Tuesday, Wednesday};
    for (day, next) in [(Monday, Tuesday), (Sunday, Monday)] {
        let night = rule(day, "22:00", "02:00");
        assert!(overlap(night, rule(next, "01:59", "03:00")));
        assert!(!overlap(night, rule(next, "02:00", "03:00")));
        assert!(!overlap(night, rule(next, "22:00", "02:00")));
    }
    let whole = rule(Monday, "10:00", "10:00");
    assert!(overlap(whole, rule(Tuesday, "09:59", "11:00")));
    assert!(!overlap(whole, rule(Tuesday, "10:00", "10:00")));
    assert!(!overlap(whole, rule(Wednesday, "00:00", "24:00")));
}

#[test]
fn rules_of_other_dates_do_not_overlap() {
    use Weekday::{Monday, Sunday};
    let until = |rule: WeeklyRule, last| WeeklyRule {
        last_date: Some(last),
        ..rule
    };
    let from = |rule: WeeklyRule, first| WeeklyRule {
        first_date: Some(first),
        ..rule
    };
    let day = rule(Monday, "09:00", "17:00");
    assert!(!overlap(
        until(day, date(2026, 8, 30)),
        from(day, date(2026, 8, 31))
    ));
    assert!(overlap(
        until(day, date(2026, 8, 31)),
        from(day, date(2026, 8, 31))
    ));
    // 30 August 2026 is a Sunday: its night runs into the Monday.
    let (night, morning) = (
        rule(Sunday, "22:00", "02:00"),
        rule(Monday, "01:00", "03:00"),
    );
    assert!(overlap(
        until(night, date(2026, 8, 30)),
        from(morning, date(2026, 8, 31))
    ));
    assert!(!overlap(
        until(night, date(2026, 8, 30)),
        from(morning, date(2026, 9, 1))
    ));
    // The night's dates reach to the Monday, but it does not begin on Mondays.
    assert!(!overlap(
        until(night, date(2026, 8, 31)),
        from(morning, date(2026, 9, 1))
    ));
    assert!(!overlap(
        from(night, date(2026, 8, 31)),
        until(morning, date(2026, 8, 31))
    ));
}

#[test]
fn a_rule_begins_on_its_weekday_between_its_dates() {
    let mondays = WeeklyRule {
        first_date: Some(date(2026, 6, 8)),
        last_date: Some(date(2026, 6, 15)),
        ..rule(Weekday::Monday, "09:00", "10:00")
    };
    let begins: Vec<_> = (1..=28)
        .filter(|day| mondays.begins_on(date(2026, 6, *day)))
        .collect();
    assert_eq!(begins, [8, 15]);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn rule() -> impl Strategy<Value = WeeklyRule> {
        let bound = || prop::option::of(0..28_i32);
        (1..=7_i8, 0..1440_i16, 1..=1440_i16, bound(), bound()).prop_filter_map(
            "dates in order",
            |(day, start_minute, length, first, last)| {
                let on = |days: i32| date(2026, 6, 1).saturating_add(days.days());
                let (first_date, last_date) = (first.map(on), last.map(on));
                let ordered = first_date
                    .zip(last_date)
                    .is_none_or(|(first, last)| first <= last);
                ordered.then(|| WeeklyRule {
                    weekday: Weekday::from_monday_one_offset(day).unwrap(),
                    interval: Interval {
                        start_minute,
                        end_minute: start_minute + length,
                    },
                    first_date,
                    last_date,
                })
            },
        )
    }

    /// The minutes a rule covers, counted from 18 May 2026.
    fn minutes(rule: &WeeklyRule) -> Vec<std::ops::Range<i64>> {
        (0..60_i64)
            .filter(|day| rule.begins_on(date(2026, 5, 18).saturating_add(day.days())))
            .map(|day| {
                let minute = |minute: i16| day * 1440 + i64::from(minute);
                minute(rule.interval.start_minute)..minute(rule.interval.end_minute)
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn rules_overlap_exactly_when_they_share_a_minute_of_a_date(one in rule(), other in rule()) {
            let others = minutes(&other);
            let shared = minutes(&one).iter().any(|range| {
                others.iter().any(|other| range.start < other.end && other.start < range.end)
            });
            // Of one weekday, dates that overlap between two of its days count too.
            if one.weekday == other.weekday {
                prop_assert!(overlap(one, other) || !shared);
            } else {
                prop_assert_eq!(overlap(one, other), shared);
            }
        }
    }
}
