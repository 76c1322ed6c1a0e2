//! What people are told at once.

use super::*;

#[test]
fn student_and_teacher_get_a_confirmation_at_once_and_a_reminder_at_their_lead() {
    let planned = plan(&lesson(), &readers(&[60]), &[], days_before());
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
fn a_request_goes_to_both_until_it_lapses_and_nobody_is_reminded_of_it() {
    let planned = plan(&requested(), &readers(&[60]), &[], days_before());
    assert_eq!(for_student(&planned), [(Kind::Requested, 0)]);
    assert_eq!(for_teacher(&planned), [(Kind::Requested, 0)]);
    let lapses = requested().expires_at;
    for row in &planned {
        assert_eq!(row.expires_at, lapses);
        assert_eq!(notice(row).expire_time, lapses.map(olm_proto::timestamp));
        assert_eq!(notice(row).lesson_version, 5);
    }
}

/// What is planned once a request, told or not, became `state`.
fn decided(told: &[Told], state: LessonState, by: LessonRole) -> Vec<Planned> {
    let decided = Snapshot {
        state,
        ..changed(&requested(), by)
    };
    plan(&decided, &readers(&[60]), told, days_before())
}

pub(super) fn asked() -> Vec<Told> {
    let planned = plan(&requested(), &readers(&[60]), &[], days_before());
    sent(&planned, days_before())
}

#[test]
fn a_confirmed_request_is_one_message_to_the_student_and_none_to_its_teacher() {
    let planned = decided(&asked(), LessonState::Scheduled, LessonRole::Teacher);
    let reminder = (Kind::Reminder, 60);
    assert_eq!(for_student(&planned), [(Kind::Confirmed, 0), reminder]);
    assert_eq!(for_teacher(&planned), [reminder]);
    assert!(notice(only(STUDENT, Kind::Confirmed, &planned)).reminder_follows);
}

#[test]
fn a_request_confirmed_by_an_admin_is_news_to_its_teacher() {
    let planned = decided(&asked(), LessonState::Scheduled, LessonRole::Admin);
    assert_eq!(
        for_teacher(&planned),
        [(Kind::Booked, 0), (Kind::Reminder, 60)]
    );
    assert_eq!(
        for_student(&planned),
        [(Kind::Confirmed, 0), (Kind::Reminder, 60)]
    );
}

#[test]
fn a_request_confirmed_before_anybody_was_told_of_it_is_a_booking() {
    let unsent = waiting(
        &plan(&requested(), &readers(&[60]), &[], days_before()),
        days_before(),
    );
    for by in [LessonRole::Teacher, LessonRole::Admin] {
        let planned = decided(&unsent, LessonState::Scheduled, by);
        let booked = [(Kind::Booked, 0), (Kind::Reminder, 60)];
        assert_eq!(for_student(&planned), booked);
        assert_eq!(for_teacher(&planned), booked);
    }
}

#[test]
fn a_teacher_who_confirmed_hears_of_the_next_move() {
    let planned = decided(&asked(), LessonState::Scheduled, LessonRole::Teacher);
    let told = reconciled(&asked(), &planned, sent(&planned, days_before()));
    let confirmed = Snapshot {
        state: LessonState::Scheduled,
        ..changed(&requested(), LessonRole::Teacher)
    };
    for by in [LessonRole::Student, LessonRole::Admin, LessonRole::Teacher] {
        let later = Snapshot {
            changed_by: by,
            ..moved(&confirmed, 30)
        };
        let planned = plan(&later, &readers(&[60]), &told, days_before());
        assert_eq!(
            for_teacher(&planned),
            [(Kind::Moved, 0), (Kind::Reminder, 60)]
        );
        assert_eq!(
            for_student(&planned),
            [(Kind::Moved, 0), (Kind::Reminder, 60)]
        );
    }
}

#[test]
fn a_declined_request_is_told_to_its_student_only() {
    for told in [asked(), Vec::new()] {
        let planned = decided(&told, LessonState::Declined, LessonRole::Teacher);
        assert_eq!(for_student(&planned), [(Kind::Declined, 0)]);
        assert_eq!(for_teacher(&planned), []);
    }
}

#[test]
fn a_lapsed_request_is_told_to_both() {
    let planned = decided(&asked(), LessonState::Lapsed, LessonRole::Unspecified);
    assert_eq!(for_student(&planned), [(Kind::Lapsed, 0)]);
    assert_eq!(for_teacher(&planned), [(Kind::Lapsed, 0)]);
}

#[test]
fn a_moved_lesson_is_told_once_to_each_with_the_times_they_knew() {
    let planned = plan(
        &moved(&lesson(), 90),
        &readers(&[60]),
        &booked(),
        days_before(),
    );
    for person in [STUDENT, TEACHER] {
        let row = only(person, Kind::Moved, &planned);
        let notice = notice(row);
        assert_eq!(
            notice.previous_start_time,
            Some(olm_proto::timestamp(start()))
        );
        assert_eq!(
            notice.previous_end_time,
            Some(olm_proto::timestamp(start() + 1.hour()))
        );
        assert_eq!(
            notice.start_time,
            Some(olm_proto::timestamp(start() + 90.minutes()))
        );
        assert_eq!(notice.changed_by(), LessonRole::Student);
        assert_eq!(
            rows_of(person, &planned),
            [(Kind::Moved, 0), (Kind::Reminder, 60)]
        );
        let reminder = only(person, Kind::Reminder, &planned);
        assert_eq!(reminder.due, Due::At(start() + 30.minutes()));
    }
}

#[test]
fn a_move_before_the_booking_was_sent_is_a_booking_at_the_new_time() {
    let first = plan(&lesson(), &readers(&[60]), &[], days_before());
    let unsent = waiting(&first, days_before());
    let planned = plan(
        &moved(&lesson(), 90),
        &readers(&[60]),
        &unsent,
        days_before(),
    );
    let booked = only(STUDENT, Kind::Booked, &planned);
    assert_eq!(booked.key.schedule_version, 3);
    assert_eq!(for_student(&planned).len(), 2);
}

#[test]
fn moving_there_and_back_unsent_tells_nothing_and_leaves_one_reminder() {
    let there = moved(&lesson(), 90);
    let planned = plan(&there, &readers(&[60]), &booked(), days_before());
    let told = reconciled(&booked(), &planned, waiting(&planned, days_before()));
    let back = plan(&moved(&there, -90), &readers(&[60]), &told, days_before());
    assert_eq!(for_student(&back), [(Kind::Reminder, 60)]);
    let reminder = only(STUDENT, Kind::Reminder, &back);
    assert_eq!(reminder.due, Due::At(start() - 60.minutes()));
    assert_eq!(reminder.key.schedule_version, 4);
}

#[test]
fn moving_there_and_back_after_the_first_move_may_have_been_told_tells_both() {
    let there = moved(&lesson(), 90);
    let planned = plan(&there, &readers(&[60]), &booked(), days_before());
    for state in [
        State::Sending,
        State::Sent,
        State::Uncertain,
        State::Unconfirmed,
    ] {
        let moved_told = told(&planned, days_before(), |row| match row.due {
            Due::AtOnce => state,
            Due::At(_) | Due::Never => State::Pending,
        });
        let told = reconciled(&booked(), &planned, moved_told);
        let back = plan(&moved(&there, -90), &readers(&[60]), &told, days_before());
        assert_eq!(for_student(&back), [(Kind::Moved, 0), (Kind::Reminder, 60)]);
        let notice = notice(only(STUDENT, Kind::Moved, &back));
        let from = Some(olm_proto::timestamp(start() + 90.minutes()));
        assert_eq!(notice.previous_start_time, from, "{state:?}");
    }
}

#[test]
fn a_move_is_told_against_what_was_told_last_not_what_was_planned_last() {
    let there = moved(&lesson(), 90);
    let planned = plan(&there, &readers(&[60]), &booked(), days_before());
    let told = reconciled(&booked(), &planned, waiting(&planned, days_before()));
    let further = plan(&moved(&there, 60), &readers(&[60]), &told, days_before());
    let notice = notice(only(STUDENT, Kind::Moved, &further));
    let knew = Some(olm_proto::timestamp(start()));
    assert_eq!(notice.previous_start_time, knew);
}

#[test]
fn another_place_is_told_to_both_and_keeps_the_reminder() {
    let elsewhere = Snapshot {
        meeting_url: "https://meet.example/b".to_owned(),
        ..changed(&lesson(), LessonRole::Teacher)
    };
    let planned = plan(&elsewhere, &readers(&[60]), &booked(), days_before());
    let expected = [(Kind::PlaceChanged, 0), (Kind::Reminder, 60)];
    assert_eq!(for_student(&planned), expected);
    assert_eq!(for_teacher(&planned), expected);
    let notice = notice(only(STUDENT, Kind::PlaceChanged, &planned));
    assert_eq!(notice.meeting_url, "https://meet.example/b");
    assert_eq!(notice.changed_by(), LessonRole::Teacher);
}

#[test]
fn who_was_told_of_the_lesson_is_told_of_its_cancellation() {
    let kinds = [Kind::Booked, Kind::Reminder];
    for (kind, state) in State::ALL
        .into_iter()
        .flat_map(|state| kinds.map(|kind| (kind, state)))
    {
        let heard: Vec<_> = told(
            &plan(&lesson(), &readers(&[60]), &[], days_before()),
            days_before(),
            |_| state,
        )
        .into_iter()
        .filter(|told| told.key.kind == kind && state != State::Canceled)
        .collect();
        let knows = matches!(
            state,
            State::Sending | State::Sent | State::Uncertain | State::Unconfirmed
        );
        // A student may have seen elsewhere what did not arrive, and come in vain.
        let may_come = kind == Kind::Booked && state != State::Canceled;
        for (by, to_student) in [
            (LessonRole::Student, knows),
            (LessonRole::Teacher, knows || may_come),
        ] {
            let off = Snapshot {
                changed_by: by,
                ..canceled()
            };
            let planned = plan(&off, &readers(&[60]), &heard, start() - 2.hours());
            let expected = |told: bool| told.then_some((Kind::Canceled, 0));
            let rows = |user_id| rows_of(user_id, &planned);
            assert_eq!(
                rows(STUDENT),
                Vec::from_iter(expected(to_student)),
                "{heard:?}"
            );
            assert_eq!(rows(TEACHER), Vec::from_iter(expected(knows)), "{heard:?}");
        }
    }
}

#[test]
fn who_gave_up_their_seat_is_not_told_that_the_lesson_is_off_when_nothing_reached_them() {
    let mut given_up = changed(&lesson(), LessonRole::Student);
    given_up.seats[0].canceled = true;
    let off = Snapshot {
        state: LessonState::Canceled,
        ..changed(&given_up, LessonRole::Teacher)
    };
    let failed = |planned: &[Planned]| told(planned, days_before(), |_| State::Failed);
    let booked = failed(&plan(&lesson(), &readers(&[60]), &[], days_before()));
    let planned = plan(&off, &readers(&[60]), &booked, days_before());
    assert_eq!(for_student(&planned), [(Kind::Canceled, 0)]);
    let mut gave_up = booked[0].clone();
    gave_up.key.kind = Kind::Canceled;
    gave_up.key.schedule_version = given_up.schedule_version;
    gave_up.notice.changed_by = LessonRole::Student.into();
    assert_eq!(gave_up.user_id, STUDENT);
    let told: Vec<_> = booked.into_iter().chain([gave_up]).collect();
    let planned = plan(&off, &readers(&[60]), &told, days_before());
    assert_eq!(for_student(&planned), []);
}

#[test]
fn a_cancellation_names_who_cancelled_and_why() {
    for by in [LessonRole::Student, LessonRole::Admin] {
        let canceled = Snapshot {
            changed_by: by,
            ..canceled()
        };
        let planned = plan(&canceled, &readers(&[60]), &booked(), start() - 2.hours());
        let notice = notice(only(STUDENT, Kind::Canceled, &planned));
        assert_eq!(notice.changed_by(), by);
        assert_eq!(notice.cancel_reason, "ill");
        assert_eq!(notice.lesson_version, 6);
        assert_eq!(for_teacher(&planned), [(Kind::Canceled, 0)]);
    }
}

#[test]
fn who_was_told_that_the_seat_is_off_is_not_told_again_when_the_lesson_is() {
    let mut given_up = changed(&lesson(), LessonRole::Student);
    given_up.seats[0].canceled = true;
    let planned = plan(&given_up, &readers(&[60]), &booked(), days_before());
    let told = reconciled(&booked(), &planned, sent(&planned, days_before()));
    let off = Snapshot {
        state: LessonState::Canceled,
        ..changed(&given_up, LessonRole::Teacher)
    };
    assert_eq!(plan(&off, &readers(&[60]), &told, days_before()), []);
}

#[test]
fn a_joining_student_changes_nothing_for_the_others() {
    let before = plan(&lesson(), &readers(&[60]), &[], days_before());
    let mut joined = lesson();
    joined.version += 1;
    joined.seats.push(seat(OTHER_BOOKING, OTHER));
    let after = plan(
        &joined,
        &readers(&[60]),
        &sent(&before, days_before()),
        days_before(),
    );
    let keys = |planned: &[Planned]| planned.iter().map(|row| row.key).collect::<Vec<_>>();
    assert_eq!(keys(&before), keys(&after));
}

#[test]
fn a_lesson_that_is_over_is_not_announced() {
    for state in [
        LessonState::Scheduled,
        LessonState::Requested,
        LessonState::Lapsed,
        LessonState::Declined,
    ] {
        let over = Snapshot { state, ..lesson() };
        let planned = plan(&over, &readers(&[60]), &[], start() + 2.hours());
        assert_eq!(planned, [], "{state:?}");
    }
}

#[test]
fn what_is_muted_is_not_told_but_counts_as_known() {
    let readers = muting(&[Kind::Booked, Kind::Requested]);
    let quiet = plan(&lesson(), &readers, &[], days_before());
    assert_eq!(for_student(&quiet), [(Kind::Reminder, 60)]);
    let known = sent(&quiet, days_before());

    let planned = plan(&moved(&lesson(), 90), &readers, &known, days_before());
    assert_eq!(
        for_student(&planned),
        [(Kind::Moved, 0), (Kind::Reminder, 60)]
    );
    let notice = notice(only(STUDENT, Kind::Moved, &planned));
    assert_eq!(
        notice.previous_start_time,
        Some(olm_proto::timestamp(start()))
    );
    let planned = plan(&canceled(), &readers, &known, days_before());
    assert_eq!(for_student(&planned), [(Kind::Canceled, 0)]);
}

#[test]
fn who_hears_again_of_bookings_is_not_told_of_those_that_were_muted() {
    let quiet = plan(&lesson(), &muting(&[Kind::Booked]), &[], days_before());
    let known = sent(&quiet, days_before());
    let planned = plan(&lesson(), &readers(&[60]), &known, days_before());
    let booked = only(STUDENT, Kind::Booked, &planned);
    let known_before = known.iter().find(|told| told.key == booked.key);
    assert_eq!(known_before.unwrap().state, State::Canceled);
}

#[test]
fn muted_reminders_do_not_come_and_the_confirmation_says_so() {
    let planned = plan(&lesson(), &muting(&[Kind::Reminder]), &[], days_before());
    assert_eq!(for_student(&planned), [(Kind::Booked, 0)]);
    assert!(!notice(&planned[0]).reminder_follows);
}

/// The student's row of a kind failed, because the chat is gone.
pub(super) fn failed(kind: Kind) -> Vec<Told> {
    let mut told = booked();
    for row in &mut told {
        if row.user_id == STUDENT && row.key.kind == kind {
            row.state = State::Failed;
        }
        row.gone = row.user_id == STUDENT;
    }
    told
}

#[test]
fn a_student_who_cannot_be_reached_is_told_to_the_teacher_at_once_and_once() {
    let now = start() - 30.minutes();
    for kind in [Kind::Booked, Kind::Reminder] {
        let planned = plan(&lesson(), &readers(&[60]), &failed(kind), now);
        let row = only(TEACHER, Kind::StudentUnreachable, &planned);
        assert_eq!(notice(row).state(), LessonState::Scheduled);
        assert_eq!((row.due, row.lane), (Due::AtOnce, Lane::Interactive));
        assert_eq!(row.counterpart_id, Some(STUDENT));
        assert_eq!(row.expires_at, Some(start()));
        assert_eq!(row.key.subject, Subject::Booking(BOOKING));
        let again = reconciled(&failed(kind), &planned, sent(&planned, now));
        let planned = plan(&lesson(), &readers(&[60]), &again, now);
        assert!(again.iter().any(|told| told.key == row.key));
        assert_eq!(
            only(TEACHER, Kind::StudentUnreachable, &planned).key,
            row.key
        );
    }
}

#[test]
fn nobody_is_called_unreachable_before_something_failed_or_after_the_lesson_began() {
    let unreachable = |told: &[Told], now| {
        let planned = plan(&lesson(), &readers(&[60]), told, now);
        for_teacher(&planned).contains(&(Kind::StudentUnreachable, 0))
    };
    let now = start() - 30.minutes();
    assert!(unreachable(&failed(Kind::Booked), now));
    assert!(!unreachable(&failed(Kind::Canceled), now));
    assert!(!unreachable(&failed(Kind::Booked), start()));
    let mut refused = failed(Kind::Booked);
    for told in &mut refused {
        told.gone = false;
    }
    assert!(!unreachable(&refused, now));
}

#[test]
fn a_cancellation_that_does_not_reach_the_student_is_told_to_the_teacher() {
    for (by, told_to_teacher) in [(LessonRole::Teacher, true), (LessonRole::Student, false)] {
        let off = Snapshot {
            changed_by: by,
            ..canceled()
        };
        let planned = plan(&off, &readers(&[60]), &booked(), days_before());
        let mut told = reconciled(&booked(), &planned, sent(&planned, days_before()));
        for row in &mut told {
            row.gone = row.user_id == STUDENT;
            if row.gone && row.key.kind == Kind::Canceled {
                row.state = State::Failed;
            }
        }
        let planned = plan(&off, &readers(&[60]), &told, days_before());
        let row = (Kind::StudentUnreachable, 0);
        assert_eq!(for_teacher(&planned).contains(&row), told_to_teacher);
        if told_to_teacher {
            let row = only(TEACHER, Kind::StudentUnreachable, &planned);
            assert_eq!(notice(row).state(), LessonState::Canceled);
        }
    }
}
