//! Long polling. An offset confirms an update only when it is on disk or was handled.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use serde_json::{Value, json};
use service_kit::shutdown::Shutdown;
use tokio::time::sleep;

use super::{FIRST_WORD, KINDS, first_word, free, inbox::Inbox};
use crate::{
    holding::{Holder, Holding},
    telegram::{CallError, Telegram},
};

/// Telegram's largest batch.
const BATCH: usize = 100;
/// With updates that could not be written down, or too many that are open, a poll would be
/// answered at once with the same ones; so it is asked at most this often then.
const BUSY_PAUSE: Duration = Duration::from_millis(100);
/// How long a poll waits for the updates of the one before to be on disk.
const DISK_PATIENCE: Duration = Duration::from_millis(250);
/// How much longer than Telegram's own limit a poll may take.
const POLL_SLACK: Duration = Duration::from_secs(10);
/// Waits after a failed poll.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Wait while Telegram refuses the token.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);
/// How long a poll waits to be told whose the bot is after another poller was seen: two that
/// nobody tells must not throw each other out all the time.
const WORD_AFTER_CONFLICT: Duration = Duration::from_mins(5);
/// Wait while the bot is ours and another gateway does not know it yet.
const CONFLICT_PAUSE: Duration = Duration::from_secs(1);

/// In Telegram's words when updates go to a webhook: an earlier way of getting them.
const HOOKED: &str = "webhook is active";

type Poll = Pin<Box<dyn Future<Output = Result<Value, CallError>> + Send>>;

/// Fetches the updates of one bot.
pub(super) struct Poller {
    telegram: Telegram,
    /// Whose the bot is.
    holding: Holding,
    /// How long Telegram may hold a poll.
    hold: Duration,
    /// Does not poll while the bot is another gateway's, nor for this long while nobody says
    /// whose it is: it never was ours, or the other one was seen to poll. Otherwise (`None`)
    /// people are answered until that is seen.
    yields: Option<Duration>,
    /// A webhook stands in the way.
    is_hooked: bool,
    /// The last poll was answered with updates, so nobody else polls.
    is_alone: bool,
    pause: Duration,
}

impl Poller {
    pub(super) fn new(telegram: Telegram, holding: Holding, hold: Duration) -> Self {
        Self {
            telegram,
            holding,
            hold,
            yields: Some(FIRST_WORD),
            is_hooked: false,
            is_alone: false,
            pause: FIRST_PAUSE,
        }
    }

    /// Polls until stopping begins, then lets the handlers finish and confirms what is safe.
    pub(super) async fn run(mut self, inbox: &mut Inbox, shutdown: &Shutdown) {
        let holding = self.holding.clone();
        let mut first_word = pin!(first_word(&holding));
        let mut has_begun = false;
        let mut poll = self.poll(inbox.offset(), Duration::ZERO);
        while !shutdown.is_stopping() {
            tokio::select! {
                () = &mut first_word, if !has_begun => {
                    has_begun = true;
                    inbox.begin();
                }
                result = &mut poll => {
                    let pause = self.polled(result, inbox);
                    poll = self.next(inbox, pause, shutdown).await;
                }
                event = inbox.next() => inbox.on(event),
                () = shutdown.stopping() => {}
            }
        }
        drop(poll);
        inbox.finish(shutdown).await;
        // Whoever polls now must not be thrown out, and confirms by itself.
        if self.is_alone && self.holding.get() != Holder::Others {
            self.confirm(inbox.offset()).await;
        }
    }

    /// The poll after this one: when its updates are on disk, for which it waits as long as a
    /// disk takes that works, and there is room for more. Those that are not on disk are given
    /// again then, and with them what came since: people are answered.
    async fn next(&self, inbox: &mut Inbox, pause: Duration, shutdown: &Shutdown) -> Poll {
        let mut is_late = false;
        let mut disk = pin!(sleep(DISK_PATIENCE));
        while (inbox.is_storing() && !is_late || inbox.room() < BATCH) && !shutdown.is_stopping() {
            tokio::select! {
                event = inbox.next() => inbox.on(event),
                () = &mut disk, if !is_late => is_late = true,
                () = shutdown.stopping() => {}
            }
        }
        let least = if inbox.is_at_risk() {
            BUSY_PAUSE
        } else {
            Duration::ZERO
        };
        self.poll(inbox.offset(), pause.max(least))
    }

    fn poll(&self, offset: i64, pause: Duration) -> Poll {
        let (telegram, holding) = (self.telegram.clone(), self.holding.clone());
        let (hold, yields, is_hooked) = (self.hold, self.yields, self.is_hooked);
        Box::pin(async move {
            sleep(pause).await;
            if let Some(unsaid_for) = yields {
                free(&holding, unsaid_for).await;
            }
            if is_hooked {
                tracing::info!(bot_id = telegram.bot_id(), "a webhook is taken off");
                telegram.call("deleteWebhook", &json!({})).await?;
            }
            let body = json!({
                "offset": offset,
                "limit": BATCH,
                "timeout": hold.as_secs(),
                "allowed_updates": KINDS,
            });
            telegram
                .call_within(hold + POLL_SLACK, "getUpdates", &body)
                .await
        })
    }

    /// Takes a batch in; answers how long to wait before the next poll.
    fn polled(&mut self, result: Result<Value, CallError>, inbox: &mut Inbox) -> Duration {
        self.is_alone = result.is_ok();
        let batch = match result {
            Ok(Value::Array(batch)) => batch,
            Ok(_) => Vec::new(),
            Err(error) => return self.failed(&error),
        };
        self.pause = FIRST_PAUSE;
        self.is_hooked = false;
        self.yields = match self.holding.get() {
            Holder::Us => None,
            Holder::Unknown | Holder::Others => self.yields.map(|_| FIRST_WORD),
        };
        inbox.take(batch);
        Duration::ZERO
    }

    fn failed(&mut self, error: &CallError) -> Duration {
        let pause = self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        match error {
            CallError::TokenRefused => REFUSED_PAUSE,
            CallError::Limited { retry_after } => *retry_after,
            CallError::Refused {
                code: 409,
                description,
                ..
            } if description.contains(HOOKED) => {
                self.is_hooked = true;
                CONFLICT_PAUSE
            }
            CallError::Refused { code: 409, .. } => {
                let (bot_id, holder) = (self.telegram.bot_id(), self.holding.get());
                tracing::warn!(bot_id, ?holder, "another program polls with the same token");
                if holder != Holder::Us {
                    self.yields = Some(WORD_AFTER_CONFLICT);
                }
                CONFLICT_PAUSE
            }
            CallError::NotWritten { .. }
            | CallError::Moved { .. }
            | CallError::ChatGone { .. }
            | CallError::Refused { .. }
            | CallError::Ambiguous { .. } => {
                tracing::warn!(error = %error, "updates cannot be fetched");
                pause
            }
        }
    }

    /// Confirms what is safe, so that a successor does not get it again.
    async fn confirm(&self, offset: i64) {
        if offset == 0 {
            return;
        }
        let body = json!({ "offset": offset, "limit": 1, "timeout": 0 });
        let confirmed = self
            .telegram
            .call_within(FIRST_PAUSE * 5, "getUpdates", &body)
            .await;
        if let Err(error) = confirmed {
            tracing::warn!(error = %error, "handled updates could not be confirmed");
        }
    }
}

#[cfg(test)]
mod tests;
