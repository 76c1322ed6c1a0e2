//! Requests of clients, checked: every fault at once.

use jiff::{SignedDuration, Timestamp};
use olm_proto::notify::v1 as wire;
use prost::Message as _;
use reqwest::Url;
use service_kit::status::Violations;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    states::{State, UncertainPolicy},
    store::Creator,
};
use crate::webhooks::Webhooks;

/// Telegram's limit for a message, in UTF-16 code units.
const MAX_TEXT_UTF16: usize = 4096;
/// A due instant may lie this far in the past: a clock that is a little wrong, a
/// request that was on its way.
const MAX_PAST: SignedDuration = SignedDuration::from_mins(5);
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);
const MAX_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What is counted unless a window is given, and the longest window.
const COUNTED: SignedDuration = SignedDuration::from_hours(30 * 24);
const MAX_COUNTED: SignedDuration = SignedDuration::from_hours(92 * 24);
/// Characters of a client's name.
const MAX_CLIENT: usize = 64;

/// To whom a custom notification goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// A user.
    User(Uuid),
    /// The person behind a private chat.
    TelegramUser(i64),
}

/// The part of a request that makes it a repeat of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// Who asks.
    pub creator: Creator,
    /// The idempotency key.
    pub request_id: Uuid,
    /// SHA-256 of everything else in the request.
    pub body_hash: Vec<u8>,
}

/// A custom notification to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// Who asks.
    pub creator: Creator,
    /// The idempotency key.
    pub request_id: Uuid,
    /// SHA-256 of everything else in the request.
    pub body_hash: Vec<u8>,
    /// To whom.
    pub to: To,
    /// An encoded `olm.notify.v1.Content`.
    pub content: Vec<u8>,
    /// `None`: now.
    pub due_at: Option<Timestamp>,
    /// `None`: 24 hours after due.
    pub expires_at: Option<Timestamp>,
    /// What to do with an unknown outcome.
    pub policy: UncertainPolicy,
    /// Where its end is told.
    pub webhook: Option<Url>,
}

/// Checks on whose behalf a caller asks.
pub fn creator(caller: &str, client: &str, violations: &mut Violations) -> Creator {
    check_client(client, violations);
    Creator {
        caller: caller.to_owned(),
        client: client.to_owned(),
    }
}

/// Whose broadcasts take turns with others': 8 bytes of a hash of caller and client.
#[must_use]
pub fn sender(creator: &Creator) -> i64 {
    let name = format!("{}\0{}", creator.caller, creator.client);
    let hash = Sha256::digest(name);
    let first = hash.first_chunk::<8>().copied().unwrap_or_default();
    i64::from_be_bytes(first)
}

/// Checks a client's name, which may be empty.
pub fn check_client(client: &str, violations: &mut Violations) {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    violations.require(
        client.len() <= MAX_CLIENT && client.bytes().all(known),
        "client",
        "is not at most 64 characters of a-z, 0-9 and '-'",
    );
}

/// The idempotency key of a request: what it was, apart from when it is looked at.
pub fn key(
    request: &wire::CreateNotificationRequest,
    caller: &str,
    violations: &mut Violations,
) -> RequestKey {
    let request_id = violations.uuid("request_id", &request.request_id);
    let body = wire::CreateNotificationRequest {
        request_id: String::new(),
        client: String::new(),
        ..request.clone()
    };
    RequestKey {
        creator: creator(caller, &request.client, violations),
        request_id,
        body_hash: Sha256::digest(body.encode_to_vec()).to_vec(),
    }
}

/// Checks the rest of a request at `now`; `webhooks` says where ends may be told.
pub fn parse(
    request: wire::CreateNotificationRequest,
    key: RequestKey,
    now: Timestamp,
    webhooks: &Webhooks,
    violations: &mut Violations,
) -> NewNotification {
    let policy = match request.uncertain_policy() {
        wire::UncertainPolicy::Unspecified | wire::UncertainPolicy::Resend => {
            UncertainPolicy::Resend
        }
        wire::UncertainPolicy::Hold => UncertainPolicy::Hold,
    };
    let (due, expire) = (request.due_time.as_ref(), request.expire_time.as_ref());
    let (due_at, expires_at) = parse_times(due, expire, now, violations);
    let to = parse_recipient(request.recipient.as_ref(), violations);
    check_text(&request.text, violations);
    let webhook = webhooks.parse(&request.webhook_url, violations);
    let content = wire::Content {
        kind: Some(wire::content::Kind::CustomText(wire::CustomText {
            text: request.text,
        })),
    };
    NewNotification {
        creator: key.creator,
        request_id: key.request_id,
        body_hash: key.body_hash,
        to,
        content: content.encode_to_vec(),
        due_at,
        expires_at,
        policy,
        webhook,
    }
}

fn parse_recipient(
    wire: Option<&wire::create_notification_request::Recipient>,
    violations: &mut Violations,
) -> To {
    use wire::create_notification_request::Recipient;
    match wire {
        Some(Recipient::UserId(id)) => To::User(violations.uuid("user_id", id)),
        Some(Recipient::TelegramUserId(id)) => {
            violations.require(*id > 0, "telegram_user_id", "is not more than 0");
            To::TelegramUser(*id)
        }
        None => {
            violations.add("recipient", "is neither user_id nor telegram_user_id");
            To::User(Uuid::nil())
        }
    }
}

fn check_text(text: &str, violations: &mut Violations) {
    violations.require(
        !text.trim().is_empty(),
        "text",
        "is empty or only white space",
    );
    violations.require(
        text.encode_utf16().count() <= MAX_TEXT_UTF16,
        "text",
        "is longer than 4096 UTF-16 code units",
    );
    // PostgreSQL's text and Telegram both refuse it.
    violations.require(!text.contains('\0'), "text", "has a NUL character");
}

fn parse_instant(
    field: &str,
    wire: Option<&prost_types::Timestamp>,
    violations: &mut Violations,
) -> Option<Timestamp> {
    let instant = olm_proto::instant(wire?);
    violations.require(instant.is_some(), field, "is not an instant");
    instant
}

fn parse_times(
    due: Option<&prost_types::Timestamp>,
    expire: Option<&prost_types::Timestamp>,
    now: Timestamp,
    violations: &mut Violations,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let due_at = parse_instant("due_time", due, violations);
    let expires_at = parse_instant("expire_time", expire, violations);
    let due = due_at.unwrap_or(now);
    let ahead = due.duration_since(now);
    violations.require(
        ahead >= -MAX_PAST,
        "due_time",
        "is more than 5 minutes past",
    );
    violations.require(
        ahead <= MAX_AHEAD,
        "due_time",
        "is more than 366 days ahead",
    );
    if let Some(expires_at) = expires_at {
        let life = expires_at.duration_since(due);
        violations.require(
            life > SignedDuration::ZERO,
            "expire_time",
            "is not after due_time",
        );
        violations.require(
            life <= MAX_LIFE,
            "expire_time",
            "is more than 30 days after due_time",
        );
    }
    (due_at, expires_at)
}

/// The times that a notification is moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewTimes {
    /// When it is to be sent.
    pub due_at: Timestamp,
    /// `None`: 24 hours after due.
    pub expires_at: Option<Timestamp>,
}

/// Checks the times that a notification is to be moved to at `now`.
pub fn new_times(
    request: &wire::RescheduleNotificationRequest,
    now: Timestamp,
    violations: &mut Violations,
) -> NewTimes {
    violations.require(request.due_time.is_some(), "due_time", "is required");
    let (due, expire) = (request.due_time.as_ref(), request.expire_time.as_ref());
    let (due_at, expires_at) = parse_times(due, expire, now, violations);
    NewTimes {
        due_at: due_at.unwrap_or(now),
        expires_at,
    }
}

/// Checks the window that a client's notifications are counted in at `now`: from, to.
pub fn window(
    request: &wire::GetStatisticsRequest,
    now: Timestamp,
    violations: &mut Violations,
) -> (Timestamp, Timestamp) {
    let end = parse_instant("end_time", request.end_time.as_ref(), violations).unwrap_or(now);
    let start = parse_instant("start_time", request.start_time.as_ref(), violations);
    // Near the first instant there is, the default has no room.
    let start = start.unwrap_or_else(|| end.checked_sub(COUNTED).unwrap_or(Timestamp::MIN));
    let length = end.duration_since(start);
    // PostgreSQL knows no year before -4713.
    violations.require(
        start >= Timestamp::UNIX_EPOCH,
        "start_time",
        "is before 1970",
    );
    violations.require(
        length > SignedDuration::ZERO,
        "end_time",
        "is not after start_time",
    );
    violations.require(
        length <= MAX_COUNTED,
        "end_time",
        "is more than 92 days after start_time",
    );
    (start, end)
}

/// Checks a filter of states; empty: every state.
pub fn states(wire: &[i32], violations: &mut Violations) -> Vec<State> {
    let mut states = Vec::new();
    for (at, number) in wire.iter().enumerate().take(64) {
        let state = State::ALL
            .into_iter()
            .find(|state| i32::from(wire_state(*state)) == *number);
        match state {
            Some(state) if !states.contains(&state) => states.push(state),
            Some(_) => {}
            None => violations.add(format!("states[{at}]"), "is not a state"),
        }
    }
    states
}

/// A state in the contract.
#[must_use]
pub fn wire_state(state: State) -> wire::NotificationState {
    match state {
        State::Pending => wire::NotificationState::Pending,
        State::Sending => wire::NotificationState::Sending,
        State::Sent => wire::NotificationState::Sent,
        State::Failed => wire::NotificationState::Failed,
        State::Uncertain => wire::NotificationState::Uncertain,
        State::Unconfirmed => wire::NotificationState::Unconfirmed,
        State::Canceled => wire::NotificationState::Canceled,
        State::Expired => wire::NotificationState::Expired,
    }
}
