//! When people are reminded.

use super::*;

/// The student's reminders, as minutes before the start with their urgency.
fn reminders(planned: &[Planned]) -> Vec<(i64, bool)> {
    planned
        .iter()
        .filter(|row| row.user_id == STUDENT && row.key.kind == Kind::Reminder)
        .map(|row| match row.due {
            Due::At(at) => ((start() - at).get_seconds() / 60, notice(row).urgent),
            Due::AtOnce | Due::Never => panic!("{row:?}"),
        })
        .collect()
}

fn student(leads: &[i64], quiet: Option<(i16, i16)>) -> Vec<Reader> {
    vec![Reader {
        quiet_hours: quiet.map(|(start, end)| QuietHours::new(start, end).unwrap()),
        ..reader(STUDENT, leads)
    }]
}

/// From 22:00 to 13:00 in Berlin; the lesson is at 12:00, on the day clocks go forward.
const NIGHT: Option<(i16, i16)> = Some((22 * 60, 13 * 60));
/// 21:59 of the evening before, in minutes before the start.
const EVENING: i64 = 13 * 60 + 1;

#[test]
fn a_reminder_expires_when_its_lesson_starts() {
    let planned = plan(&lesson(), &readers(&[60]), &[], days_before());
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
    let planned = plan(&lesson(), &readers(&[60]), &booked(), start() - 5.minutes());
    assert_eq!(reminders(&planned), [(60, false)]);
}

#[test]
fn a_lead_of_a_day_is_24_hours_across_a_change_of_clocks() {
    let planned = plan(&lesson(), &readers(&[24 * 60]), &[], days_before());
    assert_eq!(
        planned[1].due,
        Due::At("2026-03-28T10:00:00Z".parse().unwrap())
    );
}

#[test]
fn moving_the_lesson_moves_every_reminder() {
    let before = plan(&lesson(), &readers(&[60, 30]), &[], days_before());
    let told = sent(&before, days_before());
    let after = plan(
        &moved(&lesson(), 60),
        &readers(&[60, 30]),
        &told,
        days_before(),
    );
    assert!(
        before
            .iter()
            .all(|old| after.iter().all(|new| new.key != old.key))
    );
    assert_eq!(reminders(&after), [(-30, false), (0, false)]);
}

#[test]
fn a_lead_changed_from_60_to_120_minutes_at_90_minutes_before_keeps_one_reminder() {
    let now = start() - 90.minutes();
    let planned = plan(&lesson(), &readers(&[120]), &booked(), now);
    assert_eq!(reminders(&planned), [(60, false)]);
    // Another place after that does not take it away either.
    let told = reconciled(&booked(), &planned, Vec::new());
    let elsewhere = Snapshot {
        meeting_url: "https://meet.example".to_owned(),
        ..changed(&lesson(), LessonRole::Teacher)
    };
    let planned = plan(&elsewhere, &readers(&[120]), &told, now);
    assert_eq!(reminders(&planned), [(60, false)]);
}

#[test]
fn a_lead_changed_while_the_new_one_is_ahead_replaces_the_old_one() {
    let planned = plan(
        &lesson(),
        &readers(&[30]),
        &booked(),
        start() - 90.minutes(),
    );
    assert_eq!(reminders(&planned), [(30, false)]);
}

/// What failed is no reminder: the one that still waits is not taken away for it.
#[test]
fn a_lead_whose_reminder_failed_leaves_the_one_that_waits() {
    let first = plan(&lesson(), &readers(&[60, 30]), &[], days_before());
    let now = start() - 45.minutes();
    for state in [State::Failed, State::Expired] {
        let told = told(&first, now, |planned| match planned.due {
            Due::At(due) if due <= now => state,
            Due::At(_) => State::Pending,
            Due::AtOnce | Due::Never => State::Sent,
        });
        let planned = plan(&lesson(), &readers(&[60]), &told, now);
        assert_eq!(reminders(&planned), [(30, false), (60, false)], "{state:?}");
    }
}

#[test]
fn who_wants_no_reminders_gets_none() {
    for readers in [readers(&[]), muting(&[Kind::Reminder])] {
        let planned = plan(&lesson(), &readers, &booked(), start() - 90.minutes());
        assert_eq!(reminders(&planned), []);
    }
}

#[test]
fn a_reminder_in_quiet_hours_comes_a_minute_before_they_begin() {
    let planned = plan(&lesson(), &student(&[60], NIGHT), &[], days_before());
    assert_eq!(reminders(&planned), [(EVENING, false)]);
    assert!(notice(only(STUDENT, Kind::Booked, &planned)).reminder_follows);
}

#[test]
fn booked_in_quiet_hours_the_reminder_comes_at_its_time_and_is_urgent() {
    let late = start() - 8.hours();
    let planned = plan(&lesson(), &student(&[60], NIGHT), &[], late);
    assert_eq!(reminders(&planned), [(60, true)]);
}

#[test]
fn two_leads_that_end_up_before_the_same_night_give_one_reminder() {
    let planned = plan(
        &lesson(),
        &student(&[60, 120, 900], NIGHT),
        &[],
        days_before(),
    );
    assert_eq!(reminders(&planned), [(EVENING, false), (900, false)]);
}

#[test]
fn a_reminder_that_came_before_the_night_does_not_come_again() {
    let readers = student(&[60], NIGHT);
    let planned = plan(&lesson(), &readers, &[], days_before());
    let told = told(&planned, days_before(), |_| State::Sent);
    let night = start() - 3.hours();
    // Planned again; with another lead of the same night; elsewhere at the same time.
    let again = plan(&lesson(), &readers, &told, night);
    assert_eq!(reminders(&again), [(EVENING, false)]);
    assert!(
        told.iter()
            .any(|told| told.key == only(STUDENT, Kind::Reminder, &again).key)
    );
    assert_eq!(
        reminders(&plan(&lesson(), &student(&[120], NIGHT), &told, night)),
        []
    );
    let elsewhere = Snapshot {
        meeting_url: "https://meet.example".to_owned(),
        ..changed(&lesson(), LessonRole::Teacher)
    };
    assert_eq!(reminders(&plan(&elsewhere, &readers, &told, night)), []);
}

#[test]
fn a_waiting_reminder_whose_instant_before_the_night_just_passed_keeps_it() {
    let readers = student(&[60], NIGHT);
    let told = waiting(
        &plan(&lesson(), &readers, &[], days_before()),
        days_before(),
    );
    let night = start() - 3.hours();
    assert_eq!(
        reminders(&plan(&lesson(), &readers, &told, night)),
        [(EVENING, false)]
    );
    // Of another schedule at the same time too.
    let elsewhere = Snapshot {
        meeting_url: "https://meet.example".to_owned(),
        ..changed(&lesson(), LessonRole::Teacher)
    };
    let planned = plan(&elsewhere, &readers, &told, night);
    assert_eq!(reminders(&planned), [(EVENING, false)]);
    assert_eq!(
        only(STUDENT, Kind::Reminder, &planned).key.schedule_version,
        3
    );
}

/// The student's rows, the reminder in flight in each way it can be.
fn in_flight() -> [Vec<Told>; 3] {
    let planned = plan(&lesson(), &student(&[60], None), &[], days_before());
    let states = [
        (State::Sending, false),
        (State::Uncertain, false),
        (State::Pending, true),
    ];
    states.map(|(state, resent)| {
        let mut told = sent(&planned, days_before());
        for row in &mut told {
            if row.key.kind == Kind::Reminder {
                (row.state, row.resent) = (state, resent);
            }
        }
        told
    })
}

#[test]
fn a_reminder_in_flight_stays_as_it_is_for_another_place() {
    let elsewhere = Snapshot {
        meeting_url: "https://meet.example".to_owned(),
        ..changed(&lesson(), LessonRole::Teacher)
    };
    for told in in_flight() {
        for now in [start() - 1.hour() - 1.second(), start() - 30.minutes()] {
            let planned = plan(&elsewhere, &student(&[60], None), &told, now);
            let expected = [(Kind::PlaceChanged, 0), (Kind::Reminder, 60)];
            assert_eq!(for_student(&planned), expected);
            let reminder = only(STUDENT, Kind::Reminder, &planned);
            assert_eq!(reminder.key.schedule_version, lesson().schedule_version);
            assert_eq!(reminder.due, Due::At(start() - 1.hour()));
            assert_eq!(reminder.expires_at, Some(start()));
            assert_eq!(notice(reminder).meeting_url, "");
        }
    }
}

#[test]
fn a_reminder_in_flight_stays_when_its_lead_is_changed() {
    let now = start() - 59.minutes();
    for told in in_flight() {
        let with = |leads: &[i64]| plan(&lesson(), &student(leads, None), &told, now);
        assert_eq!(reminders(&with(&[120])), [(60, false)]);
        assert_eq!(reminders(&with(&[30])), [(30, false), (60, false)]);
        assert_eq!(reminders(&with(&[])), []);
    }
}

#[test]
fn wishes_for_quiet_move_a_waiting_reminder_there_and_back() {
    let told = booked();
    let planned = plan(&lesson(), &student(&[60], NIGHT), &told, days_before());
    assert_eq!(reminders(&planned), [(EVENING, false)]);
    let told = reconciled(&[], &planned, waiting(&planned, days_before()));
    let planned = plan(&lesson(), &student(&[60], None), &told, days_before());
    assert_eq!(reminders(&planned), [(60, false)]);
}
