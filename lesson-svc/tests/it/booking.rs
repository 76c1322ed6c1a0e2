use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{BookLessonRequest, BookingStatus, LessonStatus, TeacherPolicies},
};
use service_kit::{grpc::client::acting, status};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{World, at, booking, fields, metadata, reason, seconds, wire};

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_free_slot_is_booked(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let before = world.outbox_rows().await;
    let lesson = world
        .book(student, teacher, "2026-06-01T09:30:00Z")
        .await
        .unwrap();
    assert_eq!(
        (lesson.teacher_id.as_str(), lesson.teacher_name.as_str()),
        (teacher.to_string().as_str(), "Anna")
    );
    assert_eq!(lesson.start_time, Some(wire("2026-06-01T09:30:00Z")));
    assert_eq!(lesson.end_time, Some(wire("2026-06-01T10:30:00Z")));
    assert_eq!(lesson.status(), LessonStatus::Scheduled);
    assert_eq!((lesson.version, lesson.schedule_version), (1, 1));
    let seat = &lesson.bookings[0];
    assert_eq!(
        (seat.student_id.as_str(), seat.status(), seat.version),
        (student.to_string().as_str(), BookingStatus::Confirmed, 1)
    );
    assert_eq!(
        world.outbox_rows().await,
        before + 1,
        "the booking and what is told of it commit together"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_taken_slot_cannot_be_booked_again_and_names_the_nearest_others(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (first, second) = (world.student(2).await, world.student(3).await);
    world
        .book(first, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    let before = world.outbox_rows().await;
    let refused = world
        .book(second, teacher, "2026-06-01T12:30:00Z")
        .await
        .unwrap_err();
    assert_eq!(status::reason(&refused), Some(ErrorReason::SlotTaken));
    assert_eq!(
        metadata(&refused, "alternatives"),
        "2026-06-01T11:00:00Z,2026-06-01T13:00:00Z,2026-06-01T13:30:00Z"
    );
    assert_eq!(
        world.outbox_rows().await,
        before,
        "the loser is told nothing"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn buffers_keep_the_time_around_a_lesson_free(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        buffer_before: Some(seconds(600)),
        buffer_after: Some(seconds(900)),
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    for near in ["2026-06-01T11:00:00Z", "2026-06-01T13:00:00Z"] {
        assert_eq!(
            reason(world.book(student, teacher, near).await),
            ErrorReason::SlotTaken,
            "{near}"
        );
    }
    world
        .book(student, teacher, "2026-06-01T13:30:00Z")
        .await
        .unwrap();
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_cannot_be_booked_carries_its_reason(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    world.clock.set(at("2026-06-01T10:00:00Z"));
    let cases = [
        ("2026-06-01T09:30:00Z", ErrorReason::TooSoon),
        ("1970-01-01T00:00:00Z", ErrorReason::TooSoon),
        ("2026-08-01T09:00:00Z", ErrorReason::TooFar),
        ("9999-12-30T00:00:00Z", ErrorReason::TooFar),
        ("2026-06-01T17:30:00Z", ErrorReason::OutsideAvailability),
        ("2026-06-01T12:10:00Z", ErrorReason::OffGrid),
    ];
    for (start, expected) in cases {
        assert_eq!(
            reason(world.book(student, teacher, start).await),
            expected,
            "{start}"
        );
    }
    assert_eq!(
        reason(world.book(teacher, teacher, "2026-06-01T12:00:00Z").await),
        ErrorReason::SelfBooking
    );
    assert_eq!(
        reason(world.book(student, student, "2026-06-01T12:00:00Z").await),
        ErrorReason::TeacherNotFound
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_student_is_in_one_lesson_at_a_time(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let student = world.student(3).await;
    world
        .book(student, anna, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    assert_eq!(
        reason(world.book(student, boris, "2026-06-01T12:30:00Z").await),
        ErrorReason::StudentBusy
    );
    world
        .book(student, boris, "2026-06-01T13:00:00Z")
        .await
        .unwrap();
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_a_booking_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let student = world.student(2).await;
    let empty = world
        .lessons()
        .book_lesson(acting(BookLessonRequest::default(), student))
        .await;
    assert_eq!(fields(empty), ["request_id", "start_time", "teacher_id"]);
    let request = BookLessonRequest {
        start_time: Some(prost_types::Timestamp {
            seconds: 0,
            nanos: -1,
        }),
        ..booking(Uuid::from_u128(7), "2026-06-01T12:00:00Z")
    };
    assert_eq!(
        fields(world.lessons().book_lesson(acting(request, student)).await),
        ["start_time"]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_repeated_request_is_answered_with_the_first_lesson(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let request = booking(teacher, "2026-06-01T12:00:00Z");
    let book = |request: BookLessonRequest, student: Uuid| {
        let mut client = world.lessons();
        async move { client.book_lesson(acting(request, student)).await }
    };
    let first = book(request.clone(), student).await.unwrap().into_inner();
    let shouted = BookLessonRequest {
        teacher_id: request.teacher_id.to_uppercase(),
        request_id: request.request_id.to_uppercase(),
        ..request.clone()
    };
    for repeat in [request.clone(), shouted] {
        assert_eq!(book(repeat, student).await.unwrap().into_inner(), first);
    }
    let another = BookLessonRequest {
        start_time: Some(wire("2026-06-01T15:00:00Z")),
        ..request.clone()
    };
    assert_eq!(
        reason(book(another, student).await),
        ErrorReason::RequestIdReused
    );
    assert_eq!(
        reason(book(request, other).await),
        ErrorReason::SlotTaken,
        "ids are each person's own"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_refused_request_may_be_tried_again_with_its_id(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let request = booking(teacher, "2026-08-01T09:00:00Z");
    let refused = world
        .lessons()
        .book_lesson(acting(request.clone(), student))
        .await;
    assert_eq!(reason(refused), ErrorReason::TooFar);
    world.clock.set(at("2026-07-01T00:00:00Z"));
    world
        .lessons()
        .book_lesson(acting(request, student))
        .await
        .unwrap();
    world.stop().await;
}
