//! What takes time: lessons in either role, holds, the daily limit.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{RescheduleLessonRequest, TeacherPolicies},
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use uuid::Uuid;

use super::set;
use crate::support::{World, at, reason, rule, seconds, wire};

/// A lesson of an hour, whatever the policies say.
async fn insert(pool: &PgPool, teacher: Uuid, student: Uuid, start: &str, expire: Option<&str>) {
    sqlx::query(
        "WITH lesson AS (
             INSERT INTO lesson.lessons (id, teacher_id, during, blocked, status, expire_time, create_time)
             SELECT gen_random_uuid(), $1, during, during,
                    CASE WHEN $4::timestamptz IS NULL THEN 'scheduled' ELSE 'held' END, $4::timestamptz, now()
             FROM tstzrange($3::timestamptz, $3::timestamptz + interval '1 hour') AS during
             RETURNING *)
         INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time)
         SELECT gen_random_uuid(), id, $2, during,
                CASE WHEN expire_time IS NULL THEN 'confirmed' ELSE 'pending' END, now() FROM lesson",
    )
    .bind(teacher)
    .bind(student)
    .bind(start)
    .bind(expire)
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn nobody_is_offered_a_time_at_which_either_is_elsewhere_in_any_role(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let (student, other) = (world.student(3).await, world.student(4).await);
    set(&world, anna, "UTC", vec![rule(1, "09:00", "14:00")], 1)
        .await
        .unwrap();
    insert(&world.pool, anna, other, "2026-06-01T09:00:00Z", None).await;
    // Anna learns from Boris, who also teaches.
    insert(&world.pool, boris, anna, "2026-06-01T10:00:00Z", None).await;
    insert(&world.pool, boris, student, "2026-06-01T11:00:00Z", None).await;
    let day = ("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
    let offered = |viewer: Option<Uuid>| world.slots(anna, viewer, day.0, day.1);
    let free = |starts: &[&str]| -> Vec<String> {
        starts
            .iter()
            .map(|start| format!("2026-06-01T{start}:00Z"))
            .collect()
    };
    let everybody = ["11:00", "11:30", "12:00", "12:30", "13:00"];
    assert_eq!(offered(None).await, free(&everybody));
    assert_eq!(offered(Some(other)).await, free(&everybody));
    assert_eq!(offered(Some(student)).await, free(&everybody[2..]));
    assert_eq!(offered(Some(boris)).await, free(&everybody[2..]));
    assert_eq!(offered(Some(anna)).await, free(&everybody));
    let booked = world.book(boris, anna, "2026-06-01T11:00:00Z").await;
    assert_eq!(reason(booked), ErrorReason::StudentBusy);
    let booked = world.book(other, anna, "2026-06-01T10:30:00Z").await;
    assert_eq!(reason(booked), ErrorReason::SlotTaken);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_hold_takes_its_time_until_it_runs_out(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let (student, other) = (world.student(3).await, world.student(4).await);
    for teacher in [anna, boris] {
        set(&world, teacher, "UTC", vec![rule(1, "09:00", "10:00")], 1)
            .await
            .unwrap();
    }
    let until = Some("2026-06-01T00:10:00Z");
    insert(&world.pool, anna, student, "2026-06-01T09:00:00Z", until).await;
    let day = ("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
    for (now, left) in [("2026-06-01T00:09:59Z", 0), ("2026-06-01T00:10:00Z", 1)] {
        world.clock.set(at(now));
        let with_anna = world.slots(anna, Some(other), day.0, day.1).await;
        assert_eq!(with_anna.len(), left, "{now}: the teacher's time");
        let with_boris = world.slots(boris, Some(student), day.0, day.1).await;
        assert_eq!(
            with_boris.len(),
            1,
            "{now}: what the student holds is theirs"
        );
        let boris_learns = world.slots(boris, Some(anna), day.0, day.1).await;
        assert_eq!(boris_learns.len(), left, "{now}: what the student teaches");
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_day_of_the_teachers_zone_is_full_when_the_limit_is_reached(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        daily_lesson_limit: 2,
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    // 04:00 to 12:00 UTC in June; the day begins at 15:00 UTC of the day before.
    let rules = (1..=7).map(|day| rule(day, "13:00", "21:00")).collect();
    set(&world, teacher, "Asia/Tokyo", rules, 1).await.unwrap();
    let student = world.student(2).await;
    insert(&world.pool, teacher, student, "2026-06-01T15:00:00Z", None).await;
    let run_out = Some("2026-05-31T00:00:00Z");
    insert(
        &world.pool,
        teacher,
        student,
        "2026-06-02T14:00:00Z",
        run_out,
    )
    .await;
    insert(&world.pool, teacher, student, "2026-06-02T15:00:00Z", None).await;
    let first = "2026-06-02T04:00:00Z";
    world.book(student, teacher, first).await.unwrap();
    let second = world.book(student, teacher, "2026-06-02T06:00:00Z").await;
    assert_eq!(reason(second), ErrorReason::DailyLimitReached);
    let window = ("2026-06-02T00:00:00Z", "2026-06-04T00:00:00Z");
    let offered = world.slots(teacher, None, window.0, window.1).await;
    assert_eq!(offered.len(), 15, "the third of June only");
    assert_eq!(offered[0], "2026-06-03T04:00:00Z");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_that_moves_takes_no_place_of_its_own(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        reschedule_notice: Some(seconds(0)),
        daily_lesson_limit: 1,
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let lesson = world.book(student, teacher, "2026-06-02T10:00:00Z").await;
    let lesson = lesson.unwrap();
    let taken = world.book(other, teacher, "2026-06-03T10:00:00Z").await;
    taken.unwrap();
    let reschedule = |start: &'static str, expected_version: i64| {
        let request = RescheduleLessonRequest {
            lesson_id: lesson.id.clone(),
            expected_version,
            start_time: Some(wire(start)),
        };
        let mut client = world.lessons();
        async move { client.reschedule_lesson(acting(request, student)).await }
    };
    // Within its day, which is full, and over its own time.
    reschedule("2026-06-02T10:30:00Z", 1).await.unwrap();
    let full = reschedule("2026-06-03T12:00:00Z", 2).await;
    assert_eq!(reason(full), ErrorReason::DailyLimitReached);
    reschedule("2026-06-04T10:30:00Z", 2).await.unwrap();
    world.stop().await;
}
