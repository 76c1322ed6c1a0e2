//! What may become of a lesson, who may do it, and when: the one place that decides.
//! No IO, and time is a parameter.

mod outcome;

use jiff::Timestamp;

pub use outcome::{
    Beginning, HOLD_FOR, New, NewSeat, Next, REQUEST_FOR, apply, apply_with_series, begin, convert,
    lapse,
};

use super::{
    Acting, BookingStatus, Lesson, LessonStatus, Role,
    changes::{Change, Kind},
    currency,
};
use crate::{availability::slots::Bookable, errors::Error, ids::BookingId, teachers::Teacher};

/// What somebody wants to do with a lesson that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Accept the request.
    Confirm,
    /// Refuse the request.
    Decline {
        /// Shown to the student.
        reason: String,
    },
    /// Give it another time.
    Move {
        /// The new time.
        time: Bookable,
    },
    /// Change what is said of it; `None`: as it is.
    Update {
        /// What both sides should know.
        notes: Option<String>,
        /// Where it takes place.
        meeting_url: Option<String>,
    },
    /// Cancel it, withdraw the request, let the hold go.
    Cancel {
        /// Shown to the other side.
        reason: String,
    },
    /// Say what became of a seat.
    Attendance {
        /// Which.
        booking: BookingId,
        /// What.
        status: BookingStatus,
    },
}

/// Whether there is something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// [`apply`] it.
    Do,
    /// It is so already: a repeat, or nothing would change.
    AsItIs,
}

/// What a lesson's history says about an action.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The [first change](currency::first_change) after `expected_version` that concerns who
    /// acts: the same action of the same person is a repeat, and answered as the first.
    pub first: Option<Change>,
    /// Of attendance: whether the seat was ever given up late.
    pub given_up_late: bool,
}

/// Decides about an action.
///
/// # Errors
///
/// What stands against it, the first of: not for students, run out, stale, not in this
/// state, begun, too late.
pub fn check(
    lesson: &Lesson,
    by: Acting,
    expected_version: i64,
    action: &Action,
    past: &Past,
    now: Timestamp,
) -> Result<Verdict, Error> {
    if by.role == Role::Student && is_for_teachers(lesson, action) {
        return Err(Error::TeacherOnly);
    }
    let first = past.first.as_ref();
    if first.is_some_and(|first| is_repeat(lesson, by, action, first)) {
        return Ok(Verdict::AsItIs);
    }
    if lesson.status == LessonStatus::Lapsed || lesson.has_run_out(now) {
        return Err(Error::LessonLapsed);
    }
    currency::check(lesson, expected_version, first)?;
    if let Action::Attendance { booking, status } = action {
        return check_attendance(lesson, *booking, *status, past.given_up_late, now);
    }
    check_status(lesson, action)?;
    let begun = now >= lesson.time.during.start;
    if begun && !matches!(action, Action::Update { .. }) {
        return Err(Error::LessonStarted);
    }
    if is_done(lesson, action) {
        return Ok(Verdict::AsItIs);
    }
    let ahead = lesson.time.during.start.duration_since(now);
    let notice = lesson.notices.reschedule;
    if matches!(action, Action::Move { .. }) && by.role == Role::Student && ahead < notice {
        return Err(Error::RescheduleTooLate { notice });
    }
    Ok(Verdict::Do)
}

/// Of a group's lesson students decide about their own seats only.
fn is_for_teachers(lesson: &Lesson, action: &Action) -> bool {
    match action {
        Action::Confirm
        | Action::Decline { .. }
        | Action::Update { .. }
        | Action::Attendance { .. } => true,
        Action::Move { .. } | Action::Cancel { .. } => lesson.group.is_some(),
    }
}

fn is_repeat(lesson: &Lesson, by: Acting, action: &Action, first: &Change) -> bool {
    if first.actor != Some(by.user) {
        return false;
    }
    match action {
        Action::Confirm => first.kind == Kind::Confirmed,
        Action::Decline { reason } => {
            first.kind == Kind::Declined && *reason == lesson.cancel_reason
        }
        Action::Cancel { reason } => {
            first.kind == Kind::Canceled && *reason == lesson.cancel_reason
        }
        Action::Move { time } => {
            first.kind == Kind::Moved && first.during.start == time.during.start
        }
        // History keeps no text: it is a repeat as long as the text is still the one.
        Action::Update { .. } => first.kind == Kind::Updated && is_done(lesson, action),
        Action::Attendance { booking, status } => {
            first.kind == Kind::Attendance
                && first.booking == Some(*booking)
                && first.booking_status == Some(*status)
        }
    }
}

/// True when the lesson is already as the action would make it.
fn is_done(lesson: &Lesson, action: &Action) -> bool {
    match action {
        Action::Move { time } => time.during == lesson.time.during,
        Action::Update { notes, meeting_url } => {
            notes.as_ref().is_none_or(|notes| *notes == lesson.notes)
                && meeting_url
                    .as_ref()
                    .is_none_or(|url| *url == lesson.meeting_url)
        }
        Action::Confirm
        | Action::Decline { .. }
        | Action::Cancel { .. }
        | Action::Attendance { .. } => false,
    }
}

/// In which states what can be done.
fn check_status(lesson: &Lesson, action: &Action) -> Result<(), Error> {
    let status = lesson.status;
    let suits = match status {
        LessonStatus::Held => matches!(action, Action::Cancel { .. }),
        LessonStatus::Requested => !matches!(action, Action::Attendance { .. }),
        LessonStatus::Scheduled => !matches!(action, Action::Confirm | Action::Decline { .. }),
        LessonStatus::Canceled | LessonStatus::Declined => return Err(Error::LessonCanceled),
        LessonStatus::Lapsed => return Err(Error::LessonLapsed),
    };
    if suits {
        Ok(())
    } else {
        Err(unsuitable(lesson))
    }
}

fn unsuitable(lesson: &Lesson) -> Error {
    Error::LessonStatusUnsuitable {
        status: lesson.status.name(),
    }
}

/// Came or stayed away, once the lesson has begun; late or excused, of a seat that its
/// student gave up late. Both may be corrected.
fn check_attendance(
    lesson: &Lesson,
    booking: BookingId,
    status: BookingStatus,
    given_up_late: bool,
    now: Timestamp,
) -> Result<Verdict, Error> {
    let seat = lesson.bookings.iter().find(|seat| seat.id == booking);
    let seat = seat.ok_or(Error::BookingNotFound)?;
    let taken = match seat.status {
        BookingStatus::Confirmed | BookingStatus::Attended | BookingStatus::NoShow => true,
        BookingStatus::Pending
        | BookingStatus::Reconfirm
        | BookingStatus::Canceled
        | BookingStatus::LateCanceled => false,
    };
    let given_up = seat.status == BookingStatus::LateCanceled
        || (seat.status == BookingStatus::Canceled && given_up_late);
    let suits = match status {
        BookingStatus::Attended | BookingStatus::NoShow => {
            check_status(lesson, &Action::Attendance { booking, status })?;
            if now < lesson.time.during.start {
                return Err(Error::LessonNotStarted);
            }
            taken
        }
        BookingStatus::LateCanceled | BookingStatus::Canceled => given_up,
        BookingStatus::Pending | BookingStatus::Confirmed | BookingStatus::Reconfirm => false,
    };
    match (suits, seat.status == status) {
        (false, _) => Err(unsuitable(lesson)),
        (true, true) => Ok(Verdict::AsItIs),
        (true, false) => Ok(Verdict::Do),
    }
}

/// Whether a person may be booked with a teacher.
///
/// # Errors
///
/// [`Error::NotAcceptingStudents`] for a newcomer, [`Error::NotAStudent`] for a teacher
/// who books for one.
pub fn admit(role: Role, teacher: &Teacher, is_student: bool) -> Result<(), Error> {
    match role {
        Role::Student if !is_student && !teacher.policies.accepting_students => {
            Err(Error::NotAcceptingStudents)
        }
        Role::Teacher if !is_student => Err(Error::NotAStudent),
        Role::Student | Role::Teacher | Role::Admin | Role::System => Ok(()),
    }
}

#[cfg(test)]
mod tests;
