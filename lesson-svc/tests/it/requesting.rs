//! Teachers who approve bookings.

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        ActorRole, BookingStatus, ConfirmLessonRequest, DeclineLessonRequest, Lesson,
        LessonChangeKind, LessonStatus, TeacherPolicies,
        lesson_service_client::LessonServiceClient,
    },
    notify::v1::{LessonRole, LessonSnapshot, LessonState, SyncLessonRequest},
};
use prost::Message as _;
use service_kit::{
    grpc::client::{Backend, acting},
    status,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    steps::{cancel, history},
    support::{NO_NOTIFY, Service, World, metadata, reason, seconds, until, wire},
};

const NOON: &str = "2026-06-02T12:00:00Z";

async fn approving(world: &World, telegram_id: i64) -> Uuid {
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        requires_approval: true,
        ..TeacherPolicies::default()
    };
    world.teacher_with(telegram_id, "Anna", policies).await
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

async fn decline(
    backend: &Backend,
    by: Uuid,
    lesson: &Lesson,
    why: &str,
) -> Result<Lesson, Status> {
    let request = DeclineLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: lesson.version,
        reason: why.to_owned(),
    };
    let mut lessons = LessonServiceClient::new(backend.clone());
    let answer = lessons.decline_lesson(acting(request, by)).await?;
    Ok(answer.into_inner().lesson.unwrap())
}

/// All that notify-svc is told of a lesson, in order.
async fn told(world: &World, lesson: &Lesson) -> Vec<LessonSnapshot> {
    let payloads: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT payload FROM lesson.outbox WHERE kind = 'lesson' AND entity_id = $1
         ORDER BY version",
    )
    .bind(lesson.id.parse::<Uuid>().unwrap())
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let decode = |payload: Vec<u8>| SyncLessonRequest::decode(&*payload).unwrap().lesson;
    payloads.into_iter().filter_map(decode).collect()
}

async fn told_states(world: &World, lesson: &Lesson) -> Vec<LessonState> {
    let told = told(world, lesson).await.into_iter();
    told.map(|snapshot| snapshot.state()).collect()
}

async fn kinds(world: &World, by: Uuid, lesson: &Lesson) -> Vec<LessonChangeKind> {
    let changes = history(world, by, lesson).await.into_iter();
    changes.map(|change| change.kind()).collect()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_booking_with_an_approving_teacher_is_a_request_that_takes_the_time(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = approving(&world, 1).await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    for (start, expire) in [
        (NOON, "2026-06-01T12:00:00Z"),
        ("2026-06-01T10:00:00Z", "2026-06-01T10:00:00Z"),
    ] {
        let request = world.book(student, teacher, start).await.unwrap();
        assert_eq!(request.status(), LessonStatus::Requested);
        assert_eq!(request.expire_time, Some(wire(expire)), "{start}");
        assert_eq!(request.bookings[0].status(), BookingStatus::Pending);
        let told = told(&world, &request).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].state(), LessonState::Requested);
        assert_eq!(told[0].expire_time, Some(wire(expire)));
        let taken = world.book(other, teacher, start).await;
        assert_eq!(reason(taken), ErrorReason::SlotTaken);
    }
    let offered = world.slots(teacher, Some(other), NOON, "2026-06-02T13:30:00Z");
    assert_eq!(offered.await, ["2026-06-02T13:00:00Z"]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_confirmed_request_is_a_lesson(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = approving(&world, 1).await;
    let student = world.student(2).await;
    let backend = &world.service.backend;
    let request = world.book(student, teacher, NOON).await.unwrap();
    let by_student = confirm(backend, student, &request).await;
    assert_eq!(reason(by_student), ErrorReason::TeacherOnly);
    let lesson = confirm(backend, teacher, &request).await.unwrap();
    assert_eq!(lesson.status(), LessonStatus::Scheduled);
    assert_eq!((lesson.version, lesson.schedule_version), (2, 2));
    assert_eq!(lesson.expire_time, None);
    assert_eq!(lesson.bookings[0].status(), BookingStatus::Confirmed);
    let repeated = confirm(backend, teacher, &request).await.unwrap();
    assert_eq!(repeated, lesson);
    assert_eq!(
        told_states(&world, &request).await,
        [LessonState::Requested, LessonState::Scheduled]
    );
    let again = confirm(backend, teacher, &lesson).await;
    assert_eq!(reason(again), ErrorReason::LessonStatusUnsuitable);
    world.clock.advance(SignedDuration::from_hours(13));
    let later = confirm(backend, teacher, &request).await.unwrap();
    assert_eq!(
        later.status(),
        LessonStatus::Scheduled,
        "nothing is left that could run out"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_declined_request_leaves_the_time_and_tells_why(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = approving(&world, 1).await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let backend = &world.service.backend;
    let request = world.book(student, teacher, NOON).await.unwrap();
    let by_student = decline(backend, student, &request, "").await;
    assert_eq!(reason(by_student), ErrorReason::TeacherOnly);
    let by_stranger = decline(backend, other, &request, "").await;
    assert_eq!(reason(by_stranger), ErrorReason::LessonNotFound);
    let declined = decline(backend, teacher, &request, "on holiday").await;
    let declined = declined.unwrap();
    assert_eq!(declined.status(), LessonStatus::Declined);
    assert_eq!(declined.cancel_reason, "on holiday");
    assert_eq!(declined.bookings[0].status(), BookingStatus::Canceled);
    let told = told(&world, &request).await;
    assert_eq!(told.len(), 2);
    assert_eq!(
        (told[1].state(), told[1].changed_by()),
        (LessonState::Declined, LessonRole::Teacher)
    );
    assert_eq!(told[1].cancel_reason, "on holiday");
    let too_late = confirm(backend, teacher, &declined).await;
    assert_eq!(reason(too_late), ErrorReason::LessonCanceled);
    world.book(other, teacher, NOON).await.unwrap();
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_request_is_withdrawn_by_its_student(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = approving(&world, 1).await;
    let student = world.student(2).await;
    let request = world.book(student, teacher, NOON).await.unwrap();
    let withdrawn = cancel(&world, student, &request.id, 1, "").await.unwrap();
    assert_eq!(withdrawn.status(), LessonStatus::Canceled);
    assert_eq!(withdrawn.bookings[0].status(), BookingStatus::Canceled);
    assert_eq!(
        told_states(&world, &request).await,
        [LessonState::Requested, LessonState::Canceled]
    );
    let late = confirm(&world.service.backend, teacher, &withdrawn).await;
    assert_eq!(reason(late), ErrorReason::LessonCanceled);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_request_that_nobody_decided_lapses_and_is_told_of_once(pool: PgPool) {
    let world = World::start(pool).await;
    let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    let teacher = approving(&world, 1).await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let request = world.book(student, teacher, NOON).await.unwrap();
    world.clock.advance(SignedDuration::from_hours(12));
    let backend = &world.service.backend;
    for late in [
        confirm(backend, teacher, &request).await,
        decline(backend, teacher, &request, "no").await,
    ] {
        assert_eq!(reason(late), ErrorReason::LessonLapsed);
    }
    let expected = [LessonState::Requested, LessonState::Lapsed];
    let lapsed = async || told_states(&world, &request).await == expected;
    until("the request lapses", lapsed).await;
    let late = confirm(backend, teacher, &request).await;
    assert_eq!(reason(late), ErrorReason::LessonLapsed);
    world.book(other, teacher, NOON).await.unwrap();
    let changes = history(&world, student, &request).await;
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[1].kind(), LessonChangeKind::Lapsed);
    assert_eq!(changes[1].actor_role(), ActorRole::System);
    assert_eq!(changes[1].actor_id, "");
    assert_eq!(changes[1].version, 2);
    assert_eq!(told_states(&world, &request).await, expected);
    replica.stop().await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_booking_over_a_request_that_ran_out_lets_it_lapse_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = approving(&world, 1).await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let later = "2026-06-08T12:00:00Z";
    let mut request = world.book(student, teacher, later).await.unwrap();
    // The job may come by before the booking or not.
    for next in [other, student, other, student] {
        world.clock.advance(SignedDuration::from_hours(12));
        let booked = world.book(next, teacher, later).await.unwrap();
        assert_eq!(
            told_states(&world, &request).await,
            [LessonState::Requested, LessonState::Lapsed]
        );
        assert_eq!(
            kinds(&world, teacher, &request).await,
            [LessonChangeKind::Requested, LessonChangeKind::Lapsed]
        );
        request = booked;
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn racing_confirmations_make_one_lesson_and_both_succeed(pool: PgPool) {
    let world = World::start(pool).await;
    let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    let teacher = approving(&world, 1).await;
    let student = world.student(2).await;
    for hour in 9..17 {
        let start = format!("2026-06-02T{hour:02}:00:00Z");
        let request = world.book(student, teacher, &start).await.unwrap();
        let (one, two) = tokio::join!(
            confirm(&world.service.backend, teacher, &request),
            confirm(&replica.backend, teacher, &request)
        );
        assert_eq!(one.unwrap(), two.unwrap());
        assert_eq!(
            told_states(&world, &request).await,
            [LessonState::Requested, LessonState::Scheduled]
        );
        assert_eq!(
            kinds(&world, teacher, &request).await,
            [LessonChangeKind::Requested, LessonChangeKind::Confirmed]
        );
    }
    replica.stop().await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn of_a_racing_confirmation_and_refusal_one_wins(pool: PgPool) {
    let world = World::start(pool).await;
    let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    let teacher = approving(&world, 1).await;
    let student = world.student(2).await;
    for hour in 9..17 {
        let start = format!("2026-06-02T{hour:02}:00:00Z");
        let request = world.book(student, teacher, &start).await.unwrap();
        let (confirmed, declined) = tokio::join!(
            confirm(&world.service.backend, teacher, &request),
            decline(&replica.backend, teacher, &request, "no")
        );
        let (winner, loser) = match (confirmed, declined) {
            (Ok(_), refused) => (LessonState::Scheduled, refused),
            (refused, Ok(_)) => (LessonState::Declined, refused),
            neither => panic!("{neither:?}"),
        };
        assert_eq!(reason(loser), ErrorReason::VersionStale);
        assert_eq!(
            told_states(&world, &request).await,
            [LessonState::Requested, winner]
        );
    }
    replica.stop().await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_student_waits_for_no_more_than_twenty_decisions(pool: PgPool) {
    let world = World::start(pool).await;
    let (teacher, student) = (approving(&world, 1).await, world.student(2).await);
    let mut asked = Vec::new();
    for day in 2..12 {
        for hour in [9, 15] {
            let start = format!("2026-06-{day:02}T{hour:02}:00:00Z");
            asked.push(world.book(student, teacher, &start).await.unwrap());
        }
    }
    let one_more = "2026-06-20T12:00:00Z";
    let refused = world.book(student, teacher, one_more).await.unwrap_err();
    assert_eq!(metadata(&refused, "limit"), "20");
    assert_eq!(status::reason(&refused), Some(ErrorReason::LimitReached));
    cancel(&world, student, &asked[0].id, 1, "").await.unwrap();
    let backend = &world.service.backend;
    world.book(student, teacher, one_more).await.unwrap();
    decline(backend, teacher, &asked[1], "").await.unwrap();
    confirm(backend, teacher, &asked[2]).await.unwrap();
    for start in ["2026-06-21T12:00:00Z", "2026-06-22T12:00:00Z"] {
        world.book(student, teacher, start).await.unwrap();
    }
    let refused = world.book(student, teacher, "2026-06-23T12:00:00Z").await;
    assert_eq!(reason(refused), ErrorReason::LimitReached);
    world.clock.advance(SignedDuration::from_hours(12));
    let after_all_ran_out = world.book(student, teacher, "2026-06-23T12:00:00Z").await;
    after_all_ran_out.unwrap();
    world.stop().await;
}
