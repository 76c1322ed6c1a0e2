//! One test for each rule, then the rules over random series.

use jiff::{SignedDuration, ToSpan as _};
use olm_proto::notify::v1::LessonRole;

use super::*;
use crate::series_plans::{Plan, Shift};

mod ending;
mod groups;
mod invariants;

const TEACHER: Uuid = Uuid::from_u128(1);
const STUDENT: Uuid = Uuid::from_u128(2);
const OTHER: Uuid = Uuid::from_u128(3);
const SERIES: Uuid = Uuid::from_u128(4);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Fridays at 18:00 in Berlin.
fn first() -> Timestamp {
    at("2026-01-23T17:00:00Z")
}

fn now() -> Timestamp {
    at("2026-01-20T09:00:00Z")
}

fn series() -> Snapshot {
    Snapshot {
        series_id: SERIES,
        version: 3,
        schedule_version: 1,
        teacher_id: TEACHER,
        student_ids: vec![STUDENT],
        group_title: String::new(),
        plan: Plan {
            time_zone: "Europe/Berlin".to_owned(),
            day_of_week: 5,
            start_time_of_day: "18:00".to_owned(),
            length: SignedDuration::from_hours(1),
            every_weeks: 1,
            meeting_url: "https://meet.example/1".to_owned(),
            first: Some(first()),
            last: Some(at("2026-04-10T16:00:00Z")),
            lesson_count: 12,
        },
        canceled: false,
        changed_by: LessonRole::Teacher,
        cancel_reason: String::new(),
        canceled_from: None,
        unbooked: Vec::new(),
        shifts: Vec::new(),
        left: None,
    }
}

fn group() -> Snapshot {
    Snapshot {
        group_title: "Beginners".to_owned(),
        ..series()
    }
}

/// After a change of its schedule.
fn changed(series: &Snapshot) -> Snapshot {
    Snapshot {
        version: series.version + 1,
        schedule_version: series.schedule_version + 1,
        ..series.clone()
    }
}

/// After a change of anything else.
fn later(series: &Snapshot) -> Snapshot {
    Snapshot {
        version: series.version + 1,
        ..series.clone()
    }
}

/// On Mondays at 20:00.
fn moved(series: &Snapshot) -> Snapshot {
    let mut moved = changed(series);
    moved.plan.day_of_week = 1;
    moved.plan.start_time_of_day = "20:00".to_owned();
    moved.plan.first = Some(at("2026-01-26T19:00:00Z"));
    moved
}

fn canceled(series: &Snapshot, by: LessonRole) -> Snapshot {
    let mut off = changed(series);
    off.canceled = true;
    off.changed_by = by;
    off.cancel_reason = "ill".to_owned();
    off.canceled_from = off.plan.first.take();
    off.plan.lesson_count = 0;
    off
}

/// Its end is off: from the third lesson on.
fn shorter(series: &Snapshot) -> Snapshot {
    let mut shorter = changed(series);
    shorter.canceled_from = Some(at("2026-02-06T17:00:00Z"));
    shorter.plan.last = Some(at("2026-01-30T17:00:00Z"));
    shorter.plan.lesson_count = 2;
    shorter
}

fn readers() -> Vec<Reader> {
    [TEACHER, STUDENT, OTHER]
        .map(|user_id| Reader {
            user_id,
            muted: BTreeSet::new(),
        })
        .into()
}

fn planned(series: &Snapshot, told: &[Told]) -> Vec<Planned> {
    plan(series, &readers(), told, now())
}

/// What a store makes of a plan, all of it in a state.
fn stored(before: &[Told], planned: &[Planned], state: State) -> Vec<Told> {
    let wanted = |told: &&Told| {
        let kept = planned
            .iter()
            .any(|row| row.key == told.key && row.due != Due::Never);
        kept || told.state != State::Pending
    };
    let mut rows: Vec<_> = before.iter().filter(wanted).cloned().collect();
    for row in planned {
        let state = if row.due == Due::Never {
            State::Canceled
        } else {
            state
        };
        match rows.iter_mut().find(|told| told.key == row.key) {
            Some(told) if told.state == State::Pending => {
                (told.state, told.notice) = (state, row.notice.clone());
            }
            Some(_) => {}
            None => rows.push(Told {
                key: row.key,
                state,
                resent: false,
                notice: row.notice.clone(),
                counterpart_id: row.counterpart_id,
            }),
        }
    }
    rows
}

/// What everybody knows after these versions were told one after another.
fn told_of(versions: &[&Snapshot]) -> Vec<Told> {
    versions.iter().fold(Vec::new(), |told, series| {
        stored(&told, &planned(series, &told), State::Sent)
    })
}

/// What a person gets that is not told yet.
fn news_of(user_id: Uuid, planned: &[Planned], told: &[Told]) -> Vec<Kind> {
    planned
        .iter()
        .filter(|row| row.key.user_id == user_id && row.due != Due::Never)
        .filter(|row| told.iter().all(|told| told.key != row.key))
        .map(|row| row.key.kind)
        .collect()
}

fn only(user_id: Uuid, kind: Kind, planned: &[Planned]) -> &Planned {
    let mut rows = planned
        .iter()
        .filter(|row| row.key.user_id == user_id && row.key.kind == kind);
    let row = rows.next().unwrap_or_else(|| panic!("no {kind:?}"));
    assert!(rows.next().is_none(), "{kind:?} twice");
    row
}

#[expect(clippy::unnecessary_wraps, reason = "compared with fields of messages")]
fn time(at: Timestamp) -> Option<prost_types::Timestamp> {
    Some(olm_proto::timestamp(at))
}

#[test]
fn a_key_survives_its_text() {
    let plain = Key {
        kind: Kind::SeriesBooked,
        series_id: SERIES,
        user_id: STUDENT,
        schedule_version: 2,
        start_s: None,
        edition: 0,
    };
    for key in [
        plain,
        Key {
            kind: Kind::ClockShifts,
            start_s: Some(-5),
            ..plain
        },
        Key {
            edition: 7,
            ..plain
        },
    ] {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    for text in [
        "",
        "series_booked",
        "booked/lesson/x/1",
        "booked/series/x/y/1",
    ] {
        assert!(text.parse::<Key>().is_err(), "{text}");
    }
}

#[test]
fn a_new_series_is_one_message_to_each_side() {
    let rows = planned(&series(), &[]);
    for (person, role) in [
        (TEACHER, LessonRole::Teacher),
        (STUDENT, LessonRole::Student),
    ] {
        let row = only(person, Kind::SeriesBooked, &rows);
        assert_eq!((row.lane, row.due), (Lane::Interactive, Due::AtOnce));
        assert_eq!(row.notice.reader_role(), role);
        assert_eq!(row.notice.start_time, time(first()));
        assert_eq!(row.notice.end_time, time(first() + 1.hour()));
        assert_eq!(row.notice.lesson_count, 12);
        let other = if person == TEACHER { STUDENT } else { TEACHER };
        assert_eq!(row.counterpart_id, Some(other));
    }
    assert_eq!(rows.len(), 2);
    // Planned again, or after a lesson was booked, it says nothing new.
    let told = told_of(&[&series()]);
    let mut later = later(&series());
    later.plan.first = Some(first() + 168.hours());
    later.plan.lesson_count = 11;
    for person in [TEACHER, STUDENT] {
        assert_eq!(news_of(person, &planned(&later, &told), &told), []);
    }
}

#[test]
fn nobody_hears_of_a_series_that_has_nothing_ahead() {
    let mut over = series();
    over.plan.first = None;
    assert_eq!(planned(&over, &[]), []);
    // Nor that it is another one.
    let told = told_of(&[&series()]);
    let mut over = moved(&series());
    over.plan.first = None;
    assert_eq!(planned(&over, &told), []);
}

#[test]
fn another_hour_is_told_once_with_the_next_lesson_as_it_was_known() {
    let told = told_of(&[&series()]);
    let rows = planned(&moved(&series()), &told);
    for person in [TEACHER, STUDENT] {
        assert_eq!(news_of(person, &rows, &told), [Kind::SeriesChanged]);
        let notice = &only(person, Kind::SeriesChanged, &rows).notice;
        assert_eq!(notice.previous_start_time, time(first()));
        assert_eq!(notice.changed_by(), LessonRole::Teacher);
        assert_eq!(notice.start_time_of_day, "20:00");
    }
    // Weeks later the next lesson is another one.
    let spring = at("2026-03-28T09:00:00Z");
    let rows = plan(&moved(&series()), &readers(), &told, spring);
    let notice = &only(STUDENT, Kind::SeriesChanged, &rows).notice;
    assert_eq!(notice.previous_start_time, time(at("2026-04-03T16:00:00Z")));
}

#[test]
fn each_of_hour_rhythm_length_place_and_later_end_is_a_change() {
    let told = told_of(&[&series()]);
    let changes: [fn(&mut Plan); 7] = [
        |plan| plan.time_zone = "Europe/Moscow".to_owned(),
        |plan| plan.day_of_week = 2,
        |plan| plan.start_time_of_day = "18:30".to_owned(),
        |plan| plan.length = SignedDuration::from_mins(90),
        |plan| plan.every_weeks = 2,
        |plan| plan.meeting_url.clear(),
        |plan| plan.last = Some(at("2026-05-01T16:00:00Z")),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut series = changed(&series());
        change(&mut series.plan);
        let rows = planned(&series, &told);
        assert_eq!(
            news_of(STUDENT, &rows, &told),
            [Kind::SeriesChanged],
            "{number}"
        );
    }
    // Another title is none; nor is a last lesson that was not booked.
    let mut series = changed(&series());
    series.group_title = "Others".to_owned();
    assert_eq!(news_of(STUDENT, &planned(&series, &told), &told), []);
    let mut series = later(&self::series());
    series.plan.last = Some(at("2026-04-03T16:00:00Z"));
    assert_eq!(news_of(STUDENT, &planned(&series, &told), &told), []);
}

#[test]
fn a_move_there_and_back_that_was_not_sent_is_silence() {
    let told = told_of(&[&series()]);
    let away = moved(&series());
    let waiting = stored(&told, &planned(&away, &told), State::Pending);
    let back = Snapshot {
        plan: series().plan,
        ..changed(&away)
    };
    assert_eq!(planned(&back, &waiting), []);
    // What was sent is taken back by one more message, of nobody in particular when it
    // tells of several changes.
    let sent = stored(&told, &planned(&away, &told), State::Sent);
    let notice = only(
        STUDENT,
        Kind::SeriesChanged,
        &planned(&changed(&back), &sent),
    )
    .notice
    .clone();
    assert_eq!(notice.changed_by(), LessonRole::Unspecified);
}

#[test]
fn what_failed_is_not_tried_again_by_every_snapshot() {
    let failed = stored(&[], &planned(&series(), &[]), State::Failed);
    let rows = planned(&later(&series()), &failed);
    for person in [TEACHER, STUDENT] {
        assert_eq!(news_of(person, &rows, &failed), []);
    }
    // The next schedule is announced as a booking.
    let rows = planned(&moved(&series()), &failed);
    assert_eq!(news_of(STUDENT, &rows, &failed), [Kind::SeriesBooked]);
}

#[test]
fn an_occurrence_that_was_not_booked_is_told_to_the_teacher_once() {
    let told = told_of(&[&series()]);
    let mut skipped = later(&series());
    let starts = [first() + 168.hours(), first() + 336.hours()];
    skipped.unbooked = vec![now() - 1.hour(), starts[0]];
    let rows = planned(&skipped, &told);
    assert_eq!(news_of(STUDENT, &rows, &told), []);
    assert_eq!(news_of(TEACHER, &rows, &told), [Kind::SeriesSkipped]);
    let row = only(TEACHER, Kind::SeriesSkipped, &rows);
    assert_eq!(row.notice.start_time, time(starts[0]));
    assert_eq!(row.expires_at, Some(starts[0]));
    // Another one later, and a change of the schedule: each start is told once.
    let told = stored(&told, &rows, State::Sent);
    let mut more = changed(&skipped);
    more.unbooked = starts.to_vec();
    let rows = planned(&more, &told);
    assert_eq!(news_of(TEACHER, &rows, &told), [Kind::SeriesSkipped]);
    // What is booked after all is not told any more.
    let waiting = stored(&[], &planned(&skipped, &[]), State::Pending);
    let rows = planned(&later(&series()), &waiting);
    assert!(rows.iter().all(|row| row.key.kind != Kind::SeriesSkipped));
}

#[test]
fn a_shift_of_the_hour_is_told_to_whose_clock_it_is_once() {
    let told = told_of(&[&series()]);
    let mut shifts = later(&series());
    let start = at("2026-03-27T17:00:00Z");
    shifts.shifts = vec![Shift {
        user_id: STUDENT,
        start,
        previous: start - 168.hours(),
    }];
    let rows = planned(&shifts, &told);
    assert_eq!(news_of(TEACHER, &rows, &told), []);
    assert_eq!(news_of(STUDENT, &rows, &told), [Kind::ClockShifts]);
    let row = only(STUDENT, Kind::ClockShifts, &rows);
    assert_eq!((row.lane, row.due), (Lane::Reminder, Due::AtOnce));
    assert_eq!(row.expires_at, Some(start));
    assert_eq!(row.notice.start_time, time(start));
    assert_eq!(row.notice.previous_start_time, time(start - 168.hours()));
    let told = stored(&told, &rows, State::Sent);
    for again in [later(&shifts), changed(&shifts)] {
        assert_eq!(news_of(STUDENT, &planned(&again, &told), &told), []);
    }
    // Too late, off, or not theirs any more: no.
    let late = plan(&shifts, &readers(), &[], start);
    let off = planned(&canceled(&shifts, LessonRole::Teacher), &[]);
    let mut out = shifts.clone();
    out.student_ids.clear();
    for rows in [late, off, planned(&out, &[])] {
        assert!(rows.iter().all(|row| row.key.kind != Kind::ClockShifts));
    }
}

#[test]
fn what_is_muted_is_known_and_not_told() {
    let mut muting = readers();
    muting[1].muted.insert(Kind::SeriesBooked);
    let rows = plan(&series(), &muting, &[], now());
    assert_eq!(only(STUDENT, Kind::SeriesBooked, &rows).due, Due::Never);
    let told = stored(&[], &rows, State::Sent);
    let rows = plan(&moved(&series()), &muting, &told, now());
    assert_eq!(news_of(STUDENT, &rows, &told), [Kind::SeriesChanged]);
}

#[test]
fn what_is_being_sent_is_not_stopped_by_a_snapshot_that_says_the_same() {
    for state in [State::Sending, State::Uncertain] {
        let sending = stored(&[], &planned(&series(), &[]), state);
        let rows = planned(&later(&series()), &sending);
        for told in &sending {
            assert!(rows.iter().any(|row| row.key == told.key), "{state:?}");
        }
    }
}
