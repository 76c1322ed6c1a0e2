//! What clients ask for: a series to make, a change of one.

use olm_proto::lesson::v1::{self as pb, series_change, wanted_series};
use serde::Deserialize;
use service_kit::status::Violations;
use utoipa::ToSchema;

use crate::{
    fields,
    json::{Object, given, given_whole},
};

/// The latest time of day at which a lesson begins.
const LAST_MINUTE: &str = "23:59";

/// A series as somebody asks for it.
// No Debug: notes must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedSeries {
    /// Whose lessons; default: the acting user's. Another's is for admins.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    teacher_id: Option<String>,
    /// One of the teacher's students; this or `group_id`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    student_id: Option<String>,
    /// One of the teacher's groups; whoever is in it has a seat.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    group_id: Option<String>,
    /// IANA name; the zone of date and time of day, whose wall clock the series keeps.
    #[schema(value_type = String, example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// Its first occurrence's; its weekday is the series'. Today or later, at most 366 days
    /// ahead.
    #[schema(value_type = String, format = "date", example = "2026-01-19")]
    first_date: Option<String>,
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "18:30")]
    start_time_of_day: Option<String>,
    /// Whole minutes; default: the teacher's usual length.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 300, maximum = 28800, multiple_of = 60)]
    lesson_duration_s: Option<i64>,
    /// Every week, every other week …; default 1.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 1, maximum = 52)]
    every_weeks: Option<i32>,
    /// Where the lessons take place, an https URL.
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        max_length = 500,
        example = "https://meet.example/anna"
    )]
    meeting_url: Option<String>,
    /// Of every lesson.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2000, pattern = "^[^\\u0000]*$")]
    notes: Option<String>,
    /// No occurrence is after this date of the series' zone; this or `count`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, format = "date", example = "2026-06-29")]
    until_date: Option<String>,
    /// So many occurrences, within 732 days.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    count: Option<i32>,
}

/// A series to make.
// No Debug: notes must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSeries {
    #[schema(value_type = WantedSeries)]
    pub(crate) series: Option<Object<WantedSeries>>,
    #[schema(value_type = ConflictMode)]
    pub(crate) conflict_mode: Option<ConflictMode>,
}

/// What to do about occurrences that something stands against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConflictMode {
    /// Any conflict refuses all of it; nothing is written and nobody is told.
    Strict,
    /// Of a new series those are not booked, of a change they stay where they are; all the
    /// others are done.
    Skip,
}

/// What is to become of a series; what is left out stays as it is.
// No Debug: notes must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesChange {
    /// The lesson of this series from which on it holds; default: the first that has not
    /// begun.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    from_lesson_id: Option<String>,
    /// 1 Monday … 7 Sunday, of the same weeks.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 1, maximum = 7)]
    day_of_week: Option<i32>,
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$",
        example = "18:30"
    )]
    start_time_of_day: Option<String>,
    /// IANA name: the same wall clock in another zone.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// Whole minutes.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 300, maximum = 28800, multiple_of = 60)]
    lesson_duration_s: Option<i64>,
    /// An https URL; empty: nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        max_length = 500,
        example = "https://meet.example/anna"
    )]
    meeting_url: Option<String>,
    /// Of every lesson; empty: none.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2000, pattern = "^[^\\u0000]*$")]
    notes: Option<String>,
    /// Another end: no occurrence is after this date. Sooner cancels, later books more.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, format = "date", example = "2026-06-29")]
    until_date: Option<String>,
    /// Another end: so many occurrences in all.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    count: Option<i32>,
}

/// A change of a series.
// No Debug: notes must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesUpdate {
    #[schema(value_type = SeriesChange)]
    pub(crate) change: Option<Object<SeriesChange>>,
    #[schema(value_type = ConflictMode)]
    pub(crate) conflict_mode: Option<ConflictMode>,
}

/// From where on a series is off, and why.
// No Debug: texts must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesCancellation {
    /// The lesson of this series from which on it is cancelled; default: all that has not
    /// begun.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    pub(crate) from_lesson_id: Option<String>,
    /// Shown to the other side.
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        max_length = 500,
        pattern = "^[^\\u0000]*$",
        example = "I am ill"
    )]
    pub(crate) reason: Option<String>,
}

impl From<ConflictMode> for pb::ConflictMode {
    fn from(mode: ConflictMode) -> Self {
        match mode {
            ConflictMode::Strict => Self::Strict,
            ConflictMode::Skip => Self::Skip,
        }
    }
}

/// The mode, which must be given.
pub(super) fn mode(violations: &mut Violations, mode: Option<ConflictMode>) -> i32 {
    violations.require(mode.is_some(), "conflict_mode", "is required");
    mode.map_or(pb::ConflictMode::Unspecified, Into::into)
        .into()
}

/// An end that is a date or a count; `None` when neither is given. Both are a fault, and
/// so are texts and numbers that stand for none to the services.
fn end(
    violations: &mut Violations,
    prefix: &str,
    until_date: Option<&str>,
    count: Option<i32>,
) -> Option<(Option<String>, i32)> {
    let field = |name: &str| format!("{prefix}{name}");
    let until_date = until_date.map(|date| fields::date(violations, &field("until_date"), date));
    match (until_date, count) {
        (Some(_), Some(_)) => {
            violations.add(field("count"), "stands beside until_date: give one of them");
            None
        }
        (Some(date), None) => Some((Some(date), 0)),
        (None, Some(count)) => Some((None, count)),
        (None, None) => None,
    }
}

impl WantedSeries {
    /// The contract's message; faults are named below `prefix`.
    pub(super) fn read(self, violations: &mut Violations, prefix: &str) -> pb::WantedSeries {
        let field = |name: &str| format!("{prefix}{name}");
        let faults = violations;
        let teacher = self.teacher_id.as_deref();
        let teacher_id = fields::optional_uuid(faults, &field("teacher_id"), teacher);
        let student = self.student_id.as_deref();
        let student_id = fields::optional_uuid(faults, &field("student_id"), student);
        let group_id = fields::optional_uuid(faults, &field("group_id"), self.group_id.as_deref());
        let people = match (student_id.is_empty(), group_id.is_empty()) {
            (false, true) => Some(wanted_series::People::StudentId(student_id)),
            (true, false) => Some(wanted_series::People::GroupId(group_id)),
            (true, true) => {
                faults.add(field("student_id"), "or group_id is required");
                None
            }
            (false, false) => {
                let text = "stands beside student_id: give one of them";
                faults.add(field("group_id"), text);
                None
            }
        };
        let time_zone = fields::required(faults, &field("time_zone"), self.time_zone);
        let first_date = match self.first_date {
            Some(date) => fields::date(faults, &field("first_date"), &date),
            None => fields::required(faults, &field("first_date"), None),
        };
        let name = field("start_time_of_day");
        let start_time_of_day = match self.start_time_of_day {
            Some(text) => {
                fields::time_of_day(faults, &name, &text, LAST_MINUTE);
                text
            }
            None => fields::required(faults, &name, None),
        };
        // To the service 0 is the default; here absence is.
        let every_weeks = self.every_weeks;
        faults.require(
            every_weeks != Some(0),
            &field("every_weeks"),
            "is not 1 to 52",
        );
        let end = end(faults, prefix, self.until_date.as_deref(), self.count);
        if end.is_none() && (self.until_date.is_none() || self.count.is_none()) {
            faults.add(field("until_date"), "or count is required");
        }
        pb::WantedSeries {
            teacher_id,
            people,
            pattern: Some(pb::SeriesPattern {
                time_zone,
                first_date,
                start_time_of_day,
                lesson_duration: self.lesson_duration_s.map(fields::seconds),
                every_weeks: every_weeks.unwrap_or_default(),
                meeting_url: self.meeting_url.unwrap_or_default(),
                notes: self.notes.unwrap_or_default(),
            }),
            end: end.map(|(date, count)| {
                date.map_or(
                    wanted_series::End::Count(count),
                    wanted_series::End::UntilDate,
                )
            }),
        }
    }
}

impl SeriesChange {
    /// The contract's message; faults are named below `prefix`.
    pub(super) fn read(self, violations: &mut Violations, prefix: &str) -> pb::SeriesChange {
        let field = |name: &str| format!("{prefix}{name}");
        let faults = violations;
        let from = self.from_lesson_id.as_deref();
        let from_lesson_id = fields::optional_uuid(faults, &field("from_lesson_id"), from);
        if let Some(text) = &self.start_time_of_day {
            fields::time_of_day(faults, &field("start_time_of_day"), text, LAST_MINUTE);
        }
        // To the service 0 says that it stays; here absence does.
        let day_of_week = self.day_of_week;
        faults.require(
            day_of_week != Some(0),
            &field("day_of_week"),
            "is not 1 to 7",
        );
        let end = end(faults, prefix, self.until_date.as_deref(), self.count);
        pb::SeriesChange {
            from_lesson_id,
            day_of_week: day_of_week.unwrap_or_default(),
            start_time_of_day: self.start_time_of_day,
            time_zone: self.time_zone,
            lesson_duration: self.lesson_duration_s.map(fields::seconds),
            meeting_url: self.meeting_url,
            notes: self.notes,
            end: end.map(|(date, count)| {
                date.map_or(
                    series_change::End::Count(count),
                    series_change::End::UntilDate,
                )
            }),
        }
    }
}
