//! How much sooner than a second after its answer a request stops counting.
//!
//! Telegram counts a request between its start and its answer, no sooner than the way out
//! takes and no later than the way back before the answer. So the request that starts `x`
//! after another's answer is counted at least `x` and a whole shortest round trip after it:
//! a window shortened by the shortest round trip is as safe as the strict one. What was
//! measured is longer than the shortest there can be, the more so the more it varies; the
//! margin is for that. Any 429 says that something here is wrong, and ends it for a while.

use std::{collections::VecDeque, time::Duration};

use super::At;

/// How long a measured round trip stands for what is possible.
const REMEMBERED: u64 = 60;
/// Fewer round trips within that time say too little.
const LEAST_SAMPLES: usize = 60;
/// The last ones tell how much they vary.
const RECENT: usize = 64;
/// The margin is at least this long, a tenth of the round trip, and twice its spread.
const LEAST_MARGIN: Duration = Duration::from_millis(2);
const SPREADS: u32 = 2;
/// However far away Telegram is, no more is saved.
const MOST_SAVED: Duration = Duration::from_millis(500);
/// After a 429 nothing is saved for this long.
const STRICT: Duration = Duration::from_mins(10);

/// What was measured of one token's requests.
#[derive(Debug, Default)]
pub(super) struct RoundTrips {
    seconds: VecDeque<OneSecond>,
    recent: VecDeque<Duration>,
    strict_until: At,
    /// What [`RoundTrips::saved`] said last, and in which second.
    known: Option<(u64, Duration)>,
}

/// The round trips that ended within one second.
#[derive(Debug, Clone, Copy)]
struct OneSecond {
    second: u64,
    count: usize,
    shortest: Duration,
}

impl RoundTrips {
    /// A request took `length`, from right before it to its answer. Nothing that other
    /// requests lack may be in it, such as the journal's flush: the one that follows would not
    /// have it before it.
    pub(super) fn measured(&mut self, length: Duration, now: At) {
        self.known = None;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(length);
        let second = now.as_secs();
        match self.seconds.back_mut() {
            Some(last) if last.second == second => {
                last.count += 1;
                last.shortest = last.shortest.min(length);
            }
            Some(_) | None => self.seconds.push_back(OneSecond {
                second,
                count: 1,
                shortest: length,
            }),
        }
        let is_old = |of: &OneSecond| of.second + REMEMBERED < second;
        while self.seconds.front().is_some_and(is_old) {
            self.seconds.pop_front();
        }
    }

    /// Telegram answered 429.
    pub(super) fn limited(&mut self, now: At) {
        self.strict_until = now + STRICT;
    }

    /// How much sooner an answer stops counting.
    pub(super) fn saved(&mut self, now: At) -> Duration {
        if now < self.strict_until {
            return Duration::ZERO;
        }
        let second = now.as_secs();
        match self.known {
            Some((known_in, saved)) if known_in == second => saved,
            Some(_) | None => {
                let saved = self.saved_in(second);
                self.known = Some((second, saved));
                saved
            }
        }
    }

    fn saved_in(&self, second: u64) -> Duration {
        let oldest = second.saturating_sub(REMEMBERED);
        let within = || self.seconds.iter().filter(|of| of.second >= oldest);
        let count: usize = within().map(|of| of.count).sum();
        let shortest = within().map(|of| of.shortest).min();
        let Some(shortest) = shortest.filter(|_| count >= LEAST_SAMPLES) else {
            return Duration::ZERO;
        };
        let spread = self.median().saturating_sub(shortest) * SPREADS;
        let margin = LEAST_MARGIN.max(shortest / 10).max(spread);
        shortest.saturating_sub(margin).min(MOST_SAVED)
    }

    fn median(&self) -> Duration {
        let mut recent = [Duration::ZERO; RECENT];
        let known = &mut recent[..self.recent.len()];
        for (place, length) in known.iter_mut().zip(&self.recent) {
            *place = *length;
        }
        let middle = known.len() / 2;
        if known.is_empty() {
            return Duration::ZERO;
        }
        *known.select_nth_unstable(middle).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn measured(lengths: impl Iterator<Item = Duration>) -> RoundTrips {
        let mut trips = RoundTrips::default();
        lengths.for_each(|length| trips.measured(length, Duration::ZERO));
        trips
    }

    #[test]
    fn a_steady_round_trip_is_saved_but_for_a_tenth() {
        let mut trips = measured((0..60).map(|_| 50 * MS));
        assert_eq!(trips.saved(Duration::ZERO), 45 * MS);
        assert_eq!(
            measured((0..60).map(|_| 5 * MS)).saved(Duration::ZERO),
            3 * MS
        );
        assert_eq!(
            measured((0..60).map(|_| MS)).saved(Duration::ZERO),
            Duration::ZERO
        );
        let mut far = measured((0..60).map(|_| 2_000 * MS));
        assert_eq!(far.saved(Duration::ZERO), MOST_SAVED);
    }

    #[test]
    fn what_varies_much_saves_nothing() {
        let mut trips = measured((0..200).map(|number| (20 + number % 50) * MS));
        assert_eq!(trips.saved(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_few_round_trips_and_old_ones_save_nothing() {
        let mut trips = measured((0..59).map(|_| 50 * MS));
        assert_eq!(trips.saved(Duration::ZERO), Duration::ZERO);
        let mut trips = measured((0..60).map(|_| 50 * MS));
        assert_eq!(trips.saved(Duration::from_secs(REMEMBERED)), 45 * MS);
        assert_eq!(
            trips.saved(Duration::from_secs(REMEMBERED + 1)),
            Duration::ZERO
        );
    }

    #[test]
    fn one_short_round_trip_counts_for_a_minute() {
        let mut trips = RoundTrips::default();
        trips.measured(10 * MS, Duration::ZERO);
        for second in 1..=REMEMBERED {
            for _ in 0..30 {
                trips.measured(50 * MS, Duration::from_secs(second));
            }
        }
        let now = Duration::from_secs(REMEMBERED);
        assert_eq!(trips.saved(now), Duration::ZERO, "it may come again");
        assert_eq!(trips.saved(now + Duration::from_secs(1)), 45 * MS);
        assert!(trips.seconds.len() <= 61);
    }

    #[test]
    fn after_a_429_nothing_is_saved_for_ten_minutes() {
        let mut trips = measured((0..60).map(|_| 50 * MS));
        trips.limited(Duration::ZERO);
        for _ in 0..60 {
            trips.measured(50 * MS, STRICT);
        }
        assert_eq!(trips.saved(STRICT.saturating_sub(MS)), Duration::ZERO);
        assert_eq!(trips.saved(STRICT), 45 * MS);
    }
}
