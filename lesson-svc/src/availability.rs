//! When teachers work, and what of it is free.

pub mod calendar;
mod changing;
pub mod days;
pub mod grpc;
mod listing;
mod messages;
pub mod open;
pub mod slots;
pub mod store;
pub mod stretches;

use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};

use slots::Stretch;

use crate::ids::TimeOffId;

/// The minute at which a day ends on the wall clock, "24:00".
pub const END_OF_DAY: i16 = 1440;

/// At most this many weekly rules a teacher.
pub const MAX_RULES: usize = 50;

/// At most this many intervals an override.
pub const MAX_INTERVALS: usize = 10;

/// At most this many overrides a teacher, from yesterday on.
pub const MAX_OVERRIDES: usize = 400;

/// At most this many stretches of time off a teacher that are not over.
pub const MAX_TIME_OFF: usize = 200;

/// The longest note of time off, in characters.
pub const LONGEST_NOTE: usize = 200;

/// The longest time off.
pub const LONGEST_TIME_OFF: SignedDuration = SignedDuration::from_hours(366 * 24);

/// How many days ahead an override or time off may be: 3 years.
pub const MOST_DAYS_AHEAD: i64 = 3 * 365 + 1;

/// `[start, end)` on the wall clock, in minutes from the beginning of the date on which
/// it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// 0 to 1439.
    pub start_minute: i16,
    /// After the start, at most 24 hours; beyond [`END_OF_DAY`] it is the next day's.
    pub end_minute: i16,
}

impl Interval {
    /// True when both share a minute, the other one beginning so many days later.
    fn overlaps(self, other: Self, days_later: i16) -> bool {
        let shift = days_later * END_OF_DAY;
        self.start_minute < other.end_minute + shift && other.start_minute + shift < self.end_minute
    }
}

/// An interval that begins on one weekday, on each of the dates between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeeklyRule {
    /// On which it begins.
    pub weekday: Weekday,
    /// On the wall clock.
    pub interval: Interval,
    /// The first date it may begin on.
    pub first_date: Option<Date>,
    /// The last date it may begin on.
    pub last_date: Option<Date>,
}

impl WeeklyRule {
    /// True when the interval begins on that date.
    #[must_use]
    pub fn begins_on(&self, date: Date) -> bool {
        self.weekday == date.weekday()
            && self.first_date.is_none_or(|first| first <= date)
            && self.last_date.is_none_or(|last| date <= last)
    }

    /// True when both share a minute of a date, the nights into the next day included.
    /// Of one weekday, as the database sees it: when their dates overlap.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        [-1, 0, 1].into_iter().any(|days_later| {
            self.weekday.wrapping_add(days_later) == other.weekday
                && self.interval.overlaps(other.interval, days_later)
                && self.meets(other, days_later)
        })
    }

    /// True when this one begins on some date and the other so many days later.
    fn meets(&self, other: &Self, days_later: i16) -> bool {
        let earlier = |date: Date| date.saturating_sub(days_later.days());
        let first = self.first_date.max(other.first_date.map(earlier));
        let lasts = [self.last_date, other.last_date.map(earlier)];
        let (Some(first), Some(last)) = (first, lasts.into_iter().flatten().min()) else {
            return true;
        };
        let ahead = if days_later == 0 {
            0
        } else {
            first.weekday().until(self.weekday)
        };
        first.saturating_add(ahead.days()) <= last
    }
}

/// Other hours on one date: they replace every weekly rule that would begin on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateOverride {
    /// The date on which its intervals begin.
    pub date: Date,
    /// By start, no two overlapping; none: a day off.
    pub intervals: Vec<Interval>,
}

/// A stretch in which nothing can be booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeOff {
    /// Its id.
    pub id: TimeOffId,
    /// From when to when.
    pub during: Stretch,
    /// For the teacher's eyes.
    pub note: String,
}

/// When a teacher works, as wall clock in their zone, and when not.
#[derive(Debug, Clone)]
pub struct Hours {
    /// The zone of every rule and override.
    pub zone: TimeZone,
    /// In any order; no two overlap.
    pub rules: Vec<WeeklyRule>,
    /// In any order; a date is there once.
    pub overrides: Vec<DateOverride>,
    /// In any order; they may overlap.
    pub time_off: Vec<Stretch>,
}

impl Hours {
    /// Of a teacher who never works.
    #[must_use]
    pub fn none(zone: TimeZone) -> Self {
        Self {
            zone,
            rules: Vec::new(),
            overrides: Vec::new(),
            time_off: Vec::new(),
        }
    }
}

/// The first date whose hours can still matter: an interval of yesterday may run into
/// today.
#[must_use]
pub fn yesterday(zone: &TimeZone, now: Timestamp) -> Date {
    zone.to_datetime(now).date().saturating_sub(1.day())
}

/// "HH:MM" as a minute of the day; "24:00" only where `end_of_day` allows it.
#[must_use]
pub fn parse_minute(text: &str, end_of_day: bool) -> Option<i16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (i16, i16) = (hour.parse().ok()?, minute.parse().ok()?);
    let total = hour * 60 + minute;
    let valid = (hour < 24 && minute < 60) || (end_of_day && total == END_OF_DAY && minute == 0);
    valid.then_some(total)
}

/// A minute as "HH:MM" of its day; [`END_OF_DAY`] itself is "24:00".
#[must_use]
pub fn format_minute(minute: i16) -> String {
    let minute = if minute > END_OF_DAY {
        minute - END_OF_DAY
    } else {
        minute
    };
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// "YYYY-MM-DD" of the years 1970 to 9999.
#[must_use]
pub fn parse_date(text: &str) -> Option<Date> {
    let form = |(index, byte): (usize, u8)| match index {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    let formed = text.len() == 10 && text.bytes().enumerate().all(form);
    let date: Date = formed.then(|| text.parse().ok()).flatten()?;
    (date.year() >= 1970).then_some(date)
}

/// What the wall clock shows at a minute counted from the beginning of a date; `None`
/// at the end of time.
#[must_use]
pub fn wall_clock(date: Date, minute: i16) -> Option<DateTime> {
    let date = date.checked_add((minute / END_OF_DAY).days()).ok()?;
    let minute = minute % END_OF_DAY;
    let (hour, minute) = (
        i8::try_from(minute / 60).ok()?,
        i8::try_from(minute % 60).ok()?,
    );
    Some(date.to_datetime(Time::new(hour, minute, 0, 0).ok()?))
}

#[cfg(test)]
mod tests;
