use uuid::Uuid;

use super::*;
use crate::{
    availability::slots::Stretch,
    ids::{GroupId, LessonId},
    lessons::{Notices, OfGroup},
};

const TEACHER: UserId = UserId(Uuid::from_u128(1));
const ANNA: UserId = UserId(Uuid::from_u128(2));
const BORIS: UserId = UserId(Uuid::from_u128(3));
const CLARA: UserId = UserId(Uuid::from_u128(4));
/// A day before the lesson's start, less a second: late for who leaves.
const LATE: &str = "2026-06-01T12:00:01Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn time(start: &str) -> Bookable {
    let during = Stretch {
        start: at(start),
        end: at(start) + SignedDuration::from_hours(1),
    };
    Bookable {
        during,
        blocked: during,
    }
}

fn seat(id: u128, student: UserId, status: BookingStatus) -> Booking {
    let asked = status == BookingStatus::Reconfirm;
    Booking {
        id: BookingId(Uuid::from_u128(id)),
        student_id: student,
        student_name: "S".to_owned(),
        status,
        version: 1,
        reconfirm_expire_time: asked.then(|| at("2026-06-02T00:00:00Z")),
        changed_role: Role::Student,
        with_series: false,
    }
}

/// Of a group, at 12:00 on the second, with two places.
fn lesson(bookings: Vec<Booking>) -> Lesson {
    let mut lesson = Lesson {
        id: LessonId(Uuid::from_u128(5)),
        teacher_id: TEACHER,
        teacher_name: "T".to_owned(),
        notices: Notices {
            cancel: SignedDuration::from_hours(24),
            reschedule: SignedDuration::from_hours(2),
        },
        time: time("2026-06-02T12:00:00Z"),
        status: LessonStatus::Scheduled,
        version: 3,
        schedule_version: 2,
        changed_role: Role::Teacher,
        expire_time: None,
        canceled_by: None,
        cancel_reason: String::new(),
        notes: String::new(),
        meeting_url: String::new(),
        group: Some(OfGroup {
            id: GroupId(Uuid::from_u128(6)),
            title: "G".to_owned(),
        }),
        capacity: 2,
        open_seats: false,
        seats_taken: 0,
        series: None,
        with_series: false,
        create_time: at("2026-06-01T00:00:00Z"),
        bookings,
    };
    lesson.seats_taken = lesson.count_taken();
    lesson
}

fn student(user: UserId) -> Acting {
    Acting {
        user,
        role: Role::Student,
    }
}

fn new_seat(student: UserId) -> NewSeat {
    NewSeat {
        id: BookingId(Uuid::from_u128(99)),
        student,
        name: "S".to_owned(),
    }
}

use BookingStatus::{Attended, Canceled, Confirmed, LateCanceled, NoShow, Reconfirm};

#[test]
fn a_place_that_ran_out_is_free_for_others_and_for_who_had_it() {
    let full = lesson(vec![seat(10, ANNA, Confirmed), seat(11, BORIS, Reconfirm)]);
    let before = at("2026-06-01T23:59:59Z");
    let after = at("2026-06-02T00:00:00Z");
    let refused = check_join(&full, CLARA, None, before);
    assert!(matches!(
        refused,
        Err(Error::LessonFull { capacity: Some(2) })
    ));
    assert!(matches!(
        check_join(&full, BORIS, None, before),
        Ok(Verdict::AsItIs)
    ));
    for who in [BORIS, CLARA] {
        assert!(matches!(
            check_join(&full, who, None, after),
            Ok(Verdict::Do)
        ));
    }
    assert!(free_run_out(&full, before).is_none());
    let freed = free_run_out(&full, after).unwrap();
    assert_eq!(
        (freed.change.kind, freed.change.role),
        (Kind::SeatFreed, Role::System)
    );
    assert_eq!(freed.change.actor, None);
    assert_eq!(
        (freed.lesson.seats_taken, freed.lesson.schedule_version),
        (1, 2)
    );
    assert!(
        free_run_out(&freed.lesson, after).is_none(),
        "one seat, once"
    );
}

#[test]
fn who_had_a_seat_in_any_state_that_takes_a_place_keeps_it() {
    let now = at("2026-06-01T00:00:00Z");
    for (status, expected) in [
        (Confirmed, Verdict::AsItIs),
        (Reconfirm, Verdict::AsItIs),
        (Attended, Verdict::AsItIs),
        (NoShow, Verdict::AsItIs),
        (Canceled, Verdict::Do),
        (LateCanceled, Verdict::Do),
    ] {
        let lesson = lesson(vec![seat(10, ANNA, status)]);
        assert_eq!(
            check_join(&lesson, ANNA, None, now).unwrap(),
            expected,
            "{status:?}"
        );
    }
}

#[test]
fn nobody_joins_at_another_time_than_they_were_shown_but_who_has_a_seat_keeps_it() {
    let now = at("2026-06-01T00:00:00Z");
    let mut lesson = lesson(vec![seat(10, ANNA, Confirmed)]);
    let start = lesson.time.during.start;
    let same = start + SignedDuration::from_secs(59);
    let other = [
        start - SignedDuration::from_secs(1),
        start + SignedDuration::from_mins(1),
    ];
    let join = |lesson: &Lesson, who, shown| check_join(lesson, who, Some(shown), now);
    for shown in [start, same] {
        assert!(matches!(join(&lesson, BORIS, shown), Ok(Verdict::Do)));
    }
    for shown in other {
        assert!(matches!(join(&lesson, ANNA, shown), Ok(Verdict::AsItIs)));
        let refused = join(&lesson, BORIS, shown);
        let current = lesson.version;
        assert!(
            matches!(refused, Err(Error::VersionStale { current: version }) if version == current)
        );
    }
    // What is off by now is read anew as well.
    lesson.status = LessonStatus::Canceled;
    let refused = join(&lesson, BORIS, other[0]);
    assert!(matches!(refused, Err(Error::VersionStale { .. })));
}

#[test]
fn nobody_joins_what_began_or_is_off_nor_a_teacher_their_own() {
    let mut lesson = lesson(Vec::new());
    let start = lesson.time.during.start;
    let refused = check_join(&lesson, TEACHER, None, LATE.parse().unwrap());
    assert!(matches!(refused, Err(Error::SelfBooking)));
    let refused = check_join(&lesson, ANNA, None, start);
    assert!(matches!(refused, Err(Error::LessonStarted)));
    lesson.status = LessonStatus::Canceled;
    let refused = check_join(&lesson, ANNA, None, at(LATE));
    assert!(matches!(refused, Err(Error::LessonCanceled)));
}

#[test]
fn a_seat_is_given_up_late_by_its_student_only_and_only_when_they_had_agreed_to_the_time() {
    let teacher = Acting {
        user: TEACHER,
        role: Role::Teacher,
    };
    for (by, status, now, expected) in [
        (student(ANNA), Confirmed, "2026-06-01T12:00:00Z", Canceled),
        (student(ANNA), Confirmed, LATE, LateCanceled),
        (student(ANNA), Reconfirm, LATE, Canceled),
        (teacher, Confirmed, LATE, Canceled),
    ] {
        let lesson = lesson(vec![seat(10, ANNA, status), seat(11, BORIS, Confirmed)]);
        let left = leave(&lesson, &lesson.bookings[0], by, true, at(now));
        let [own, other] = &left.lesson.bookings[..] else {
            panic!("two seats");
        };
        assert_eq!((own.status, own.changed_role), (expected, by.role));
        assert!(own.with_series && own.reconfirm_expire_time.is_none());
        assert_eq!(*other, lesson.bookings[1]);
        assert_eq!((left.lesson.seats_taken, left.change.kind), (1, Kind::Left));
        assert_eq!(left.change.booking_status, Some(expected));
    }
}

#[test]
fn a_seat_is_known_as_the_one_taken_else_the_last_given_up() {
    let mut lesson = lesson(vec![seat(10, ANNA, Canceled), seat(11, ANNA, LateCanceled)]);
    let id = |lesson: &Lesson| seat_of(lesson, ANNA).map(|seat| seat.id.0.as_u128());
    assert_eq!(id(&lesson), Some(11));
    lesson.bookings.insert(0, seat(9, ANNA, Confirmed));
    assert_eq!(id(&lesson), Some(9));
    assert_eq!(seat_of(&lesson, BORIS), None);
}

#[test]
fn what_stands_against_leaving_comes_in_one_order() {
    let now = at("2026-06-01T00:00:00Z");
    let stale = || Err(Error::VersionStale { current: 3 });
    let of_group = lesson(vec![seat(10, ANNA, Confirmed)]);
    let asked = |lesson: &Lesson, whose, first: Option<&Change>, current, now| {
        check_leave(lesson, student(ANNA), whose, first, current, now)
    };
    let others = asked(&of_group, BORIS, None, stale(), now);
    assert!(matches!(others, Err(Error::TeacherOnly)));
    let left = leave(&of_group, &of_group.bookings[0], student(ANNA), false, now);
    let repeat = asked(&left.lesson, ANNA, Some(&left.change), stale(), now);
    assert!(matches!(repeat, Ok(Verdict::AsItIs)));
    let refused = asked(&of_group, ANNA, None, stale(), now);
    assert!(matches!(refused, Err(Error::VersionStale { .. })));
    let again = asked(&left.lesson, ANNA, None, Ok(()), now);
    assert!(matches!(again, Err(Error::BookingNotFound)));
    let begun = asked(&of_group, ANNA, None, Ok(()), at("2026-06-02T12:00:00Z"));
    assert!(matches!(begun, Err(Error::LessonStarted)));
    let single = Lesson {
        group: None,
        ..of_group
    };
    let refused = asked(&single, ANNA, None, Ok(()), now);
    assert!(matches!(refused, Err(Error::LessonStatusUnsuitable { .. })));
}

#[test]
fn to_reconfirm_is_too_late_once_the_time_is_over_whoever_wrote_it_down() {
    let asked = lesson(vec![seat(10, ANNA, Reconfirm)]);
    let stale = || Err(Error::VersionStale { current: 3 });
    let (before, after) = (at("2026-06-01T23:59:59Z"), at("2026-06-02T00:00:00Z"));
    let check = |lesson: &Lesson, first: Option<&Change>, current, now| {
        check_reconfirm(lesson, student(ANNA), first, current, now)
    };
    assert!(matches!(
        check(&asked, None, Ok(()), before),
        Ok(Verdict::Do)
    ));
    assert!(matches!(
        check(&asked, None, stale(), before),
        Err(Error::VersionStale { .. })
    ));
    assert!(matches!(
        check(&asked, None, Ok(()), after),
        Err(Error::ReconfirmTooLate)
    ));
    let freed = free_run_out(&asked, after).unwrap();
    let late = check(&freed.lesson, Some(&freed.change), stale(), after);
    assert!(matches!(late, Err(Error::ReconfirmTooLate)));
    let kept = reconfirm(&asked, asked.bookings[0].id, student(ANNA), before);
    assert_eq!(kept.lesson.bookings[0].status, Confirmed);
    let repeat = check(&kept.lesson, Some(&kept.change), stale(), after);
    assert!(matches!(repeat, Ok(Verdict::AsItIs)));
    let left = lesson(vec![seat(10, ANNA, Canceled)]);
    assert!(matches!(
        check(&left, None, Ok(()), before),
        Err(Error::BookingNotFound)
    ));
}

#[test]
fn a_move_asks_those_who_clash_and_touches_no_seat_beside() {
    let now = at("2026-06-01T00:00:00Z");
    let new = time("2026-06-03T12:00:00Z");
    let teacher = Acting {
        user: TEACHER,
        role: Role::Teacher,
    };
    let before = lesson(vec![
        seat(10, ANNA, Confirmed),
        seat(11, BORIS, Reconfirm),
        seat(12, CLARA, LateCanceled),
    ]);
    for (busy, expected) in [
        (vec![], [Confirmed, Confirmed, LateCanceled]),
        (vec![ANNA], [Reconfirm, Confirmed, LateCanceled]),
        (
            vec![ANNA, BORIS, CLARA],
            [Reconfirm, Reconfirm, LateCanceled],
        ),
    ] {
        let next = Next::of(&before, Some(teacher), now);
        let moved = moved(next, &before, new, |who| busy.contains(&who), now);
        let seats = moved.lesson.bookings.iter();
        let after: Vec<_> = seats.clone().map(|seat| seat.status).collect();
        assert_eq!(after, expected);
        for (seat, was) in seats.zip(&before.bookings) {
            let asked = seat.status == Reconfirm;
            let until = asked.then(|| at("2026-06-02T00:00:00Z"));
            assert_eq!(seat.reconfirm_expire_time, until, "a day from now");
            let touched = seat.status != was.status || asked;
            assert_eq!(seat.version, was.version + i64::from(touched));
        }
        assert_eq!(
            (moved.lesson.seats_taken, moved.lesson.schedule_version),
            (2, 3)
        );
        assert_eq!(
            (moved.change.kind, moved.change.booking),
            (Kind::Moved, None)
        );
    }
    // Who did not answer in time is not asked again, nor comes by a move.
    let late = at("2026-06-02T00:00:00Z");
    let next = Next::of(&before, Some(teacher), late);
    let moved = moved(next, &before, new, |_| false, late);
    assert_eq!(moved.lesson.bookings[1], before.bookings[1]);
}

#[test]
fn who_joins_with_the_series_is_marked_so() {
    let empty = lesson(Vec::new());
    let now = at(LATE);
    for with_series in [true, false] {
        let joined = join(&empty, new_seat(ANNA), student(ANNA), with_series, now);
        assert_eq!(joined.lesson.bookings[0].with_series, with_series);
        assert!(!joined.lesson.with_series, "the schedule is as it was");
        assert_eq!(joined.change.booking_status, Some(Confirmed));
    }
}
