//! Senders of broadcasts, one after another.

use std::collections::HashMap;

/// Whose turn it is among the senders of broadcasts: each row takes a turn, the rows of one
/// sender one after another, so that the few of one do not wait for the many of another.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Of the row taken last.
    now: u64,
    /// The next one of each sender that is ahead of `now`.
    next: HashMap<i64, u64>,
}

impl Turns {
    /// The first turn that a sender's waiting rows have.
    pub(super) fn first(&self, sender: i64) -> u64 {
        let next = self.next.get(&sender).copied();
        next.unwrap_or_default().max(self.now)
    }

    pub(super) fn taken(&mut self, sender: i64, turn: u64) {
        self.now = self.now.max(turn);
        self.next.insert(sender, turn + 1);
    }

    pub(super) fn forget_past(&mut self) {
        let now = self.now;
        self.next.retain(|_, next| *next > now);
    }
}
