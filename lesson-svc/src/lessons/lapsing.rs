//! Holds and requests that run out: written down by whoever needs the time, and by a job
//! that every replica runs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use service_kit::{metrics, shutdown::Shutdown, status};
use sqlx::PgConnection;
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::{
    Acting, LessonStatus, Role,
    changes::Changed,
    recording,
    rules::{self, Action},
    store::{self, Way},
};
use crate::{availability::calendar::saturating, errors::Error, requests, state::State};

/// How often the job looks for what has run out.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How many lapse in one transaction.
const BATCH: i64 = 50;
/// How long a repeat of a request is known as one.
const KEEP_REQUESTS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How often, and how many at once, older requests are forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(1);
const FORGET_AT_ONCE: i64 = 500;

/// Clears the way for lessons whose people are locked: what has run out there lapses,
/// and where the students' holds make way they are let go, wherever they are.
///
/// # Errors
///
/// When the database fails.
pub async fn clear(
    conn: &mut PgConnection,
    way: Way<'_>,
    now: Timestamp,
) -> Result<Vec<Changed>, Error> {
    let ids = store::lock_in_the_way(&mut *conn, way, now).await?;
    let let_go = Action::Cancel {
        reason: String::new(),
    };
    let lessons = store::find_all(&mut *conn, &ids).await?;
    let changed: Vec<_> = lessons
        .iter()
        .map(|lesson| {
            if lesson.has_run_out(now) {
                return Ok(rules::lapse(lesson, now));
            }
            let by = Acting {
                user: lesson.student()?,
                role: Role::Student,
            };
            Ok(rules::apply(lesson, by, &let_go, now))
        })
        .collect::<Result<_, Error>>()?;
    recording::record(conn, &changed, now).await?;
    Ok(changed)
}

/// Runs the job until stopping begins. Replicas pass over each other's rows.
pub async fn run(state: State, shutdown: Shutdown) {
    let stopping = shutdown.stopping();
    tokio::pin!(stopping);
    let mut ticks = interval(POLL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut forget_at = Instant::now();
    let mut reachable = true;
    loop {
        tokio::select! {
            () = &mut stopping => return,
            _ = ticks.tick() => {}
        }
        let done = metrics::job("lapsing", tick(&state, &shutdown, &mut forget_at)).await;
        match done {
            Ok(()) => reachable = true,
            // Said once, not every second; readiness tells the rest.
            Err(error) if std::mem::take(&mut reachable) => {
                tracing::warn!(error = status::chain(&error), "what ran out cannot be read");
            }
            Err(_) => {}
        }
    }
}

async fn tick(state: &State, shutdown: &Shutdown, forget_at: &mut Instant) -> Result<(), Error> {
    while !shutdown.is_stopping() && lapse_batch(state).await? {}
    if Instant::now() < *forget_at {
        return Ok(());
    }
    let before = saturating(state.now(), -KEEP_REQUESTS);
    let mut conn = state.pool.acquire().await?;
    let forgotten = requests::delete_before(&mut conn, before, FORGET_AT_ONCE).await?;
    // A full batch: there may be more at the next tick.
    if i64::try_from(forgotten).is_ok_and(|forgotten| forgotten < FORGET_AT_ONCE) {
        *forget_at = Instant::now() + FORGET_EVERY;
    }
    Ok(())
}

/// Lets one batch lapse; true when there may be more.
async fn lapse_batch(state: &State) -> Result<bool, Error> {
    let now = state.now();
    let mut tx = state.pool.begin().await?;
    let ids: Vec<Uuid> = store::lock_run_out(&mut tx, now, BATCH).await?;
    let lessons = store::find_all(&mut tx, &ids).await?;
    let changed: Vec<_> = lessons
        .iter()
        .filter(|lesson| matches!(lesson.status, LessonStatus::Held | LessonStatus::Requested))
        .map(|lesson| rules::lapse(lesson, now))
        .collect();
    recording::record(&mut tx, &changed, now).await?;
    tx.commit().await?;
    recording::announce(state, &changed);
    Ok(i64::try_from(ids.len()).is_ok_and(|found| found == BATCH))
}
