use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{BookingStatus, LessonStatus, TeacherPolicies},
    notify::v1::{LessonRole, LessonState},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    steps::{cancel, history, hold, snapshot},
    support::{World, at, fields, metadata, reason, seconds},
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

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn only_a_student_cancels_late_and_only_within_the_notice(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        cancel_notice: Some(seconds(3_600)),
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let (student, admin) = (world.student(2).await, world.admin(9).await);
    let late = BookingStatus::LateCanceled;
    let in_time = BookingStatus::Canceled;
    let cases = [
        (student, "2026-06-02T11:00:00Z", in_time),
        (student, "2026-06-03T11:00:01Z", late),
        (teacher, "2026-06-04T11:59:59Z", in_time),
        (admin, "2026-06-05T11:59:59Z", in_time),
    ];
    for (by, now, expected) in cases {
        let start = format!("{}T12:00:00Z", &now[..10]);
        let lesson = world.book(student, teacher, &start).await.unwrap();
        world.clock.set(at(now));
        let off = cancel(&world, by, &lesson.id, 1, "").await.unwrap();
        assert_eq!(off.bookings[0].status(), expected, "{now}");
        let told = snapshot(&world, &lesson, 2).await;
        assert!(told.seats[0].canceled, "{now}");
        let line = history(&world, teacher, &lesson).await.pop().unwrap();
        assert_eq!(line.booking_status(), expected, "{now}");
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn an_admin_cancels_as_admin_and_a_stranger_nothing(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, stranger) = (world.student(2).await, world.teacher(3, "Boris").await);
    let admin = world.admin(9).await;
    let lesson = world.book(student, teacher, "2026-06-01T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let refused = cancel(&world, stranger, &lesson.id, 1, "").await;
    assert_eq!(reason(refused), ErrorReason::LessonNotFound);
    cancel(&world, admin, &lesson.id, 1, "closed")
        .await
        .unwrap();
    let told = snapshot(&world, &lesson, 2).await;
    assert_eq!(
        (told.changed_by(), told.cancel_reason.as_str()),
        (LessonRole::Admin, "closed")
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_hold_is_let_go_and_nobody_is_told(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let start = "2026-06-01T12:00:00Z";
    let rows = world.outbox_rows().await;
    let kept = hold(&world, student, teacher, start).await;
    let off = cancel(&world, student, &kept.id, 1, "").await.unwrap();
    assert_eq!(
        (off.status(), off.expire_time),
        (LessonStatus::Canceled, None)
    );
    assert_eq!(
        off.bookings[0].status(),
        BookingStatus::Canceled,
        "never late: nothing was settled"
    );
    assert_eq!(world.outbox_rows().await, rows);
    world.book(other, teacher, start).await.unwrap();
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_request_is_withdrawn_and_the_teacher_is_told(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        requires_approval: true,
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    let asked = world.book(student, teacher, "2026-06-01T09:00:00Z").await;
    let asked = asked.unwrap();
    world.clock.set(at("2026-06-01T08:59:00Z"));
    let off = cancel(&world, student, &asked.id, 1, "ill").await.unwrap();
    assert_eq!(
        (off.status(), off.expire_time),
        (LessonStatus::Canceled, None)
    );
    assert_eq!(
        off.bookings[0].status(),
        BookingStatus::Canceled,
        "never late: nothing was settled"
    );
    let told = snapshot(&world, &asked, 2).await;
    assert_eq!(told.state(), LessonState::Canceled);
    assert_eq!(told.changed_by(), LessonRole::Student);
    let repeated = cancel(&world, student, &asked.id, 1, "ill").await;
    assert_eq!(repeated.unwrap(), off);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_has_run_out_is_not_cancelled(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let kept = hold(&world, student, teacher, "2026-06-01T12:00:00Z").await;
    world.clock.set(at("2026-06-01T00:05:00Z"));
    let refused = cancel(&world, student, &kept.id, 1, "").await;
    assert_eq!(reason(refused), ErrorReason::LessonLapsed);
    world.stop().await;
}
