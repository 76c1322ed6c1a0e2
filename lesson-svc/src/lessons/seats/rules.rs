//! What may become of one seat in a group's lesson, and of all when it moves. No IO, and
//! time is a parameter. Lessons are read with all their seats.

use jiff::{SignedDuration, Timestamp};

use crate::{
    availability::{calendar::saturating, slots::Bookable},
    errors::Error,
    ids::{BookingId, UserId},
    lessons::{
        Acting, Booking, BookingStatus, Lesson, LessonStatus, Role,
        changes::{Change, Changed, Kind},
        rules::{NewSeat, Next, Verdict},
    },
};

/// How long a student may take to say whether they come to the new time.
pub const RECONFIRM_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The seat of a student: the one that is taken, else the one given up last.
#[must_use]
pub fn seat_of(lesson: &Lesson, student: UserId) -> Option<&Booking> {
    let seats = || {
        let seats = lesson.bookings.iter().rev();
        seats.filter(move |seat| seat.student_id == student)
    };
    seats().find(|seat| !seat.is_free()).or(seats().next())
}

/// Refuses what cannot be done any more with a lesson that is off or has begun.
fn require_ahead(lesson: &Lesson, now: Timestamp) -> Result<(), Error> {
    match lesson.status {
        LessonStatus::Scheduled => {}
        LessonStatus::Canceled | LessonStatus::Declined => return Err(Error::LessonCanceled),
        LessonStatus::Lapsed => return Err(Error::LessonLapsed),
        LessonStatus::Held | LessonStatus::Requested => return Err(unsuitable(lesson)),
    }
    if now >= lesson.time.during.start {
        return Err(Error::LessonStarted);
    }
    Ok(())
}

fn unsuitable(lesson: &Lesson) -> Error {
    Error::LessonStatusUnsuitable {
        status: lesson.status.name(),
    }
}

/// Whether somebody who is in its group takes a seat; who has one keeps it. `shown` is the
/// start that they were shown.
///
/// # Errors
///
/// What stands against it: their own lesson, another time by now, off, begun, full.
pub fn check_join(
    lesson: &Lesson,
    student: UserId,
    shown: Option<Timestamp>,
    now: Timestamp,
) -> Result<Verdict, Error> {
    if student == lesson.teacher_id {
        return Err(Error::SelfBooking);
    }
    let seat = seat_of(lesson, student);
    let sits = seat.is_some_and(|seat| !seat.is_free() && run_out(seat, now).is_none());
    if sits {
        return Ok(Verdict::AsItIs);
    }
    // Clocks show minutes only.
    let minute = |instant: Timestamp| instant.as_second().div_euclid(60);
    if shown.is_some_and(|shown| minute(shown) != minute(lesson.time.during.start)) {
        return Err(Error::VersionStale {
            current: lesson.version,
        });
    }
    require_ahead(lesson, now)?;
    let given_up = lesson.bookings.iter();
    let given_up = given_up.filter(|seat| run_out(seat, now).is_some()).count();
    let taken = usize::try_from(lesson.count_taken()).unwrap_or(usize::MAX) - given_up;
    if usize::try_from(lesson.capacity).is_ok_and(|capacity| taken < capacity) {
        return Ok(Verdict::Do);
    }
    Err(Error::LessonFull {
        capacity: Some(lesson.capacity),
    })
}

/// Somebody takes a seat, with all others of a series (`with_series`) or by itself.
#[must_use]
pub fn join(
    lesson: &Lesson,
    seat: NewSeat,
    by: Acting,
    with_series: bool,
    now: Timestamp,
) -> Changed {
    let mut next = next(lesson, Some(by), with_series, now);
    next.join(seat);
    next.finish(Kind::Joined)
}

fn next(lesson: &Lesson, by: Option<Acting>, with_series: bool, now: Timestamp) -> Next<'_> {
    let next = Next::of(lesson, by, now);
    if with_series {
        next.with_series()
    } else {
        next
    }
}

/// Whether a student gives up their seat, or the teacher takes it. `first` is the first
/// change after the version that they read which concerns them, `current` the answer to
/// whether that version is current.
///
/// # Errors
///
/// What stands against it: another's seat, off, begun, stale, no such seat.
pub fn check_leave(
    lesson: &Lesson,
    by: Acting,
    student: UserId,
    first: Option<&Change>,
    current: Result<(), Error>,
    now: Timestamp,
) -> Result<Verdict, Error> {
    if by.role == Role::Student && student != by.user {
        return Err(Error::TeacherOnly);
    }
    let is_theirs = |change: &Change| {
        let mut seats = lesson.bookings.iter();
        seats.any(|seat| seat.student_id == student && change.booking == Some(seat.id))
    };
    let repeats = |change: &&Change| change.kind == Kind::Left && change.actor == Some(by.user);
    if first.filter(repeats).is_some_and(is_theirs) {
        return Ok(Verdict::AsItIs);
    }
    current?;
    if lesson.group.is_none() {
        return Err(unsuitable(lesson));
    }
    require_ahead(lesson, now)?;
    match seat_of(lesson, student) {
        Some(seat) if seat.is_living() => Ok(Verdict::Do),
        Some(_) | None => Err(Error::BookingNotFound),
    }
}

/// A seat is given up: late by its student within the teacher's notice, unless they were
/// only asked whether they come to a new time.
#[must_use]
pub fn leave(
    lesson: &Lesson,
    seat: &Booking,
    by: Acting,
    with_series: bool,
    now: Timestamp,
) -> Changed {
    let ahead = lesson.time.during.start.duration_since(now);
    let is_late = by.role == Role::Student
        && seat.status == BookingStatus::Confirmed
        && ahead < lesson.notices.cancel;
    let mut next = next(lesson, Some(by), with_series, now);
    next.seat_becomes(
        seat.id,
        if is_late {
            BookingStatus::LateCanceled
        } else {
            BookingStatus::Canceled
        },
    );
    next.finish(Kind::Left)
}

/// Whether a student says that they come to the new time; `first` and `current` as in
/// [`check_leave`].
///
/// # Errors
///
/// What stands against it: too late, off, begun, stale, no such seat.
pub fn check_reconfirm(
    lesson: &Lesson,
    by: Acting,
    first: Option<&Change>,
    current: Result<(), Error>,
    now: Timestamp,
) -> Result<Verdict, Error> {
    let seat = seat_of(lesson, by.user).ok_or(Error::BookingNotFound)?;
    let repeats =
        |change: &Change| change.kind == Kind::Reconfirmed && change.actor == Some(by.user);
    if first.is_some_and(repeats) {
        return Ok(Verdict::AsItIs);
    }
    let freed = seat.status == BookingStatus::Canceled && seat.changed_role == Role::System;
    if lesson.status == LessonStatus::Scheduled && (freed || run_out(seat, now).is_some()) {
        return Err(Error::ReconfirmTooLate);
    }
    current?;
    require_ahead(lesson, now)?;
    match seat.status {
        BookingStatus::Reconfirm => Ok(Verdict::Do),
        BookingStatus::Confirmed => Ok(Verdict::AsItIs),
        BookingStatus::Pending
        | BookingStatus::Canceled
        | BookingStatus::LateCanceled
        | BookingStatus::Attended
        | BookingStatus::NoShow => Err(Error::BookingNotFound),
    }
}

/// A student comes to the new time too.
#[must_use]
pub fn reconfirm(lesson: &Lesson, seat: BookingId, by: Acting, now: Timestamp) -> Changed {
    let mut next = Next::of(lesson, Some(by), now);
    next.seat_becomes(seat, BookingStatus::Confirmed);
    next.finish(Kind::Reconfirmed)
}

/// The seat, when its student did not say in time whether they come.
fn run_out(seat: &Booking, now: Timestamp) -> Option<BookingId> {
    let expire = seat.reconfirm_expire_time?;
    (expire <= now).then_some(seat.id)
}

/// What time makes of the first seat whose student did not say in time whether they come;
/// `None` when there is none.
#[must_use]
pub fn free_run_out(lesson: &Lesson, now: Timestamp) -> Option<Changed> {
    let seat = lesson.bookings.iter().find_map(|seat| run_out(seat, now))?;
    let mut next = Next::of(lesson, None, now);
    next.seat_becomes(seat, BookingStatus::Canceled);
    Some(next.finish(Kind::SeatFreed))
}

/// A lesson gets another time. Students who are in other lessons then, keep their seats
/// until they say whether they come: for 24 hours, or until it starts. Who was asked and is
/// free now comes, unless their seat [ran out](free_run_out).
#[must_use]
pub fn moved(
    mut next: Next<'_>,
    lesson: &Lesson,
    time: Bookable,
    is_busy: impl Fn(UserId) -> bool,
    now: Timestamp,
) -> Changed {
    let expire = saturating(now, RECONFIRM_FOR).min(time.during.start);
    next.schedule(lesson.status, lesson.expire_time);
    next.time(time);
    let seats = lesson.bookings.iter();
    for seat in seats.filter(|seat| run_out(seat, now).is_none()) {
        match (seat.status, is_busy(seat.student_id)) {
            (BookingStatus::Confirmed | BookingStatus::Reconfirm, true) => {
                next.reconfirm(seat.id, Some(expire));
            }
            (BookingStatus::Reconfirm, false) => next.reconfirm(seat.id, None),
            (
                BookingStatus::Confirmed
                | BookingStatus::Pending
                | BookingStatus::Canceled
                | BookingStatus::LateCanceled
                | BookingStatus::Attended
                | BookingStatus::NoShow,
                _,
            ) => {}
        }
    }
    next.finish(Kind::Moved)
}

#[cfg(test)]
mod tests;
