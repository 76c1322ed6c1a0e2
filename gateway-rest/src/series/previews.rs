//! What making or changing a series would do, as clients see it.

use jiff::Timestamp;
use olm_proto::{instant, lesson::v1 as pb};
use serde::Serialize;
use utoipa::ToSchema;

use super::OccurrenceConflict;
use crate::{fields, problem::Problem};

/// What making a series would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesPreview {
    /// Every occurrence, by start.
    occurrences: Vec<PreviewedOccurrence>,
    /// How many of them something stands against.
    conflict_count: i32,
    /// The reader's zone, IANA name.
    viewer_time_zone: String,
    /// The students for whom the hour of their clock shifts at some occurrence.
    #[schema(value_type = Vec<Uuid>)]
    shifted_student_ids: Vec<String>,
    /// How many lessons would be booked at once; the rest as their time comes.
    booked_count: i32,
}

/// What changing a series would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesChangePreview {
    /// Every occurrence that would move or be booked, by start.
    occurrences: Vec<PreviewedOccurrence>,
    conflict_count: i32,
    /// The lessons that keep their own time, by start.
    #[schema(value_type = Vec<Uuid>)]
    kept_lesson_ids: Vec<String>,
    /// The lessons that would be cancelled, by start.
    #[schema(value_type = Vec<Uuid>)]
    canceled_lesson_ids: Vec<String>,
    /// The reader's zone, IANA name.
    viewer_time_zone: String,
}

/// An occurrence as a preview finds it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewedOccurrence {
    /// Its number in the series, from 0.
    ordinal: i32,
    start_time: Timestamp,
    end_time: Timestamp,
    /// The start as the series' clock shows it.
    #[schema(format = "date-time")]
    local_start_time: String,
    /// The start as the reader's clock shows it.
    #[schema(format = "date-time")]
    viewer_local_start_time: String,
    /// What stands against it; absent: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    conflict: Option<OccurrenceConflict>,
    /// The teacher's lesson that stands against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    conflicting_lesson_id: Option<String>,
    /// The group's members who have another lesson then: they get no seat in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, value_type = Vec<Uuid>)]
    busy_student_ids: Vec<String>,
    /// What clocks do to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    clock_marks: Vec<ClockMark>,
    /// It is outside the teacher's hours of work; nothing stands against it for that.
    outside_hours: bool,
    /// Of a change: the lesson that moves; absent: it is booked anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    lesson_id: Option<String>,
    /// Of a change: where that lesson is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    previous_start_time: Option<Timestamp>,
}

/// What clocks do to an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClockMark {
    /// A clock change leaves its hour out: it takes place later by as much.
    Gap,
    /// A clock change repeats its hour: it takes place the first time.
    Fold,
    /// The series' own clock changed since the occurrence before.
    SeriesClockChanged,
    /// For the teacher it begins at another hour than the one before.
    TeacherTimeShifts,
    /// For a student it does; see `shifted_student_ids`.
    StudentTimeShifts,
    /// A mark newer than this gateway.
    Unknown,
}

impl From<pb::ClockMark> for ClockMark {
    fn from(mark: pb::ClockMark) -> Self {
        match mark {
            pb::ClockMark::Unspecified => Self::Unknown,
            pb::ClockMark::Gap => Self::Gap,
            pb::ClockMark::Fold => Self::Fold,
            pb::ClockMark::SeriesClockChanged => Self::SeriesClockChanged,
            pb::ClockMark::TeacherTimeShifts => Self::TeacherTimeShifts,
            pb::ClockMark::StudentTimeShifts => Self::StudentTimeShifts,
        }
    }
}

impl TryFrom<pb::PreviewedOccurrence> for PreviewedOccurrence {
    type Error = Problem;

    fn try_from(occurrence: pb::PreviewedOccurrence) -> Result<Self, Problem> {
        // Absence is told as 0, which is no conflict; an unknown one is not 0.
        let conflict = (occurrence.conflict != 0).then(|| occurrence.conflict().into());
        let clock_marks = occurrence.clock_marks().map(ClockMark::from).collect();
        let times = [occurrence.start_time, occurrence.end_time];
        let [Some(start_time), Some(end_time)] = times.map(|time| time.as_ref().and_then(instant))
        else {
            return Err(Problem::bad_answer("an occurrence without its times"));
        };
        Ok(Self {
            ordinal: occurrence.ordinal,
            start_time,
            end_time,
            local_start_time: occurrence.local_start_time,
            viewer_local_start_time: occurrence.viewer_local_start_time,
            conflict,
            conflicting_lesson_id: fields::text(occurrence.conflicting_lesson_id),
            busy_student_ids: occurrence.busy_student_ids,
            clock_marks,
            outside_hours: occurrence.outside_hours,
            lesson_id: fields::text(occurrence.lesson_id),
            previous_start_time: occurrence.previous_start_time.as_ref().and_then(instant),
        })
    }
}

fn occurrences(told: Vec<pb::PreviewedOccurrence>) -> Result<Vec<PreviewedOccurrence>, Problem> {
    told.into_iter()
        .map(PreviewedOccurrence::try_from)
        .collect()
}

impl TryFrom<pb::PreviewSeriesResponse> for SeriesPreview {
    type Error = Problem;

    fn try_from(answer: pb::PreviewSeriesResponse) -> Result<Self, Problem> {
        Ok(Self {
            occurrences: occurrences(answer.occurrences)?,
            conflict_count: answer.conflict_count,
            viewer_time_zone: answer.viewer_time_zone,
            shifted_student_ids: answer.shifted_student_ids,
            booked_count: answer.booked_count,
        })
    }
}

impl TryFrom<pb::PreviewSeriesUpdateResponse> for SeriesChangePreview {
    type Error = Problem;

    fn try_from(answer: pb::PreviewSeriesUpdateResponse) -> Result<Self, Problem> {
        Ok(Self {
            occurrences: occurrences(answer.occurrences)?,
            conflict_count: answer.conflict_count,
            kept_lesson_ids: answer.kept_lesson_ids,
            canceled_lesson_ids: answer.canceled_lesson_ids,
            viewer_time_zone: answer.viewer_time_zone,
        })
    }
}
