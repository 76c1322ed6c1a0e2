//! Asks a host that cannot be reached now and then, instead of with every message.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// So many failures to connect in a row, and the host is left alone for a while.
const FAILURES: u32 = 5;
/// The first pause; each failed trial doubles it up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A trial that never ends makes room for another after this long; longer than any
/// connecting takes.
const TRIAL: Duration = Duration::from_secs(35);

/// What is known of reaching one host.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    pause: Duration,
    /// Nothing is tried before this instant.
    closed_until: Option<Instant>,
}

/// Permission to try; says whether it is the one trial after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass {
    is_trial: bool,
}

impl Breaker {
    /// Permission to connect.
    ///
    /// # Errors
    ///
    /// How long there is none.
    pub(super) fn admit(&self, now: Instant) -> Result<Pass, Duration> {
        let mut state = self.lock();
        match state.closed_until {
            None => Ok(Pass { is_trial: false }),
            Some(until) if until > now => Err(until - now),
            Some(_) => {
                state.closed_until = Some(now + TRIAL);
                Ok(Pass { is_trial: true })
            }
        }
    }

    /// There was a connection; true when the host had been left alone.
    pub(super) fn connected(&self) -> bool {
        let mut state = self.lock();
        let was_closed = state.closed_until.is_some();
        *state = State::default();
        was_closed
    }

    /// There was none; answers the pause when one begins. `random` is from 0 to 1.
    pub(super) fn failed(&self, pass: Pass, now: Instant, random: f64) -> Option<Duration> {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        // Requests that were out when the pause began say nothing new.
        let is_news = pass.is_trial || state.closed_until.is_none();
        if !is_news || state.failures < FAILURES {
            return None;
        }
        state.pause = (state.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        let pause = state.pause.mul_f64(0.5 + random / 2.0);
        state.closed_until = Some(now + pause);
        Some(pause)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(breaker: &Breaker, now: Instant) -> Duration {
        for _ in 0..FAILURES {
            let pass = breaker.admit(now).unwrap();
            breaker.failed(pass, now, 1.0);
        }
        breaker.admit(now).unwrap_err()
    }

    #[test]
    fn after_five_failures_nothing_is_tried_until_one_trial() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        assert_eq!(closed(&breaker, now), FIRST_PAUSE);
        let later = now + FIRST_PAUSE;
        let trial = breaker.admit(later).unwrap();
        assert!(breaker.admit(later).is_err(), "one trial at a time");
        assert_eq!(breaker.failed(trial, later, 1.0), Some(2 * FIRST_PAUSE));
        assert_eq!(breaker.admit(later), Err(2 * FIRST_PAUSE));
    }

    #[test]
    fn failures_of_requests_that_were_out_do_not_lengthen_the_pause() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let early = breaker.admit(now).unwrap();
        let pause = closed(&breaker, now);
        for _ in 0..100 {
            assert_eq!(breaker.failed(early, now, 1.0), None);
        }
        assert_eq!(breaker.admit(now), Err(pause));
    }

    #[test]
    fn a_connection_ends_it_and_the_pause_is_never_longer_than_a_minute() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        closed(&breaker, now);
        for _ in 0..20 {
            now += LONGEST_PAUSE;
            let trial = breaker.admit(now).unwrap();
            let pause = breaker.failed(trial, now, 0.0).unwrap();
            assert!(pause <= LONGEST_PAUSE / 2, "{pause:?}");
        }
        assert!(breaker.connected());
        assert!(!breaker.connected());
        assert!(breaker.admit(now).is_ok() && breaker.admit(now).is_ok());
    }

    #[test]
    fn a_trial_that_never_ends_makes_room_for_another() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        closed(&breaker, now);
        assert!(breaker.admit(now + FIRST_PAUSE).is_ok());
        assert!(breaker.admit(now + FIRST_PAUSE + TRIAL).is_ok());
    }
}
