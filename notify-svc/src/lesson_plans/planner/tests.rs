//! One test for each rule, then the rules over random lessons.

use jiff::ToSpan as _;
use proptest::prelude::*;

use super::*;
use crate::lesson_plans::Seat;

const TEACHER: Uuid = Uuid::from_u128(1);
const STUDENT: Uuid = Uuid::from_u128(2);
const BOOKING: Uuid = Uuid::from_u128(3);
const LESSON: Uuid = Uuid::from_u128(4);

fn start() -> Timestamp {
    "2026-03-29T10:00:00Z".parse().unwrap()
}

fn lesson() -> Snapshot {
    Snapshot {
        lesson_id: LESSON,
        version: 5,
        schedule_version: 2,
        state: LessonState::Scheduled,
        changed_by: LessonRole::Student,
        cancel_reason: String::new(),
        meeting_url: String::new(),
        expires_at: None,
        start: start(),
        end: start() + 60.minutes(),
        teacher_id: TEACHER,
        seats: vec![Seat {
            booking_id: BOOKING,
            student_id: STUDENT,
            canceled: false,
        }],
    }
}

fn canceled() -> Snapshot {
    Snapshot {
        state: LessonState::Canceled,
        changed_by: LessonRole::Student,
        cancel_reason: "ill".to_owned(),
        schedule_version: 3,
        version: 6,
        ..lesson()
    }
}

fn readers(minutes: &[i64]) -> Vec<Reader> {
    [TEACHER, STUDENT]
        .into_iter()
        .map(|user_id| Reader {
            user_id,
            leads: minutes
                .iter()
                .map(|lead| SignedDuration::from_mins(*lead))
                .collect(),
        })
        .collect()
}

fn key(kind: Kind, lead_min: i64) -> Key {
    Key {
        kind,
        subject: Subject::Booking(BOOKING),
        schedule_version: 2,
        lead_s: lead_min * 60,
    }
}

fn told(key: Key, state: State) -> Told {
    Told {
        key,
        user_id: STUDENT,
        state,
        resent: false,
    }
}

/// What the student gets, as (kind, lead in minutes).
fn for_student(planned: &[Planned]) -> Vec<(Kind, i64)> {
    planned
        .iter()
        .filter(|planned| planned.user_id == STUDENT)
        .map(|planned| (planned.key.kind, planned.key.lead_s / 60))
        .collect()
}

fn notice(planned: &Planned) -> &LessonNotice {
    match planned.content.kind.as_ref().unwrap() {
        content::Kind::LessonNotice(notice) => notice,
        content::Kind::CustomText(_) => panic!("a plan has no custom text"),
    }
}

#[test]
fn student_and_teacher_get_a_confirmation_at_once_and_a_reminder_at_their_lead() {
    let planned = plan(&lesson(), &readers(&[60]), &[], start() - 48.hours());
    let rows: Vec<_> = planned
        .iter()
        .map(|planned| (planned.user_id, planned.key.kind, planned.lane, planned.due))
        .collect();
    let at = Due::At(start() - 60.minutes());
    assert_eq!(
        rows,
        [
            (STUDENT, Kind::Booked, Lane::Interactive, Due::AtOnce),
            (STUDENT, Kind::Reminder, Lane::Reminder, at),
            (TEACHER, Kind::Booked, Lane::Interactive, Due::AtOnce),
            (TEACHER, Kind::Reminder, Lane::Reminder, at),
        ]
    );
    assert_eq!(planned[0].counterpart_id, Some(TEACHER));
    assert_eq!(planned[2].counterpart_id, Some(STUDENT));
    assert!(notice(&planned[0]).reminder_follows);
    assert_eq!(notice(&planned[2]).reader_role(), LessonRole::Teacher);
}

#[test]
fn a_reminder_expires_when_its_lesson_starts() {
    let planned = plan(&lesson(), &readers(&[60]), &[], start() - 48.hours());
    assert_eq!(planned[1].expires_at, Some(start()));
    assert_eq!(planned[0].expires_at, None);
}

#[test]
fn booked_35_minutes_ahead_there_is_no_reminder_and_the_confirmation_says_so() {
    let planned = plan(&lesson(), &readers(&[60]), &[], start() - 35.minutes());
    assert_eq!(for_student(&planned), [(Kind::Booked, 0)]);
    assert!(!notice(&planned[0]).reminder_follows);
}

#[test]
fn a_reminder_that_waits_past_its_instant_stays() {
    let waiting = [told(key(Kind::Reminder, 60), State::Pending)];
    let planned = plan(&lesson(), &readers(&[60]), &waiting, start() - 5.minutes());
    assert!(for_student(&planned).contains(&(Kind::Reminder, 60)));
}

#[test]
fn a_lead_of_a_day_is_24_hours_across_a_change_of_clocks() {
    let planned = plan(&lesson(), &readers(&[24 * 60]), &[], start() - 48.hours());
    assert_eq!(
        planned[1].due,
        Due::At("2026-03-28T10:00:00Z".parse().unwrap())
    );
}

#[test]
fn who_was_told_of_the_lesson_is_told_of_its_cancellation() {
    let heard = [key(Kind::Booked, 0), key(Kind::Reminder, 60)];
    let cases = State::ALL
        .into_iter()
        .flat_map(|state| heard.map(|key| (key, state)));
    for (heard, state) in cases {
        let planned = plan(
            &canceled(),
            &readers(&[60]),
            &[told(heard, state)],
            start() - 2.hours(),
        );
        let knows = matches!(
            state,
            State::Sending | State::Sent | State::Uncertain | State::Unconfirmed
        );
        let expected: &[_] = if knows { &[(Kind::Canceled, 0)] } else { &[] };
        assert_eq!(for_student(&planned), expected, "{state:?}");
    }
}

#[test]
fn a_cancellation_names_who_cancelled_and_why() {
    let planned = plan(
        &canceled(),
        &readers(&[60]),
        &[told(key(Kind::Booked, 0), State::Sent)],
        start() - 2.hours(),
    );
    let notice = notice(&planned[0]);
    assert_eq!(notice.changed_by(), LessonRole::Student);
    assert_eq!(notice.cancel_reason, "ill");
    assert_eq!(notice.lesson_version, 6);
}

#[test]
fn a_joining_student_changes_nothing_for_the_others() {
    let now = start() - 48.hours();
    let before = plan(&lesson(), &readers(&[60]), &[], now);
    let mut joined = lesson();
    joined.version += 1;
    joined.seats.push(Seat {
        booking_id: Uuid::from_u128(30),
        student_id: Uuid::from_u128(20),
        canceled: false,
    });
    let after = plan(&joined, &readers(&[60]), &[], now);
    let keys = |planned: &[Planned]| planned.iter().map(|row| row.key).collect::<Vec<_>>();
    assert_eq!(keys(&before), keys(&after));
}

#[test]
fn moving_the_lesson_moves_every_key() {
    let now = start() - 48.hours();
    let moved = Snapshot {
        schedule_version: 3,
        start: start() + 1.hour(),
        end: start() + 2.hours(),
        ..lesson()
    };
    let before = plan(&lesson(), &readers(&[60]), &[], now);
    let after = plan(&moved, &readers(&[60]), &[], now);
    assert!(
        before
            .iter()
            .all(|old| after.iter().all(|new| new.key != old.key))
    );
}

#[test]
fn a_lead_changed_from_60_to_120_minutes_at_90_minutes_before_keeps_one_reminder() {
    let waiting = [told(key(Kind::Reminder, 60), State::Pending)];
    let planned = plan(
        &lesson(),
        &readers(&[120]),
        &waiting,
        start() - 90.minutes(),
    );
    assert_eq!(
        for_student(&planned),
        [(Kind::Booked, 0), (Kind::Reminder, 60)]
    );
}

#[test]
fn a_lead_changed_while_the_new_one_is_ahead_replaces_the_old_one() {
    let waiting = [told(key(Kind::Reminder, 60), State::Pending)];
    let planned = plan(&lesson(), &readers(&[30]), &waiting, start() - 90.minutes());
    assert_eq!(
        for_student(&planned),
        [(Kind::Booked, 0), (Kind::Reminder, 30)]
    );
}

#[test]
fn who_wants_no_reminders_gets_none() {
    let waiting = [told(key(Kind::Reminder, 60), State::Pending)];
    let planned = plan(&lesson(), &readers(&[]), &waiting, start() - 90.minutes());
    assert_eq!(for_student(&planned), [(Kind::Booked, 0)]);
}

#[test]
fn a_lesson_that_is_over_is_not_announced() {
    assert_eq!(
        plan(&lesson(), &readers(&[60]), &[], start() + 2.hours()),
        []
    );
}

#[test]
fn only_the_readers_asked_for_are_planned() {
    let planned = plan(&lesson(), &readers(&[60])[1..], &[], start() - 48.hours());
    assert!(planned.iter().all(|planned| planned.user_id == STUDENT));
}

#[test]
fn a_key_survives_its_text() {
    for key in [
        key(Kind::Reminder, 60),
        key(Kind::Booked, 0),
        Key {
            subject: Subject::Lesson(LESSON),
            ..key(Kind::Canceled, 0)
        },
    ] {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    for text in ["", "booked", "booked/seat/x/1", "party/booking/x/1"] {
        assert!(text.parse::<Key>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn planning_what_was_planned_plans_it_again(
        leads in proptest::collection::vec(1_i64..3000, 0..5),
        minutes_before in -120_i64..3000,
        later in 0_i64..3000,
    ) {
        let now = start() - minutes_before.minutes();
        let first = plan(&lesson(), &readers(&leads), &[], now);
        let told: Vec<_> = first
            .iter()
            .map(|planned| Told {
                key: planned.key,
                user_id: planned.user_id,
                state: State::Pending,
                resent: false,
            })
            .collect();
        let second = plan(&lesson(), &readers(&leads), &told, now + later.minutes());
        prop_assert_eq!(first, second);
    }

    #[test]
    fn a_new_reminder_is_ahead_and_before_the_lesson(
        leads in proptest::collection::vec(1_i64..3000, 0..5),
        minutes_before in -120_i64..3000,
    ) {
        let now = start() - minutes_before.minutes();
        for planned in plan(&lesson(), &readers(&leads), &[], now) {
            if let Due::At(at) = planned.due {
                prop_assert!(now < at && at < start());
            }
        }
    }

    #[test]
    fn a_change_of_leads_never_leaves_a_reader_without_a_reminder(
        before in proptest::collection::vec(1_i64..300, 1..4),
        after in proptest::collection::vec(1_i64..300, 1..4),
        minutes_before in 1_i64..300,
    ) {
        let booked_at = start() - 400.minutes();
        let now = start() - minutes_before.minutes();
        // Those whose instant passed were sent, the others wait.
        let told: Vec<_> = plan(&lesson(), &readers(&before), &[], booked_at)
            .iter()
            .map(|planned| Told {
                key: planned.key,
                user_id: planned.user_id,
                state: match planned.due {
                    Due::At(at) if at > now => State::Pending,
                    Due::At(_) | Due::AtOnce => State::Sent,
                },
                resent: false,
            })
            .collect();
        let waited = told.iter().any(|told| told.state == State::Pending);
        let planned = plan(&lesson(), &readers(&after), &told, now);
        let waits = planned.iter().any(|row| {
            row.key.kind == Kind::Reminder
                && told.iter().all(|told| told.key != row.key || told.state == State::Pending)
        });
        let had_one = told.iter().any(|told| {
            told.key.kind == Kind::Reminder && told.state == State::Sent
                && after.iter().any(|lead| lead * 60 == told.key.lead_s)
        });
        prop_assert!(!waited || waits || had_one);
    }
}
