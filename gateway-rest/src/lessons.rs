//! Lessons as clients see them.

pub(crate) mod http;

use jiff::Timestamp;
use olm_proto::{instant, lesson::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

/// A lesson to book.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLesson {
    /// Whose lesson.
    #[schema(value_type = Uuid, example = "018f3c1a-7c5e-7d10-9a1b-2b6f0c4d5e6f")]
    pub(crate) teacher_id: Option<String>,
    /// A start that the teacher's slots offer.
    #[schema(value_type = Timestamp, example = "2026-01-16T12:00:00Z")]
    pub(crate) start_time: Option<String>,
}

/// A lesson's cancellation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancellation {
    /// The lesson's version that was read; a stale one is refused with 409.
    #[schema(value_type = i64, example = 1)]
    pub(crate) expected_version: Option<i64>,
    /// Shown to the other side; at most 500 characters.
    #[schema(nullable = false, example = "I am ill")]
    pub(crate) reason: Option<String>,
}

/// Which lessons are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LessonsQuery {
    /// Lessons that end after this instant; default: now.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    pub(crate) from: Option<String>,
    /// Lessons that start before this instant; default: no bound.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    pub(crate) to: Option<String>,
    /// Also cancelled ones; default: `false`.
    #[param(value_type = Option<bool>, nullable = false, example = false)]
    pub(crate) include_canceled: Option<String>,
    /// At most this many; default 50, never more than 200.
    #[param(value_type = Option<i32>, nullable = false, minimum = 0, example = 50)]
    pub(crate) page_size: Option<String>,
    /// The `next_page_token` of the page before.
    #[param(nullable = false)]
    pub(crate) page_token: Option<String>,
}

/// A lesson the acting user takes part in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lesson {
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = "uuid")]
    teacher_id: String,
    teacher_name: String,
    start_time: Timestamp,
    end_time: Timestamp,
    status: LessonStatus,
    /// Raised by every change; see `expected_version`.
    version: i64,
    /// Raised by time and status only, not by somebody else joining.
    schedule_version: i64,
    /// One per student; a student sees their own.
    bookings: Vec<Booking>,
    create_time: Timestamp,
    /// Present when cancelled with a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancel_reason: Option<String>,
}

/// A student's seat in a lesson.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Booking {
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = "uuid")]
    student_id: String,
    student_name: String,
    status: BookingStatus,
    /// Raised by every change of this seat.
    version: i64,
}

/// A page of lessons.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LessonPage {
    /// By start, then id.
    lessons: Vec<Lesson>,
    /// Ask with it for the next page; null: this is the last.
    next_page_token: Option<String>,
}

/// Whether a lesson takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LessonStatus {
    /// It does.
    Scheduled,
    /// It does not any more.
    Canceled,
    /// A status newer than this gateway.
    Unknown,
}

/// Whether a student comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BookingStatus {
    /// They do.
    Confirmed,
    /// They do not any more.
    Canceled,
    /// A status newer than this gateway.
    Unknown,
}

impl Lesson {
    /// Where this lesson is found.
    pub(crate) fn path(&self) -> String {
        format!("/api/v1/lessons/{}", self.id)
    }

    /// The lesson in a service's answer.
    ///
    /// # Errors
    ///
    /// When there is none, or it has no times.
    pub(crate) fn from_answer(lesson: Option<pb::Lesson>) -> Result<Self, Problem> {
        let Some(lesson) = lesson else {
            return Err(Problem::bad_answer("an answer without its lesson"));
        };
        let status = match lesson.status() {
            pb::LessonStatus::Scheduled => LessonStatus::Scheduled,
            pb::LessonStatus::Canceled => LessonStatus::Canceled,
            pb::LessonStatus::Unspecified => LessonStatus::Unknown,
        };
        let times = [lesson.start_time, lesson.end_time, lesson.create_time];
        let times = times.map(|time| time.as_ref().and_then(instant));
        let [Some(start_time), Some(end_time), Some(create_time)] = times else {
            return Err(Problem::bad_answer("a lesson without its times"));
        };
        Ok(Self {
            id: lesson.id,
            teacher_id: lesson.teacher_id,
            teacher_name: lesson.teacher_name,
            start_time,
            end_time,
            status,
            version: lesson.version,
            schedule_version: lesson.schedule_version,
            bookings: lesson.bookings.into_iter().map(Booking::from).collect(),
            create_time,
            cancel_reason: Some(lesson.cancel_reason).filter(|reason| !reason.is_empty()),
        })
    }
}

impl From<pb::Booking> for Booking {
    fn from(booking: pb::Booking) -> Self {
        let status = match booking.status() {
            pb::BookingStatus::Confirmed => BookingStatus::Confirmed,
            pb::BookingStatus::Canceled => BookingStatus::Canceled,
            pb::BookingStatus::Unspecified => BookingStatus::Unknown,
        };
        Self {
            id: booking.id,
            student_id: booking.student_id,
            student_name: booking.student_name,
            status,
            version: booking.version,
        }
    }
}

impl TryFrom<pb::ListLessonsResponse> for LessonPage {
    type Error = Problem;

    fn try_from(answer: pb::ListLessonsResponse) -> Result<Self, Problem> {
        let lessons = answer.lessons.into_iter().map(Some);
        Ok(Self {
            lessons: lessons.map(Lesson::from_answer).collect::<Result<_, _>>()?,
            next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
        })
    }
}
