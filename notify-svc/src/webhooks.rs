//! Telling clients by HTTP how their notifications ended (CNS-5), signed as
//! <https://www.standardwebhooks.com> says. What is told is written where the state
//! changes, by a trigger of the database, so no end is missed; see docs/webhooks.md. No
//! IO here.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use service_kit::{config::Settings, status::Violations};
use sha2::Sha256;
use uuid::Uuid;

use self::addresses::Network;
use crate::notifications::{states::State, store::Creator};

pub mod addresses;
pub mod posting;
pub mod store;
pub mod worker;

/// Characters of an address.
const MAX_URL: usize = 2_048;
/// Bytes of the secret that clients' keys are made from.
const MIN_SECRET: usize = 32;
/// Waits after the first post and each later one that failed, before jitter.
const RETRIES: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(6),
    Duration::from_hours(24),
];
/// The share of a wait that is random, so that what failed together does not come back
/// together.
const JITTER: f64 = 0.1;

/// Whether and whither clients are told.
#[derive(Debug, Clone, Default)]
pub struct Webhooks {
    /// What clients' keys are made from; `None`: nobody is told of anything.
    secret: Option<SecretString>,
    /// Private networks that may be posted to, by http too.
    allowed: Vec<Network>,
}

impl Webhooks {
    /// Reads `NOTIFY_WEBHOOK_KEY` and `NOTIFY_WEBHOOK_PRIVATE_NETWORKS`; faults are
    /// recorded in `settings`.
    pub fn read(settings: &mut Settings) -> Self {
        let secret = settings.optional_secret("WEBHOOK_KEY");
        let is_short = |secret: &SecretString| secret.expose_secret().len() < MIN_SECRET;
        if secret.as_ref().is_some_and(is_short) {
            settings.fault("WEBHOOK_KEY", format!("is shorter than {MIN_SECRET} bytes"));
        }
        Self {
            secret,
            allowed: settings.list("WEBHOOK_PRIVATE_NETWORKS"),
        }
    }

    /// The key that posts to a client are signed with, as it is told to the client;
    /// `None` when nobody is told of anything.
    #[must_use]
    pub fn key(&self, client: &Creator) -> Option<SigningKey> {
        let secret = self.secret.as_ref()?.expose_secret().as_bytes();
        // Neither name has a NUL.
        let named = ["webhook", &client.caller, &client.client, ""].join("\0");
        Some(SigningKey(mac(secret, &[named.as_bytes()])))
    }

    /// Checks where a client wants to be told; what is refused is recorded. An address
    /// that a name stands for is checked when it is posted to.
    #[must_use]
    pub fn parse(&self, text: &str, violations: &mut Violations) -> Option<Url> {
        const FIELD: &str = "webhook_url";
        if text.is_empty() {
            return None;
        }
        violations.require(
            self.secret.is_some(),
            FIELD,
            "cannot be used: this installation has no key to sign posts with",
        );
        violations.require(
            text.chars().count() <= MAX_URL,
            FIELD,
            "is longer than 2048 characters",
        );
        let Ok(url) = text.parse::<Url>() else {
            violations.add(FIELD, "is not a URL");
            return None;
        };
        for fault in self.faults(&url) {
            violations.add(FIELD, fault.to_string());
        }
        Some(url)
    }

    /// Everything that keeps a URL from being posted to.
    fn faults(&self, url: &Url) -> Vec<UrlFault> {
        let secure = url.scheme() == "https";
        let plain = url.scheme() == "http" && !self.allowed.is_empty();
        let mut faults = Vec::new();
        if !secure && !plain {
            faults.push(UrlFault::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            faults.push(UrlFault::User);
        }
        if url.fragment().is_some() {
            faults.push(UrlFault::Fragment);
        }
        let literal = addresses::literal(url);
        if literal.is_some_and(|address| !self.may_reach(address)) {
            faults.push(UrlFault::Private);
        }
        faults
    }

    /// Whether an address may be posted to.
    fn may_reach(&self, address: std::net::IpAddr) -> bool {
        addresses::is_public(address) || self.allowed.iter().any(|of| of.contains(address))
    }
}

/// What keeps a URL from being posted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlFault {
    /// Neither https nor allowed otherwise.
    Scheme,
    /// A user or a password in it.
    User,
    /// A fragment in it.
    Fragment,
    /// An address of a private network.
    Private,
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "is not an https URL",
            Self::User => "has a user or a password in it",
            Self::Fragment => "has a fragment",
            Self::Private => "names an address of a private network",
        })
    }
}

/// The key of one client's posts; never printed.
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// As clients configure it: `whsec_` and Base64.
    #[must_use]
    pub fn told(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }

    /// The value of `webhook-signature` for a body.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let head = format!("{id}.{timestamp}.");
        let signature = mac(&self.0, &[head.as_bytes(), body]);
        format!("v1,{}", STANDARD.encode(signature))
    }
}

/// HMAC-SHA256 of parts, one after the other.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// How long to wait after `tries` posts have failed; `None`: no longer.
#[must_use]
pub fn retry_after(tries: i16, jitter: f64) -> Option<Duration> {
    let index = usize::try_from(tries).ok()?.checked_sub(1)?;
    RETRIES
        .get(index)
        .map(|wait| wait.mul_f64(JITTER.mul_add(jitter, 1.0)))
}

/// What a client is told.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Which notification.
    pub id: Uuid,
    /// How it ended.
    pub state: State,
    /// When.
    pub state_at: Timestamp,
    /// When it was to be sent.
    pub due_at: Timestamp,
    /// How often it was begun.
    pub attempt_no: i32,
    /// Attempts that counted.
    pub counted: i16,
    /// A second copy was allowed.
    pub resent: bool,
    /// Telegram's id of the message.
    pub telegram_message_id: Option<i64>,
    /// Why it failed.
    pub failure: String,
}

impl Ended {
    /// The same for every post of the same end: for clients that have seen it.
    #[must_use]
    pub fn message_id(&self) -> String {
        format!("{}-{}", self.id, self.state.as_str())
    }

    /// The body of the post.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let message_id = self.telegram_message_id.filter(|id| *id != 0);
        let failure = Some(&self.failure).filter(|failure| !failure.is_empty());
        let body = serde_json::json!({
            "type": format!("notification.{}", self.state.as_str()),
            "timestamp": self.state_at,
            "data": {
                "id": self.id,
                "state": self.state.as_str(),
                "due_time": self.due_at,
                "state_time": self.state_at,
                "attempt_no": self.attempt_no,
                "counted_attempts": self.counted,
                "resent": self.resent,
                "telegram_message_id": message_id,
                "failure": failure,
            },
        });
        body.to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests;
