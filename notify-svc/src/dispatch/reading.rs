//! When a dispatcher reads its queue again, and how much of it.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::Instant;

use super::upcoming::{self, Crowded, MAX_SENDERS, Upcoming, Window};

/// Rows of each lane held in memory.
const WINDOW: i64 = 500;
/// What was accepted is committed by then: a read between two whole ones looks no further
/// back than this before the oldest that waited.
const COMMITTED: Duration = Duration::from_secs(10);
/// As far back as there is anything.
const EVER: Duration = Duration::from_hours(24 * 366 * 100);

/// The reads of one dispatcher: whole ones with every sweep, and between them, for what
/// wake-ups tell of, those of what came since.
#[derive(Debug)]
pub struct Reading {
    /// Not before this.
    wanted: Option<Instant>,
    /// Reading takes at most a fifth of the time, whatever it costs: every row accepted asks
    /// for it.
    not_before: Instant,
    /// The next one is whole.
    whole: bool,
    /// When the last whole one was, and how old the oldest row then.
    oldest: (Instant, Duration),
    /// Whose broadcasts it read.
    senders: Vec<i64>,
    after_sender: i64,
    crowded: Crowded,
}

impl Reading {
    /// One that begins at once.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            wanted: Some(now),
            not_before: now,
            whole: true,
            oldest: (now, Duration::ZERO),
            senders: Vec::new(),
            after_sender: i64::MIN,
            crowded: Crowded::default(),
        }
    }

    /// When the next one is due, if one is wanted.
    #[must_use]
    pub fn wanted(&self) -> Option<Instant> {
        self.wanted
    }

    /// Whether it is to be made now.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.wanted.is_some_and(|at| at <= now)
    }

    /// Whether it looks for what no wake-up told of.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Something may have come.
    pub fn want(&mut self) {
        self.wanted.get_or_insert(self.not_before);
    }

    /// Something may have been missed.
    pub fn sweep(&mut self) {
        self.whole = true;
        self.want();
    }

    /// Reads.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn rows(
        &mut self,
        conn: &mut PgConnection,
        bot_id: i64,
        horizon: Duration,
    ) -> sqlx::Result<Vec<Upcoming>> {
        let back = if self.whole {
            self.senders = upcoming::list_senders(conn, bot_id, self.after_sender).await?;
            EVER
        } else {
            let (then, age) = self.oldest;
            let back = age + then.elapsed() + COMMITTED;
            let recent = upcoming::list_recent_senders(conn, bot_id, back, horizon).await?;
            for sender in recent {
                if !self.senders.contains(&sender) {
                    self.senders.push(sender);
                }
            }
            back
        };
        let window = Window {
            bot_id,
            horizon,
            back,
            rows: WINDOW,
            senders: &self.senders,
            crowded: &self.crowded,
        };
        upcoming::list_upcoming(conn, window).await
    }

    /// It took from `started` to `now`, and showed who is to be read apart.
    pub fn done(&mut self, started: Instant, now: Instant, rows: &[Upcoming], crowded: Crowded) {
        self.wanted = None;
        self.not_before = now + now.duration_since(started) * 4;
        let mut more = false;
        if self.whole {
            let first = rows.iter().map(|row| row.in_us).min().unwrap_or_default();
            let age = Duration::from_micros(first.min(0).unsigned_abs());
            self.oldest = (now, age);
            // More than can be read at once are read in turns.
            let last = self.senders.last().copied();
            self.after_sender = last
                .filter(|_| self.senders.len() >= MAX_SENDERS)
                .unwrap_or(i64::MIN);
            more = self.after_sender != i64::MIN;
        }
        self.whole = more;
        // Others' rows were hidden behind theirs.
        let hid = crowded.0.iter().any(|who| !self.crowded.0.contains(who));
        self.crowded = crowded;
        if more || hid {
            self.want();
        }
    }
}
