//! Which updates need nothing more, so that none of them acts twice.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Gaps between ids come from what other programs of the same bot were given; the oldest
/// ranges are forgotten beyond so many.
const RANGES: usize = 1_000;
/// Telegram keeps an update for 24 hours (Bot API, "Getting updates"), so none comes again
/// after this long. Its ids begin anew, anywhere, after a week without any.
const REMEMBERED_S: i64 = 2 * 24 * 60 * 60;

/// Ids of one bot's updates, as ranges: they rise by one, so there are few.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handled {
    /// The first and the last id of each, rising, with a gap between any two.
    ranges: Vec<(i64, i64)>,
    /// When the last one came, in Unix seconds.
    at: i64,
}

impl Handled {
    /// Whether the update needs nothing more.
    pub(crate) fn contains(&self, id: i64, now: Timestamp) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= id);
        let range = after.checked_sub(1).and_then(|at| self.ranges.get(at));
        range.is_some_and(|(_, last)| id <= *last) && !self.is_over(now)
    }

    /// The update needs nothing more.
    pub(crate) fn insert(&mut self, id: i64, now: Timestamp) {
        if self.is_over(now) {
            self.ranges.clear();
        }
        self.at = now.as_second();
        let after = self.ranges.partition_point(|(first, _)| *first <= id);
        let follows = after
            .checked_sub(1)
            .filter(|before| self.ranges[*before].1.saturating_add(1) >= id);
        let precedes = self
            .ranges
            .get(after)
            .is_some_and(|(first, _)| *first == id.saturating_add(1));
        match (follows, precedes) {
            (Some(before), true) => {
                self.ranges[before].1 = self.ranges[after].1;
                self.ranges.remove(after);
            }
            (Some(before), false) => {
                let last = &mut self.ranges[before].1;
                *last = id.max(*last);
            }
            (None, true) => self.ranges[after].0 = id,
            (None, false) => self.ranges.insert(after, (id, id)),
        }
        if self.ranges.len() > RANGES {
            self.ranges.remove(0);
        }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.as_second() - self.at >= REMEMBERED_S
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    proptest! {
        #[test]
        fn it_knows_what_was_handled_and_nothing_else(ids in vec(0_i64..60, 0..80)) {
            let mut handled = Handled::default();
            let mut expected = BTreeSet::new();
            for id in ids {
                handled.insert(id, at(0));
                expected.insert(id);
                for id in 0..60 {
                    prop_assert_eq!(handled.contains(id, at(0)), expected.contains(&id), "{}", id);
                }
                let apart = |pair: &[(i64, i64)]| pair[0].1 + 1 < pair[1].0;
                prop_assert!(handled.ranges.windows(2).all(apart), "{:?}", handled);
            }
        }
    }

    #[test]
    fn ids_without_gaps_take_one_range_and_many_gaps_forget_the_oldest() {
        let mut handled = Handled::default();
        for id in 0..10_000 {
            handled.insert(id, at(0));
        }
        assert_eq!(handled.ranges, [(0, 9_999)]);
        for id in 0..2_000 {
            handled.insert(20_000 + 2 * id, at(0));
        }
        assert_eq!(handled.ranges.len(), RANGES);
        assert!(!handled.contains(9_999, at(0)));
        assert!(handled.contains(20_000 + 2 * 1_999, at(0)));
    }

    #[test]
    fn ids_that_begin_anew_after_silence_are_new() {
        let mut handled = Handled::default();
        handled.insert(1_000, at(0));
        assert!(handled.contains(1_000, at(REMEMBERED_S - 1)));
        assert!(!handled.contains(1_000, at(REMEMBERED_S)));
        handled.insert(5, at(REMEMBERED_S));
        assert!(!handled.contains(1_000, at(REMEMBERED_S)));
        assert!(handled.contains(5, at(REMEMBERED_S)));
    }

    #[test]
    fn the_largest_id_there_can_be_is_no_fault() {
        let mut handled = Handled::default();
        for id in [i64::MAX, i64::MAX - 1, i64::MAX] {
            handled.insert(id, at(0));
        }
        assert_eq!(handled.ranges, [(i64::MAX - 1, i64::MAX)]);
    }
}
