//! Who came, who stayed away, who is excused.

use super::*;

fn with_seat(status: LessonStatus, seat: BookingStatus) -> Lesson {
    let mut lesson = lesson(status);
    lesson.bookings[0].status = seat;
    lesson
}

fn asks(lesson: &Lesson, status: BookingStatus, now: &str) -> char {
    asks_with(lesson, status, now, &Past::default())
}

fn asks_with(lesson: &Lesson, status: BookingStatus, now: &str, past: &Past) -> char {
    let action = attendance(status);
    letter(check(lesson, by(Role::Teacher), 3, &action, past, at(now)))
}

#[test]
fn nobody_came_before_the_lesson_began() {
    let lesson = lesson(LessonStatus::Scheduled);
    let early = "2026-06-02T11:59:59.999999Z";
    let begun = "2026-06-02T12:00:00Z";
    for status in [BookingStatus::Attended, BookingStatus::NoShow] {
        assert_eq!(asks(&lesson, status, early), 'n', "{status:?}");
        assert_eq!(asks(&lesson, status, begun), 'D', "{status:?}");
    }
}

/// Rows: what the seat is; columns: what it is to be, in the order of all statuses
/// (pending, confirmed, to reconfirm, canceled, late, attended, no show).
#[test]
fn what_was_said_of_a_seat_may_be_corrected_within_its_kind() {
    use LessonStatus::{Canceled, Scheduled};
    let late = Past {
        given_up_late: true,
        ..Past::default()
    };
    for (status, seat, row) in [
        (Scheduled, BookingStatus::Confirmed, "uuuuuDD"),
        (Scheduled, BookingStatus::Attended, "uuuuu=D"),
        (Scheduled, BookingStatus::NoShow, "uuuuuD="),
        (Scheduled, BookingStatus::Reconfirm, "uuuuuuu"),
        (Canceled, BookingStatus::LateCanceled, "uuuD=cc"),
        (Canceled, BookingStatus::Canceled, "uuu=Dcc"),
    ] {
        let lesson = with_seat(status, seat);
        let found: String = BookingStatus::ALL
            .iter()
            .map(|wanted| asks_with(&lesson, *wanted, "2026-06-02T13:00:00Z", &late))
            .collect();
        assert_eq!(found, row, "{seat:?}");
    }
}

/// Given up in time, withdrawn, let go, called off by the teacher: none of it was late.
#[test]
fn what_was_never_late_is_nobodys_late_cancellation() {
    let lesson = with_seat(LessonStatus::Canceled, BookingStatus::Canceled);
    let now = "2026-06-02T13:00:00Z";
    assert_eq!(asks(&lesson, BookingStatus::LateCanceled, now), 'u');
    assert_eq!(asks(&lesson, BookingStatus::Canceled, now), 'u');
}

#[test]
fn a_seat_of_another_lesson_is_not_found() {
    let lesson = lesson(LessonStatus::Scheduled);
    let action = Action::Attendance {
        booking: BookingId(Uuid::from_u128(99)),
        status: BookingStatus::Attended,
    };
    let now = at("2026-06-02T13:00:00Z");
    let answer = check(
        &lesson,
        by(Role::Teacher),
        3,
        &action,
        &Past::default(),
        now,
    );
    assert!(matches!(answer, Err(Error::BookingNotFound)), "{answer:?}");
}

#[test]
fn attendance_changes_the_seat_and_nothing_of_the_schedule() {
    let before = lesson(LessonStatus::Scheduled);
    let now = at("2026-06-02T13:00:00Z");
    let action = attendance(BookingStatus::NoShow);
    let changed = apply(&before, by(Role::Teacher), &action, now);
    assert_eq!(changed.lesson.bookings[0].status, BookingStatus::NoShow);
    assert_eq!(changed.lesson.schedule_version, before.schedule_version);
    assert_eq!(changed.change.booking, Some(SEAT));
    assert!(!changed.tell);
}
