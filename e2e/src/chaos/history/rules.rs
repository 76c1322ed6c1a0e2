//! The invariants, each as one pure look at a history.

use std::collections::{BTreeMap, HashMap};

use telegram_sim::api::Violation;
use uuid::Uuid;

use super::{Attempt, Breach, Copy, History, Wanted, Window, told};

/// How far two processes' reading of the one clock may lie apart, with the time a
/// statement or a message takes.
const SLACK_US: i64 = 1_000_000;
/// How long an accepted row may stay unseen while others are begun: notify-svc pauses four times as long as a
/// read took before the next one, and a read takes up to half a second beside a dozen starting programs.
const ORDER_SLACK_US: i64 = 3_000_000;
/// A gateway writes a row within this time of the renewal it was begun under.
const FRESH_US: i64 = 5_000_000;

/// Every breach of an invariant; nothing may be under way any more.
#[must_use]
pub fn check(history: &History) -> Vec<Breach> {
    let view = View::of(history);
    let mut breaches = Vec::new();
    for unanswered in &history.known.unanswered {
        breaches.push(breach("answer", format!("never answered: {unanswered}")));
    }
    for (number, wanted) in &history.known.wanted {
        breaches.extend(view.ends_once(*number, wanted));
        breaches.extend(view.copies_are_few(*number, wanted));
    }
    breaches.extend(
        history
            .copies
            .iter()
            .filter_map(|copy| view.was_begun(copy)),
    );
    breaches.extend(paced(history));
    breaches.extend(view.canceled_stays_unsent());
    breaches.extend(view.in_order());
    breaches.extend(final_states(history));
    breaches.extend(told::check(history));
    breaches
}

pub(super) fn breach(invariant: &'static str, what: String) -> Breach {
    Breach { invariant, what }
}

/// A history by notification.
struct View<'a> {
    history: &'a History,
    copies: BTreeMap<u64, Vec<&'a Copy>>,
    attempts: HashMap<Uuid, Vec<&'a Attempt>>,
}

impl<'a> View<'a> {
    fn of(history: &'a History) -> Self {
        let mut copies: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for copy in &history.copies {
            if let Some(number) = copy.number() {
                copies.entry(number).or_default().push(copy);
            }
        }
        let mut attempts: HashMap<Uuid, Vec<_>> = HashMap::new();
        for attempt in &history.attempts {
            attempts.entry(attempt.id).or_default().push(attempt);
        }
        Self {
            history,
            copies,
            attempts,
        }
    }

    fn accepted(&self, number: u64) -> Vec<&'a Copy> {
        let copies = self.copies.get(&number).into_iter().flatten();
        copies.filter(|copy| copy.accepted).copied().collect()
    }

    fn attempts(&self, id: Uuid) -> &[&'a Attempt] {
        self.attempts.get(&id).map_or(&[], Vec::as_slice)
    }

    fn excused(&self, from_us: i64, until_us: i64, by: impl Fn(&Window) -> bool) -> bool {
        self.history.windows.iter().any(|window| {
            by(window)
                && window.from_us - SLACK_US <= until_us
                && from_us <= window.until_us + SLACK_US
        })
    }

    /// I1, and nothing lost.
    fn ends_once(&self, number: u64, wanted: &Wanted) -> Option<Breach> {
        let Some(row) = self.history.rows.get(&wanted.id) else {
            let what = format!("{number}: accepted, and not in the database");
            return Some(breach("lost", what));
        };
        let arrived = !self.accepted(number).is_empty();
        let state = row.state.as_str();
        let asked_to_stop = || self.asked_to_stop(wanted.id);
        match (state, arrived) {
            ("sent" | "unconfirmed", true) => None,
            ("canceled", false) if asked_to_stop() => None,
            ("failed", false) if asked_to_stop() || self.refused(number) => None,
            ("unconfirmed", false) if wanted.hold || row.resent || asked_to_stop() => None,
            // Whatever is wanted here is wanted for a day.
            ("failed" | "canceled" | "expired" | "unconfirmed", false) => {
                let what = format!("{number}: {state}, for no reason that anybody gave");
                Some(breach("lost", what))
            }
            ("sent", false) => Some(breach(
                "I1",
                format!("{number}: sent, and not in the ledger"),
            )),
            (_, true) => Some(breach(
                "I1",
                format!("{number}: in the ledger, and {state}"),
            )),
            (_, false) => Some(breach("lost", format!("{number}: still {state}"))),
        }
    }

    /// Its client cancelled it, whatever the answer was.
    fn asked_to_stop(&self, id: Uuid) -> bool {
        let mut canceled = self.history.known.canceled.iter();
        canceled.any(|canceled| canceled.id == id)
    }

    fn refused(&self, number: u64) -> bool {
        let copies = self.copies.get(&number);
        copies.is_some_and(|copies| copies.iter().any(|copy| copy.refused))
    }

    /// I2.
    fn copies_are_few(&self, number: u64, wanted: &Wanted) -> Option<Breach> {
        let copies = self.accepted(number);
        let [first, rest @ ..] = copies.as_slice() else {
            return None;
        };
        let [second, more @ ..] = rest else {
            return None;
        };
        let resent = self
            .history
            .rows
            .get(&wanted.id)
            .is_some_and(|row| row.resent);
        let what = if !more.is_empty() {
            "more than two copies"
        } else if wanted.hold {
            "a second copy of what was to be held"
        } else if !resent {
            "a second copy that is not counted"
        } else {
            let hidden = first.answer_hidden
                || self.excused(first.received_us, second.received_us, |window| {
                    window.hides_outcomes
                });
            if hidden {
                return None;
            }
            "a second copy though the first one's outcome could be known"
        };
        let places: Vec<_> = copies.iter().map(|copy| copy.seq).collect();
        Some(breach(
            "I2",
            format!("{number}: {what} (ledger {places:?})"),
        ))
    }

    /// I3: a committed Begin, fresh, of the gateway that owned the bot.
    fn was_begun(&self, copy: &Copy) -> Option<Breach> {
        let (number, seq) = (copy.number()?, copy.seq);
        let wanted = self.history.known.wanted.get(&number)?;
        let attempts = self.attempts(wanted.id);
        let mut before = attempts
            .iter()
            .filter(|attempt| attempt.begun_us <= copy.received_us)
            .peekable();
        if before.peek().is_none() {
            let what = format!("{number}: written before it was begun (ledger {seq})");
            return Some(breach("I3", what));
        }
        let requests = self.copies.get(&number).map_or(0, Vec::len);
        if requests > attempts.len() {
            let what = format!("{number}: {requests} requests, {} begins", attempts.len());
            return Some(breach("I3", what));
        }
        let may = |attempt: &&&Attempt| {
            let age = copy.received_us - attempt.begun_us;
            let is_fresh = age <= FRESH_US + SLACK_US;
            let owner = self.owner_at(copy.received_us - SLACK_US);
            let is_owners = owner.is_none_or(|owner| owner == attempt.gateway_id)
                || self.owner_at(copy.received_us) == Some(attempt.gateway_id);
            is_fresh && is_owners
                || self.excused(attempt.begun_us, copy.received_us, |window| {
                    window.delays_requests
                })
        };
        if before.any(|attempt| may(&attempt)) {
            return None;
        }
        let what = format!("{number}: written stale, or by no owner (ledger {seq})");
        Some(breach("I3", what))
    }

    fn owner_at(&self, at_us: i64) -> Option<Uuid> {
        let owners = self.history.owners.iter();
        let owner = owners.take_while(|owner| owner.since_us <= at_us).last()?;
        Some(owner.gateway_id)
    }

    /// I5.
    fn canceled_stays_unsent(&self) -> Vec<Breach> {
        let numbers: HashMap<_, _> = self
            .history
            .known
            .wanted
            .iter()
            .map(|(number, wanted)| (wanted.id, *number))
            .collect();
        let bound = self.history.known.canceled.iter().filter(|it| it.bound);
        bound
            .filter_map(|canceled| {
                let number = numbers.get(&canceled.id)?;
                let state = &self.history.rows.get(&canceled.id)?.state;
                let arrived = self.accepted(*number).len();
                let begun = self.attempts(canceled.id);
                let later = begun
                    .iter()
                    .filter(|attempt| attempt.begun_us > canceled.answered_us)
                    .count();
                (state != "canceled" || arrived > 0 || later > 0).then(|| {
                    let what = format!(
                        "{number}: CANCELED, then {state}, {arrived} copies, begun {later} times"
                    );
                    breach("I5", what)
                })
            })
            .collect()
    }

    /// I6, among one sender's: what was accepted well before and fell due well before is in the chat before,
    /// if nobody refused it and no outcome was unknown. Of what was to be tried again, the attempt that
    /// brought the other one is judged if it was begun when it was known that there is to be another try.
    fn in_order(&self) -> Vec<Breach> {
        let mut by_chat: BTreeMap<_, Vec<Read>> = BTreeMap::new();
        for (number, wanted) in &self.history.known.wanted {
            if let Some(read) = self.read(*number, wanted) {
                let chat = by_chat.entry((wanted.chat_id, wanted.client)).or_default();
                chat.push(read);
            }
        }
        let mut breaches = Vec::new();
        for mut chat in by_chat.into_values() {
            chat.sort_by_key(|read| read.wanted.due_us);
            for (place, early) in chat.iter().enumerate() {
                let overtakes = |late: &&Read| late.overtakes(early);
                if let Some(late) = chat[place + 1..].iter().find(overtakes) {
                    let (first, second) = (early.number, late.number);
                    let what = format!("{second} came before {first}, which was due before it");
                    breaches.push(breach("I6", what));
                }
            }
        }
        breaches
    }

    /// What is in its chat once, after attempts that all but the last came to nothing, uncounted.
    fn read<'b>(&self, number: u64, wanted: &'b Wanted) -> Option<Read<'b>> {
        let (accepted, attempts) = (self.accepted(number), self.attempts(wanted.id));
        let ([copy], Some((last, before))) = (accepted.as_slice(), attempts.split_last()) else {
            return None;
        };
        let came_back = |attempt: &&Attempt| {
            let outcome = attempt.outcome.as_deref()?;
            matches!(outcome, "limited" | "not_written" | "moved").then_some(attempt.ended_us?)
        };
        let came_back: Option<Vec<i64>> = before.iter().map(came_back).collect();
        Some(Read {
            wanted,
            number,
            seq: copy.seq,
            begun_us: last.begun_us,
            came_back_us: came_back?.into_iter().max(),
        })
    }
}

/// A notification that its chat reads once.
struct Read<'a> {
    wanted: &'a Wanted,
    number: u64,
    seq: u64,
    /// The attempt that brought it.
    begun_us: i64,
    /// When the last one before that was over, if there was one.
    came_back_us: Option<i64>,
}

impl Read<'_> {
    fn overtakes(&self, early: &Self) -> bool {
        let (late, first) = (self.wanted, early.wanted);
        let is_known = early
            .came_back_us
            .is_none_or(|came_back_us| came_back_us + SLACK_US < self.begun_us);
        is_known
            && first.due_us + ORDER_SLACK_US < late.due_us
            && first.accepted_us + ORDER_SLACK_US < late.due_us.max(late.accepted_us)
            && self.seq < early.seq
    }
}

/// I4: no limit broken, and no chat written to before a 429's time was over.
fn paced(history: &History) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut frozen: HashMap<i64, (i64, u64)> = HashMap::new();
    for copy in &history.copies {
        if let Some(Violation { limit, early }) = copy.violation {
            let (seq, chat, at_us) = (copy.seq, copy.chat_id, copy.received_us);
            let early = if early { ", as told before" } else { "" };
            let what =
                format!("ledger {seq}: broke {limit:?}'s limit, chat {chat}, at {at_us} us{early}");
            breaches.push(breach("I4", what));
        }
        if let Some((until_us, by)) = frozen.get(&copy.chat_id)
            && copy.received_us < *until_us
        {
            let what = format!(
                "ledger {}: sent before the wait told in {by} was over",
                copy.seq
            );
            breaches.push(breach("I4", what));
        }
        if let Some(retry_after_us) = copy.retry_after_us {
            frozen.insert(copy.chat_id, (copy.received_us + retry_after_us, copy.seq));
        }
    }
    breaches
}

/// I7, and attempts that only rise.
fn final_states(history: &History) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut highest: HashMap<Uuid, i32> = HashMap::new();
    for transition in &history.transitions {
        let before = transition.before.as_deref().unwrap_or("pending");
        let after = transition.after.as_str();
        let is_open = matches!(before, "pending" | "sending" | "uncertain");
        let proven = before == "unconfirmed" && after == "sent";
        if !is_open && !proven {
            let what = format!("{}: {before}, then {after}", transition.id);
            breaches.push(breach("I7", what));
        }
        let attempt = highest.entry(transition.id).or_default();
        if transition.attempt_no < *attempt {
            let what = format!(
                "{}: attempt {} after {attempt}",
                transition.id, transition.attempt_no
            );
            breaches.push(breach("I7", what));
        }
        *attempt = transition.attempt_no.max(*attempt);
    }
    breaches
}

#[cfg(test)]
mod tests;
