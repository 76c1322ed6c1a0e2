//! What one dispatcher holds in memory: the rows of the next seconds, the gateway's
//! credit, and what is out. No IO; the dispatcher and the stream's session share it.

mod groups;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use groups::Groups;

use super::{
    AttemptRef,
    upcoming::{CHAT_SHARE, Crowded, Upcoming},
};
use crate::notifications::Lane;

/// Rows of one chat that may be out at once: the next one is on its way while the
/// pacer keeps its second.
const MAX_OUT_PER_CHAT: usize = 2;
/// And of a group: it may have to wait for a minute.
const MAX_OUT_PER_GROUP: usize = 1;

/// Who is read apart at most.
const MAX_CROWDED: usize = 500;

/// The state of one bot's flow in one epoch.
#[derive(Debug, Default)]
pub struct Flow {
    places: Places,
    waiting: BTreeMap<Place, Waiting>,
    /// More wait in the database than fitted into what was read last.
    more: bool,
    /// How many were read last.
    read: usize,
    turns: Turns,
    starved: Starved,
    out: HashMap<Uuid, Out>,
    frozen: Frozen,
    groups: Groups,
}

/// Where a row waits: earlier lanes first; of a lane the earlier turn, then the earlier
/// due.
type Place = (Lane, u64, Instant, Uuid);

/// Whose turn it is among the senders of broadcasts: each row takes a turn, the rows of one
/// sender one after another, so that the few of one do not wait for the many of another.
#[derive(Debug, Default)]
struct Turns {
    /// Of the row taken last.
    now: u64,
    /// The next one of each sender that is ahead of `now`.
    next: HashMap<i64, u64>,
}

impl Turns {
    /// The first turn that a sender's waiting rows have.
    fn first(&self, sender: i64) -> u64 {
        let next = self.next.get(&sender).copied();
        next.unwrap_or_default().max(self.now)
    }

    fn taken(&mut self, sender: i64, turn: u64) {
        self.now = self.now.max(turn);
        self.next.insert(sender, turn + 1);
    }

    fn forget_past(&mut self) {
        let now = self.now;
        self.next.retain(|_, next| *next > now);
    }
}

/// Since when a lane has rows that only credit keeps from being begun.
#[derive(Debug, Default)]
struct Starved(HashMap<Lane, Instant>);

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
    fn has_credit(&self, lane: Lane) -> bool {
        let credit = self.credit.get(&lane).copied().unwrap_or_default();
        let pushed = self.pushed.get(&lane).copied().unwrap_or_default();
        pushed < credit
    }

    fn has_chat(&self, chat_id: i64) -> bool {
        let in_chat = self.chats.get(&chat_id).copied().unwrap_or_default();
        // Groups, supergroups and channels have negative ids.
        let most = if chat_id < 0 {
            MAX_OUT_PER_GROUP
        } else {
            MAX_OUT_PER_CHAT
        };
        in_chat < most
    }

    fn may_take(&self, lane: Lane, chat_id: i64) -> bool {
        self.has_credit(lane) && self.has_chat(chat_id)
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
    sender: i64,
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

/// What a read showed.
#[derive(Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Rows that were due before they were known here.
    pub missed: usize,
    /// Who is to be read apart from now on.
    pub crowded: Crowded,
}

/// A lane and a sender, of which as many rows were read as may be.
type Full = HashSet<(Lane, i64)>;

fn group(lane: Lane, row: &Upcoming) -> (Lane, i64) {
    match lane {
        Lane::Interactive | Lane::Reminder => (lane, 0),
        Lane::Broadcast => (lane, row.sender),
    }
}

fn full(rows: &[(Lane, &Upcoming)]) -> Full {
    let mut read: HashMap<(Lane, i64), i64> = HashMap::new();
    let mut full = HashSet::new();
    for (lane, row) in rows.iter().filter(|(_, row)| row.share > 0) {
        let rows = read.entry(group(*lane, row)).or_default();
        *rows += 1;
        if *rows >= row.share {
            full.insert(group(*lane, row));
        }
    }
    full
}

/// Who fills a full group with one chat's rows, and who was read apart and still has more
/// than the share.
fn crowded(rows: &[(Lane, &Upcoming)], full: &Full) -> Crowded {
    let mut chats: HashMap<(Lane, i64), usize> = HashMap::new();
    let mut apart: HashMap<(Lane, Uuid), usize> = HashMap::new();
    for (lane, row) in rows {
        if row.share == 0 {
            *apart.entry((*lane, row.user_id)).or_default() += 1;
        } else if full.contains(&group(*lane, row)) {
            *chats.entry((*lane, row.chat_id)).or_default() += 1;
        }
    }
    let crowds = |lane: Lane, row: &Upcoming| match row.share {
        0 => apart.get(&(lane, row.user_id)) >= Some(&CHAT_SHARE),
        _ => chats.get(&(lane, row.chat_id)) > Some(&CHAT_SHARE),
    };
    let mut crowded: Vec<_> = rows
        .iter()
        .filter(|(lane, row)| crowds(*lane, row))
        .map(|(lane, row)| (*lane, row.user_id))
        .collect();
    crowded.sort_unstable();
    crowded.dedup();
    crowded.truncate(MAX_CROWDED);
    Crowded(crowded)
}

impl Flow {
    /// The gateway can take `cumulative` rows of a lane in this epoch. Answers for how long
    /// rows waited for nothing else.
    pub fn credit(&mut self, lane: Lane, cumulative: i64, now: Instant) -> Duration {
        let credit = self.places.credit.entry(lane).or_default();
        let more = cumulative > *credit;
        *credit = cumulative.max(*credit);
        let starved = self.starved.0.get(&lane).copied().filter(|_| more);
        if starved.is_some() {
            self.starved.0.remove(&lane);
        }
        starved.map_or(Duration::ZERO, |since| now.duration_since(since))
    }

    /// Telegram takes nothing for a chat, or with 0 for the bot, before `until`. One chat too
    /// many is not remembered: its rows come back by themselves.
    pub fn freeze(&mut self, chat_id: i64, until: Instant, now: Instant) {
        self.frozen.freeze(chat_id, until, now);
    }

    /// Replaces what waits by what was read, at `read`: late rather than early by half
    /// a round trip.
    pub fn load(&mut self, rows: &[Upcoming], read: Instant) -> Loaded {
        let known: HashMap<Uuid, i64> = self
            .waiting
            .iter()
            .map(|((_, _, _, id), waiting)| (*id, waiting.version))
            .collect();
        self.waiting.clear();
        self.frozen.forget_over(read);
        self.turns.forget_past();
        let mut rows: Vec<_> = rows
            .iter()
            .filter_map(|row| Some((Lane::parse(i32::from(row.lane))?, row)))
            .collect();
        rows.sort_unstable_by_key(|(lane, row)| (*lane, row.in_us, row.id));
        // What did not fit before is new here without having been missed.
        let all_known = !self.more;
        let mut missed = 0;
        let mut turns: HashMap<i64, u64> = HashMap::new();
        for (lane, row) in &rows {
            if self.out.contains_key(&row.id) {
                continue;
            }
            let new = all_known && !known.contains_key(&row.id);
            missed += usize::from(row.in_us < 0 && new);
            let turn = match lane {
                Lane::Interactive | Lane::Reminder => 0,
                Lane::Broadcast => {
                    let first = self.turns.first(row.sender);
                    let next = turns.entry(row.sender).or_insert(first);
                    *next += 1;
                    *next - 1
                }
            };
            self.wait(*lane, turn, row, read);
        }
        self.read = self.waiting.len();
        let full = full(&rows);
        self.more = !full.is_empty();
        Loaded {
            missed,
            crowded: crowded(&rows, &full),
        }
    }

    /// Adds what a read of the interactive lane alone showed to what waits, at `read`.
    pub fn add(&mut self, rows: &[Upcoming], read: Instant) {
        let ids: HashSet<_> = rows.iter().map(|row| row.id).collect();
        self.waiting.retain(|(.., id), _| !ids.contains(id));
        for row in rows {
            if !self.out.contains_key(&row.id) {
                self.wait(Lane::Interactive, 0, row, read);
            }
        }
    }

    fn wait(&mut self, lane: Lane, turn: u64, row: &Upcoming, read: Instant) {
        let ahead = Duration::from_micros(row.in_us.unsigned_abs());
        let due = if row.in_us >= 0 {
            read + ahead
        } else {
            read.checked_sub(ahead).unwrap_or(read)
        };
        let waiting = Waiting {
            version: row.version,
            chat_id: row.chat_id,
            sender: row.sender,
        };
        self.waiting.insert((lane, turn, due, row.id), waiting);
    }

    /// Whether half of what was read is gone and more is there.
    #[must_use]
    pub fn wants_more(&self) -> bool {
        self.more && self.waiting.len() <= self.read / 2
    }

    /// Takes up to `limit` rows due by `until`, earlier lanes first, as far as credit
    /// and chats allow.
    pub fn take(&mut self, until: Instant, limit: usize, now: Instant) -> Vec<Candidate> {
        let mut taken = Vec::new();
        let mut starved = HashSet::new();
        for (&(lane, turn, due, id), waiting) in &self.waiting {
            if taken.len() >= limit {
                break;
            }
            let ready = self.frozen.ready(due, waiting.chat_id);
            if ready > until || !self.places.has_chat(waiting.chat_id) {
                continue;
            }
            if !self.places.has_credit(lane) {
                starved.insert(lane);
                continue;
            }
            self.places.take(lane, waiting.chat_id);
            let out = Out {
                chat_id: waiting.chat_id,
                attempt_no: None,
                since: now,
            };
            self.out.insert(id, out);
            let candidate = Candidate {
                id,
                version: waiting.version,
                lane,
                due,
            };
            taken.push((candidate, turn, waiting.sender));
        }
        for (row, turn, sender) in &taken {
            self.waiting.remove(&(row.lane, *turn, row.due, row.id));
            if row.lane == Lane::Broadcast {
                self.turns.taken(*sender, *turn);
            }
        }
        self.starved.0.retain(|lane, _| starved.contains(lane));
        for lane in starved {
            self.starved.0.entry(lane).or_insert(now);
        }
        taken.into_iter().map(|(row, _, _)| row).collect()
    }

    /// When the next row that credit and chats allow may be begun.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.waiting
            .iter()
            .filter(|((lane, ..), waiting)| self.places.may_take(*lane, waiting.chat_id))
            .map(|((_, _, due, _), waiting)| self.frozen.ready(*due, waiting.chat_id))
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

    /// An attempt reached its chat, and that is stored: a group rests before its next row.
    pub fn sent(&mut self, attempt: AttemptRef, now: Instant) {
        let out = self.out.get(&attempt.notification_id);
        let group = out.map(|out| out.chat_id).filter(|chat_id| *chat_id < 0);
        if let Some(group) = group.filter(|_| self.is_out(attempt)) {
            let free_at = self.groups.sent(group, now);
            self.frozen.freeze(group, free_at, now);
        }
        self.finished(attempt);
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

    /// The attempts that were pushed and are out.
    #[must_use]
    pub fn out(&self) -> HashSet<AttemptRef> {
        let attempts = self.out.iter().filter_map(|(id, out)| {
            Some(AttemptRef {
                notification_id: *id,
                attempt_no: out.attempt_no?,
            })
        });
        attempts.collect()
    }

    fn is_out(&self, attempt: AttemptRef) -> bool {
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
