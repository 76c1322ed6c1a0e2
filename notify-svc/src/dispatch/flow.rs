//! What one dispatcher holds in memory: the rows of the next seconds, the gateway's
//! credit, and what is out. No IO; the dispatcher and the stream's session share it.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use super::{AttemptRef, store::Upcoming};
use crate::notifications::Lane;

/// Rows of one chat that may be out at once: the next one is on its way while the
/// pacer keeps its second.
const MAX_OUT_PER_CHAT: usize = 2;

/// The state of one bot's flow in one epoch.
#[derive(Debug, Default)]
pub struct Flow {
    places: Places,
    waiting: BTreeMap<(Lane, Instant, Uuid), Waiting>,
    out: HashMap<Uuid, Out>,
}

/// How many rows may be out, and are.
#[derive(Debug, Default)]
struct Places {
    credit: HashMap<Lane, i64>,
    pushed: HashMap<Lane, i64>,
    chats: HashMap<i64, usize>,
}

impl Places {
    fn may_take(&self, lane: Lane, chat_id: i64) -> bool {
        let credit = self.credit.get(&lane).copied().unwrap_or_default();
        let pushed = self.pushed.get(&lane).copied().unwrap_or_default();
        let in_chat = self.chats.get(&chat_id).copied().unwrap_or_default();
        pushed < credit && in_chat < MAX_OUT_PER_CHAT
    }

    fn take(&mut self, lane: Lane, chat_id: i64) {
        *self.pushed.entry(lane).or_default() += 1;
        *self.chats.entry(chat_id).or_default() += 1;
    }

    fn leave_chat(&mut self, chat_id: i64) {
        if let Some(in_chat) = self.chats.get_mut(&chat_id) {
            *in_chat -= 1;
            if *in_chat == 0 {
                self.chats.remove(&chat_id);
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    version: i64,
    chat_id: i64,
}

#[derive(Debug, Clone, Copy)]
struct Out {
    chat_id: i64,
    attempt_no: Option<i32>,
    since: Instant,
}

/// A row that may be begun now; its place is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub id: Uuid,
    /// Begin compares it.
    pub version: i64,
    /// In which lane.
    pub lane: Lane,
    /// When it is due, on this machine's timer.
    pub due: Instant,
}

impl Flow {
    /// The gateway can take `cumulative` rows of a lane in this epoch.
    pub fn credit(&mut self, lane: Lane, cumulative: i64) {
        let credit = self.places.credit.entry(lane).or_default();
        *credit = cumulative.max(*credit);
    }

    /// Replaces what waits by what was read, at `read`: late rather than early by half
    /// a round trip. Answers how many of the rows were due before they were known here.
    pub fn load(&mut self, rows: &[Upcoming], read: Instant) -> usize {
        let known: HashMap<Uuid, i64> = self
            .waiting
            .iter()
            .map(|((_, _, id), waiting)| (*id, waiting.version))
            .collect();
        self.waiting.clear();
        let mut missed = 0;
        for row in rows {
            let Some(lane) = Lane::parse(i32::from(row.lane)) else {
                continue;
            };
            if self.out.contains_key(&row.id) {
                continue;
            }
            missed += usize::from(row.in_us < 0 && !known.contains_key(&row.id));
            let ahead = Duration::from_micros(row.in_us.unsigned_abs());
            let due = if row.in_us >= 0 {
                read + ahead
            } else {
                read.checked_sub(ahead).unwrap_or(read)
            };
            let waiting = Waiting {
                version: row.version,
                chat_id: row.chat_id,
            };
            self.waiting.insert((lane, due, row.id), waiting);
        }
        missed
    }

    /// Takes up to `limit` rows due by `until`, earlier lanes first, as far as credit
    /// and chats allow.
    pub fn take(&mut self, until: Instant, limit: usize, now: Instant) -> Vec<Candidate> {
        let mut taken = Vec::new();
        for (&(lane, due, id), waiting) in &self.waiting {
            if taken.len() >= limit {
                break;
            }
            if due > until || !self.places.may_take(lane, waiting.chat_id) {
                continue;
            }
            self.places.take(lane, waiting.chat_id);
            let out = Out {
                chat_id: waiting.chat_id,
                attempt_no: None,
                since: now,
            };
            self.out.insert(id, out);
            taken.push(Candidate {
                id,
                version: waiting.version,
                lane,
                due,
            });
        }
        for row in &taken {
            self.waiting.remove(&(row.lane, row.due, row.id));
        }
        taken
    }

    /// When the next row that credit and chats allow is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.waiting
            .iter()
            .filter(|((lane, _, _), waiting)| self.places.may_take(*lane, waiting.chat_id))
            .map(|((_, due, _), _)| *due)
            .min()
    }

    /// A taken row was begun, as this attempt.
    pub fn began(&mut self, attempt: AttemptRef) {
        if let Some(out) = self.out.get_mut(&attempt.notification_id) {
            out.attempt_no = Some(attempt.attempt_no);
        }
    }

    /// A taken row was not begun: its place is free again.
    pub fn not_begun(&mut self, candidate: Candidate) {
        *self.places.pushed.entry(candidate.lane).or_default() -= 1;
        self.remove(candidate.id);
    }

    /// The outcome of an attempt is stored: its chat is free again.
    pub fn finished(&mut self, attempt: AttemptRef) {
        let is_out = self
            .out
            .get(&attempt.notification_id)
            .is_some_and(|out| out.attempt_no == Some(attempt.attempt_no));
        if is_out {
            self.remove(attempt.notification_id);
        }
    }

    /// Forgets what has been out for `silence`: the sweep has made it uncertain.
    pub fn forget_silent(&mut self, silence: Duration, now: Instant) {
        let silent: Vec<_> = self
            .out
            .iter()
            .filter(|(_, out)| now.duration_since(out.since) > silence)
            .map(|(id, _)| *id)
            .collect();
        for id in silent {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: Uuid) {
        let Some(out) = self.out.remove(&id) else {
            return;
        };
        self.places.leave_chat(out.chat_id);
    }

    /// Whether this attempt was pushed and is out.
    #[must_use]
    pub fn is_out(&self, attempt: AttemptRef) -> bool {
        let out = self.out.get(&attempt.notification_id);
        out.is_some_and(|out| out.attempt_no == Some(attempt.attempt_no))
    }

    /// Whether nothing is out.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.out.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u128, lane: Lane, chat_id: i64, in_ms: i64) -> Upcoming {
        Upcoming {
            id: Uuid::from_u128(id),
            version: 1,
            lane: lane.number(),
            chat_id,
            in_us: in_ms * 1000,
        }
    }

    fn ids(taken: &[Candidate]) -> Vec<u128> {
        taken.iter().map(|row| row.id.as_u128()).collect()
    }

    fn attempt(id: u128) -> AttemptRef {
        AttemptRef {
            notification_id: Uuid::from_u128(id),
            attempt_no: 1,
        }
    }

    #[test]
    fn nothing_is_taken_without_credit_and_no_more_than_it() {
        let now = Instant::now();
        let mut flow = Flow::default();
        let rows: Vec<_> = (1..=3).map(|id| row(id, Lane::Reminder, 1, -1)).collect();
        flow.load(&rows, now);
        assert!(flow.take(now, 10, now).is_empty());
        assert_eq!(flow.next_due(), None);
        flow.credit(Lane::Reminder, 1);
        assert_eq!(flow.take(now, 10, now).len(), 1);
        assert!(flow.take(now, 10, now).is_empty());
    }

    #[test]
    fn earlier_lanes_go_first_and_in_a_lane_earlier_rows() {
        let now = Instant::now();
        let mut flow = Flow::default();
        for lane in Lane::ALL {
            flow.credit(lane, 10);
        }
        let rows = [
            row(1, Lane::Broadcast, 1, -50),
            row(2, Lane::Interactive, 2, -1),
            row(3, Lane::Interactive, 3, -9),
            row(4, Lane::Reminder, 4, 1000),
        ];
        flow.load(&rows, now);
        assert_eq!(ids(&flow.take(now, 10, now)), [3, 2, 1]);
        assert_eq!(flow.next_due(), Some(now + Duration::from_secs(1)));
    }

    #[test]
    fn two_rows_of_a_chat_are_out_at_once_and_a_third_when_one_is_finished() {
        let now = Instant::now();
        let mut flow = Flow::default();
        flow.credit(Lane::Interactive, 10);
        let rows: Vec<_> = (1..=4)
            .map(|id| row(id, Lane::Interactive, if id < 4 { 7 } else { 8 }, -1))
            .collect();
        flow.load(&rows, now);
        let taken = flow.take(now, 10, now);
        assert_eq!(ids(&taken), [1, 2, 4]);
        for id in [1, 2, 4] {
            flow.began(attempt(id));
        }
        flow.finished(attempt(1));
        assert_eq!(ids(&flow.take(now, 10, now)), [3]);
    }

    #[test]
    fn a_row_that_was_not_begun_gives_its_place_back() {
        let now = Instant::now();
        let mut flow = Flow::default();
        flow.credit(Lane::Interactive, 1);
        flow.load(&[row(1, Lane::Interactive, 7, -1)], now);
        let taken = flow.take(now, 10, now);
        flow.not_begun(taken[0]);
        assert!(flow.is_idle());
        flow.load(&[row(2, Lane::Interactive, 7, -1)], now);
        assert_eq!(ids(&flow.take(now, 10, now)), [2]);
    }

    #[test]
    fn what_is_out_is_not_loaded_again_and_what_was_late_is_counted_once() {
        let now = Instant::now();
        let mut flow = Flow::default();
        flow.credit(Lane::Interactive, 1);
        let rows = [
            row(1, Lane::Interactive, 7, -1),
            row(2, Lane::Interactive, 8, -1),
        ];
        assert_eq!(flow.load(&rows, now), 2);
        assert_eq!(ids(&flow.take(now, 10, now)), [1]);
        assert_eq!(flow.load(&rows, now), 0);
        flow.began(attempt(1));
        assert!(flow.is_out(attempt(1)));
        assert_eq!(flow.load(&rows, now), 0);
        flow.credit(Lane::Interactive, 2);
        assert_eq!(ids(&flow.take(now, 10, now)), [2]);
    }

    #[test]
    fn a_result_of_an_older_attempt_does_not_free_the_chat() {
        let now = Instant::now();
        let mut flow = Flow::default();
        flow.credit(Lane::Interactive, 1);
        flow.load(&[row(1, Lane::Interactive, 7, -1)], now);
        flow.take(now, 10, now);
        flow.began(AttemptRef {
            attempt_no: 2,
            ..attempt(1)
        });
        flow.finished(attempt(1));
        assert!(!flow.is_idle());
        flow.forget_silent(Duration::ZERO, now + Duration::from_millis(1));
        assert!(flow.is_idle());
    }
}
