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
//!
//! When the limit is short, starts are spread evenly, see [`even`]: slots that come all at
//! once would let whoever comes after them wait for a second.
//!
//! The tight rule lets an answer stop counting sooner by what [`round_trip`] measured. And
//! the whole limit is there only for the bot's owner, see [`share`].

mod chat;
mod even;
pub mod gate;
mod lanes;
mod room;
mod round_trip;
mod share;
mod spent;
mod window;

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use chat::{Chat, Place, Row};
use even::Even;
use lanes::Round;
pub use lanes::{LANES, Lane};
use room::Room;
use round_trip::RoundTrips;
pub use share::Former;
use share::Share;
pub use spent::{Spent, SpentChat};
use window::Window;

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

/// Where a request goes, and what it counts for. Requests to one target never overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A new message in this chat: counts for the token, the chat and, if it is one, the
    /// group.
    Message(i64),
    /// A change of a message in this chat: counts for the token.
    Edit(i64),
}

impl Target {
    fn is_group(self) -> bool {
        match self {
            // Groups, supergroups and channels have negative ids.
            Self::Message(chat) => chat < 0,
            Self::Edit(_) => false,
        }
    }
}

/// Names a row that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    target: Target,
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
    share: Share,
    round_trips: RoundTrips,
    even: Even,
    round: Round,
    room: Room,
    chats: HashMap<Target, Chat<T>>,
    /// Chats that may start a row of that lane, by the row's age.
    ready: [BTreeSet<(u64, Target)>; LANES],
    /// Chats that have to wait until an instant.
    later: BTreeSet<(At, Target)>,
    waiting: [usize; LANES],
    frozen_until: At,
    groups_silent_until: At,
    sequence: u64,
    started: u64,
}

impl<T> Pacer<T> {
    /// A pacer that has sent nothing yet, and does not own its bot.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            token: Window::new(SECOND),
            share: Share::default(),
            round_trips: RoundTrips::default(),
            even: Even::default(),
            round: Round::default(),
            room: Room::default(),
            chats: HashMap::new(),
            ready: std::array::from_fn(|_| BTreeSet::new()),
            later: BTreeSet::new(),
            waiting: [0; LANES],
            frozen_until: Duration::ZERO,
            groups_silent_until: Duration::ZERO,
            sequence: 0,
            started: 0,
        }
    }

    /// Keeps silent as if the limits had just been used up: somebody of whom nothing is known
    /// may have done that.
    pub fn silence(&mut self, now: At) {
        self.freeze_bot(now + SECOND);
        self.silence_groups(now + MINUTE, now);
    }

    fn silence_groups(&mut self, until: At, now: At) {
        self.groups_silent_until = self.groups_silent_until.max(until);
        let groups: Vec<_> = self.chats.keys().copied().collect();
        for target in groups.into_iter().filter(|target| target.is_group()) {
            self.hold(target, until, now);
        }
    }

    /// The bot is ours in this epoch.
    pub fn owned(&mut self, epoch: i64, from: Former, now: At) {
        if self.share.begin(epoch, from, now) {
            self.silence(now);
        }
    }

    /// The bot stays ours until then, or is not ours from then on.
    pub fn owned_until(&mut self, until: At) {
        self.share.owned_until(until);
    }

    /// Queues a row that starts at `not_before` or later.
    ///
    /// # Errors
    ///
    /// [`Full`] when the lane is.
    pub fn enqueue(
        &mut self,
        lane: Lane,
        target: Target,
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
        self.chat(target).push(row);
        self.place(target, now);
        Ok(Key { target, sequence })
    }

    /// Takes a row back that has not started; `None` when it has.
    pub fn remove(&mut self, key: Key, now: At) -> Option<T> {
        let chat = self.chats.get_mut(&key.target)?;
        let row = chat.remove(key.sequence)?;
        self.waiting[row.lane.index()] -= 1;
        self.place(key.target, now);
        Some(row.item)
    }

    /// Says what may start now.
    pub fn next(&mut self, now: At) -> Next<T> {
        while let Some(&(at, target)) = self.later.first() {
            if at > now {
                break;
            }
            self.place(target, now);
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
        let (limit, more_at) = self.share.of(self.limits.per_second, now);
        let saved = self.round_trips.saved(now);
        let room = self.room.of(limit, now);
        let urgent: usize = Lane::ALL
            .iter()
            .filter(|lane| lane.is_urgent())
            .map(|lane| self.ready[lane.index()].len())
            .sum();
        let usable = if urgent > 0 { limit } else { limit - room };
        match self.token.free_at(usable, saved, now) {
            Some(at) if at <= now => {}
            Some(at) => return Next::Wait(more_at.map_or(at, |more_at| more_at.min(at))),
            None => return more_at.map_or(Next::Idle, Next::Wait),
        }
        let counted = self.token.counted(saved, now);
        let [.., broadcasts] = &self.ready;
        let ready: usize = self.ready.iter().map(BTreeSet::len).sum();
        let bulk = ready == broadcasts.len();
        let next_at = self.even.next_at(limit, counted, ready, bulk);
        let spread = next_at.filter(|&at| at > now);
        // What fits into its room starts there.
        let urgent_may = spread.is_none() || (1..=room).contains(&urgent);
        let rest_may = spread.is_none() && counted < limit - room;
        if let Some(at) = spread
            && !urgent_may
        {
            return Next::Wait(at);
        }
        let may = |lane: Lane| {
            if lane.is_urgent() {
                urgent_may
            } else {
                rest_may
            }
        };
        let ready = Lane::ALL.map(|lane| may(lane) && !self.ready[lane.index()].is_empty());
        let Some(lane) = self.round.choose(ready) else {
            return Next::Idle;
        };
        self.even.started(limit, now);
        if lane.is_urgent() {
            self.room.started(now);
        }
        self.start(lane, now)
    }

    /// The started row's request begins only now; its round trip is measured from here.
    pub fn begun(&mut self, key: Key, now: At) {
        self.chat(key.target).in_flight = Some(now);
    }

    /// The started row was answered, or given up as if it were.
    pub fn answered(&mut self, key: Key, now: At) {
        self.token.answered(now);
        let begun = self.chat(key.target).in_flight.take();
        if let Some(begun) = begun {
            self.round_trips.measured(now.saturating_sub(begun), now);
        }
        let saved = self.round_trips.saved(now);
        let gap = match key.target {
            Target::Message(_) => self.limits.chat_gap.saturating_sub(saved),
            Target::Edit(_) => Duration::ZERO,
        };
        let chat = self.chat(key.target);
        chat.free_at = chat.free_at.max(now + gap);
        if let Some(group) = &mut chat.group {
            group.answered(now);
        }
        self.place(key.target, now);
    }

    /// No byte of the started row was written, and none will be.
    pub fn unused(&mut self, key: Key, now: At) {
        self.token.unused();
        let chat = self.chat(key.target);
        chat.in_flight = None;
        if let Some(group) = &mut chat.group {
            group.unused();
        }
        self.place(key.target, now);
    }

    /// Telegram answered 429: nothing starts for this chat before `until`, and everything
    /// goes by the strict rule for a while.
    pub fn limited(&mut self, chat: i64, until: At, now: At) {
        self.round_trips.limited(now);
        self.hold(Target::Message(chat), until, now);
        self.hold(Target::Edit(chat), until, now);
    }

    /// Starts nothing at all before `until`.
    pub fn freeze_bot(&mut self, until: At) {
        self.frozen_until = self.frozen_until.max(until);
    }

    /// How many rows wait in a lane.
    #[must_use]
    pub fn waiting(&self, lane: Lane) -> usize {
        self.waiting[lane.index()]
    }

    /// How many rows were started so far, and whether others wait for the token alone.
    #[must_use]
    pub fn used(&self, now: At) -> (u64, bool) {
        let held_back = self.ready.iter().any(|ready| !ready.is_empty());
        (self.started, held_back && now >= self.frozen_until)
    }

    fn hold(&mut self, target: Target, until: At, now: At) {
        let chat = self.chat(target);
        chat.free_at = chat.free_at.max(until);
        self.place(target, now);
    }

    fn start(&mut self, lane: Lane, now: At) -> Next<T> {
        let Some(&(_, target)) = self.ready[lane.index()].first() else {
            return Next::Idle;
        };
        let chat = self.chats.get_mut(&target);
        let Some(row) = chat.and_then(|chat| chat.start(lane, now)) else {
            self.place(target, now);
            return Next::Idle;
        };
        self.token.start();
        self.started += 1;
        self.waiting[row.lane.index()] -= 1;
        self.place(target, now);
        let key = Key {
            target,
            sequence: row.sequence,
        };
        Next::Start(key, row.item)
    }

    fn chat(&mut self, target: Target) -> &mut Chat<T> {
        let silent_until = self.groups_silent_until;
        self.chats.entry(target).or_insert_with(|| {
            if target.is_group() {
                Chat::new(silent_until, Some(Window::new(MINUTE)))
            } else {
                Chat::new(Duration::ZERO, None)
            }
        })
    }

    /// Puts a chat where it belongs now; forgets it when nothing is left to know.
    fn place(&mut self, target: Target, now: At) {
        let saved = self.round_trips.saved(now);
        let Some(chat) = self.chats.get_mut(&target) else {
            return;
        };
        match chat.place {
            Place::Nowhere => {}
            Place::Ready(lane, sequence) => {
                self.ready[lane.index()].remove(&(sequence, target));
            }
            Place::Later(at) => {
                self.later.remove(&(at, target));
            }
        }
        match chat.belongs(self.limits.group_per_minute, saved, now) {
            Some(place) => {
                chat.place = place;
                match place {
                    Place::Nowhere => {}
                    Place::Ready(lane, sequence) => {
                        self.ready[lane.index()].insert((sequence, target));
                    }
                    Place::Later(at) => {
                        self.later.insert((at, target));
                    }
                }
            }
            None => {
                self.chats.remove(&target);
            }
        }
    }
}

#[cfg(test)]
mod tests;
