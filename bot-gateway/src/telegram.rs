//! The Bot API over our own HTTP client, so that every outcome is known exactly: what
//! was certainly not written, what was refused, and what only Telegram knows.

mod api;
mod body;
mod classify;
mod form;
mod token;

use std::{borrow::Cow, time::Duration};

use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use tracing::{Instrument as _, Span, field};

pub(crate) use api::is_telegrams;
pub use api::{Api, ClientError, Timeouts};
pub(crate) use body::MayWrite;
pub use classify::{CallError, LONGEST_FREEZE, not_written, outcome, wire};
pub use token::Token;

use crate::figures;
use api::Request;

/// The Bot API for one token; cheap to clone.
#[derive(Debug, Clone)]
pub struct Telegram {
    api: Api,
    token: Token,
    refused: watch::Sender<bool>,
}

impl Telegram {
    /// The bot of `token` at `api`.
    #[must_use]
    pub fn new(api: Api, token: Token) -> Self {
        Self {
            api,
            token,
            refused: watch::Sender::new(false),
        }
    }

    /// The bot's own Telegram id.
    #[must_use]
    pub fn bot_id(&self) -> i64 {
        self.token.bot_id()
    }

    /// What Telegram shows with each post to the bot's webhook.
    #[must_use]
    pub(crate) fn webhook_secret(&self) -> SecretString {
        self.token.webhook_secret()
    }

    /// Whether Telegram refuses the token.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        *self.refused.borrow()
    }

    /// Waits until Telegram refuses the token (`true`) or takes it (`false`).
    pub async fn until_refused(&self, refused: bool) {
        let mut known = self.refused.subscribe();
        // Fails only when the sender is gone, and that is in `self`.
        let _ = known.wait_for(|known| *known == refused).await;
    }

    /// Calls a method and answers its `result`; its client span is a child of the
    /// current one.
    ///
    /// # Errors
    ///
    /// A [`CallError`] that says what is known of the outcome.
    pub async fn call(
        &self,
        method: &'static str,
        body: &impl Serialize,
    ) -> Result<Value, CallError> {
        let body = json(body)?;
        self.ask(method, body, self.api.timeouts.answer, None).await
    }

    /// [`Telegram::call`] with a picture, a PNG, as its `photo`.
    ///
    /// # Errors
    ///
    /// As [`Telegram::call`].
    pub(crate) async fn upload(
        &self,
        method: &'static str,
        body: &Value,
        png: &[u8],
    ) -> Result<Value, CallError> {
        let body = form::with_photo(body, png);
        self.ask(method, body, self.api.timeouts.answer, None).await
    }

    /// [`Telegram::call`] whose answer may take `limit`, measured from the first byte.
    ///
    /// # Errors
    ///
    /// As [`Telegram::call`].
    pub async fn call_within(
        &self,
        limit: Duration,
        method: &'static str,
        body: &impl Serialize,
    ) -> Result<Value, CallError> {
        self.ask(method, json(body)?, limit, None).await
    }

    /// [`Telegram::call`] that writes nothing unless `may_write` says so when there is a
    /// connection, right before the first byte.
    ///
    /// # Errors
    ///
    /// As [`Telegram::call`].
    pub(crate) async fn call_if(
        &self,
        may_write: MayWrite,
        method: &'static str,
        body: &impl Serialize,
    ) -> Result<Value, CallError> {
        let limit = self.api.timeouts.answer;
        self.ask(method, json(body)?, limit, Some(may_write)).await
    }

    async fn ask(
        &self,
        method: &'static str,
        body: Encoded,
        answer_within: Duration,
        may_write: Option<MayWrite>,
    ) -> Result<Value, CallError> {
        let span = client_span(method);
        let request = Request {
            token: &self.token,
            method,
            body: body.bytes,
            content_type: &body.content_type,
            answer_within,
            may_write,
        };
        let result = self.api.post(request).instrument(span.clone()).await;
        if let Err(error) = &result {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", error.class());
        }
        self.note_token(&result);
        if method != "getUpdates" {
            let outcome = result.as_ref().map_or_else(CallError::class, |_| "ok");
            figures::SENDS.add(1, [method, outcome]);
        }
        result
    }

    fn note_token(&self, result: &Result<Value, CallError>) {
        let refused = match result {
            Ok(_) => false,
            Err(CallError::TokenRefused) => true,
            Err(_) => return,
        };
        let changed = self.refused.send_if_modified(|known| {
            let changed = *known != refused;
            *known = refused;
            changed
        });
        if changed && refused {
            tracing::error!(
                bot_id = self.bot_id(),
                "Telegram refuses the token; the bot stops"
            );
        } else if changed {
            tracing::info!(bot_id = self.bot_id(), "Telegram takes the token again");
        }
    }
}

/// A body and what it is written in.
#[derive(Debug)]
struct Encoded {
    bytes: Vec<u8>,
    content_type: Cow<'static, str>,
}

fn json(body: &impl Serialize) -> Result<Encoded, CallError> {
    let bytes = serde_json::to_vec(body).map_err(|error| CallError::NotWritten {
        cause: error.to_string(),
        retry_after: Duration::ZERO,
    })?;
    Ok(Encoded {
        bytes,
        content_type: Cow::Borrowed("application/json"),
    })
}

fn client_span(method: &'static str) -> Span {
    tracing::info_span!(
        "telegram",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = field::Empty,
        error.type = field::Empty,
        peer.service = "telegram",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
        time::timeout,
    };

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn telegram(base: &str) -> Telegram {
        let timeouts = Timeouts {
            connect: SOON,
            answer: SOON,
        };
        let token = Token::parse("42:s3cret".into()).unwrap();
        Telegram::new(Api::new(base, timeouts).unwrap(), token)
    }

    async fn listening() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        (listener, base)
    }

    #[tokio::test]
    async fn a_refused_connection_is_known_to_be_unwritten_and_hides_the_token() {
        let (listener, base) = listening().await;
        drop(listener);
        let telegram = telegram(&base);
        let error = telegram
            .call("getMe", &serde_json::json!({}))
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::NotWritten { .. }), "{error:?}");
        assert!(!format!("{error:?} {error} {telegram:?}").contains("s3cret"));
    }

    #[tokio::test]
    async fn a_connection_that_breaks_after_the_request_leaves_the_outcome_unknown() {
        let (listener, base) = listening().await;
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut first = [0; 1];
            tokio::io::AsyncReadExt::read_exact(&mut socket, &mut first)
                .await
                .unwrap();
        });
        let telegram = telegram(&base);
        let error = telegram
            .call("getMe", &serde_json::json!({}))
            .await
            .unwrap_err();
        server.await.unwrap();
        assert!(matches!(error, CallError::Ambiguous { .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("s3cret"));
    }

    #[tokio::test]
    async fn what_may_not_be_written_when_there_is_a_connection_is_not() {
        let (listener, base) = listening().await;
        let seen = Arc::new(AtomicUsize::new(0));
        let connected = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let _ = socket.read_to_end(&mut request).await;
            request
        });
        let asked = Arc::clone(&seen);
        let never: MayWrite = Arc::new(move || {
            asked.fetch_add(1, Ordering::SeqCst);
            false
        });
        let telegram = telegram(&base);
        let body = serde_json::json!({ "text": "stale" });
        let error = telegram.call_if(never, "sendMessage", &body).await;
        assert!(
            matches!(error, Err(CallError::NotWritten { .. })),
            "{error:?}"
        );
        assert_eq!(seen.load(Ordering::SeqCst), 1);
        let request = timeout(SOON, connected).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&request).contains("stale"));
    }

    #[tokio::test]
    async fn an_answer_whose_end_never_comes_leaves_the_outcome_unknown() {
        let (listener, base) = listening().await;
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut first = [0; 1];
            socket.read_exact(&mut first).await.unwrap();
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
            socket.write_all(head).await.unwrap();
            socket
        });
        let call = telegram(&base).call("getMe", &serde_json::json!({})).await;
        let _socket = server.await.unwrap();
        assert!(matches!(call, Err(CallError::Ambiguous { .. })), "{call:?}");
    }

    #[tokio::test]
    async fn after_five_failures_to_connect_nothing_is_tried_for_a_while() {
        let (listener, base) = listening().await;
        drop(listener);
        let telegram = telegram(&base);
        let cause = async || {
            let error = telegram.call("getMe", &serde_json::json!({})).await;
            match error {
                Err(CallError::NotWritten { cause, .. }) => cause,
                other => panic!("{other:?}"),
            }
        };
        let mut tried = Vec::new();
        for _ in 0..5 {
            tried.push(cause().await);
        }
        // A call after the first pause is a trial, which fails as they did; each pause is
        // twice as long as the one before.
        for _ in 0..20 {
            if !tried.contains(&cause().await) {
                return;
            }
        }
        panic!("each call was tried: {tried:?}");
    }

    #[tokio::test]
    async fn what_came_too_late_to_be_written_is_no_failure_to_connect() {
        let (listener, base) = listening().await;
        let server = tokio::spawn(async move {
            let mut sockets = Vec::new();
            while let Ok(socket) = listener.accept().await {
                sockets.push(socket);
            }
        });
        let telegram = telegram(&base);
        for _ in 0..6 {
            let never: MayWrite = Arc::new(|| false);
            let body = serde_json::json!({ "text": "stale" });
            let error = telegram.call_if(never, "sendMessage", &body).await;
            let Err(CallError::NotWritten { cause, .. }) = error else {
                panic!("{error:?}");
            };
            assert!(cause.contains("too late"), "{cause}");
        }
        server.abort();
    }

    #[tokio::test]
    async fn a_request_without_an_answer_in_time_leaves_the_outcome_unknown() {
        let (listener, base) = listening().await;
        let telegram = telegram(&base);
        let limit = Duration::from_millis(50);
        let body = serde_json::json!({});
        let call = telegram.call_within(limit, "getMe", &body).await;
        drop(listener);
        assert!(matches!(call, Err(CallError::Ambiguous { .. })), "{call:?}");
    }

    #[tokio::test]
    async fn a_host_that_takes_a_request_again_is_asked_by_all_before_it_has_answered() {
        let (listener, base) = listening().await;
        let address = listener.local_addr().unwrap();
        drop(listener);
        let telegram = telegram(&base);
        let body = serde_json::json!({});
        for _ in 0..5 {
            telegram.call("getMe", &body).await.unwrap_err();
        }
        let listener = TcpListener::bind(address).await.unwrap();
        let mut connections = Vec::new();
        let both = async {
            while connections.len() < 2 {
                connections.push(listener.accept().await.unwrap());
            }
        };
        // Each asks until it is let through, and then waits for an answer that never comes.
        let asks = async || {
            while let Err(CallError::NotWritten { .. }) = telegram.call("getUpdates", &body).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            result = timeout(SOON / 2, both) => result.unwrap(),
            _ = async { tokio::join!(asks(), asks()) } => panic!("nobody answers"),
        }
    }
}
