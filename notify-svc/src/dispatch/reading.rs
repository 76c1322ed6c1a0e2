//! When a dispatcher reads its queue again, and how much of it.

use std::time::Duration;

use sqlx::PgPool;
use tokio::time::Instant;
use uuid::Uuid;

use super::upcoming::{self, Crowded, MAX_SENDERS, Upcoming, Window};
use crate::notifications::Lane;

/// Rows of each lane held in memory.
const WINDOW: i64 = 500;
/// Before the next read after the database failed.
const RETRY: Duration = Duration::from_millis(200);
/// What was accepted is committed by then: a read between two whole ones looks no further
/// back than this before the oldest that waited.
const COMMITTED: Duration = Duration::from_secs(10);
/// As far back as there is anything.
const EVER: Duration = Duration::from_hours(24 * 366 * 100);

/// The reads of one dispatcher: whole ones with every sweep, and between them, for what
/// wake-ups tell of, those of what came since. They run beside it: nothing that is due waits
/// for a read.
#[derive(Debug)]
pub struct Reading {
    /// Not before this.
    wanted: Option<Instant>,
    /// Reading takes at most a fifth of the time, whatever it costs: every row accepted asks
    /// for it. Whole reads, which cost more, and the others each have theirs.
    not_before: Instant,
    whole_not_before: Instant,
    /// The next one is whole.
    whole: bool,
    /// When the last whole one was, and how old the oldest row then.
    oldest: (Instant, Duration),
    /// Whose broadcasts it read.
    senders: Vec<i64>,
    after_sender: i64,
    crowded: Crowded,
}

/// One read.
#[derive(Debug)]
pub struct Ask {
    /// It looks for what no wake-up told of.
    pub whole: bool,
    started: Instant,
    back: Duration,
    senders: Vec<i64>,
    after_sender: i64,
    crowded: Crowded,
    rows: Vec<Upcoming>,
    finished: Instant,
}

impl Ask {
    /// What it found.
    #[must_use]
    pub fn rows(&self) -> &[Upcoming] {
        &self.rows
    }

    /// When it began and ended; times until due are those of the end.
    #[must_use]
    pub fn ran(&self) -> (Instant, Instant) {
        (self.started, self.finished)
    }

    /// Reads.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn read(
        mut self,
        pool: PgPool,
        bot_id: i64,
        horizon: Duration,
    ) -> sqlx::Result<Self> {
        let mut conn = pool.acquire().await?;
        if self.whole {
            self.senders = upcoming::list_senders(&mut conn, bot_id, self.after_sender).await?;
        } else {
            let recent =
                upcoming::list_recent_senders(&mut conn, bot_id, self.back, horizon).await?;
            for sender in recent {
                if !self.senders.contains(&sender) {
                    self.senders.push(sender);
                }
            }
        }
        let window = Window {
            bot_id,
            horizon,
            back: self.back,
            rows: WINDOW,
            senders: &self.senders,
            crowded: &self.crowded,
        };
        self.rows = upcoming::list_upcoming(&mut conn, window).await?;
        self.finished = Instant::now();
        Ok(self)
    }
}

impl Reading {
    /// One that begins at once.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            wanted: Some(now),
            not_before: now,
            whole_not_before: now,
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

    /// Who is read apart in a lane.
    #[must_use]
    pub fn apart(&self, lane: Lane) -> Vec<Uuid> {
        self.crowded.of(lane)
    }

    /// Something may have come.
    pub fn want(&mut self) {
        self.wanted.get_or_insert(self.not_before);
    }

    /// Something may have been missed.
    pub fn sweep(&mut self, now: Instant) {
        if now >= self.whole_not_before {
            self.whole = true;
            self.want();
        }
    }

    /// The read that is due, if any; wishes from now on are for the one after it.
    pub fn start(&mut self, now: Instant) -> Option<Ask> {
        self.wanted.filter(|at| *at <= now)?;
        self.wanted = None;
        let whole = std::mem::take(&mut self.whole);
        let (then, age) = self.oldest;
        Some(Ask {
            whole,
            started: now,
            back: if whole {
                EVER
            } else {
                age + now.duration_since(then) + COMMITTED
            },
            senders: self.senders.clone(),
            after_sender: self.after_sender,
            crowded: self.crowded.clone(),
            rows: Vec::new(),
            finished: now,
        })
    }

    /// One failed, and with it what it was to find.
    pub fn failed(&mut self, now: Instant) {
        self.whole = true;
        self.wanted = Some(now + RETRY);
    }

    /// One ended, and showed who is to be read apart.
    pub fn done(&mut self, ask: Ask, crowded: Crowded) {
        let now = ask.finished;
        let pause = now.duration_since(ask.started) * 4;
        let mut more = false;
        if ask.whole {
            self.whole_not_before = now + pause;
            let first = ask.rows.iter().map(|row| row.in_us).min();
            let age = Duration::from_micros(first.unwrap_or_default().min(0).unsigned_abs());
            self.oldest = (ask.started, age);
            // More than can be read at once are read in turns.
            more = ask.senders.len() >= MAX_SENDERS;
            let last = ask.senders.last().copied().filter(|_| more);
            self.after_sender = last.unwrap_or(i64::MIN);
        } else {
            self.not_before = now + pause;
        }
        self.senders = ask.senders;
        // Others' rows were hidden behind theirs.
        let hid = crowded.0.iter().any(|who| !self.crowded.0.contains(who));
        self.crowded = crowded;
        if more {
            self.whole = true;
            self.wanted = Some(self.whole_not_before);
        } else if hid {
            self.want();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(in_s: i64) -> Upcoming {
        Upcoming {
            id: Uuid::nil(),
            user_id: Uuid::nil(),
            version: 1,
            lane: Lane::Reminder.number(),
            sender: 0,
            chat_id: 1,
            in_us: in_s * 1_000_000,
            due_us: in_s * 1_000_000,
            back: false,
            share: 500,
        }
    }

    const TOOK: Duration = Duration::from_millis(10);

    fn finish(reading: &mut Reading, mut ask: Ask, rows: &[Upcoming]) -> Instant {
        let now = ask.started + TOOK;
        ask.rows = rows.to_vec();
        ask.finished = now;
        reading.done(ask, Crowded::default());
        now
    }

    #[test]
    fn between_sweeps_reads_go_back_to_the_oldest_that_waited_and_a_little_more() {
        let start = Instant::now();
        let mut reading = Reading::new(start);
        let first = reading.start(start).unwrap();
        assert!(first.whole && first.back == EVER);
        let then = finish(&mut reading, first, &[row(-30), row(5)]);
        assert!(reading.start(then).is_none(), "nobody asked");
        reading.want();
        let later = then + Duration::from_secs(1);
        let second = reading.start(later).unwrap();
        assert!(!second.whole);
        let passed = Duration::from_secs(1) + TOOK;
        assert_eq!(second.back, Duration::from_secs(30) + passed + COMMITTED);
    }

    #[test]
    fn a_wish_while_a_read_runs_is_kept_and_reads_pause_four_times_as_long_as_they_took() {
        let start = Instant::now();
        let mut reading = Reading::new(start);
        let first = reading.start(start).unwrap();
        reading.want();
        let then = finish(&mut reading, first, &[]);
        // A whole read makes no other wait.
        let second = reading.start(then).unwrap();
        reading.want();
        let then = finish(&mut reading, second, &[]);
        reading.want();
        assert_eq!(reading.wanted(), Some(start));
        reading.start(then).unwrap();
        reading.want();
        assert_eq!(reading.wanted(), Some(then + TOOK * 4));
        // A sweep too soon after a whole read is left out.
        reading.sweep(start + TOOK);
        assert!(!reading.whole);
        reading.sweep(start + TOOK * 5);
        assert!(reading.whole);
    }

    #[test]
    fn more_senders_than_fit_are_read_in_turns() {
        let start = Instant::now();
        let mut reading = Reading::new(start);
        let mut ask = reading.start(start).unwrap();
        let senders = i64::try_from(MAX_SENDERS).unwrap();
        ask.senders = (0..senders).collect();
        let then = finish(&mut reading, ask, &[]);
        let mut ask = reading.start(then + TOOK * 4).unwrap();
        assert!(ask.whole);
        assert_eq!(ask.after_sender, senders - 1);
        ask.senders = vec![senders];
        finish(&mut reading, ask, &[]);
        assert_eq!(reading.after_sender, i64::MIN);
    }

    #[test]
    fn what_a_failed_read_was_to_find_is_looked_for_again() {
        let start = Instant::now();
        let mut reading = Reading::new(start);
        reading.start(start).unwrap();
        reading.failed(start);
        assert!(reading.start(start).is_none());
        assert!(reading.start(start + RETRY).unwrap().whole);
    }
}
