//! What an owner that goes tells the one that comes, so that the limits hold across the two
//! as if they were one.

use std::time::Duration;

use super::{At, Pacer, Target};

/// What still counts against the limits, as time before or after one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spent {
    /// Since the answer to each message of the last second; 0 for what is out.
    pub answered: Vec<Duration>,
    /// Chats that are not free, and groups that count.
    pub chats: Vec<SpentChat>,
    /// Until the next message to anybody.
    pub free_in: Duration,
    /// Until the next message to a group that is not among the chats.
    pub groups_free_in: Duration,
}

/// What still counts of one chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpentChat {
    /// Which.
    pub chat: i64,
    /// Until the next message may go there.
    pub free_in: Duration,
    /// Since the answer to each message of a group's last minute.
    pub answered: Vec<Duration>,
}

impl Spent {
    /// The same, so much later: what is past its hour counts no more by itself.
    #[must_use]
    pub fn later(mut self, by: Duration) -> Self {
        let chats = self.chats.iter_mut();
        let ages = chats.flat_map(|chat| chat.answered.iter_mut());
        for age in self.answered.iter_mut().chain(ages) {
            *age = age.saturating_add(by);
        }
        let chats = self.chats.iter_mut().map(|chat| &mut chat.free_in);
        for free_in in chats.chain([&mut self.free_in, &mut self.groups_free_in]) {
            *free_in = free_in.saturating_sub(by);
        }
        self
    }
}

impl<T> Pacer<T> {
    /// What counts now.
    #[must_use]
    pub fn spent(&self, now: At) -> Spent {
        let chats = self.chats.iter().filter_map(|(&target, chat)| {
            let Target::Message(id) = target else {
                return None;
            };
            let gap = chat
                .in_flight
                .map_or(Duration::ZERO, |_| self.limits.chat_gap);
            let free_in = chat.free_at.saturating_sub(now).max(gap);
            let group = chat.group.as_ref();
            let answered = group.map_or_else(Vec::new, |group| group.spent(now));
            (free_in > Duration::ZERO || !answered.is_empty()).then_some(SpentChat {
                chat: id,
                free_in,
                answered,
            })
        });
        Spent {
            chats: chats.collect(),
            answered: self.token.spent(now),
            free_in: self.frozen_until.saturating_sub(now),
            groups_free_in: self.groups_silent_until.saturating_sub(now),
        }
    }

    /// Counts what another gateway sent and left.
    pub fn inherit(&mut self, spent: &Spent, now: At) {
        self.token.inherit(spent.answered.iter().copied(), now);
        self.freeze_bot(now + spent.free_in);
        self.silence_groups(now + spent.groups_free_in, now);
        for of in &spent.chats {
            let target = Target::Message(of.chat);
            let chat = self.chat(target);
            chat.free_at = chat.free_at.max(now + of.free_in);
            if let Some(group) = &mut chat.group {
                group.inherit(of.answered.iter().copied(), now);
            }
            self.place(target, now);
        }
    }
}
