mod oracle;

use jiff::civil::date;

use super::*;
use crate::zones;

fn pattern(zone: &str, first_date: Date, start_minute: i16) -> Pattern {
    Pattern {
        zone: zones::zone(zone).unwrap(),
        first_date,
        start_minute,
        duration: SignedDuration::from_mins(60),
        every_weeks: 1,
    }
}

fn starts(pattern: &Pattern, count: i16) -> Vec<String> {
    let occurrences = pattern.occurrences(0, count);
    occurrences
        .map(|occurrence| occurrence.during.start.to_string())
        .collect()
}

#[test]
fn an_hour_of_the_wall_clock_stays_that_hour_when_clocks_change() {
    let berlin = pattern("Europe/Berlin", date(2026, 10, 19), 10 * 60);
    assert_eq!(
        starts(&berlin, 3),
        [
            "2026-10-19T08:00:00Z",
            "2026-10-26T09:00:00Z",
            "2026-11-02T09:00:00Z"
        ]
    );
}

#[test]
fn an_hour_that_is_left_out_comes_later_and_one_that_comes_twice_is_the_first() {
    // 02:30 on 29 March does not exist, on 25 October it is there twice.
    let spring = pattern("Europe/Berlin", date(2026, 3, 29), 150);
    let first = spring.occurrence(0).unwrap();
    assert_eq!(first.hour, Hour::Gap);
    assert_eq!(first.during.start.to_string(), "2026-03-29T01:30:00Z");
    assert_eq!(
        first.during.end.duration_since(first.during.start),
        spring.duration
    );
    assert_eq!(spring.occurrence(1).unwrap().hour, Hour::Once);
    let autumn = pattern("Europe/Berlin", date(2026, 10, 25), 150);
    let first = autumn.occurrence(0).unwrap();
    assert_eq!(first.hour, Hour::Fold);
    assert_eq!(first.during.start.to_string(), "2026-10-25T00:30:00Z");
}

#[test]
fn a_last_date_is_in_the_series() {
    let mut pattern = pattern("UTC", date(2026, 6, 1), 600);
    pattern.every_weeks = 2;
    for (last, count) in [
        (date(2026, 5, 31), 0),
        (date(2026, 6, 1), 1),
        (date(2026, 6, 14), 1),
        (date(2026, 6, 15), 2),
        (date(2026, 6, 29), 3),
    ] {
        assert_eq!(pattern.count_until(last), count, "{last}");
        let within = (0..10).filter(|ordinal| pattern.date(*ordinal).unwrap() <= last);
        assert_eq!(i64::try_from(within.count()).unwrap(), count, "{last}");
    }
}

#[test]
fn a_series_is_bounded_in_number_and_in_time() {
    let mut pattern = pattern("UTC", date(2026, 6, 1), 600);
    assert!(pattern.allows(1) && pattern.allows(105));
    assert!(!pattern.allows(0) && !pattern.allows(106) && !pattern.allows(i64::MAX / 500));
    pattern.every_weeks = 52;
    assert!(pattern.allows(3) && !pattern.allows(4));
}

#[test]
fn another_weekday_is_in_the_same_week() {
    let wednesday = pattern("UTC", date(2026, 6, 3), 600);
    assert_eq!(wednesday.on(Weekday::Monday), Some(date(2026, 6, 1)));
    assert_eq!(wednesday.on(Weekday::Wednesday), Some(date(2026, 6, 3)));
    assert_eq!(wednesday.on(Weekday::Sunday), Some(date(2026, 6, 7)));
}
