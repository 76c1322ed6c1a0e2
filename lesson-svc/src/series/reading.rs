//! Fields that requests of `SeriesService` share.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use olm_proto::lesson::v1::{self as pb, WantedSeries, wanted_series};
use service_kit::status::Violations;

use super::{
    Pattern,
    pattern::{LONGEST_SERIES_DAYS, MOST_OCCURRENCES},
};
use crate::{
    availability::{format_minute, parse_date, parse_minute},
    errors::Error,
    ids::{GroupId, UserId},
    lessons,
    teachers::Teacher,
    zones,
};

/// A first date is at most so many days ahead.
const MOST_DAYS_AHEAD: i64 = 366;

/// Whom a series is to be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// One student.
    Student(UserId),
    /// Whoever is in a group.
    Group(GroupId),
}

/// How long a series is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// No occurrence is after this date.
    Until(Date),
    /// So many occurrences.
    Count(i64),
}

/// A series as it is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `None`: the acting user.
    pub teacher: Option<UserId>,
    /// Whom it is for.
    pub people: For,
    zone: TimeZone,
    first_date: Date,
    start_minute: i16,
    duration: Option<SignedDuration>,
    every_weeks: i16,
    /// May be empty.
    pub meeting_url: String,
    /// May be empty.
    pub notes: String,
    end: End,
}

/// What to do about conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Any refuses all.
    Strict,
    /// The others are done.
    Skip,
}

/// Reads how conflicts are met.
pub fn mode(violations: &mut Violations, given: pb::ConflictMode) -> Mode {
    match given {
        pb::ConflictMode::Strict => Mode::Strict,
        pb::ConflictMode::Skip => Mode::Skip,
        pb::ConflictMode::Unspecified => {
            violations.add("conflict_mode", "is neither STRICT nor SKIP");
            Mode::Strict
        }
    }
}

/// A date of a request; one that is none is recorded.
pub fn date(violations: &mut Violations, field: &str, given: &str) -> Date {
    let date = parse_date(given);
    violations.require(date.is_some(), field, "is not a date, YYYY-MM-DD");
    date.unwrap_or_default()
}

/// A time of day of a request; one that is none is recorded.
pub fn minute(violations: &mut Violations, field: &str, given: &str) -> i16 {
    let minute = parse_minute(given, false);
    violations.require(minute.is_some(), field, "is not HH:MM, 00:00 to 23:59");
    minute.unwrap_or_default()
}

/// A zone of a request; one that is none is recorded.
pub fn zone(violations: &mut Violations, field: &str, given: &str) -> TimeZone {
    let zone = zones::zone(given);
    violations.require(zone.is_some(), field, "is not an IANA time zone");
    zone.unwrap_or(TimeZone::UTC)
}

/// The length of lessons; may be unset.
pub fn duration(
    violations: &mut Violations,
    field: &str,
    given: Option<&prost_types::Duration>,
) -> Option<SignedDuration> {
    let duration = crate::teachers::policies::read_duration(field, given, violations)?;
    let whole = duration.as_secs() % 60 == 0;
    violations.require(whole, field, "is not a whole number of minutes");
    Some(duration)
}

/// A number of occurrences; one that no series has is recorded.
pub fn count(violations: &mut Violations, field: &str, given: i32) -> i64 {
    violations.require(
        (1..=i32::from(MOST_OCCURRENCES)).contains(&given),
        field,
        format!("is {given}, not between 1 and {MOST_OCCURRENCES}"),
    );
    given.into()
}

impl Wanted {
    /// Reads a series that is asked for; everything wrong is recorded under `series.<name>`.
    pub fn read(violations: &mut Violations, given: Option<&WantedSeries>) -> Option<Self> {
        violations.require(given.is_some(), "series", "is missing");
        let given = given?;
        let teacher = (!given.teacher_id.is_empty())
            .then(|| UserId(violations.uuid("series.teacher_id", &given.teacher_id)));
        let people = match &given.people {
            Some(wanted_series::People::StudentId(id)) => Some(For::Student(UserId(
                violations.uuid("series.student_id", id),
            ))),
            Some(wanted_series::People::GroupId(id)) => {
                Some(For::Group(GroupId(violations.uuid("series.group_id", id))))
            }
            None => {
                violations.add("series.student_id", "is missing, and group_id too");
                None
            }
        };
        let end = match &given.end {
            Some(wanted_series::End::UntilDate(last)) => {
                Some(End::Until(date(violations, "series.until_date", last)))
            }
            Some(wanted_series::End::Count(given)) => {
                Some(End::Count(count(violations, "series.count", *given)))
            }
            None => {
                violations.add("series.until_date", "is missing, and count too");
                None
            }
        };
        let pattern = given.pattern.as_ref();
        violations.require(pattern.is_some(), "series.pattern", "is missing");
        let pattern = pattern?;
        let every_weeks = if pattern.every_weeks == 0 {
            1
        } else {
            pattern.every_weeks
        };
        violations.require(
            (1..=52).contains(&every_weeks),
            "series.pattern.every_weeks",
            format!("is {every_weeks}, not between 0 and 52"),
        );
        let field = |name: &str| format!("series.pattern.{name}");
        let duration_field = field("lesson_duration");
        Some(Self {
            teacher,
            zone: zone(violations, &field("time_zone"), &pattern.time_zone),
            first_date: date(violations, &field("first_date"), &pattern.first_date),
            start_minute: minute(
                violations,
                &field("start_time_of_day"),
                &pattern.start_time_of_day,
            ),
            duration: duration(
                violations,
                &duration_field,
                pattern.lesson_duration.as_ref(),
            ),
            every_weeks: i16::try_from(every_weeks).unwrap_or(1),
            meeting_url: lessons::reading::meeting_url(violations, &pattern.meeting_url),
            notes: {
                lessons::reading::notes(violations, &pattern.notes);
                pattern.notes.clone()
            },
            people: people?,
            end: end?,
        })
    }

    /// As it was asked for, written in one way.
    #[must_use]
    pub fn canonical(&self) -> WantedSeries {
        WantedSeries {
            teacher_id: self.teacher.map(|id| id.to_string()).unwrap_or_default(),
            pattern: Some(pb::SeriesPattern {
                time_zone: self.zone.iana_name().unwrap_or_default().to_owned(),
                first_date: self.first_date.to_string(),
                start_time_of_day: format_minute(self.start_minute),
                lesson_duration: self.duration.map(olm_proto::duration),
                every_weeks: self.every_weeks.into(),
                meeting_url: self.meeting_url.clone(),
                notes: self.notes.clone(),
            }),
            people: Some(match self.people {
                For::Student(id) => wanted_series::People::StudentId(id.to_string()),
                For::Group(id) => wanted_series::People::GroupId(id.to_string()),
            }),
            end: Some(match self.end {
                End::Until(date) => wanted_series::End::UntilDate(date.to_string()),
                End::Count(count) => {
                    wanted_series::End::Count(i32::try_from(count).unwrap_or(i32::MAX))
                }
            }),
        }
    }

    /// The pattern with that teacher, and how many occurrences there are.
    ///
    /// # Errors
    ///
    /// When the first date is past or too far ahead, or the series would be empty or too
    /// long.
    pub fn pattern(&self, teacher: &Teacher, now: Timestamp) -> Result<(Pattern, i16), Error> {
        let usual = teacher.policies.usual_duration();
        // A usual length may be of any second; a series' is of whole minutes.
        let usual = SignedDuration::from_mins((usual.as_secs() + 59) / 60);
        let pattern = Pattern {
            zone: self.zone.clone(),
            first_date: self.first_date,
            start_minute: self.start_minute,
            duration: self.duration.unwrap_or(usual),
            every_weeks: self.every_weeks,
        };
        let today = self.zone.to_datetime(now).date();
        let ahead = self.first_date.duration_since(today).as_hours() / 24;
        let mut violations = Violations::default();
        violations.require(
            (0..=MOST_DAYS_AHEAD).contains(&ahead),
            "series.pattern.first_date",
            format!("is not today or up to {MOST_DAYS_AHEAD} days ahead"),
        );
        let count = end_count(&mut violations, "series", &pattern, self.end);
        violations.check()?;
        Ok((pattern, count))
    }
}

/// How many occurrences a pattern has until its end; none or too many are recorded.
pub fn end_count(violations: &mut Violations, of: &str, pattern: &Pattern, end: End) -> i16 {
    let (count, name) = match end {
        End::Until(last) => (pattern.count_until(last), "until_date"),
        End::Count(count) => (count, "count"),
    };
    violations.require(
        pattern.allows(count),
        &format!("{of}.{name}"),
        format!(
            "makes {count} occurrences, not 1 to {MOST_OCCURRENCES} within {LONGEST_SERIES_DAYS} days"
        ),
    );
    i16::try_from(count).unwrap_or(MOST_OCCURRENCES)
}
