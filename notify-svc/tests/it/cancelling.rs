//! What requests that are given up leave behind in the pool.

use std::time::Duration;

use service_kit::database::DatabaseConfig;
use sqlx::{ConnectOptions as _, PgPool};

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_transaction_that_a_cancelled_request_left_open_swallows_nobody_elses_work(
    observer: PgPool,
) {
    let config = DatabaseConfig {
        url: observer.connect_options().to_url_lossy().to_string().into(),
        max_connections: 1,
        patience: Duration::from_secs(20),
        schema: "notify",
    };
    let pool = config.pool().unwrap();
    // As when BEGIN was sent and whoever sent it is dropped before the answer.
    sqlx::raw_sql("BEGIN").execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO notify.bots (bot_id) VALUES (7)")
        .execute(&pool)
        .await
        .unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM notify.bots WHERE bot_id = 7")
        .fetch_one(&observer)
        .await
        .unwrap();
    assert_eq!(seen, 1, "it was written into the transaction left open");
}
