//! What one dispatcher holds in memory: the rows of the next seconds, the gateway's
//! credit, and what is out. No IO; the dispatcher and the stream's session share it.

mod crowds;
mod frozen;
mod groups;
mod order;
mod turns;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use crowds::{crowded, full};
use frozen::Frozen;
use groups::Groups;
use order::{Line, Order, Rank};
use turns::Turns;

use super::{
    AttemptRef,
    upcoming::{Crowded, Upcoming},
};
use crate::notifications::Lane;

/// Rows of one chat that may be out at once: the next one is on its way while the
/// pacer keeps its second.
const MAX_OUT_PER_CHAT: usize = 2;
/// And of a group: it may have to wait for a minute.
const MAX_OUT_PER_GROUP: usize = 1;

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
    order: Order,
}

/// Where a row waits: earlier lanes first; of a lane the earlier turn, then the earlier
/// due.
type Place = (Lane, u64, Instant, Uuid);

/// Since when a lane has rows that only credit keeps from being begun.
#[derive(Debug, Default)]
struct Starved(HashMap<Lane, Instant>);

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
    /// When it fell due, whatever put it off.
    due_us: i64,
    /// It was out, and keeps its place in its line.
    back: bool,
}

#[derive(Debug, Clone, Copy)]
struct Out {
    lane: Lane,
    due: Instant,
    row: Waiting,
    attempt_no: Option<i32>,
    since: Instant,
}

/// An attempt after which its row is pending again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Back {
    /// Which.
    pub attempt: AttemptRef,
    /// The row's now.
    pub version: i64,
    /// Until it may be begun again.
    pub wait: Duration,
}

impl Waiting {
    fn line(&self, lane: Lane) -> Line {
        (lane, self.chat_id, self.sender)
    }

    fn rank(&self, id: Uuid) -> Rank {
        (self.due_us, id)
    }
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

/// What a read found waiting here.
#[derive(Debug, Default)]
struct Met {
    /// Rows that had come back.
    back: HashSet<Uuid>,
    /// Rows that came back since they were read.
    stale: HashSet<Uuid>,
}

impl Met {
    fn was_back(&self, row: &Upcoming) -> bool {
        self.back.contains(&row.id)
    }

    fn is_stale(&self, row: &Upcoming) -> bool {
        self.stale.contains(&row.id)
    }
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
    /// a round trip. What came back stays until it is begun again, wherever the read ended.
    pub fn load(&mut self, rows: &[Upcoming], read: Instant) -> Loaded {
        let known: HashSet<Uuid> = self.waiting.keys().map(|(.., id)| *id).collect();
        let met = self.give_way(rows);
        self.waiting.retain(|_, waiting| waiting.back);
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
            if self.out.contains_key(&row.id) || met.is_stale(row) {
                continue;
            }
            let new = all_known && !known.contains(&row.id);
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
            self.wait((*lane, turn), row, read, met.was_back(row));
        }
        self.read = self.in_turn();
        let full = full(&rows);
        self.more = !full.is_empty();
        Loaded {
            missed,
            crowded: crowded(&rows, &full, &self.order),
        }
    }

    /// Adds what a read of the interactive lane alone showed to what waits, at `read`.
    pub fn add(&mut self, rows: &[Upcoming], read: Instant) {
        let met = self.give_way(rows);
        for row in rows {
            if !self.out.contains_key(&row.id) && !met.is_stale(row) {
                self.wait((Lane::Interactive, 0), row, read, met.was_back(row));
            }
        }
    }

    /// Removes what was read anew, but for what came back since it was read.
    fn give_way(&mut self, rows: &[Upcoming]) -> Met {
        let read: HashMap<_, _> = rows.iter().map(|row| (row.id, row.version)).collect();
        let mut met = Met::default();
        let order = &mut self.order;
        self.waiting.retain(|(lane, .., id), waiting| {
            let Some(version) = read.get(id) else {
                return true;
            };
            if waiting.back && *version < waiting.version {
                met.stale.insert(*id);
                return true;
            }
            if waiting.back {
                order.remove(waiting.line(*lane), waiting.rank(*id));
                met.back.insert(*id);
            }
            false
        });
        met
    }

    fn wait(&mut self, (lane, turn): (Lane, u64), row: &Upcoming, read: Instant, was_back: bool) {
        let ahead = Duration::from_micros(row.in_us.unsigned_abs());
        let due = if row.in_us >= 0 {
            read + ahead
        } else {
            read.checked_sub(ahead).unwrap_or(read)
        };
        let mut waiting = Waiting {
            version: row.version,
            chat_id: row.chat_id,
            sender: row.sender,
            due_us: row.due_us,
            back: false,
        };
        waiting.back =
            (row.back || was_back) && self.order.add(waiting.line(lane), waiting.rank(row.id));
        self.waiting.insert((lane, turn, due, row.id), waiting);
    }

    /// How many wait that never were out.
    fn in_turn(&self) -> usize {
        self.waiting.len().saturating_sub(self.order.len())
    }

    /// Whether one that came back goes before it; or, when it came back itself, one that is
    /// out: what becomes of that may be on its way, and be the same.
    fn is_behind(&self, lane: Lane, id: Uuid, waiting: &Waiting) -> bool {
        let (queue, rank) = (waiting.line(lane), waiting.rank(id));
        let goes_before =
            |(id, out): (&Uuid, &Out)| out.row.line(out.lane) == queue && out.row.rank(*id) < rank;
        self.order.is_behind(queue, rank)
            || waiting.back
                && self.places.chats.contains_key(&waiting.chat_id)
                && self.out.iter().any(goes_before)
    }

    /// Whether half of what was read is gone and more is there.
    #[must_use]
    pub fn wants_more(&self) -> bool {
        self.more && self.in_turn() <= self.read / 2
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
            if ready > until
                || !self.places.has_chat(waiting.chat_id)
                || self.is_behind(lane, id, waiting)
            {
                continue;
            }
            if !self.places.has_credit(lane) {
                starved.insert(lane);
                continue;
            }
            self.places.take(lane, waiting.chat_id);
            let out = Out {
                lane,
                due,
                row: *waiting,
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
            .filter(|((lane, .., id), waiting)| {
                self.places.may_take(*lane, waiting.chat_id) && !self.is_behind(*lane, *id, waiting)
            })
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
        if self.is_out(attempt).is_some() {
            self.remove(attempt.notification_id);
        }
    }

    /// An attempt is over, and its row waits for another one: before what fell due after it.
    pub fn came_back(&mut self, back: Back, now: Instant) {
        let Some(mut out) = self.is_out(back.attempt) else {
            return;
        };
        let id = back.attempt.notification_id;
        self.remove(id);
        let (line, rank) = (out.row.line(out.lane), out.row.rank(id));
        if !Order::keeps(back.wait) || !self.order.add(line, rank) {
            return;
        }
        out.row.version = back.version;
        out.row.back = true;
        let turn = match out.lane {
            Lane::Interactive | Lane::Reminder => 0,
            Lane::Broadcast => self.turns.first(out.row.sender),
        };
        // Not before its own instant, ahead of which it was begun.
        let due = out.due.max(now + back.wait);
        self.waiting.insert((out.lane, turn, due, id), out.row);
    }

    /// An attempt reached its chat, and that is stored: a group rests before its next row.
    pub fn sent(&mut self, attempt: AttemptRef, now: Instant) {
        let out = self.is_out(attempt);
        let group = out.map(|out| out.row.chat_id);
        if let Some(group) = group.filter(|chat_id| *chat_id < 0) {
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
        self.places.leave_chat(out.row.chat_id);
        if out.row.back {
            self.order.remove(out.row.line(out.lane), out.row.rank(id));
        }
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

    fn is_out(&self, attempt: AttemptRef) -> Option<Out> {
        let out = self.out.get(&attempt.notification_id).copied();
        out.filter(|out| out.attempt_no == Some(attempt.attempt_no))
    }

    /// Whether nothing is out.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.out.is_empty()
    }
}

#[cfg(test)]
mod tests;
