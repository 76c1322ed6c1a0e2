//! How many lessons begin on which local day.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::stretches::{Stretch, seek};

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// No local day reaches further from an instant in it, clock changes included.
pub const LONGEST_DAY: SignedDuration = SignedDuration::from_hours(48);

/// The number of lessons that begin on each local day of a stretch of time.
#[derive(Debug, Clone, Default)]
pub struct LessonDays {
    /// From which instant on it is which day (days since 1970), by instant. A day is
    /// there twice when clocks go back over midnight.
    days: Vec<(Timestamp, i64)>,
    /// By day, from the first.
    counts: Vec<u16>,
    first: i64,
    /// The day of the lesson that is being moved.
    exempt: Option<i64>,
}

impl LessonDays {
    /// Counts lessons by their starts on the days that `window` touches; the lesson that
    /// is being moved from `moving` is not among them. Only clock changes and midnights
    /// are converted, whatever the number of lessons.
    #[must_use]
    pub fn new(
        zone: &TimeZone,
        window: Stretch,
        starts: impl IntoIterator<Item = Timestamp>,
        moving: Option<Timestamp>,
    ) -> Self {
        let reach = window.widened(LONGEST_DAY, LONGEST_DAY);
        let days = days(zone, reach);
        let numbers = || days.iter().map(|(_, day)| *day);
        let first = numbers().min().unwrap_or_default();
        let length = numbers().max().map_or(0, |last| last - first + 1);
        let mut counted = Self {
            days,
            counts: vec![0; usize::try_from(length).unwrap_or_default()],
            first,
            exempt: None,
        };
        let known = |start: &Timestamp| reach.start <= *start && *start < reach.end;
        counted.exempt = moving
            .filter(known)
            .and_then(|start| counted.day(start, &mut 0));
        for start in starts.into_iter().filter(known) {
            let day = counted.day(start, &mut 0);
            if let Some(count) = day.and_then(|day| counted.counts.get_mut(index(day - first))) {
                *count = count.saturating_add(1);
            }
        }
        counted
    }

    /// True when `limit` lessons begin on the day of `start`. A lesson that is moved
    /// within its day adds nothing to it, so that day is never full for it.
    #[must_use]
    pub fn is_full(&self, start: Timestamp, limit: i16, near: &mut usize) -> bool {
        let Some(day) = self.day(start, near) else {
            return false;
        };
        let count = self.counts.get(index(day - self.first)).copied();
        self.exempt != Some(day) && i32::from(count.unwrap_or_default()) >= i32::from(limit)
    }

    fn day(&self, instant: Timestamp, near: &mut usize) -> Option<i64> {
        seek(&self.days, near, |(from, _)| *from <= instant);
        self.days.get(near.checked_sub(1)?).map(|(_, day)| *day)
    }
}

/// A number that is negative indexes nothing.
fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// From which instant of `reach` on it is which day.
fn days(zone: &TimeZone, reach: Stretch) -> Vec<(Timestamp, i64)> {
    let mut days: Vec<(Timestamp, i64)> = Vec::new();
    let mut from = reach.start;
    let mut offset_s = i64::from(zone.to_offset(from).seconds());
    let changes = zone
        .following(reach.start)
        .map(|change| (change.timestamp(), i64::from(change.offset().seconds())))
        .take_while(|(at, _)| *at < reach.end)
        .chain([(reach.end, 0)]);
    for (until, next_offset_s) in changes {
        let day = (from.as_second() + offset_s).div_euclid(SECONDS_A_DAY);
        if days.last().is_none_or(|(_, last)| *last != day) {
            days.push((from, day));
        }
        for day in day + 1.. {
            let midnight = Timestamp::from_second(day * SECONDS_A_DAY - offset_s);
            match midnight.ok().filter(|midnight| *midnight < until) {
                Some(midnight) => days.push((midnight, day)),
                None => break,
            }
        }
        (from, offset_s) = (until, next_offset_s);
    }
    days
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::zones;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn moment(text: &str) -> Stretch {
        Stretch {
            start: at(text),
            end: at(text),
        }
    }

    #[test]
    fn lessons_count_on_the_day_the_clock_showed_when_they_began() {
        let zone = zones::zone("America/New_York").unwrap();
        let starts = ["2026-06-02T03:59:00Z", "2026-06-02T04:00:00Z"].map(at);
        let days = LessonDays::new(&zone, moment("2026-06-02T12:00:00Z"), starts, None);
        assert!(days.is_full(at("2026-06-01T04:00:00Z"), 1, &mut 0));
        assert!(days.is_full(at("2026-06-02T12:00:00Z"), 1, &mut 0));
        assert!(!days.is_full(at("2026-06-02T12:00:00Z"), 2, &mut 0));
        assert!(!days.is_full(at("2026-06-03T04:00:00Z"), 1, &mut 0));
    }

    #[test]
    fn a_day_is_never_full_for_a_lesson_that_stays_on_it() {
        let noon = "2026-06-02T12:00:00Z";
        let starts = [at(noon)];
        let days = LessonDays::new(
            &TimeZone::UTC,
            moment(noon),
            starts,
            Some(at("2026-06-02T00:00:00Z")),
        );
        assert!(!days.is_full(at("2026-06-02T23:59:00Z"), 1, &mut 0));
        let days = LessonDays::new(
            &TimeZone::UTC,
            moment(noon),
            starts,
            Some(at("2026-06-01T00:00:00Z")),
        );
        assert!(days.is_full(at("2026-06-02T23:59:00Z"), 1, &mut 0));
    }

    #[test]
    fn a_lesson_far_away_counts_nowhere() {
        let starts = [at("2030-01-01T00:00:00Z"), at("1980-01-01T00:00:00Z")];
        let days = LessonDays::new(&TimeZone::UTC, moment("2026-06-02T12:00:00Z"), starts, None);
        assert!(days.counts.iter().all(|count| *count == 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the zone and its changes, days that are skipped included.
        #[test]
        fn the_day_is_the_one_the_zone_says(
            zone in prop::sample::select(zones::names()),
            second in at("1990-01-01T00:00:00Z").as_second()..at("2030-01-01T00:00:00Z").as_second(),
            ahead in 0..200_000_i64,
        ) {
            let zone = zones::zone(&zone).unwrap();
            let start = Timestamp::from_second(second).unwrap();
            let change = zone.following(start).next().map_or(start, |change| change.timestamp());
            for start in [start, change] {
                let window = Stretch { start, end: start + SignedDuration::from_secs(ahead) };
                let days = LessonDays::new(&zone, window, [], None);
                for asked in [start, window.end, start + SignedDuration::from_secs(ahead / 2)] {
                    let date = zone.to_datetime(asked).date();
                    let epoch = jiff::civil::date(1970, 1, 1);
                    let expected = date.duration_since(epoch).as_secs() / SECONDS_A_DAY;
                    prop_assert_eq!(days.day(asked, &mut 0), Some(expected));
                }
            }
        }
    }
}
