//! A series that ends sooner, and one that is off.

use super::*;

#[test]
fn a_sooner_end_names_what_is_off_and_what_is_left() {
    let told = told_of(&[&series()]);
    let rows = planned(&shorter(&series()), &told);
    let notice = &only(STUDENT, Kind::SeriesCanceled, &rows).notice;
    assert_eq!(notice.start_time, time(at("2026-02-06T17:00:00Z")));
    assert_eq!(notice.last_start_time, time(at("2026-04-10T16:00:00Z")));
    assert_eq!(notice.previous_start_time, time(at("2026-01-30T17:00:00Z")));
    // They know that it goes on: the next change is one, and so is its end.
    let told = told_of(&[&series(), &shorter(&series())]);
    let rows = planned(&moved(&shorter(&series())), &told);
    assert_eq!(news_of(STUDENT, &rows, &told), [Kind::SeriesChanged]);
    let notice = &only(STUDENT, Kind::SeriesChanged, &rows).notice;
    assert_eq!(notice.previous_start_time, time(first()));
    let off = canceled(&shorter(&series()), LessonRole::Teacher);
    assert_eq!(
        news_of(STUDENT, &planned(&off, &told), &told),
        [Kind::SeriesCanceled]
    );
}

#[test]
fn a_cancelled_series_is_told_to_whoever_knew_of_it() {
    let told = told_of(&[&series()]);
    let off = canceled(&series(), LessonRole::Teacher);
    let rows = planned(&off, &told);
    for person in [TEACHER, STUDENT] {
        let notice = &only(person, Kind::SeriesCanceled, &rows).notice;
        assert_eq!(notice.start_time, time(first()));
        assert_eq!(notice.last_start_time, time(at("2026-04-10T16:00:00Z")));
        assert_eq!(notice.cancel_reason, "ill");
        assert_eq!(notice.changed_by(), LessonRole::Teacher);
    }
    assert_eq!(rows.len(), 2);
    // Once.
    let told = told_of(&[&series(), &off]);
    assert_eq!(planned(&changed(&off), &told), []);
    assert_eq!(planned(&off, &[]), []);
}

#[test]
fn a_student_who_may_have_seen_it_elsewhere_hears_that_it_is_off_unless_they_did_it() {
    for state in [State::Pending, State::Failed] {
        let untold = stored(&[], &planned(&series(), &[]), state);
        let off = canceled(&series(), LessonRole::Teacher);
        let rows = planned(&off, &untold);
        assert_eq!(rows.len(), 1, "{state:?}");
        only(STUDENT, Kind::SeriesCanceled, &rows);
        // Planned again it is the same, although what it stood on is gone.
        let waiting = stored(&untold, &rows, State::Pending);
        assert_eq!(planned(&off, &waiting), rows);
        let own = canceled(&series(), LessonRole::Student);
        assert_eq!(planned(&own, &untold), []);
    }
}
