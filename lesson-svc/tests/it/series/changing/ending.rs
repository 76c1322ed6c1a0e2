//! Ending a series sooner or later than it was to; repeats, and what else a change says than
//! its time.

use olm_proto::lesson::v1::BookingStatus::{Canceled, Confirmed, LateCanceled};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{SeriesChange, SeriesState, series_change},
};
use sqlx::PgPool;

use super::{Summer, at_noon};
use crate::{
    series::{count, text, told},
    support::{fields, reason, until},
};

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_repeat_changes_nothing_and_another_change_is_stale(pool: PgPool) {
    let summer = Summer::start(pool).await;
    let done = summer.update(1, at_noon()).await.unwrap();
    assert_eq!(done.changed_lesson_ids.len(), 8);
    let rows = summer.world.outbox_rows().await;
    let again = summer.update(1, at_noon()).await.unwrap();
    assert!(again.changed_lesson_ids.is_empty());
    assert_eq!(again.series, done.series);
    assert_eq!(summer.world.outbox_rows().await, rows);
    let other = SeriesChange {
        day_of_week: 2,
        ..SeriesChange::default()
    };
    assert_eq!(
        reason(summer.update(1, other).await),
        ErrorReason::VersionStale
    );
    // What is so already is no change.
    let same = summer.update(2, at_noon()).await.unwrap();
    assert_eq!(same.series.unwrap().version, 2);
    summer.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_sooner_end_cancels_and_a_later_one_books_more(pool: PgPool) {
    let summer = Summer::start(pool).await;
    let all = summer.lessons().await;
    let end = |count: i32| SeriesChange {
        end: Some(series_change::End::Count(count)),
        ..SeriesChange::default()
    };
    let done = summer.update(1, end(6)).await.unwrap();
    assert_eq!(
        done.changed_lesson_ids,
        [all[6].id.clone(), all[7].id.clone()]
    );
    let snapshot = told(&summer.world.pool).await.pop().unwrap();
    assert_eq!(
        text(snapshot.canceled_from_time.as_ref()),
        "2026-07-20T10:00:00Z"
    );
    let done = summer.update(2, end(20)).await.unwrap();
    // From 20 July on, those within twelve weeks of 1 June.
    assert_eq!(done.changed_lesson_ids.len(), 5);
    assert!(!done.changed_lesson_ids.contains(&all[6].id));
    assert_eq!(done.series.unwrap().last_date, "2026-10-19");
    summer
        .world
        .clock
        .advance(jiff::SignedDuration::from_hours(24 * 80));
    until("the rest is booked", || async {
        count(
            &summer.world.pool,
            "series_occurrences WHERE lesson_id IS NOT NULL",
        )
        .await
            == 20
    })
    .await;
    let too_soon = SeriesChange {
        end: Some(series_change::End::UntilDate("2026-06-30".to_owned())),
        ..SeriesChange::default()
    };
    assert_eq!(fields(summer.update(3, too_soon).await), ["change"]);
    summer.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn place_and_notes_reach_every_lesson_from_there_on(pool: PgPool) {
    let summer = Summer::start(pool).await;
    let all = summer.lessons().await;
    let change = SeriesChange {
        from_lesson_id: all[5].id.clone(),
        meeting_url: Some("https://meet.example/room".to_owned()),
        notes: Some("chapter two".to_owned()),
        ..SeriesChange::default()
    };
    let done = summer.update(1, change).await.unwrap();
    assert_eq!(done.changed_lesson_ids.len(), 3);
    assert!(done.kept_lesson_ids.is_empty());
    let after = summer.lessons().await;
    let notes: Vec<_> = after.iter().map(|lesson| lesson.notes.as_str()).collect();
    assert_eq!(notes[4..6], ["", "chapter two"]);
    assert_eq!(after[7].meeting_url, "https://meet.example/room");
    summer.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_series_is_cancelled_from_a_lesson_on_and_then_as_a_whole(pool: PgPool) {
    let summer = Summer::start(pool).await;
    let all = summer.lessons().await;
    let done = summer.cancel(summer.teacher, 1, &all[6].id).await.unwrap();
    let series = done.series.unwrap();
    assert_eq!(done.canceled_lessons, 2);
    assert_eq!(
        (series.state(), series.occurrence_count),
        (SeriesState::Running, 6)
    );
    let again = summer.cancel(summer.teacher, 1, &all[6].id).await.unwrap();
    assert_eq!(
        (again.canceled_lessons, again.series.unwrap().version),
        (0, 2)
    );
    // The first has been, and the second is late for its student.
    summer
        .world
        .clock
        .advance(jiff::SignedDuration::from_hours(24 * 14 + 9));
    let done = summer.cancel(summer.student, 2, "").await.unwrap();
    let series = done.series.unwrap();
    assert_eq!(
        (done.canceled_lessons, series.state()),
        (5, SeriesState::Canceled)
    );
    assert_eq!(
        (series.occurrence_count, series.cancel_reason.as_str()),
        (1, "I move")
    );
    let after = summer.lessons().await;
    let late: Vec<_> = after
        .iter()
        .map(|lesson| lesson.bookings[0].status())
        .collect();
    assert_eq!(
        late,
        [
            Confirmed,
            LateCanceled,
            Canceled,
            Canceled,
            Canceled,
            Canceled,
            Canceled,
            Canceled
        ]
    );
    let snapshot = told(&summer.world.pool).await.pop().unwrap();
    assert!(snapshot.canceled);
    assert_eq!(
        snapshot.changed_by(),
        olm_proto::notify::v1::LessonRole::Student
    );
    assert_eq!(
        reason(summer.cancel(summer.teacher, 3, "").await),
        ErrorReason::SeriesEnded
    );
    assert_eq!(
        reason(summer.update(3, at_noon()).await),
        ErrorReason::SeriesEnded
    );
    assert_eq!(
        count(
            &summer.world.pool,
            "lessons WHERE with_series AND status = 'canceled'"
        )
        .await,
        7
    );
    summer.world.stop().await;
}
