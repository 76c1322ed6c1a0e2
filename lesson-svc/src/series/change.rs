//! A change of a series as it is asked for.

use jiff::{SignedDuration, civil::Weekday, tz::TimeZone};
use olm_proto::lesson::v1::{SeriesChange, series_change};
use service_kit::status::Violations;

use super::{
    Pattern,
    reading::{self, End},
};
use crate::{availability::format_minute, errors::Error, ids::LessonId, lessons};

/// What is to become of a series; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The lesson from which on it holds; `None`: the first ahead.
    pub from: Option<LessonId>,
    weekday: Option<Weekday>,
    start_minute: Option<i16>,
    zone: Option<TimeZone>,
    duration: Option<SignedDuration>,
    /// Where its lessons take place.
    pub meeting_url: Option<String>,
    /// What both sides should know.
    pub notes: Option<String>,
    /// How long it goes on.
    pub end: Option<End>,
}

impl Change {
    /// Reads a change; everything wrong is recorded under `change.<name>`.
    pub fn read(violations: &mut Violations, given: Option<&SeriesChange>) -> Self {
        violations.require(given.is_some(), "change", "is missing");
        let Some(given) = given else {
            return Self::default();
        };
        let from = (!given.from_lesson_id.is_empty())
            .then(|| LessonId(violations.uuid("change.from_lesson_id", &given.from_lesson_id)));
        let weekday = i8::try_from(given.day_of_week).ok();
        let weekday = weekday.and_then(|day| Weekday::from_monday_one_offset(day).ok());
        violations.require(
            given.day_of_week == 0 || weekday.is_some(),
            "change.day_of_week",
            format!("is {}, not between 0 and 7", given.day_of_week),
        );
        let time = given.start_time_of_day.as_deref();
        let zone = given.time_zone.as_deref();
        let url = given.meeting_url.as_deref();
        if let Some(notes) = &given.notes {
            lessons::reading::notes(violations, notes);
        }
        let end = match &given.end {
            Some(series_change::End::UntilDate(last)) => Some(End::Until(reading::date(
                violations,
                "change.until_date",
                last,
            ))),
            Some(series_change::End::Count(count)) => Some(End::Count(reading::count(
                violations,
                "change.count",
                *count,
            ))),
            None => None,
        };
        Self {
            from,
            weekday,
            start_minute: time
                .map(|time| reading::minute(violations, "change.start_time_of_day", time)),
            zone: zone.map(|zone| reading::zone(violations, "change.time_zone", zone)),
            duration: reading::duration(
                violations,
                "change.lesson_duration",
                given.lesson_duration.as_ref(),
            ),
            meeting_url: url.map(|url| lessons::reading::meeting_url(violations, url)),
            notes: given.notes.clone(),
            end,
        }
    }

    /// As it was asked for, written in one way.
    #[must_use]
    pub fn canonical(&self) -> SeriesChange {
        let zone = self.zone.as_ref().and_then(TimeZone::iana_name);
        let weekday = self.weekday.map(Weekday::to_monday_one_offset);
        SeriesChange {
            from_lesson_id: self.from.map(|id| id.to_string()).unwrap_or_default(),
            day_of_week: weekday.unwrap_or_default().into(),
            start_time_of_day: self.start_minute.map(format_minute),
            time_zone: zone.map(str::to_owned),
            lesson_duration: self.duration.map(olm_proto::duration),
            meeting_url: self.meeting_url.clone(),
            notes: self.notes.clone(),
            end: self.end.map(|end| match end {
                End::Until(date) => series_change::End::UntilDate(date.to_string()),
                End::Count(count) => {
                    series_change::End::Count(i32::try_from(count).unwrap_or(i32::MAX))
                }
            }),
        }
    }

    /// Whether it says anything of when the lessons are.
    #[must_use]
    pub fn is_of_time(&self) -> bool {
        self.weekday.is_some()
            || self.start_minute.is_some()
            || self.zone.is_some()
            || self.duration.is_some()
    }

    /// The pattern after it.
    ///
    /// # Errors
    ///
    /// When that is beyond the end of time.
    pub fn pattern(&self, before: &Pattern) -> Result<Pattern, Error> {
        let first_date = match self.weekday {
            Some(weekday) => before.on(weekday),
            None => Some(before.first_date),
        };
        Ok(Pattern {
            zone: self.zone.clone().unwrap_or_else(|| before.zone.clone()),
            first_date: first_date.ok_or(Error::Corrupt("series.first_date"))?,
            start_minute: self.start_minute.unwrap_or(before.start_minute),
            duration: self.duration.unwrap_or(before.duration),
            every_weeks: before.every_weeks,
        })
    }
}
