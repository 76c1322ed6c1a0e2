//! Which updates are open, handled, and can be confirmed.

use std::collections::BTreeSet;

/// Telegram confirms by offset: everything below it. So the offset follows the lowest
/// update that is still open.
#[derive(Debug, Default)]
pub(super) struct Progress {
    open: BTreeSet<i64>,
    /// Handled, and possibly given out again by a poll that is under way.
    handled: BTreeSet<i64>,
    next: i64,
}

impl Progress {
    /// True when the update is new; it is open from now on.
    pub(super) fn admit(&mut self, id: i64) -> bool {
        if self.handled.contains(&id) || !self.open.insert(id) {
            return false;
        }
        self.next = id + 1;
        true
    }

    /// The update needs nothing more.
    pub(super) fn handled(&mut self, id: i64) {
        if self.open.remove(&id) {
            self.handled.insert(id);
        }
    }

    /// The offset for the next poll.
    pub(super) fn offset(&self) -> i64 {
        self.open.first().copied().unwrap_or(self.next)
    }

    /// A poll with this offset was answered: what lies below never comes again.
    pub(super) fn confirmed_below(&mut self, offset: i64) {
        self.handled = self.handled.split_off(&offset);
    }

    /// True when nothing is open.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_never_passes_an_open_update() {
        let mut progress = Progress::default();
        assert_eq!(progress.offset(), 0);
        for id in [10, 11, 12] {
            assert!(progress.admit(id));
        }
        progress.handled(11);
        progress.handled(12);
        assert_eq!(progress.offset(), 10);
        progress.handled(10);
        assert_eq!(progress.offset(), 13);
        assert!(progress.is_idle());
    }

    #[test]
    fn an_update_given_out_again_is_not_handled_again() {
        let mut progress = Progress::default();
        assert!(progress.admit(10));
        assert!(!progress.admit(10), "still open");
        progress.handled(10);
        assert!(
            !progress.admit(10),
            "a poll that began before gives it out again"
        );
        progress.confirmed_below(10);
        assert!(!progress.admit(10));
        progress.confirmed_below(11);
        assert!(progress.handled.is_empty());
    }

    #[test]
    fn ids_that_begin_anew_are_followed() {
        let mut progress = Progress::default();
        progress.admit(1_000);
        progress.handled(1_000);
        progress.confirmed_below(1_001);
        assert!(progress.admit(5));
        progress.handled(5);
        assert_eq!(progress.offset(), 6);
    }
}
