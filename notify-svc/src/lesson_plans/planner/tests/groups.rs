//! Lessons of groups: seats that come and go while the lesson stays.

use super::*;

fn group(seats: Vec<Seat>) -> Snapshot {
    Snapshot {
        of_group: true,
        group_title: "Beginners".to_owned(),
        changed_by: LessonRole::Teacher,
        seats,
        ..lesson()
    }
}

fn two() -> Snapshot {
    group(vec![seat(BOOKING, STUDENT), seat(OTHER_BOOKING, OTHER)])
}

fn everybody() -> Vec<Reader> {
    [TEACHER, STUDENT, OTHER]
        .map(|person| reader(person, &[60]))
        .into()
}

/// What was told of a lesson, all that was at once sent.
fn told_of(lesson: &Snapshot) -> Vec<Told> {
    sent(&at_first(lesson, &[]), days_before())
}

fn at_first(lesson: &Snapshot, told: &[Told]) -> Vec<Planned> {
    plan(lesson, &everybody(), told, days_before())
}

/// The lesson after the first student's seat became this, and its next version.
fn with_seat(lesson: &Snapshot, change: impl Fn(&mut Seat)) -> Snapshot {
    let mut after = lesson.clone();
    after.version += 1;
    change(&mut after.seats[0]);
    after
}

fn given_up(lesson: &Snapshot, by: LessonRole) -> Snapshot {
    with_seat(lesson, |seat| {
        seat.canceled = true;
        seat.changed_by = by;
    })
}

/// The lesson moved onto another one of its first student.
fn clashing(lesson: &Snapshot) -> Snapshot {
    let mut moved = Snapshot {
        changed_by: LessonRole::Teacher,
        ..moved(lesson, 90)
    };
    moved.seats[0].reconfirm = Some(days_before() + 24.hours());
    moved
}

#[test]
fn the_teacher_of_a_group_reads_its_title_and_no_name_even_with_one_student() {
    for seats in [Vec::new(), vec![seat(BOOKING, STUDENT)]] {
        let planned = at_first(&group(seats), &[]);
        let booked = only(TEACHER, Kind::Booked, &planned);
        assert_eq!(booked.counterpart_id, None);
        assert!(notice(booked).no_counterpart);
        assert_eq!(notice(booked).group_title, "Beginners");
        // Nobody comes yet; the lesson is on all the same.
        only(TEACHER, Kind::Reminder, &planned);
    }
    let planned = at_first(&two(), &[]);
    let booked = only(STUDENT, Kind::Booked, &planned);
    assert_eq!(booked.counterpart_id, Some(TEACHER));
    assert_eq!(notice(booked).group_title, "Beginners");
}

#[test]
fn a_student_who_joins_changes_no_key_and_no_time_of_others() {
    let before = group(vec![seat(BOOKING, STUDENT)]);
    let told = told_of(&before);
    let mut joined = before.clone();
    joined.version += 1;
    joined.seats.push(seat(OTHER_BOOKING, OTHER));
    let of_others = |planned: Vec<Planned>| {
        let rows = planned.into_iter().filter(|row| row.user_id != OTHER);
        rows.map(|row| (row.key, row.due)).collect::<Vec<_>>()
    };
    let after = at_first(&joined, &told);
    let reminder = (Kind::Reminder, 60);
    assert_eq!(rows_of(OTHER, &after), [(Kind::Booked, 0), reminder]);
    assert_eq!(of_others(at_first(&before, &told)), of_others(after));
}

#[test]
fn a_student_who_left_is_told_nothing_and_their_teacher_once() {
    let told = told_of(&two());
    let left = given_up(&two(), LessonRole::Student);
    let planned = at_first(&left, &told);
    assert_eq!(for_student(&planned), []);
    assert_eq!(
        rows_of(OTHER, &planned),
        rows_of(OTHER, &at_first(&two(), &told))
    );
    let row = only(TEACHER, Kind::StudentLeft, &planned);
    assert_eq!(row.counterpart_id, Some(STUDENT));
    assert!(!notice(row).no_counterpart);
    assert_eq!(notice(row).changed_by(), LessonRole::Student);
    assert_eq!(row.expires_at, Some(start()));
    // A move does not tell it again.
    let told = reconciled(&told, &planned, sent(&planned, days_before()));
    let planned = at_first(&moved(&left, 30), &told);
    let again = only(TEACHER, Kind::StudentLeft, &planned);
    assert!(told.iter().any(|told| told.key == again.key));
    // Nor are they told what becomes of a lesson that they left.
    assert_eq!(for_student(&planned), []);
    let off = Snapshot {
        state: LessonState::Canceled,
        ..changed(&left, LessonRole::Teacher)
    };
    let planned = at_first(&off, &told);
    assert_eq!(for_student(&planned), []);
    assert_eq!(rows_of(OTHER, &planned), [(Kind::Canceled, 0)]);
    assert_eq!(for_teacher(&planned), [(Kind::Canceled, 0)]);
}

#[test]
fn who_left_and_was_told_nothing_before_is_told_nothing_of_the_end() {
    let planned = at_first(&two(), &[]);
    let failed = told(&planned, days_before(), |_| State::Failed);
    let left = given_up(&two(), LessonRole::Student);
    let off = Snapshot {
        state: LessonState::Canceled,
        ..changed(&left, LessonRole::Teacher)
    };
    for lesson in [&left, &off] {
        assert_eq!(for_student(&at_first(lesson, &failed)), []);
    }
    assert_eq!(
        rows_of(OTHER, &at_first(&off, &failed)),
        [(Kind::Canceled, 0)]
    );
}

#[test]
fn who_came_back_did_not_leave() {
    let told = told_of(&two());
    let left = given_up(&two(), LessonRole::Student);
    let planned = at_first(&left, &told);
    let told = reconciled(&told, &planned, waiting(&planned, days_before()));
    let mut back = left.clone();
    back.version += 1;
    back.seats.push(seat(Uuid::from_u128(31), STUDENT));
    let planned = at_first(&back, &told);
    assert!(!for_teacher(&planned).contains(&(Kind::StudentLeft, 0)));
    assert_eq!(
        for_student(&planned),
        [(Kind::Booked, 0), (Kind::Reminder, 60)]
    );
}

#[test]
fn who_was_taken_out_by_the_teacher_is_told_and_the_teacher_is_not() {
    let planned = at_first(&given_up(&two(), LessonRole::Teacher), &told_of(&two()));
    let off = notice(only(STUDENT, Kind::Canceled, &planned));
    assert_eq!(off.changed_by(), LessonRole::Teacher);
    // The lesson itself goes on.
    assert_eq!(off.state(), LessonState::Scheduled);
    assert_eq!(
        for_teacher(&planned),
        [(Kind::Booked, 0), (Kind::Reminder, 60)]
    );
}

#[test]
fn nobody_leaves_a_lesson_that_has_begun_or_is_off() {
    let told = told_of(&two());
    let left = given_up(&two(), LessonRole::Student);
    let planned = plan(&left, &everybody(), &told, start());
    assert!(!for_teacher(&planned).contains(&(Kind::StudentLeft, 0)));
    let off = Snapshot {
        state: LessonState::Canceled,
        ..changed(&left, LessonRole::Teacher)
    };
    let planned = at_first(&off, &told);
    assert!(!for_teacher(&planned).contains(&(Kind::StudentLeft, 0)));
}

#[test]
fn who_is_to_reconfirm_is_asked_in_place_of_the_move_and_not_reminded() {
    for with_series in [false, true] {
        let mut clashing = clashing(&two());
        clashing.with_series = with_series;
        for seat in &mut clashing.seats {
            seat.with_series = with_series;
        }
        let planned = at_first(&clashing, &told_of(&two()));
        // Asked even when the series tells of the move.
        assert_eq!(for_student(&planned), [(Kind::Reconfirm, 0)]);
        let asked = only(STUDENT, Kind::Reconfirm, &planned);
        assert_eq!(asked.expires_at, clashing.seats[0].reconfirm);
        let asked = notice(asked);
        let known = Some(olm_proto::timestamp(start()));
        assert_eq!(asked.previous_start_time, known);
        let expires = clashing.seats[0].reconfirm.map(olm_proto::timestamp);
        assert_eq!(asked.expire_time, expires);
        let reminder = (Kind::Reminder, 60);
        let others = if with_series {
            vec![reminder]
        } else {
            vec![(Kind::Moved, 0), reminder]
        };
        assert_eq!(rows_of(OTHER, &planned), others);
    }
}

#[test]
fn who_reconfirmed_is_reminded_and_told_nothing() {
    let told = told_of(&two());
    let clashing = clashing(&two());
    let asked = at_first(&clashing, &told);
    let answered = with_seat(&clashing, |seat| {
        seat.reconfirm = None;
        seat.changed_by = LessonRole::Student;
    });
    // Whether the question arrived or not: they saw it somewhere.
    for fate in [State::Sent, State::Failed, State::Pending] {
        let state = |row: &Planned| {
            if row.key.kind == Kind::Reconfirm {
                fate
            } else {
                State::Pending
            }
        };
        let told = reconciled(&told, &asked, super::told(&asked, days_before(), state));
        let planned = at_first(&answered, &told);
        let news: Vec<_> = for_student(&planned)
            .into_iter()
            .filter(|(kind, _)| !matches!(kind, Kind::Reconfirm))
            .collect();
        assert_eq!(news, [(Kind::Reminder, 60)], "{fate:?}");
        // The next move starts from the time they agreed to.
        let told = reconciled(&told, &planned, sent(&planned, days_before()));
        let planned = at_first(&moved(&answered, 30), &told);
        let moved = notice(only(STUDENT, Kind::Moved, &planned));
        let agreed = Some(olm_proto::timestamp(answered.start));
        assert_eq!(moved.previous_start_time, agreed, "{fate:?}");
    }
}

#[test]
fn who_is_no_longer_asked_because_it_moved_again_is_told_even_with_the_series() {
    let clashing = clashing(&two());
    let asked = at_first(&clashing, &told_of(&two()));
    let told = reconciled(&told_of(&two()), &asked, sent(&asked, days_before()));
    let mut again = moved(&clashing, 30);
    again.with_series = true;
    again.seats[0].reconfirm = None;
    again.seats[0].with_series = true;
    let planned = at_first(&again, &told);
    assert_eq!(
        for_student(&planned),
        [(Kind::Moved, 0), (Kind::Reminder, 60)]
    );
}

#[test]
fn who_is_asked_again_reads_where_the_lesson_was_before_the_first_question() {
    let clashing = clashing(&two());
    let asked = at_first(&clashing, &told_of(&two()));
    let told = reconciled(&told_of(&two()), &asked, sent(&asked, days_before()));
    let elsewhere = Snapshot {
        meeting_url: "https://meet.example/2".to_owned(),
        ..changed(&clashing, LessonRole::Teacher)
    };
    let planned = at_first(&elsewhere, &told);
    let again = notice(only(STUDENT, Kind::Reconfirm, &planned));
    assert_eq!(
        again.previous_start_time,
        Some(olm_proto::timestamp(start()))
    );
    assert_eq!(again.meeting_url, "https://meet.example/2");
}

#[test]
fn a_seat_not_reconfirmed_in_time_is_told_to_its_student_and_the_teacher() {
    let clashing = clashing(&two());
    let asked = at_first(&clashing, &told_of(&two()));
    let told = reconciled(&told_of(&two()), &asked, sent(&asked, days_before()));
    let freed = with_seat(&clashing, |seat| {
        seat.reconfirm = None;
        seat.canceled = true;
        seat.changed_by = LessonRole::Unspecified;
    });
    let planned = at_first(&freed, &told);
    assert_eq!(for_student(&planned), [(Kind::SeatFreed, 0)]);
    let left = notice(only(TEACHER, Kind::StudentLeft, &planned));
    assert_eq!(left.changed_by(), LessonRole::Unspecified);
    // Once the lesson has begun there is nothing left to say.
    let planned = plan(&freed, &everybody(), &told, freed.start);
    assert_eq!(for_student(&planned), []);
    // Nor is a seat that is gone told of again.
    let planned = at_first(&freed, &told);
    let told = reconciled(&told, &planned, sent(&planned, days_before()));
    let off = Snapshot {
        state: LessonState::Canceled,
        ..changed(&freed, LessonRole::Teacher)
    };
    assert_eq!(for_student(&at_first(&off, &told)), []);
}

#[test]
fn an_end_of_a_seat_that_is_being_sent_goes_on_whatever_becomes_of_the_lesson() {
    let told = told_of(&two());
    let out = given_up(&two(), LessonRole::Teacher);
    let planned = at_first(&out, &told);
    let sending = super::told(&planned, days_before(), |row| {
        if row.key.kind == Kind::Canceled {
            State::Sending
        } else {
            State::Pending
        }
    });
    let told = reconciled(&told, &planned, sending);
    let planned = at_first(&moved(&out, 30), &told);
    let end = only(STUDENT, Kind::Canceled, &planned);
    assert!(told.iter().any(|told| told.key == end.key));
}

#[test]
fn another_title_is_told_to_nobody_and_reminders_to_come_name_it() {
    let told = told_of(&two());
    let before = at_first(&two(), &told);
    let mut renamed = two();
    renamed.version += 1;
    renamed.group_title = "Advanced".to_owned();
    let after = at_first(&renamed, &told);
    let keys = |planned: &[Planned]| {
        let rows = planned.iter().map(|row| (row.key, row.user_id, row.due));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(keys(&after), keys(&before), "no row that was not there");
    for person in [TEACHER, STUDENT, OTHER] {
        let reminder = only(person, Kind::Reminder, &after);
        assert_eq!(notice(reminder).group_title, "Advanced");
    }
}
