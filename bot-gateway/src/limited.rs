//! What a 429 freezes: the chat it came for, and the whole bot when others are hit too.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::pacer::gate::Gate;

/// Two chats limited within this long mean that the token itself is.
const TOGETHER: Duration = Duration::from_secs(10);

/// Remembers the last 429 and freezes.
#[derive(Debug)]
pub(crate) struct Limited {
    gate: Gate,
    last: Mutex<Option<(i64, Instant)>>,
}

impl Limited {
    pub(crate) fn new(gate: Gate) -> Self {
        Self {
            gate,
            last: Mutex::new(None),
        }
    }

    /// Telegram answered 429 for `chat`.
    pub(crate) fn note(&self, chat: i64, retry_after: Duration) {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let others_too =
            last.is_some_and(|(other, at)| other != chat && now.duration_since(at) < TOGETHER);
        *last = Some((chat, now));
        self.gate.freeze_chat(chat, retry_after);
        if others_too {
            self.gate.freeze_bot(retry_after);
        }
        // The pacer keeps below the limits, so this should not happen.
        tracing::error!(
            retry_after_s = retry_after.as_secs(),
            whole_bot = others_too,
            "Telegram limits the bot"
        );
    }
}
