//! When teachers work, and what of it is free.

pub mod calendar;
pub mod grpc;
pub mod slots;
pub mod store;

use jiff::{
    civil::{Time, Weekday},
    tz::TimeZone,
};

/// The minute at which a day ends on the wall clock, "24:00".
pub const END_OF_DAY: i16 = 1440;

/// At most this many weekly rules a teacher.
pub const MAX_RULES: usize = 50;

/// One interval of one weekday, `[start, end)`, in minutes of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeeklyRule {
    /// ISO 8601: 1 Monday to 7 Sunday.
    pub day_of_week: i16,
    /// 0 to 1439.
    pub start_minute: i16,
    /// After the start, at most [`END_OF_DAY`].
    pub end_minute: i16,
}

impl WeeklyRule {
    /// The rule's weekday.
    #[must_use]
    pub fn weekday(&self) -> Option<Weekday> {
        i8::try_from(self.day_of_week)
            .ok()
            .and_then(|day| Weekday::from_monday_one_offset(day).ok())
    }

    /// True when both are on one weekday and share a minute.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.day_of_week == other.day_of_week
            && self.start_minute < other.end_minute
            && other.start_minute < self.end_minute
    }
}

/// A teacher's weekly hours in their zone.
#[derive(Debug, Clone)]
pub struct WeeklyHours {
    /// The zone of every rule.
    pub zone: TimeZone,
    /// Any order; no two of one weekday overlap.
    pub rules: Vec<WeeklyRule>,
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

/// A minute of the day as "HH:MM".
#[must_use]
pub fn format_minute(minute: i16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// A minute of the day as wall-clock time; `None` for [`END_OF_DAY`].
#[must_use]
pub fn time_of_minute(minute: i16) -> Option<Time> {
    let (hour, minute) = (
        i8::try_from(minute / 60).ok()?,
        i8::try_from(minute % 60).ok()?,
    );
    Time::new(hour, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn rules_that_only_touch_do_not_overlap() {
        let rule = |day_of_week, start_minute, end_minute| WeeklyRule {
            day_of_week,
            start_minute,
            end_minute,
        };
        assert!(!rule(1, 0, 60).overlaps(&rule(1, 60, 120)));
        assert!(!rule(1, 0, 60).overlaps(&rule(2, 0, 60)));
        assert!(rule(1, 0, 61).overlaps(&rule(1, 60, 120)));
    }
}
