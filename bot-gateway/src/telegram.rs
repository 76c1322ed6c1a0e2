//! The Bot API over our own HTTP client, so that every outcome is known exactly: what
//! was certainly not written, what was refused, and what only Telegram knows.

mod classify;

use std::{fmt, time::Duration};

use reqwest::{Client, header::CONTENT_TYPE, redirect::Policy};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::Value;
use service_kit::{status, telemetry};
use tokio::sync::watch;
use tracing::{Instrument as _, Span, field};

pub use classify::{CallError, classify, not_written, outcome};

/// Telegram itself; anything else is a simulator or a local Bot API server.
const TELEGRAM_HOST: &str = "api.telegram.org";
/// The largest answer that is read: a hundred updates are far smaller.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Idle connections are closed before Telegram's side does it, about a minute.
const IDLE: Duration = Duration::from_secs(30);

/// How long the phases of a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// DNS, TCP and TLS.
    pub connect: Duration,
    /// From the first byte to the whole answer.
    pub total: Duration,
}

/// A bot's token: `<bot id>:<secret>`.
#[derive(Clone)]
pub struct Token {
    bot_id: i64,
    secret: SecretString,
}

impl Token {
    /// Checks the form that Telegram gives out: digits, a colon, then letters, digits,
    /// `_` and `-` only, so that it can stand in a URL as it is.
    #[must_use]
    pub fn parse(secret: SecretString) -> Option<Self> {
        let (id, rest) = secret.expose_secret().split_once(':')?;
        let bot_id = id.parse().ok().filter(|id| *id > 0)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let plain = id.bytes().all(|byte| byte.is_ascii_digit()) && rest.bytes().all(is_plain);
        (plain && !rest.is_empty()).then_some(Self { bot_id, secret })
    }

    /// Stands in for a token that could not be read; never used.
    #[must_use]
    pub(crate) fn placeholder() -> Self {
        Self {
            bot_id: 0,
            secret: SecretString::default(),
        }
    }

    /// The bot's own Telegram id.
    #[must_use]
    pub fn bot_id(&self) -> i64 {
        self.bot_id
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}:…)", self.bot_id)
    }
}

/// The Bot API for one token; cheap to clone.
#[derive(Debug, Clone)]
pub struct Telegram {
    http: Client,
    base: String,
    token: Token,
    timeouts: Timeouts,
    sends_trace: bool,
    refused: watch::Sender<bool>,
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for Telegram cannot be made")]
pub struct ClientError(#[from] reqwest::Error);

impl Telegram {
    /// A client for the Bot API at `base`.
    ///
    /// # Errors
    ///
    /// When the system's certificates cannot be used.
    pub fn new(base: &str, token: Token, timeouts: Timeouts) -> Result<Self, ClientError> {
        let http = Client::builder()
            // One request a connection: a broken connection leaves one outcome unknown.
            .http1_only()
            // A redirected POST would be written twice.
            .redirect(Policy::none())
            .connect_timeout(timeouts.connect)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            .build()?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            token,
            timeouts,
            sends_trace: !base.contains(TELEGRAM_HOST),
            refused: watch::Sender::new(false),
        })
    }

    /// The bot's own Telegram id.
    #[must_use]
    pub fn bot_id(&self) -> i64 {
        self.token.bot_id
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
        self.call_within(self.timeouts.total, method, body).await
    }

    /// [`Telegram::call`] with its own time limit.
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
        let span = client_span(method);
        let body = serde_json::to_vec(body).map_err(|error| CallError::NotWritten {
            cause: error.to_string(),
        })?;
        let result = self
            .post(limit, method, body)
            .instrument(span.clone())
            .await;
        if let Err(error) = &result {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", error.class());
        }
        self.note_token(&result);
        result
    }

    async fn post(
        &self,
        limit: Duration,
        method: &'static str,
        body: Vec<u8>,
    ) -> Result<Value, CallError> {
        let url = format!(
            "{}/bot{}/{method}",
            self.base,
            self.token.secret.expose_secret()
        );
        let mut request = self.http.post(url).timeout(limit).body(body);
        request = request.header(CONTENT_TYPE, "application/json");
        if self.sends_trace {
            let traceparent = telemetry::traceparent();
            if !traceparent.is_empty() {
                request = request.header(telemetry::TRACEPARENT, traceparent);
            }
        }
        let mut response = request.send().await.map_err(unanswered)?;
        let status = response.status().as_u16();
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(cut_off)? {
            if answer.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(CallError::Ambiguous {
                    cause: "the answer is too long to be read".to_owned(),
                });
            }
            answer.extend_from_slice(&chunk);
        }
        classify(status, &answer)
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

/// No answer began: written or not is known only when there was no connection.
fn unanswered(error: reqwest::Error) -> CallError {
    let never_written = error.is_connect() || error.is_builder();
    // The URL holds the token.
    let cause = status::chain(&error.without_url());
    if never_written {
        CallError::NotWritten { cause }
    } else {
        CallError::Ambiguous { cause }
    }
}

fn cut_off(error: reqwest::Error) -> CallError {
    CallError::Ambiguous {
        cause: status::chain(&error.without_url()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_checked_and_never_printed() {
        let token = Token::parse("42:AbC_d-9".into()).unwrap();
        assert_eq!(token.bot_id(), 42);
        assert_eq!(format!("{token:?}"), "Token(42:…)");
        for wrong in [
            "", "42", "42:", ":x", "0:x", "-1:x", "+1:x", "a:x", "42:a/b", "42:a b",
        ] {
            assert!(Token::parse(wrong.into()).is_none(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_refused_connection_is_known_to_be_unwritten_and_hides_the_token() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let second = Duration::from_secs(1);
        let timeouts = Timeouts {
            connect: second,
            total: second,
        };
        let token = Token::parse("42:s3cret".into()).unwrap();
        let telegram = Telegram::new(&base, token, timeouts).unwrap();
        let error = telegram
            .call("getMe", &serde_json::json!({}))
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::NotWritten { .. }), "{error:?}");
        assert!(!format!("{error:?} {error} {telegram:?}").contains("s3cret"));
    }

    #[tokio::test]
    async fn a_connection_that_breaks_after_the_request_leaves_the_outcome_unknown() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut first = [0; 1];
            tokio::io::AsyncReadExt::read_exact(&mut socket, &mut first)
                .await
                .unwrap();
        });
        let second = Duration::from_secs(5);
        let timeouts = Timeouts {
            connect: second,
            total: second,
        };
        let token = Token::parse("42:s3cret".into()).unwrap();
        let telegram = Telegram::new(&base, token, timeouts).unwrap();
        let error = telegram
            .call("getMe", &serde_json::json!({}))
            .await
            .unwrap_err();
        server.await.unwrap();
        assert!(matches!(error, CallError::Ambiguous { .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("s3cret"));
    }
}
