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
    /// tell. An answer counts `saved` less than the window's length, and is kept for all of
    /// it: after a 429 nothing is saved any more.
    pub(super) fn free_at(&mut self, limit: usize, saved: Duration, now: At) -> Option<At> {
        let is_over = |&at: &At| at + self.length <= now;
        while self.answered.front().is_some_and(is_over) {
            self.answered.pop_front();
        }
        let Some(too_many) = self.counted(saved, now).checked_sub(limit) else {
            return Some(now);
        };
        let counts = self.length.saturating_sub(saved);
        let first = self.passed(saved, now);
        self.answered.get(first + too_many).map(|&at| at + counts)
    }

    /// How long ago whatever counts was answered; what is in flight counts as 0.
    pub(super) fn spent(&self, now: At) -> Vec<Duration> {
        let counts = self.answered.iter().filter(|&&at| at + self.length > now);
        counts
            .map(|&at| now.saturating_sub(at))
            .chain(std::iter::repeat_n(Duration::ZERO, self.in_flight))
            .collect()
    }

    /// Counts what another gateway sent, answered so long before `now`.
    pub(super) fn inherit(&mut self, ago: impl Iterator<Item = Duration>, now: At) {
        self.answered.extend(ago.map(|ago| now.saturating_sub(ago)));
        self.answered.make_contiguous().sort_unstable();
    }

    /// When nothing answered so far counts any more.
    pub(super) fn empty_at(&self) -> At {
        self.answered
            .back()
            .map_or(Duration::ZERO, |&at| at + self.length)
    }

    /// How many count.
    pub(super) fn counted(&self, saved: Duration, now: At) -> usize {
        self.in_flight + self.answered.len() - self.passed(saved, now)
    }

    /// How many of the answers that are kept count no more.
    fn passed(&self, saved: Duration, now: At) -> usize {
        let counts = self.length.saturating_sub(saved);
        self.answered.partition_point(|&at| at + counts <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn an_answer_that_counted_no_more_counts_again_when_nothing_is_saved_any_more() {
        let mut window = Window::new(1_000 * MS);
        for at in [0, 20] {
            window.start();
            window.answered(at * MS);
        }
        let now = 910 * MS;
        assert_eq!(window.free_at(2, 100 * MS, now), Some(now));
        assert_eq!(window.free_at(1, 100 * MS, now), Some(920 * MS));
        assert_eq!(window.counted(100 * MS, now), 1);
        assert_eq!(window.free_at(2, Duration::ZERO, now), Some(1_000 * MS));
        assert_eq!(window.counted(Duration::ZERO, now), 2);
        let later = 1_020 * MS;
        assert_eq!(window.free_at(1, Duration::ZERO, later), Some(later));
        assert!(window.answered.is_empty());
    }
}
