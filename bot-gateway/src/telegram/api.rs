//! One server of the Bot API, for every token that is used there.

use std::{sync::Arc, time::Duration};

use reqwest::{Body, Client, Response, header::CONTENT_TYPE, redirect::Policy};
use serde_json::Value;
use service_kit::{status, telemetry};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::{
    body::{MayWrite, Progress, TooLate},
    classify::{CallError, classify},
    token::Token,
};
use crate::breaker::{Breaker, Pass, Plan};

/// Telegram itself; anything else is a simulator or a local Bot API server.
const TELEGRAM_HOST: &str = "api.telegram.org";
/// The largest answer that is read: a hundred updates are far smaller.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Idle connections are closed before Telegram's side does it, about a minute.
const IDLE: Duration = Duration::from_secs(30);
/// Idle connections that are kept: as many as button presses are acknowledged at a time.
const MAX_IDLE: usize = 256;
/// From the head of an answer to its end.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// A row that found no connection is tried again after this long.
const CONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Five failures to connect in a row, and the host is left alone for a while.
const BREAKER: Plan = Plan {
    failures: 5,
    first_pause: Duration::from_millis(100),
    longest_pause: Duration::from_mins(1),
    // Longer than any connecting takes.
    trial: Duration::from_secs(35),
};

/// How long the phases of a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// DNS, TCP and TLS.
    pub connect: Duration,
    /// From the first byte of the request to the head of the answer.
    pub answer: Duration,
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for Telegram cannot be made")]
pub struct ClientError(#[from] reqwest::Error);

/// Whether the server at `base` is Telegram's own.
pub(crate) fn is_telegrams(base: &str) -> bool {
    base.contains(TELEGRAM_HOST)
}

/// A server; cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    base: String,
    pub(super) timeouts: Timeouts,
    sends_trace: bool,
    breaker: Arc<Breaker>,
}

/// A request.
pub(super) struct Request<'a> {
    pub(super) token: &'a Token,
    pub(super) method: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) content_type: &'a str,
    /// From the first byte to the head of the answer.
    pub(super) answer_within: Duration,
    /// Asked when there is a connection, right before the first byte.
    pub(super) may_write: Option<MayWrite>,
}

impl Api {
    /// The server at `base`.
    ///
    /// # Errors
    ///
    /// When the system's certificates cannot be used.
    pub fn new(base: &str, timeouts: Timeouts) -> Result<Self, ClientError> {
        let http = Client::builder()
            // One request a connection: a broken connection leaves one outcome unknown.
            .http1_only()
            // A redirected POST would be written twice.
            .redirect(Policy::none())
            .connect_timeout(timeouts.connect)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .tcp_nodelay(true)
            .build()?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            timeouts,
            sends_trace: !is_telegrams(base),
            breaker: Arc::new(Breaker::new(BREAKER)),
        })
    }

    /// Posts a request and reads its answer.
    pub(super) async fn post(&self, request: Request<'_>) -> Result<Value, CallError> {
        let pass = self
            .breaker
            .admit(Instant::now())
            .map_err(|wait| CallError::NotWritten {
                cause: "Telegram cannot be reached".to_owned(),
                retry_after: wait,
            })?;
        let response = self.send(request, pass).await?;
        let status = response.status().as_u16();
        let answer = timeout(BODY_TIMEOUT, read(response)).await;
        classify(
            status,
            &answer.unwrap_or_else(|_| Err(ambiguous("the answer's end never came")))?,
        )
    }

    /// From connecting to the head of the answer.
    async fn send(&self, request: Request<'_>, pass: Pass<'_>) -> Result<Response, CallError> {
        let Request {
            token,
            method,
            body,
            content_type,
            answer_within,
            may_write,
        } = request;
        let url = format!("{}/bot{}/{method}", self.base, token.expose());
        let (progress, body) = Progress::of(body, may_write);
        let mut post = self.http.post(url).body(Body::wrap(body));
        post = post.header(CONTENT_TYPE, content_type);
        if self.sends_trace {
            let traceparent = telemetry::traceparent();
            if !traceparent.is_empty() {
                post = post.header(telemetry::TRACEPARENT, traceparent);
            }
        }
        let overdue = async {
            // The client bounds connecting; this is for what it may do beside it.
            let begun = timeout(2 * self.timeouts.connect, progress.begun()).await;
            if begun.is_ok() {
                // Not only when it is answered: a long poll takes its time.
                self.connected();
                sleep(answer_within).await;
            }
        };
        let (cause, is_late) = tokio::select! {
            sent = post.send() => match sent {
                Ok(response) => {
                    self.connected();
                    return Ok(response);
                }
                // The URL holds the token.
                Err(error) => {
                    let is_late = TooLate::caused(&error);
                    (status::chain(&error.without_url()), is_late)
                }
            },
            () = overdue => ("no answer in time".to_owned(), false),
        };
        if !progress.end() {
            self.connected();
            return Err(CallError::Ambiguous { cause });
        }
        if is_late {
            // It had a connection.
            self.connected();
        } else {
            self.failed(&pass, &cause);
        }
        Err(CallError::NotWritten {
            cause,
            retry_after: CONNECT_PAUSE,
        })
    }

    fn connected(&self) {
        if self.breaker.reached() {
            tracing::info!("Telegram can be reached again");
        }
    }

    fn failed(&self, pass: &Pass<'_>, cause: &str) {
        let random = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
        if let Some(pause) = self.breaker.failed(pass, Instant::now(), random) {
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(cause, pause_ms, "Telegram cannot be reached");
        }
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, CallError> {
    let mut answer = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if answer.len() + chunk.len() > MAX_ANSWER_BYTES => {
                return Err(ambiguous("the answer is too long to be read"));
            }
            Ok(Some(chunk)) => answer.extend_from_slice(&chunk),
            Ok(None) => return Ok(answer),
            Err(error) => return Err(ambiguous(&status::chain(&error.without_url()))),
        }
    }
}

fn ambiguous(cause: &str) -> CallError {
    CallError::Ambiguous {
        cause: cause.to_owned(),
    }
}
