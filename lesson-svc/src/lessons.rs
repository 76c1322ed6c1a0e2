//! Lessons and the seats in them.

pub mod booking;
pub mod cancelling;
pub mod grpc;
pub mod store;

use jiff::Timestamp;
use olm_proto::{lesson::v1 as pb, notify::v1 as notify};

use crate::{
    availability::slots::Stretch,
    errors::{Error, check_version},
    ids::{BookingId, LessonId, UserId},
};

/// The longest reason for a cancellation, in characters.
pub const LONGEST_REASON: usize = 500;

/// What became of a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LessonStatus {
    /// It takes place, or took place.
    Scheduled,
    /// It was cancelled.
    Canceled,
}

/// What became of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookingStatus {
    /// The student comes.
    Confirmed,
    /// The seat was given up.
    Canceled,
}

/// The teacher's occurrence: one stretch of the teacher's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// The lesson's id.
    pub id: LessonId,
    /// Who teaches.
    pub teacher_id: UserId,
    /// The teacher's name.
    pub teacher_name: String,
    /// When it takes place.
    pub during: Stretch,
    /// What became of it.
    pub status: LessonStatus,
    /// Raised by every change; orders snapshots.
    pub version: i64,
    /// Raised by time, place and status only.
    pub schedule_version: i64,
    /// Who cancelled it.
    pub canceled_by: Option<UserId>,
    /// May be empty.
    pub cancel_reason: String,
    /// When it was booked.
    pub create_time: Timestamp,
    /// The seats the reader may see, by id.
    pub bookings: Vec<Booking>,
}

/// A student's seat in a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// The seat's id.
    pub id: BookingId,
    /// Who comes.
    pub student_id: UserId,
    /// The student's name.
    pub student_name: String,
    /// What became of it.
    pub status: BookingStatus,
    /// Raised by every change of this seat.
    pub version: i64,
}

/// What cancelling a lesson comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// It is cancelled now.
    Now,
    /// The same person cancelled it before, from the same version: the answer is the
    /// same again.
    Repeat,
}

impl Lesson {
    /// Decides about a cancellation by somebody who takes part.
    ///
    /// # Errors
    ///
    /// [`Error::VersionStale`], [`Error::LessonCanceled`] or [`Error::LessonStarted`].
    pub fn cancel(
        &self,
        by: UserId,
        expected_version: i64,
        now: Timestamp,
    ) -> Result<Cancellation, Error> {
        let canceled = self.status == LessonStatus::Canceled;
        if canceled
            && self.canceled_by == Some(by)
            && self.version.checked_sub(1) == Some(expected_version)
        {
            return Ok(Cancellation::Repeat);
        }
        check_version(expected_version, self.version)?;
        if canceled {
            return Err(Error::LessonCanceled);
        }
        if now >= self.during.start {
            return Err(Error::LessonStarted);
        }
        Ok(Cancellation::Now)
    }

    /// The lesson's snapshot for planning; made from a lesson read with all its seats.
    #[must_use]
    pub fn to_snapshot(&self) -> notify::SyncLessonRequest {
        let canceled_by = match self.canceled_by {
            None => notify::LessonRole::Unspecified,
            Some(by) if by == self.teacher_id => notify::LessonRole::Teacher,
            Some(_) => notify::LessonRole::Student,
        };
        let seat = |booking: &Booking| notify::SeatSnapshot {
            booking_id: booking.id.to_string(),
            student_id: booking.student_id.to_string(),
            canceled: booking.status == BookingStatus::Canceled,
        };
        notify::SyncLessonRequest {
            lesson: Some(notify::LessonSnapshot {
                lesson_id: self.id.to_string(),
                version: self.version,
                schedule_version: self.schedule_version,
                state: match self.status {
                    LessonStatus::Scheduled => notify::LessonState::Scheduled,
                    LessonStatus::Canceled => notify::LessonState::Canceled,
                }
                .into(),
                changed_by: canceled_by.into(),
                cancel_reason: self.cancel_reason.clone(),
                start_time: Some(olm_proto::timestamp(self.during.start)),
                end_time: Some(olm_proto::timestamp(self.during.end)),
                teacher_id: self.teacher_id.to_string(),
                seats: self.bookings.iter().map(seat).collect(),
                ..notify::LessonSnapshot::default()
            }),
        }
    }
}

impl From<Lesson> for pb::Lesson {
    fn from(lesson: Lesson) -> Self {
        let status = match lesson.status {
            LessonStatus::Scheduled => pb::LessonStatus::Scheduled,
            LessonStatus::Canceled => pb::LessonStatus::Canceled,
        };
        Self {
            id: lesson.id.to_string(),
            teacher_id: lesson.teacher_id.to_string(),
            teacher_name: lesson.teacher_name,
            start_time: Some(olm_proto::timestamp(lesson.during.start)),
            end_time: Some(olm_proto::timestamp(lesson.during.end)),
            status: status.into(),
            version: lesson.version,
            schedule_version: lesson.schedule_version,
            bookings: lesson.bookings.into_iter().map(Into::into).collect(),
            create_time: Some(olm_proto::timestamp(lesson.create_time)),
            cancel_reason: lesson.cancel_reason,
            ..Self::default()
        }
    }
}

impl From<Booking> for pb::Booking {
    fn from(booking: Booking) -> Self {
        let status = match booking.status {
            BookingStatus::Confirmed => pb::BookingStatus::Confirmed,
            BookingStatus::Canceled => pb::BookingStatus::Canceled,
        };
        Self {
            id: booking.id.to_string(),
            student_id: booking.student_id.to_string(),
            student_name: booking.student_name,
            status: status.into(),
            version: booking.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEACHER: UserId = UserId(uuid::Uuid::from_u128(1));
    const STUDENT: UserId = UserId(uuid::Uuid::from_u128(2));

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn lesson(version: i64, canceled_by: Option<UserId>) -> Lesson {
        Lesson {
            id: LessonId(uuid::Uuid::from_u128(3)),
            teacher_id: TEACHER,
            teacher_name: "T".to_owned(),
            during: Stretch {
                start: at("2026-06-01T09:00:00Z"),
                end: at("2026-06-01T10:00:00Z"),
            },
            status: match canceled_by {
                None => LessonStatus::Scheduled,
                Some(_) => LessonStatus::Canceled,
            },
            version,
            schedule_version: version,
            canceled_by,
            cancel_reason: String::new(),
            create_time: at("2026-05-01T09:00:00Z"),
            bookings: Vec::new(),
        }
    }

    #[test]
    fn a_lesson_is_cancelled_until_it_begins() {
        let before = at("2026-06-01T08:59:59.999999999Z");
        let start = at("2026-06-01T09:00:00Z");
        assert!(matches!(
            lesson(1, None).cancel(STUDENT, 1, before),
            Ok(Cancellation::Now)
        ));
        assert!(matches!(
            lesson(1, None).cancel(STUDENT, 1, start),
            Err(Error::LessonStarted)
        ));
    }

    #[test]
    fn only_the_same_person_with_the_same_version_repeats_a_cancellation() {
        let now = at("2026-06-01T09:30:00Z");
        let canceled = lesson(2, Some(STUDENT));
        assert!(matches!(
            canceled.cancel(STUDENT, 1, now),
            Ok(Cancellation::Repeat)
        ));
        assert!(matches!(
            canceled.cancel(TEACHER, 1, now),
            Err(Error::VersionStale { current: 2 })
        ));
        assert!(matches!(
            canceled.cancel(STUDENT, 2, now),
            Err(Error::LessonCanceled)
        ));
        assert!(matches!(
            canceled.cancel(TEACHER, 2, now),
            Err(Error::LessonCanceled)
        ));
    }

    #[test]
    fn the_snapshot_says_which_side_cancelled() {
        let role = |lesson: &Lesson| lesson.to_snapshot().lesson.unwrap().changed_by();
        assert_eq!(role(&lesson(1, None)), notify::LessonRole::Unspecified);
        assert_eq!(role(&lesson(2, Some(TEACHER))), notify::LessonRole::Teacher);
        assert_eq!(role(&lesson(2, Some(STUDENT))), notify::LessonRole::Student);
    }
}
