//! Lessons as clients see them.

pub(crate) mod changing;
pub(crate) mod deliveries;
pub(crate) mod history;
pub(crate) mod http;
pub(crate) mod seats;

use jiff::Timestamp;
use olm_proto::{instant, lesson::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::json::{given, given_whole};
use crate::{etag::Versioned, fields, paging, problem::Problem};

/// A time to keep while deciding.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewHold {
    /// Whose time.
    #[schema(value_type = Uuid, example = "018f3c1a-7c5e-7d10-9a1b-2b6f0c4d5e6f")]
    pub(crate) teacher_id: Option<String>,
    /// A start that the teacher's slots offer, whole seconds.
    #[schema(value_type = Timestamp, example = "2026-01-16T12:00:00Z")]
    pub(crate) start_time: Option<String>,
    /// One of the lengths the teacher offers; default: the first of them.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 300, maximum = 28800)]
    pub(crate) lesson_duration_s: Option<i64>,
}

/// A lesson to book.
// No Debug: notes must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLesson {
    /// Whose lesson.
    #[schema(value_type = Uuid, example = "018f3c1a-7c5e-7d10-9a1b-2b6f0c4d5e6f")]
    pub(crate) teacher_id: Option<String>,
    /// A start that the teacher's slots offer, whole seconds.
    #[schema(value_type = Timestamp, example = "2026-01-16T12:00:00Z")]
    pub(crate) start_time: Option<String>,
    /// One of the lengths the teacher offers; default: the first of them.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 300, maximum = 28800)]
    pub(crate) lesson_duration_s: Option<i64>,
    /// Whom the lesson is for; default: the acting user. A teacher books for their own
    /// students, an admin for everybody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    pub(crate) student_id: Option<String>,
    /// The acting user's hold that becomes this lesson, with the same teacher, start and
    /// length.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    pub(crate) held_lesson_id: Option<String>,
    /// What both sides should know.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2000, pattern = "^[^\\u0000]*$")]
    pub(crate) notes: Option<String>,
    /// The acting teacher's group that the lesson is for, instead of `student_id`; whoever
    /// is in it has a seat.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    pub(crate) group_id: Option<String>,
    /// Of a group's lesson: so many seats, all free, which members take while there are
    /// any; default: everybody has one.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 1, maximum = 50)]
    pub(crate) open_seats: Option<i32>,
}

/// A change of what a lesson says; what is left out stays as it is.
// No Debug: notes must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LessonUpdate {
    /// What both sides should know; empty: nothing.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2000, pattern = "^[^\\u0000]*$")]
    pub(crate) notes: Option<String>,
    /// Where an online lesson takes place, an https URL; empty: nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        max_length = 500,
        example = "https://meet.example/anna"
    )]
    pub(crate) meeting_url: Option<String>,
}

/// Why a lesson or a request is off.
// No Debug: texts must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Explanation {
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

/// Another time for a lesson.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    /// The new start; the length stays.
    #[schema(value_type = Timestamp, example = "2026-01-16T12:00:00Z")]
    pub(crate) start_time: Option<String>,
}

/// Whether a student came.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attendance {
    /// `attended` or `no_show` for a seat of a scheduled lesson; for a seat its student
    /// gave up `late_canceled`, or `canceled` to excuse it.
    #[schema(value_type = AttendanceStatus)]
    pub(crate) status: Option<AttendanceStatus>,
}

/// What a seat became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AttendanceStatus {
    /// The student came.
    Attended,
    /// The student did not come.
    NoShow,
    /// The student gave it up too late.
    LateCanceled,
    /// The student gave it up, and that is well.
    Canceled,
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
    /// Also those that are off: cancelled, declined or lapsed; default: `false`.
    #[param(value_type = Option<bool>, nullable = false, example = false)]
    pub(crate) include_canceled: Option<String>,
    /// At most this many; default 50, never more than 200.
    #[param(value_type = Option<i32>, nullable = false, minimum = 0, maximum = 2_147_483_647, example = 50)]
    pub(crate) page_size: Option<String>,
    /// The `next_page_token` of the page before.
    #[param(nullable = false)]
    pub(crate) page_token: Option<String>,
    /// Whose lessons; default: the acting user's. Another's is for admins.
    #[param(value_type = Option<Uuid>, nullable = false)]
    pub(crate) user_id: Option<String>,
    /// The lessons of a group the acting user teaches or is in, also those without a seat
    /// of theirs; default: all of theirs.
    #[param(value_type = Option<Uuid>, nullable = false)]
    pub(crate) group_id: Option<String>,
    /// The lessons of a series the acting user may see; default: all of theirs.
    #[param(value_type = Option<Uuid>, nullable = false)]
    pub(crate) series_id: Option<String>,
}

/// A lesson the acting user takes part in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lesson {
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = "uuid")]
    teacher_id: String,
    /// Empty when the teacher was erased.
    teacher_name: String,
    start_time: Timestamp,
    end_time: Timestamp,
    status: LessonStatus,
    /// Raised by every change; see `If-Match`.
    version: i64,
    /// Raised by time, place and status only, not by somebody else joining.
    schedule_version: i64,
    /// One per student; a student sees their own.
    bookings: Vec<Booking>,
    create_time: Timestamp,
    /// Present when cancelled or declined with a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancel_reason: Option<String>,
    /// When it lapses; present when held or requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expire_time: Option<Timestamp>,
    /// What both sides should know; present when there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    notes: Option<String>,
    /// Where an online lesson takes place; present when somewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "https://meet.example/anna")]
    meeting_url: Option<String>,
    /// The group it is for; absent: one student's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    group_title: Option<String>,
    /// How many may sit in it.
    capacity: i32,
    /// How many do; also to those who see only their own seat.
    seats_taken: i32,
    /// The series that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    series_id: Option<String>,
    /// Where the series has it; another `start_time` means that it was moved by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    series_start_time: Option<Timestamp>,
}

/// A lesson that was booked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BookedLesson {
    #[serde(flatten)]
    lesson: Lesson,
    /// The group's members who have no seat because of another lesson.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, value_type = Vec<Uuid>)]
    busy_student_ids: Vec<String>,
}

/// A student's seat in a lesson.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Booking {
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = "uuid")]
    student_id: String,
    /// Empty when the student was erased.
    student_name: String,
    status: BookingStatus,
    /// Raised by every change of this seat.
    version: i64,
    /// When it is given up unless the student says that they come; present with
    /// `reconfirm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reconfirm_expire_time: Option<Timestamp>,
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
    /// A student keeps the time while deciding, until `expire_time`.
    Held,
    /// It waits for the teacher's decision, until `expire_time`.
    Requested,
    /// It takes place, or took place.
    Scheduled,
    /// It was cancelled.
    Canceled,
    /// The teacher declined the request.
    Declined,
    /// The hold or the request ran out.
    Lapsed,
    /// A status newer than this gateway.
    Unknown,
}

impl From<pb::LessonStatus> for LessonStatus {
    fn from(status: pb::LessonStatus) -> Self {
        match status {
            pb::LessonStatus::Held => Self::Held,
            pb::LessonStatus::Requested => Self::Requested,
            pb::LessonStatus::Scheduled => Self::Scheduled,
            pb::LessonStatus::Canceled => Self::Canceled,
            pb::LessonStatus::Declined => Self::Declined,
            pb::LessonStatus::Lapsed => Self::Lapsed,
            pb::LessonStatus::Unspecified => Self::Unknown,
        }
    }
}

/// Whether a student comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BookingStatus {
    /// A hold's or a request's.
    Pending,
    /// They do.
    Confirmed,
    /// The group's lesson moved onto another lesson of theirs; they are to say whether they
    /// come.
    Reconfirm,
    /// Given up in time, or the lesson is off.
    Canceled,
    /// Given up later than the teacher asks.
    LateCanceled,
    /// They came.
    Attended,
    /// They did not come.
    NoShow,
    /// A status newer than this gateway.
    Unknown,
}

impl From<pb::BookingStatus> for BookingStatus {
    fn from(status: pb::BookingStatus) -> Self {
        match status {
            pb::BookingStatus::Pending => Self::Pending,
            pb::BookingStatus::Confirmed => Self::Confirmed,
            pb::BookingStatus::Reconfirm => Self::Reconfirm,
            pb::BookingStatus::Canceled => Self::Canceled,
            pb::BookingStatus::LateCanceled => Self::LateCanceled,
            pb::BookingStatus::Attended => Self::Attended,
            pb::BookingStatus::NoShow => Self::NoShow,
            pb::BookingStatus::Unspecified => Self::Unknown,
        }
    }
}

impl From<AttendanceStatus> for pb::BookingStatus {
    fn from(status: AttendanceStatus) -> Self {
        match status {
            AttendanceStatus::Attended => Self::Attended,
            AttendanceStatus::NoShow => Self::NoShow,
            AttendanceStatus::LateCanceled => Self::LateCanceled,
            AttendanceStatus::Canceled => Self::Canceled,
        }
    }
}

impl Versioned for Lesson {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

impl Versioned for BookedLesson {
    fn version(&self) -> Option<i64> {
        self.lesson.version()
    }
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
        let status = lesson.status().into();
        let expire_time = lesson.expire_time.as_ref().and_then(instant);
        let series_start_time = lesson.series_start_time.as_ref().and_then(instant);
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
            cancel_reason: fields::text(lesson.cancel_reason),
            expire_time,
            notes: fields::text(lesson.notes),
            meeting_url: fields::text(lesson.meeting_url),
            group_id: fields::text(lesson.group_id),
            group_title: fields::text(lesson.group_title),
            capacity: lesson.capacity,
            seats_taken: lesson.seats_taken,
            series_id: fields::text(lesson.series_id),
            series_start_time,
        })
    }
}

impl From<pb::Booking> for Booking {
    fn from(booking: pb::Booking) -> Self {
        let status = booking.status().into();
        Self {
            id: booking.id,
            student_id: booking.student_id,
            student_name: booking.student_name,
            status,
            version: booking.version,
            reconfirm_expire_time: booking.reconfirm_expire_time.as_ref().and_then(instant),
        }
    }
}

impl TryFrom<pb::ListLessonsResponse> for LessonPage {
    type Error = Problem;

    fn try_from(answer: pb::ListLessonsResponse) -> Result<Self, Problem> {
        let lessons = answer.lessons.into_iter().map(Some);
        Ok(Self {
            lessons: lessons.map(Lesson::from_answer).collect::<Result<_, _>>()?,
            next_page_token: paging::next_page(answer.next_page_token),
        })
    }
}
