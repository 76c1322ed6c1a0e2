//! How many requests count at a time.

use std::{collections::VecDeque, time::Duration};

use super::At;

/// What is in flight, or was answered within the last `length`.
#[derive(Debug)]
pub(super) struct Window {
    length: Duration,
    in_flight: usize,
    answered: VecDeque<At>,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            in_flight: 0,
            answered: VecDeque::new(),
        }
    }

    pub(super) fn start(&mut self) {
        self.in_flight += 1;
    }

    pub(super) fn answered(&mut self, now: At) {
        self.in_flight -= 1;
        self.answered.push_back(now);
    }

    pub(super) fn unused(&mut self) {
        self.in_flight -= 1;
    }

    /// When one more may start beside fewer than `limit`; `None` while only an answer can
    /// tell. An answer counts `saved` less than the window's length.
    pub(super) fn free_at(&mut self, limit: usize, saved: Duration, now: At) -> Option<At> {
        let counts = self.length.saturating_sub(saved);
        while self.answered.front().is_some_and(|&at| at + counts <= now) {
            self.answered.pop_front();
        }
        let counted = self.in_flight + self.answered.len();
        let Some(too_many) = counted.checked_sub(limit) else {
            return Some(now);
        };
        self.answered.get(too_many).map(|&at| at + counts)
    }

    /// When nothing answered so far counts any more.
    pub(super) fn empty_at(&self) -> At {
        self.answered
            .back()
            .map_or(Duration::ZERO, |&at| at + self.length)
    }

    /// How many count at most.
    pub(super) fn counted(&self) -> usize {
        self.in_flight + self.answered.len()
    }
}
