//! The relay against a notify-svc that is away, refuses, and takes.

use lesson_svc::outbox::store;
use olm_proto::{lesson::v1::CancelLessonRequest, notify::v1::LessonState};
use service_kit::{clock::ManualClock, grpc::client::acting, telemetry};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tonic::Code;
use tracing::Instrument as _;

use crate::{
    fake_notify::{FakeNotify, Told},
    support::{Service, World, booking, monday, until},
    telemetry::{lines_with, record},
};

async fn parked(pool: &PgPool) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT entity_id::text, last_error FROM lesson.outbox WHERE park_time IS NOT NULL",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn every_change_is_told_and_forgotten(pool: PgPool) {
    let notify = FakeNotify::start().await;
    let world = World::start_with_notify(pool, &notify.url).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    let cancel = CancelLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: 1,
        reason: "ill".to_owned(),
    };
    world
        .lessons()
        .cancel_lesson(acting(cancel, teacher))
        .await
        .unwrap();
    until("the outbox is empty", || async {
        world.outbox_rows().await == 0
    })
    .await;
    let (mut people, mut lessons, keys) = notify.told.with(|told| {
        (
            told.recipients.clone(),
            told.lessons.clone(),
            told.keys.clone(),
        )
    });
    people.sort_by_key(|person| person.chat_id);
    assert_eq!(people.len(), 2);
    assert_eq!(
        (
            people[0].display_name.as_str(),
            people[0].language.as_str(),
            people[0].version
        ),
        ("Anna", "en", 1)
    );
    lessons.sort_by_key(|lesson| lesson.version);
    let versions: Vec<_> = lessons
        .iter()
        .map(|lesson| (lesson.version, lesson.state() == LessonState::Canceled))
        .collect();
    assert_eq!(versions, [(1, false), (2, true)]);
    assert_eq!(lessons[0].seats[0].booking_id, lesson.bookings[0].id);
    assert_eq!(
        (lessons[0].start_time, lessons[0].end_time),
        (lesson.start_time, lesson.end_time)
    );
    assert!(keys.iter().all(|key| key == "a key for notify-svc"));
    world.stop().await;
    notify.task.abort();
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_notify_svc_that_fails_at_first_is_told_later(pool: PgPool) {
    let notify = FakeNotify::start().await;
    notify.told.with(|told| {
        told.next.extend([
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::PermissionDenied,
        ]);
    });
    let world = World::start_with_notify(pool, &notify.url).await;
    world.student(1).await;
    until("the outbox is empty", || async {
        world.outbox_rows().await == 0
    })
    .await;
    assert_eq!(
        notify.told.with(|told| (told.calls, told.recipients.len())),
        (4, 1)
    );
    world.stop().await;
    notify.task.abort();
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_was_booked_while_notify_svc_was_away_is_told_when_it_is_back(pool: PgPool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let world = World::start_with_notify(pool, &format!("http://{address}")).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    let tried = "SELECT count(*) FROM lesson.outbox WHERE attempts > 1";
    until("all rows were tried in vain", || async {
        sqlx::query_scalar::<_, i64>(tried)
            .fetch_one(&world.pool)
            .await
            .unwrap()
            == 3
    })
    .await;
    let notify = FakeNotify::on(TcpListener::bind(address).await.unwrap(), Told::default());
    until("the outbox is empty", || async {
        world.outbox_rows().await == 0
    })
    .await;
    assert_eq!(
        notify
            .told
            .with(|told| (told.recipients.len(), told.lessons.len())),
        (2, 1)
    );
    world.stop().await;
    notify.task.abort();
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_row_refused_for_good_is_parked_and_blocks_nothing(pool: PgPool) {
    record();
    let notify = FakeNotify::start().await;
    let world = World::start(pool).await;
    let refused = world.person(1, "Anna").await;
    world.service.stop().await;
    notify.told.with(|told| {
        told.refused_people
            .insert(refused.id.clone(), Code::InvalidArgument)
    });
    let world = World::start_with_notify(world.pool, &notify.url).await;
    for telegram_id in 2..30 {
        world.student(telegram_id).await;
    }
    until("only the refused row is left", || async {
        world.outbox_rows().await == 1
    })
    .await;
    until("it is parked", || async {
        !parked(&world.pool).await.is_empty()
    })
    .await;
    let rows = parked(&world.pool).await;
    assert_eq!(
        rows,
        [(
            refused.id.clone(),
            "InvalidArgument: as the test wants it".to_owned()
        )]
    );
    let mut conn = world.pool.acquire().await.unwrap();
    let backlog = store::find_backlog(&mut conn).await.unwrap();
    assert_eq!((backlog.waiting, backlog.parked), (0, 1));
    sqlx::query(
        "UPDATE lesson.outbox SET park_time = NULL, create_time = now() - interval '1 hour',
         next_attempt_time = now() + interval '1 day'",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    let backlog = store::find_backlog(&mut conn).await.unwrap();
    assert_eq!((backlog.waiting, backlog.parked), (1, 0));
    assert!(
        (3_600.0..4_000.0).contains(&backlog.lag_s),
        "{}",
        backlog.lag_s
    );
    drop(conn);
    let alarms = lines_with(&refused.id)
        .into_iter()
        .filter(|line| line["fields"]["event"] == "outbox_parked");
    assert_eq!(
        alarms.map(|line| line["level"].clone()).collect::<Vec<_>>(),
        ["ERROR"]
    );
    assert_eq!(notify.told.with(|told| told.recipients.len()), 28);
    world.stop().await;
    notify.task.abort();
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn two_replicas_tell_each_row_once(pool: PgPool) {
    let world = World::start(pool).await;
    for telegram_id in 1..60 {
        world.student(telegram_id).await;
    }
    world.service.stop().await;
    // Rows that were tried in vain are due later; here they are all due at once.
    sqlx::query("UPDATE lesson.outbox SET next_attempt_time = now()")
        .execute(&world.pool)
        .await
        .unwrap();
    let notify = FakeNotify::start().await;
    let clock = ManualClock::new(monday());
    let first = Service::start(&world.pool, clock.clone(), &notify.url).await;
    let second = Service::start(&world.pool, clock, &notify.url).await;
    let left = "SELECT count(*) FROM lesson.outbox";
    until("the outbox is empty", || async {
        sqlx::query_scalar::<_, i64>(left)
            .fetch_one(&world.pool)
            .await
            .unwrap()
            == 0
    })
    .await;
    assert_eq!(notify.told.with(|told| told.calls), 59);
    first.stop().await;
    second.stop().await;
    world.pool.close().await;
    notify.task.abort();
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn the_relays_call_continues_the_trace_of_the_booking(pool: PgPool) {
    record();
    let notify = FakeNotify::start().await;
    let world = World::start_with_notify(pool, &notify.url).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    until("people are told", || async {
        world.outbox_rows().await == 0
    })
    .await;
    notify.told.with(|told| told.traceparents.clear());
    let span = tracing::info_span!("a test books");
    let trace = telemetry::traceparent_of(&span);
    let request = acting(booking(teacher, "2026-06-01T12:00:00Z"), student);
    world
        .lessons()
        .book_lesson(request)
        .instrument(span)
        .await
        .unwrap();
    until("the lesson is told", || async {
        world.outbox_rows().await == 0
    })
    .await;
    let told = notify.told.with(|told| told.traceparents.clone());
    let trace_id = |traceparent: &str| traceparent.split('-').nth(1).map(str::to_owned);
    assert!(trace_id(&trace).is_some(), "{trace}");
    assert_eq!(
        told.iter().map(|told| trace_id(told)).collect::<Vec<_>>(),
        [trace_id(&trace)]
    );
    world.stop().await;
    notify.task.abort();
}
