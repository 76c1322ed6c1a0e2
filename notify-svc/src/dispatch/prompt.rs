//! What people wait for, read between the reads of everything.
//!
//! A read of the next seconds ([`super::reading`]) pauses four times as long as it took. While
//! much is due that is some tens of milliseconds, which a confirmation need not wait: its lane
//! alone is read in a fraction of that, and added to what is known.

use std::time::Duration;

use sqlx::PgPool;
use tokio::time::Instant;
use uuid::Uuid;

use super::upcoming::{self, Upcoming};

/// Rows at most: what is more comes with the read of everything.
const ROWS: i64 = 100;

/// When the next one may be.
#[derive(Debug)]
pub struct Prompt {
    wanted: bool,
    /// As with the reads of everything: a fifth of the time at most.
    not_before: Instant,
}

/// One read.
#[derive(Debug)]
pub struct PromptAsk {
    /// When it began.
    pub started: Instant,
    /// When it ended; times until due are of then.
    pub finished: Instant,
    /// What it found.
    pub rows: Vec<Upcoming>,
}

impl PromptAsk {
    /// Reads; not of those who are read apart.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn read(
        mut self,
        pool: PgPool,
        bot_id: i64,
        horizon: Duration,
        apart: Vec<Uuid>,
    ) -> sqlx::Result<Self> {
        let mut conn = pool.acquire().await?;
        self.rows = upcoming::list_interactive(&mut conn, bot_id, horizon, &apart, ROWS).await?;
        self.finished = Instant::now();
        Ok(self)
    }
}

impl Prompt {
    /// None is wanted yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            wanted: false,
            not_before: now,
        }
    }

    /// When the next one is due, if one is wanted.
    #[must_use]
    pub fn wanted(&self) -> Option<Instant> {
        self.wanted.then_some(self.not_before)
    }

    /// Something may have come.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// A read of everything begins, and sees it too.
    pub fn forget(&mut self) {
        self.wanted = false;
    }

    /// The read that is due, if any; wishes from now on are for the one after it.
    pub fn start(&mut self, now: Instant) -> Option<PromptAsk> {
        self.wanted().filter(|at| *at <= now)?;
        self.wanted = false;
        Some(PromptAsk {
            started: now,
            finished: now,
            rows: Vec::new(),
        })
    }

    /// One ended.
    pub fn done(&mut self, ask: &PromptAsk) {
        self.not_before = ask.finished + ask.finished.duration_since(ask.started) * 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOK: Duration = Duration::from_millis(2);

    #[test]
    fn it_is_read_when_wanted_and_pauses_four_times_as_long_as_it_took() {
        let start = Instant::now();
        let mut prompt = Prompt::new(start);
        assert!(prompt.start(start).is_none(), "nobody asked");
        prompt.want();
        let mut ask = prompt.start(start).unwrap();
        // While it runs.
        prompt.want();
        ask.finished = start + TOOK;
        prompt.done(&ask);
        assert!(prompt.start(start + TOOK * 4).is_none());
        assert_eq!(prompt.wanted(), Some(start + TOOK * 5));
        prompt.forget();
        assert!(prompt.start(start + TOOK * 5).is_none());
    }
}
