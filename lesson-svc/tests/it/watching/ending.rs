//! How watching ends.

use olm_proto::{common::v1::ErrorReason, lesson::v1::change_service_client::ChangeServiceClient};
use sqlx::PgPool;
use tonic::{Code, Request, transport::Endpoint};

use super::{Watch, after, make_person, settled};
use crate::support::{KEY, World, reason};

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_is_erased_watches_no_longer(pool: PgPool) {
    let world = World::start(pool).await;
    let student = world.student(2).await;
    settled(&world.pool).await;
    let mut watch = Watch::person(&world.service, student, &[]).await;
    world.erase(student).await.unwrap();
    let end = watch.answer().await;
    assert_eq!(reason(end), ErrorReason::UserNotFound);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_replica_that_stops_says_so_to_its_watchers(pool: PgPool) {
    let world = World::start(pool).await;
    let mut watch = Watch::all(&world.service).await;
    world.stop().await;
    let end = watch.answer().await.unwrap_err();
    assert_eq!(end.code(), Code::Unavailable, "{end:?}");
}

/// A watcher on a connection that takes no more than a few answers unread.
async fn narrow(url: &str) -> Watch {
    let endpoint = Endpoint::from_shared(url.to_owned()).unwrap();
    let channel = endpoint
        .initial_stream_window_size(512)
        .connect()
        .await
        .unwrap();
    let mut request = Request::new(after(""));
    let key = KEY.parse().unwrap();
    request.metadata_mut().insert("x-service-key", key);
    let mut client = ChangeServiceClient::new(channel);
    let answers = client.watch_changes(request);
    Watch {
        answers: answers.await.unwrap().into_inner(),
        cursor: String::new(),
    }
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_does_not_read_is_ended_and_holds_nobody_up(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let mut slow = narrow(&world.service.url).await;
    slow.answer().await.unwrap();
    let mut quick = Watch::all(&world.service).await;
    // More than is kept; each is told on its own.
    for _ in 0..1_100 {
        let made = make_person(&pool).await;
        sqlx::query("NOTIFY lesson_changes, 'elsewhere'")
            .execute(&pool)
            .await
            .unwrap();
        let told = quick.changes().await;
        assert_eq!(told.last().unwrap().entity_id, made);
    }
    let end = loop {
        match slow.answer().await {
            Ok(_) => {}
            Err(end) => break end,
        }
    };
    assert_eq!(
        reason(Err::<(), _>(end)),
        ErrorReason::WatcherTooSlow,
        "after what was on its way already"
    );
    let made = make_person(&pool).await;
    assert_eq!(quick.changes().await.last().unwrap().entity_id, made);
    world.stop().await;
}
