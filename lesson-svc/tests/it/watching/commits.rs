//! Commits in another order than ids: nothing is passed over, nothing is told twice.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use service_kit::clock::ManualClock;
use sqlx::{Executor as _, PgPool};
use tokio::time::sleep;
use tonic::Request;
use uuid::Uuid;

use super::{INSERT_PERSON, Watch, after, make_person};
use crate::support::{NO_NOTIFY, Service, World, monday};

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_commits_late_is_told_and_before_what_was_begun_after_it(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let mut watch = Watch::all(&world.service).await;
    let (late, soon) = (Uuid::new_v4(), Uuid::new_v4());
    let mut slow = pool.begin().await.unwrap();
    slow.execute(sqlx::query(INSERT_PERSON).bind(late))
        .await
        .unwrap();
    // Has a higher number and is committed first.
    sqlx::query(INSERT_PERSON)
        .bind(soon)
        .execute(&pool)
        .await
        .unwrap();
    // The tail has looked since: what is committed now came after that.
    let seen = world.person(7, "Anna").await;
    slow.commit().await.unwrap();
    let wanted = [late.to_string(), soon.to_string(), seen.id];
    let told = watch.until(&BTreeSet::from(wanted.clone())).await;
    assert_eq!(told, wanted, "in the order of transactions, each once");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_was_rolled_back_holds_nobody_up_and_is_not_told(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let mut watch = Watch::all(&world.service).await;
    let mut undone = pool.begin().await.unwrap();
    undone
        .execute(sqlx::query(INSERT_PERSON).bind(Uuid::new_v4()))
        .await
        .unwrap();
    let made = make_person(&pool).await;
    undone.rollback().await.unwrap();
    let told = watch.until(&BTreeSet::from([made.clone()])).await;
    assert_eq!(told, [made]);
    world.stop().await;
}

/// Writes so many people, each in a transaction that takes its time; every fourth is
/// undone. Answers who was made.
async fn write(pool: PgPool, writer: u64, count: u64) -> Vec<String> {
    let mut made = Vec::new();
    for turn in 0..count {
        let id = Uuid::new_v4();
        let mut tx = pool.begin().await.unwrap();
        tx.execute(sqlx::query(INSERT_PERSON).bind(id))
            .await
            .unwrap();
        // Some hold the others up for a while, most do not.
        let milliseconds = (writer * 7 + turn * 13) % 30;
        sleep(Duration::from_millis(milliseconds)).await;
        if (writer + turn).is_multiple_of(4) {
            tx.rollback().await.unwrap();
        } else {
            tx.commit().await.unwrap();
            made.push(id.to_string());
        }
    }
    made
}

/// Watches until somebody in particular was told of; every `turns` answers it goes on at
/// the other replica.
async fn watch(
    mut watch: Watch,
    replicas: Arc<[Service; 2]>,
    turns: usize,
    last: String,
) -> Vec<String> {
    let mut told = Vec::new();
    for replica in (0..2).cycle().skip(1) {
        for _ in 0..turns {
            let changes = watch.changes().await;
            told.extend(changes.into_iter().map(|change| change.entity_id));
            if told.contains(&last) {
                return told;
            }
        }
        let request = Request::new(after(&watch.cursor));
        watch = Watch::begin(&replicas[replica], request).await;
    }
    told
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn twenty_writers_and_watchers_who_change_replicas_agree_on_what_happened(pool: PgPool) {
    let clock = ManualClock::new(monday());
    let replicas = Arc::new([
        Service::start(&pool, clock.clone(), NO_NOTIFY).await,
        Service::start(&pool, clock, NO_NOTIFY).await,
    ]);
    let last = Uuid::new_v4();
    let mut watchers = Vec::new();
    for turns in [usize::MAX, 1, 2, 5] {
        let first = Watch::all(&replicas[0]).await;
        let watching = watch(first, replicas.clone(), turns, last.to_string());
        watchers.push(tokio::spawn(watching));
    }
    let writers: Vec<_> = (0..20)
        .map(|writer| tokio::spawn(write(pool.clone(), writer, 12)))
        .collect();
    let mut made = BTreeSet::new();
    for writer in writers {
        made.extend(writer.await.unwrap());
    }
    sqlx::query(INSERT_PERSON)
        .bind(last)
        .execute(&pool)
        .await
        .unwrap();
    made.insert(last.to_string());
    for watcher in watchers {
        let told = watcher.await.unwrap();
        let distinct: BTreeSet<_> = told.iter().cloned().collect();
        assert_eq!(told.len(), distinct.len(), "nothing is told twice");
        assert_eq!(distinct, made);
    }
    for replica in Arc::into_inner(replicas).unwrap() {
        replica.stop().await;
    }
    pool.close().await;
}
