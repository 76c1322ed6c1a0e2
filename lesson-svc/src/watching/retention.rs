//! Forgets changes that are older than a day, and begins the log anew in a database that
//! was restored from a dump: a job that every replica runs, one at a time.

use std::time::Duration;

use service_kit::{metrics, shutdown::Shutdown, status};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::store;
use crate::{errors::Error, state::State};

/// How often it looks.
const EVERY: Duration = Duration::from_mins(1);
/// How many are forgotten in one transaction.
const BATCH: i64 = 1_000;

/// Runs the job until stopping begins.
pub async fn run(state: State, shutdown: Shutdown) {
    let stopping = shutdown.stopping();
    tokio::pin!(stopping);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reachable = true;
    loop {
        tokio::select! {
            () = &mut stopping => return,
            _ = ticks.tick() => {}
        }
        match metrics::job("retention", tick(&state, &shutdown)).await {
            Ok(()) => reachable = true,
            Err(error) if std::mem::take(&mut reachable) => {
                tracing::warn!(
                    error = status::chain(&error),
                    "old changes cannot be forgotten"
                );
            }
            Err(_) => {}
        }
    }
}

async fn tick(state: &State, shutdown: &Shutdown) -> Result<(), Error> {
    while !shutdown.is_stopping() && forget(state).await? {}
    Ok(())
}

/// Forgets one batch; true when there may be more.
async fn forget(state: &State) -> Result<bool, Error> {
    if begin_anew(state).await? {
        return Ok(false);
    }
    let mut tx = state.pool.begin().await?;
    if !store::lock_log(&mut tx).await? {
        return Ok(false);
    }
    let forgotten = store::delete_old(&mut tx, BATCH).await?;
    tx.commit().await?;
    Ok(i64::try_from(forgotten).is_ok_and(|forgotten| forgotten == BATCH))
}

/// Begins the log anew if it came in a dump of another cluster; true when it did.
///
/// # Errors
///
/// When the database fails.
pub async fn begin_anew(state: &State) -> Result<bool, Error> {
    let mut tx = state.pool.begin().await?;
    if !store::is_of_another_cluster(&mut tx).await?
        || !store::lock_log(&mut tx).await?
        || !store::is_of_another_cluster(&mut tx).await?
    {
        return Ok(false);
    }
    store::begin_anew(&mut tx, Uuid::new_v4()).await?;
    tx.commit().await?;
    tracing::warn!("the log of changes is another cluster's: it begins anew");
    Ok(true)
}
