//! The queue of updates of one bot, and its one poller.

use std::collections::VecDeque;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::clock::Moment;

/// Updates kept for a bot that does not fetch them; the oldest are dropped beyond it.
const MAX_PENDING: usize = 100_000;
/// Kinds a bot gets only when it names them in `allowed_updates`.
const ONLY_ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

#[derive(Debug)]
pub(crate) struct Updates {
    queue: VecDeque<(i64, Value)>,
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
    /// Ids start at the seconds since 2001, so that they rise over restarts and a bot that remembers
    /// its offset misses nothing.
    pub fn starting_at(now: Moment) -> Self {
        Self {
            queue: VecDeque::new(),
            next_id: (now.unix_seconds() - 1_000_000_000).max(1),
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

    pub fn push(&mut self, kind: &'static str, payload: Value) {
        let wanted = match &self.allowed {
            Some(allowed) => allowed.iter().any(|name| name == kind),
            None => !ONLY_ON_REQUEST.contains(&kind),
        };
        if !wanted {
            return;
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
    }

    /// Starts a poll: ends the one before, and confirms everything below the offset. A negative offset
    /// keeps only so many of the newest updates.
    pub fn begin(&mut self, offset: i64) -> (u64, watch::Receiver<()>) {
        self.generation += 1;
        self.ended_by_webhook = false;
        if offset < 0 {
            let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            let extra = self.queue.len().saturating_sub(keep);
            self.queue.drain(..extra);
        } else {
            let confirmed = self.queue.partition_point(|(id, _)| *id < offset);
            self.queue.drain(..confirmed);
        }
        self.wake.send_replace(());
        (self.generation, self.wake.subscribe())
    }

    pub fn look(&self, generation: u64, limit: usize) -> Poll {
        if generation != self.generation {
            return if self.ended_by_webhook {
                Poll::WebhookSet
            } else {
                Poll::Terminated
            };
        }
        let found = self.queue.iter().take(limit);
        Poll::Found(found.map(|(_, update)| update.clone()).collect())
    }

    /// Ends the current poll because a webhook is set.
    pub fn end_for_webhook(&mut self) {
        self.generation += 1;
        self.ended_by_webhook = true;
        self.wake.send_replace(());
    }

    pub fn clear(&mut self) {
        self.queue.clear();
    }
}
