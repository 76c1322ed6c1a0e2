//! Quiet hours: a stretch of every day of a person, between wall clock and instants.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};

/// A stretch of every day, [start, end); an end that is not after the start is the next
/// day's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    start_minute: i16,
    end_minute: i16,
}

/// How long before the stretch that comes comes what would fall into it.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);
/// Minutes of a day.
const DAY: i16 = 24 * 60;

impl QuietHours {
    /// Minutes of the day, 0 to 1439 and not equal; `None` otherwise.
    #[must_use]
    pub fn new(start_minute: i16, end_minute: i16) -> Option<Self> {
        let day = 0..DAY;
        (day.contains(&start_minute) && day.contains(&end_minute) && start_minute != end_minute)
            .then_some(Self {
                start_minute,
                end_minute,
            })
    }

    /// The minute of the day at which they begin.
    #[must_use]
    pub fn start_minute(self) -> i16 {
        self.start_minute
    }

    /// The minute of the day at which they end.
    #[must_use]
    pub fn end_minute(self) -> i16 {
        self.end_minute
    }

    /// Whether an instant falls into them.
    #[must_use]
    pub fn cover(self, instant: Timestamp, zone: &TimeZone) -> bool {
        self.began(instant, zone).is_some()
    }

    /// One minute before the stretch that `instant` falls into; `None` when it falls
    /// into none.
    #[must_use]
    pub fn before(self, instant: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        // Twice: where clocks skip what little is not quiet, two stretches are one.
        let first = self.began(instant, zone)?.checked_sub(MARGIN).ok()?;
        match self.began(first, zone) {
            Some(began) => began.checked_sub(MARGIN).ok(),
            None => Some(first),
        }
    }

    /// When the stretch around an instant began.
    fn began(self, instant: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = instant.to_zoned(zone.clone()).date();
        // Tomorrow too: where clocks go back over midnight, a date comes twice.
        let days = [today.tomorrow().ok(), Some(today), today.yesterday().ok()];
        days.into_iter().flatten().find_map(|day| {
            let (start, end) = self.stretch(day, zone)?;
            (start <= instant && instant < end).then_some(start)
        })
    }

    /// The stretch that begins on a day. Where clocks go back it lasts from the first
    /// time its start is shown to the last time its end is; where they go forward over
    /// one of them, that one is the moment of the change.
    fn stretch(self, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let end_day = if self.end_minute > self.start_minute {
            day
        } else {
            day.tomorrow().ok()?
        };
        let start = instants(at(day, self.start_minute)?, zone)?.0;
        let end = instants(at(end_day, self.end_minute)?, zone)?.1;
        Some((start, end))
    }
}

fn at(day: Date, minute: i16) -> Option<DateTime> {
    let hour = i8::try_from(minute / 60).ok()?;
    let minute = i8::try_from(minute % 60).ok()?;
    Some(day.to_datetime(Time::new(hour, minute, 0, 0).ok()?))
}

/// The first and the last instant at which a zone's clocks show a time, or would if they
/// did not skip it.
fn instants(shown: DateTime, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let ambiguous = zone.to_ambiguous_timestamp(shown);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => {
            let instant = ambiguous.compatible().ok()?;
            Some((instant, instant))
        }
        AmbiguousOffset::Fold { .. } => Some((ambiguous.earlier().ok()?, ambiguous.later().ok()?)),
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            let change = zone.following(before).next()?.timestamp();
            Some((change, change))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hours(text: &str) -> QuietHours {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':').unwrap();
            hour.parse::<i16>().unwrap() * 60 + minute.parse::<i16>().unwrap()
        };
        let (start, end) = text.split_once('-').unwrap();
        QuietHours::new(minute(start), minute(end)).unwrap()
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// Where something due at `instant` goes, on Berlin's clocks.
    fn before(quiet: &str, instant: &str) -> Option<String> {
        let at = hours(quiet).before(instant.parse().unwrap(), &zone("Europe/Berlin"));
        at.map(|at| at.to_string())
    }

    #[test]
    fn what_falls_into_the_night_comes_a_minute_before_it() {
        for late in ["2026-01-22T22:00:00Z", "2026-01-23T06:59:59Z"] {
            let evening = before("22:00-08:00", late);
            assert_eq!(evening.as_deref(), Some("2026-01-22T20:59:00Z"), "{late}");
        }
        // The end is not in it, and the day is not.
        for waking in ["2026-01-23T07:00:00Z", "2026-01-22T20:59:59Z"] {
            assert_eq!(before("22:00-08:00", waking), None, "{waking}");
        }
    }

    #[test]
    fn a_stretch_within_a_day_covers_that_part_of_it() {
        assert_eq!(
            before("13:00-15:00", "2026-01-22T13:30:00Z").as_deref(),
            Some("2026-01-22T11:59:00Z")
        );
        assert_eq!(before("13:00-15:00", "2026-01-22T14:00:00Z"), None);
        assert_eq!(before("13:00-15:00", "2026-01-22T23:30:00Z"), None);
    }

    #[test]
    fn a_start_that_clocks_skip_is_the_moment_of_the_change() {
        // 2026-03-29, 02:00 becomes 03:00 at 01:00Z.
        let evening = before("02:30-08:00", "2026-03-29T01:10:00Z");
        assert_eq!(evening.as_deref(), Some("2026-03-29T00:59:00Z"));
        assert_eq!(before("02:30-08:00", "2026-03-29T00:59:59Z"), None);
        // An end that is skipped too: quiet until then.
        assert_eq!(before("22:00-02:30", "2026-03-29T01:00:00Z"), None);
        assert!(before("22:00-02:30", "2026-03-29T00:59:59Z").is_some());
    }

    #[test]
    fn where_clocks_go_back_it_lasts_from_the_first_start_to_the_last_end() {
        // 2026-10-25, 03:00 becomes 02:00 at 01:00Z.
        let evening = before("02:30-08:00", "2026-10-25T01:10:00Z");
        assert_eq!(evening.as_deref(), Some("2026-10-25T00:29:00Z"));
        assert!(before("22:00-02:30", "2026-10-25T01:29:00Z").is_some());
        assert_eq!(before("22:00-02:30", "2026-10-25T01:30:00Z"), None);
    }

    #[test]
    fn clocks_that_go_back_over_midnight_are_followed() {
        // Santiago, 2026-04-05: 00:00 becomes 23:00 of the day before at 03:00Z.
        let quiet = hours("23:30-06:00");
        let inside: Timestamp = "2026-04-05T03:10:00Z".parse().unwrap();
        let evening = quiet.before(inside, &zone("America/Santiago")).unwrap();
        assert_eq!(evening.to_string(), "2026-04-05T02:29:00Z");
    }

    #[test]
    fn minutes_that_are_none_and_empty_stretches_are_refused() {
        for (start, end) in [(-1, 5), (0, 1440), (60, 60)] {
            assert_eq!(QuietHours::new(start, end), None, "{start} {end}");
        }
    }

    proptest! {
        #[test]
        fn what_is_moved_is_earlier_less_than_a_day_and_quiet_no_more(
            start in 0_i16..1440,
            length in 1_i16..1300,
            second in 1_767_000_000_i64..1_830_000_000,
            zone_name in prop::sample::select(vec![
                "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata",
                "Africa/Casablanca", "America/St_Johns", "Pacific/Chatham", "UTC",
            ]),
        ) {
            let quiet = QuietHours::new(start, (start + length) % 1440).unwrap();
            let zone = zone(zone_name);
            let instant = Timestamp::from_second(second).unwrap();
            let Some(before) = quiet.before(instant, &zone) else {
                // Outside on the instant's own clock, or in a skipped or doubled hour.
                return Ok(());
            };
            prop_assert!(before < instant);
            prop_assert!(instant.duration_since(before) < SignedDuration::from_hours(25));
            prop_assert!(!quiet.cover(before, &zone));
        }

        #[test]
        fn what_the_clock_shows_as_quiet_is_quiet(
            start in 0_i16..1440,
            length in 1_i16..1440,
            second in 1_767_000_000_i64..1_830_000_000,
            zone_name in prop::sample::select(vec![
                "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca",
            ]),
        ) {
            let end = (start + length) % 1440;
            let Some(quiet) = QuietHours::new(start, end) else { return Ok(()) };
            let zone = zone(zone_name);
            let instant = Timestamp::from_second(second).unwrap();
            let shown = instant.to_zoned(zone.clone()).time();
            let minute = i16::from(shown.hour()) * 60 + i16::from(shown.minute());
            let inside = if start < end {
                (start..end).contains(&minute)
            } else {
                minute >= start || minute < end
            };
            prop_assert!(!inside || quiet.cover(instant, &zone));
        }
    }
}
