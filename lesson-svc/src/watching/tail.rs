//! Reads the log behind its end, once for all watchers of this replica.

use std::time::Duration;

use service_kit::{shutdown::Shutdown, status};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{Batch, Position, Watchers, cursor::Cursor, retention, store};
use crate::{errors::Error, state::State};

/// How often it looks when nobody wakes it.
const POLL_EVERY: Duration = Duration::from_millis(250);
/// How soon it looks again for what is committed and not certain yet.
const AGAIN_MS: [u64; 4] = [2, 5, 10, 20];
/// How often watchers learn where the log is when nothing happens, so that their cursors
/// stay young.
const STILL_EVERY: Duration = Duration::from_secs(5);
/// Where the tail is; nowhere while nobody watches.
#[derive(Default)]
struct Tail {
    at: Option<At>,
    /// How often in a row nothing became certain of what is committed.
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
        let Some(at) = &mut self.at else {
            self.at = Some(begin(state).await?);
            return Ok(Duration::ZERO);
        };
        let page = store::page(&mut *state.pool.acquire().await?, at.position).await?;
        let cursor = Cursor {
            log: at.log,
            position: at.position,
        };
        if page.is_out_of(cursor) {
            // What lies between is gone, or another log's. Where the tail begins anew its
            // watchers look themselves, and are reset if they are out of it too.
            self.at = Some(begin(state).await?);
            return Ok(POLL_EVERY);
        }
        at.position = page.until;
        let still = at.told.elapsed() >= STILL_EVERY;
        let moved = !page.changes.is_empty();
        if moved || still {
            state.watchers.publish(Batch {
                log: page.log,
                from: at.published,
                until: page.until,
                changes: page.changes,
            });
            at.published = page.until;
            at.told = Instant::now();
        }
        self.unsettled = match (page.unsettled, moved) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => self.unsettled + 1,
        };
        Ok(match (page.drained, self.unsettled) {
            (false, _) => Duration::ZERO,
            (true, 0) => POLL_EVERY,
            (true, times) => Duration::from_millis(AGAIN_MS[times.min(AGAIN_MS.len()) - 1]),
        })
    }
}

/// Begins at the log's end. Whoever watched before is told where that is, and reads what lies
/// before it.
async fn begin(state: &State) -> Result<At, Error> {
    retention::begin_anew(state).await?;
    let head = store::head(&mut *state.pool.acquire().await?).await?;
    state.watchers.publish(Batch {
        log: head.log,
        from: head.position,
        until: head.position,
        changes: Vec::new(),
    });
    Ok(At {
        log: head.log,
        position: head.position,
        published: head.position,
        told: Instant::now(),
    })
}
