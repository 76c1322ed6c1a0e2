//! Who comes into a group, and who goes.

use super::*;

#[test]
fn who_comes_into_a_group_hears_of_its_series_and_nobody_else_does() {
    let told = told_of(&[&group()]);
    let mut joined = later(&group());
    joined.student_ids.push(OTHER);
    let rows = planned(&joined, &told);
    assert_eq!(news_of(OTHER, &rows, &told), [Kind::SeriesBooked]);
    for person in [TEACHER, STUDENT] {
        assert_eq!(news_of(person, &rows, &told), []);
    }
    let booked = only(OTHER, Kind::SeriesBooked, &rows);
    assert_eq!(booked.counterpart_id, Some(TEACHER));
    let rows = planned(&group(), &[]);
    let teachers = only(TEACHER, Kind::SeriesBooked, &rows);
    assert_eq!(teachers.counterpart_id, None);
    assert!(teachers.notice.no_counterpart);
    assert_eq!(teachers.notice.group_title, "Beginners");
}

#[test]
fn who_was_taken_out_of_a_group_hears_it_and_who_left_does_not() {
    let told = told_of(&[&group()]);
    for (left, news, teachers) in [
        (None, vec![Kind::SeriesCanceled], Vec::new()),
        (Some(STUDENT), Vec::new(), vec![Kind::StudentLeft]),
    ] {
        let mut out = later(&group());
        out.student_ids.clear();
        out.left = left;
        let rows = planned(&out, &told);
        assert_eq!(news_of(STUDENT, &rows, &told), news, "{left:?}");
        assert_eq!(news_of(TEACHER, &rows, &told), teachers);
        let off = &only(STUDENT, Kind::SeriesCanceled, &rows).notice;
        assert_eq!(off.start_time, time(first()));
        // The series goes on without them.
        assert_eq!(off.changed_by(), LessonRole::Unspecified);
        // And they know: its end is none of theirs.
        let told = stored(&told, &rows, State::Sent);
        let over = canceled(&out, LessonRole::Teacher);
        assert_eq!(news_of(STUDENT, &planned(&over, &told), &told), []);
        // Who comes back hears of it again, each time once.
        let back = Snapshot {
            student_ids: vec![STUDENT],
            left: None,
            ..later(&out)
        };
        let rows = planned(&back, &told);
        assert_eq!(news_of(STUDENT, &rows, &told), [Kind::SeriesBooked]);
        let told = stored(&told, &rows, State::Sent);
        assert_eq!(news_of(STUDENT, &planned(&later(&back), &told), &told), []);
        let mut out = later(&later(&back));
        out.student_ids.clear();
        let rows = planned(&out, &told);
        assert_eq!(news_of(STUDENT, &rows, &told), [Kind::SeriesCanceled]);
    }
}

#[test]
fn each_who_leaves_a_group_is_named_to_its_teacher_once() {
    let mut all = group();
    all.student_ids.push(OTHER);
    let told = told_of(&[&all]);
    let mut left = later(&all);
    left.student_ids = vec![STUDENT];
    left.left = Some(OTHER);
    let rows = planned(&left, &told);
    let row = only(TEACHER, Kind::StudentLeft, &rows);
    assert_eq!(row.counterpart_id, Some(OTHER));
    assert!(!row.notice.no_counterpart);
    assert_eq!(row.notice.changed_by(), LessonRole::Student);
    // The next snapshot does not take it back, nor is it told again.
    let mut both = later(&left);
    both.student_ids.clear();
    both.left = Some(STUDENT);
    for (state, names) in [
        (State::Pending, vec![OTHER, STUDENT]),
        (State::Sent, vec![STUDENT]),
    ] {
        let told = stored(&told, &rows, state);
        let rows = planned(&both, &told);
        let left = rows.iter().filter(|row| row.key.kind == Kind::StudentLeft);
        let left: Vec<_> = left.filter_map(|row| row.counterpart_id).collect();
        assert_eq!(left, names, "{state:?}");
    }
}

#[test]
fn another_title_is_told_to_nobody_and_named_from_then_on() {
    let told = told_of(&[&group()]);
    let mut renamed = later(&group());
    renamed.group_title = "Advanced".to_owned();
    let rows = planned(&renamed, &told);
    for person in [TEACHER, STUDENT] {
        assert_eq!(news_of(person, &rows, &told), []);
    }
    let rows = planned(&moved(&renamed), &told);
    let news = only(STUDENT, Kind::SeriesChanged, &rows);
    assert_eq!(news.notice.group_title, "Advanced");
}
