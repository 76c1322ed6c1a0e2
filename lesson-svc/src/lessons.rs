//! Lessons and the seats in them.

pub mod booking;
pub mod cancelling;
pub mod changes;
pub mod changing;
pub mod currency;
pub mod gathering;
pub mod grpc;
pub mod holding;
pub mod lapsing;
pub mod listing;
pub mod messages;
pub mod moving;
pub mod placing;
pub mod reading;
pub mod reconfirming;
pub mod recording;
pub mod rules;
pub mod seats;
pub mod store;

use jiff::{SignedDuration, Timestamp};

use crate::{
    actors::Actor,
    availability::slots::Bookable,
    errors::Error,
    ids::{BookingId, GroupId, LessonId, SeriesId, UserId},
};

/// The longest reason for a cancellation or a refusal, in characters.
pub const LONGEST_REASON: usize = 500;
/// The longest notes, in characters.
pub const LONGEST_NOTES: usize = 2000;
/// The longest meeting link, in characters.
pub const LONGEST_URL: usize = 500;

/// An enum that the database holds by name.
macro_rules! named {
    ($(#[$meta:meta])* $type:ident of $column:literal {
        $($(#[$doc:meta])* $variant:ident = $name:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type {
            $($(#[$doc])* $variant,)+
        }

        impl $type {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in the database.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The one with this name.
            ///
            /// # Errors
            ///
            /// [`Error::Corrupt`] when there is none.
            pub fn from_name(name: &str) -> Result<Self, Error> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(Error::Corrupt($column)),
                }
            }
        }
    };
}
pub(crate) use named;

named! {
    /// Where a lesson stands.
    LessonStatus of "lessons.status" {
        /// A student keeps the time while deciding.
        Held = "held",
        /// Waits for the teacher's decision.
        Requested = "requested",
        /// It takes place, or took place.
        Scheduled = "scheduled",
        /// It was cancelled, withdrawn or let go.
        Canceled = "canceled",
        /// The teacher declined the request.
        Declined = "declined",
        /// The hold or the request ran out.
        Lapsed = "lapsed",
    }
}

named! {
    /// What became of a seat.
    BookingStatus of "bookings.status" {
        /// Of a hold or a request.
        Pending = "pending",
        /// The student comes.
        Confirmed = "confirmed",
        /// The group's lesson moved onto another lesson of the student: the seat is kept,
        /// but takes none of the student's time, until they say that they come.
        Reconfirm = "reconfirm",
        /// Given up in time, or the lesson is off.
        Canceled = "canceled",
        /// Given up by the student later than the teacher's cancel notice.
        LateCanceled = "late_canceled",
        /// The student came.
        Attended = "attended",
        /// The student did not come.
        NoShow = "no_show",
    }
}

named! {
    /// In which role somebody acts on a lesson.
    Role of "lesson_changes.actor_role" {
        /// The lesson's teacher.
        Teacher = "teacher",
        /// A student with a seat in it.
        Student = "student",
        /// An admin who takes no part.
        Admin = "admin",
        /// Nobody: time.
        System = "system",
    }
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
    /// What the teacher asks of students, as of now.
    pub notices: Notices,
    /// When it takes place, and with its buffers.
    pub time: Bookable,
    /// Where it stands.
    pub status: LessonStatus,
    /// Raised by every change; orders snapshots.
    pub version: i64,
    /// Raised by time, place and status only.
    pub schedule_version: i64,
    /// In which role the last change of time, place or status was made.
    pub changed_role: Role,
    /// When a hold or a request runs out; `None` for all others.
    pub expire_time: Option<Timestamp>,
    /// Who cancelled or declined it.
    pub canceled_by: Option<UserId>,
    /// May be empty.
    pub cancel_reason: String,
    /// May be empty.
    pub notes: String,
    /// An https URL; may be empty.
    pub meeting_url: String,
    /// The group it is for; `None`: one student's.
    pub group: Option<OfGroup>,
    /// How many may sit in it; 1 of one student's.
    pub capacity: i16,
    /// All seats were free when it was booked: who is in the group joins by themselves, and
    /// it has no more seats when the group has.
    pub open_seats: bool,
    /// How many do, also those whom the reader may not see.
    pub seats_taken: i16,
    /// The series that made it.
    pub series: Option<OfSeries>,
    /// Whether the last change of time, place or status was made with the whole series,
    /// which tells of it.
    pub with_series: bool,
    /// When it was made.
    pub create_time: Timestamp,
    /// The seats the reader may see, by id.
    pub bookings: Vec<Booking>,
}

/// The group that a lesson is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfGroup {
    /// Which.
    pub id: GroupId,
    /// What it is called.
    pub title: String,
}

/// Where a lesson is in the series that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfSeries {
    /// Which.
    pub id: SeriesId,
    /// Where the series has it; another start means that it was moved by itself.
    pub original_start: Timestamp,
}

/// How long before its start a student may still act on a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notices {
    /// Later than this before the start, a student cancels late.
    pub cancel: SignedDuration,
    /// Later than this before the start, a student does not move it.
    pub reschedule: SignedDuration,
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
    /// When a seat that is to be reconfirmed is given up; `None` for all others.
    pub reconfirm_expire_time: Option<Timestamp>,
    /// In which role it was taken or given up last.
    pub changed_role: Role,
    /// Whether that happened to all seats of the student in a series, which tells of it.
    pub with_series: bool,
}

impl Booking {
    /// True while its student is yet to come, or to say whether they do.
    #[must_use]
    pub fn is_living(&self) -> bool {
        matches!(
            self.status,
            BookingStatus::Pending | BookingStatus::Confirmed | BookingStatus::Reconfirm
        )
    }

    /// True of a seat that was given up, or whose lesson is off: it is free.
    #[must_use]
    pub fn is_free(&self) -> bool {
        match self.status {
            BookingStatus::Canceled | BookingStatus::LateCanceled => true,
            BookingStatus::Pending
            | BookingStatus::Confirmed
            | BookingStatus::Reconfirm
            | BookingStatus::Attended
            | BookingStatus::NoShow => false,
        }
    }

    /// True of a seat that takes its student's time, so that they can sit in no other
    /// lesson then (`bookings_student_no_overlap`).
    #[must_use]
    pub fn takes_time(&self) -> bool {
        match self.status {
            BookingStatus::Pending | BookingStatus::Confirmed | BookingStatus::Attended => true,
            BookingStatus::Reconfirm
            | BookingStatus::Canceled
            | BookingStatus::LateCanceled
            | BookingStatus::NoShow => false,
        }
    }
}

/// Somebody who acts on a lesson, and in which role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acting {
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: Role,
}

impl Lesson {
    /// True when it only waited, and has run out: nobody can act on it, whether it was
    /// written down yet or not.
    #[must_use]
    pub fn has_run_out(&self, now: Timestamp) -> bool {
        self.expire_time.is_some_and(|expire| expire <= now)
    }

    /// Who comes, or was to come.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when there are no seats.
    pub fn student(&self) -> Result<UserId, Error> {
        let living = self.bookings.iter().find(|seat| seat.is_living());
        let seat = living.or(self.bookings.first());
        seat.map(|seat| seat.student_id)
            .ok_or(Error::Corrupt("a lesson without seats"))
    }

    /// How many of the seats that were read are taken: all there are, when it was read with
    /// all its seats.
    #[must_use]
    pub fn count_taken(&self) -> i16 {
        let taken = self.bookings.iter().filter(|seat| !seat.is_free());
        i16::try_from(taken.count()).unwrap_or(i16::MAX)
    }

    /// In which role somebody who may see it acts on it: their own part first. Who sees it
    /// only because they are in its group is a student without a seat.
    ///
    /// # Errors
    ///
    /// [`Error::LessonNotFound`] for those who take no part in one student's, and are no
    /// admins.
    pub fn acting(&self, actor: Actor) -> Result<Acting, Error> {
        let user = actor.user;
        let takes_seat = |booking: &Booking| booking.student_id == user;
        let role = if user == self.teacher_id {
            Role::Teacher
        } else if self.bookings.iter().any(takes_seat) {
            Role::Student
        } else if actor.admin {
            Role::Admin
        } else if self.group.is_some() {
            Role::Student
        } else {
            return Err(Error::LessonNotFound);
        };
        Ok(Acting { user, role })
    }

    /// The lesson as somebody sees it at `now`: students see their own seat, and what
    /// has run out is not shown as living.
    #[must_use]
    pub fn seen_by(mut self, viewer: Actor, now: Timestamp) -> Self {
        if viewer.user != self.teacher_id && !viewer.admin {
            self.bookings
                .retain(|booking| booking.student_id == viewer.user);
            // It goes on without who gave their seat up: what is said of it is for the others.
            if self.group.is_some() && self.bookings.iter().all(Booking::is_free) {
                self.notes.clear();
                self.meeting_url.clear();
            }
        }
        if self.has_run_out(now) {
            self.status = LessonStatus::Lapsed;
            self.expire_time = None;
            for booking in self.bookings.iter_mut().filter(|seat| seat.is_living()) {
                booking.status = BookingStatus::Canceled;
            }
            self.seats_taken = 0;
        }
        self
    }
}
