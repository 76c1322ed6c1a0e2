//! How many rows of a lane may be out: enough that a slot never waits for the next row,
//! and no more, because a crash makes uncertain what is out.
//!
//! From a row's slot until the row that replaces it is here, Telegram answers, the outcome is
//! told and stored, the credit goes back and the next row is begun: about the time to the
//! acknowledgement and once more the time from telling to it.

use std::{collections::VecDeque, time::Duration};

use crate::figures;

/// Lanes with credit.
pub(super) const LANES: usize = 3;
/// A second of the whole limit and a tenth: rows that only wait for their chat's second have
/// credit too, and with less the others of their lane would find none. Also what begins.
const LEAST: i64 = 33;
/// Two seconds of it.
const MOST: i64 = 64;
/// Bots to which Telegram grants more than 30 a second have more, up to here: what is begun
/// and stored together is as much as is out, and less costs more of the database.
const MOST_OF_ANY: i64 = 512;
/// Beside what the measure says.
const SPARE: i64 = 3;
/// The last so many rows are measured, anew after each so many.
const REMEMBERED: usize = 256;
const EVERY: usize = 16;

/// Credit of one term, and what was measured in all.
#[derive(Debug)]
pub(super) struct Credit {
    per_second: usize,
    least: i64,
    size: i64,
    returned: [i64; LANES],
    given: [i64; LANES],
    times: VecDeque<Duration>,
    unread: usize,
}

impl Credit {
    /// Nothing was measured of a token of this pace.
    pub(super) fn new(per_second: usize) -> Self {
        let least = bounded(per_second, (11, 10), LEAST);
        Self {
            per_second,
            least,
            size: least,
            returned: [0; LANES],
            given: [least; LANES],
            times: VecDeque::new(),
            unread: 0,
        }
    }

    /// A term begins: nothing is out.
    pub(super) fn begin(&mut self) {
        self.returned = [0; LANES];
        self.given = [self.size; LANES];
    }

    /// How many rows of a lane may have come in this term.
    pub(super) fn given(&self, lane: usize) -> i64 {
        self.given[lane]
    }

    /// A row of a lane is out no more; true when there is more credit to tell.
    pub(super) fn returned(&mut self, lane: usize) -> bool {
        self.returned[lane] += 1;
        let given = self.returned[lane] + self.size;
        let more = given > self.given[lane];
        // What was given stays given.
        self.given[lane] = self.given[lane].max(given);
        more
    }

    /// A row took so long from its slot to its acknowledgement, and from telling to it.
    pub(super) fn measured(&mut self, taken: Duration) {
        if self.times.len() == REMEMBERED {
            self.times.pop_front();
        }
        self.times.push_back(taken);
        self.unread += 1;
        if self.unread < EVERY {
            return;
        }
        self.unread = 0;
        self.size = self.fitting(self.longest());
        figures::CREDIT.record(f64::from(i32::try_from(self.size).unwrap_or(i32::MAX)), []);
    }

    /// Longer than 99 of a hundred.
    fn longest(&self) -> Duration {
        let mut times: Vec<_> = self.times.iter().copied().collect();
        let place = times.len() * 99 / 100;
        if place >= times.len() {
            return Duration::ZERO;
        }
        *times.select_nth_unstable(place).1
    }

    /// For rows that take so long.
    fn fitting(&self, taken: Duration) -> i64 {
        let most = bounded(self.per_second, (2, 1), MOST);
        let per_second = u128::try_from(self.per_second).unwrap_or_default();
        let rows = (per_second * taken.as_millis()).div_ceil(1_000);
        i64::try_from(rows)
            .unwrap_or(most)
            .saturating_add(SPARE)
            .clamp(self.least, most)
    }
}

/// So many seconds of the limit, at least as many as for Telegram's usual one.
fn bounded(per_second: usize, (times, of): (usize, usize), least: i64) -> i64 {
    let rows = per_second.saturating_mul(times) / of;
    i64::try_from(rows)
        .unwrap_or(MOST_OF_ANY)
        .clamp(least, MOST_OF_ANY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(taken: Duration) -> Credit {
        let mut credit = Credit::new(30);
        for _ in 0..REMEMBERED {
            credit.measured(taken);
        }
        credit.begin();
        credit
    }

    #[test]
    fn credit_follows_the_time_a_row_takes_within_its_bounds() {
        assert_eq!(Credit::new(30).given(0), 33);
        for (ms, expected) in [(1, 33), (1_000, 33), (1_100, 36), (1_500, 48), (60_000, 64)] {
            let credit = measured(Duration::from_millis(ms));
            assert_eq!(credit.given(1), expected, "{ms} ms");
        }
    }

    #[test]
    fn a_bot_that_may_send_more_has_more_credit_within_its_bounds() {
        let given = |per_second, taken| {
            let mut credit = Credit::new(per_second);
            for _ in 0..REMEMBERED {
                credit.measured(taken);
            }
            credit.begin();
            credit.given(1)
        };
        let [short, long] = [Duration::from_millis(1), Duration::from_mins(1)];
        assert_eq!((given(10, short), given(10, long)), (33, 64));
        assert_eq!((given(100, short), given(100, long)), (110, 200));
        assert_eq!(given(usize::MAX, long), 512);
    }

    #[test]
    fn one_slow_row_of_a_hundred_does_not_count() {
        let mut credit = measured(Duration::from_millis(10));
        credit.measured(Duration::from_mins(1));
        for _ in 1..EVERY {
            credit.measured(Duration::from_millis(10));
        }
        credit.begin();
        assert_eq!(credit.given(0), LEAST);
    }

    #[test]
    fn a_row_that_is_out_no_more_makes_room_for_one_unless_credit_shrank() {
        let mut credit = measured(Duration::from_secs(2));
        assert!(credit.returned(2));
        assert_eq!((credit.given(0), credit.given(2)), (63, 64));
        for _ in 0..REMEMBERED {
            credit.measured(Duration::ZERO);
        }
        let told = (0..32).filter(|_| credit.returned(2)).count();
        assert_eq!((told, credit.given(2)), (2, 66), "30 were taken back first");
    }
}
