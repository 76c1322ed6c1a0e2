//! When the occurrences of a series are: wall clock and zone become instants by RFC 5545
//! (3.8.5.3 and 3.3.5): in a gap the offset before it counts, at a fold the first instant
//! (docs/decisions/0014). No IO.

use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Date, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};

use crate::availability::{slots::Stretch, wall_clock};

/// The most occurrences of a series.
pub const MOST_OCCURRENCES: i16 = 200;
/// From the first to the last, in days.
pub const LONGEST_SERIES_DAYS: i32 = 732;

/// One wall-clock hour every n weeks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// Of the linked database, so that it has a name.
    pub zone: TimeZone,
    /// The date of occurrence 0, as the pattern is now.
    pub first_date: Date,
    /// 0 to 1439.
    pub start_minute: i16,
    /// A span, whatever clocks do meanwhile.
    pub duration: SignedDuration,
    /// 1 to 52.
    pub every_weeks: i16,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// Its number, from 0.
    pub ordinal: i16,
    /// When it is.
    pub during: Stretch,
    /// What the clock does to its hour.
    pub hour: Hour,
}

/// What the series' clock does to the hour of an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hour {
    /// It is there once.
    Once,
    /// It is left out.
    Gap,
    /// It is there twice.
    Fold,
}

impl Pattern {
    /// The zone's IANA name.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or_default()
    }

    /// The weekday of every occurrence.
    #[must_use]
    pub fn weekday(&self) -> Weekday {
        self.first_date.weekday()
    }

    /// The date of an occurrence on the series' wall clock; `None` at the end of time.
    #[must_use]
    pub fn date(&self, ordinal: i16) -> Option<Date> {
        let weeks = i32::from(self.every_weeks) * i32::from(ordinal);
        self.first_date.checked_add(weeks.weeks()).ok()
    }

    /// An occurrence; `None` at the end of time.
    #[must_use]
    pub fn occurrence(&self, ordinal: i16) -> Option<Occurrence> {
        let wall = wall_clock(self.date(ordinal)?, self.start_minute)?;
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        let hour = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => Hour::Once,
            AmbiguousOffset::Gap { .. } => Hour::Gap,
            AmbiguousOffset::Fold { .. } => Hour::Fold,
        };
        let start = ambiguous.compatible().ok()?;
        let end = start.checked_add(self.duration).ok()?;
        Some(Occurrence {
            ordinal,
            during: Stretch { start, end },
            hour,
        })
    }

    /// The occurrences `from..until`, by start.
    pub fn occurrences(&self, from: i16, until: i16) -> impl Iterator<Item = Occurrence> {
        (from..until).filter_map(|ordinal| self.occurrence(ordinal))
    }

    /// How many occurrences are not after a date; 0 when it is before the first.
    #[must_use]
    pub fn count_until(&self, last: Date) -> i64 {
        let days = last.duration_since(self.first_date).as_hours() / 24;
        if days < 0 {
            return 0;
        }
        days / (7 * i64::from(self.every_weeks)) + 1
    }

    /// Whether a series of so many occurrences is short enough, in number and in time.
    #[must_use]
    pub fn allows(&self, count: i64) -> bool {
        let days = (count - 1) * 7 * i64::from(self.every_weeks);
        (1..=i64::from(MOST_OCCURRENCES)).contains(&count) && days <= i64::from(LONGEST_SERIES_DAYS)
    }

    /// The same weeks on another weekday; `None` at the end of time.
    #[must_use]
    pub fn on(&self, weekday: Weekday) -> Option<Date> {
        let from = self.weekday().to_monday_zero_offset();
        let days = i32::from(weekday.to_monday_zero_offset()) - i32::from(from);
        self.first_date.checked_add(days.days()).ok()
    }
}

/// The minute of the day that a clock of that zone shows.
#[must_use]
pub fn local_minute(zone: &TimeZone, instant: Timestamp) -> i16 {
    let time = zone.to_datetime(instant).time();
    i16::from(time.hour()) * 60 + i16::from(time.minute())
}

#[cfg(test)]
mod tests;
