//! Spreads the starts of a second over it, once the limit is short.
//!
//! A few messages at one instant all start there. But when most of the limit is used and more
//! than one waits, starts keep a distance: then a slot comes every thirtieth of a second, and
//! an urgent message finds one soon, instead of thirty at once and none for a second. When
//! only broadcasts wait and they alone exceed the limit, they keep it from the first one on.

use std::time::Duration;

use super::At;

/// Below this part of the limit nothing is spread.
const FREE: (usize, usize) = (2, 3);
/// The distance is a little shorter than even, so that what was missed is made up for.
const SHARE: f64 = 0.95;
/// So many distances at most are made up for at once.
const AT_ONCE: u32 = 2;

/// When the next start is due.
#[derive(Debug, Default)]
pub(super) struct Even {
    next_at: At,
}

impl Even {
    /// When the next one may start, of `ready` that wait while `counted` of `limit` are
    /// used; `None` when nothing needs to be spread. `bulk` says that all are broadcasts.
    pub(super) fn next_at(
        &self,
        limit: usize,
        counted: usize,
        ready: usize,
        bulk: bool,
    ) -> Option<At> {
        let (part, whole) = FREE;
        let is_short = counted * whole >= limit * part || (bulk && counted + ready > limit);
        (ready > 1 && is_short).then_some(self.next_at)
    }

    /// One started.
    pub(super) fn started(&mut self, limit: usize, now: At) {
        let limit = u32::try_from(limit.max(1)).unwrap_or(u32::MAX);
        let distance = (Duration::from_secs(1) / limit).mul_f64(SHARE);
        let earliest = now.saturating_sub(distance * AT_ONCE);
        self.next_at = self.next_at.max(earliest) + distance;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn only_what_is_short_and_wanted_by_several_is_spread() {
        let mut even = Even::default();
        even.started(10, 1_000 * MS);
        assert_eq!(even.next_at(10, 6, 9, false), None, "enough is left");
        assert_eq!(even.next_at(10, 9, 1, true), None, "nobody else waits");
        assert_eq!(even.next_at(10, 7, 2, false), Some(905 * MS));
        assert_eq!(even.next_at(10, 6, 4, true), None, "all of them fit");
        assert_eq!(even.next_at(10, 6, 5, true), Some(905 * MS));
    }

    #[test]
    fn starts_keep_their_distance_and_little_is_made_up_for_at_once() {
        let mut even = Even::default();
        let now = 1_000 * MS;
        let mut at_once = 0;
        while even.next_at(10, 10, 2, false).unwrap() <= now {
            even.started(10, now);
            at_once += 1;
        }
        assert_eq!(at_once, 3);
        assert_eq!(even.next_at(10, 10, 2, false), Some(now + 95 * MS));
    }
}
