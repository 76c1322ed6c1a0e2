//! Stopping cleanly (TMB-7): one token that everything watches, and a deadline.

use std::{future::Future, io, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Tells everything that runs when to stop, and how long it may take.
#[derive(Debug, Clone)]
pub struct Shutdown {
    token: CancellationToken,
    drain: Duration,
}

impl Shutdown {
    /// Stops at SIGTERM or SIGINT; a second signal ends the process at once.
    ///
    /// # Errors
    ///
    /// When the handlers cannot be installed.
    pub fn on_signals(drain: Duration) -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // Asks for keys to be read anew, which their watchers do; from now on it ends nobody.
        drop(signal(SignalKind::hangup())?);
        let shutdown = Self::manual(drain);
        let token = shutdown.token.clone();
        tokio::spawn(async move {
            for first in [true, false] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if first {
                    tracing::info!("stopping");
                    token.cancel();
                } else {
                    tracing::warn!("stopped at once by a second signal");
                    std::process::exit(130);
                }
            }
        });
        Ok(shutdown)
    }

    /// Stops when [`Shutdown::stop`] is called; for tests.
    #[must_use]
    pub fn manual(drain: Duration) -> Self {
        Self {
            token: CancellationToken::new(),
            drain,
        }
    }

    /// Begins stopping.
    pub fn stop(&self) {
        self.token.cancel();
    }

    /// True once stopping has begun.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until stopping begins.
    pub fn stopping(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }

    /// The token that is cancelled when stopping begins.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// How long finishing may take after stopping began.
    #[must_use]
    pub fn drain(&self) -> Duration {
        self.drain
    }

    /// Runs `work` to its end, but no longer than the drain time after stopping
    /// began; `None` when it was cut off.
    pub async fn drained<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => Some(done),
            () = self.stopping() => timeout(self.drain, work).await.ok(),
        }
    }
}
