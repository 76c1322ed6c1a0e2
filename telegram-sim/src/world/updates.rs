//! The queue of updates of one bot, and its one poller.

use std::collections::VecDeque;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::clock::Moment;

/// Updates kept for a bot that does not fetch them; the oldest are dropped beyond it.
const MAX_PENDING: usize = 100_000;
/// Updates that were confirmed and can still be delivered once more.
const MAX_CONFIRMED: usize = 1_000;
/// Unix seconds.
const START_OF_2024: i64 = 1_704_067_200;
/// Copies that may wait to be delivered.
const MAX_COPIES: usize = 1_000;
/// Kinds a bot gets only when it names them in `allowed_updates`.
const ONLY_ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

#[derive(Debug)]
pub(crate) struct Updates {
    queue: VecDeque<(i64, Value)>,
    /// The last ones that were confirmed.
    confirmed: VecDeque<(i64, Value)>,
    /// Copies to deliver once more, whatever was confirmed.
    copies: VecDeque<Value>,
    next_id: i64,
    /// Kinds the bot asked for; `None`: all but [`ONLY_ON_REQUEST`].
    pub allowed: Option<Vec<String>>,
    /// The current poll; a newer one, or a webhook, ends it.
    generation: u64,
    ended_by_webhook: bool,
    pub waiting: usize,
    wake: watch::Sender<()>,
}

/// What a poll finds.
#[derive(Debug)]
pub(crate) enum Poll {
    /// Updates, or none yet.
    Found(Vec<Value>),
    /// A newer `getUpdates` took over.
    Terminated,
    /// A webhook was set.
    WebhookSet,
}

impl Updates {
    /// Ids start at the quarters of a second since 2024, so that they rise over restarts and a bot
    /// that remembers its offset misses nothing: fewer than four updates a second are made between
    /// two restarts, whatever is tried by hand. They fit into 31 bits until 2041.
    pub fn starting_at(now: Moment) -> Self {
        Self {
            queue: VecDeque::new(),
            confirmed: VecDeque::new(),
            copies: VecDeque::new(),
            next_id: ((now.unix_seconds() - START_OF_2024) * 4).max(1),
            allowed: None,
            generation: 0,
            ended_by_webhook: false,
            waiting: 0,
            wake: watch::Sender::new(()),
        }
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Copies that wait to be delivered.
    pub fn copies(&self) -> usize {
        self.copies.len()
    }

    /// Adds an update, unless the bot does not want this kind; tells its id.
    pub fn push(&mut self, kind: &'static str, payload: Value) -> Option<i64> {
        let wanted = match &self.allowed {
            Some(allowed) => allowed.iter().any(|name| name == kind),
            None => !ONLY_ON_REQUEST.contains(&kind),
        };
        if !wanted {
            return None;
        }
        if self.queue.len() >= MAX_PENDING {
            self.queue.pop_front();
            tracing::warn!("a bot does not fetch its updates; the oldest was dropped");
        }
        let id = self.next_id;
        self.next_id += 1;
        let mut update = json!({ "update_id": id });
        update[kind] = payload;
        self.queue.push_back((id, update));
        self.wake.send_replace(());
        Some(id)
    }

    /// Has an update delivered so many times more; false when it is not kept any more, or
    /// too much waits.
    pub fn redeliver(&mut self, id: i64, times: usize) -> bool {
        let known = self.queue.iter().chain(&self.confirmed);
        let update = known.rev().find(|(it, _)| *it == id);
        let Some(update) = update.map(|(_, update)| update.clone()) else {
            return false;
        };
        let fits = self.copies.len() + times <= MAX_COPIES;
        if fits {
            self.copies.extend(std::iter::repeat_n(update, times));
            self.wake.send_replace(());
        }
        fits
    }

    /// Takes the oldest so many off the queue.
    fn confirm(&mut self, count: usize) {
        let oldest: Vec<_> = self.queue.drain(..count).collect();
        self.keep_confirmed(oldest);
    }

    fn keep_confirmed(&mut self, updates: impl IntoIterator<Item = (i64, Value)>) {
        self.confirmed.extend(updates);
        let extra = self.confirmed.len().saturating_sub(MAX_CONFIRMED);
        self.confirmed.drain(..extra);
    }

    /// Starts a poll: ends the one before, and confirms everything below the offset. A negative offset
    /// keeps only so many of the newest updates.
    pub fn begin(&mut self, offset: i64) -> (u64, watch::Receiver<()>) {
        self.generation += 1;
        self.ended_by_webhook = false;
        if offset < 0 {
            let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            let extra = self.queue.len().saturating_sub(keep);
            self.confirm(extra);
        } else {
            let confirmed = self.queue.partition_point(|(id, _)| *id < offset);
            self.confirm(confirmed);
        }
        self.wake.send_replace(());
        (self.generation, self.wake.subscribe())
    }

    /// Those that were not confirmed yet, oldest first.
    pub fn queued(&self) -> impl Iterator<Item = (i64, &Value)> {
        self.queue.iter().map(|(id, update)| (*id, update))
    }

    /// The next copy to deliver once more.
    pub fn take_copy(&mut self) -> Option<Value> {
        self.copies.pop_front()
    }

    /// One update has reached its bot, out of turn.
    pub fn delivered(&mut self, id: i64) {
        let place = self.queue.binary_search_by_key(&id, |(it, _)| *it);
        let Some(update) = place.ok().and_then(|place| self.queue.remove(place)) else {
            return;
        };
        self.keep_confirmed([update]);
    }

    /// Wakes whoever waits.
    pub fn nudge(&self) {
        self.wake.send_replace(());
    }

    /// Wakes when something comes.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }

    /// What a poll finds now. A copy comes once, and one at a time: a bot that drops what it
    /// has seen in the same answer is not enough.
    pub fn look(&mut self, generation: u64, limit: usize) -> Poll {
        if generation != self.generation {
            return if self.ended_by_webhook {
                Poll::WebhookSet
            } else {
                Poll::Terminated
            };
        }
        let copy = self.copies.pop_front();
        let others = limit - usize::from(copy.is_some());
        let queued = self.queue.iter().take(others);
        let queued = queued.map(|(_, update)| update.clone());
        Poll::Found(copy.into_iter().chain(queued).collect())
    }

    /// Ends the current poll because a webhook is set.
    pub fn end_for_webhook(&mut self) {
        self.generation += 1;
        self.ended_by_webhook = true;
        self.wake.send_replace(());
    }

    pub fn clear(&mut self) {
        self.queue.clear();
        self.copies.clear();
    }
}
