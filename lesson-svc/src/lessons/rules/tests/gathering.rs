//! Lessons of groups: whose version is current, who decides, what becomes of seats.

use super::*;
use crate::{ids::GroupId, lessons::OfGroup};

const OTHER: UserId = UserId(Uuid::from_u128(6));
const OTHERS_SEAT: BookingId = BookingId(Uuid::from_u128(7));

fn group_lesson() -> Lesson {
    let mut lesson = lesson(LessonStatus::Scheduled);
    lesson.group = Some(OfGroup {
        id: GroupId(Uuid::from_u128(8)),
        title: "G".to_owned(),
    });
    lesson.capacity = 3;
    let mut seat = lesson.bookings[0].clone();
    (seat.id, seat.student_id) = (OTHERS_SEAT, OTHER);
    lesson.bookings.push(seat);
    lesson.seats_taken = 2;
    lesson
}

fn cancel() -> Action {
    Action::Cancel {
        reason: String::new(),
    }
}

fn before() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

#[test]
fn students_decide_about_their_own_seats_only() {
    let lesson = group_lesson();
    let time = time("2026-06-03T12:00:00Z");
    for action in [cancel(), Action::Move { time }] {
        let asked = |role| check(&lesson, by(role), 3, &action, &Past::default(), before());
        assert!(matches!(asked(Role::Student), Err(Error::TeacherOnly)));
        assert!(matches!(asked(Role::Teacher), Ok(Verdict::Do)));
    }
}

#[test]
fn a_version_is_current_until_a_change_that_concerns_who_acts() {
    let lesson = group_lesson();
    let moved = apply(
        &lesson,
        by(Role::Teacher),
        &Action::Move {
            time: time("2026-06-03T12:00:00Z"),
        },
        before(),
    );
    let concerning = Past {
        first: Some(moved.change),
        ..Past::default()
    };
    let asked = |version, past: &Past| {
        check(
            &lesson,
            by(Role::Teacher),
            version,
            &cancel(),
            past,
            before(),
        )
    };
    for version in 1..=lesson.version {
        assert!(matches!(asked(version, &Past::default()), Ok(Verdict::Do)));
        let stale = asked(version, &concerning);
        assert!(matches!(stale, Err(Error::VersionStale { current: 3 })));
    }
    for never in [i64::MIN, 0, lesson.version + 1] {
        let stale = asked(never, &Past::default());
        assert!(
            matches!(stale, Err(Error::VersionStale { current: 3 })),
            "{never}"
        );
    }
}

#[test]
fn a_lesson_that_is_off_frees_all_seats_and_says_who_did_it() {
    let mut lesson = group_lesson();
    lesson.bookings[1].status = BookingStatus::Reconfirm;
    lesson.bookings[1].reconfirm_expire_time = Some(before());
    // The other one was taken singly: the series may tell its student nothing.
    lesson.bookings[0].with_series = true;
    let Changed { lesson, .. } = apply_with_series(&lesson, by(Role::Teacher), &cancel(), before());
    assert_eq!(lesson.seats_taken, 0);
    assert!(lesson.with_series);
    let with_series = lesson.bookings.iter().map(|seat| seat.with_series);
    let expected = (0..lesson.bookings.len()).map(|at| at == 0);
    assert!(with_series.eq(expected));
    for seat in &lesson.bookings {
        assert_eq!((seat.status, seat.version), (BookingStatus::Canceled, 2));
        assert_eq!(seat.changed_role, Role::Teacher);
        assert_eq!(seat.reconfirm_expire_time, None);
    }
}

#[test]
fn a_change_by_itself_is_none_of_the_series() {
    let mut lesson = group_lesson();
    lesson.with_series = true;
    let moved = Action::Move {
        time: time("2026-06-03T12:00:00Z"),
    };
    let noted = Action::Update {
        notes: Some("p. 7".to_owned()),
        meeting_url: None,
    };
    assert!(
        !apply(&lesson, by(Role::Teacher), &moved, before())
            .lesson
            .with_series
    );
    // Notes are nothing that the series told of.
    assert!(
        apply(&lesson, by(Role::Teacher), &noted, before())
            .lesson
            .with_series
    );
}

#[test]
fn who_joins_changes_nobody_elses_seat_nor_the_schedule() {
    let lesson = group_lesson();
    let student = Acting {
        user: ADMIN,
        role: Role::Student,
    };
    let mut next = Next::of(&lesson, Some(student), before());
    next.join(NewSeat {
        id: BookingId(Uuid::from_u128(9)),
        student: ADMIN,
        name: "N".to_owned(),
    });
    let joined = next.finish(Kind::Joined);
    assert_eq!(joined.lesson.bookings[..2], lesson.bookings);
    assert_eq!(
        (joined.lesson.version, joined.lesson.schedule_version),
        (4, 2)
    );
    assert_eq!(joined.lesson.seats_taken, 3);
    let (seat, status) = (joined.change.booking, joined.change.booking_status);
    assert_eq!(seat, Some(BookingId(Uuid::from_u128(9))));
    assert_eq!(status, Some(BookingStatus::Confirmed));
    assert!(joined.tell);
}

#[test]
fn a_seat_to_reconfirm_keeps_its_place_and_takes_no_time() {
    let lesson = group_lesson();
    let mut next = Next::of(&lesson, Some(by(Role::Teacher)), before());
    next.schedule(LessonStatus::Scheduled, None);
    next.time(time("2026-06-03T12:00:00Z"));
    next.reconfirm(OTHERS_SEAT, Some(at("2026-06-02T12:00:00Z")));
    let Changed { lesson, change, .. } = next.finish(Kind::Moved);
    let seat = &lesson.bookings[1];
    assert!(seat.is_living() && !seat.is_free() && !seat.takes_time());
    assert_eq!(lesson.seats_taken, 2);
    assert_eq!((change.booking, change.booking_status), (None, None));
    assert!(lesson.bookings[0].takes_time());
}

#[test]
fn notify_svc_is_told_of_seats_that_are_taken_and_of_the_last_one_each_gave_up() {
    let mut lesson = group_lesson();
    let seat = lesson.bookings[0].clone();
    let with = |id, student, status| Booking {
        id: BookingId(Uuid::from_u128(id)),
        student_id: UserId(Uuid::from_u128(student)),
        status,
        ..seat.clone()
    };
    lesson.bookings = vec![
        with(1, 20, BookingStatus::Canceled),
        with(2, 20, BookingStatus::LateCanceled),
        with(3, 21, BookingStatus::Canceled),
        with(4, 21, BookingStatus::Confirmed),
    ];
    let told = |lesson: &Lesson| -> Vec<_> {
        let snapshot = lesson.to_snapshot().unwrap().lesson.unwrap();
        let seats = snapshot.seats.into_iter();
        let seats = seats.map(|seat| (seat.booking_id.parse::<Uuid>().unwrap().as_u128(), seat));
        seats.map(|(id, seat)| (id, seat.canceled)).collect()
    };
    assert_eq!(told(&lesson), [(2, true), (3, true), (4, false)]);
    lesson.bookings = (0..300)
        .map(|id| with(id, 1000 + id, BookingStatus::Canceled))
        .chain([with(900, 20, BookingStatus::Reconfirm)])
        .collect();
    let told = told(&lesson);
    assert_eq!(told.len(), 200);
    assert_eq!((told[0], told[199]), ((101, true), (900, false)));
}
