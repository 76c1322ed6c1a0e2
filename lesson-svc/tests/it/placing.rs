//! Who may book with whom, for whom, and how long.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        BookLessonRequest, Lesson, LessonStatus, ListStudentsRequest, StudentOrigin,
        TeacherPolicies,
    },
};
use service_kit::{grpc::client::acting, status};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, at, booking, metadata, reason, seconds, wire};

const NOON: &str = "2026-06-01T12:00:00Z";

async fn send(world: &World, by: Uuid, request: BookLessonRequest) -> Result<Lesson, Status> {
    let answer = world.lessons().book_lesson(acting(request, by)).await?;
    Ok(answer.into_inner().lesson.unwrap())
}

/// Books for somebody else.
async fn book_for(
    world: &World,
    by: Uuid,
    student: Uuid,
    teacher: Uuid,
    start: &str,
) -> Result<Lesson, Status> {
    let request = BookLessonRequest {
        student_id: student.to_string(),
        ..booking(teacher, start)
    };
    send(world, by, request).await
}

async fn students(world: &World, teacher: Uuid) -> Vec<(String, StudentOrigin)> {
    let request = acting(ListStudentsRequest::default(), teacher);
    let answer = world.teachers().list_students(request).await.unwrap();
    let students = answer.into_inner().students.into_iter();
    students
        .map(|student| (student.id.clone(), student.origin()))
        .collect()
}

/// With two days of notice, a week of horizon, approval, and one lesson a day.
async fn strict(world: &World, telegram_id: i64) -> Uuid {
    let policies = TeacherPolicies {
        min_notice: Some(seconds(2 * 24 * 3600)),
        booking_horizon: Some(seconds(7 * 24 * 3600)),
        requires_approval: true,
        daily_lesson_limit: 1,
        ..TeacherPolicies::default()
    };
    world.teacher_with(telegram_id, "Anna", policies).await
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_teacher_books_for_their_own_students_only(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = strict(&world, 1).await;
    let (student, stranger) = (world.student(2).await, world.student(3).await);
    world.befriend(teacher, student).await;
    let refused = book_for(&world, teacher, stranger, teacher, NOON).await;
    assert_eq!(reason(refused), ErrorReason::NotAStudent);
    let nobody = book_for(&world, teacher, Uuid::from_u128(7), teacher, NOON).await;
    assert_eq!(reason(nobody), ErrorReason::NotAStudent);
    let lesson = book_for(&world, teacher, student, teacher, NOON).await;
    let lesson = lesson.unwrap();
    assert_eq!(
        lesson.status(),
        LessonStatus::Scheduled,
        "needs no approval"
    );
    assert_eq!(lesson.bookings[0].student_id, student.to_string());
    let by_stranger = book_for(&world, stranger, student, teacher, NOON).await;
    assert_eq!(reason(by_stranger), ErrorReason::TeacherOnly);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn teachers_and_admins_book_beyond_policies_but_not_over_lessons_or_the_past(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = strict(&world, 1).await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let admin = world.admin(4).await;
    world.befriend(teacher, student).await;
    world.clock.set(at("2026-06-01T08:00:00Z"));
    for start in [
        "2026-06-01T12:10:00Z",
        "2026-06-01T20:00:00Z",
        "2026-07-01T12:00:00Z",
    ] {
        let lesson = book_for(&world, teacher, student, teacher, start).await;
        assert_eq!(lesson.unwrap().status(), LessonStatus::Scheduled, "{start}");
    }
    let by_admin = book_for(&world, admin, other, teacher, "2026-06-01T22:00:00Z").await;
    assert_eq!(by_admin.unwrap().status(), LessonStatus::Scheduled);
    for by in [teacher, admin] {
        let over = book_for(&world, by, student, teacher, "2026-06-01T22:30:00Z").await;
        let over = over.unwrap_err();
        assert_eq!(status::reason(&over), Some(ErrorReason::SlotTaken));
        let alternatives = metadata(&over, "alternatives");
        assert_eq!(alternatives.split(',').count(), 3, "{alternatives}");
        let past = book_for(&world, by, student, teacher, "2026-06-01T07:30:00Z").await;
        assert_eq!(reason(past), ErrorReason::TooSoon);
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn on_behalf_a_student_is_in_one_lesson_at_a_time_too(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let student = world.student(3).await;
    let admin = world.admin(4).await;
    world.befriend(anna, student).await;
    world.book(student, boris, NOON).await.unwrap();
    for by in [anna, admin] {
        let busy = book_for(&world, by, student, anna, "2026-06-01T12:30:00Z").await;
        assert_eq!(reason(busy), ErrorReason::StudentBusy);
    }
    let own = book_for(&world, admin, anna, anna, "2026-06-01T15:00:00Z").await;
    assert_eq!(reason(own), ErrorReason::SelfBooking);
    let nobody = Uuid::from_u128(7);
    let unknown = book_for(&world, admin, nobody, anna, "2026-06-01T15:00:00Z").await;
    assert_eq!(reason(unknown), ErrorReason::UserNotFound);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_booking_makes_a_student_and_only_students_book_with_a_full_teacher(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        accepting_students: Some(false),
        ..TeacherPolicies::default()
    };
    let full = world.teacher_with(1, "Anna", policies).await;
    let (student, invited) = (world.student(2).await, world.student(3).await);
    let admin = world.admin(4).await;
    let refused = world.book(student, full, NOON).await;
    assert_eq!(reason(refused), ErrorReason::NotAcceptingStudents);
    world.befriend(full, invited).await;
    world.book(invited, full, NOON).await.unwrap();
    book_for(&world, admin, student, full, "2026-06-01T13:00:00Z")
        .await
        .unwrap();
    world
        .book(student, full, "2026-06-01T14:00:00Z")
        .await
        .unwrap();
    let mut expected = [
        (student.to_string(), StudentOrigin::Booking),
        (invited.to_string(), StudentOrigin::Invitation),
    ];
    let mut found = students(&world, full).await;
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_request_makes_nobody_a_student(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = strict(&world, 1).await;
    let student = world.student(2).await;
    world
        .book(student, teacher, "2026-06-04T12:00:00Z")
        .await
        .unwrap();
    assert_eq!(students(&world, teacher).await, []);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_has_one_of_the_teachers_lengths(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        lesson_durations: vec![seconds(45 * 60), seconds(90 * 60)],
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    let admin = world.admin(3).await;
    let of_length = |minutes: i64, start: &str| BookLessonRequest {
        lesson_duration: Some(seconds(minutes * 60)),
        ..booking(teacher, start)
    };
    let refused = send(&world, student, of_length(60, NOON)).await;
    assert_eq!(reason(refused), ErrorReason::DurationNotOffered);
    let for_student = BookLessonRequest {
        student_id: student.to_string(),
        ..of_length(60, NOON)
    };
    send(&world, admin, for_student).await.unwrap();
    let usual = world.book(student, teacher, "2026-06-01T09:00:00Z").await;
    assert_eq!(usual.unwrap().end_time, Some(wire("2026-06-01T09:45:00Z")));
    let long = send(&world, student, of_length(90, "2026-06-01T10:00:00Z")).await;
    assert_eq!(long.unwrap().end_time, Some(wire("2026-06-01T11:30:00Z")));
    let outside = send(&world, student, of_length(90, "2026-06-01T17:00:00Z")).await;
    assert_eq!(reason(outside), ErrorReason::OutsideAvailability);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn alternatives_have_the_wanted_length(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        lesson_durations: vec![seconds(30 * 60), seconds(120 * 60)],
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    world.book(student, teacher, NOON).await.unwrap();
    for (minutes, expected) in [
        (
            30,
            "2026-06-01T11:00:00Z,2026-06-01T11:30:00Z,2026-06-01T12:30:00Z",
        ),
        (
            120,
            "2026-06-01T12:30:00Z,2026-06-01T13:00:00Z,2026-06-01T13:30:00Z",
        ),
    ] {
        let request = BookLessonRequest {
            lesson_duration: Some(seconds(minutes * 60)),
            ..booking(teacher, NOON)
        };
        let refused = send(&world, other, request).await.unwrap_err();
        assert_eq!(status::reason(&refused), Some(ErrorReason::SlotTaken));
        assert_eq!(metadata(&refused, "alternatives"), expected);
    }
    world.stop().await;
}
