//! Every row this gateway holds, from its delivery until its outcome is acknowledged.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use olm_proto::notify::v1::{
    Ambiguous, JournalEntry, Outcome, Writing, journal_entry::Knowledge, outcome::Kind,
};
use tokio::{sync::Notify, time::Instant};

use crate::{
    journal::{Attempt, Entry},
    pacer::Lane,
    telegram::not_written,
};

/// An outcome that is not acknowledged is told again after this long.
const TELL_AGAIN: Duration = Duration::from_secs(2);

/// The table; shared between the stream and the rows' own tasks.
#[derive(Debug)]
pub(super) struct Rows {
    rows: Mutex<HashMap<Attempt, Row>>,
    changed: Notify,
}

#[derive(Debug)]
struct Row {
    /// The lane whose credit the row takes; `None` when an earlier stream brought it.
    lane: Option<Lane>,
    /// `None` when an earlier process held it.
    chat: Option<i64>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not written, and can still be given up.
    Waiting,
    /// The first byte may be written at any moment.
    Writing { since: Instant },
    /// An earlier process was writing it when it ended.
    Lost,
    Finished {
        outcome: Outcome,
        told: Option<Instant>,
        /// When it had its slot, if it had one.
        written_since: Option<Instant>,
    },
}

/// A row that is out no more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    /// The lane whose credit it gives back.
    pub(super) lane: Option<Lane>,
    /// From its slot to the acknowledgement, and from telling to it once more.
    pub(super) taken: Option<Duration>,
}

impl Row {
    /// Whether the service, which may not know it yet, begins it again.
    fn comes_again(&self) -> bool {
        match &self.state {
            State::Finished { outcome, .. } => matches!(
                outcome.kind,
                Some(Kind::NotWritten(_) | Kind::Limited(_) | Kind::Moved(_))
            ),
            State::Waiting | State::Writing { .. } | State::Lost => false,
        }
    }
}

impl State {
    fn finished(outcome: Outcome) -> Self {
        Self::Finished {
            outcome,
            told: None,
            written_since: None,
        }
    }
}

impl Rows {
    /// The table with what an earlier process left in the journal.
    pub(super) fn new(entries: impl Iterator<Item = (Attempt, Entry)>) -> Self {
        let rows = entries.map(|(attempt, entry)| {
            let state = match entry {
                Entry::Writing => State::Lost,
                Entry::Finished(outcome) => State::finished(outcome),
            };
            let row = Row {
                lane: None,
                chat: None,
                state,
            };
            (attempt, row)
        });
        Self {
            rows: Mutex::new(rows.collect()),
            changed: Notify::new(),
        }
    }

    /// Takes a delivered row in; false when there is nothing to do for it: it is here already,
    /// or it was begun when the service did not know yet that one before it comes again, and
    /// is given back with that one.
    pub(super) fn take_in(&self, attempt: Attempt, lane: Lane, chat: i64) -> bool {
        let mut rows = self.lock();
        if rows.contains_key(&attempt) {
            return false;
        }
        let behind = rows
            .values()
            .any(|row| row.chat == Some(chat) && row.lane.is_some() && row.comes_again());
        let state = if behind {
            let cause = "one before it in its chat comes again";
            State::finished(Outcome {
                kind: Some(not_written(cause, Duration::ZERO)),
            })
        } else {
            State::Waiting
        };
        let row = Row {
            lane: Some(lane),
            chat: Some(chat),
            state,
        };
        rows.insert(attempt, row);
        drop(rows);
        if behind {
            self.changed.notify_waiters();
            self.changed.notify_one();
        }
        !behind
    }

    /// Passes the point of no return; false when the row was given up before.
    pub(super) fn begin_writing(&self, attempt: Attempt) -> bool {
        match self.lock().get_mut(&attempt) {
            Some(row) if matches!(row.state, State::Waiting) => {
                row.state = State::Writing {
                    since: Instant::now(),
                };
                true
            }
            Some(_) | None => false,
        }
    }

    /// The row's outcome is known.
    pub(super) fn finish(&self, attempt: Attempt, outcome: Outcome) {
        if let Some(row) = self.lock().get_mut(&attempt) {
            let written_since = match row.state {
                State::Writing { since } => Some(since),
                State::Waiting | State::Lost | State::Finished { .. } => None,
            };
            row.state = State::Finished {
                outcome,
                told: None,
                written_since,
            };
        }
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    /// Gives up every row that was not begun: it is known that none was written.
    pub(super) fn give_up_waiting(&self, cause: &str) {
        self.give_up(cause, Duration::ZERO, |_| true);
    }

    /// Gives up the rows of one chat that were not begun; they can be begun again after
    /// `retry_after`.
    pub(super) fn give_up_chat(&self, chat: i64, cause: &str, retry_after: Duration) {
        self.give_up(cause, retry_after, |row| row.chat == Some(chat));
    }

    fn give_up(&self, cause: &str, retry_after: Duration, which: impl Fn(&Row) -> bool) {
        for row in self.lock().values_mut() {
            if matches!(row.state, State::Waiting) && which(row) {
                let kind = Some(not_written(cause, retry_after));
                row.state = State::finished(Outcome { kind });
            }
        }
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    /// A new stream: credit starts anew, and every outcome has to be told on it.
    pub(super) fn begin_stream(&self) {
        for row in self.lock().values_mut() {
            row.lane = None;
            if let State::Finished { told, .. } = &mut row.state {
                *told = None;
            }
        }
    }

    /// Waits until something was finished since the last call.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until no row is being written.
    pub(super) async fn written(&self) {
        loop {
            // Made before the look, so that no change in between is missed.
            let changed = self.changed.notified();
            let is_writing = |row: &Row| matches!(row.state, State::Writing { .. });
            if !self.lock().values().any(is_writing) {
                return;
            }
            changed.await;
        }
    }

    /// What is known of the rows that the service believes to be here; of those that are
    /// being written nothing is said, because their outcome will be.
    pub(super) fn report(&self, attempts: &[Attempt], now: Instant) -> Vec<JournalEntry> {
        let mut rows = self.lock();
        let entry = |attempt: &Attempt| {
            let knowledge = match rows.get_mut(attempt).map(|row| &mut row.state) {
                // Not in the journal: no byte of it was written.
                None => Knowledge::NotWritten(not_written_as_knowledge("it is not in the journal")),
                // It came after this ownership was asked for, of the one before. What is
                // told of it must stay true: it is begun again, and never written here.
                Some(state @ State::Waiting) => {
                    let cause = not_written_as_knowledge("it was not begun");
                    *state = State::Finished {
                        outcome: Outcome {
                            kind: Some(Kind::NotWritten(cause.clone())),
                        },
                        told: Some(now),
                        written_since: None,
                    };
                    Knowledge::NotWritten(cause)
                }
                Some(State::Writing { .. }) => return None,
                Some(State::Lost) => Knowledge::Writing(Writing {}),
                Some(State::Finished { outcome, told, .. }) => {
                    *told = Some(now);
                    match &outcome.kind {
                        Some(Kind::NotWritten(cause)) => Knowledge::NotWritten(cause.clone()),
                        _ => Knowledge::Outcome(outcome.clone()),
                    }
                }
            };
            Some(JournalEntry {
                attempt: Some(attempt.to_wire()),
                knowledge: Some(knowledge),
            })
        };
        attempts.iter().filter_map(entry).collect()
    }

    /// After the report: what an earlier process was writing stays unknown for good.
    pub(super) fn settle_lost(&self, now: Instant) {
        for row in self.lock().values_mut() {
            if matches!(row.state, State::Lost) {
                let ambiguous = Ambiguous {
                    cause: "the gateway ended while the request was out".to_owned(),
                };
                row.state = State::Finished {
                    outcome: Outcome {
                        kind: Some(Kind::Ambiguous(ambiguous)),
                    },
                    told: Some(now),
                    written_since: None,
                };
            }
        }
    }

    /// Outcomes to be told now, for the first time or again.
    pub(super) fn to_tell(&self, now: Instant) -> Vec<(Attempt, Outcome)> {
        let mut due = Vec::new();
        for (attempt, row) in self.lock().iter_mut() {
            if let State::Finished { outcome, told, .. } = &mut row.state
                && told.is_none_or(|at| now.duration_since(at) >= TELL_AGAIN)
            {
                *told = Some(now);
                due.push((*attempt, outcome.clone()));
            }
        }
        due
    }

    /// The service has stored the outcome: forgets the row, if there is one.
    pub(super) fn acknowledged(&self, attempt: Attempt, now: Instant) -> Option<Acknowledged> {
        let mut rows = self.lock();
        let taken = match &rows.get(&attempt)?.state {
            State::Finished {
                told,
                written_since,
                ..
            } => told.zip(*written_since).map(|(told, since)| {
                now.saturating_duration_since(since) + now.saturating_duration_since(told)
            }),
            State::Waiting | State::Writing { .. } | State::Lost => return None,
        };
        let lane = rows.remove(&attempt)?.lane;
        Some(Acknowledged { lane, taken })
    }

    /// Whether every outcome was acknowledged. What an earlier process left unknown has
    /// none to tell.
    pub(super) fn is_settled(&self) -> bool {
        self.lock()
            .values()
            .all(|row| matches!(row.state, State::Lost))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Attempt, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_written_as_knowledge(cause: &str) -> olm_proto::notify::v1::NotWritten {
    olm_proto::notify::v1::NotWritten {
        cause: cause.to_owned(),
        retry_after: None,
    }
}

#[cfg(test)]
mod tests {
    use olm_proto::notify::v1::Sent;
    use uuid::Uuid;

    use super::*;

    fn attempt(number: i32) -> Attempt {
        Attempt {
            bot_id: 1,
            notification: Uuid::from_u128(7),
            number,
        }
    }

    fn sent() -> Outcome {
        let sent = Sent {
            telegram_message_id: 3,
        };
        Outcome {
            kind: Some(Kind::Sent(sent)),
        }
    }

    fn empty() -> Rows {
        Rows::new(std::iter::empty())
    }

    fn knowledge(rows: &Rows, of: Attempt) -> Knowledge {
        let mut entries = rows.report(&[of], Instant::now());
        entries.remove(0).knowledge.unwrap()
    }

    #[tokio::test]
    async fn a_row_given_up_is_never_written() {
        let rows = empty();
        assert!(rows.take_in(attempt(1), Lane::Reminder, 5));
        assert!(
            !rows.take_in(attempt(1), Lane::Reminder, 5),
            "delivered twice"
        );
        rows.give_up_waiting("gone");
        assert!(!rows.begin_writing(attempt(1)));
        assert!(matches!(
            knowledge(&rows, attempt(1)),
            Knowledge::NotWritten(_)
        ));
    }

    #[tokio::test]
    async fn only_the_waiting_rows_of_a_chat_are_given_up_with_it() {
        let rows = empty();
        for (number, chat) in [(1, 5), (2, 5), (3, 6)] {
            rows.take_in(attempt(number), Lane::Reminder, chat);
        }
        rows.begin_writing(attempt(1));
        rows.give_up_chat(5, "limited", Duration::from_secs(3));
        let told = rows.to_tell(Instant::now());
        let [(given_up, outcome)] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(*given_up, attempt(2));
        assert!(matches!(&outcome.kind, Some(Kind::NotWritten(cause))
            if cause.retry_after.as_ref().is_some_and(|after| after.seconds == 3)));
        assert!(rows.begin_writing(attempt(3)));
    }

    #[tokio::test]
    async fn a_row_begun_before_the_service_knew_that_one_comes_again_is_given_back_with_it() {
        let rows = empty();
        for number in [1, 2] {
            rows.take_in(attempt(number), Lane::Reminder, 5);
        }
        rows.begin_writing(attempt(1));
        rows.give_up_chat(5, "not written", Duration::ZERO);
        assert!(!rows.take_in(attempt(3), Lane::Reminder, 5));
        assert!(!rows.begin_writing(attempt(3)));
        assert!(rows.take_in(attempt(4), Lane::Reminder, 6), "another chat");
        let now = Instant::now();
        let told = rows.to_tell(now);
        assert_eq!(told.len(), 2);
        for (given_up, _) in told {
            assert!(rows.acknowledged(given_up, now).is_some());
        }
        // Whatever is begun from now on is begun in order.
        assert!(rows.take_in(attempt(5), Lane::Reminder, 5));
        // What an earlier stream brought was told before anything is begun on this one.
        rows.give_up_chat(6, "not written", Duration::ZERO);
        rows.begin_stream();
        assert!(rows.take_in(attempt(6), Lane::Reminder, 6));
    }

    #[tokio::test]
    async fn a_row_reported_unwritten_is_never_written() {
        let rows = empty();
        rows.take_in(attempt(1), Lane::Reminder, 5);
        assert!(matches!(
            knowledge(&rows, attempt(1)),
            Knowledge::NotWritten(_)
        ));
        assert!(!rows.begin_writing(attempt(1)));
    }

    #[tokio::test]
    async fn a_row_being_written_is_not_given_up() {
        let rows = empty();
        rows.take_in(attempt(1), Lane::Reminder, 5);
        assert!(rows.begin_writing(attempt(1)));
        rows.give_up_waiting("gone");
        assert_eq!(rows.report(&[attempt(1)], Instant::now()), []);
        rows.finish(attempt(1), sent());
        assert_eq!(knowledge(&rows, attempt(1)), Knowledge::Outcome(sent()));
    }

    #[tokio::test]
    async fn what_an_earlier_process_left_is_told_and_then_told_as_unknown() {
        let left = [
            (attempt(1), Entry::Writing),
            (attempt(2), Entry::Finished(sent())),
        ];
        let rows = Rows::new(left.into_iter());
        assert!(matches!(
            knowledge(&rows, attempt(1)),
            Knowledge::Writing(_)
        ));
        assert_eq!(knowledge(&rows, attempt(2)), Knowledge::Outcome(sent()));
        assert!(matches!(
            knowledge(&rows, attempt(3)),
            Knowledge::NotWritten(_)
        ));
        let now = Instant::now();
        rows.settle_lost(now);
        assert_eq!(rows.to_tell(now), [], "the report told them just now");
        let again = rows.to_tell(now + TELL_AGAIN);
        assert_eq!(again.len(), 2);
        for number in [1, 2] {
            assert!(rows.acknowledged(attempt(number), now).is_some());
        }
        assert!(rows.is_settled());
    }

    #[tokio::test]
    async fn an_outcome_is_told_until_it_is_acknowledged_and_gives_its_credit_back() {
        let rows = empty();
        rows.take_in(attempt(1), Lane::Broadcast, 5);
        let begun = Instant::now();
        assert_eq!(rows.acknowledged(attempt(1), begun), None, "no outcome yet");
        rows.begin_writing(attempt(1));
        rows.finish(attempt(1), sent());
        let now = Instant::now();
        assert_eq!(rows.to_tell(now).len(), 1);
        assert_eq!(rows.to_tell(now).len(), 0);
        assert_eq!(rows.to_tell(now + TELL_AGAIN).len(), 1);
        let later = now + 2 * TELL_AGAIN;
        let acknowledged = rows.acknowledged(attempt(1), later).unwrap();
        assert_eq!(acknowledged.lane, Some(Lane::Broadcast));
        let taken = acknowledged.taken.unwrap();
        assert!(taken >= 3 * TELL_AGAIN && taken <= 3 * TELL_AGAIN + (now - begun));
        assert_eq!(rows.acknowledged(attempt(1), later), None);
    }
}
