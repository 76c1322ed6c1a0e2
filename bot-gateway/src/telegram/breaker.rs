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
/// A trial that neither ends nor is given up makes room for another after this long; longer than any
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

/// Permission to try; knows whether it is the one trial after a pause. A trial that is
/// dropped without a word makes room for the next one.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    trial_since: Option<Instant>,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let Some(since) = self.trial_since else {
            return;
        };
        let mut state = self.breaker.lock();
        // Anything else says that the trial ended, or that another one began.
        if state.closed_until == Some(since + TRIAL) {
            state.closed_until = Some(since);
        }
    }
}

impl Breaker {
    /// Permission to connect.
    ///
    /// # Errors
    ///
    /// How long there is none.
    pub(super) fn admit(&self, now: Instant) -> Result<Pass<'_>, Duration> {
        let mut state = self.lock();
        let trial_since = match state.closed_until {
            None => None,
            Some(until) if until > now => return Err(until - now),
            Some(_) => {
                state.closed_until = Some(now + TRIAL);
                Some(now)
            }
        };
        Ok(Pass {
            breaker: self,
            trial_since,
        })
    }

    /// There was a connection; true when the host had been left alone.
    pub(super) fn connected(&self) -> bool {
        let mut state = self.lock();
        let was_closed = state.closed_until.is_some();
        *state = State::default();
        was_closed
    }

    /// There was none; answers the pause when one begins. `random` is from 0 to 1.
    pub(super) fn failed(&self, pass: &Pass<'_>, now: Instant, random: f64) -> Option<Duration> {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        // Requests that were out when the pause began say nothing new.
        let is_news = pass.trial_since.is_some() || state.closed_until.is_none();
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
            breaker.failed(&pass, now, 1.0);
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
        assert_eq!(breaker.failed(&trial, later, 1.0), Some(2 * FIRST_PAUSE));
        drop(trial);
        assert_eq!(breaker.admit(later).unwrap_err(), 2 * FIRST_PAUSE);
    }

    #[test]
    fn failures_of_requests_that_were_out_do_not_lengthen_the_pause() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let early = breaker.admit(now).unwrap();
        let pause = closed(&breaker, now);
        for _ in 0..100 {
            assert_eq!(breaker.failed(&early, now, 1.0), None);
        }
        assert_eq!(breaker.admit(now).unwrap_err(), pause);
    }

    #[test]
    fn a_connection_ends_it_and_the_pause_is_never_longer_than_a_minute() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        closed(&breaker, now);
        for _ in 0..20 {
            now += LONGEST_PAUSE;
            let trial = breaker.admit(now).unwrap();
            let pause = breaker.failed(&trial, now, 0.0).unwrap();
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
        let _trial = breaker.admit(now + FIRST_PAUSE).unwrap();
        assert!(breaker.admit(now + FIRST_PAUSE + TRIAL).is_ok());
    }

    #[test]
    fn a_trial_that_is_given_up_makes_room_for_another_at_once() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        closed(&breaker, now);
        let later = now + FIRST_PAUSE;
        let trial = breaker.admit(later).unwrap();
        assert_eq!(breaker.admit(later).unwrap_err(), TRIAL);
        drop(trial);
        let next = breaker.admit(later).unwrap();
        assert_eq!(breaker.admit(later).unwrap_err(), TRIAL, "again only one");
        assert_eq!(breaker.failed(&next, later, 1.0), Some(2 * FIRST_PAUSE));
    }
}
