//! Changing a series once more: after other changes of it, of its lessons and of its people.

use olm_proto::lesson::v1::{
    CancelSeriesRequest, ConflictMode, Lesson, Series, SeriesChange, UpdateSeriesRequest,
    UpdateSeriesResponse,
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use super::{count, create, get, lessons, weekly};
use crate::support::{World, until};

/// A teacher, her student, and so many weeks of an hour each Monday from 8 June on.
struct Course {
    world: World,
    teacher: Uuid,
    student: Uuid,
    series: Series,
}

impl Course {
    async fn start(pool: PgPool, weeks: i32) -> Self {
        let world = World::start(pool).await;
        let teacher = world.teacher(1, "Anna").await;
        let student = world.student(2).await;
        world.befriend(teacher, student).await;
        let wanted = weekly(student, "2026-06-08", "10:00", weeks);
        let made = create(&world, teacher, wanted, ConflictMode::Strict).await;
        Self {
            world,
            teacher,
            student,
            series: made.unwrap().series.unwrap(),
        }
    }

    /// Its lessons by start, with those that are off.
    async fn lessons(&self) -> Vec<Lesson> {
        let all = lessons(&self.world, self.teacher, "2026-06-01T00:00:00Z").await;
        let own = all.into_iter();
        own.filter(|lesson| lesson.series_id == self.series.id)
            .collect()
    }

    /// Changes it as it is now.
    async fn update(&self, change: SeriesChange) -> Result<UpdateSeriesResponse, Status> {
        let now = get(&self.world, self.teacher, &self.series.id)
            .await
            .unwrap();
        let request = UpdateSeriesRequest {
            series_id: now.id,
            expected_version: now.version,
            change: Some(change),
            conflict_mode: ConflictMode::Strict.into(),
        };
        let mut series = self.world.series();
        let answer = series.update_series(acting(request, self.teacher)).await?;
        Ok(answer.into_inner())
    }

    async fn cancel(&self, by: Uuid, from: &Lesson) {
        let now = get(&self.world, by, &self.series.id).await.unwrap();
        let request = CancelSeriesRequest {
            series_id: now.id,
            expected_version: now.version,
            from_lesson_id: from.id.clone(),
            reason: "my divorce".to_owned(),
        };
        let mut series = self.world.series();
        series.cancel_series(acting(request, by)).await.unwrap();
    }
}

fn noted() -> SeriesChange {
    SeriesChange {
        notes: Some("chapter two".to_owned()),
        ..SeriesChange::default()
    }
}

const BOOKED: &str = "series_occurrences WHERE lesson_id IS NOT NULL";

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn weeks_that_came_near_before_the_job_looked_are_booked_after_a_change(pool: PgPool) {
    let course = Course::start(pool, 60).await;
    assert_eq!(count(&course.world.pool, BOOKED).await, 11);
    // As the teacher's further horizon is seen by the change before it is by the job.
    let further = "UPDATE lesson.teachers SET booking_horizon_s = 200 * 86400";
    sqlx::query(further)
        .execute(&course.world.pool)
        .await
        .unwrap();
    course.update(noted()).await.unwrap();
    until("as far as students see", || async {
        count(&course.world.pool, BOOKED).await == 28
    })
    .await;
    course.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn words_of_who_cancelled_do_not_outlive_the_change_after(pool: PgPool) {
    let course = Course::start(pool, 8).await;
    let all = course.lessons().await;
    course.cancel(course.student, &all[6]).await;
    let words = "series WHERE cancel_reason <> ''";
    assert_eq!(count(&course.world.pool, words).await, 1);
    let done = course.update(noted()).await.unwrap();
    assert_eq!(done.series.unwrap().cancel_reason, "");
    assert_eq!(count(&course.world.pool, words).await, 0);
    course.world.stop().await;
}
