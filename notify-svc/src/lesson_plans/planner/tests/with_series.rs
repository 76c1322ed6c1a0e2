//! What was done with a whole series: known of each lesson, and told of none.

use super::*;

/// A lesson as its series booked it.
fn of_series() -> Snapshot {
    let mut lesson = Snapshot {
        with_series: true,
        changed_by: LessonRole::Teacher,
        ..lesson()
    };
    lesson.seats[0].with_series = true;
    lesson
}

/// What people know of it after their series was booked.
fn known() -> Vec<Told> {
    let planned = plan(&of_series(), &readers(&[60]), &[], days_before());
    sent(&planned, days_before())
}

/// The lesson after a change of it alone.
fn alone(lesson: Snapshot) -> Snapshot {
    Snapshot {
        with_series: false,
        ..lesson
    }
}

#[test]
fn lessons_booked_with_a_series_are_announced_to_nobody_but_reminded_of() {
    let planned = plan(&of_series(), &readers(&[60]), &[], days_before());
    for person in [STUDENT, TEACHER] {
        assert_eq!(rows_of(person, &planned), [(Kind::Reminder, 60)]);
        assert_eq!(only(person, Kind::Booked, &planned).due, Due::Never);
    }
    // Planned again it stays so.
    let again = plan(&of_series(), &readers(&[60]), &known(), days_before());
    assert_eq!(rows_of(STUDENT, &again).len(), 2);
    let told = reconciled(&known(), &again, sent(&again, days_before()));
    assert_eq!(told, known());
}

#[test]
fn a_lesson_of_a_series_that_was_moved_alone_is_told_from_where_the_series_had_it() {
    let planned = plan(
        &alone(moved(&of_series(), 90)),
        &readers(&[60]),
        &known(),
        days_before(),
    );
    for person in [STUDENT, TEACHER] {
        let moved = notice(only(person, Kind::Moved, &planned));
        let known = Some(olm_proto::timestamp(start()));
        assert_eq!(moved.previous_start_time, known);
    }
}

#[test]
fn a_lesson_cancelled_alone_is_told_to_those_who_know_it_from_the_series() {
    let off = alone(Snapshot {
        state: LessonState::Canceled,
        ..changed(&of_series(), LessonRole::Teacher)
    });
    let planned = plan(&off, &readers(&[60]), &known(), days_before());
    assert_eq!(for_student(&planned), [(Kind::Canceled, 0)]);
    assert_eq!(for_teacher(&planned), [(Kind::Canceled, 0)]);
}

#[test]
fn what_is_moved_placed_or_cancelled_with_the_series_is_told_of_the_series_only() {
    let base = alone(of_series());
    let known = sent(
        &plan(&base, &readers(&[60]), &[], days_before()),
        days_before(),
    );
    let elsewhere = Snapshot {
        meeting_url: "https://meet.example/2".to_owned(),
        ..changed(&base, LessonRole::Teacher)
    };
    let off = Snapshot {
        state: LessonState::Canceled,
        ..changed(&base, LessonRole::Teacher)
    };
    for (changed, reminders) in [(moved(&base, 30), 1), (elsewhere, 1), (off, 0)] {
        let changed = Snapshot {
            with_series: true,
            ..changed
        };
        let planned = plan(&changed, &readers(&[60]), &known, days_before());
        for person in [STUDENT, TEACHER] {
            let rows = rows_of(person, &planned);
            assert_eq!(rows, vec![(Kind::Reminder, 60); reminders]);
        }
        let silent = planned.iter().filter(|row| row.due == Due::Never).count();
        assert_eq!(silent, 2, "they know: {planned:?}");
        // The next move starts from there; nobody is told twice that it is off.
        let told = reconciled(&known, &planned, sent(&planned, days_before()));
        let later = alone(moved(&changed, 45));
        let planned = plan(&later, &readers(&[60]), &told, days_before());
        let start = Some(olm_proto::timestamp(changed.start));
        for row in planned.iter().filter(|row| row.key.kind == Kind::Moved) {
            assert_eq!(notice(row).previous_start_time, start);
        }
        assert_eq!(for_student(&planned).len(), 2 * reminders);
    }
}

#[test]
fn who_took_a_single_seat_hears_of_what_is_done_with_the_series() {
    let mut base = of_series();
    base.of_group = true;
    base.seats.push(seat(OTHER_BOOKING, OTHER));
    let people = [reader(STUDENT, &[60]), reader(OTHER, &[60])];
    let planned = plan(&base, &people, &[], days_before());
    assert_eq!(rows_of(OTHER, &planned)[0], (Kind::Booked, 0));
    assert_eq!(for_student(&planned), [(Kind::Reminder, 60)]);
    let told = sent(&planned, days_before());
    let moved = moved(&base, 30);
    let planned = plan(&moved, &people, &told, days_before());
    assert_eq!(rows_of(OTHER, &planned)[0], (Kind::Moved, 0));
    assert_eq!(for_student(&planned), [(Kind::Reminder, 60)]);
    let mut off = Snapshot {
        state: LessonState::Canceled,
        ..changed(&base, LessonRole::Teacher)
    };
    for seat in &mut off.seats {
        seat.canceled = true;
        seat.changed_by = LessonRole::Teacher;
    }
    let planned = plan(&off, &people, &told, days_before());
    assert_eq!(rows_of(OTHER, &planned), [(Kind::Canceled, 0)]);
    assert_eq!(for_student(&planned), []);
}

#[test]
fn who_comes_into_a_group_hears_of_a_lesson_that_is_not_where_its_series_says() {
    let mut base = alone(moved(&of_series(), 90));
    base.of_group = true;
    base.version += 1;
    base.seats.push(Seat {
        with_series: true,
        ..seat(OTHER_BOOKING, OTHER)
    });
    let planned = plan(&base, &[reader(OTHER, &[])], &known(), days_before());
    assert_eq!(rows_of(OTHER, &planned), [(Kind::Booked, 0)]);
}

#[test]
fn seats_given_up_with_the_series_are_told_to_neither_side() {
    for by in [LessonRole::Student, LessonRole::Teacher] {
        let mut base = of_series();
        base.of_group = true;
        base.version += 1;
        base.seats[0].canceled = true;
        base.seats[0].changed_by = by;
        let planned = plan(&base, &readers(&[60]), &known(), days_before());
        assert_eq!(for_student(&planned), []);
        assert_eq!(
            for_teacher(&planned),
            [(Kind::Booked, 0), (Kind::Reminder, 60)]
        );
        let told = reconciled(&known(), &planned, sent(&planned, days_before()));
        let off = alone(Snapshot {
            state: LessonState::Canceled,
            ..changed(&base, LessonRole::Teacher)
        });
        let planned = plan(&off, &readers(&[60]), &told, days_before());
        assert_eq!(for_student(&planned), [], "{by:?}");
    }
}
