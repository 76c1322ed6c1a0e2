//! Asks a peer that cannot be reached, or fails, now and then instead of with every
//! request.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// When a peer is left alone, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// So many failures in a row, and it is left alone for a while.
    pub(crate) failures: u32,
    /// The first pause; each failed trial doubles it up to the longest.
    pub(crate) first_pause: Duration,
    pub(crate) longest_pause: Duration,
    /// A trial that neither ends nor is given up makes room for another after this long;
    /// longer than any takes.
    pub(crate) trial: Duration,
}

/// What is known of reaching one peer.
#[derive(Debug)]
pub(crate) struct Breaker {
    plan: Plan,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    pause: Duration,
    /// Nothing is tried before this instant.
    open_until: Option<Instant>,
}

/// Permission to try; knows whether it is the one trial after a pause. A trial that is
/// dropped without a word makes room for the next one.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
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
        if state.open_until == Some(since + self.breaker.plan.trial) {
            state.open_until = Some(since);
        }
    }
}

impl Breaker {
    /// Nothing is known against the peer.
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            state: Mutex::default(),
        }
    }

    /// Permission to try.
    ///
    /// # Errors
    ///
    /// How long there is none.
    pub(crate) fn admit(&self, now: Instant) -> Result<Pass<'_>, Duration> {
        let mut state = self.lock();
        let trial_since = match state.open_until {
            None => None,
            Some(until) if until > now => return Err(until - now),
            Some(_) => {
                state.open_until = Some(now + self.plan.trial);
                Some(now)
            }
        };
        Ok(Pass {
            breaker: self,
            trial_since,
        })
    }

    /// The peer was reached; true when it had been left alone.
    pub(crate) fn reached(&self) -> bool {
        let mut state = self.lock();
        let was_open = state.open_until.is_some();
        *state = State::default();
        was_open
    }

    /// It was not; answers the pause when one begins. `random` is from 0 to 1.
    pub(crate) fn failed(&self, pass: &Pass<'_>, now: Instant, random: f64) -> Option<Duration> {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        // Requests that were out when the pause began say nothing new.
        let is_news = pass.trial_since.is_some() || state.open_until.is_none();
        if !is_news || state.failures < self.plan.failures {
            return None;
        }
        state.pause = (state.pause * 2).clamp(self.plan.first_pause, self.plan.longest_pause);
        let pause = state.pause.mul_f64(0.5 + random / 2.0);
        state.open_until = Some(now + pause);
        Some(pause)
    }

    /// Whether the peer is left alone, but for a trial.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().open_until.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURES: u32 = 5;
    const FIRST_PAUSE: Duration = Duration::from_millis(100);
    const LONGEST_PAUSE: Duration = Duration::from_mins(1);
    const TRIAL: Duration = Duration::from_secs(35);

    fn new() -> Breaker {
        Breaker::new(Plan {
            failures: FAILURES,
            first_pause: FIRST_PAUSE,
            longest_pause: LONGEST_PAUSE,
            trial: TRIAL,
        })
    }

    fn opened(breaker: &Breaker, now: Instant) -> Duration {
        for _ in 0..FAILURES {
            let pass = breaker.admit(now).unwrap();
            breaker.failed(&pass, now, 1.0);
        }
        breaker.admit(now).unwrap_err()
    }

    #[test]
    fn after_five_failures_nothing_is_tried_until_one_trial() {
        let (breaker, now) = (new(), Instant::now());
        assert_eq!(opened(&breaker, now), FIRST_PAUSE);
        let later = now + FIRST_PAUSE;
        let trial = breaker.admit(later).unwrap();
        assert!(breaker.admit(later).is_err(), "one trial at a time");
        assert_eq!(breaker.failed(&trial, later, 1.0), Some(2 * FIRST_PAUSE));
        drop(trial);
        assert_eq!(breaker.admit(later).unwrap_err(), 2 * FIRST_PAUSE);
    }

    #[test]
    fn failures_of_requests_that_were_out_do_not_lengthen_the_pause() {
        let (breaker, now) = (new(), Instant::now());
        let early = breaker.admit(now).unwrap();
        let pause = opened(&breaker, now);
        for _ in 0..100 {
            assert_eq!(breaker.failed(&early, now, 1.0), None);
        }
        assert_eq!(breaker.admit(now).unwrap_err(), pause);
    }

    #[test]
    fn a_connection_ends_it_and_the_pause_is_never_longer_than_a_minute() {
        let (breaker, mut now) = (new(), Instant::now());
        opened(&breaker, now);
        for _ in 0..20 {
            now += LONGEST_PAUSE;
            let trial = breaker.admit(now).unwrap();
            let pause = breaker.failed(&trial, now, 0.0).unwrap();
            assert!(pause <= LONGEST_PAUSE / 2, "{pause:?}");
        }
        assert!(breaker.reached());
        assert!(!breaker.reached());
        assert!(breaker.admit(now).is_ok() && breaker.admit(now).is_ok());
    }

    #[test]
    fn a_trial_that_never_ends_makes_room_for_another() {
        let (breaker, now) = (new(), Instant::now());
        opened(&breaker, now);
        let _trial = breaker.admit(now + FIRST_PAUSE).unwrap();
        assert!(breaker.admit(now + FIRST_PAUSE + TRIAL).is_ok());
    }

    #[test]
    fn a_trial_that_is_given_up_makes_room_for_another_at_once() {
        let (breaker, now) = (new(), Instant::now());
        opened(&breaker, now);
        let later = now + FIRST_PAUSE;
        let trial = breaker.admit(later).unwrap();
        assert_eq!(breaker.admit(later).unwrap_err(), TRIAL);
        drop(trial);
        let next = breaker.admit(later).unwrap();
        assert_eq!(breaker.admit(later).unwrap_err(), TRIAL, "again only one");
        assert_eq!(breaker.failed(&next, later, 1.0), Some(2 * FIRST_PAUSE));
    }

    #[test]
    fn an_answer_between_the_failures_begins_the_count_anew() {
        let (breaker, now) = (new(), Instant::now());
        for _ in 0..3 {
            for _ in 1..FAILURES {
                let pass = breaker.admit(now).unwrap();
                assert_eq!(breaker.failed(&pass, now, 1.0), None);
            }
            assert!(!breaker.reached(), "it was not left alone");
        }
        assert!(breaker.admit(now).is_ok());
    }

    #[test]
    fn a_plan_with_one_pause_keeps_to_it() {
        let breaker = Breaker::new(Plan {
            failures: 2,
            first_pause: LONGEST_PAUSE,
            longest_pause: LONGEST_PAUSE,
            trial: TRIAL,
        });
        let mut now = Instant::now();
        let pass = breaker.admit(now).unwrap();
        assert_eq!(breaker.failed(&pass, now, 1.0), None);
        assert_eq!(breaker.failed(&pass, now, 1.0), Some(LONGEST_PAUSE));
        for _ in 0..3 {
            assert!(breaker.admit(now + LONGEST_PAUSE / 2).is_err());
            now += LONGEST_PAUSE;
            let trial = breaker.admit(now).unwrap();
            assert_eq!(breaker.failed(&trial, now, 1.0), Some(LONGEST_PAUSE));
        }
    }
}
