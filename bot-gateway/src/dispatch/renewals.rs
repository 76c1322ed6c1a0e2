//! Freshness by causality: a row names the last renewal its service had stored, and is
//! written only within 5 s of the moment that renewal was sent from here. So nothing
//! that lay in a buffer, and no owner that was suspended, can send.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// One second less than the service's 6 s, which begin later.
const FRESH: Duration = Duration::from_secs(5);
/// More renewals than five seconds hold.
const REMEMBERED: usize = 16;

/// When each renewal of the present epoch was sent, by [`boot_time`]. Number 0 is the
/// request for ownership itself.
#[derive(Debug, Default)]
pub(super) struct Renewals(Mutex<VecDeque<(i64, Duration)>>);

impl Renewals {
    /// Ownership is asked for: an epoch begins.
    pub(super) fn begin(&self, now: Duration) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.clear();
        sent.push_back((0, now));
    }

    /// Renewal `number` is about to be sent.
    pub(super) fn sent(&self, number: i64, now: Duration) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() == REMEMBERED {
            sent.pop_front();
        }
        sent.push_back((number, now));
    }

    /// Whether a row that names renewal `number` may still be written.
    pub(super) fn fresh(&self, number: i64, now: Duration) -> bool {
        let sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_number = sent.iter().find(|(known, _)| *known == number);
        of_number.is_some_and(|(_, at)| now.saturating_sub(*at) <= FRESH)
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
        assert!(renewals.fresh(0, 105 * SECOND));
        assert!(!renewals.fresh(0, 106 * SECOND));
        assert!(renewals.fresh(1, 106 * SECOND));
        assert!(!renewals.fresh(1, 171 * SECOND), "suspended in between");
    }

    #[test]
    fn a_renewal_that_was_never_sent_or_belongs_to_an_earlier_epoch_is_not_fresh() {
        let renewals = Renewals::default();
        assert!(!renewals.fresh(0, SECOND));
        renewals.begin(SECOND);
        renewals.sent(1, SECOND);
        assert!(!renewals.fresh(2, SECOND));
        renewals.begin(2 * SECOND);
        assert!(!renewals.fresh(1, 2 * SECOND));
    }

    #[test]
    fn old_renewals_are_forgotten() {
        let renewals = Renewals::default();
        for number in 0..1_000 {
            renewals.sent(number, SECOND);
        }
        assert_eq!(renewals.0.lock().unwrap().len(), REMEMBERED);
    }

    #[test]
    fn boot_time_never_goes_back() {
        let earlier = boot_time();
        assert!(boot_time() >= earlier && earlier > Duration::ZERO);
    }
}
