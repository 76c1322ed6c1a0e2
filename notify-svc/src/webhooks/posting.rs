//! One post over HTTP: only to addresses that may be reached, which is checked for each
//! name that is looked up and each redirect that is followed.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    Client, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, LOCATION, USER_AGENT},
    redirect::Policy,
};
use tokio::time::timeout;

use super::Webhooks;

/// Until a connection is there, TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// Until the answer has come, redirects included.
const TOTAL: Duration = Duration::from_secs(10);
/// How often a client may say to post elsewhere.
const MAX_REDIRECTS: usize = 3;
/// Of an answer's body so much is read, so that its connection can be used again.
const MAX_ANSWER: usize = 4 * 1024;

/// A signed body on its way.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where to.
    pub url: Url,
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub signature: String,
    /// JSON.
    pub body: Vec<u8>,
}

/// What came of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 2xx: the client knows.
    Told,
    /// 410: it does not want to know, now or later.
    Gone,
    /// Anything else.
    Failed,
}

/// Posts; cheap to clone.
#[derive(Debug, Clone)]
pub struct Poster {
    http: Client,
    rules: Arc<Webhooks>,
}

impl Poster {
    /// A poster that keeps to `rules`.
    ///
    /// # Errors
    ///
    /// When the system's certificates cannot be used.
    pub fn new(rules: Arc<Webhooks>) -> reqwest::Result<Self> {
        let resolver = Resolver {
            rules: rules.clone(),
        };
        let http = Client::builder()
            // A proxy would look names up itself.
            .no_proxy()
            .dns_resolver(Arc::new(resolver))
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(1)
            .build()?;
        Ok(Self { http, rules })
    }

    /// Posts once.
    pub async fn post(&self, post: &Post) -> Answer {
        match timeout(TOTAL, self.follow(post)).await {
            Ok(Ok(status)) if status.is_success() => Answer::Told,
            Ok(Ok(StatusCode::GONE)) => Answer::Gone,
            Ok(Ok(status)) => {
                tracing::info!(webhook_id = post.id, %status, "a client did not take its webhook");
                Answer::Failed
            }
            Ok(Err(error)) => {
                let cause = service_kit::status::chain(&*error);
                tracing::info!(webhook_id = post.id, cause, "a webhook cannot be posted");
                Answer::Failed
            }
            Err(_) => {
                tracing::info!(
                    webhook_id = post.id,
                    "a client did not answer its webhook in time"
                );
                Answer::Failed
            }
        }
    }

    async fn follow(&self, post: &Post) -> Result<StatusCode, Failure> {
        let mut url = post.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            if let Some(fault) = self.rules.faults(&url).first() {
                return Err(format!("the address {fault}").into());
            }
            let request = self
                .http
                .post(url.clone())
                .header(CONTENT_TYPE, "application/json")
                .header(USER_AGENT, "online-lesson-manager")
                .header("webhook-id", &post.id)
                .header("webhook-timestamp", post.timestamp)
                .header("webhook-signature", &post.signature)
                .body(post.body.clone());
            // An address may hold a client's secret.
            let mut answer = request.send().await.map_err(reqwest::Error::without_url)?;
            let status = answer.status();
            // Of these two alone the body is to be posted again (RFC 9110, 15.4).
            if !matches!(
                status,
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            ) {
                let mut read = 0;
                while read < MAX_ANSWER {
                    match answer.chunk().await {
                        Ok(Some(chunk)) => read += chunk.len(),
                        // The status is what counts.
                        Ok(None) | Err(_) => break,
                    }
                }
                return Ok(status);
            }
            let location = answer
                .headers()
                .get(LOCATION)
                .ok_or("a redirect to nowhere")?;
            url = url.join(location.to_str()?)?;
        }
        Err("too many redirects".into())
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Looks names up as the system does, and forgets addresses that must not be reached.
#[derive(Debug)]
struct Resolver {
    rules: Arc<Webhooks>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.rules.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found
                .filter(|address| rules.may_reach(address.ip()))
                .collect();
            if allowed.is_empty() {
                let text = "the name stands for addresses of private networks only";
                return Err(io::Error::other(text).into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}
