//! What changes are called, by whom, and of whom.

use super::{
    announcing::{asked, failed},
    *,
};

#[test]
fn a_changed_request_asks_its_teacher_again_and_is_no_lesson_to_its_student() {
    let by = |by, request| Snapshot {
        changed_by: by,
        ..request
    };
    let elsewhere = Snapshot {
        meeting_url: "https://meet.example".to_owned(),
        ..changed(&requested(), LessonRole::Student)
    };
    let changes = [
        (Kind::Moved, moved(&requested(), 30)),
        (Kind::PlaceChanged, elsewhere),
    ];
    for (change, request) in changes {
        for author in [LessonRole::Student, LessonRole::Teacher] {
            let request = by(author, request.clone());
            let planned = plan(&request, &readers(&[60]), &asked(), days_before());
            assert_eq!(for_teacher(&planned), [(Kind::Requested, 0)]);
            assert_eq!(for_student(&planned), [(change, 0)]);
            let lapses = requested().expires_at;
            for row in &planned {
                assert_eq!(row.key.schedule_version, 3);
                assert_eq!(row.expires_at, lapses);
                assert_eq!(notice(row).expire_time, lapses.map(olm_proto::timestamp));
                assert_eq!(notice(row).lesson_version, 6);
            }
            let to_student = notice(only(STUDENT, change, &planned));
            assert_eq!(
                (to_student.changed_by(), to_student.request),
                (author, true)
            );
        }
    }
}

#[test]
fn a_cancellation_says_whether_it_was_only_a_request() {
    let off = |lesson: &Snapshot| Snapshot {
        state: LessonState::Canceled,
        ..changed(lesson, LessonRole::Student)
    };
    let is_request = |told: &[Told], off: &Snapshot| {
        let planned = plan(off, &readers(&[60]), told, days_before());
        let told = reconciled(told, &planned, waiting(&planned, days_before()));
        let again = plan(off, &readers(&[60]), &told, days_before());
        assert_eq!(planned, again);
        [STUDENT, TEACHER].map(|user| notice(only(user, Kind::Canceled, &planned)).request)
    };
    assert_eq!(is_request(&asked(), &off(&requested())), [true, true]);
    assert_eq!(is_request(&booked(), &off(&lesson())), [false, false]);
    // Accepted, though the student has not been told yet.
    let accepted = changed(&lesson(), LessonRole::Teacher);
    let planned = plan(&accepted, &readers(&[]), &asked(), days_before());
    let told = reconciled(&asked(), &planned, waiting(&planned, days_before()));
    assert_eq!(is_request(&told, &off(&accepted)), [false, false]);
}

#[test]
fn a_move_that_is_told_late_names_who_moved() {
    let there = moved(&lesson(), 90);
    let planned = plan(&there, &readers(&[60]), &booked(), days_before());
    let mut told = reconciled(&booked(), &planned, waiting(&planned, days_before()));
    let mut linked = there.clone();
    for place in ["a", "b"] {
        linked = Snapshot {
            meeting_url: format!("https://meet.example/{place}"),
            ..changed(&linked, LessonRole::Teacher)
        };
        for _ in 0..2 {
            let planned = plan(&linked, &readers(&[60]), &told, days_before());
            let moved = notice(only(STUDENT, Kind::Moved, &planned));
            assert_eq!(moved.changed_by(), LessonRole::Student);
            told = reconciled(&told, &planned, waiting(&planned, days_before()));
            told.retain(|told| {
                told.state != State::Pending || planned.iter().any(|row| row.key == told.key)
            });
        }
    }
    // What came between was never heard of: anybody may have moved it.
    let later = changed(&there, LessonRole::Teacher);
    let planned = plan(&later, &readers(&[60]), &booked(), days_before());
    let moved = notice(only(STUDENT, Kind::Moved, &planned));
    assert_eq!(moved.changed_by(), LessonRole::Unspecified);
}

#[test]
fn of_several_students_the_teacher_is_told_no_name() {
    let mut group = lesson();
    group.seats.push(seat(OTHER_BOOKING, OTHER));
    let planned = plan(&group, &readers(&[60]), &[], days_before());
    for row in &planned {
        assert_eq!(row.counterpart_id.is_none(), row.user_id == TEACHER);
        assert_eq!(notice(row).no_counterpart, row.user_id == TEACHER);
    }
    let planned = plan(
        &group,
        &readers(&[60]),
        &failed(Kind::Booked),
        days_before(),
    );
    let unreachable = only(TEACHER, Kind::StudentUnreachable, &planned);
    assert!(!notice(unreachable).no_counterpart);
}
