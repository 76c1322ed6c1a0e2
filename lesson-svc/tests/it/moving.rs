//! Lessons that get another time.

mod placing;
mod repeats;

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        ActorRole, BookingStatus, LessonChangeKind, LessonStatus, RescheduleLessonRequest,
        TeacherPolicies,
    },
    notify::v1::LessonRole,
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;

use crate::{
    steps::{cancel, get, history, hold, shift, snapshot},
    support::{World, at, fields, metadata, reason, seconds, wire},
};

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_student_moves_a_lesson_and_the_seat_goes_along(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let old = "2026-06-03T12:00:00Z";
    let new = "2026-06-04T10:30:00Z";
    let lesson = world.book(student, teacher, old).await.unwrap();
    let moved = shift(&world, student, &lesson, new).await.unwrap();
    assert_eq!((moved.version, moved.schedule_version), (2, 2));
    assert_eq!(moved.status(), LessonStatus::Scheduled);
    assert_eq!(moved.start_time, Some(wire(new)));
    assert_eq!(moved.end_time, Some(wire("2026-06-04T11:30:00Z")));
    assert_eq!(
        moved.bookings, lesson.bookings,
        "nothing became of the seat"
    );
    let seats: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM lesson.bookings
         WHERE during = '[2026-06-04 10:30Z,2026-06-04 11:30Z)' AND status = 'confirmed'",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(seats, 1);
    let told = snapshot(&world, &lesson, 2).await;
    assert_eq!(told.changed_by(), LessonRole::Student);
    assert_eq!(
        (told.start_time, told.schedule_version),
        (moved.start_time, 2)
    );
    let line = history(&world, student, &lesson).await.pop().unwrap();
    assert_eq!(
        (line.kind(), line.actor_role(), line.actor_id),
        (
            LessonChangeKind::Moved,
            ActorRole::Student,
            student.to_string()
        )
    );
    assert_eq!(
        (line.start_time, line.end_time),
        (moved.start_time, moved.end_time)
    );
    assert_eq!(
        (line.previous_start_time, line.previous_end_time),
        (lesson.start_time, lesson.end_time)
    );
    let taken = world.book(other, teacher, new).await;
    assert_eq!(reason(taken), ErrorReason::SlotTaken);
    world.book(other, teacher, old).await.unwrap();
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_student_moves_no_later_than_the_teachers_notice(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        reschedule_notice: Some(seconds(7_200)),
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-01T12:00:00Z").await;
    let lesson = lesson.unwrap();
    world.clock.set(at("2026-06-01T10:00:01Z"));
    let late = shift(&world, student, &lesson, "2026-06-01T15:00:00Z").await;
    assert_eq!(metadata(late.as_ref().unwrap_err(), "notice_s"), "7200");
    assert_eq!(reason(late), ErrorReason::RescheduleTooLate);
    assert_eq!(get(&world, student, &lesson).await.unwrap(), lesson);
    world.clock.set(at("2026-06-01T10:00:00Z"));
    let moved = shift(&world, student, &lesson, "2026-06-01T15:00:00Z").await;
    let moved = moved.unwrap();
    world.clock.set(at("2026-06-01T14:59:59Z"));
    let by_teacher = shift(&world, teacher, &moved, "2026-06-01T16:00:00Z").await;
    assert_eq!(by_teacher.unwrap().version, 3, "notices bind students only");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_start_that_is_the_lessons_own_changes_nothing(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let start = "2026-06-01T12:00:00Z";
    let lesson = world.book(student, teacher, start).await.unwrap();
    let rows = world.outbox_rows().await;
    for by in [student, teacher] {
        assert_eq!(shift(&world, by, &lesson, start).await.unwrap(), lesson);
    }
    assert_eq!(world.outbox_rows().await, rows);
    assert_eq!(history(&world, teacher, &lesson).await.len(), 1);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_moved_request_waits_no_longer_than_until_its_new_start(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        requires_approval: true,
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    let asked = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let asked = asked.unwrap();
    assert_eq!(asked.expire_time, Some(wire("2026-06-01T12:00:00Z")));
    let later = shift(&world, student, &asked, "2026-06-04T12:00:00Z").await;
    let later = later.unwrap();
    assert_eq!(later.status(), LessonStatus::Requested);
    assert_eq!(
        later.expire_time, asked.expire_time,
        "time to decide is not gained"
    );
    assert_eq!(later.bookings[0].status(), BookingStatus::Pending);
    let sooner = shift(&world, teacher, &later, "2026-06-01T10:00:00Z").await;
    let sooner = sooner.unwrap();
    assert_eq!(sooner.status(), LessonStatus::Requested);
    assert_eq!(sooner.expire_time, sooner.start_time);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn only_what_is_ahead_and_settled_or_asked_for_is_moved(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, stranger) = (world.student(2).await, world.student(3).await);
    let to = "2026-06-05T15:00:00Z";
    let kept = hold(&world, student, teacher, "2026-06-03T09:00:00Z").await;
    for by in [student, teacher] {
        let refused = shift(&world, by, &kept, to).await;
        assert_eq!(metadata(refused.as_ref().unwrap_err(), "status"), "held");
        assert_eq!(reason(refused), ErrorReason::LessonStatusUnsuitable);
    }
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let refused = shift(&world, stranger, &lesson, to).await;
    assert_eq!(reason(refused), ErrorReason::LessonNotFound);
    world.clock.set(at("2026-06-03T12:00:00Z"));
    for by in [student, teacher] {
        let refused = shift(&world, by, &lesson, to).await;
        assert_eq!(reason(refused), ErrorReason::LessonStarted);
    }
    let off = world.book(student, teacher, "2026-06-04T12:00:00Z").await;
    let off = cancel(&world, teacher, &off.unwrap().id, 1, "").await;
    let refused = shift(&world, teacher, &off.unwrap(), to).await;
    assert_eq!(reason(refused), ErrorReason::LessonCanceled);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_a_move_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let student = world.student(2).await;
    let start_times = [
        None,
        Some(prost_types::Timestamp {
            seconds: -1,
            nanos: 0,
        }),
        Some(prost_types::Timestamp {
            seconds: 1_800_000_000,
            nanos: 1,
        }),
    ];
    for start_time in start_times {
        let wrong = RescheduleLessonRequest {
            lesson_id: "7".to_owned(),
            expected_version: 0,
            start_time,
        };
        let mut lessons = world.lessons();
        let refused = lessons.reschedule_lesson(acting(wrong, student)).await;
        assert_eq!(
            fields(refused),
            ["expected_version", "lesson_id", "start_time"]
        );
    }
    world.stop().await;
}
