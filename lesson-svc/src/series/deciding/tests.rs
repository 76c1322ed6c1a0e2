use jiff::{SignedDuration, civil::date};

use super::*;
use crate::{availability::Hours, zones};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn stretch(start: &str, end: &str) -> Stretch {
    Stretch {
        start: at(start),
        end: at(end),
    }
}

fn pattern(zone: &str) -> Pattern {
    Pattern {
        zone: zones::zone(zone).unwrap(),
        first_date: date(2026, 10, 12),
        start_minute: 10 * 60,
        duration: SignedDuration::from_mins(60),
        every_weeks: 1,
    }
}

fn idle() -> Busy {
    Busy {
        lessons: Vec::new(),
        teacher_seats: Stretches::default(),
        student: Stretches::default(),
        off: Stretches::default(),
        days_off: BTreeSet::new(),
        hours_zone: TimeZone::UTC,
        open: OpenTime::around(
            &Hours::none(TimeZone::UTC),
            stretch("2026-10-12T00:00:00Z", "2026-11-30T00:00:00Z"),
        ),
        group: None,
    }
}

fn conflicts(busy: &Busy, staying: &Stretches, now: &str) -> Vec<Option<Conflict>> {
    let pattern = pattern("UTC");
    let occurrences = pattern.occurrences(0, 5);
    let decisions = busy.decide(occurrences, staying, at(now));
    decisions.iter().map(|decision| decision.conflict).collect()
}

#[test]
fn each_reason_stands_against_its_own_occurrence() {
    let lesson = LessonId(uuid::Uuid::from_u128(7));
    let busy = Busy {
        lessons: vec![
            (
                stretch("2026-10-19T09:00:00Z", "2026-10-19T10:00:00Z"),
                lesson,
            ),
            (
                stretch("2026-10-19T10:30:00Z", "2026-10-19T11:30:00Z"),
                lesson,
            ),
        ],
        student: [stretch("2026-10-26T10:59:59Z", "2026-10-26T12:00:00Z")]
            .into_iter()
            .collect(),
        off: [stretch("2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z")]
            .into_iter()
            .collect(),
        days_off: [date(2026, 11, 9)].into(),
        ..idle()
    };
    let now = "2026-10-12T10:00:00Z";
    let expected = [
        Conflict::Past,
        Conflict::TeacherBusy,
        Conflict::StudentBusy,
        Conflict::TimeOff,
        Conflict::TimeOff,
    ];
    assert_eq!(
        conflicts(&busy, &Stretches::default(), now),
        expected.map(Some)
    );
    let decisions = busy.decide(
        pattern("UTC").occurrences(1, 2),
        &Stretches::default(),
        at(now),
    );
    assert_eq!(decisions[0].conflicting, Some(lesson));
}

#[test]
fn what_only_touches_stands_against_nothing_and_hours_only_mark() {
    let touching = [
        stretch("2026-10-12T09:00:00Z", "2026-10-12T10:00:00Z"),
        stretch("2026-10-12T11:00:00Z", "2026-10-12T12:00:00Z"),
    ];
    let busy = Busy {
        teacher_seats: touching.into_iter().collect(),
        student: touching.into_iter().collect(),
        off: touching.into_iter().collect(),
        ..idle()
    };
    let now = "2026-10-01T00:00:00Z";
    assert_eq!(conflicts(&busy, &Stretches::default(), now), [None; 5]);
    let decisions = busy.decide(
        pattern("UTC").occurrences(0, 1),
        &Stretches::default(),
        at(now),
    );
    assert!(decisions[0].outside_hours);
}

#[test]
fn a_lesson_of_the_series_that_stays_stands_against_the_others() {
    let staying = [stretch("2026-10-26T10:30:00Z", "2026-10-26T11:30:00Z")];
    let found = conflicts(
        &idle(),
        &staying.into_iter().collect(),
        "2026-10-01T00:00:00Z",
    );
    let busy = Some(Conflict::TeacherBusy);
    assert_eq!(found, [None, None, busy, None, None]);
}

#[test]
fn clocks_that_change_on_other_days_are_marked_for_those_whose_hour_shifts() {
    let pattern = pattern("Europe/Berlin");
    let clock = |user: u128, zone: &str| Clock {
        user: UserId(uuid::Uuid::from_u128(user)),
        zone: zones::zone(zone).unwrap(),
    };
    // Berlin changes on 25 October, New York on 1 November, Moscow never.
    let people = [
        clock(1, "Europe/Berlin"),
        clock(2, "America/New_York"),
        clock(3, "Europe/Moscow"),
    ];
    let shifted: Vec<_> = pattern
        .occurrences(0, 5)
        .map(|occurrence| {
            let marks = marks(&pattern, &occurrence, &people);
            let users = marks.shifted.iter().map(|user| user.0.as_u128());
            (marks.series_clock_changed, users.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(
        shifted,
        [
            (false, vec![]),
            (false, vec![]),
            (true, vec![2, 3]),
            (false, vec![2]),
            (false, vec![]),
        ]
    );
}
