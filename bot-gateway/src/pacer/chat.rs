//! One chat's queue.

use std::{collections::VecDeque, time::Duration};

use super::{At, Lane, window::Window};

#[derive(Debug)]
pub(super) struct Chat<T> {
    /// Answers to what the person just did.
    pub(super) answers: VecDeque<Row<T>>,
    /// Notifications, in the order they were begun: a cancellation never overtakes the
    /// reminder begun before it.
    pub(super) notices: VecDeque<Row<T>>,
    /// Since when a request is out: from its slot, then from its own beginning.
    pub(super) in_flight: Option<At>,
    pub(super) free_at: At,
    pub(super) group: Option<Window>,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct Row<T> {
    pub(super) sequence: u64,
    pub(super) lane: Lane,
    pub(super) not_before: At,
    pub(super) item: T,
}

/// Where a chat is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    Ready(Lane, u64),
    Later(At),
}

impl<T> Chat<T> {
    /// A chat to which nothing was sent; a group with its minute.
    pub(super) fn new(free_at: At, group: Option<Window>) -> Self {
        Self {
            answers: VecDeque::new(),
            notices: VecDeque::new(),
            in_flight: None,
            free_at,
            group,
            place: Place::Nowhere,
        }
    }

    pub(super) fn push(&mut self, row: Row<T>) {
        if row.lane == Lane::Conversation {
            self.answers.push_back(row);
        } else {
            self.notices.push_back(row);
        }
    }

    /// Takes the row that goes next in `lane`.
    pub(super) fn start(&mut self, lane: Lane, now: At) -> Option<Row<T>> {
        let row = if lane == Lane::Conversation {
            self.answers.pop_front()
        } else {
            self.notices.pop_front()
        }?;
        self.in_flight = Some(now);
        if let Some(group) = &mut self.group {
            group.start();
        }
        Some(row)
    }

    /// Where the chat belongs; `None` when it can be forgotten.
    pub(super) fn belongs(
        &mut self,
        group_limit: usize,
        saved: Duration,
        now: At,
    ) -> Option<Place> {
        if self.in_flight.is_some() {
            return Some(Place::Nowhere);
        }
        // With nothing in flight a full window always frees at a known instant.
        let group = self.group.as_mut();
        let group_free = group.and_then(|group| group.free_at(group_limit, saved, now));
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

    pub(super) fn remove(&mut self, sequence: u64) -> Option<Row<T>> {
        for rows in [&mut self.answers, &mut self.notices] {
            if let Some(index) = rows.iter().position(|row| row.sequence == sequence) {
                return rows.remove(index);
            }
        }
        None
    }
}
