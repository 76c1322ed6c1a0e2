//! What time does by itself: it lets holds and requests lapse, and forgets old requests.

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        ConfirmLessonRequest, Lesson, LessonChange, LessonChangeKind, LessonStatus,
        TeacherPolicies, lesson_service_client::LessonServiceClient,
    },
};
use service_kit::grpc::client::{Backend, acting};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    steps::{get, history},
    support::{NO_NOTIFY, Service, World, booking, reason, seconds, until},
};

async fn approving(world: &World) -> Uuid {
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        requires_approval: true,
        ..TeacherPolicies::default()
    };
    world.teacher_with(1, "Anna", policies).await
}

async fn confirm(backend: &Backend, by: Uuid, lesson: &Lesson) -> Result<Lesson, Status> {
    let request = ConfirmLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: lesson.version,
    };
    let mut lessons = LessonServiceClient::new(backend.clone());
    let answer = lessons.confirm_lesson(acting(request, by)).await?;
    Ok(answer.into_inner().lesson.unwrap())
}

async fn count(world: &World, what: &'static str) -> i64 {
    let query = format!("SELECT count(*) FROM lesson.{what}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(query))
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn two_replicas_let_each_request_lapse_once(pool: PgPool) {
    let world = World::start(pool).await;
    let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    let (teacher, student) = (approving(&world).await, world.student(2).await);
    // More than lapse in one transaction.
    let requests = 63;
    for day in 8..15 {
        for hour in 9..18 {
            let start = format!("2026-06-{day:02}T{hour:02}:00:00Z");
            world.book(student, teacher, &start).await.unwrap();
        }
    }
    let lapsed = "lessons WHERE status = 'lapsed'";
    assert_eq!(count(&world, lapsed).await, 0);
    world.clock.advance(SignedDuration::from_hours(12));
    until("all have lapsed", || async {
        count(&world, lapsed).await == requests
    })
    .await;
    for (what, expected) in [
        (
            "lesson_changes WHERE kind = 'lapsed' AND version = 2",
            requests,
        ),
        ("lesson_changes WHERE version > 2", 0),
        ("outbox WHERE kind = 'lesson' AND version = 2", requests),
        (
            "bookings WHERE status = 'canceled' AND version = 2",
            requests,
        ),
    ] {
        assert_eq!(count(&world, what).await, expected, "{what}");
    }
    replica.stop().await;
    world.stop().await;
}

/// The moment comes while the teacher confirms, and somebody else wants the time.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_request_that_runs_out_while_it_is_confirmed_is_one_or_the_other(pool: PgPool) {
    let world = World::start(pool).await;
    let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    let teacher = approving(&world).await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    for round in 0..24 {
        let start = format!("2026-06-{:02}T{:02}:00:00Z", 20 + round / 8, 9 + round % 8);
        let request = world.book(student, teacher, &start).await.unwrap();
        let late = async {
            // Later in each round, so that both come about.
            for _ in 0..round * 4 {
                tokio::task::yield_now().await;
            }
            world.clock.advance(SignedDuration::from_hours(12));
            let mut lessons = LessonServiceClient::new(replica.backend.clone());
            let wanted = acting(booking(teacher, &start), other);
            lessons.book_lesson(wanted).await
        };
        let (confirmed, booked) =
            tokio::join!(confirm(&world.service.backend, teacher, &request), late);
        let lesson = get(&world, student, &request).await.unwrap();
        let kinds: Vec<_> = history(&world, student, &request).await;
        let kinds: Vec<_> = kinds.iter().map(LessonChange::kind).collect();
        let requested = LessonChangeKind::Requested;
        if let Ok(confirmed) = confirmed {
            assert_eq!(reason(booked), ErrorReason::SlotTaken);
            assert_eq!(lesson, confirmed);
            assert_eq!(lesson.status(), LessonStatus::Scheduled);
            assert_eq!(kinds, [requested, LessonChangeKind::Confirmed]);
        } else {
            assert_eq!(reason(confirmed), ErrorReason::LessonLapsed);
            booked.unwrap();
            assert_eq!(lesson.status(), LessonStatus::Lapsed);
            assert_eq!(kinds, [requested, LessonChangeKind::Lapsed]);
        }
    }
    replica.stop().await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_repeat_is_known_for_seven_days(pool: PgPool) {
    let world = World::start(pool).await;
    let (teacher, student) = (world.teacher(1, "Anna").await, world.student(2).await);
    let old = booking(teacher, "2026-06-20T12:00:00Z");
    let young = booking(teacher, "2026-06-21T12:00:00Z");
    let book = async |request| {
        let answer = world.lessons().book_lesson(acting(request, student)).await;
        answer.map(|answer| answer.into_inner().lesson.unwrap())
    };
    book(old.clone()).await.unwrap();
    world.clock.advance(SignedDuration::from_secs(1));
    let lesson = book(young.clone()).await.unwrap();
    world.clock.advance(SignedDuration::from_hours(7 * 24));
    // A replica looks when it starts, and each minute after.
    let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    until("the old requests are forgotten", || async {
        count(&world, "requests").await == 1
    })
    .await;
    assert_eq!(book(young).await.unwrap(), lesson);
    assert_eq!(reason(book(old).await), ErrorReason::SlotTaken);
    replica.stop().await;
    world.stop().await;
}
