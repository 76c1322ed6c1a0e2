use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        BookLessonRequest, BookingStatus, HoldSlotRequest, Lesson, LessonStatus, TeacherPolicies,
        lesson_service_client::LessonServiceClient,
    },
};
use service_kit::{
    grpc::client::{Backend, acting},
    status,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    steps::{cancel, shift},
    support::{
        NO_NOTIFY, Service, World, booking, fields, metadata, new_id, reason, seconds, until, wire,
    },
};

const NOON: &str = "2026-06-01T12:00:00Z";

fn holding(teacher: Uuid, start: &str) -> HoldSlotRequest {
    HoldSlotRequest {
        request_id: new_id(),
        teacher_id: teacher.to_string(),
        start_time: Some(wire(start)),
        lesson_duration: None,
    }
}

async fn hold_by(
    backend: &Backend,
    student: Uuid,
    request: HoldSlotRequest,
) -> Result<Lesson, Status> {
    let mut lessons = LessonServiceClient::new(backend.clone());
    let answer = lessons.hold_slot(acting(request, student)).await?;
    Ok(answer.into_inner().lesson.unwrap())
}

async fn hold(world: &World, student: Uuid, teacher: Uuid, start: &str) -> Result<Lesson, Status> {
    hold_by(&world.service.backend, student, holding(teacher, start)).await
}

/// Books what is held.
async fn convert(
    world: &World,
    student: Uuid,
    hold: &Lesson,
    request: BookLessonRequest,
) -> Result<Lesson, Status> {
    let request = BookLessonRequest {
        held_lesson_id: hold.id.clone(),
        ..request
    };
    let answer = world
        .lessons()
        .book_lesson(acting(request, student))
        .await?;
    Ok(answer.into_inner().lesson.unwrap())
}

async fn living(world: &World) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM lesson.lessons WHERE status IN ('held', 'requested', 'scheduled')",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap()
}

async fn status_of(world: &World, lesson: &Lesson) -> String {
    sqlx::query_scalar("SELECT status FROM lesson.lessons WHERE id = $1")
        .bind(lesson.id.parse::<Uuid>().unwrap())
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_time_is_held_for_five_minutes_and_nobody_is_told(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let before = world.outbox_rows().await;
    let held = hold(&world, student, teacher, NOON).await.unwrap();
    assert_eq!(held.status(), LessonStatus::Held);
    assert_eq!(held.expire_time, Some(wire("2026-06-01T00:05:00Z")));
    assert_eq!(held.end_time, Some(wire("2026-06-01T13:00:00Z")));
    assert_eq!(held.bookings[0].status(), BookingStatus::Pending);
    world.clock.advance(SignedDuration::from_mins(5));
    let lapsed = async || status_of(&world, &held).await == "lapsed";
    until("the hold lapses", lapsed).await;
    assert_eq!(world.outbox_rows().await, before);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_held_time_is_not_for_others_until_the_hold_ran_out(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    hold(&world, student, teacher, NOON).await.unwrap();
    let refused = world.book(other, teacher, "2026-06-01T12:30:00Z").await;
    let refused = refused.unwrap_err();
    assert_eq!(status::reason(&refused), Some(ErrorReason::SlotTaken));
    assert_eq!(
        metadata(&refused, "alternatives"),
        "2026-06-01T11:00:00Z,2026-06-01T13:00:00Z,2026-06-01T13:30:00Z"
    );
    let taken = hold(&world, other, teacher, NOON).await;
    assert_eq!(reason(taken), ErrorReason::SlotTaken);
    let offered = world.slots(teacher, Some(other), NOON, "2026-06-01T13:30:00Z");
    assert_eq!(offered.await, ["2026-06-01T13:00:00Z"]);
    // The job may come by before the booking or not: it is booked either way.
    for _ in 0..5 {
        world.clock.advance(SignedDuration::from_mins(5));
        let lesson = world.book(other, teacher, NOON).await.unwrap();
        assert_eq!(lesson.status(), LessonStatus::Scheduled);
        cancel(&world, other, &lesson.id, 1, "").await.unwrap();
        hold(&world, student, teacher, NOON).await.unwrap();
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_person_holds_one_time_and_the_new_lets_the_former_go(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let (student, other) = (world.student(3).await, world.student(4).await);
    let first = hold(&world, student, anna, NOON).await.unwrap();
    let second = hold(&world, student, boris, "2026-06-01T12:30:00Z").await;
    let second = second.unwrap();
    assert_eq!(status_of(&world, &first).await, "canceled");
    assert_eq!(status_of(&world, &second).await, "held");
    world
        .book(other, anna, "2026-06-01T15:00:00Z")
        .await
        .unwrap();
    let refused = hold(&world, student, anna, "2026-06-01T15:00:00Z").await;
    assert_eq!(reason(refused), ErrorReason::SlotTaken);
    assert_eq!(
        status_of(&world, &second).await,
        "held",
        "a refused hold leaves the former"
    );
    world.stop().await;
}

/// A time that a person keeps is theirs: it is offered to them, and stands in the way of
/// nothing they do themselves.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_persons_own_hold_is_in_nobodys_way_but_others(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let (student, other) = (world.student(3).await, world.student(4).await);
    let held = hold(&world, student, anna, NOON).await.unwrap();
    for (viewer, teacher, offered) in [
        (Some(student), anna, true),
        (Some(student), boris, true),
        (Some(other), anna, false),
        (None, anna, false),
    ] {
        let slots = world.slots(teacher, viewer, NOON, "2026-06-01T12:30:00Z");
        let expected: &[&str] = if offered { &[NOON] } else { &[] };
        assert_eq!(slots.await, expected, "{viewer:?} {teacher}");
    }
    let booked = world.book(student, anna, NOON).await.unwrap();
    assert_eq!(booked.status(), LessonStatus::Scheduled);
    assert_ne!(booked.id, held.id);
    assert_eq!(status_of(&world, &held).await, "canceled");
    let (start, later) = ("2026-06-03T12:00:00Z", "2026-06-03T15:00:00Z");
    let ahead = world.book(student, anna, start).await.unwrap();
    let held = hold(&world, student, boris, later).await;
    let moved = shift(&world, student, &ahead, later).await.unwrap();
    assert_eq!(moved.start_time, Some(wire(later)));
    assert_eq!(status_of(&world, &held.unwrap()).await, "canceled");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_teacher_who_books_for_a_student_leaves_what_they_hold(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let student = world.student(3).await;
    world.befriend(boris, student).await;
    let held = hold(&world, student, anna, NOON).await.unwrap();
    let for_student = BookLessonRequest {
        student_id: student.to_string(),
        ..booking(boris, NOON)
    };
    let mut lessons = world.lessons();
    let by_teacher = lessons.book_lesson(acting(for_student, boris));
    assert_eq!(reason(by_teacher.await), ErrorReason::StudentBusy);
    assert_eq!(status_of(&world, &held).await, "held");
    world.stop().await;
}

/// What the refused student holds would have made way, so that it is no less bookable
/// than the rest.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_refused_holder_is_offered_what_they_hold(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    hold(&world, student, teacher, "2026-06-01T13:00:00Z")
        .await
        .unwrap();
    world.book(other, teacher, NOON).await.unwrap();
    let refused = hold(&world, student, teacher, NOON).await.unwrap_err();
    assert_eq!(status::reason(&refused), Some(ErrorReason::SlotTaken));
    assert_eq!(
        metadata(&refused, "alternatives"),
        "2026-06-01T10:30:00Z,2026-06-01T11:00:00Z,2026-06-01T13:00:00Z"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_is_let_go_is_offered_again(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let held = hold(&world, student, teacher, NOON).await.unwrap();
    let before = world.outbox_rows().await;
    let let_go = cancel(&world, student, &held.id, 1, "").await.unwrap();
    assert_eq!(let_go.status(), LessonStatus::Canceled);
    assert_eq!(world.outbox_rows().await, before, "nobody knew of it");
    let offered = world.slots(teacher, Some(other), NOON, "2026-06-01T12:30:00Z");
    assert_eq!(offered.await, [NOON]);
    world.book(other, teacher, NOON).await.unwrap();
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_hold_becomes_the_booking_under_its_id(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let before = world.outbox_rows().await;
    let held = hold(&world, student, teacher, NOON).await.unwrap();
    let request = booking(teacher, NOON);
    let booked = convert(&world, student, &held, request.clone()).await;
    let booked = booked.unwrap();
    assert_eq!((&booked.id, booked.version), (&held.id, 2));
    assert_eq!(booked.status(), LessonStatus::Scheduled);
    assert_eq!(booked.expire_time, None);
    let seat = &booked.bookings[0];
    assert_eq!(seat.id, held.bookings[0].id);
    assert_eq!(seat.status(), BookingStatus::Confirmed);
    assert_eq!(world.outbox_rows().await, before + 1);
    let repeated = convert(&world, student, &held, request).await.unwrap();
    assert_eq!(repeated, booked);
    let again = convert(&world, student, &held, booking(teacher, NOON)).await;
    assert_eq!(reason(again), ErrorReason::LessonStatusUnsuitable);
    assert_eq!(world.outbox_rows().await, before + 1);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_hold_becomes_a_request_where_the_teacher_approves(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        requires_approval: true,
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    let held = hold(&world, student, teacher, NOON).await.unwrap();
    let booked = convert(&world, student, &held, booking(teacher, NOON)).await;
    let booked = booked.unwrap();
    assert_eq!(booked.id, held.id);
    assert_eq!(booked.status(), LessonStatus::Requested);
    assert_eq!(booked.expire_time, Some(wire(NOON)));
    assert_eq!(booked.bookings[0].status(), BookingStatus::Pending);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_hold_that_ran_out_becomes_nothing(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let held = hold(&world, student, teacher, NOON).await.unwrap();
    world.clock.advance(SignedDuration::from_mins(5));
    for _ in 0..2 {
        let late = convert(&world, student, &held, booking(teacher, NOON)).await;
        assert_eq!(reason(late), ErrorReason::LessonLapsed);
        let lapsed = async || status_of(&world, &held).await == "lapsed";
        until("the hold lapses", lapsed).await;
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_hold_is_booked_as_it_was_made_and_by_its_maker(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        lesson_durations: vec![seconds(3600), seconds(1800)],
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let boris = world.teacher(2, "Boris").await;
    let (student, other) = (world.student(3).await, world.student(4).await);
    let held = hold(&world, student, teacher, NOON).await.unwrap();
    let shorter = BookLessonRequest {
        lesson_duration: Some(seconds(1800)),
        ..booking(teacher, NOON)
    };
    for request in [
        booking(boris, NOON),
        booking(teacher, "2026-06-01T12:30:00Z"),
        shorter,
    ] {
        let refused = convert(&world, student, &held, request).await;
        assert_eq!(fields(refused), ["held_lesson_id"]);
    }
    let anothers = convert(&world, other, &held, booking(teacher, NOON)).await;
    assert_eq!(reason(anothers), ErrorReason::LessonNotFound);
    let for_somebody = BookLessonRequest {
        student_id: student.to_string(),
        ..booking(teacher, NOON)
    };
    let by_teacher = convert(&world, teacher, &held, for_somebody).await;
    assert_eq!(fields(by_teacher), ["held_lesson_id"]);
    assert_eq!(status_of(&world, &held).await, "held");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_repeated_hold_is_answered_with_the_first(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let request = holding(teacher, NOON);
    let backend = &world.service.backend;
    let first = hold_by(backend, student, request.clone()).await.unwrap();
    let repeated = hold_by(backend, student, request.clone()).await.unwrap();
    assert_eq!(repeated, first);
    let other_body = HoldSlotRequest {
        start_time: Some(wire("2026-06-01T15:00:00Z")),
        ..request.clone()
    };
    let refused = hold_by(backend, student, other_body).await;
    assert_eq!(reason(refused), ErrorReason::RequestIdReused);
    let as_booking = BookLessonRequest {
        request_id: request.request_id,
        ..booking(teacher, NOON)
    };
    let booked = world
        .lessons()
        .book_lesson(acting(as_booking, student))
        .await;
    assert_eq!(reason(booked), ErrorReason::RequestIdReused);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn holding_is_bound_by_what_binds_booking(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let closed = TeacherPolicies {
        accepting_students: Some(false),
        ..TeacherPolicies::default()
    };
    let closed = world.teacher_with(2, "Boris", closed).await;
    let student = world.student(3).await;
    for (teacher, start, expected) in [
        (
            teacher,
            "2026-06-01T18:00:00Z",
            ErrorReason::OutsideAvailability,
        ),
        (teacher, "2026-06-01T12:10:00Z", ErrorReason::OffGrid),
        (teacher, "2026-05-31T12:00:00Z", ErrorReason::TooSoon),
        (closed, NOON, ErrorReason::NotAcceptingStudents),
        (student, NOON, ErrorReason::TeacherNotFound),
    ] {
        let refused = hold(&world, student, teacher, start).await;
        assert_eq!(reason(refused), expected, "{start}");
    }
    let own = hold(&world, teacher, teacher, NOON).await;
    assert_eq!(reason(own), ErrorReason::SelfBooking);
    assert_eq!(living(&world).await, 0);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn of_racing_holds_of_one_time_one_wins(pool: PgPool) {
    let world = World::start(pool).await;
    let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    let teacher = world.teacher(1, "Anna").await;
    let mut students = Vec::new();
    for telegram_id in 10..18 {
        students.push(world.student(telegram_id).await);
    }
    for round in 0..10 {
        let start = format!("2026-06-{:02}T12:00:00Z", 2 + round);
        let backends = [&world.service.backend, &replica.backend];
        let calls: Vec<_> = students
            .iter()
            .zip(backends.into_iter().cycle())
            .map(|(student, backend)| {
                let (backend, student) = (backend.clone(), *student);
                let request = holding(teacher, &start);
                tokio::spawn(async move { hold_by(&backend, student, request).await })
            })
            .collect();
        let mut won = 0;
        for call in calls {
            match call.await.unwrap() {
                Ok(_) => won += 1,
                refused => assert_eq!(reason(refused), ErrorReason::SlotTaken),
            }
        }
        assert_eq!(won, 1, "{start}");
    }
    replica.stop().await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn racing_holds_of_one_person_leave_one(pool: PgPool) {
    let world = World::start(pool).await;
    let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    let teachers = [
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    ];
    let student = world.student(3).await;
    for hour in 9..17 {
        let start = format!("2026-06-02T{hour:02}:00:00Z");
        let backends = [&world.service.backend, &replica.backend];
        let calls = backends.map(|backend| {
            teachers.map(|teacher| {
                let (backend, request) = (backend.clone(), holding(teacher, &start));
                tokio::spawn(async move { hold_by(&backend, student, request).await })
            })
        });
        for call in calls.into_iter().flatten() {
            call.await.unwrap().unwrap();
        }
        assert_eq!(living(&world).await, 1, "{start}");
    }
    replica.stop().await;
    world.stop().await;
}
