//! What is forgotten by age, and what is not.

use std::collections::BTreeSet;

use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Gateway, Service, eventually, id, person, start};

async fn reader(service: &Service) -> Uuid {
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    user
}

async fn left(pool: &PgPool, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM notify.{table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(count))
        .fetch_one(pool)
        .await
        .unwrap()
}

async fn ids(pool: &PgPool) -> BTreeSet<Uuid> {
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM notify.notifications")
        .fetch_all(pool)
        .await
        .unwrap();
    ids.into_iter().collect()
}

/// A sent notification about a lesson or a series.
async fn planned(pool: &PgPool, user: Uuid, column: &str, about: Uuid) -> Uuid {
    let row = Uuid::new_v4();
    let insert = format!(
        "WITH row AS (
             INSERT INTO notify.notifications
                 (id, user_id, lane, state, due_at, next_at, expires_at)
             VALUES ($1, $2, 2, 'sent', now(), now(), now() + interval '1 day')
             RETURNING id
         )
         INSERT INTO notify.notification_details
             (notification_id, kind, content, caller, plan_key, {column})
         SELECT id, 'booked', '', 'lesson-svc', 'key-' || id, $3 FROM row"
    );
    sqlx::query(sqlx::AssertSqlSafe(insert))
        .bind(row)
        .bind(user)
        .bind(about)
        .execute(pool)
        .await
        .unwrap();
    row
}

async fn lesson(pool: &PgPool, ended_days_ago: i32) -> Uuid {
    let lesson = Uuid::new_v4();
    sqlx::query(
        "INSERT INTO notify.lessons (lesson_id, version, start_at, end_at, snapshot)
         VALUES ($1, 1, now() - $2 * interval '1 day' - interval '1 hour',
                 now() - $2 * interval '1 day', '')",
    )
    .bind(lesson)
    .bind(ended_days_ago)
    .execute(pool)
    .await
    .unwrap();
    lesson
}

async fn series(pool: &PgPool, changed_days_ago: i32) -> Uuid {
    let series = Uuid::new_v4();
    sqlx::query(
        "INSERT INTO notify.series (series_id, version, snapshot, updated_at)
         VALUES ($1, 1, '', now() - $2 * interval '1 day')",
    )
    .bind(series)
    .bind(changed_days_ago)
    .execute(pool)
    .await
    .unwrap();
    series
}

/// Whose end a client is to be told, in so many hours; none: was told, or cannot be.
async fn webhook(pool: &PgPool, notification: Uuid, due_in_hours: Option<i32>) {
    sqlx::query(
        "INSERT INTO notify.webhooks (notification_id, url, host, state, state_at, due_at)
         VALUES ($1, 'https://crm.example/end', 'crm.example:443', 'sent', now(),
                 now() + $2 * interval '1 hour')",
    )
    .bind(notification)
    .bind(due_in_hours)
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_ended_long_ago_goes_and_no_key_before_its_lesson_is_over(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let old = service.tell(user, "old").await;
    assert_eq!(id(&gateway.send().await), old);
    gateway.leave(&pool).await;
    let waits = service.tell(user, "waits").await;
    let over = lesson(&pool, 91).await;
    let ahead = lesson(&pool, -1).await;
    let ended = series(&pool, 91 + 731).await;
    let goes_on = series(&pool, 400).await;
    planned(&pool, user, "lesson_id", over).await;
    planned(&pool, user, "series_id", ended).await;
    let untold = planned(&pool, user, "lesson_id", over).await;
    let gave_up = planned(&pool, user, "lesson_id", over).await;
    for (row, due) in [(untold, Some(1)), (gave_up, None)] {
        webhook(&pool, row, due).await;
    }
    let kept = BTreeSet::from([
        waits,
        untold,
        planned(&pool, user, "lesson_id", ahead).await,
        planned(&pool, user, "series_id", goes_on).await,
    ]);
    // All of it a hundred days ago, but for one.
    sqlx::query("UPDATE notify.notifications SET state_at = now() - interval '100 days'")
        .execute(&pool)
        .await
        .unwrap();
    let fresh = planned(&pool, user, "lesson_id", over).await;
    assert!(service.stop().await);

    let _service = start(&pool, &[]).await;
    let kept: BTreeSet<_> = kept.into_iter().chain([fresh]).collect();
    eventually(kept.clone(), || ids(&pool)).await;
    eventually(1, || left(&pool, "series")).await;
    assert_eq!(left(&pool, "notification_details").await, 5);
    assert_eq!(left(&pool, "webhooks").await, 1);
    // For the sake of the fresh one.
    assert_eq!(left(&pool, "lessons").await, 2);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn attempts_go_sooner_and_a_lesson_with_its_last_notification(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    service.tell(user, "one").await;
    gateway.send().await;
    sqlx::query("UPDATE notify.attempts SET begun_at = now() - interval '8 days'")
        .execute(&pool)
        .await
        .unwrap();
    let two = service.tell(user, "two").await;
    gateway.send().await;
    lesson(&pool, 5).await;
    let recent = lesson(&pool, 3).await;
    assert!(service.stop().await);

    let _service = start(&pool, &[("ATTEMPTS_KEPT", "7"), ("KEPT", "4")]).await;
    let attempts = || async {
        let of: Vec<Uuid> = sqlx::query_scalar("SELECT notification_id FROM notify.attempts")
            .fetch_all(&pool)
            .await
            .unwrap();
        of
    };
    eventually(vec![two], attempts).await;
    let lessons = || async {
        let left: Vec<Uuid> = sqlx::query_scalar("SELECT lesson_id FROM notify.lessons")
            .fetch_all(&pool)
            .await
            .unwrap();
        left
    };
    eventually(vec![recent], lessons).await;
    assert_eq!(left(&pool, "notifications").await, 2);
}
