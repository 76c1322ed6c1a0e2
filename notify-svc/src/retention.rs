//! What is forgotten by age: attempts, ended notifications, lessons and series that are
//! over. A notification's key lives until its lesson is over, so that no plan can send it
//! again; the rest of it as long.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{App, metrics};

mod store;

/// How often what is old is looked for.
const EVERY: Duration = Duration::from_hours(1);
/// Rows removed by one statement.
const BATCH: i64 = 1_000;

/// How long what has ended is kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    /// `NOTIFY_ATTEMPTS_KEPT`: days from the begin of an attempt; default 30.
    pub attempts: Duration,
    /// `NOTIFY_KEPT`: days from a notification's end, and its lesson's; default 90.
    pub notifications: Duration,
}

/// Removes what is old, at once and then every hour, until stopping begins. What fails is
/// tried again in an hour.
pub async fn run(app: App) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = app.shutdown.stopping() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = retire(&app).await {
            tracing::warn!(error = %service_kit::status::chain(&error), "what is old stays for now");
        }
    }
}

/// In this order: a lesson is kept for its notifications' sake.
async fn retire(app: &App) -> sqlx::Result<()> {
    let mut after = None;
    while !app.shutdown.is_stopping() {
        let mut conn = app.pool.acquire().await?;
        let kept = app.kept.notifications;
        let (removed, last) = store::delete_ended(&mut conn, kept, after, BATCH).await?;
        count("notifications", removed);
        after = last;
        if removed < batch() {
            break;
        }
    }
    for old in [Old::Attempts, Old::Lessons, Old::Series] {
        while !app.shutdown.is_stopping() {
            let mut conn = app.pool.acquire().await?;
            let kept = app.kept.notifications;
            let removed = match old {
                Old::Attempts => {
                    store::delete_attempts(&mut conn, app.kept.attempts, BATCH).await?
                }
                Old::Lessons => store::delete_lessons(&mut conn, kept, BATCH).await?,
                Old::Series => store::delete_series(&mut conn, kept, BATCH).await?,
            };
            count(old.table(), removed);
            if removed < batch() {
                break;
            }
        }
    }
    Ok(())
}

/// What goes by age alone, or with its last notification.
#[derive(Clone, Copy)]
enum Old {
    Attempts,
    Lessons,
    Series,
}

impl Old {
    fn table(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Lessons => "lessons",
            Self::Series => "series",
        }
    }
}

fn batch() -> u64 {
    u64::try_from(BATCH).unwrap_or_default()
}

fn count(table: &'static str, removed: u64) {
    if removed > 0 {
        metrics::RETIRED.add(removed, [table]);
        tracing::info!(table, removed, "old rows removed");
    }
}
