//! The link to server 1, below the generated clients: a deadline for each call, a breaker
//! that leaves lesson-svc alone while it fails, and what was read last, for as long as that
//! holds and for when nothing can be read (OLM-5).

mod cache;
mod calls;
mod changes;
mod concern;
mod exchange;
mod link;
mod notes;
mod reading;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use service_kit::{clock::SharedClock, grpc::client::Backend, health::Health, shutdown::Shutdown};
use tokio::{sync::watch, time::Instant};

pub(crate) use changes::follow;
pub(crate) use link::Link;
pub(crate) use notes::Fate;

use crate::{
    breaker::{Breaker, Pass, Plan},
    figures,
};
use cache::Cache;

/// The name under which health tells whether server 1 is left alone. Readiness does not
/// depend on it: people are answered all the same.
pub(crate) const HEALTH_DETAIL: &str = "bot-gateway.server1";

/// How server 1 is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Deadline of a read.
    pub(crate) read_timeout: Duration,
    /// Deadline of anything else.
    pub(crate) write_timeout: Duration,
    /// So many failures in a row open the breaker.
    pub(crate) failures: u32,
    /// How long it stays open before a trial.
    pub(crate) open_for: Duration,
}

/// What all bots of a process know of server 1; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Server1(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    backend: Backend,
    terms: Terms,
    breaker: Breaker,
    /// Whether calls are made.
    open: watch::Sender<bool>,
    cache: Mutex<Cache>,
    clock: SharedClock,
}

impl Server1 {
    pub(crate) fn new(backend: Backend, terms: Terms, clock: SharedClock) -> Self {
        let plan = Plan {
            failures: terms.failures,
            first_pause: terms.open_for,
            longest_pause: terms.open_for,
            trial: 2 * terms.write_timeout.max(terms.read_timeout),
        };
        figures::BREAKER_OPEN.set(0, []);
        Self(Arc::new(Shared {
            backend,
            terms,
            breaker: Breaker::new(plan),
            open: watch::Sender::new(false),
            cache: Mutex::default(),
            clock,
        }))
    }

    /// For one update: what it comes to know of server 1 is its own.
    pub(crate) fn link(&self) -> Link {
        Link::new(self.clone())
    }

    /// Tells health whether server 1 is left alone, until stopping begins.
    pub(crate) async fn tell(&self, health: &Health, shutdown: &Shutdown) {
        let mut open = self.0.open.subscribe();
        loop {
            let serving = !*open.borrow_and_update();
            health.set_detail(HEALTH_DETAIL, serving).await;
            tokio::select! {
                changed = open.changed() => if changed.is_err() { return },
                () = shutdown.stopping() => return,
            }
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.0.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self) -> Option<Pass<'_>> {
        self.0.breaker.admit(Instant::now()).ok()
    }

    fn reached(&self) {
        if self.0.breaker.reached() {
            tracing::info!("server 1 answers again");
            self.tell_openness();
        }
    }

    fn failed(&self, pass: &Pass<'_>, cause: &str) {
        // Without chance: one process has one breaker.
        if let Some(pause) = self.0.breaker.failed(pass, Instant::now(), 1.0) {
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(cause, pause_ms, "server 1 fails and is left alone");
            self.tell_openness();
        }
    }

    /// Tells what the breaker is now, not what the caller made it: others may have come
    /// between. One at a time, so that the last one tells what is.
    fn tell_openness(&self) {
        self.0.open.send_modify(|open| {
            *open = self.0.breaker.is_open();
            figures::BREAKER_OPEN.set((*open).into(), []);
        });
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::FIGURES;
