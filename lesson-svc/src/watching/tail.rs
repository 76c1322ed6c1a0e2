//! Reads the log behind its end, once for all watchers of this replica.

use std::time::Duration;

use jiff::SignedDuration;
use service_kit::{shutdown::Shutdown, status};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{Batch, Position, Watchers, store};
use crate::{availability::calendar::saturating, errors::Error, state::State};

/// How often it looks when nobody wakes it.
const POLL_EVERY: Duration = Duration::from_millis(250);
/// How soon it looks again for what is committed and not certain yet.
const AGAIN_MS: [u64; 5] = [5, 10, 20, 40, 50];
/// How often watchers learn where the log is when nothing happens, so that their cursors
/// stay young.
const STILL_EVERY: Duration = Duration::from_secs(5);
/// Who left a group hears of it.
const LEFT: SignedDuration = SignedDuration::from_mins(1);

/// Where the tail is; nowhere while nobody watches.
#[derive(Default)]
struct Tail {
    at: Option<At>,
    /// How often in a row something was not certain yet.
    unsettled: usize,
}

struct At {
    log: Uuid,
    /// What was read.
    position: Position,
    /// What watchers were told.
    published: Position,
    told: Instant,
}

/// Runs until stopping begins.
pub async fn run(state: State, shutdown: Shutdown) {
    let watchers = state.watchers.clone();
    let stopping = shutdown.stopping();
    tokio::pin!(stopping);
    let mut tail = Tail::default();
    let mut reachable = true;
    loop {
        let wait = match tail.look(&state).await {
            Ok(wait) => {
                reachable = true;
                wait
            }
            Err(error) => {
                // Said once, not every quarter of a second; readiness tells the rest.
                if std::mem::take(&mut reachable) {
                    tracing::warn!(error = status::chain(&error), "changes cannot be read");
                }
                POLL_EVERY
            }
        };
        tokio::select! {
            () = &mut stopping => return,
            () = woken(&watchers, wait) => {}
        }
    }
}

async fn woken(watchers: &Watchers, wait: Duration) {
    if watchers.anybody() {
        // Passed or woken: both are reasons to look.
        let _ = timeout(wait, watchers.0.tail.notified()).await;
    } else {
        watchers.0.tail.notified().await;
    }
}

impl Tail {
    /// Reads one page and tells of it; answers how long to wait.
    async fn look(&mut self, state: &State) -> Result<Duration, Error> {
        if !state.watchers.anybody() {
            self.at = None;
            return Ok(POLL_EVERY);
        }
        let mut conn = state.pool.acquire().await?;
        let Some(at) = &mut self.at else {
            // Whoever was there before this begins is told where it begins, and reads
            // what lies before it.
            let head = store::head(&mut conn).await?;
            state.watchers.publish(Batch {
                log: head.log,
                from: head.position,
                until: head.position,
                changes: Vec::new(),
            });
            self.at = Some(At {
                log: head.log,
                position: head.position,
                published: head.position,
                told: Instant::now(),
            });
            return Ok(Duration::ZERO);
        };
        let left_after = saturating(state.now(), -LEFT);
        let page = store::page(&mut conn, at.position, left_after).await?;
        drop(conn);
        if page.log != at.log {
            // Positions in the old log mean nothing in this one.
            self.at = None;
            return Ok(Duration::ZERO);
        }
        at.position = page.until;
        let still = at.told.elapsed() >= STILL_EVERY;
        if !page.changes.is_empty() || still {
            state.watchers.publish(Batch {
                log: page.log,
                from: at.published,
                until: page.until,
                changes: page.changes,
            });
            at.published = page.until;
            at.told = Instant::now();
        }
        self.unsettled = if page.unsettled {
            self.unsettled + 1
        } else {
            0
        };
        Ok(match (page.drained, self.unsettled) {
            (false, _) => Duration::ZERO,
            (true, 0) => POLL_EVERY,
            (true, times) => Duration::from_millis(AGAIN_MS[times.min(AGAIN_MS.len()) - 1]),
        })
    }
}
