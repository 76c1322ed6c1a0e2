//! Custom notifications as clients see them (CNS-1).

mod changing;
pub(crate) mod http;
mod listing;
mod send_message;

use jiff::Timestamp;
use olm_proto::{instant, notify::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::{given, given_whole};
use crate::problem::Problem;

/// Something to tell one person. Give either `telegram_user_id` or `user_id`.
// No Debug: a text must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNotification {
    /// The person's Telegram id, at most 52 bits (Bot API); they have started the bot.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 4_503_599_627_370_495_i64,
        example = 123_456_789
    )]
    pub(crate) telegram_user_id: Option<i64>,
    /// The person's id here.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    pub(crate) user_id: Option<String>,
    /// 1 to 4,096 UTF-16 code units, sent as it is.
    #[schema(value_type = String, min_length = 1, max_length = 4096, pattern = r"\S", example = "The school is closed tomorrow.")]
    pub(crate) text: Option<String>,
    /// When to send it, at most 366 days ahead; default: now.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    pub(crate) due_time: Option<String>,
    /// When it is pointless to begin sending it, at most 30 days after `due_time`;
    /// default: 24 hours after it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    pub(crate) expire_time: Option<String>,
    /// What to do when Telegram leaves the outcome unknown; default: `resend`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub(crate) on_uncertain: Option<OnUncertain>,
    /// Where its end is posted: https, not an address of a private network, without a user,
    /// a password or a fragment. Posts are signed with the key of `/api/v1/webhook-key`; see
    /// docs/webhooks.md. Default: nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 2048,
        example = "https://crm.example/hooks/telegram"
    )]
    pub(crate) webhook_url: Option<String>,
}

/// What happens to a message whose outcome Telegram left unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnUncertain {
    /// Send it once more: perhaps two copies, surely one.
    Resend,
    /// Never send it again: perhaps none, surely no second.
    Hold,
}

impl From<OnUncertain> for pb::UncertainPolicy {
    fn from(choice: OnUncertain) -> Self {
        match choice {
            OnUncertain::Resend => Self::Resend,
            OnUncertain::Hold => Self::Hold,
        }
    }
}

/// The key that posts to the caller's webhooks are signed with.
// No Debug: a key must not reach a log.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookKey {
    /// `whsec_` and Base64, as <https://www.standardwebhooks.com> says. Always the same.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwvzUJRoE8kOY=")]
    key: String,
}

/// A notification that was stored. A repeat of the request answers the same; the times of
/// one that was rescheduled meanwhile are the present ones.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = "uuid")]
    recipient_user_id: String,
    /// When it is to be sent.
    due_time: Timestamp,
    /// When it is pointless to begin sending it.
    expire_time: Timestamp,
    create_time: Timestamp,
}

/// A notification and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notification {
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = "uuid")]
    recipient_user_id: String,
    state: NotificationState,
    /// What it tells: `custom`, `booked`, `reminder` or `canceled`.
    #[schema(example = "custom")]
    kind: String,
    due_time: Timestamp,
    expire_time: Timestamp,
    /// How often sending was begun.
    attempt_no: i32,
    /// Attempts that count against the limit of three (OLM-3).
    counted_attempts: i32,
    /// True when a second copy was allowed because Telegram left the first one's
    /// outcome unknown.
    resent: bool,
    /// True when it was cancelled too late to be sure that it will not arrive.
    stop_requested: bool,
    /// Telegram's message id; present when sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    telegram_message_id: Option<i64>,
    /// Why it failed; present when it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failure: Option<String>,
    create_time: Timestamp,
    /// When it reached its present state.
    state_time: Timestamp,
}

/// Where a notification is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NotificationState {
    /// Accepted; not begun.
    Pending,
    /// Begun; no outcome is known yet.
    Sending,
    /// Telegram accepted it.
    Sent,
    /// Telegram refused it for good.
    Failed,
    /// Telegram may have accepted it; being resolved.
    Uncertain,
    /// Telegram may have accepted it, and it will not be sent again.
    Unconfirmed,
    /// Cancelled before it was begun.
    Canceled,
    /// Not begun in time.
    Expired,
    /// A state newer than this gateway.
    Unknown,
}

impl From<pb::NotificationState> for NotificationState {
    fn from(state: pb::NotificationState) -> Self {
        match state {
            pb::NotificationState::Unspecified => Self::Unknown,
            pb::NotificationState::Pending => Self::Pending,
            pb::NotificationState::Sending => Self::Sending,
            pb::NotificationState::Sent => Self::Sent,
            pb::NotificationState::Failed => Self::Failed,
            pb::NotificationState::Uncertain => Self::Uncertain,
            pb::NotificationState::Unconfirmed => Self::Unconfirmed,
            pb::NotificationState::Canceled => Self::Canceled,
            pb::NotificationState::Expired => Self::Expired,
        }
    }
}

/// Where a notification is found.
pub(crate) fn path(id: &str) -> String {
    format!("/api/v1/notifications/{id}")
}

impl Notification {
    /// The notification in a service's answer.
    ///
    /// # Errors
    ///
    /// When there is none, or it has no times.
    pub(crate) fn from_answer(notification: Option<pb::Notification>) -> Result<Self, Problem> {
        let Some(n) = notification else {
            return Err(Problem::bad_answer("an answer without its notification"));
        };
        let state = n.state().into();
        let times = [n.due_time, n.expire_time, n.create_time, n.state_time];
        let times = times.map(|time| time.as_ref().and_then(instant));
        let [
            Some(due_time),
            Some(expire_time),
            Some(create_time),
            Some(state_time),
        ] = times
        else {
            return Err(Problem::bad_answer("a notification without its times"));
        };
        Ok(Self {
            id: n.id,
            recipient_user_id: n.recipient_user_id,
            state,
            kind: n.kind,
            due_time,
            expire_time,
            attempt_no: n.attempt_no,
            counted_attempts: n.counted_attempts,
            resent: n.resent,
            stop_requested: n.stop_requested,
            telegram_message_id: Some(n.telegram_message_id).filter(|id| *id != 0),
            failure: Some(n.failure).filter(|failure| !failure.is_empty()),
            create_time,
            state_time,
        })
    }

    /// What only rescheduling changes of it: the answer to a request and to its repeats.
    pub(crate) fn into_accepted(self) -> Accepted {
        Accepted {
            id: self.id,
            recipient_user_id: self.recipient_user_id,
            due_time: self.due_time,
            expire_time: self.expire_time,
            create_time: self.create_time,
        }
    }
}

impl Accepted {
    /// The notification's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}
