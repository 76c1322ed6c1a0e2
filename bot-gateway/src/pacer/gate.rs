//! The pacer as tasks see it: wait for a [`Grant`], do the request, give it back.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{At, Full, Key, Lane, Limits, Next, Pacer};

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
        });
        tokio::spawn(drive(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// Queues at once, in the order of the calls, for `due_in` from now or later.
    ///
    /// # Errors
    ///
    /// [`Full`] when the lane holds all it may.
    pub fn enqueue(&self, lane: Lane, chat: i64, due_in: Duration) -> Result<Waiting, Full> {
        let (sender, receiver) = oneshot::channel();
        let now = self.shared.now();
        let key = self
            .shared
            .pacer()
            .enqueue(lane, chat, now + due_in, sender, now)?;
        self.shared.changed.notify_one();
        Ok(Waiting {
            shared: Arc::clone(&self.shared),
            key,
            receiver,
        })
    }

    /// Starts nothing for `chat` for this long.
    pub fn freeze_chat(&self, chat: i64, length: Duration) {
        let now = self.shared.now();
        self.shared.pacer().freeze_chat(chat, now + length, now);
        self.shared.changed.notify_one();
    }

    /// Starts nothing at all for this long.
    pub fn freeze_bot(&self, length: Duration) {
        let now = self.shared.now();
        self.shared.pacer().freeze_bot(now + length);
        self.shared.changed.notify_one();
    }
}

async fn drive(shared: std::sync::Weak<Shared>) {
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
            .enqueue(Lane::Reminder, 1, Duration::from_millis(250))
            .unwrap();
        let second = gate.enqueue(Lane::Reminder, 1, Duration::ZERO).unwrap();
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
            gate.enqueue(Lane::Reminder, 1, Duration::from_mins(15))
                .unwrap(),
        );
        gate.enqueue(Lane::Reminder, 1, Duration::ZERO)
            .unwrap()
            .await
            .unused();
        gate.enqueue(Lane::Reminder, 1, Duration::ZERO)
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
        gate.enqueue(Lane::Conversation, 1, Duration::ZERO)
            .unwrap()
            .await
            .answered();
        assert!(start.elapsed() >= Duration::from_secs(7));
    }
}
