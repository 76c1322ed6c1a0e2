//! Acknowledging pressed buttons: at once, whatever becomes of the press.
//!
//! `answerCallbackQuery` is no message. What Telegram documents of limits is about messages
//! alone (<https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>),
//! so what is bounded here is how many are out, not how many go in a second: that also is what
//! connections cost. A 429 silences them all for as long as it says.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::json;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::telegram::{CallError, Telegram};

/// So many at a time: a thousand presses at one instant are acknowledged within a second
/// when Telegram answers within a quarter of one.
const AT_ONCE: usize = 256;
/// A query older than this cannot be answered, and nobody waits for it.
const LIFETIME: Duration = Duration::from_mins(1);
/// Tries of one that was certainly not written, or limited.
const TRIES: usize = 3;
/// What was not written is tried again after this long at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Acknowledges; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Callbacks {
    telegram: Telegram,
    places: Arc<Semaphore>,
    silent_until: Arc<Mutex<Option<Instant>>>,
}

impl Callbacks {
    pub(super) fn new(telegram: Telegram) -> Self {
        Self {
            telegram,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            silent_until: Arc::default(),
        }
    }

    /// Ends the waiting mark on a pressed button, or gives up.
    pub(super) async fn acknowledge(&self, callback_id: &str) {
        let outcome = match timeout(LIFETIME, self.tries(callback_id)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.class(),
            Err(_) => "too_late",
        };
        tracing::debug!(outcome, "a button press was not acknowledged");
    }

    async fn tries(&self, callback_id: &str) -> Result<(), CallError> {
        let body = json!({ "callback_query_id": callback_id });
        let mut tries_left = TRIES;
        loop {
            tries_left -= 1;
            let error = match self.once(&body).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let pause = match &error {
                CallError::Limited { .. } => Duration::ZERO,
                CallError::NotWritten { retry_after, .. } => (*retry_after).min(LONGEST_PAUSE),
                CallError::TokenRefused
                | CallError::Moved { .. }
                | CallError::ChatGone { .. }
                | CallError::Refused { .. }
                | CallError::Ambiguous { .. } => return Err(error),
            };
            if tries_left == 0 {
                return Err(error);
            }
            sleep(pause).await;
        }
    }

    async fn once(&self, body: &serde_json::Value) -> Result<(), CallError> {
        let place = self.places.acquire().await;
        while let Some(until) = self.silent_until() {
            sleep_until(until).await;
        }
        let result = self.telegram.call("answerCallbackQuery", body).await;
        if let Err(CallError::Limited { retry_after }) = &result {
            let until = Instant::now() + *retry_after;
            let mut silent_until = self.lock();
            *silent_until = (*silent_until).max(Some(until));
        }
        drop(place);
        result.map(|_| ())
    }

    /// Until when nothing may be asked, if that is ahead.
    fn silent_until(&self) -> Option<Instant> {
        self.lock().filter(|until| *until > Instant::now())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.silent_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
