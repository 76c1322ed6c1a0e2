//! Seats whose students did not say in time whether they come to a lesson's new time:
//! given up by whoever needs to know, and by a job that every replica runs.

use std::time::Duration;

use jiff::Timestamp;
use service_kit::{metrics, shutdown::Shutdown, status};
use sqlx::PgConnection;
use tokio::time::{MissedTickBehavior, interval};

use super::{Lesson, changes::Changed, recording, seats::rules, store};
use crate::{errors::Error, state::State};

/// How often the job looks for what has run out.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// Seats of how many lessons are given up in one transaction.
const BATCH: i64 = 50;

/// Frees the seats of locked lessons that have run out, and answers the lessons as they are
/// then, in the same order, and what was done.
///
/// # Errors
///
/// When the database fails.
pub async fn clear_seats(
    conn: &mut PgConnection,
    lessons: Vec<Lesson>,
    now: Timestamp,
) -> Result<(Vec<Lesson>, Vec<Changed>), Error> {
    let (mut lessons, mut done) = (lessons, Vec::new());
    // A seat is a change of its own: of each lesson one at a time.
    loop {
        let mut freed = Vec::new();
        for lesson in &mut lessons {
            if let Some(changed) = rules::free_run_out(lesson, now) {
                lesson.clone_from(&changed.lesson);
                freed.push(changed);
            }
        }
        if freed.is_empty() {
            return Ok((lessons, done));
        }
        recording::record(&mut *conn, &freed, now).await?;
        done.append(&mut freed);
    }
}

/// Runs the job until stopping begins. Replicas pass over each other's lessons.
pub async fn run(state: State, shutdown: Shutdown) {
    let stopping = shutdown.stopping();
    tokio::pin!(stopping);
    let mut ticks = interval(POLL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reachable = true;
    loop {
        tokio::select! {
            () = &mut stopping => return,
            _ = ticks.tick() => {}
        }
        match metrics::job("reconfirming", tick(&state, &shutdown)).await {
            Ok(()) => reachable = true,
            // Said once, not every second; readiness tells the rest.
            Err(error) if std::mem::take(&mut reachable) => {
                tracing::warn!(
                    error = status::chain(&error),
                    "seats to give up cannot be read"
                );
            }
            Err(_) => {}
        }
    }
}

async fn tick(state: &State, shutdown: &Shutdown) -> Result<(), Error> {
    while !shutdown.is_stopping() && free_batch(state).await? {}
    Ok(())
}

/// Gives up the seats of one batch of lessons; true when there may be more.
async fn free_batch(state: &State) -> Result<bool, Error> {
    let now = state.now();
    let mut tx = state.pool.begin().await?;
    let ids = store::lock_to_reconfirm(&mut tx, now, BATCH).await?;
    let lessons = store::find_all(&mut tx, &ids).await?;
    let (_, freed) = clear_seats(&mut tx, lessons, now).await?;
    tx.commit().await?;
    recording::announce(state, &freed);
    Ok(!ids.is_empty())
}
