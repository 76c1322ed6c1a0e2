//! Polling mode over HTTP: bots in other languages fetch what is due and say what became
//! of it, and who wrote to them (OLM-3).

pub(crate) mod http;

use jiff::{Timestamp, tz::TimeZone};
use olm_proto::{instant, notify::v1 as pb};
use serde::{Deserialize, Serialize};
use texts::Language;
use utoipa::ToSchema;

use crate::{
    json::{given, given_whole},
    notifications::NotificationState,
    problem::Problem,
};

/// Notifications to send now.
// No Debug: a text must not reach a log.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingNotifications {
    /// At most 50, the most urgent first.
    #[schema(max_items = 50)]
    notifications: Vec<PendingNotification>,
}

/// A notification to send now: the caller's for 120 seconds.
// No Debug: a text must not reach a log.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingNotification {
    #[schema(format = "uuid")]
    id: String,
    /// The person's Telegram id; left out for a group's chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 123_456_789)]
    telegram_user_id: Option<i64>,
    /// Where to send it; in a private chat the person's Telegram id.
    #[schema(example = 123_456_789)]
    chat_id: i64,
    /// The text in the reader's language and time zone, at most 4,096 UTF-16 code units.
    /// Send it as it is, without `parse_mode`.
    message: String,
    /// Send it with `disable_notification`: it is quiet hours for its reader.
    silent: bool,
    /// When it was to be sent.
    scheduled_at: Timestamp,
    #[serde(flatten)]
    standing: PolledStanding,
}

/// A notification after what was said of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResolvedNotification {
    #[schema(format = "uuid")]
    id: String,
    /// When it was to be sent.
    scheduled_at: Timestamp,
    #[serde(flatten)]
    standing: PolledStanding,
}

/// Where a notification stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolledStanding {
    status: PolledStatus,
    /// The exact state.
    state: NotificationState,
    /// How often it was given out, this time included.
    attempts: i32,
    created_at: Timestamp,
}

/// Where a notification stands, as the source system shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PolledStatus {
    /// It has not ended.
    Pending,
    /// Telegram accepted it.
    Sent,
    /// It ended another way; `state` says which.
    Failed,
}

impl From<NotificationState> for PolledStatus {
    fn from(state: NotificationState) -> Self {
        match state {
            NotificationState::Pending
            | NotificationState::Sending
            | NotificationState::Uncertain
            // Of a state newer than this gateway nobody can say that it has ended.
            | NotificationState::Unknown => Self::Pending,
            NotificationState::Sent => Self::Sent,
            NotificationState::Failed
            | NotificationState::Unconfirmed
            | NotificationState::Canceled
            | NotificationState::Expired => Self::Failed,
        }
    }
}

/// What became of a notification.
// No Debug: what is said may name a person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolledResult {
    #[schema(value_type = PolledVerdict)]
    pub(crate) status: Option<PolledVerdict>,
    /// Why it failed, best in Telegram's own words: "Forbidden: …" and "chat not found"
    /// end it at once, "Too Many Requests: retry after …" is waited for, anything else is
    /// tried again and ends it the third time. At most 500 characters are kept. Not read
    /// with `sent`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Forbidden: bot was blocked by the user")]
    pub(crate) reason: Option<String>,
    /// Telegram's `message_id`. Not read with `failed`.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 9_007_199_254_740_991_i64,
        example = 77
    )]
    pub(crate) telegram_message_id: Option<i64>,
    /// The `attempts` that the notification was given out with: what is said is of that time,
    /// also when it has been given out again since. Without it, of the last time.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 1, maximum = 2_147_483_647, example = 1)]
    pub(crate) attempts: Option<i32>,
}

/// A private chat that wrote to the bot.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeenChat {
    /// The person's Telegram id; this or `chat_id`, which in a private chat are the same.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 9_007_199_254_740_991_i64,
        example = 123_456_789
    )]
    pub(crate) telegram_user_id: Option<i64>,
    /// The private chat's id.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 9_007_199_254_740_991_i64,
        example = 123_456_789
    )]
    pub(crate) chat_id: Option<i64>,
}

/// Whether Telegram accepted a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PolledVerdict {
    /// It did.
    Sent,
    /// It did not, or the bot could not ask it.
    Failed,
}

impl PendingNotifications {
    /// The rows in a service's answer, as texts of `now`. One that lacks what every row has
    /// is told in the log and does not hold up the others.
    fn from_answer(rows: Vec<pb::PolledNotification>, now: Timestamp) -> Self {
        let rows = rows.into_iter();
        let readable = rows.filter_map(|row| PendingNotification::from_answer(row, now).ok());
        Self {
            notifications: readable.collect(),
        }
    }

    /// Nothing.
    fn none() -> Self {
        Self {
            notifications: Vec::new(),
        }
    }
}

impl PendingNotification {
    fn from_answer(row: pb::PolledNotification, now: Timestamp) -> Result<Self, Problem> {
        let resolved = ResolvedNotification::from_answer(row.notification)?;
        let language = Language::from_tag(&row.language);
        let zone = TimeZone::get(&row.time_zone).unwrap_or(TimeZone::UTC);
        let content = row.content.as_ref();
        let rendered = content.and_then(|content| texts::render(content, language, &zone, now));
        let message = rendered.map(|rendered| rendered.plain().text);
        Ok(Self {
            id: resolved.id,
            telegram_user_id: Some(row.chat_id).filter(|id| *id > 0),
            chat_id: row.chat_id,
            message: message.ok_or_else(|| Problem::bad_answer("a row without its content"))?,
            silent: row.silent,
            scheduled_at: resolved.scheduled_at,
            standing: resolved.standing,
        })
    }
}

impl ResolvedNotification {
    /// The notification in a service's answer.
    ///
    /// # Errors
    ///
    /// When there is none, or it has no times.
    fn from_answer(notification: Option<pb::Notification>) -> Result<Self, Problem> {
        let Some(notification) = notification else {
            return Err(Problem::bad_answer("an answer without its notification"));
        };
        let state = NotificationState::from(notification.state());
        let due_time = notification.due_time.as_ref().and_then(instant);
        let create_time = notification.create_time.as_ref().and_then(instant);
        let Some((scheduled_at, created_at)) = due_time.zip(create_time) else {
            return Err(Problem::bad_answer("a notification without its times"));
        };
        Ok(Self {
            id: notification.id,
            scheduled_at,
            standing: PolledStanding {
                status: state.into(),
                state,
                attempts: notification.attempt_no,
                created_at,
            },
        })
    }
}
