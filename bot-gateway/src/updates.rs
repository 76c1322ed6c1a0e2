//! Updates by long polling. An update is confirmed to Telegram only when it was
//! handled, so none is lost by a crash; those of one chat are handled in order, chats
//! side by side.

mod progress;

use std::{collections::HashMap, collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use serde_json::{Value, json};
use service_kit::shutdown::Shutdown;
use teloxide::types::Update;
use tokio::{
    sync::mpsc,
    task::{self, JoinError, JoinSet},
    time::{sleep, timeout},
};
use uuid::Uuid;

use crate::{
    conversation::Conversation,
    holding::{Holder, Holding},
    telegram::{CallError, Telegram},
};
use progress::Progress;

/// Telegram's largest batch; also how many updates can be open at once.
const BATCH: usize = 100;
/// Updates of one chat that may wait; more are passed over, so that one chat cannot
/// hold up the confirmation of everybody's.
const WAITING_PER_CHAT: usize = 10;
/// How long one update may take. An answer may wait behind a frozen chat for hours, and
/// until it is given up no later update of anybody is confirmed.
const LONGEST_HANDLING: Duration = Duration::from_secs(30);
/// With handlers at work a poll answers at once with what they work on; so it is
/// asked at most this often then.
const BUSY_PAUSE: Duration = Duration::from_millis(100);
/// How much longer than Telegram's own limit a poll may take.
const POLL_SLACK: Duration = Duration::from_secs(10);
/// Waits after a failed poll.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Wait while Telegram refuses the token.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

/// How long the first poll waits to be told whose the bot is: one that another gateway
/// polls must not be disturbed.
const FIRST_WORD: Duration = Duration::from_secs(1);
/// How long a poll waits to be told so after another poller was seen: two that nobody tells
/// must not throw each other out all the time.
const WORD_AFTER_CONFLICT: Duration = Duration::from_mins(5);
/// Wait while the bot is ours and another gateway does not know it yet.
const CONFLICT_PAUSE: Duration = Duration::from_secs(1);

/// Where updates come from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) telegram: Telegram,
    /// Whose the bot is.
    pub(crate) holding: Holding,
    /// How long Telegram may hold a poll.
    pub(crate) poll_timeout: Duration,
}

type Poll = Pin<Box<dyn Future<Output = (i64, Result<Value, CallError>)> + Send>>;

struct Updates {
    source: Source,
    /// Does not poll while the bot is another gateway's, nor for this long while nobody says
    /// whose it is: it never was ours, or the other one was seen to poll. Otherwise (`None`)
    /// people are answered until that is seen.
    yields: Option<Duration>,
    conversation: Arc<Conversation>,
    /// Private chats somebody wrote in, for notify-svc.
    seen: mpsc::Sender<i64>,
    progress: Progress,
    chats: HashMap<i64, VecDeque<(i64, Update)>>,
    handlers: JoinSet<()>,
    /// The chat and the update that each handler works on.
    running: HashMap<task::Id, (i64, i64)>,
    pause: Duration,
}

/// Polls until stopping begins, then lets the handlers finish and confirms their work.
pub(crate) async fn run(
    source: Source,
    conversation: Arc<Conversation>,
    seen: mpsc::Sender<i64>,
    shutdown: &Shutdown,
) {
    let mut updates = Updates {
        source,
        yields: Some(FIRST_WORD),
        conversation,
        seen,
        progress: Progress::default(),
        chats: HashMap::new(),
        handlers: JoinSet::new(),
        running: HashMap::new(),
        pause: FIRST_PAUSE,
    };
    let mut poll = updates.poll(Duration::ZERO);
    while !shutdown.is_stopping() {
        tokio::select! {
            (offset, result) = &mut poll => {
                let pause = updates.polled(offset, result);
                poll = updates.poll(pause);
            }
            Some(handled) = updates.handlers.join_next_with_id() => updates.handled(handled),
            () = shutdown.stopping() => {}
        }
    }
    drop(poll);
    let finish = async {
        while let Some(handled) = updates.handlers.join_next_with_id().await {
            updates.handled(handled);
        }
    };
    if timeout(shutdown.drain() / 2, finish).await.is_err() {
        tracing::warn!("some updates were not handled in time; Telegram gives them out again");
    }
    updates.confirm().await;
}

impl Updates {
    /// The next poll, after `pause`; shorter when handlers are at work.
    fn poll(&self, pause: Duration) -> Poll {
        let Source {
            telegram,
            holding,
            poll_timeout: wait,
        } = self.source.clone();
        let (offset, yields) = (self.progress.offset(), self.yields);
        Box::pin(async move {
            sleep(pause).await;
            if let Some(unsaid_for) = yields {
                free_to_poll(&holding, unsaid_for).await;
            }
            let body = json!({
                "offset": offset,
                "limit": BATCH,
                "timeout": wait.as_secs(),
                "allowed_updates": ["message", "callback_query"],
            });
            let result = telegram
                .call_within(wait + POLL_SLACK, "getUpdates", &body)
                .await;
            (offset, result)
        })
    }

    /// Takes a batch in; answers how long to wait before the next poll.
    fn polled(&mut self, offset: i64, result: Result<Value, CallError>) -> Duration {
        let batch = match result {
            Ok(Value::Array(batch)) => batch,
            Ok(_) => Vec::new(),
            Err(error) => return self.failed(&error),
        };
        self.pause = FIRST_PAUSE;
        self.yields = match self.source.holding.get() {
            Holder::Us => None,
            Holder::Unknown | Holder::Others => self.yields.map(|_| FIRST_WORD),
        };
        self.progress.confirmed_below(offset);
        for update in batch {
            self.admit(&update);
        }
        if self.progress.is_idle() {
            Duration::ZERO
        } else {
            BUSY_PAUSE
        }
    }

    fn failed(&mut self, error: &CallError) -> Duration {
        let pause = self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        match error {
            CallError::TokenRefused => REFUSED_PAUSE,
            CallError::Limited { retry_after } => *retry_after,
            CallError::Refused { code: 409, .. } => {
                let (bot_id, holder) = (self.source.telegram.bot_id(), self.source.holding.get());
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

    fn admit(&mut self, update: &Value) {
        let Some(id) = update.get("update_id").and_then(Value::as_i64) else {
            return;
        };
        if !self.progress.admit(id) {
            return;
        }
        // From text, because teloxide reads the kind of an update from text only: given a
        // value it takes every kind for one that it does not know.
        let parsed = serde_json::from_str::<Update>(&update.to_string()).ok();
        let with_chat = parsed.and_then(|update| Some((update.chat()?.id.0, update)));
        let Some((chat, update)) = with_chat else {
            tracing::warn!(
                update_id = id,
                "an update of a form that is not known was passed over"
            );
            self.progress.handled(id);
            return;
        };
        // Groups have ids below 0. With the channel full, their next update tells it.
        if chat > 0 {
            let _ = self.seen.try_send(chat);
        }
        match self.chats.get_mut(&chat) {
            Some(waiting) if waiting.len() >= WAITING_PER_CHAT => {
                tracing::warn!(
                    update_id = id,
                    "a chat is too fast; an update was passed over"
                );
                self.progress.handled(id);
            }
            Some(waiting) => waiting.push_back((id, update)),
            None => {
                self.chats.insert(chat, VecDeque::new());
                self.start(chat, id, update);
            }
        }
    }

    fn start(&mut self, chat: i64, id: i64, update: Update) {
        let conversation = Arc::clone(&self.conversation);
        let handler = async move {
            if timeout(LONGEST_HANDLING, conversation.handle(update))
                .await
                .is_err()
            {
                tracing::warn!(
                    update_id = id,
                    "an update was given up: its chat has no slot"
                );
            }
        };
        let task = self.handlers.spawn(handler);
        self.running.insert(task.id(), (chat, id));
    }

    fn handled(&mut self, handled: Result<(task::Id, ()), JoinError>) {
        let task = handled
            .as_ref()
            .map_or_else(JoinError::id, |(task, ())| *task);
        let Some((chat, id)) = self.running.remove(&task) else {
            return;
        };
        if let Err(error) = handled {
            // It counts as handled, or it would come again for ever.
            tracing::error!(update_id = id, error = %error, "an update's handler failed");
        }
        self.progress.handled(id);
        let next = self.chats.get_mut(&chat).and_then(VecDeque::pop_front);
        match next {
            Some((id, update)) => self.start(chat, id, update),
            None => drop(self.chats.remove(&chat)),
        }
    }

    /// Confirms what was handled, so that a successor does not get it again.
    async fn confirm(&self) {
        let offset = self.progress.offset();
        if offset == 0 {
            return;
        }
        let body = json!({ "offset": offset, "limit": 1, "timeout": 0 });
        let confirmed = self
            .source
            .telegram
            .call_within(FIRST_PAUSE * 5, "getUpdates", &body)
            .await;
        if let Err(error) = confirmed {
            tracing::warn!(error = %error, "handled updates could not be confirmed");
        }
    }
}

/// Waits until the bot is ours, or nobody has said whose it is for this long.
async fn free_to_poll(holding: &Holding, unsaid_for: Duration) {
    loop {
        holding.leaves(&[Holder::Others]).await;
        let said = timeout(unsaid_for, holding.leaves(&[Holder::Unknown])).await;
        if said.is_err() || holding.get() == Holder::Us {
            return;
        }
    }
}

/// The id under which a change caused by a button is idempotent: the same button of
/// the same message, however often it is pressed or its update delivered. The message's
/// date tells apart messages of a chat whose numbering began anew.
pub(crate) fn request_id(bot_id: i64, chat: i64, message: i32, sent: i64, data: &str) -> Uuid {
    let name = format!("telegram:{bot_id}:{chat}:{message}:{sent}:{data}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALMOST: Duration = Duration::from_secs(5 * 60 - 1);

    async fn is_free_within(length: Duration, holding: &Holding) -> bool {
        let free = free_to_poll(holding, WORD_AFTER_CONFLICT);
        timeout(length, free).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_conflict_it_polls_when_the_bot_is_ours_or_after_five_minutes_untold() {
        let holding = Holding::default();
        assert!(!is_free_within(ALMOST, &holding).await);
        assert!(is_free_within(WORD_AFTER_CONFLICT * 2, &holding).await);
        holding.set(Holder::Others);
        assert!(!is_free_within(WORD_AFTER_CONFLICT * 2, &holding).await);
        holding.set(Holder::Us);
        assert!(is_free_within(Duration::ZERO, &holding).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_five_minutes_begin_anew_when_the_bot_was_said_to_be_anothers() {
        let holding = Holding::default();
        let said = holding.clone();
        tokio::spawn(async move {
            sleep(ALMOST).await;
            said.set(Holder::Others);
            sleep(ALMOST).await;
            said.set(Holder::Unknown);
        });
        assert!(!is_free_within(3 * ALMOST, &holding).await);
        assert!(is_free_within(WORD_AFTER_CONFLICT * 2, &holding).await);
    }
}
