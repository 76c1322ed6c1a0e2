//! How much of the token's limit is this gateway's: others may hold the token too.

use std::time::Duration;

use super::At;

/// Messages a second that the holder of updates may send without owning the bot.
pub const UNOWNED: usize = 5;
/// How long a successor leaves them free to an owner that went without a word.
const RESERVED: Duration = Duration::from_mins(1);

/// How the bot's former owners went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Former {
    /// The last one said what was used, by itself and by those before it.
    pub told: bool,
    /// The ownership of one of them ran out within a minute: it may go on answering people.
    pub silent: bool,
}

/// What tests speak of.
#[cfg(test)]
impl Former {
    pub(super) const TOLD: Self = Self::new(true, false);
    pub(super) const UNKNOWN: Self = Self::new(false, false);
    pub(super) const SILENT: Self = Self::new(false, true);
    /// In order, soon after it took over from one that was silent.
    pub(super) const HEIR: Self = Self::new(true, true);

    const fn new(told: bool, silent: bool) -> Self {
        Self { told, silent }
    }
}

/// What is known of the ownership of a token.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// The last epoch in which the bot was ours; those of others lie between two of ours.
    epoch: i64,
    /// Ours until then.
    owned: At,
    /// Until then the owner before may go on answering people.
    reserved: At,
}

impl Share {
    /// The bot is ours in this epoch; true when somebody before may have used the limits up.
    pub(super) fn begin(&mut self, epoch: i64, from: Former, now: At) -> bool {
        let goes_on = epoch == self.epoch + 1;
        self.epoch = epoch;
        if goes_on {
            // Nobody had it since, or ever.
            return false;
        }
        if from.silent {
            self.reserved = now + RESERVED;
        }
        !from.told
    }

    /// It stays ours until then.
    pub(super) fn owned_until(&mut self, until: At) {
        self.owned = until;
    }

    /// How many of `limit` may count, and when that may change for the better.
    pub(super) fn of(&self, limit: usize, now: At) -> (usize, Option<At>) {
        if now >= self.owned {
            // Another renewal tells.
            (limit.min(UNOWNED), None)
        } else if now < self.reserved {
            let left = limit.saturating_sub(UNOWNED).max(1);
            (left, Some(self.reserved))
        } else {
            (limit, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn without_ownership_five_are_left() {
        let mut share = Share::default();
        assert_eq!(share.of(30, SECOND).0, UNOWNED);
        share.owned_until(9 * SECOND);
        assert_eq!(share.of(30, 8 * SECOND).0, 30);
        assert_eq!(share.of(30, 9 * SECOND).0, UNOWNED);
    }

    #[test]
    fn after_a_takeover_five_are_left_to_the_owner_before_for_a_minute() {
        let mut share = Share::default();
        assert!(share.begin(3, Former::SILENT, SECOND));
        share.owned_until(100 * SECOND);
        assert_eq!(share.of(30, SECOND), (25, Some(61 * SECOND)));
        assert_eq!(share.of(30, 61 * SECOND), (30, None));
    }

    #[test]
    fn what_others_used_is_waited_out_unless_it_is_known_or_nobody_did() {
        for (epochs, from, waits) in [
            (&[1][..], Former::UNKNOWN, false),
            (&[2], Former::UNKNOWN, true),
            (&[2], Former::TOLD, false),
            (&[2], Former::HEIR, false),
            (&[5, 6], Former::UNKNOWN, false),
            (&[5, 6], Former::SILENT, false),
            (&[5, 7], Former::UNKNOWN, true),
            (&[5, 7], Former::SILENT, true),
            (&[5, 7], Former::TOLD, false),
        ] {
            let mut share = Share::default();
            let last = epochs.iter().map(|epoch| share.begin(*epoch, from, SECOND));
            assert_eq!(last.last(), Some(waits), "{epochs:?}, {from:?}");
            share.owned_until(100 * SECOND);
            let is_reserved = share.of(30, SECOND).0 < 30;
            assert_eq!(is_reserved, from.silent, "{epochs:?}, {from:?}");
        }
    }
}
