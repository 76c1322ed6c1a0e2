//! Freshness by causality: a row names the last renewal its service had stored, and is
//! written only within 5 s of the moment that renewal was sent from here. So nothing
//! that lay in a buffer, and no owner that was suspended, can send.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// One second less than the service's 6 s, which begin later.
pub(super) const FRESH: Duration = Duration::from_secs(5);
/// More renewals than five seconds hold.
const REMEMBERED: usize = 16;

/// When each renewal of the present term was sent, by [`boot_time`]. A term begins with
/// each request for ownership, which counts as renewal 0.
#[derive(Debug, Default)]
pub(super) struct Renewals(Mutex<Term>);

#[derive(Debug, Default)]
struct Term {
    number: u64,
    sent: VecDeque<(i64, Duration)>,
}

/// The renewal that a row names, and the term it came in: numbers begin anew with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    term: u64,
    renewal: i64,
}

impl Renewals {
    /// Ownership is asked for: a term begins.
    pub(super) fn begin(&self, now: Duration) {
        let mut term = self.lock();
        term.number += 1;
        term.sent.clear();
        term.sent.push_back((0, now));
    }

    /// Renewal `number` is about to be sent.
    pub(super) fn sent(&self, number: i64, now: Duration) {
        let mut term = self.lock();
        if term.sent.len() == REMEMBERED {
            term.sent.pop_front();
        }
        term.sent.push_back((number, now));
    }

    /// What a row that arrives now names.
    pub(super) fn named(&self, renewal: i64) -> Named {
        let term = self.lock().number;
        Named { term, renewal }
    }

    /// Whether a row may still be written.
    pub(super) fn fresh(&self, named: Named, now: Duration) -> bool {
        let term = self.lock();
        let of_number = term.sent.iter().find(|(known, _)| *known == named.renewal);
        let in_time = of_number.is_some_and(|(_, at)| now.saturating_sub(*at) <= FRESH);
        term.number == named.term && in_time
    }

    /// How long from now rows that name this renewal of the present term may be written.
    pub(super) fn fresh_for(&self, renewal: i64, now: Duration) -> Duration {
        let term = self.lock();
        let of_number = term.sent.iter().find(|(known, _)| *known == renewal);
        of_number.map_or(Duration::ZERO, |(_, at)| (*at + FRESH).saturating_sub(now))
    }

    fn lock(&self) -> MutexGuard<'_, Term> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time since the machine started, counting the time it was suspended.
pub(super) fn boot_time() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_row_is_fresh_for_five_seconds_after_its_renewal_was_sent() {
        let renewals = Renewals::default();
        renewals.begin(100 * SECOND);
        renewals.sent(1, 101 * SECOND);
        let (own, first) = (renewals.named(0), renewals.named(1));
        assert!(renewals.fresh(own, 105 * SECOND));
        assert!(!renewals.fresh(own, 106 * SECOND));
        assert!(renewals.fresh(first, 106 * SECOND));
        assert!(!renewals.fresh(first, 171 * SECOND), "suspended in between");
        assert_eq!(renewals.fresh_for(1, 104 * SECOND), 2 * SECOND);
        assert_eq!(renewals.fresh_for(1, 171 * SECOND), Duration::ZERO);
        assert_eq!(renewals.fresh_for(2, 104 * SECOND), Duration::ZERO);
    }

    #[test]
    fn a_renewal_that_was_never_sent_is_not_fresh() {
        let renewals = Renewals::default();
        assert!(!renewals.fresh(renewals.named(0), SECOND));
        renewals.begin(SECOND);
        assert!(!renewals.fresh(renewals.named(1), SECOND));
    }

    #[test]
    fn a_row_of_an_earlier_term_is_not_fresh_though_its_number_is_in_use_again() {
        let renewals = Renewals::default();
        renewals.begin(SECOND);
        renewals.sent(1, SECOND);
        let row = renewals.named(1);
        renewals.begin(2 * SECOND);
        renewals.sent(1, 2 * SECOND);
        assert!(!renewals.fresh(row, 2 * SECOND));
        assert!(renewals.fresh(renewals.named(1), 2 * SECOND));
    }

    #[test]
    fn old_renewals_are_forgotten() {
        let renewals = Renewals::default();
        for number in 0..1_000 {
            renewals.sent(number, SECOND);
        }
        assert_eq!(renewals.lock().sent.len(), REMEMBERED);
    }

    #[test]
    fn boot_time_never_goes_back() {
        let earlier = boot_time();
        assert!(boot_time() >= earlier && earlier > Duration::ZERO);
    }
}
