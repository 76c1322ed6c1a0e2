//! When which message may start: Telegram's limits (OLM-8), lanes and freezes, as a
//! pure value whose every method takes the time.
//!
//! The strict rule: a request starts only while fewer than 30 others are in flight or
//! were answered within the last second. Telegram counts a request somewhere between
//! its start and its answer. Take any 31 requests and of them the one that started
//! last: one of the other 30 was answered at least a second before that start, so it
//! was counted at least a second before too. No jitter can break that, and unlike a
//! queue of 30 in order, one slow answer holds up nobody else. The same rule with 20
//! and 60 s holds for a group, and with 1 and 1 s for a chat.

pub mod gate;
mod lanes;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use lanes::Round;
pub use lanes::{LANES, Lane};

/// An instant, as the time since an origin that the caller chose. Monotonic.
pub type At = Duration;

/// Telegram's limits (core.telegram.org/bots/faq, "My bot is hitting limits") and how
/// much may wait here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages per second of one token.
    pub per_second: usize,
    /// The least time between an answer and the next message to the same chat.
    pub chat_gap: Duration,
    /// Messages per minute to one group.
    pub group_per_minute: usize,
    /// How many rows may wait in one lane.
    pub waiting_per_lane: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_second: 30,
            chat_gap: SECOND,
            group_per_minute: 20,
            waiting_per_lane: 1_000,
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// The lane holds as many rows as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many messages are waiting")]
pub struct Full;

/// Names a row that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    chat: i64,
    sequence: u64,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Start this row; tell [`Pacer::answered`] or [`Pacer::unused`] afterwards.
    Start(Key, T),
    /// Nothing before this instant, unless something changes.
    Wait(At),
    /// Nothing, unless something changes.
    Idle,
}

/// The pace of one token. Rows carry a `T`.
#[derive(Debug)]
pub struct Pacer<T> {
    limits: Limits,
    token: Window,
    round: Round,
    chats: HashMap<i64, Chat<T>>,
    /// Chats that may start a row of that lane, by the row's age.
    ready: [BTreeSet<(u64, i64)>; LANES],
    /// Chats that have to wait until an instant.
    later: BTreeSet<(At, i64)>,
    waiting: [usize; LANES],
    frozen_until: At,
    groups_silent_until: At,
    sequence: u64,
}

#[derive(Debug)]
struct Chat<T> {
    /// Answers to what the person just did.
    answers: VecDeque<Row<T>>,
    /// Notifications, in the order they were begun: a cancellation never overtakes the
    /// reminder begun before it.
    notices: VecDeque<Row<T>>,
    in_flight: bool,
    free_at: At,
    group: Option<Window>,
    place: Place,
}

#[derive(Debug)]
struct Row<T> {
    sequence: u64,
    lane: Lane,
    not_before: At,
    item: T,
}

/// Where a chat is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Ready(Lane, u64),
    Later(At),
}

impl<T> Pacer<T> {
    /// A pacer that has sent nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            token: Window::new(limits.per_second, SECOND),
            round: Round::default(),
            chats: HashMap::new(),
            ready: std::array::from_fn(|_| BTreeSet::new()),
            later: BTreeSet::new(),
            waiting: [0; LANES],
            frozen_until: Duration::ZERO,
            groups_silent_until: Duration::ZERO,
            sequence: 0,
        }
    }

    /// Keeps silent as if the limits had just been used up: a predecessor that ended
    /// without a word may have done that.
    pub fn silence(&mut self, now: At) {
        self.freeze_bot(now + SECOND);
        self.groups_silent_until = now + MINUTE;
    }

    /// Queues a row that starts at `not_before` or later.
    ///
    /// # Errors
    ///
    /// [`Full`] when the lane is.
    pub fn enqueue(
        &mut self,
        lane: Lane,
        chat: i64,
        not_before: At,
        item: T,
        now: At,
    ) -> Result<Key, Full> {
        if self.waiting[lane.index()] >= self.limits.waiting_per_lane {
            return Err(Full);
        }
        self.waiting[lane.index()] += 1;
        self.sequence += 1;
        let sequence = self.sequence;
        let row = Row {
            sequence,
            lane,
            not_before,
            item,
        };
        let state = self.chat(chat);
        if lane == Lane::Conversation {
            state.answers.push_back(row);
        } else {
            state.notices.push_back(row);
        }
        self.place(chat, now);
        Ok(Key { chat, sequence })
    }

    /// Takes a row back that has not started; `None` when it has.
    pub fn remove(&mut self, key: Key, now: At) -> Option<T> {
        let chat = self.chats.get_mut(&key.chat)?;
        let row = chat.remove(key.sequence)?;
        self.waiting[row.lane.index()] -= 1;
        self.place(key.chat, now);
        Some(row.item)
    }

    /// Says what may start now.
    pub fn next(&mut self, now: At) -> Next<T> {
        while let Some(&(at, chat)) = self.later.first() {
            if at > now {
                break;
            }
            self.place(chat, now);
        }
        if self.ready.iter().all(BTreeSet::is_empty) {
            return self
                .later
                .first()
                .map_or(Next::Idle, |&(at, _)| Next::Wait(at));
        }
        if now < self.frozen_until {
            return Next::Wait(self.frozen_until);
        }
        match self.token.free_at(now) {
            Some(at) if at <= now => {}
            Some(at) => return Next::Wait(at),
            None => return Next::Idle,
        }
        let ready = std::array::from_fn(|lane| !self.ready[lane].is_empty());
        let Some(lane) = self.round.choose(ready) else {
            return Next::Idle;
        };
        self.start(lane, now)
    }

    /// The started row was answered, or given up as if it were.
    pub fn answered(&mut self, key: Key, now: At) {
        self.token.answered(now);
        let gap = self.limits.chat_gap;
        let chat = self.chat(key.chat);
        chat.in_flight = false;
        chat.free_at = chat.free_at.max(now + gap);
        if let Some(group) = &mut chat.group {
            group.answered(now);
        }
        self.place(key.chat, now);
    }

    /// No byte of the started row was written, and none will be.
    pub fn unused(&mut self, key: Key, now: At) {
        self.token.unused();
        let chat = self.chat(key.chat);
        chat.in_flight = false;
        if let Some(group) = &mut chat.group {
            group.unused();
        }
        self.place(key.chat, now);
    }

    /// Starts nothing for this chat before `until` (429).
    pub fn freeze_chat(&mut self, chat: i64, until: At, now: At) {
        let state = self.chat(chat);
        state.free_at = state.free_at.max(until);
        self.place(chat, now);
    }

    /// Starts nothing at all before `until`.
    pub fn freeze_bot(&mut self, until: At) {
        self.frozen_until = self.frozen_until.max(until);
    }

    /// How many rows wait in a lane.
    #[cfg(test)]
    fn waiting(&self, lane: Lane) -> usize {
        self.waiting[lane.index()]
    }

    fn start(&mut self, lane: Lane, now: At) -> Next<T> {
        let Some(&(_, id)) = self.ready[lane.index()].first() else {
            return Next::Idle;
        };
        let row = self.chats.get_mut(&id).and_then(|chat| {
            let row = if lane == Lane::Conversation {
                chat.answers.pop_front()
            } else {
                chat.notices.pop_front()
            }?;
            chat.in_flight = true;
            if let Some(group) = &mut chat.group {
                group.start(now);
            }
            Some(row)
        });
        let Some(row) = row else {
            self.place(id, now);
            return Next::Idle;
        };
        self.token.start(now);
        self.waiting[row.lane.index()] -= 1;
        self.place(id, now);
        let key = Key {
            chat: id,
            sequence: row.sequence,
        };
        Next::Start(key, row.item)
    }

    fn chat(&mut self, id: i64) -> &mut Chat<T> {
        let group_limit = self.limits.group_per_minute;
        let silent = self.groups_silent_until;
        self.chats.entry(id).or_insert_with(|| Chat {
            answers: VecDeque::new(),
            notices: VecDeque::new(),
            in_flight: false,
            free_at: if id < 0 { silent } else { Duration::ZERO },
            // Groups, supergroups and channels have negative ids.
            group: (id < 0).then(|| Window::new(group_limit, MINUTE)),
            place: Place::Nowhere,
        })
    }

    /// Puts a chat where it belongs now; forgets it when nothing is left to know.
    fn place(&mut self, id: i64, now: At) {
        let Some(chat) = self.chats.get_mut(&id) else {
            return;
        };
        match chat.place {
            Place::Nowhere => {}
            Place::Ready(lane, sequence) => {
                self.ready[lane.index()].remove(&(sequence, id));
            }
            Place::Later(at) => {
                self.later.remove(&(at, id));
            }
        }
        match chat.belongs(now) {
            Some(place) => {
                chat.place = place;
                match place {
                    Place::Nowhere => {}
                    Place::Ready(lane, sequence) => {
                        self.ready[lane.index()].insert((sequence, id));
                    }
                    Place::Later(at) => {
                        self.later.insert((at, id));
                    }
                }
            }
            None => {
                self.chats.remove(&id);
            }
        }
    }
}

impl<T> Chat<T> {
    /// Where the chat belongs; `None` when it can be forgotten.
    fn belongs(&mut self, now: At) -> Option<Place> {
        if self.in_flight {
            return Some(Place::Nowhere);
        }
        // With nothing in flight a full window always frees at a known instant.
        let group_free = self.group.as_mut().and_then(|group| group.free_at(now));
        let free_at = self.free_at.max(group_free.unwrap_or_default());
        if self.answers.is_empty() && self.notices.is_empty() {
            let quiet_at = self
                .group
                .as_ref()
                .map_or(free_at, |group| free_at.max(group.empty_at()));
            return (quiet_at > now).then_some(Place::Later(quiet_at));
        }
        let head = |row: &Row<T>| (free_at.max(row.not_before), row.sequence);
        let answer = self.answers.front().map(head);
        let notice = self.notices.front().map(head);
        match (answer, notice) {
            (Some((at, sequence)), _) if at <= now => {
                Some(Place::Ready(Lane::Conversation, sequence))
            }
            (_, Some((at, sequence))) if at <= now => {
                Some(Place::Ready(self.notice_lane(), sequence))
            }
            (Some((one, _)), Some((other, _))) => Some(Place::Later(one.min(other))),
            (Some((at, _)), None) | (None, Some((at, _))) => Some(Place::Later(at)),
            (None, None) => None,
        }
    }

    /// The first notice goes as fast as the most urgent one behind it: order within the
    /// chat must not make an urgent one wait for a slow lane.
    fn notice_lane(&self) -> Lane {
        let lanes = self.notices.iter().map(|row| row.lane);
        lanes.min().unwrap_or(Lane::Broadcast)
    }

    fn remove(&mut self, sequence: u64) -> Option<Row<T>> {
        for rows in [&mut self.answers, &mut self.notices] {
            if let Some(index) = rows.iter().position(|row| row.sequence == sequence) {
                return rows.remove(index);
            }
        }
        None
    }
}

/// At most `limit` in flight or answered within the last `length`.
#[derive(Debug)]
struct Window {
    limit: usize,
    length: Duration,
    in_flight: usize,
    answered: VecDeque<At>,
}

impl Window {
    fn new(limit: usize, length: Duration) -> Self {
        Self {
            limit,
            length,
            in_flight: 0,
            answered: VecDeque::new(),
        }
    }

    fn start(&mut self, now: At) {
        self.expire(now);
        self.in_flight += 1;
    }

    fn answered(&mut self, now: At) {
        self.in_flight -= 1;
        self.answered.push_back(now);
    }

    fn unused(&mut self) {
        self.in_flight -= 1;
    }

    /// When one more may start; `None` while only an answer can tell.
    fn free_at(&mut self, now: At) -> Option<At> {
        self.expire(now);
        if self.in_flight + self.answered.len() < self.limit {
            return Some(now);
        }
        self.answered.front().map(|&at| at + self.length)
    }

    /// When nothing answered so far counts any more.
    fn empty_at(&self) -> At {
        self.answered
            .back()
            .map_or(Duration::ZERO, |&at| at + self.length)
    }

    fn expire(&mut self, now: At) {
        while self
            .answered
            .front()
            .is_some_and(|&at| at + self.length <= now)
        {
            self.answered.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
