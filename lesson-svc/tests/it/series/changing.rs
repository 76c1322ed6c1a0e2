//! Changing and cancelling one, this and following, all: nothing is lost and nothing doubled.

mod ending;

use std::collections::BTreeMap;

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        BookLessonRequest, CancelSeriesRequest, CancelSeriesResponse, ConflictMode, Lesson,
        LessonStatus, OccurrenceConflict, PreviewSeriesUpdateRequest, Series, SeriesChange,
        UpdateSeriesRequest, UpdateSeriesResponse,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use super::{conflicts, create, get, lessons, starts, text, told, weekly};
use crate::{
    steps::{cancel, shift},
    support::{World, booking, fields, reason},
};

/// A teacher, her student, and an hour each Monday of June, July and August.
struct Summer {
    world: World,
    teacher: Uuid,
    student: Uuid,
    series: Series,
}

impl Summer {
    async fn start(pool: PgPool) -> Self {
        let world = World::start(pool).await;
        let teacher = world.teacher(1, "Anna").await;
        let student = world.student(2).await;
        world.befriend(teacher, student).await;
        let wanted = weekly(student, "2026-06-08", "10:00", 8);
        let made = create(&world, teacher, wanted, ConflictMode::Strict).await;
        Self {
            world,
            teacher,
            student,
            series: made.unwrap().series.unwrap(),
        }
    }

    async fn lessons(&self) -> Vec<Lesson> {
        let all = lessons(&self.world, self.teacher, "2026-06-01T00:00:00Z").await;
        let own = all.into_iter();
        own.filter(|lesson| lesson.series_id == self.series.id)
            .collect()
    }

    /// Which lesson each occurrence is.
    async fn numbers(&self) -> BTreeMap<i16, Uuid> {
        let rows: Vec<(i16, Uuid)> = sqlx::query_as(
            "SELECT ordinal, lesson_id FROM lesson.series_occurrences WHERE lesson_id IS NOT NULL",
        )
        .fetch_all(&self.world.pool)
        .await
        .unwrap();
        rows.into_iter().collect()
    }

    async fn update(
        &self,
        version: i64,
        change: SeriesChange,
    ) -> Result<UpdateSeriesResponse, Status> {
        self.update_by(self.teacher, version, change, ConflictMode::Skip)
            .await
    }

    async fn update_by(
        &self,
        by: Uuid,
        version: i64,
        change: SeriesChange,
        mode: ConflictMode,
    ) -> Result<UpdateSeriesResponse, Status> {
        let request = UpdateSeriesRequest {
            series_id: self.series.id.clone(),
            expected_version: version,
            change: Some(change),
            conflict_mode: mode.into(),
        };
        let answer = self
            .world
            .series()
            .update_series(acting(request, by))
            .await?;
        Ok(answer.into_inner())
    }

    async fn cancel(
        &self,
        by: Uuid,
        version: i64,
        from: &str,
    ) -> Result<CancelSeriesResponse, Status> {
        let request = CancelSeriesRequest {
            series_id: self.series.id.clone(),
            expected_version: version,
            from_lesson_id: from.to_owned(),
            reason: "I move".to_owned(),
        };
        let answer = self
            .world
            .series()
            .cancel_series(acting(request, by))
            .await?;
        Ok(answer.into_inner())
    }
}

fn at_noon() -> SeriesChange {
    SeriesChange {
        start_time_of_day: Some("12:00".to_owned()),
        ..SeriesChange::default()
    }
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn this_and_following_move_and_keep_who_they_are(pool: PgPool) {
    let summer = Summer::start(pool).await;
    let (world, before) = (&summer.world, summer.numbers().await);
    let all = summer.lessons().await;
    let versions_told = world.outbox_rows().await;
    // One was moved by itself, one was cancelled by itself.
    shift(world, summer.teacher, &all[4], "2026-07-07T15:00:00Z")
        .await
        .unwrap();
    cancel(world, summer.teacher, &all[5].id, 1, "holiday")
        .await
        .unwrap();
    let change = SeriesChange {
        from_lesson_id: all[3].id.clone(),
        day_of_week: 3,
        ..at_noon()
    };
    let done = summer.update(1, change).await.unwrap();
    assert_eq!(done.kept_lesson_ids, [all[4].id.clone()]);
    assert_eq!(
        done.changed_lesson_ids,
        [&all[3].id, &all[6].id, &all[7].id].map(String::clone)
    );
    assert_eq!(summer.numbers().await, before);
    let after = summer.lessons().await;
    assert_eq!(
        starts(&after),
        [
            "2026-06-08T10:00:00Z",
            "2026-06-15T10:00:00Z",
            "2026-06-22T10:00:00Z",
            "2026-07-01T12:00:00Z",
            "2026-07-07T15:00:00Z",
            "2026-07-13T10:00:00Z",
            "2026-07-22T12:00:00Z",
            "2026-07-29T12:00:00Z",
        ]
    );
    assert_eq!(after[5].status(), LessonStatus::Canceled);
    let versions: Vec<_> = after.iter().map(|lesson| lesson.version).collect();
    assert_eq!(versions, [1, 1, 1, 2, 2, 2, 2, 2]);
    let series = done.series.unwrap();
    assert_eq!(
        (series.version, series.last_date.as_str()),
        (2, "2026-07-29")
    );
    // Two lessons by themselves, three with the series, and the series once.
    assert_eq!(world.outbox_rows().await - versions_told, 6);
    let snapshot = told(&world.pool).await.pop().unwrap();
    assert_eq!((snapshot.version, snapshot.schedule_version), (2, 2));
    assert_eq!(snapshot.plan.unwrap().start_time_of_day, "12:00");
    summer.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn conflicts_of_a_change_refuse_it_or_leave_those_lessons_where_they_are(pool: PgPool) {
    let summer = Summer::start(pool).await;
    let all = summer.lessons().await;
    let third = summer.world.student(3).await;
    let other = BookLessonRequest {
        student_id: String::new(),
        ..booking(summer.teacher, "2026-06-22T12:30:00Z")
    };
    summer
        .world
        .lessons()
        .book_lesson(acting(other, third))
        .await
        .unwrap();
    let request = PreviewSeriesUpdateRequest {
        series_id: summer.series.id.clone(),
        change: Some(at_noon()),
    };
    let mut series = summer.world.series();
    let preview = series
        .preview_series_update(acting(request, summer.teacher))
        .await;
    let preview = preview.unwrap().into_inner();
    assert_eq!((preview.conflict_count, preview.occurrences.len()), (1, 8));
    assert_eq!(
        conflicts(&preview.occurrences)[2],
        OccurrenceConflict::TeacherBusy
    );
    assert_eq!(preview.occurrences[2].lesson_id, all[2].id);
    assert_eq!(
        text(preview.occurrences[2].previous_start_time.as_ref()),
        "2026-06-22T10:00:00Z"
    );
    let strict = summer
        .update_by(summer.teacher, 1, at_noon(), ConflictMode::Strict)
        .await;
    assert_eq!(reason(strict), ErrorReason::SeriesConflicts);
    assert_eq!(starts(&summer.lessons().await), starts(&all));
    let done = summer.update(1, at_noon()).await.unwrap();
    assert_eq!(done.kept_lesson_ids, [all[2].id.clone()]);
    assert_eq!(done.changed_lesson_ids.len(), 7);
    // It has its own time now, as if it had been moved there.
    let done = summer
        .update(
            2,
            SeriesChange {
                start_time_of_day: Some("14:00".to_owned()),
                ..SeriesChange::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(done.kept_lesson_ids, [all[2].id.clone()]);
    summer.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn lessons_move_to_where_their_neighbours_were(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    world.befriend(teacher, student).await;
    // Each by six days and most of another, there and back.
    let mut wanted = weekly(student, "2026-06-08", "00:30", 5);
    if let Some(pattern) = &mut wanted.pattern {
        pattern.lesson_duration = Some(crate::support::seconds(8 * 3600));
    }
    let made = create(&world, teacher, wanted, ConflictMode::Strict)
        .await
        .unwrap();
    let series = made.series.unwrap();
    let summer = Summer {
        world,
        teacher,
        student,
        series,
    };
    let before = summer.numbers().await;
    let later = SeriesChange {
        day_of_week: 7,
        start_time_of_day: Some("23:00".to_owned()),
        ..SeriesChange::default()
    };
    let strict = ConflictMode::Strict;
    summer
        .update_by(summer.teacher, 1, later, strict)
        .await
        .unwrap();
    assert_eq!(starts(&summer.lessons().await)[0], "2026-06-14T23:00:00Z");
    let sooner = SeriesChange {
        day_of_week: 1,
        start_time_of_day: Some("00:30".to_owned()),
        ..SeriesChange::default()
    };
    summer
        .update_by(summer.teacher, 2, sooner, strict)
        .await
        .unwrap();
    assert_eq!(starts(&summer.lessons().await)[4], "2026-07-06T00:30:00Z");
    assert_eq!(summer.numbers().await, before);
    summer.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn students_change_no_series_and_nobody_those_of_others(pool: PgPool) {
    let summer = Summer::start(pool).await;
    let stranger = summer.world.teacher(9, "Boris").await;
    let mode = ConflictMode::Skip;
    let by_student = summer.update_by(summer.student, 1, at_noon(), mode).await;
    assert_eq!(reason(by_student), ErrorReason::TeacherOnly);
    let by_stranger = summer.update_by(stranger, 1, at_noon(), mode).await;
    assert_eq!(reason(by_stranger), ErrorReason::SeriesNotFound);
    assert_eq!(
        reason(summer.cancel(stranger, 1, "").await),
        ErrorReason::SeriesNotFound
    );
    let other = create(
        &summer.world,
        summer.teacher,
        weekly(summer.student, "2026-06-09", "10:00", 1),
        mode,
    )
    .await;
    let foreign = other.unwrap().lesson_ids.remove(0);
    assert_eq!(
        reason(summer.cancel(summer.teacher, 1, &foreign).await),
        ErrorReason::LessonNotFound
    );
    let all = summer.lessons().await;
    summer
        .world
        .clock
        .advance(jiff::SignedDuration::from_hours(24 * 7 + 11));
    let begun = summer.cancel(summer.teacher, 1, &all[0].id).await;
    assert_eq!(reason(begun), ErrorReason::LessonStarted);
    assert_eq!(
        get(&summer.world, summer.student, &summer.series.id)
            .await
            .unwrap()
            .version,
        1
    );
    summer.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_skipped_occurrence_is_booked_when_the_series_moves_to_where_it_can_be(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let third = world.student(3).await;
    world.befriend(teacher, student).await;
    world
        .book(third, teacher, "2026-06-15T10:00:00Z")
        .await
        .unwrap();
    let wanted = weekly(student, "2026-06-08", "10:00", 4);
    let made = create(&world, teacher, wanted, ConflictMode::Skip)
        .await
        .unwrap();
    assert_eq!(made.lesson_ids.len(), 3);
    let series = made.series.unwrap();
    let summer = Summer {
        world,
        teacher,
        student,
        series,
    };
    let done = summer
        .update_by(teacher, 1, at_noon(), ConflictMode::Strict)
        .await
        .unwrap();
    assert_eq!(done.changed_lesson_ids.len(), 4);
    assert!(done.series.unwrap().skipped.is_empty());
    let all = summer.lessons().await;
    assert_eq!(starts(&all)[1], "2026-06-15T12:00:00Z");
    summer.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn no_occurrence_is_put_where_the_one_before_it_is(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    world.befriend(teacher, student).await;
    // Sundays, late: six days sooner, in a zone a day behind, the next is where this one is.
    let wanted = weekly(student, "2026-06-07", "23:00", 3);
    let made = create(&world, teacher, wanted, ConflictMode::Strict).await;
    let series = made.unwrap().series.unwrap();
    let summer = Summer {
        world,
        teacher,
        student,
        series,
    };
    let all = summer.lessons().await;
    let change = SeriesChange {
        from_lesson_id: all[1].id.clone(),
        day_of_week: 1,
        start_time_of_day: Some("11:00".to_owned()),
        time_zone: Some("Pacific/Kiritimati".to_owned()),
        ..SeriesChange::default()
    };
    // Kiritimati is 14 hours ahead: its Monday, 13:00, is Sunday, 23:00.
    let there = SeriesChange {
        start_time_of_day: Some("13:00".to_owned()),
        ..change.clone()
    };
    assert_eq!(fields(summer.update(1, there).await), ["change"]);
    let done = summer.update(1, change).await.unwrap();
    assert_eq!(done.changed_lesson_ids.len(), 2);
    assert_eq!(starts(&summer.lessons().await)[0], "2026-06-07T21:00:00Z");
    summer.world.stop().await;
}
