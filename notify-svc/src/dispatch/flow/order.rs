//! Who goes first in a chat when rows come back: the one that fell due first. Rows that never
//! were out need no such order: what falls due earlier is taken earlier.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use uuid::Uuid;

use crate::notifications::Lane;

/// What is to be tried again later than this holds up nobody (docs/decisions/0020).
const PATIENCE: Duration = Duration::from_mins(1);
/// Rows kept in order; beyond them they come again as they are read.
const MAX_BACK: usize = 2_000;

/// Whose rows keep their order: those of one lane, chat and sender.
pub(super) type Line = (Lane, i64, i64);

/// A row's place in its line: the earlier due, in microseconds since 1970, the further ahead.
pub(super) type Rank = (i64, Uuid);

/// Rows that came back, in memory until their outcome is known: as long as one of them waits or
/// is out, those of its line that fell due later are not begun.
#[derive(Debug, Default)]
pub(super) struct Order {
    lines: HashMap<Line, BTreeSet<Rank>>,
    rows: usize,
}

impl Order {
    /// Whether a row that comes again after `wait` keeps its place.
    pub(super) fn keeps(wait: Duration) -> bool {
        wait <= PATIENCE
    }

    /// A row came back; false when too many did.
    pub(super) fn add(&mut self, line: Line, rank: Rank) -> bool {
        if self.rows >= MAX_BACK {
            return false;
        }
        if self.lines.entry(line).or_default().insert(rank) {
            self.rows += 1;
        }
        true
    }

    /// A row holds up nobody any more.
    pub(super) fn remove(&mut self, line: Line, rank: Rank) {
        let Some(ranks) = self.lines.get_mut(&line) else {
            return;
        };
        if ranks.remove(&rank) {
            self.rows -= 1;
        }
        if ranks.is_empty() {
            self.lines.remove(&line);
        }
    }

    /// Whether a row that came back goes before this one.
    pub(super) fn is_behind(&self, line: Line, rank: Rank) -> bool {
        let first = self.lines.get(&line).and_then(BTreeSet::first);
        first.is_some_and(|first| *first < rank)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Line = (Lane::Reminder, 7, 0);

    fn rank(due_us: u32) -> Rank {
        (i64::from(due_us), Uuid::from_u128(due_us.into()))
    }

    #[test]
    fn only_later_rows_of_the_same_line_are_behind_one_that_came_back() {
        let mut order = Order::default();
        assert!(order.add(LINE, rank(5)) && order.add(LINE, rank(5)));
        assert_eq!(order.len(), 1);
        assert!(order.is_behind(LINE, rank(6)));
        assert!(!order.is_behind(LINE, rank(5)) && !order.is_behind(LINE, rank(4)));
        for other in [
            (Lane::Interactive, 7, 0),
            (Lane::Reminder, 8, 0),
            (Lane::Reminder, 7, 1),
        ] {
            assert!(!order.is_behind(other, rank(6)));
        }
        order.remove(LINE, rank(5));
        order.remove(LINE, rank(5));
        assert!(!order.is_behind(LINE, rank(6)));
        assert!(order.lines.is_empty() && order.len() == 0);
    }

    #[test]
    fn never_too_many_are_kept_and_none_that_comes_much_later() {
        let mut order = Order::default();
        for due_us in 0..3_000 {
            order.add(LINE, rank(due_us));
        }
        assert_eq!(order.len(), MAX_BACK);
        assert!(Order::keeps(PATIENCE) && !Order::keeps(Duration::from_mins(2)));
    }
}
