//! What the database says.

use jiff::Timestamp;
use sqlx::PgPool;
use uuid::Uuid;

/// The database's present, which says what is due.
pub async fn now(pool: &PgPool) -> Timestamp {
    let now: jiff_sqlx::Timestamp = sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(pool)
        .await
        .unwrap();
    now.to_jiff()
}

/// A notification's state, as stored.
pub async fn state(pool: &PgPool, id: Uuid) -> String {
    sqlx::query_scalar("SELECT state FROM notify.notifications WHERE id = $1")
        .bind(id)
        .fetch_one(pool)
        .await
        .unwrap()
}

/// Connections on which services of this database hear wake-ups. Whoever waits is told to look
/// when the first of them is there.
pub async fn listening(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}
