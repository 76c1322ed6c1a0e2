//! Series of lessons as clients see them.

pub(crate) mod asking;
pub(crate) mod changing;
pub(crate) mod http;
pub(crate) mod previews;

use jiff::Timestamp;
use olm_proto::{instant, lesson::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{etag::Versioned, fields, paging, problem::Problem};

/// Lessons at one wall-clock hour every n weeks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Series {
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = "uuid")]
    teacher_id: String,
    /// Empty when the teacher was erased.
    teacher_name: String,
    /// Whom it is for; absent of a group's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    student_id: Option<String>,
    /// Absent when the student was erased, and of a group's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    student_name: Option<String>,
    /// Present of a group's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    group_title: Option<String>,
    pattern: Pattern,
    /// How many occurrences it has, those that are over, skipped or cancelled one by one
    /// included.
    occurrence_count: i32,
    /// The date of the last of them in the series' zone; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "date")]
    last_date: Option<String>,
    state: SeriesState,
    /// Raised by every change of the series itself; see `If-Match`.
    version: i64,
    create_time: Timestamp,
    /// When its next lesson starts; absent when none is booked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_start_time: Option<Timestamp>,
    /// The occurrences ahead that are not booked, by start; for its teacher.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    skipped: Vec<SkippedOccurrence>,
    /// Present when it was cancelled with a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancel_reason: Option<String>,
}

/// When a series takes place, and where.
// No Debug: notes must not reach a log.
#[derive(Serialize, ToSchema)]
#[schema(as = SeriesPattern)]
pub(crate) struct Pattern {
    /// IANA name; the zone of date and time of day, whose wall clock the series keeps.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// Its first occurrence's; its weekday is the series'.
    #[schema(format = "date")]
    first_date: String,
    #[schema(example = "18:30")]
    start_time_of_day: String,
    lesson_duration_s: i64,
    every_weeks: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "https://meet.example/anna")]
    meeting_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    notes: Option<String>,
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pattern").finish_non_exhaustive()
    }
}

/// Whether a series goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeriesState {
    /// Occurrences are ahead, booked or yet to be.
    Running,
    /// None is ahead any more.
    Ended,
    /// All that was ahead was cancelled.
    Canceled,
    /// A state newer than this gateway.
    Unknown,
}

/// An occurrence that is not booked, because something stood against it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SkippedOccurrence {
    /// Its number in the series, from 0.
    ordinal: i32,
    /// When it would have started.
    start_time: Timestamp,
    conflict: OccurrenceConflict,
    /// True when nobody was asked: it stood in the way when the time came to book it.
    unasked: bool,
}

/// What stands against an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OccurrenceConflict {
    /// It is past.
    Past,
    /// The teacher has another lesson then, with its buffers.
    TeacherBusy,
    /// The one student has another lesson then.
    StudentBusy,
    /// The teacher is off then.
    TimeOff,
    /// A conflict newer than this gateway.
    Unknown,
}

/// Which series are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeriesQuery {
    /// Also those of which nothing is ahead; default: `false`.
    #[param(value_type = Option<bool>, nullable = false, example = false)]
    pub(crate) include_ended: Option<String>,
    /// Only this group's; default: all.
    #[param(value_type = Option<Uuid>, nullable = false)]
    pub(crate) group_id: Option<String>,
    /// At most this many; default 50, never more than 200.
    #[param(value_type = Option<i32>, nullable = false, minimum = 0, maximum = 2_147_483_647, example = 50)]
    pub(crate) page_size: Option<String>,
    /// The `next_page_token` of the page before.
    #[param(nullable = false)]
    pub(crate) page_token: Option<String>,
}

/// A page of series.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesPage {
    /// The newest first.
    series: Vec<Series>,
    /// Ask with it for the next page; null: this is the last.
    next_page_token: Option<String>,
}

/// A series that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedSeries {
    #[serde(flatten)]
    pub(crate) series: Series,
    /// The lessons booked, by start; the rest are booked as their time comes.
    #[schema(value_type = Vec<Uuid>)]
    pub(crate) lesson_ids: Vec<String>,
}

/// A series that was changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedSeries {
    #[serde(flatten)]
    pub(crate) series: Series,
    /// The lessons that changed, were booked or were cancelled, by start. None in the
    /// answer to a repeat.
    #[schema(value_type = Vec<Uuid>)]
    pub(crate) changed_lesson_ids: Vec<String>,
    /// The lessons that stayed where they were.
    #[schema(value_type = Vec<Uuid>)]
    pub(crate) kept_lesson_ids: Vec<String>,
}

/// A series that was cancelled.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CanceledSeries {
    #[serde(flatten)]
    pub(crate) series: Series,
    /// How many lessons were cancelled by it.
    pub(crate) canceled_lessons: i32,
}

impl From<pb::SeriesState> for SeriesState {
    fn from(state: pb::SeriesState) -> Self {
        match state {
            pb::SeriesState::Unspecified => Self::Unknown,
            pb::SeriesState::Running => Self::Running,
            pb::SeriesState::Ended => Self::Ended,
            pb::SeriesState::Canceled => Self::Canceled,
        }
    }
}

impl From<pb::OccurrenceConflict> for OccurrenceConflict {
    fn from(conflict: pb::OccurrenceConflict) -> Self {
        match conflict {
            pb::OccurrenceConflict::Unspecified => Self::Unknown,
            pb::OccurrenceConflict::Past => Self::Past,
            pb::OccurrenceConflict::TeacherBusy => Self::TeacherBusy,
            pb::OccurrenceConflict::StudentBusy => Self::StudentBusy,
            pb::OccurrenceConflict::TimeOff => Self::TimeOff,
        }
    }
}

impl Versioned for Series {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

impl Versioned for CreatedSeries {
    fn version(&self) -> Option<i64> {
        self.series.version()
    }
}

impl Versioned for ChangedSeries {
    fn version(&self) -> Option<i64> {
        self.series.version()
    }
}

impl Versioned for CanceledSeries {
    fn version(&self) -> Option<i64> {
        self.series.version()
    }
}

impl Series {
    /// Where this series is found.
    pub(crate) fn path(&self) -> String {
        format!("/api/v1/series/{}", self.id)
    }

    /// The series in a service's answer.
    ///
    /// # Errors
    ///
    /// When there is none, or it lacks its pattern or a time.
    pub(crate) fn from_answer(series: Option<pb::Series>) -> Result<Self, Problem> {
        let Some(series) = series else {
            return Err(Problem::bad_answer("an answer without its series"));
        };
        let state = series.state().into();
        let next_start_time = series.next_start_time.as_ref().and_then(instant);
        let pattern = series.pattern.and_then(Pattern::from_answer);
        let create_time = series.create_time.as_ref().and_then(instant);
        let (Some(pattern), Some(create_time)) = (pattern, create_time) else {
            return Err(Problem::bad_answer("a series without pattern or time"));
        };
        let skipped = series.skipped.into_iter();
        Ok(Self {
            id: series.id,
            teacher_id: series.teacher_id,
            teacher_name: series.teacher_name,
            student_id: fields::text(series.student_id),
            student_name: fields::text(series.student_name),
            group_id: fields::text(series.group_id),
            group_title: fields::text(series.group_title),
            pattern,
            occurrence_count: series.occurrence_count,
            last_date: fields::text(series.last_date),
            state,
            version: series.version,
            create_time,
            next_start_time,
            skipped: skipped
                .map(SkippedOccurrence::try_from)
                .collect::<Result<_, _>>()?,
            cancel_reason: fields::text(series.cancel_reason),
        })
    }
}

impl Pattern {
    fn from_answer(pattern: pb::SeriesPattern) -> Option<Self> {
        let lesson_duration_s = fields::whole_seconds(pattern.lesson_duration.as_ref()?)?;
        Some(Self {
            time_zone: pattern.time_zone,
            first_date: pattern.first_date,
            start_time_of_day: pattern.start_time_of_day,
            lesson_duration_s,
            every_weeks: pattern.every_weeks,
            meeting_url: fields::text(pattern.meeting_url),
            notes: fields::text(pattern.notes),
        })
    }
}

impl TryFrom<pb::SkippedOccurrence> for SkippedOccurrence {
    type Error = Problem;

    fn try_from(skipped: pb::SkippedOccurrence) -> Result<Self, Problem> {
        let start_time = skipped.start_time.as_ref().and_then(instant);
        let Some(start_time) = start_time else {
            return Err(Problem::bad_answer("a skipped occurrence without its time"));
        };
        Ok(Self {
            ordinal: skipped.ordinal,
            start_time,
            conflict: skipped.conflict().into(),
            unasked: skipped.unasked,
        })
    }
}

impl TryFrom<pb::ListSeriesResponse> for SeriesPage {
    type Error = Problem;

    fn try_from(answer: pb::ListSeriesResponse) -> Result<Self, Problem> {
        let series = answer.series.into_iter().map(Some);
        Ok(Self {
            series: series.map(Series::from_answer).collect::<Result<_, _>>()?,
            next_page_token: paging::next_page(answer.next_page_token),
        })
    }
}
