//! Cursors: going on, and what happens when it is too late for that.

use std::collections::BTreeSet;

use lesson_svc::watching::cursor::Cursor;
use olm_proto::common::v1::ErrorReason;
use service_kit::clock::ManualClock;
use sqlx::PgPool;
use tonic::Request;
use uuid::Uuid;

use super::{INSERT_PERSON, Watch, after, make_person, settled};
use crate::support::{NO_NOTIFY, Service, World, monday, reason, until};

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_watcher_goes_on_at_another_replica_where_it_was(pool: PgPool) {
    let clock = ManualClock::new(monday());
    let first = Service::start(&pool, clock.clone(), NO_NOTIFY).await;
    let other = Service::start(&pool, clock, NO_NOTIFY).await;
    let mut watch = Watch::all(&first).await;
    let handled = make_person(&pool).await;
    assert_eq!(
        watch.until(&BTreeSet::from([handled.clone()])).await,
        [handled]
    );
    first.stop().await;
    let away = make_person(&pool).await;
    let mut again = Watch::begin(&other, Request::new(after(&watch.cursor))).await;
    let back = make_person(&pool).await;
    let told = again
        .until(&BTreeSet::from([away.clone(), back.clone()]))
        .await;
    assert_eq!(told, [away, back], "what was missed, then what is new");
    other.stop().await;
    pool.close().await;
}

/// Waits for a reset, and for what comes after it.
async fn goes_on_after_a_reset(watch: &mut Watch, pool: &PgPool) {
    while !watch.answer().await.unwrap().reset {}
    let mut made = make_person(pool).await;
    loop {
        // More resets may come until the log is begun anew, and what was made before that is
        // not in the new one.
        let answer = watch.answer().await.unwrap();
        if answer.reset {
            made = make_person(pool).await;
        } else if answer.changes.iter().any(|told| told.entity_id == made) {
            return;
        }
    }
}

/// Begins after `cursor` and expects to be told to read everything anew; then changes come.
async fn is_reset(service: &Service, pool: &PgPool, cursor: &str) {
    let mut watch = Watch::begin(service, Request::new(after(cursor))).await;
    let first = watch.answer().await.unwrap();
    assert!(first.reset && first.changes.is_empty(), "{first:?}");
    assert_ne!(first.cursor, cursor);
    let made = make_person(pool).await;
    // What others of the cluster kept uncertain at the reset may come before it.
    let told = watch.until(&BTreeSet::from([made.clone()])).await;
    assert_eq!(told.last(), Some(&made));
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_cursor_of_before_what_was_forgotten_is_reset(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let old = Watch::all(&world.service).await.cursor;
    make_person(&pool).await;
    sqlx::query("UPDATE lesson.changes SET create_time = now() - interval '25 hours'")
        .execute(&pool)
        .await
        .unwrap();
    settled(&pool).await;
    let young = make_person(&pool).await;
    // Its job begins by forgetting.
    let other = Service::start(&pool, world.clock.clone(), NO_NOTIFY).await;
    until("forgetting", || async {
        let left: Vec<String> = sqlx::query_scalar("SELECT entity_id::text FROM lesson.changes")
            .fetch_all(&pool)
            .await
            .unwrap();
        left == [young.clone()]
    })
    .await;
    is_reset(&world.service, &pool, &old).await;
    is_reset(&other, &pool, &old).await;
    other.stop().await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_cursor_of_another_database_is_reset(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let cursor = Watch::all(&world.service).await.cursor;
    let other = Cursor {
        log: Uuid::new_v4(),
        ..Cursor::from_text(&cursor).unwrap()
    };
    is_reset(&world.service, &pool, &other.to_text()).await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_cursor_of_transactions_that_are_yet_to_come_is_reset(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let cursor = Watch::all(&world.service).await.cursor;
    let mut ahead = Cursor::from_text(&cursor).unwrap();
    ahead.position.xid += 1_000_000_000;
    is_reset(&world.service, &pool, &ahead.to_text()).await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_log_that_came_in_a_dump_of_another_cluster_begins_anew(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let cursor = Watch::all(&world.service).await.cursor;
    sqlx::query(
        "INSERT INTO lesson.changes (xid, kind, entity_id, version)
         VALUES ('4000000000000', 'user', gen_random_uuid(), 1)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let other = Service::start(&pool, world.clock.clone(), NO_NOTIFY).await;
    until("a new log", || async {
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM lesson.changes")
            .fetch_one(&pool)
            .await
            .unwrap();
        rows == 0
    })
    .await;
    is_reset(&other, &pool, &cursor).await;
    is_reset(&world.service, &pool, &cursor).await;
    other.stop().await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_log_restored_without_changes_from_a_cluster_far_ahead_begins_anew(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let mut watch = Watch::all(&world.service).await;
    let cursor = watch.cursor.clone();
    sqlx::query("UPDATE lesson.change_log SET floor_xid = '4000000000000', floor_id = 7")
        .execute(&pool)
        .await
        .unwrap();
    goes_on_after_a_reset(&mut watch, &pool).await;
    is_reset(&world.service, &pool, &cursor).await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_database_taken_back_to_an_older_dump_resets_those_who_saw_more(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let mut watch = Watch::all(&world.service).await;
    let cursor = watch.cursor.clone();
    // The same log's row, as data that is restored: in a file of its own.
    let mut tx = pool.begin().await.unwrap();
    for statement in [
        "CREATE TEMPORARY TABLE dump ON COMMIT DROP AS SELECT * FROM lesson.change_log",
        "TRUNCATE lesson.change_log",
        "INSERT INTO lesson.change_log SELECT * FROM dump",
    ] {
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    goes_on_after_a_reset(&mut watch, &pool).await;
    is_reset(&world.service, &pool, &cursor).await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_watches_is_reset_when_what_they_wait_for_was_forgotten(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let mut watch = Watch::all(&world.service).await;
    // Held up, so that nobody's place moves on meanwhile.
    let mut slow = pool.begin().await.unwrap();
    sqlx::query(INSERT_PERSON)
        .bind(Uuid::new_v4())
        .execute(&mut *slow)
        .await
        .unwrap();
    let lost = make_person(&pool).await;
    sqlx::query(
        "WITH gone AS (DELETE FROM lesson.changes RETURNING xid, id)
         UPDATE lesson.change_log SET (floor_xid, floor_id) =
             (SELECT xid, id FROM gone ORDER BY xid DESC, id DESC LIMIT 1)",
    )
    .execute(&pool)
    .await
    .unwrap();
    slow.commit().await.unwrap();
    loop {
        let answer = watch.answer().await.unwrap();
        assert!(answer.changes.iter().all(|told| told.entity_id != lost));
        if answer.reset {
            break;
        }
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_is_not_certain_yet_is_not_forgotten_however_old(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let age = "UPDATE lesson.changes SET create_time = now() - interval '25 hours'";
    let old = make_person(&pool).await;
    sqlx::query(age).execute(&pool).await.unwrap();
    settled(&pool).await;
    let mut watch = Watch::all(&world.service).await;
    let (late, held) = (Uuid::new_v4(), Uuid::new_v4());
    let mut slow = pool.begin().await.unwrap();
    let mut insert = sqlx::query(INSERT_PERSON).bind(late);
    insert.execute(&mut *slow).await.unwrap();
    insert = sqlx::query(INSERT_PERSON).bind(held);
    insert.execute(&pool).await.unwrap();
    sqlx::query(age).execute(&pool).await.unwrap();
    // Its job begins by forgetting.
    let other = Service::start(&pool, world.clock.clone(), NO_NOTIFY).await;
    let kept = || async {
        let kept: Vec<String> = sqlx::query_scalar("SELECT entity_id::text FROM lesson.changes")
            .fetch_all(&pool)
            .await
            .unwrap();
        kept
    };
    until("forgetting", || async { !kept().await.contains(&old) }).await;
    assert_eq!(kept().await, [held.to_string()]);
    slow.commit().await.unwrap();
    let both = [late.to_string(), held.to_string()];
    assert_eq!(watch.until(&BTreeSet::from(both.clone())).await, both);
    other.stop().await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_is_too_far_behind_is_reset_and_who_is_not_is_told_everything(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let cursor = Watch::all(&world.service).await.cursor;
    let many = |count: i64| {
        sqlx::query(
            "INSERT INTO lesson.changes (kind, entity_id, version)
             SELECT 'user', gen_random_uuid(), 1 FROM generate_series(1, $1)",
        )
        .bind(count)
    };
    many(2_500).execute(&pool).await.unwrap();
    let wanted: Vec<String> =
        sqlx::query_scalar("SELECT entity_id::text FROM lesson.changes ORDER BY xid, id")
            .fetch_all(&pool)
            .await
            .unwrap();
    let mut watch = Watch::begin(&world.service, Request::new(after(&cursor))).await;
    let told = watch.until(&wanted.iter().cloned().collect()).await;
    assert_eq!(told, wanted);
    many(8_000).execute(&pool).await.unwrap();
    is_reset(&world.service, &pool, &cursor).await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_is_no_cursor_is_refused(pool: PgPool) {
    let world = World::start(pool).await;
    for text in ["x", "AAAA", &"A".repeat(2_000)] {
        let refused = world.changes().watch_changes(after(text)).await;
        assert_eq!(reason(refused.map(drop)), ErrorReason::CursorInvalid);
    }
    world.stop().await;
}
