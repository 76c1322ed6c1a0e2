mod attending;
mod beginning;
mod gathering;

use uuid::Uuid;

use super::*;
use crate::{
    availability::slots::Stretch,
    ids::{LessonId, UserId},
    lessons::{Booking, Notices, changes::Changed},
    teachers::Policies,
};

const TEACHER: UserId = UserId(Uuid::from_u128(1));
const STUDENT: UserId = UserId(Uuid::from_u128(2));
const ADMIN: UserId = UserId(Uuid::from_u128(3));
const SEAT: BookingId = BookingId(Uuid::from_u128(4));

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours(hours: i64) -> jiff::SignedDuration {
    jiff::SignedDuration::from_hours(hours)
}

fn time(start: &str) -> Bookable {
    let start = at(start);
    let end = start + hours(1);
    let during = Stretch { start, end };
    Bookable {
        during,
        blocked: during,
    }
}

fn by(role: Role) -> Acting {
    let user = match role {
        Role::Teacher => TEACHER,
        Role::Student => STUDENT,
        Role::Admin | Role::System => ADMIN,
    };
    Acting { user, role }
}

/// At 12:00, with its seat as it is in that state; what waits runs out at 11:00.
fn lesson(status: LessonStatus) -> Lesson {
    let (seat, expire_time, canceled_by) = match status {
        LessonStatus::Held | LessonStatus::Requested => (
            BookingStatus::Pending,
            Some(at("2026-06-02T11:00:00Z")),
            None,
        ),
        LessonStatus::Scheduled => (BookingStatus::Confirmed, None, None),
        LessonStatus::Canceled => (BookingStatus::LateCanceled, None, Some(STUDENT)),
        LessonStatus::Declined => (BookingStatus::Canceled, None, Some(TEACHER)),
        LessonStatus::Lapsed => (BookingStatus::Canceled, None, None),
    };
    Lesson {
        id: LessonId(Uuid::from_u128(5)),
        teacher_id: TEACHER,
        teacher_name: "T".to_owned(),
        notices: Notices {
            cancel: hours(24),
            reschedule: hours(2),
        },
        time: time("2026-06-02T12:00:00Z"),
        status,
        version: 3,
        schedule_version: 2,
        changed_role: Role::Student,
        expire_time,
        canceled_by,
        cancel_reason: String::new(),
        notes: "n".to_owned(),
        meeting_url: String::new(),
        group: None,
        capacity: 1,
        open_seats: false,
        seats_taken: 1,
        series: None,
        with_series: false,
        create_time: at("2026-06-01T00:00:00Z"),
        bookings: vec![Booking {
            id: SEAT,
            student_id: STUDENT,
            student_name: "S".to_owned(),
            status: seat,
            version: 1,
            reconfirm_expire_time: None,
            changed_role: Role::Student,
            with_series: false,
        }],
    }
}

fn attendance(status: BookingStatus) -> Action {
    Action::Attendance {
        booking: SEAT,
        status,
    }
}

/// One of each, in the order of the tables below.
fn actions() -> [Action; 9] {
    [
        Action::Confirm,
        Action::Decline {
            reason: "no".to_owned(),
        },
        Action::Move {
            time: time("2026-06-02T14:00:00Z"),
        },
        Action::Update {
            notes: Some("new".to_owned()),
            meeting_url: None,
        },
        Action::Cancel {
            reason: "ill".to_owned(),
        },
        attendance(BookingStatus::Attended),
        attendance(BookingStatus::NoShow),
        attendance(BookingStatus::Canceled),
        attendance(BookingStatus::LateCanceled),
    ]
}

/// The outcome of a check as one letter.
fn letter(outcome: Result<Verdict, Error>) -> char {
    match outcome {
        Ok(Verdict::Do) => 'D',
        Ok(Verdict::AsItIs) => '=',
        Err(Error::TeacherOnly) => 'T',
        Err(Error::LessonStatusUnsuitable { .. }) => 'u',
        Err(Error::LessonStarted) => 's',
        Err(Error::LessonNotStarted) => 'n',
        Err(Error::LessonCanceled) => 'c',
        Err(Error::LessonLapsed) => 'l',
        Err(Error::RescheduleTooLate { .. }) => 'r',
        Err(Error::VersionStale { .. }) => 'v',
        Err(error) => panic!("{error:?}"),
    }
}

fn row(status: LessonStatus, role: Role, now: &str) -> String {
    let lesson = lesson(status);
    let check = |action: &Action| check(&lesson, by(role), 3, action, &Past::default(), at(now));
    actions()
        .iter()
        .map(|action| letter(check(action)))
        .collect()
}

/// Columns: confirm, decline, move, update, cancel; seat came, stayed away, excused,
/// gave up late.
#[test]
fn every_action_in_every_state_by_every_role_before_the_lesson() {
    use LessonStatus::{Canceled, Declined, Held, Lapsed, Requested, Scheduled};
    let now = "2026-06-02T09:00:00Z";
    for (status, staff, student) in [
        (Held, "uuuuDuuuu", "TTuTDTTTT"),
        (Requested, "DDDDDuuuu", "TTDTDTTTT"),
        (Scheduled, "uuDDDnnuu", "TTDTDTTTT"),
        (Canceled, "cccccccD=", "TTcTcTTTT"),
        (Declined, "cccccccuu", "TTcTcTTTT"),
        (Lapsed, "lllllllll", "TTlTlTTTT"),
    ] {
        for role in [Role::Teacher, Role::Admin] {
            assert_eq!(row(status, role, now), staff, "{status:?} {role:?}");
        }
        assert_eq!(row(status, Role::Student, now), student, "{status:?}");
    }
}

#[test]
fn every_action_in_every_state_by_every_role_once_the_lesson_has_begun() {
    use LessonStatus::{Canceled, Declined, Held, Lapsed, Requested, Scheduled};
    let now = "2026-06-02T12:00:00Z";
    for (status, staff, student) in [
        (Held, "lllllllll", "TTlTlTTTT"),
        (Requested, "lllllllll", "TTlTlTTTT"),
        (Scheduled, "uusDsDDuu", "TTsTsTTTT"),
        (Canceled, "cccccccD=", "TTcTcTTTT"),
        (Declined, "cccccccuu", "TTcTcTTTT"),
        (Lapsed, "lllllllll", "TTlTlTTTT"),
    ] {
        for role in [Role::Teacher, Role::Admin] {
            assert_eq!(row(status, role, now), staff, "{status:?} {role:?}");
        }
        assert_eq!(row(status, Role::Student, now), student, "{status:?}");
    }
}

#[test]
fn what_waits_runs_out_at_its_instant() {
    for status in [LessonStatus::Held, LessonStatus::Requested] {
        assert_eq!(
            row(status, Role::Teacher, "2026-06-02T11:00:00Z"),
            "lllllllll"
        );
        assert_ne!(
            row(status, Role::Teacher, "2026-06-02T10:59:59.999999Z"),
            "lllllllll"
        );
    }
}

#[test]
fn whatever_is_done_keeps_the_lesson_whole() {
    let now = at("2026-06-02T09:00:00Z");
    let begun = at("2026-06-02T12:00:00Z");
    let mut done = 0;
    for now in [now, begun] {
        for status in LessonStatus::ALL {
            for role in [Role::Teacher, Role::Student, Role::Admin] {
                for action in actions() {
                    let before = lesson(*status);
                    let verdict = check(&before, by(role), 3, &action, &Past::default(), now);
                    if verdict.is_ok_and(|verdict| verdict == Verdict::Do) {
                        whole(&before, &apply(&before, by(role), &action, now), role);
                        done += 1;
                    }
                }
            }
        }
    }
    assert!(done > 30, "{done}");
    for status in [LessonStatus::Held, LessonStatus::Requested] {
        let before = lesson(status);
        whole(&before, &lapse(&before, now), Role::System);
    }
}

/// What holds of every change.
fn whole(before: &Lesson, changed: &Changed, role: Role) {
    let (after, change) = (&changed.lesson, &changed.change);
    let waits = matches!(after.status, LessonStatus::Held | LessonStatus::Requested);
    assert_eq!(after.expire_time.is_some(), waits, "{change:?}");
    let by_somebody = matches!(
        after.status,
        LessonStatus::Canceled | LessonStatus::Declined
    );
    assert_eq!(after.canceled_by.is_some(), by_somebody, "{change:?}");
    assert_eq!(after.version, before.version + 1);
    assert_eq!((change.version, change.role), (after.version, role));
    assert_eq!(change.actor.is_none(), role == Role::System);
    assert_eq!(change.during, after.time.during);
    assert_eq!(
        change.previous.is_some(),
        change.kind == Kind::Moved,
        "{change:?}"
    );
    let scheduled = (after.status, after.time, &after.meeting_url)
        != (before.status, before.time, &before.meeting_url);
    assert_eq!(
        after.schedule_version - before.schedule_version,
        i64::from(scheduled),
        "{change:?}"
    );
    let expected_role = if scheduled { role } else { before.changed_role };
    assert_eq!(after.changed_role, expected_role);
    let (old, new) = (&before.bookings[0], &after.bookings[0]);
    assert_eq!(
        new.version - old.version,
        i64::from(new.status != old.status),
        "{change:?}"
    );
    let living = matches!(
        after.status,
        LessonStatus::Held | LessonStatus::Requested | LessonStatus::Scheduled
    );
    if !living {
        assert!(!new.is_living(), "{change:?}");
    }
    assert_eq!(
        changed.tell,
        change.kind != Kind::Attendance && before.status != LessonStatus::Held,
        "{change:?}"
    );
}

#[test]
fn the_first_reason_wins() {
    let requested = lesson(LessonStatus::Requested);
    let scheduled = lesson(LessonStatus::Scheduled);
    let late = at("2026-06-02T11:30:00Z");
    let asks = |lesson: &Lesson, role, version, action: &Action, now| {
        letter(check(
            lesson,
            by(role),
            version,
            action,
            &Past::default(),
            now,
        ))
    };
    let confirm = Action::Confirm;
    assert_eq!(asks(&requested, Role::Student, 9, &confirm, late), 'T');
    assert_eq!(asks(&requested, Role::Teacher, 9, &confirm, late), 'l');
    assert_eq!(asks(&scheduled, Role::Teacher, 9, &confirm, late), 'v');
    let there = Action::Move {
        time: scheduled.time,
    };
    let elsewhere = Action::Move {
        time: time("2026-06-02T14:00:00Z"),
    };
    assert_eq!(asks(&scheduled, Role::Student, 3, &there, late), '=');
    assert_eq!(asks(&scheduled, Role::Student, 3, &elsewhere, late), 'r');
    assert_eq!(asks(&scheduled, Role::Teacher, 3, &elsewhere, late), 'D');
    let notice = at("2026-06-02T10:00:00Z");
    assert_eq!(asks(&scheduled, Role::Student, 3, &elsewhere, notice), 'D');
}

#[test]
fn the_same_person_with_the_same_words_repeats() {
    let now = at("2026-06-02T09:00:00Z");
    for (status, action, another) in [
        (LessonStatus::Requested, Action::Confirm, None),
        (
            LessonStatus::Requested,
            Action::Decline {
                reason: "no".to_owned(),
            },
            Some(Action::Decline {
                reason: "never".to_owned(),
            }),
        ),
        (
            LessonStatus::Scheduled,
            Action::Cancel {
                reason: "ill".to_owned(),
            },
            Some(Action::Cancel {
                reason: String::new(),
            }),
        ),
        (
            LessonStatus::Scheduled,
            Action::Move {
                time: time("2026-06-02T14:00:00Z"),
            },
            Some(Action::Move {
                time: time("2026-06-02T15:00:00Z"),
            }),
        ),
        (
            LessonStatus::Scheduled,
            Action::Update {
                notes: Some("new".to_owned()),
                meeting_url: None,
            },
            Some(Action::Update {
                notes: Some("newer".to_owned()),
                meeting_url: None,
            }),
        ),
        (
            LessonStatus::Canceled,
            attendance(BookingStatus::Canceled),
            Some(attendance(BookingStatus::LateCanceled)),
        ),
    ] {
        let Changed { lesson, change, .. } =
            apply(&lesson(status), by(Role::Teacher), &action, now);
        let past = Past {
            first: Some(change),
            given_up_late: true,
        };
        let asks = |role, action: &Action| letter(check(&lesson, by(role), 3, action, &past, now));
        assert_eq!(asks(Role::Teacher, &action), '=', "{action:?}");
        assert_eq!(asks(Role::Admin, &action), 'v', "{action:?}");
        if let Some(another) = another {
            assert_eq!(asks(Role::Teacher, &another), 'v', "{another:?}");
        }
    }
}

#[test]
fn a_student_gives_up_late_after_the_teachers_notice() {
    use BookingStatus::{Canceled, LateCanceled};
    use LessonStatus::{Requested, Scheduled};
    let cancel = Action::Cancel {
        reason: String::new(),
    };
    let becomes = |status, role, now: &str| {
        let changed = apply(&lesson(status), by(role), &cancel, at(now));
        changed.lesson.bookings[0].status
    };
    let (in_time, late) = ("2026-06-01T12:00:00Z", "2026-06-01T12:00:00.000001Z");
    assert_eq!(becomes(Scheduled, Role::Student, in_time), Canceled);
    assert_eq!(becomes(Scheduled, Role::Student, late), LateCanceled);
    assert_eq!(becomes(Scheduled, Role::Teacher, late), Canceled);
    assert_eq!(becomes(Scheduled, Role::Admin, late), Canceled);
    assert_eq!(becomes(Requested, Role::Student, late), Canceled);
}

#[test]
fn a_moved_request_runs_out_at_its_new_start_at_the_latest() {
    let request = lesson(LessonStatus::Requested);
    let now = at("2026-06-02T09:00:00Z");
    for (start, expire) in [
        ("2026-06-02T10:00:00Z", "2026-06-02T10:00:00Z"),
        ("2026-06-02T15:00:00Z", "2026-06-02T11:00:00Z"),
    ] {
        let action = Action::Move { time: time(start) };
        let moved = apply(&request, by(Role::Student), &action, now).lesson;
        assert_eq!(moved.status, LessonStatus::Requested);
        assert_eq!(moved.expire_time, Some(at(expire)));
        assert_eq!(moved.time, time(start));
    }
}
