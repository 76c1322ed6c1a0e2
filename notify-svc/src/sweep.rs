//! What nobody's message triggers: expiry, silence, resolution, failing what falls due
//! for people who cannot be reached, and planning anew what that and changed settings
//! change. Every replica sweeps; rows locked by another are skipped.

use std::collections::BTreeSet;

use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::{
    App, delivery,
    errors::Error,
    lesson_plans::{self, replanning},
    metrics,
    notifications::{
        states::{Event, State},
        store as queue,
    },
};

mod store;

/// Rows of one kind per transaction.
const BATCH: i64 = 500;

/// Sweeps at every interval until stopping begins. What fails is tried again at the
/// next.
pub async fn run(app: App) {
    let mut ticks = interval(app.pace.sweep);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            () = app.shutdown.stopping() => return,
            _ = ticks.tick() => {}
        }
        match sweep(&app).await {
            Ok(()) => failing = false,
            Err(error) if failing => tracing::debug!(%error, "the sweep still fails"),
            Err(error) => {
                failing = true;
                tracing::warn!(error = %service_kit::status::chain(&error), "the sweep failed");
            }
        }
    }
}

async fn sweep(app: &App) -> Result<(), Error> {
    // Silence before resolution: what turns uncertain here is resolved in this sweep.
    let all = [
        Event::Expire,
        Event::Silence,
        Event::Unreachable,
        Event::Resolve,
    ];
    let mut conn = app.pool.acquire().await?;
    let sending = delivery::store::find_sending(&mut conn).await?;
    drop(conn);
    // While nothing is sent, nothing fails for want of a reader, and nothing unknown is
    // allowed a second copy.
    let events = if sending.off.is_some() {
        &all[..2]
    } else {
        &all[..]
    };
    for event in events {
        while let Some(bots) = sweep_some(app, event).await? {
            app.wakeups.wake(bots);
        }
    }
    // Also of what another replica failed.
    let mut conn = app.pool.acquire().await?;
    let queued = lesson_plans::store::list_replans(&mut conn, BATCH).await?;
    drop(conn);
    replanning::drain(app, &queued).await?;
    Ok(())
}

/// What the sweep does, as a label.
fn label(event: &Event<'_>) -> &'static str {
    match event {
        Event::Expire => "expire",
        Event::Unreachable => "unreachable",
        Event::Silence => "silence",
        Event::Resolve => "resolve",
        Event::Cancel => "cancel",
        Event::Reschedule => "reschedule",
        Event::Restored => "restored",
        Event::Outcome { .. } => "outcome",
    }
}

/// Lets `event` happen to some rows; `None` when no more were found, else the bots that
/// have something to send again.
async fn sweep_some(app: &App, event: &Event<'_>) -> sqlx::Result<Option<BTreeSet<i64>>> {
    let mut tx = app.pool.begin().await?;
    let ids: Vec<Uuid> = match event {
        Event::Expire => store::lock_expired(&mut tx, BATCH).await?,
        Event::Unreachable => store::lock_unreachable(&mut tx, BATCH).await?,
        Event::Silence => store::lock_silent(&mut tx, app.pace.silence, BATCH).await?,
        Event::Resolve => store::lock_resolvable(&mut tx, BATCH).await?,
        Event::Cancel | Event::Reschedule | Event::Outcome { .. } | Event::Restored => Vec::new(),
    };
    if ids.is_empty() {
        return Ok(None);
    }
    let advanced = queue::advance(&mut tx, &ids, event, &app.pace.backoff).await?;
    if *event == Event::Unreachable {
        // The other side may have to be told.
        let failed: Vec<_> = advanced.iter().map(|row| row.id).collect();
        lesson_plans::store::insert_replans(&mut tx, &failed).await?;
    }
    tx.commit().await?;
    for row in &advanced {
        metrics::SWEPT.add(1, [label(event), row.after.state.as_str()]);
        metrics::moved(row.before, row.after.state);
        tracing::info!(
            notification_id = %row.id,
            bot_id = row.bot_id,
            attempt_no = row.after.attempt_no,
            before = row.before.as_str(),
            state = row.after.state.as_str(),
            resent = row.after.resent,
            "notification swept"
        );
    }
    let again = advanced
        .iter()
        .filter(|row| row.after.state == State::Pending)
        .filter_map(|row| row.bot_id);
    Ok((!advanced.is_empty()).then(|| again.collect()))
}
