//! Lessons as the contracts have them.

use olm_proto::{lesson::v1 as pb, notify::v1 as notify};

use super::{Booking, BookingStatus, Lesson, LessonStatus, Role};

impl Lesson {
    /// The lesson's snapshot for planning; made from a lesson read with all its seats.
    /// `None` while it is only held: that is nobody's business yet.
    #[must_use]
    pub fn to_snapshot(&self) -> Option<notify::SyncLessonRequest> {
        let state = match self.status {
            LessonStatus::Held => return None,
            LessonStatus::Requested => notify::LessonState::Requested,
            LessonStatus::Scheduled => notify::LessonState::Scheduled,
            LessonStatus::Canceled => notify::LessonState::Canceled,
            LessonStatus::Declined => notify::LessonState::Declined,
            LessonStatus::Lapsed => notify::LessonState::Lapsed,
        };
        let changed_by = match self.changed_role {
            Role::Teacher => notify::LessonRole::Teacher,
            Role::Student => notify::LessonRole::Student,
            Role::Admin => notify::LessonRole::Admin,
            Role::System => notify::LessonRole::Unspecified,
        };
        let seat = |booking: &Booking| notify::SeatSnapshot {
            booking_id: booking.id.to_string(),
            student_id: booking.student_id.to_string(),
            canceled: match booking.status {
                BookingStatus::Canceled | BookingStatus::LateCanceled => true,
                BookingStatus::Pending
                | BookingStatus::Confirmed
                | BookingStatus::Attended
                | BookingStatus::NoShow => false,
            },
        };
        Some(notify::SyncLessonRequest {
            lesson: Some(notify::LessonSnapshot {
                lesson_id: self.id.to_string(),
                version: self.version,
                schedule_version: self.schedule_version,
                state: state.into(),
                changed_by: changed_by.into(),
                cancel_reason: self.cancel_reason.clone(),
                start_time: Some(olm_proto::timestamp(self.time.during.start)),
                end_time: Some(olm_proto::timestamp(self.time.during.end)),
                teacher_id: self.teacher_id.to_string(),
                seats: self.bookings.iter().map(seat).collect(),
                meeting_url: self.meeting_url.clone(),
                expire_time: self.expire_time.map(olm_proto::timestamp),
            }),
        })
    }
}

impl From<LessonStatus> for pb::LessonStatus {
    fn from(status: LessonStatus) -> Self {
        match status {
            LessonStatus::Held => Self::Held,
            LessonStatus::Requested => Self::Requested,
            LessonStatus::Scheduled => Self::Scheduled,
            LessonStatus::Canceled => Self::Canceled,
            LessonStatus::Declined => Self::Declined,
            LessonStatus::Lapsed => Self::Lapsed,
        }
    }
}

impl From<BookingStatus> for pb::BookingStatus {
    fn from(status: BookingStatus) -> Self {
        match status {
            BookingStatus::Pending => Self::Pending,
            BookingStatus::Confirmed => Self::Confirmed,
            BookingStatus::Canceled => Self::Canceled,
            BookingStatus::LateCanceled => Self::LateCanceled,
            BookingStatus::Attended => Self::Attended,
            BookingStatus::NoShow => Self::NoShow,
        }
    }
}

impl From<Lesson> for pb::Lesson {
    fn from(lesson: Lesson) -> Self {
        Self {
            id: lesson.id.to_string(),
            teacher_id: lesson.teacher_id.to_string(),
            teacher_name: lesson.teacher_name,
            start_time: Some(olm_proto::timestamp(lesson.time.during.start)),
            end_time: Some(olm_proto::timestamp(lesson.time.during.end)),
            status: pb::LessonStatus::from(lesson.status).into(),
            version: lesson.version,
            schedule_version: lesson.schedule_version,
            bookings: lesson.bookings.into_iter().map(Into::into).collect(),
            create_time: Some(olm_proto::timestamp(lesson.create_time)),
            cancel_reason: lesson.cancel_reason,
            expire_time: lesson.expire_time.map(olm_proto::timestamp),
            notes: lesson.notes,
            meeting_url: lesson.meeting_url,
        }
    }
}

impl From<Booking> for pb::Booking {
    fn from(booking: Booking) -> Self {
        Self {
            id: booking.id.to_string(),
            student_id: booking.student_id.to_string(),
            student_name: booking.student_name,
            status: pb::BookingStatus::from(booking.status).into(),
            version: booking.version,
        }
    }
}
