//! Lessons as the contracts have them.

use std::collections::BTreeMap;

use olm_proto::{lesson::v1 as pb, notify::v1 as notify};

use super::{Booking, BookingStatus, Lesson, LessonStatus, Role};

/// Seats in a snapshot: notify-svc takes no more.
const MOST_SEATS_TOLD: usize = 200;

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
        Some(notify::SyncLessonRequest {
            lesson: Some(notify::LessonSnapshot {
                lesson_id: self.id.to_string(),
                version: self.version,
                schedule_version: self.schedule_version,
                state: state.into(),
                changed_by: self.changed_role.to_notify().into(),
                cancel_reason: self.cancel_reason.clone(),
                start_time: Some(olm_proto::timestamp(self.time.during.start)),
                end_time: Some(olm_proto::timestamp(self.time.during.end)),
                teacher_id: self.teacher_id.to_string(),
                seats: self.told_seats().map(Booking::to_snapshot).collect(),
                meeting_url: self.meeting_url.clone(),
                expire_time: self.expire_time.map(olm_proto::timestamp),
                group_title: self
                    .group
                    .as_ref()
                    .map_or("", |group| &group.title)
                    .to_owned(),
                group_id: self
                    .group
                    .as_ref()
                    .map_or_else(String::new, |group| group.id.to_string()),
                series_id: self
                    .series
                    .map_or_else(String::new, |series| series.id.to_string()),
                with_series: self.with_series,
            }),
        })
    }

    /// The seats that planning needs: those that are taken, and of each student the last one
    /// given up; by id, which is by the time they were taken.
    fn told_seats(&self) -> impl Iterator<Item = &Booking> {
        let last: BTreeMap<_, _> = self
            .bookings
            .iter()
            .filter(|seat| seat.is_free())
            .map(|seat| (seat.student_id, seat.id))
            .collect();
        let ended = self.bookings.iter().filter(|seat| seat.is_free());
        let ended: Vec<_> = ended
            .filter(|seat| last.get(&seat.student_id) == Some(&seat.id))
            .map(|seat| seat.id)
            .collect();
        let taken = self.bookings.iter().filter(|seat| !seat.is_free()).count();
        let room = MOST_SEATS_TOLD.saturating_sub(taken).min(ended.len());
        // The latest of them, when there are too many.
        let oldest = ended.get(ended.len() - room).copied();
        let told = move |seat: &&Booking| {
            !seat.is_free() || (ended.contains(&seat.id) && oldest.is_some_and(|id| seat.id >= id))
        };
        self.bookings.iter().filter(told)
    }
}

impl Booking {
    fn to_snapshot(&self) -> notify::SeatSnapshot {
        notify::SeatSnapshot {
            booking_id: self.id.to_string(),
            student_id: self.student_id.to_string(),
            canceled: self.is_free(),
            reconfirm: self.status == BookingStatus::Reconfirm,
            reconfirm_expire_time: self.reconfirm_expire_time.map(olm_proto::timestamp),
            changed_by: self.changed_role.to_notify().into(),
            with_series: self.with_series,
        }
    }
}

impl Role {
    /// As notify-svc is told; time is nobody.
    #[must_use]
    pub fn to_notify(self) -> notify::LessonRole {
        match self {
            Self::Teacher => notify::LessonRole::Teacher,
            Self::Student => notify::LessonRole::Student,
            Self::Admin => notify::LessonRole::Admin,
            Self::System => notify::LessonRole::Unspecified,
        }
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
            BookingStatus::Reconfirm => Self::Reconfirm,
            BookingStatus::Canceled => Self::Canceled,
            BookingStatus::LateCanceled => Self::LateCanceled,
            BookingStatus::Attended => Self::Attended,
            BookingStatus::NoShow => Self::NoShow,
        }
    }
}

impl From<Lesson> for pb::Lesson {
    fn from(lesson: Lesson) -> Self {
        let (group_id, group_title) = match lesson.group {
            Some(group) => (group.id.to_string(), group.title),
            None => (String::new(), String::new()),
        };
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
            group_id,
            group_title,
            capacity: lesson.capacity.into(),
            seats_taken: lesson.seats_taken.into(),
            series_id: lesson
                .series
                .map_or_else(String::new, |series| series.id.to_string()),
            series_start_time: lesson
                .series
                .map(|series| olm_proto::timestamp(series.original_start)),
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
            reconfirm_expire_time: booking.reconfirm_expire_time.map(olm_proto::timestamp),
        }
    }
}
