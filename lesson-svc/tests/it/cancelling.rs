use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{BookingStatus, LessonStatus},
    notify::v1::{LessonRole, LessonState},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    steps::{cancel, snapshot},
    support::{World, at, fields, metadata, reason},
};

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_student_cancels_and_the_time_is_free_again(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let lesson = world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    let canceled = cancel(&world, student, &lesson.id, 1, "ill").await.unwrap();
    assert_eq!(canceled.status(), LessonStatus::Canceled);
    assert_eq!((canceled.version, canceled.schedule_version), (2, 2));
    assert_eq!(canceled.cancel_reason, "ill");
    assert_eq!(
        (canceled.bookings[0].status(), canceled.bookings[0].version),
        (BookingStatus::LateCanceled, 2),
        "less than the teacher's cancel notice before the start"
    );
    let told = snapshot(&world, &lesson, 2).await;
    assert!(told.state() == LessonState::Canceled && told.seats[0].canceled);
    assert_eq!(
        (told.changed_by(), told.cancel_reason.as_str()),
        (LessonRole::Student, "ill")
    );
    world
        .book(other, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_repeated_cancellation_is_answered_as_the_first(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    let first = cancel(&world, teacher, &lesson.id, 1, "ill").await.unwrap();
    let rows = world.outbox_rows().await;
    world.clock.set(at("2026-06-01T13:00:00Z"));
    assert_eq!(
        cancel(&world, teacher, &lesson.id, 1, "ill").await.unwrap(),
        first
    );
    assert_eq!(world.outbox_rows().await, rows, "it is told once");
    assert_eq!(
        snapshot(&world, &lesson, 2).await.changed_by(),
        LessonRole::Teacher
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_stale_version_cancels_nothing(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    let stale = cancel(&world, student, &lesson.id, 7, "").await;
    assert_eq!(
        metadata(stale.as_ref().unwrap_err(), "current_version"),
        "1"
    );
    assert_eq!(reason(stale), ErrorReason::VersionStale);
    cancel(&world, teacher, &lesson.id, 1, "").await.unwrap();
    assert_eq!(
        reason(cancel(&world, student, &lesson.id, 1, "").await),
        ErrorReason::VersionStale
    );
    assert_eq!(
        reason(cancel(&world, student, &lesson.id, 2, "").await),
        ErrorReason::LessonCanceled
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn two_sides_that_cancel_at_once_make_one_cancellation(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    let (one, two) = tokio::join!(
        cancel(&world, teacher, &lesson.id, 1, ""),
        cancel(&world, student, &lesson.id, 1, ""),
    );
    let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(won.unwrap().version, 2);
    assert_eq!(reason(lost), ErrorReason::VersionStale);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_that_has_begun_is_not_cancelled(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    world.clock.set(at("2026-06-01T12:00:00Z"));
    assert_eq!(
        reason(cancel(&world, student, &lesson.id, 1, "").await),
        ErrorReason::LessonStarted
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_a_cancellation_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let student = world.student(2).await;
    let wrong = cancel(&world, student, "7", 0, &"я".repeat(501)).await;
    assert_eq!(fields(wrong), ["expected_version", "lesson_id", "reason"]);
    let nul = cancel(&world, student, &Uuid::from_u128(7).to_string(), 1, "a\0b").await;
    assert_eq!(fields(nul), ["reason"]);
    world.stop().await;
}
