//! What a 429 freezes: the chat it came for, and the whole bot when others are hit too.
//! The service is told, so that it begins nothing meanwhile.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{figures, pacer::gate::Gate};

/// Two chats limited within this long mean that the token itself is.
const TOGETHER: Duration = Duration::from_secs(1);
/// Chats that can be frozen at a time as far as the service is told; the pacer knows all.
const TOLD: usize = 1_024;

/// The chat that stands for the whole bot.
pub(crate) const WHOLE_BOT: i64 = 0;

/// Freezes, and remembers what is frozen.
#[derive(Debug)]
pub(crate) struct Limited {
    gate: Gate,
    known: Mutex<Known>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Known {
    last: Option<(i64, Instant)>,
    frozen: HashMap<i64, Freeze>,
}

#[derive(Debug, Clone, Copy)]
struct Freeze {
    until: Instant,
    told: bool,
}

impl Limited {
    pub(crate) fn new(gate: Gate) -> Self {
        Self {
            gate,
            known: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Telegram answered 429 for `chat`.
    pub(crate) fn note(&self, chat: i64, retry_after: Duration) {
        let now = Instant::now();
        let mut known = self.lock();
        let others_too = known
            .last
            .is_some_and(|(other, at)| other != chat && now.duration_since(at) < TOGETHER);
        known.last = Some((chat, now));
        known.freeze(chat, now, retry_after);
        self.gate.limited(chat, retry_after);
        if others_too {
            known.freeze(WHOLE_BOT, now, retry_after);
            self.gate.freeze_bot(retry_after);
        }
        drop(known);
        figures::LIMITED.add(1, [if others_too { "bot" } else { "chat" }]);
        self.changed.notify_one();
        // The pacer keeps below the limits, so this should not happen.
        tracing::error!(
            retry_after_s = retry_after.as_secs(),
            whole_bot = others_too,
            "Telegram limits the bot"
        );
    }

    /// A stream begins on which nothing was told yet.
    pub(crate) fn tell_again(&self) {
        for freeze in self.lock().frozen.values_mut() {
            freeze.told = false;
        }
    }

    /// Freezes that were not told on this stream: the chat, and how long from now.
    pub(crate) fn to_tell(&self) -> Vec<(i64, Duration)> {
        let now = Instant::now();
        let mut known = self.lock();
        known.frozen.retain(|_, freeze| freeze.until > now);
        let untold = known.frozen.iter_mut().filter(|(_, freeze)| !freeze.told);
        let told = |(chat, freeze): (&i64, &mut Freeze)| {
            freeze.told = true;
            (*chat, freeze.until.duration_since(now))
        };
        untold.map(told).collect()
    }

    /// Waits until something was frozen since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn freeze(&mut self, chat: i64, now: Instant, length: Duration) {
        if self.frozen.len() >= TOLD {
            self.frozen.retain(|_, freeze| freeze.until > now);
        }
        if self.frozen.len() >= TOLD && !self.frozen.contains_key(&chat) {
            return;
        }
        let until = now + length;
        let freeze = self
            .frozen
            .entry(chat)
            .or_insert(Freeze { until, told: false });
        freeze.until = freeze.until.max(until);
        freeze.told = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacer::Limits;

    const SECOND: Duration = Duration::from_secs(1);

    fn limited() -> Limited {
        Limited::new(Gate::new(Limits::default(), false))
    }

    #[tokio::test(start_paused = true)]
    async fn a_freeze_is_told_once_a_stream_while_it_lasts() {
        let limited = limited();
        limited.note(5, 3 * SECOND);
        assert_eq!(limited.to_tell(), [(5, 3 * SECOND)]);
        assert_eq!(limited.to_tell(), []);
        limited.tell_again();
        tokio::time::advance(SECOND).await;
        assert_eq!(limited.to_tell(), [(5, 2 * SECOND)]);
        limited.tell_again();
        tokio::time::advance(2 * SECOND).await;
        assert_eq!(limited.to_tell(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn two_chats_within_a_second_freeze_the_bot_and_later_ones_do_not() {
        let limited = limited();
        limited.note(5, 3 * SECOND);
        tokio::time::advance(SECOND).await;
        limited.note(6, 3 * SECOND);
        assert_eq!(limited.to_tell().len(), 2);
        limited.note(7, 4 * SECOND);
        let mut told = limited.to_tell();
        told.sort_unstable();
        assert_eq!(told, [(WHOLE_BOT, 4 * SECOND), (7, 4 * SECOND)]);
    }
}
