//! How much of the token's limit is this gateway's: others may hold the token too.

use std::time::Duration;

use super::At;

/// Messages a second that the holder of updates may send without owning the bot.
pub const UNOWNED: usize = 5;
/// How long a successor leaves them free to an owner that went without a word.
const RESERVED: Duration = Duration::from_mins(1);
/// An owner that goes in order leaves at most half of the limit used, and its successor
/// takes no more than half while that counts.
const HANDED_OVER: Duration = Duration::from_secs(1);

/// What is known of the ownership of a token.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// Ours until then.
    owned: At,
    /// Until then the owner before may go on answering people.
    reserved: At,
    /// Until then the owner before has its part of the limit.
    handed_over: At,
}

impl Share {
    /// The bot is ours from now on.
    pub(super) fn begin(&mut self, taken_over: bool, now: At) {
        self.handed_over = now + HANDED_OVER;
        if taken_over {
            self.reserved = now + RESERVED;
        }
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
        } else if now < self.handed_over {
            (half(limit), Some(self.handed_over))
        } else if now < self.reserved {
            let left = limit.saturating_sub(UNOWNED).max(1);
            (left, Some(self.reserved))
        } else {
            (limit, None)
        }
    }
}

/// What may count of a limit at both ends of a hand-over.
pub(super) fn half(limit: usize) -> usize {
    (limit / 2).max(1)
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
        share.begin(true, SECOND);
        share.owned_until(100 * SECOND);
        assert_eq!(share.of(30, SECOND), (15, Some(2 * SECOND)));
        assert_eq!(share.of(30, 2 * SECOND), (25, Some(61 * SECOND)));
        assert_eq!(share.of(30, 61 * SECOND), (30, None));
    }

    #[test]
    fn after_a_hand_over_in_order_half_is_taken_for_a_second() {
        let mut share = Share::default();
        share.begin(false, SECOND);
        share.owned_until(100 * SECOND);
        assert_eq!(share.of(30, SECOND), (15, Some(2 * SECOND)));
        assert_eq!(share.of(30, 2 * SECOND), (30, None));
    }
}
