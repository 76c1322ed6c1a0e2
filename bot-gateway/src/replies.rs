//! How the conversation writes to Telegram: through the pacer, like everything.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::sleep};

use crate::{
    limited::Limited,
    pacer::{Full, Lane, Target, gate::Gate},
    telegram::{CallError, Telegram},
};

/// `answerCallbackQuery` is no message and has its own limit here: so many in flight or
/// answered within the last second.
const CALLBACK_ANSWERS: usize = 30;
/// What was not written is tried again after this long at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Sends, edits and acknowledges; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Replies {
    telegram: Telegram,
    gate: Gate,
    limited: Arc<Limited>,
    callback_answers: Arc<Semaphore>,
}

/// Why a reply did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplyError {
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ReplyError {
    /// A name for logs.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Full(_) => "queue_full",
            Self::Call(error) => error.class(),
        }
    }
}

/// A text with its buttons; `parse_mode` is always HTML.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) html: String,
    pub(crate) markup: Option<Value>,
}

impl Reply {
    pub(crate) fn text(html: String) -> Self {
        Self { html, markup: None }
    }

    fn body(&self, chat: i64) -> Value {
        let mut body = json!({ "chat_id": chat, "text": self.html, "parse_mode": "HTML" });
        if let Some(markup) = &self.markup {
            body["reply_markup"] = markup.clone();
        }
        body
    }
}

impl Replies {
    pub(crate) fn new(telegram: Telegram, gate: Gate, limited: Arc<Limited>) -> Self {
        Self {
            telegram,
            limited,
            gate,
            callback_answers: Arc::new(Semaphore::new(CALLBACK_ANSWERS)),
        }
    }

    pub(crate) fn bot_id(&self) -> i64 {
        self.telegram.bot_id()
    }

    /// Sends a new message.
    pub(crate) async fn send(&self, chat: i64, reply: &Reply) -> Result<(), ReplyError> {
        self.paced(Target::Message, chat, reply.body(chat)).await
    }

    /// Turns the message `message_id` into `reply`; where it cannot be edited any more,
    /// sends a new one.
    pub(crate) async fn edit(
        &self,
        chat: i64,
        message_id: i32,
        reply: &Reply,
    ) -> Result<(), ReplyError> {
        let mut body = reply.body(chat);
        body["message_id"] = message_id.into();
        match self.paced(Target::Edit, chat, body).await {
            Err(ReplyError::Call(error)) if error.is_not_modified() => Ok(()),
            Err(ReplyError::Call(CallError::Refused { .. })) => self.send(chat, reply).await,
            done => done,
        }
    }

    /// Ends the waiting mark on a pressed button.
    pub(crate) async fn acknowledge(&self, callback_id: &str) {
        let Ok(permit) = Arc::clone(&self.callback_answers).acquire_owned().await else {
            return;
        };
        let body = json!({ "callback_query_id": callback_id });
        let result = self.telegram.call("answerCallbackQuery", &body).await;
        let counts = match &result {
            Err(CallError::Limited { retry_after }) => *retry_after,
            Ok(_) | Err(_) => Duration::from_secs(1),
        };
        tokio::spawn(async move {
            sleep(counts).await;
            drop(permit);
        });
        if let Err(error) = result {
            // A query older than a minute cannot be answered; nobody waits for it then.
            tracing::debug!(
                outcome = error.class(),
                "a button press was not acknowledged"
            );
        }
    }

    /// Waits for a slot of the conversation's lane. A 429 is waited out once, a chat that is
    /// another now is followed once, and what was not written is tried once more.
    async fn paced(
        &self,
        target: fn(i64) -> Target,
        mut chat: i64,
        mut body: Value,
    ) -> Result<(), ReplyError> {
        let method = match target(chat) {
            Target::Message(_) => "sendMessage",
            Target::Edit(_) => "editMessageText",
        };
        for retries_left in [1, 0] {
            let grant = self
                .gate
                .enqueue(Lane::Conversation, target(chat), Duration::ZERO)?
                .await;
            grant.begun();
            let Err(error) = self.telegram.call(method, &body).await else {
                return Ok(());
            };
            let mut pause = None;
            let again = match &error {
                CallError::Limited { retry_after } => {
                    self.limited.note(chat, *retry_after);
                    true
                }
                CallError::Moved { chat_id } => {
                    chat = *chat_id;
                    body["chat_id"] = chat.into();
                    true
                }
                CallError::NotWritten { retry_after, .. } => {
                    pause = Some((*retry_after).min(LONGEST_PAUSE));
                    true
                }
                CallError::TokenRefused
                | CallError::ChatGone { .. }
                | CallError::Refused { .. }
                | CallError::Ambiguous { .. } => false,
            };
            if pause.is_some() {
                // It counts for nothing, and its time is no round trip.
                grant.unused();
            } else {
                grant.answered();
            }
            if !again || retries_left == 0 {
                return Err(error.into());
            }
            sleep(pause.unwrap_or_default()).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::{net::TcpListener, time::timeout};

    use super::*;
    use crate::{
        pacer::Limits,
        telegram::{Api, Timeouts, Token},
    };

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_reply_that_was_not_written_does_not_use_its_chats_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let timeouts = Timeouts {
            connect: SOON,
            answer: SOON,
        };
        let token = Token::parse("42:s3cret".into()).unwrap();
        let telegram = Telegram::new(Api::new(&base, timeouts).unwrap(), token);
        let limits = Limits {
            chat_gap: Duration::from_hours(1),
            ..Limits::default()
        };
        let gate = Gate::new(limits, false);
        let limited = Arc::new(Limited::new(gate.clone()));
        let replies = Replies::new(telegram, gate, limited);
        let reply = Reply::text("hello".to_owned());
        let sent = timeout(SOON, replies.send(7, &reply)).await;
        assert!(
            matches!(
                sent,
                Ok(Err(ReplyError::Call(CallError::NotWritten { .. })))
            ),
            "{sent:?}"
        );
    }
}
