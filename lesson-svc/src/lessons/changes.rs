//! The history of lessons: who changed what, and when. Never rewritten.

pub mod store;

use jiff::Timestamp;
use olm_proto::lesson::v1 as pb;

use super::{BookingStatus, Lesson, Role, named};
use crate::{
    availability::slots::Stretch,
    errors::Error,
    ids::{BookingId, LessonId, UserId},
};

named! {
    /// What was done to a lesson.
    Kind of "lesson_changes.kind" {
        /// A student began to keep the time.
        Held = "held",
        /// A student asked for it.
        Requested = "requested",
        /// It was booked without need of approval.
        Booked = "booked",
        /// The request was accepted.
        Confirmed = "confirmed",
        /// The request was refused.
        Declined = "declined",
        /// The hold or the request ran out.
        Lapsed = "lapsed",
        /// It got another time.
        Moved = "moved",
        /// It was cancelled, withdrawn or let go.
        Canceled = "canceled",
        /// Notes or meeting link.
        Updated = "updated",
        /// Who came, and who did not.
        Attendance = "attendance",
        /// A student took a seat.
        Joined = "joined",
        /// A student gave up their seat, or the teacher took it.
        Left = "left",
        /// A student comes to the new time too.
        Reconfirmed = "reconfirmed",
        /// A student did not say in time whether they come to the new time.
        SeatFreed = "seat_freed",
    }
}

impl Kind {
    /// Whether its line says what became of a seat.
    pub(super) fn tells_of_seats(self) -> bool {
        match self {
            Self::Canceled
            | Self::Attendance
            | Self::Joined
            | Self::Left
            | Self::Reconfirmed
            | Self::SeatFreed => true,
            Self::Held
            | Self::Requested
            | Self::Booked
            | Self::Confirmed
            | Self::Declined
            | Self::Lapsed
            | Self::Moved
            | Self::Updated => false,
        }
    }
}

/// One line of a lesson's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose history.
    pub lesson: LessonId,
    /// The lesson's version after it.
    pub version: i64,
    /// What was done.
    pub kind: Kind,
    /// `None` when time did it.
    pub actor: Option<UserId>,
    /// In which role.
    pub role: Role,
    /// When.
    pub time: Timestamp,
    /// The lesson's time after it.
    pub during: Stretch,
    /// Of a move: the time before it.
    pub previous: Option<Stretch>,
    /// The one seat it concerns; `None`: all of them.
    pub booking: Option<BookingId>,
    /// What the seat became.
    pub booking_status: Option<BookingStatus>,
}

/// A lesson as a change leaves it, and the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// With all its seats.
    pub lesson: Lesson,
    /// The line of its history.
    pub change: Change,
    /// Whether notify-svc is told.
    pub tell: bool,
}

impl From<Change> for pb::LessonChange {
    fn from(change: Change) -> Self {
        let kind = match change.kind {
            Kind::Held => pb::LessonChangeKind::Held,
            Kind::Requested => pb::LessonChangeKind::Requested,
            Kind::Booked => pb::LessonChangeKind::Booked,
            Kind::Confirmed => pb::LessonChangeKind::Confirmed,
            Kind::Declined => pb::LessonChangeKind::Declined,
            Kind::Lapsed => pb::LessonChangeKind::Lapsed,
            Kind::Moved => pb::LessonChangeKind::Moved,
            Kind::Canceled => pb::LessonChangeKind::Canceled,
            Kind::Updated => pb::LessonChangeKind::Updated,
            Kind::Attendance => pb::LessonChangeKind::Attendance,
            Kind::Joined => pb::LessonChangeKind::Joined,
            Kind::Left => pb::LessonChangeKind::Left,
            Kind::Reconfirmed => pb::LessonChangeKind::Reconfirmed,
            Kind::SeatFreed => pb::LessonChangeKind::SeatFreed,
        };
        let role = match change.role {
            Role::Teacher => pb::ActorRole::Teacher,
            Role::Student => pb::ActorRole::Student,
            Role::Admin => pb::ActorRole::Admin,
            Role::System => pb::ActorRole::System,
        };
        let booking_status = change.booking_status.map(pb::BookingStatus::from);
        Self {
            version: change.version,
            kind: kind.into(),
            actor_id: change.actor.map(|id| id.to_string()).unwrap_or_default(),
            actor_role: role.into(),
            change_time: Some(olm_proto::timestamp(change.time)),
            start_time: Some(olm_proto::timestamp(change.during.start)),
            end_time: Some(olm_proto::timestamp(change.during.end)),
            previous_start_time: change.previous.map(|time| olm_proto::timestamp(time.start)),
            previous_end_time: change.previous.map(|time| olm_proto::timestamp(time.end)),
            booking_status: booking_status.unwrap_or_default().into(),
        }
    }
}
