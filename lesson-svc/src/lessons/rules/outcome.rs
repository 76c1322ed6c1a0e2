//! What a lesson is after what was decided.

use jiff::{SignedDuration, Timestamp};

use super::{Action, unsuitable};
use crate::{
    availability::{calendar::saturating, slots::Bookable},
    errors::Error,
    ids::{BookingId, LessonId, UserId},
    lessons::{
        Acting, Booking, BookingStatus, Lesson, LessonStatus, Notices, Role,
        changes::{Change, Changed, Kind},
    },
    teachers::Teacher,
};

/// How long a person keeps a time while deciding.
pub const HOLD_FOR: SignedDuration = SignedDuration::from_mins(5);
/// How long a teacher may take to decide about a request.
pub const REQUEST_FOR: SignedDuration = SignedDuration::from_hours(12);

/// What an action that was [checked](super::check) makes of a lesson.
#[must_use]
pub fn apply(lesson: &Lesson, by: Acting, action: &Action, now: Timestamp) -> Changed {
    let mut next = Next::of(lesson, Some(by), now);
    match action {
        Action::Confirm => {
            next.schedule(LessonStatus::Scheduled, None);
            next.seats(BookingStatus::Confirmed);
            next.finish(Kind::Confirmed)
        }
        Action::Decline { reason } => {
            next.end(LessonStatus::Declined, by.user, reason);
            next.seats(BookingStatus::Canceled);
            next.finish(Kind::Declined)
        }
        Action::Move { time } => {
            let expire = lesson.expire_time.map(|old| old.min(time.during.start));
            next.schedule(lesson.status, expire);
            next.after.time = *time;
            next.finish(Kind::Moved)
        }
        Action::Update { notes, meeting_url } => {
            if let Some(notes) = notes {
                next.after.notes.clone_from(notes);
            }
            if let Some(url) = meeting_url
                .as_ref()
                .filter(|url| **url != lesson.meeting_url)
            {
                next.schedule(lesson.status, lesson.expire_time);
                next.after.meeting_url.clone_from(url);
            }
            next.finish(Kind::Updated)
        }
        Action::Cancel { reason } => {
            next.end(LessonStatus::Canceled, by.user, reason);
            next.seats(if is_late(lesson, by, now) {
                BookingStatus::LateCanceled
            } else {
                BookingStatus::Canceled
            });
            next.finish(Kind::Canceled)
        }
        Action::Attendance { booking, status } => {
            next.seat(*booking, *status);
            next.finish(Kind::Attendance)
        }
    }
}

/// A student's cancellation of what was settled, later than the teacher allows.
fn is_late(lesson: &Lesson, by: Acting, now: Timestamp) -> bool {
    by.role == Role::Student
        && lesson.status == LessonStatus::Scheduled
        && lesson.time.during.start.duration_since(now) < lesson.notices.cancel
}

/// What time makes of a hold or a request that has run out.
#[must_use]
pub fn lapse(lesson: &Lesson, now: Timestamp) -> Changed {
    let mut next = Next::of(lesson, None, now);
    next.schedule(LessonStatus::Lapsed, None);
    next.seats(BookingStatus::Canceled);
    next.finish(Kind::Lapsed)
}

/// How a lesson begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// With a student who keeps the time.
    Hold,
    /// With a student who asks for it.
    Request,
    /// At once.
    Book,
}

impl Beginning {
    /// How a booking by somebody in that role begins.
    #[must_use]
    pub fn of_booking(role: Role, teacher: &Teacher) -> Self {
        match role {
            Role::Student if teacher.policies.requires_approval => Self::Request,
            Role::Student | Role::Teacher | Role::Admin | Role::System => Self::Book,
        }
    }

    fn status(self) -> LessonStatus {
        match self {
            Self::Hold => LessonStatus::Held,
            Self::Request => LessonStatus::Requested,
            Self::Book => LessonStatus::Scheduled,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Hold => Kind::Held,
            Self::Request => Kind::Requested,
            Self::Book => Kind::Booked,
        }
    }

    fn seat(self) -> BookingStatus {
        match self {
            Self::Hold | Self::Request => BookingStatus::Pending,
            Self::Book => BookingStatus::Confirmed,
        }
    }

    /// Nothing waits longer than until its start.
    fn expire_time(self, now: Timestamp, start: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Hold => Some(saturating(now, HOLD_FOR).min(start)),
            Self::Request => Some(saturating(now, REQUEST_FOR).min(start)),
            Self::Book => None,
        }
    }
}

/// A lesson to be made.
#[derive(Debug)]
pub struct New<'a> {
    /// Its id.
    pub id: LessonId,
    /// Its seat's id.
    pub booking: BookingId,
    /// Who teaches.
    pub teacher: &'a Teacher,
    /// Who comes.
    pub student: UserId,
    /// The student's name.
    pub student_name: String,
    /// When.
    pub time: Bookable,
    /// May be empty.
    pub notes: String,
}

/// Makes a lesson.
#[must_use]
pub fn begin(new: New<'_>, by: Acting, beginning: Beginning, now: Timestamp) -> Changed {
    let lesson = Lesson {
        id: new.id,
        teacher_id: new.teacher.id,
        teacher_name: new.teacher.display_name.clone(),
        notices: Notices {
            cancel: new.teacher.policies.cancel_notice,
            reschedule: new.teacher.policies.reschedule_notice,
        },
        time: new.time,
        status: beginning.status(),
        version: 1,
        schedule_version: 1,
        changed_role: by.role,
        expire_time: beginning.expire_time(now, new.time.during.start),
        canceled_by: None,
        cancel_reason: String::new(),
        notes: new.notes,
        meeting_url: String::new(),
        create_time: now,
        bookings: vec![Booking {
            id: new.booking,
            student_id: new.student,
            student_name: new.student_name,
            status: beginning.seat(),
            version: 1,
        }],
    };
    let change = Change {
        lesson: lesson.id,
        version: 1,
        kind: beginning.kind(),
        actor: Some(by.user),
        role: by.role,
        time: now,
        during: lesson.time.during,
        previous: None,
        booking: None,
        booking_status: None,
    };
    Changed {
        tell: beginning != Beginning::Hold,
        lesson,
        change,
    }
}

/// Makes a hold the booking that its student decided on.
///
/// # Errors
///
/// What became of the hold instead.
pub fn convert(
    hold: &Lesson,
    by: Acting,
    beginning: Beginning,
    notes: &str,
    now: Timestamp,
) -> Result<Changed, Error> {
    match hold.status {
        LessonStatus::Held if !hold.has_run_out(now) => {}
        LessonStatus::Held | LessonStatus::Lapsed => return Err(Error::LessonLapsed),
        LessonStatus::Canceled | LessonStatus::Declined => return Err(Error::LessonCanceled),
        LessonStatus::Requested | LessonStatus::Scheduled => return Err(unsuitable(hold)),
    }
    let mut next = Next::of(hold, Some(by), now);
    let start = hold.time.during.start;
    next.schedule(beginning.status(), beginning.expire_time(now, start));
    notes.clone_into(&mut next.after.notes);
    if beginning.seat() != BookingStatus::Pending {
        next.seats(beginning.seat());
    }
    Ok(next.finish(beginning.kind()))
}

/// A lesson on its way to its next version.
struct Next<'a> {
    before: &'a Lesson,
    after: Lesson,
    change: Change,
}

impl<'a> Next<'a> {
    fn of(before: &'a Lesson, by: Option<Acting>, now: Timestamp) -> Self {
        let mut after = before.clone();
        after.version += 1;
        let change = Change {
            lesson: before.id,
            version: after.version,
            kind: Kind::Updated,
            actor: by.map(|by| by.user),
            role: by.map_or(Role::System, |by| by.role),
            time: now,
            during: before.time.during,
            previous: None,
            booking: None,
            booking_status: None,
        };
        Self {
            before,
            after,
            change,
        }
    }

    /// A change of time, place or status.
    fn schedule(&mut self, status: LessonStatus, expire_time: Option<Timestamp>) {
        self.after.status = status;
        self.after.expire_time = expire_time;
        self.after.schedule_version += 1;
        self.after.changed_role = self.change.role;
    }

    fn end(&mut self, status: LessonStatus, by: UserId, reason: &str) {
        self.schedule(status, None);
        self.after.canceled_by = Some(by);
        reason.clone_into(&mut self.after.cancel_reason);
    }

    /// All seats that take their students' time become this.
    fn seats(&mut self, status: BookingStatus) {
        for seat in self
            .after
            .bookings
            .iter_mut()
            .filter(|seat| seat.is_living())
        {
            seat.status = status;
            seat.version += 1;
        }
        self.change.booking_status = Some(status);
    }

    fn seat(&mut self, booking: BookingId, status: BookingStatus) {
        let seats = self.after.bookings.iter_mut();
        for seat in seats.filter(|seat| seat.id == booking) {
            seat.status = status;
            seat.version += 1;
        }
        self.change.booking = Some(booking);
        self.change.booking_status = Some(status);
    }

    fn finish(mut self, kind: Kind) -> Changed {
        self.change.kind = kind;
        self.change.during = self.after.time.during;
        if kind == Kind::Moved {
            self.change.previous = Some(self.before.time.during);
        }
        if !matches!(kind, Kind::Canceled | Kind::Attendance) {
            self.change.booking_status = None;
        }
        // What was only held was never told of, so its end is not either.
        let was_told = self.before.status != LessonStatus::Held;
        let is_settled = matches!(
            self.after.status,
            LessonStatus::Requested | LessonStatus::Scheduled
        );
        Changed {
            // Every version, so that buttons are drawn for the one there is; who came is
            // nobody's news, and there is nothing left to press.
            tell: kind != Kind::Attendance && (was_told || is_settled),
            lesson: self.after,
            change: self.change,
        }
    }
}
