//! The pacer as tasks see it: wait for a [`Grant`], do the request, give it back.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, MissedTickBehavior, interval},
};

use super::{At, Former, Full, Key, LANES, Lane, Limits, Next, Pacer, Spent, Target};
use crate::figures;

/// The gate before one token; cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pacer: Mutex<Pacer<oneshot::Sender<Grant>>>,
    changed: Notify,
    origin: Instant,
    limits: Limits,
}

impl Shared {
    fn now(&self) -> At {
        self.origin.elapsed()
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer<oneshot::Sender<Grant>>> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    /// A gate, and the task that opens it; the task ends with the runtime. `silent`
    /// says that a predecessor ended without a word.
    #[must_use]
    pub fn new(limits: Limits, silent: bool) -> Self {
        let mut pacer = Pacer::new(limits);
        if silent {
            pacer.silence(Duration::ZERO);
        }
        let shared = Arc::new(Shared {
            pacer: Mutex::new(pacer),
            changed: Notify::new(),
            origin: Instant::now(),
            limits,
        });
        tokio::spawn(drive(Arc::downgrade(&shared)));
        let per_second = u32::try_from(limits.per_second).unwrap_or(u32::MAX);
        tokio::spawn(figure(Arc::downgrade(&shared), f64::from(per_second)));
        Self { shared }
    }

    /// What it keeps.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.shared.limits
    }

    /// Queues at once, in the order of the calls, for `due_in` from now or later.
    ///
    /// # Errors
    ///
    /// [`Full`] when the lane holds all it may.
    pub fn enqueue(&self, lane: Lane, target: Target, due_in: Duration) -> Result<Waiting, Full> {
        let (sender, receiver) = oneshot::channel();
        let now = self.shared.now();
        let key = self
            .shared
            .pacer()
            .enqueue(lane, target, now + due_in, sender, now)?;
        self.shared.changed.notify_one();
        Ok(Waiting {
            shared: Arc::clone(&self.shared),
            key,
            receiver,
        })
    }

    /// Telegram answered 429: starts nothing for `chat` for this long.
    pub fn limited(&self, chat: i64, length: Duration) {
        let now = self.shared.now();
        self.shared.pacer().limited(chat, now + length, now);
        self.shared.changed.notify_one();
    }

    /// The bot is ours in this epoch.
    pub fn owned(&self, epoch: i64, from: Former) {
        let now = self.shared.now();
        self.shared.pacer().owned(epoch, from, now);
        self.shared.changed.notify_one();
    }

    /// What counts against the limits now.
    #[must_use]
    pub fn spent(&self) -> Spent {
        let now = self.shared.now();
        self.shared.pacer().spent(now)
    }

    /// Counts what another gateway sent and left.
    pub fn inherit(&self, spent: &Spent) {
        let now = self.shared.now();
        self.shared.pacer().inherit(spent, now);
        self.shared.changed.notify_one();
    }

    /// The bot is ours for this long from now.
    pub fn owned_for(&self, length: Duration) {
        let until = self.shared.now() + length;
        self.shared.pacer().owned_until(until);
        self.shared.changed.notify_one();
    }

    /// Starts nothing at all for this long.
    pub fn freeze_bot(&self, length: Duration) {
        let now = self.shared.now();
        self.shared.pacer().freeze_bot(now + length);
        self.shared.changed.notify_one();
    }
}

async fn drive(shared: Weak<Shared>) {
    while let Some(shared) = shared.upgrade() {
        let now = shared.now();
        let next = shared.pacer().next(now);
        match next {
            Next::Start(key, sender) => {
                let grant = Grant {
                    shared: Some(Arc::clone(&shared)),
                    key,
                };
                if let Err(grant) = sender.send(grant) {
                    grant.unused();
                }
            }
            Next::Wait(at) => {
                let until = shared.origin + at;
                tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    () = shared.changed.notified() => {}
                }
            }
            Next::Idle => {
                // Looks up now and then, to end when the gate is gone.
                let idle = tokio::time::sleep(Duration::from_secs(1));
                tokio::select! {
                    () = idle => {}
                    () = shared.changed.notified() => {}
                }
            }
        }
    }
}

/// Tells once a second what waits, and how much of the limit was used while rows waited
/// for it.
async fn figure(shared: Weak<Shared>, per_second: f64) {
    let mut told = [0_i64; LANES];
    let mut last = (0, false);
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut since = ticks.tick().await;
    loop {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let now = Instant::now();
        let (waiting, used) = {
            let pacer = shared.pacer();
            let waiting = Lane::ALL.map(|lane| pacer.waiting(lane));
            (waiting, pacer.used(shared.now()))
        };
        for lane in Lane::ALL {
            let count = i64::try_from(waiting[lane.index()]).unwrap_or(i64::MAX);
            figures::waiting(lane, count - told[lane.index()]);
            told[lane.index()] = count;
        }
        let (started_before, waited_before) = last;
        let (started, waits) = used;
        if waited_before && waits {
            let started = u32::try_from(started - started_before).unwrap_or(u32::MAX);
            let could = per_second * now.duration_since(since).as_secs_f64();
            figures::UTILISATION.record(f64::from(started) / could, []);
        }
        (last, since) = (used, now);
    }
}

/// A row in the queue; dropping it takes it back.
#[derive(Debug)]
pub struct Waiting {
    shared: Arc<Shared>,
    key: Key,
    receiver: oneshot::Receiver<Grant>,
}

impl Future for Waiting {
    type Output = Grant;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Grant> {
        match Pin::new(&mut self.receiver).poll(context) {
            Poll::Ready(Ok(grant)) => Poll::Ready(grant),
            // The sender lives in the pacer, which `self.shared` keeps alive, until the
            // row starts or is taken back by dropping `self`.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let now = self.shared.now();
        let taken_back = self.shared.pacer().remove(self.key, now);
        if taken_back.is_none()
            && let Ok(grant) = self.receiver.try_recv()
        {
            grant.unused();
        }
    }
}

/// Permission for one request. Dropping it counts as its answer: what may have been
/// written counts against the limits.
#[derive(Debug)]
#[must_use = "dropping a grant counts as the answer"]
pub struct Grant {
    shared: Option<Arc<Shared>>,
    key: Key,
}

impl Grant {
    /// The request begins now: its round trip does not hold what was done since the slot.
    pub fn begun(&self) {
        if let Some(shared) = &self.shared {
            let now = shared.now();
            shared.pacer().begun(self.key, now);
        }
    }

    /// The answer is here, or is not waited for any more.
    pub fn answered(self) {
        drop(self);
    }

    /// Nothing was written.
    pub fn unused(mut self) {
        if let Some(shared) = self.shared.take() {
            let now = shared.now();
            shared.pacer().unused(self.key, now);
            shared.changed.notify_one();
        }
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            let now = shared.now();
            shared.pacer().answered(self.key, now);
            shared.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_grant_waits_for_its_instant_and_its_chat() {
        let gate = Gate::new(Limits::default(), false);
        let start = Instant::now();
        let first = gate
            .enqueue(
                Lane::Reminder,
                Target::Message(1),
                Duration::from_millis(250),
            )
            .unwrap();
        let second = gate
            .enqueue(Lane::Reminder, Target::Message(1), Duration::ZERO)
            .unwrap();
        first.await.answered();
        assert!(start.elapsed() >= Duration::from_millis(250));
        second.await.answered();
        assert!(start.elapsed() >= Duration::from_millis(1_250));
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_row_that_is_dropped_frees_its_chat() {
        let gate = Gate::new(Limits::default(), false);
        let start = Instant::now();
        drop(
            gate.enqueue(Lane::Reminder, Target::Message(1), Duration::from_mins(15))
                .unwrap(),
        );
        gate.enqueue(Lane::Reminder, Target::Message(1), Duration::ZERO)
            .unwrap()
            .await
            .unused();
        gate.enqueue(Lane::Reminder, Target::Message(1), Duration::ZERO)
            .unwrap()
            .await
            .answered();
        assert!(start.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_frozen_bot_starts_nothing() {
        let gate = Gate::new(Limits::default(), false);
        let start = Instant::now();
        gate.freeze_bot(Duration::from_secs(7));
        gate.enqueue(Lane::Conversation, Target::Message(1), Duration::ZERO)
            .unwrap()
            .await
            .answered();
        assert!(start.elapsed() >= Duration::from_secs(7));
    }
}
