//! One test for each rule, then the rules over random lessons.

use jiff::ToSpan as _;

use super::*;
use crate::lesson_plans::Seat;

mod announcing;
mod changing;
mod groups;
mod invariants;
mod reminding;
mod with_series;

const TEACHER: Uuid = Uuid::from_u128(1);
const STUDENT: Uuid = Uuid::from_u128(2);
const BOOKING: Uuid = Uuid::from_u128(3);
const LESSON: Uuid = Uuid::from_u128(4);
/// Another student, and their seat.
const OTHER: Uuid = Uuid::from_u128(20);
const OTHER_BOOKING: Uuid = Uuid::from_u128(30);

fn start() -> Timestamp {
    "2026-03-29T10:00:00Z".parse().unwrap()
}

fn days_before() -> Timestamp {
    start() - 48.hours()
}

fn seat(booking_id: Uuid, student_id: Uuid) -> Seat {
    Seat {
        booking_id,
        student_id,
        canceled: false,
        reconfirm: None,
        changed_by: LessonRole::Student,
        with_series: false,
    }
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
        seats: vec![seat(BOOKING, STUDENT)],
        of_group: false,
        group_title: String::new(),
        with_series: false,
    }
}

/// The lesson after a change of its schedule.
fn changed(lesson: &Snapshot, by: LessonRole) -> Snapshot {
    Snapshot {
        version: lesson.version + 1,
        schedule_version: lesson.schedule_version + 1,
        changed_by: by,
        ..lesson.clone()
    }
}

fn moved(lesson: &Snapshot, minutes: i64) -> Snapshot {
    Snapshot {
        start: lesson.start + minutes.minutes(),
        end: lesson.end + minutes.minutes(),
        ..changed(lesson, LessonRole::Student)
    }
}

fn requested() -> Snapshot {
    Snapshot {
        state: LessonState::Requested,
        expires_at: Some(start() - 36.hours()),
        ..lesson()
    }
}

fn canceled() -> Snapshot {
    Snapshot {
        state: LessonState::Canceled,
        cancel_reason: "ill".to_owned(),
        ..changed(&lesson(), LessonRole::Student)
    }
}

fn reader(user_id: Uuid, minutes: &[i64]) -> Reader {
    Reader {
        user_id,
        leads: minutes
            .iter()
            .map(|lead| SignedDuration::from_mins(*lead))
            .collect(),
        quiet_hours: None,
        time_zone: TimeZone::get("Europe/Berlin").unwrap(),
        muted: BTreeSet::new(),
    }
}

fn readers(minutes: &[i64]) -> Vec<Reader> {
    vec![reader(TEACHER, minutes), reader(STUDENT, minutes)]
}

fn muting(kinds: &[Kind]) -> Vec<Reader> {
    let muted = |reader| Reader {
        muted: kinds.iter().copied().collect(),
        ..reader
    };
    readers(&[60]).into_iter().map(muted).collect()
}

/// The planned rows as rows that exist, at `now` after planning, in a state each.
fn told(planned: &[Planned], now: Timestamp, state: impl Fn(&Planned) -> State) -> Vec<Told> {
    planned
        .iter()
        .map(|planned| Told {
            key: planned.key,
            user_id: planned.user_id,
            state: match planned.due {
                Due::Never => State::Canceled,
                Due::AtOnce | Due::At(_) => state(planned),
            },
            resent: false,
            due: match planned.due {
                Due::At(at) => at,
                Due::AtOnce | Due::Never => now,
            },
            gone: false,
            notice: notice(planned).clone(),
        })
        .collect()
}

/// What is at once was sent, what is later waits.
fn sent(planned: &[Planned], now: Timestamp) -> Vec<Told> {
    told(planned, now, |planned| match planned.due {
        Due::AtOnce => State::Sent,
        Due::At(_) | Due::Never => State::Pending,
    })
}

fn waiting(planned: &[Planned], now: Timestamp) -> Vec<Told> {
    told(planned, now, |_| State::Pending)
}

/// What a store makes of a plan: what is unwanted and unsent is gone, what is new is in
/// the state that `told` gives it.
fn reconciled(before: &[Told], planned: &[Planned], fresh: Vec<Told>) -> Vec<Told> {
    let wanted = |told: &&Told| {
        let planned = planned.iter().any(|row| row.key == told.key);
        planned || !matches!(told.state, State::Pending)
    };
    let mut rows: Vec<_> = before.iter().filter(wanted).cloned().collect();
    for row in fresh {
        if rows.iter().all(|known| known.key != row.key) {
            rows.push(row);
        }
    }
    rows
}

fn booked() -> Vec<Told> {
    sent(
        &plan(&lesson(), &readers(&[60]), &[], days_before()),
        days_before(),
    )
}

/// What a person gets, as (kind, lead in minutes); without what is only remembered.
fn rows_of(user_id: Uuid, planned: &[Planned]) -> Vec<(Kind, i64)> {
    planned
        .iter()
        .filter(|planned| planned.user_id == user_id && planned.due != Due::Never)
        .map(|planned| (planned.key.kind, planned.key.lead_s / 60))
        .collect()
}

fn for_student(planned: &[Planned]) -> Vec<(Kind, i64)> {
    rows_of(STUDENT, planned)
}

fn for_teacher(planned: &[Planned]) -> Vec<(Kind, i64)> {
    rows_of(TEACHER, planned)
}

fn notice(planned: &Planned) -> &LessonNotice {
    match planned.content.kind.as_ref().unwrap() {
        content::Kind::LessonNotice(notice) => notice,
        content::Kind::CustomText(_) | content::Kind::SeriesNotice(_) => {
            panic!("a plan has no custom text")
        }
    }
}

/// The only notice of a kind that a person gets.
fn only(user_id: Uuid, kind: Kind, planned: &[Planned]) -> &Planned {
    let mut rows = planned
        .iter()
        .filter(|row| row.user_id == user_id && row.key.kind == kind);
    let row = rows.next().unwrap_or_else(|| panic!("no {kind:?}"));
    assert!(rows.next().is_none(), "{kind:?} twice");
    row
}

#[test]
fn a_key_survives_its_text() {
    let key = |kind, lead_s| Key {
        kind,
        subject: Subject::Booking(BOOKING),
        schedule_version: 2,
        lead_s,
    };
    let keys = Kind::ALL.map(|kind| key(kind, 0));
    let others = [
        key(Kind::Reminder, 3600),
        Key {
            subject: Subject::Lesson(LESSON),
            ..key(Kind::Canceled, 0)
        },
    ];
    for key in keys.into_iter().chain(others) {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    for text in ["", "booked", "booked/seat/x/1", "party/booking/x/1"] {
        assert!(text.parse::<Key>().is_err(), "{text}");
    }
}

#[test]
fn only_the_readers_asked_for_are_planned() {
    let planned = plan(&lesson(), &readers(&[60])[1..], &[], days_before());
    assert!(!planned.is_empty());
    assert!(planned.iter().all(|planned| planned.user_id == STUDENT));
}
