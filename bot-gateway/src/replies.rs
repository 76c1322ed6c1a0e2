//! How the conversation writes to Telegram: through the pacer, like everything.

mod callbacks;
mod menus;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{sync::OnceCell, time::sleep};

use crate::{
    limited::Limited,
    memory::Question,
    pacer::{Full, Lane, Target, gate::Gate},
    telegram::{CallError, Telegram},
};
use callbacks::Callbacks;
use menus::Menus;

/// What was not written is tried again after this long at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Sends, edits and acknowledges; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Replies {
    telegram: Telegram,
    gate: Gate,
    limited: Arc<Limited>,
    callbacks: Callbacks,
    username: Arc<OnceCell<String>>,
    menus: Menus,
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
    /// What it asks for: the next text is taken for the answer.
    pub(crate) question: Option<Question>,
    /// A PNG that the text stands below.
    pub(crate) picture: Option<Vec<u8>>,
    /// Whether it says that the person's zone is chosen now.
    pub(crate) zone_chosen: bool,
}

impl Reply {
    pub(crate) fn new(html: String, markup: Option<Value>) -> Self {
        Self {
            html,
            markup,
            question: None,
            picture: None,
            zone_chosen: false,
        }
    }

    pub(crate) fn text(html: String) -> Self {
        Self::new(html, None)
    }

    /// The same, and the next text is the answer to `question`.
    pub(crate) fn asking(self, question: Question) -> Self {
        Self {
            question: Some(question),
            ..self
        }
    }

    /// The same below other words.
    pub(crate) fn below(self, head: &str) -> Self {
        Self {
            html: format!("{head}\n\n{}", self.html),
            ..self
        }
    }

    /// The same below a picture, a PNG.
    pub(crate) fn with_picture(self, png: Vec<u8>) -> Self {
        Self {
            picture: Some(png),
            ..self
        }
    }

    /// Puts rows of buttons before its own.
    pub(crate) fn prepend_rows(&mut self, rows: impl Iterator<Item = Vec<Value>>) {
        let markup = self.markup.get_or_insert_with(|| json!({}));
        let mut all: Vec<_> = rows.map(Value::from).collect();
        if let Some(own) = markup["inline_keyboard"].as_array() {
            all.extend_from_slice(own);
        }
        markup["inline_keyboard"] = all.into();
    }

    /// Whether its buttons are those of the message itself.
    pub(crate) fn has_buttons(&self) -> bool {
        let markup = self.markup.as_ref();
        markup.is_some_and(|markup| markup.get("inline_keyboard").is_some())
    }

    fn body(&self, chat: i64) -> Value {
        let text = if self.picture.is_some() {
            "caption"
        } else {
            "text"
        };
        let mut body = json!({ "chat_id": chat, text: self.html, "parse_mode": "HTML" });
        if let Some(markup) = &self.markup {
            body["reply_markup"] = markup.clone();
        }
        body
    }
}

impl Replies {
    pub(crate) fn new(telegram: Telegram, gate: Gate, limited: Arc<Limited>) -> Self {
        Self {
            callbacks: Callbacks::new(telegram.clone()),
            telegram,
            limited,
            gate,
            username: Arc::default(),
            menus: Menus::default(),
        }
    }

    pub(crate) fn bot_id(&self) -> i64 {
        self.telegram.bot_id()
    }

    /// The bot's name in links, without "@"; asked for once.
    pub(crate) async fn username(&self) -> Result<&str, CallError> {
        let asked = async {
            let me = self.telegram.call("getMe", &json!({})).await?;
            let username = me.get("username").and_then(Value::as_str);
            // Every bot has one (Bot API, `User`).
            Ok(username.unwrap_or_default().to_owned())
        };
        let username = self.username.get_or_try_init(|| asked).await?;
        Ok(username)
    }

    /// Sends a new message; answers its id.
    pub(crate) async fn send(&self, chat: i64, reply: &Reply) -> Result<i32, ReplyError> {
        let (method, picture) = match &reply.picture {
            Some(png) => ("sendPhoto", Some(png.as_slice())),
            None => ("sendMessage", None),
        };
        let sent = self.paced_with(method, Target::Message, chat, reply.body(chat), picture);
        Ok(message_id(&sent.await?))
    }

    /// Turns the message `message_id` into `reply`; where it cannot be edited any more,
    /// sends a new one. Answers the id of the message that shows it.
    pub(crate) async fn edit(
        &self,
        chat: i64,
        message_id: i32,
        reply: &Reply,
    ) -> Result<i32, ReplyError> {
        let mut body = reply.body(chat);
        body["message_id"] = message_id.into();
        let edited = self.paced("editMessageText", Target::Edit, chat, body);
        match edited.await {
            Ok(_) => Ok(message_id),
            Err(ReplyError::Call(error)) if error.is_not_modified() => Ok(message_id),
            // Neither would a new one hold it.
            Err(ReplyError::Call(error)) if error.is_too_long() => Err(error.into()),
            Err(ReplyError::Call(CallError::Refused { .. })) => self.send(chat, reply).await,
            Err(error) => Err(error),
        }
    }

    /// Takes the buttons off a message that another one has followed.
    pub(crate) async fn remove_buttons(&self, chat: i64, message_id: i32) {
        let body = json!({ "chat_id": chat, "message_id": message_id });
        let removed = self.paced("editMessageReplyMarkup", Target::Edit, chat, body);
        if let Err(error) = removed.await {
            // It may be deleted, or have none.
            tracing::debug!(outcome = error.class(), "old buttons were not removed");
        }
    }

    /// Ends the waiting mark on a pressed button, whatever waits for its slot.
    pub(crate) async fn acknowledge(&self, callback_id: &str) {
        self.callbacks.acknowledge(callback_id).await;
    }

    /// Waits for a slot of the conversation's lane. A 429 is waited out once, a chat that is
    /// another now is followed once, and what was not written is tried once more.
    async fn paced(
        &self,
        method: &'static str,
        target: fn(i64) -> Target,
        chat: i64,
        body: Value,
    ) -> Result<Value, ReplyError> {
        self.paced_with(method, target, chat, body, None).await
    }

    /// The same, with a picture beside the body.
    async fn paced_with(
        &self,
        method: &'static str,
        target: fn(i64) -> Target,
        mut chat: i64,
        mut body: Value,
        picture: Option<&[u8]>,
    ) -> Result<Value, ReplyError> {
        let mut retries_left = 1;
        loop {
            let grant = self
                .gate
                .enqueue(Lane::Conversation, target(chat), Duration::ZERO)?
                .await;
            grant.begun();
            let called = match picture {
                Some(png) => self.telegram.upload(method, &body, png).await,
                None => self.telegram.call(method, &body).await,
            };
            let error = match called {
                Ok(result) => return Ok(result),
                Err(error) => error,
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
            retries_left -= 1;
            sleep(pause.unwrap_or_default()).await;
        }
    }
}

/// Of an answered `sendMessage`; 0, which no message has, of an answer without it.
fn message_id(sent: &Value) -> i32 {
    let id = sent.get("message_id").and_then(Value::as_i64);
    id.and_then(|id| i32::try_from(id).ok()).unwrap_or_default()
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
