//! How much one person may ask for (TMB-3): so many updates in any minute. One gateway
//! sees every update of its bot, so nothing needs to be shared.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

/// The span that the limit is about.
const WINDOW: Duration = Duration::from_mins(1);
/// People that are remembered before it is looked who was quiet for the span, and how often
/// that is looked at.
const FEW: usize = 1_000;
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// People that are remembered at most. Whoever comes beyond is let through: as many people
/// at a time are told by other limits.
const MOST: usize = 50_000;

/// What to do with an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Act on it.
    Pass,
    /// Do not, and say so: until this instant nothing will be done.
    Tell(Instant),
    /// Do not.
    Silence,
}

/// Who asked when.
#[derive(Debug)]
pub(super) struct Throttle {
    most: usize,
    people: HashMap<i64, Person>,
    looked: Option<Instant>,
}

#[derive(Debug, Default)]
struct Person {
    /// When the updates that count were let through; at most `most`.
    passed: VecDeque<Instant>,
    told: Option<Instant>,
}

impl Throttle {
    /// At most `most` updates of a person in any minute.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            people: HashMap::new(),
            looked: None,
        }
    }

    /// A person sends an update. One that is not let through does not count: whoever goes on
    /// sending is heard again as soon as the span allows it, and told at most once in each.
    pub(super) fn admit(&mut self, person: i64, now: Instant) -> Verdict {
        let looks = |looked| now.duration_since(looked) >= LOOK_EVERY;
        if self.people.len() >= FEW && self.looked.is_none_or(looks) {
            self.looked = Some(now);
            self.people.retain(|_, person| !person.is_quiet(now));
        }
        if self.people.len() >= MOST && !self.people.contains_key(&person) {
            return Verdict::Pass;
        }
        let person = self.people.entry(person).or_default();
        let is_over = |at: &Instant| now.duration_since(*at) >= WINDOW;
        while person.passed.front().is_some_and(is_over) {
            person.passed.pop_front();
        }
        if person.passed.len() < self.most {
            person.passed.push_back(now);
            return Verdict::Pass;
        }
        if person.told.is_some_and(|at| !is_over(&at)) {
            return Verdict::Silence;
        }
        person.told = Some(now);
        let first = person.passed.front().copied().unwrap_or(now);
        Verdict::Tell(first + WINDOW)
    }
}

impl Person {
    /// Nothing of it matters any more.
    fn is_quiet(&self, now: Instant) -> bool {
        let last = self.passed.back().copied().max(self.told);
        last.is_none_or(|last| now.duration_since(last) >= WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const ANNA: i64 = 1;
    const BORIS: i64 = 2;

    #[test]
    fn the_first_beyond_the_limit_is_told_once_and_then_there_is_silence() {
        let (mut throttle, start) = (Throttle::new(3), Instant::now());
        for second in 0..3 {
            let now = start + second * SECOND;
            assert_eq!(throttle.admit(ANNA, now), Verdict::Pass);
        }
        let end = start + WINDOW;
        let now = start + 3 * SECOND;
        assert_eq!(throttle.admit(ANNA, now), Verdict::Tell(end));
        assert_eq!(throttle.admit(ANNA, end - SECOND), Verdict::Silence);
        assert_eq!(throttle.admit(BORIS, now), Verdict::Pass, "somebody else");
        assert_eq!(throttle.admit(ANNA, end), Verdict::Pass);
        // The second of the three counts for another second.
        assert_eq!(throttle.admit(ANNA, end), Verdict::Silence);
        assert_eq!(throttle.admit(ANNA, end + SECOND), Verdict::Pass);
    }

    #[test]
    fn whoever_goes_on_is_let_through_at_the_limit_and_told_once_a_minute() {
        let (mut throttle, start) = (Throttle::new(20), Instant::now());
        let (mut passed, mut told) = (Vec::new(), 0);
        for tenth in 0..6_000 {
            let now = start + tenth * SECOND / 10;
            match throttle.admit(ANNA, now) {
                Verdict::Pass => passed.push(now),
                Verdict::Tell(until) => {
                    assert!(until > now);
                    told += 1;
                }
                Verdict::Silence => {}
            }
        }
        assert_eq!(passed.len(), 200, "ten minutes");
        assert!(passed.windows(21).all(|some| some[20] - some[0] >= WINDOW));
        assert_eq!(told, 10);
    }

    #[test]
    fn only_so_many_people_are_remembered_and_those_that_are_quiet_are_not() {
        let (mut throttle, start) = (Throttle::new(1), Instant::now());
        let most = i64::try_from(MOST).unwrap();
        for person in 0..most + 10 {
            assert_eq!(throttle.admit(person, start), Verdict::Pass);
        }
        assert_eq!(throttle.people.len(), MOST);
        assert_eq!(
            throttle.admit(most + 5, start),
            Verdict::Pass,
            "not counted"
        );
        assert_eq!(throttle.admit(5, start), Verdict::Tell(start + WINDOW));
        assert_eq!(throttle.admit(most, start + WINDOW), Verdict::Pass);
        assert_eq!(throttle.people.len(), 1);
    }
}
