//! What time does by itself: it lets holds and requests lapse, and forgets old requests.

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        ConfirmLessonRequest, Lesson, LessonChange, LessonChangeKind, LessonStatus,
        TeacherPolicies, lesson_service_client::LessonServiceClient,
    },
};
use service_kit::{
    clock::ManualClock,
    grpc::client::{Backend, acting},
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    steps::{get, history, hold},
    support::{NO_NOTIFY, Service, World, booking, monday, reason, seconds, until},
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
    let teacher = approving(&world).await;
    // More than lapse in one transaction.
    let requests = 63;
    for day in 8..15 {
        let student = world.student(day).await;
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

/// The same moment in another role: who asked for the lesson is booked as a teacher by
/// somebody whose clock says that the request ran out, while its teacher, whose clock says
/// that it did not, confirms.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_request_confirmed_at_its_end_leaves_no_other_lesson_to_who_asked(pool: PgPool) {
    let world = World::start(pool).await;
    let late_clock = ManualClock::new(monday());
    let replica = Service::start(&world.pool, late_clock.clone(), NO_NOTIFY).await;
    let anna = approving(&world).await;
    let (boris, student) = (world.teacher(2, "Boris").await, world.student(3).await);
    let start = "2026-06-20T09:00:00Z";
    let request = world.book(boris, anna, start).await.unwrap();
    // Keeps the confirmation at work after it has looked at its clock.
    let mut seat = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM lesson.bookings FOR UPDATE")
        .execute(&mut *seat)
        .await
        .unwrap();
    let backend = world.service.backend.clone();
    let asked = request.clone();
    let confirmed = tokio::spawn(async move { confirm(&backend, anna, &asked).await });
    waiting(&world, 1).await;
    late_clock.advance(SignedDuration::from_hours(12));
    let mut lessons = LessonServiceClient::new(replica.backend.clone());
    let wanted = acting(booking(boris, start), student);
    let booked = tokio::spawn(async move { lessons.book_lesson(wanted).await });
    waiting(&world, 2).await;
    seat.rollback().await.unwrap();
    confirmed.await.unwrap().unwrap();
    assert_eq!(reason(booked.await.unwrap()), ErrorReason::SlotTaken);
    let taken = "bookings WHERE status = 'confirmed'";
    assert_eq!(count(&world, taken).await, 1);
    replica.stop().await;
    world.stop().await;
}

/// What only waited in the other role of either is written down as lapsed by whoever takes
/// the time, so that no other clock finds it alive.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_ran_out_in_either_role_of_either_lapses_with_the_booking(pool: PgPool) {
    let world = World::start(pool).await;
    let late_clock = ManualClock::new(monday());
    let replica = Service::start(&world.pool, late_clock.clone(), NO_NOTIFY).await;
    let anna = approving(&world).await;
    let (boris, clara) = (
        world.teacher(2, "Boris").await,
        world.teacher(3, "Clara").await,
    );
    let start = "2026-06-20T09:00:00Z";
    // Boris asks Anna, and is asked himself; then Clara comes to Boris at that time.
    let asked = world.book(boris, anna, start).await.unwrap();
    let held = hold(&world, world.student(4).await, clara, start).await;
    late_clock.advance(SignedDuration::from_hours(12));
    let mut lessons = LessonServiceClient::new(replica.backend.clone());
    let wanted = acting(booking(boris, start), clara);
    lessons.book_lesson(wanted).await.unwrap();
    for lesson in [asked, held] {
        let history = "SELECT array_agg(kind ORDER BY version) FROM lesson.lesson_changes WHERE lesson_id = $1";
        let kinds: Vec<String> = sqlx::query_scalar(history)
            .bind(lesson.id.parse::<Uuid>().unwrap())
            .fetch_one(&world.pool)
            .await
            .unwrap();
        assert_eq!(kinds.last().map(String::as_str), Some("lapsed"));
    }
    replica.stop().await;
    world.stop().await;
}

/// Waits until that many statements wait for locks of this database.
async fn waiting(world: &World, expected: i64) {
    let query = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("statements wait for locks", || async {
        let waiting: i64 = sqlx::query_scalar(query)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        waiting == expected
    })
    .await;
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
