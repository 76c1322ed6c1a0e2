//! Which updates are open, which are on disk, which are handled.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;

use super::handled::Handled;

/// What is known of an update that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    New,
    /// It waits or is being handled, and is not on disk.
    Unstored,
    /// It waits or is being handled, and is on disk; or it was handled.
    Safe,
}

/// Telegram confirms by offset: everything below it. So the offset follows the lowest
/// update that would be lost with this process.
#[derive(Debug, Default)]
pub(super) struct Progress {
    open: HashSet<i64>,
    /// Of those, what is not on disk.
    unstored: BTreeSet<i64>,
    handled: Handled,
    next: i64,
}

impl Progress {
    /// Goes on where an earlier process stood; `open` are on disk.
    pub(super) fn resume(handled: Handled, open: impl Iterator<Item = i64>) -> Self {
        Self {
            open: open.collect(),
            handled,
            ..Self::default()
        }
    }

    /// An update comes in.
    pub(super) fn look(&mut self, id: i64, now: Timestamp) -> Known {
        self.next = id.saturating_add(1);
        if self.unstored.contains(&id) {
            Known::Unstored
        } else if self.open.contains(&id) || self.handled.contains(id, now) {
            Known::Safe
        } else {
            Known::New
        }
    }

    /// The update is open from now on, and not on disk.
    pub(super) fn admit(&mut self, id: i64) {
        self.open.insert(id);
        self.unstored.insert(id);
    }

    /// The update is on disk; false when it is not open any more.
    pub(super) fn stored(&mut self, id: i64) -> bool {
        self.unstored.remove(&id);
        self.open.contains(&id)
    }

    /// The update needs nothing more.
    pub(super) fn handled(&mut self, id: i64, now: Timestamp) {
        self.open.remove(&id);
        self.unstored.remove(&id);
        self.handled.insert(id, now);
    }

    /// Everything that was handled.
    pub(super) fn all_handled(&self) -> &Handled {
        &self.handled
    }

    /// How many updates are open.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// The offset for the next poll.
    pub(super) fn offset(&self) -> i64 {
        self.unstored.first().copied().unwrap_or(self.next)
    }

    /// Whether some update would be lost with this process.
    pub(super) fn is_at_risk(&self) -> bool {
        !self.unstored.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn the_offset_never_passes_an_update_that_is_not_on_disk() {
        let mut progress = Progress::default();
        assert_eq!(progress.offset(), 0);
        for id in [10, 11, 12] {
            assert_eq!(progress.look(id, NOW), Known::New);
            progress.admit(id);
        }
        assert!(progress.stored(11));
        progress.handled(12, NOW);
        assert!(!progress.stored(12));
        assert_eq!(progress.offset(), 10);
        progress.stored(10);
        assert_eq!(progress.offset(), 13);
        assert_eq!((progress.open(), progress.is_at_risk()), (2, false));
        progress.handled(10, NOW);
        assert_eq!((progress.offset(), progress.open()), (13, 1));
    }

    #[test]
    fn an_update_given_out_again_is_known() {
        let mut progress = Progress::default();
        progress.look(10, NOW);
        progress.admit(10);
        assert_eq!(progress.look(10, NOW), Known::Unstored);
        progress.stored(10);
        assert_eq!(progress.look(10, NOW), Known::Safe, "still open");
        progress.handled(10, NOW);
        assert_eq!(progress.look(10, NOW), Known::Safe, "handled");
        // Handled before it was on disk: nothing is at risk.
        progress.look(11, NOW);
        progress.admit(11);
        progress.handled(11, NOW);
        assert_eq!(progress.look(11, NOW), Known::Safe);
    }

    #[test]
    fn a_successor_confirms_what_it_is_given_again_and_follows_ids_that_begin_anew() {
        let mut handled = Handled::default();
        handled.insert(10, NOW);
        let mut progress = Progress::resume(handled, [11].into_iter());
        assert_eq!(progress.offset(), 0);
        for id in [10, 11] {
            assert_eq!(progress.look(id, NOW), Known::Safe);
        }
        assert_eq!((progress.offset(), progress.open()), (12, 1));
        assert_eq!(progress.look(5, NOW), Known::New);
        progress.admit(5);
        progress.stored(5);
        assert_eq!(progress.offset(), 6);
    }
}
