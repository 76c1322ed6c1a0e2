//! How far notify-svc is behind.

use std::time::Duration;

use service_kit::{metrics::Gauge, shutdown::Shutdown, status};
use sqlx::PgPool;
use tokio::time::{MissedTickBehavior, interval};

use super::store;
use crate::errors::Error;

/// How often rows are counted.
const EVERY: Duration = Duration::from_secs(5);

static ROWS: Gauge<1> = Gauge::new(
    "olm.lesson.outbox.rows",
    "{row}",
    "Rows notify-svc is yet to be told of (at most 10,000 are counted), and parked ones",
    ["state"],
);
static LAG: Gauge<0> = Gauge::new(
    "olm.lesson.outbox.lag",
    "s",
    "Age of the oldest row that is not parked",
    [],
);

/// Counts until stopping begins. Each replica does: what they say is the same.
pub async fn run(pool: PgPool, shutdown: Shutdown) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.stopping() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = count(&pool).await {
            tracing::debug!(
                error = status::chain(&error),
                "the outbox cannot be counted"
            );
        }
    }
}

/// Counts once.
///
/// # Errors
///
/// When the database fails; the figures stay as they were.
pub async fn count(pool: &PgPool) -> Result<(), Error> {
    let mut conn = pool.acquire().await?;
    let backlog = store::find_backlog(&mut conn).await?;
    let number = |rows: i64| u32::try_from(rows).unwrap_or(u32::MAX);
    ROWS.set(number(backlog.waiting), ["waiting"]);
    ROWS.set(number(backlog.parked), ["parked"]);
    LAG.set_to(backlog.lag_s, []);
    Ok(())
}
