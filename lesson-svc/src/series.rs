//! Lessons at one wall-clock hour every n weeks (docs/decisions/0013): the series says how it
//! goes on, its occurrences what was decided about each.

pub mod ahead;
pub mod busy;
pub mod canceling;
pub mod change;
pub mod clocks;
pub mod creating;
pub mod deciding;
pub mod forgetting;
pub mod grpc;
pub mod listing;
pub mod materialising;
pub mod messages;
pub mod pattern;
pub mod previewing;
pub mod reading;
pub mod store;
pub mod telling;
pub mod updating;

use jiff::Timestamp;

use crate::{
    actors::Actor,
    errors::Error,
    ids::{GroupId, LessonId, SeriesId, UserId},
    lessons::{Acting, Role, named},
};
pub use pattern::{Occurrence, Pattern};

named! {
    /// Whether a series goes on.
    Status of "series.status" {
        /// It goes on, or came to its end.
        Running = "running",
        /// All that was ahead was cancelled.
        Canceled = "canceled",
    }
}

named! {
    /// What stands against an occurrence; the first that applies, in this order.
    Conflict of "series_occurrences.skip_reason" {
        /// It is past.
        Past = "past",
        /// The teacher has another lesson then, or is in one of somebody else's.
        TeacherBusy = "teacher_busy",
        /// The one student has another lesson then.
        StudentBusy = "student_busy",
        /// The teacher is off.
        TimeOff = "time_off",
    }
}

/// Whom a series is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learner {
    /// One student.
    Student {
        /// Who.
        id: UserId,
        /// Empty when the student was erased.
        name: String,
    },
    /// Whoever is in a group.
    Group {
        /// Which.
        id: GroupId,
        /// What it is called.
        title: String,
        /// How many may sit in each lesson.
        capacity: i16,
    },
}

impl Learner {
    /// The one student.
    #[must_use]
    pub fn student(&self) -> Option<UserId> {
        match self {
            Self::Student { id, .. } => Some(*id),
            Self::Group { .. } => None,
        }
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> Option<GroupId> {
        match self {
            Self::Student { .. } => None,
            Self::Group { id, .. } => Some(*id),
        }
    }
}

/// A series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The series' id.
    pub id: SeriesId,
    /// Who teaches.
    pub teacher_id: UserId,
    /// Empty when the teacher was erased.
    pub teacher_name: String,
    /// Whom it is for.
    pub learner: Learner,
    /// When its occurrences are.
    pub pattern: Pattern,
    /// Occurrences 0 to this minus one exist.
    pub occurrence_count: i16,
    /// Those below were decided.
    pub next_ordinal: i16,
    /// Whether it goes on.
    pub status: Status,
    /// Of every lesson; may be empty.
    pub meeting_url: String,
    /// Of every lesson; may be empty.
    pub notes: String,
    /// The admin who gave it notes or link last; `None`: its teacher did.
    pub described_by: Option<UserId>,
    /// May be empty.
    pub cancel_reason: String,
    /// When the first lesson started that the last cancellation took away.
    pub canceled_from: Option<Timestamp>,
    /// The last change of its schedule.
    pub change: LastChange,
    /// Raised by every change that somebody makes.
    pub version: i64,
    /// Raised by pattern, place, end and status.
    pub schedule_version: i64,
    /// Raised whenever notify-svc is told.
    pub told_version: i64,
    /// When it was made.
    pub create_time: Timestamp,
    /// When the next occurrences are to be decided.
    pub due_time: Option<Timestamp>,
}

/// Who changed a series last, so that a repeat is known as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastChange {
    /// In which role.
    pub role: Role,
    /// `None`: time, or nobody who can be asked.
    pub by: Option<UserId>,
    /// SHA-256 of the request; `None` of a new series.
    pub hash: Option<Vec<u8>>,
}

impl Series {
    /// In which role somebody acts on it; `None`: as a member of its group.
    ///
    /// # Errors
    ///
    /// [`Error::TeacherOnly`] for the members of its group.
    pub fn acting(&self, actor: Actor) -> Result<Acting, Error> {
        let user = actor.user;
        let role = if user == self.teacher_id {
            Role::Teacher
        } else if self.learner.student() == Some(user) {
            Role::Student
        } else if actor.admin {
            Role::Admin
        } else {
            return Err(Error::TeacherOnly);
        };
        Ok(Acting { user, role })
    }

    /// True when the last change was the same request of the same person from the same
    /// version.
    #[must_use]
    pub fn is_repeat(&self, by: UserId, expected_version: i64, hash: &[u8]) -> bool {
        self.version == expected_version.saturating_add(1)
            && self.change.by == Some(by)
            && self.change.hash.as_deref() == Some(hash)
    }

    /// Says who gave it notes or link.
    pub fn describe(&mut self, by: Acting) {
        self.described_by = (by.role == Role::Admin).then_some(by.user);
    }

    /// When its last occurrence starts, by the pattern.
    #[must_use]
    pub fn last_start(&self) -> Option<Timestamp> {
        let last = Some(self.occurrence_count - 1).filter(|last| *last >= 0)?;
        self.pattern.occurrence(last).map(|last| last.during.start)
    }

    /// Says anew when its next occurrences are to be decided, `horizon` before they start.
    pub fn rearm(&mut self, horizon: jiff::SignedDuration) {
        let undecided = self.status == Status::Running && self.next_ordinal < self.occurrence_count;
        let next = self.pattern.occurrence(self.next_ordinal);
        self.due_time = next
            .filter(|_| undecided)
            .map(|next| crate::availability::calendar::saturating(next.during.start, -horizon));
    }
}

/// What was decided about an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// It is a lesson.
    Booked(LessonId),
    /// It is none.
    Skipped {
        /// What stood against it.
        conflict: Conflict,
        /// Nobody was asked.
        unasked: bool,
    },
}

/// An occurrence that was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its number in the series.
    pub ordinal: i16,
    /// Where the pattern has it.
    pub original_start: Timestamp,
    /// What was decided.
    pub decided: Decided,
}

/// How a series stands now: what its messages and snapshots say beside its own row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// When its next lesson starts that is not off.
    pub next_start: Option<Timestamp>,
    /// When its last booked lesson ahead starts.
    pub last_booked: Option<Timestamp>,
    /// How many booked lessons are ahead.
    pub ahead: i32,
    /// The skipped occurrences ahead, by start.
    pub skipped: Vec<Kept>,
}

impl Series {
    /// True when nothing of a running series is ahead any more.
    #[must_use]
    pub fn has_ended(&self, standing: &Standing, now: Timestamp) -> bool {
        let last = self.last_start();
        let over = last.is_none_or(|last| {
            crate::availability::calendar::saturating(last, self.pattern.duration) <= now
        });
        self.status == Status::Running && over && standing.next_start.is_none()
    }
}
