//! Changing a series once more: after other changes of it, of its lessons and of its people.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        CancelSeriesRequest, ConflictMode, CreateGroupRequest, DeleteGroupRequest, Lesson,
        RemoveStudentRequest, Series, SeriesChange, UpdateSeriesRequest, UpdateSeriesResponse,
        WantedSeries, series_change, wanted_series,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use super::{count, create, get, lessons, starts, weekly};
use crate::{
    steps::shift,
    support::{World, new_id, reason, seconds, until},
};

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

fn end(count: i32) -> SeriesChange {
    SeriesChange {
        end: Some(series_change::End::Count(count)),
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

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_reaches_what_this_and_following_left_where_it_was(pool: PgPool) {
    let course = Course::start(pool, 6).await;
    let all = course.lessons().await;
    let tuesday = |from: &Lesson| SeriesChange {
        from_lesson_id: from.id.clone(),
        day_of_week: 2,
        ..SeriesChange::default()
    };
    course.update(tuesday(&all[4])).await.unwrap();
    // Other words move nothing.
    course.update(noted()).await.unwrap();
    assert_eq!(
        starts(&course.lessons().await)[3..5],
        ["2026-06-29T10:00:00Z", "2026-07-07T10:00:00Z"]
    );
    shift(
        &course.world,
        course.teacher,
        &course.lessons().await[2],
        "2026-06-25T15:00:00Z",
    )
    .await
    .unwrap();
    let done = course.update(tuesday(&all[1])).await.unwrap();
    assert_eq!(done.kept_lesson_ids, [all[2].id.clone()]);
    assert_eq!(
        done.changed_lesson_ids,
        [all[1].id.clone(), all[3].id.clone()]
    );
    assert_eq!(
        starts(&course.lessons().await),
        [
            "2026-06-08T10:00:00Z",
            "2026-06-16T10:00:00Z",
            "2026-06-25T15:00:00Z",
            "2026-06-30T10:00:00Z",
            "2026-07-07T10:00:00Z",
            "2026-07-14T10:00:00Z",
        ]
    );
    // And again it is no change.
    let version = done.series.unwrap().version;
    let again = course.update(tuesday(&all[1])).await.unwrap();
    assert_eq!(again.series.unwrap().version, version);
    course.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn lessons_of_another_length_have_no_time_of_their_own(pool: PgPool) {
    let course = Course::start(pool, 4).await;
    let all = course.lessons().await;
    let longer = SeriesChange {
        from_lesson_id: all[2].id.clone(),
        lesson_duration: Some(seconds(5400)),
        ..SeriesChange::default()
    };
    course.update(longer).await.unwrap();
    let later = SeriesChange {
        start_time_of_day: Some("11:00".to_owned()),
        ..SeriesChange::default()
    };
    let done = course.update(later).await.unwrap();
    assert_eq!(
        (done.changed_lesson_ids.len(), done.kept_lesson_ids.len()),
        (4, 0)
    );
    let hours = "lessons WHERE upper(during) - lower(during) = interval '90 minutes'";
    assert_eq!(count(&course.world.pool, hours).await, 4);
    course.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_that_was_moved_ahead_and_took_place_is_not_booked_again(pool: PgPool) {
    let course = Course::start(pool, 8).await;
    let all = course.lessons().await;
    shift(
        &course.world,
        course.teacher,
        &all[6],
        "2026-06-04T15:00:00Z",
    )
    .await
    .unwrap();
    let day = jiff::SignedDuration::from_hours(24);
    course.world.clock.advance(day * 5);
    course.update(end(5)).await.unwrap();
    let done = course.update(end(10)).await.unwrap();
    // All but the one that was: numbers 5, 7, 8 and 9.
    assert_eq!(done.changed_lesson_ids.len(), 4);
    let off = course.lessons().await;
    let again = off.iter().filter(|lesson| lesson.version == 1);
    assert!(
        !starts(&again.cloned().collect::<Vec<_>>()).contains(&"2026-07-20T10:00:00Z".to_owned())
    );
    let its = format!(
        "series_occurrences WHERE ordinal = 6 AND lesson_id = '{}'",
        all[6].id
    );
    assert_eq!(count(&course.world.pool, &its).await, 1);
    course.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_is_no_student_any_more_is_booked_no_further_and_still_moved(pool: PgPool) {
    let course = Course::start(pool, 4).await;
    let request = RemoveStudentRequest {
        student_id: course.student.to_string(),
    };
    let mut teachers = course.world.teachers();
    let request = acting(request, course.teacher);
    teachers.remove_student(request).await.unwrap();
    let more = course.update(end(14)).await;
    assert_eq!(reason(more), ErrorReason::NotAStudent);
    let later = SeriesChange {
        start_time_of_day: Some("12:00".to_owned()),
        ..SeriesChange::default()
    };
    let done = course.update(later).await.unwrap();
    assert_eq!(done.changed_lesson_ids.len(), 4);
    assert_eq!(count(&course.world.pool, BOOKED).await, 4);
    course.world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_dissolved_groups_series_books_nothing_more(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let request = CreateGroupRequest {
        request_id: new_id(),
        title: "Choir".to_owned(),
        capacity: 4,
    };
    let group = world.groups().create_group(acting(request, teacher)).await;
    let group = group.unwrap().into_inner().group.unwrap();
    // The second week is taken.
    let taken = world.book(student, teacher, "2026-06-15T10:00:00Z").await;
    taken.unwrap();
    let wanted = WantedSeries {
        people: Some(wanted_series::People::GroupId(group.id.clone())),
        ..weekly(student, "2026-06-08", "10:00", 2)
    };
    let made = create(&world, teacher, wanted, ConflictMode::Skip).await;
    let course = Course {
        series: made.unwrap().series.unwrap(),
        world,
        teacher,
        student,
    };
    let day = jiff::SignedDuration::from_hours(24);
    course.world.clock.advance(day * 8);
    let request = DeleteGroupRequest {
        group_id: group.id,
        expected_version: group.version,
    };
    let mut groups = course.world.groups();
    groups.delete_group(acting(request, teacher)).await.unwrap();
    let more = course.update(end(9)).await;
    assert_eq!(reason(more), ErrorReason::GroupNotFound);
    let later = SeriesChange {
        start_time_of_day: Some("12:00".to_owned()),
        ..SeriesChange::default()
    };
    let done = course.update(later).await.unwrap();
    assert!(done.changed_lesson_ids.is_empty());
    course.world.stop().await;
}
