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
    frozen: Frozen,
}

/// Chats remembered as frozen: more than a bot can be told about in the time it takes to
/// be told to stop.
const MAX_FROZEN: usize = 10_000;

/// What Telegram does not take for now.
#[derive(Debug, Default)]
struct Frozen {
    bot: Option<Instant>,
    chats: HashMap<i64, Instant>,
}

impl Frozen {
    fn freeze(&mut self, chat_id: i64, until: Instant, now: Instant) {
        if chat_id == 0 {
            self.bot = self.bot.max(Some(until));
            return;
        }
        if self.chats.len() >= MAX_FROZEN {
            self.chats.retain(|_, until| *until > now);
        }
        if self.chats.len() < MAX_FROZEN {
            let frozen = self.chats.entry(chat_id).or_insert(until);
            *frozen = until.max(*frozen);
        }
    }

    /// When a row due at `due` may go to a chat.
    fn ready(&self, due: Instant, chat_id: i64) -> Instant {
        let chat = self.chats.get(&chat_id).copied();
        self.bot.max(chat).map_or(due, |until| until.max(due))
    }

    fn forget_over(&mut self, now: Instant) {
        self.bot = self.bot.filter(|until| *until > now);
        self.chats.retain(|_, until| *until > now);
    }
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

    /// Telegram takes nothing for a chat, or with 0 for the bot, before `until`. One chat too
    /// many is not remembered: its rows come back by themselves.
    pub fn freeze(&mut self, chat_id: i64, until: Instant, now: Instant) {
        self.frozen.freeze(chat_id, until, now);
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
        self.frozen.forget_over(read);
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
            let ready = self.frozen.ready(due, waiting.chat_id);
            if ready > until || !self.places.may_take(lane, waiting.chat_id) {
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

    /// When the next row that credit and chats allow may be begun.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.waiting
            .iter()
            .filter(|((lane, _, _), waiting)| self.places.may_take(*lane, waiting.chat_id))
            .map(|((_, due, _), waiting)| self.frozen.ready(*due, waiting.chat_id))
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
mod tests;
