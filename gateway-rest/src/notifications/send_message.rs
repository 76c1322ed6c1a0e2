//! `POST /send_message/` as the source system has it (CNS-1): another spelling of
//! creating a notification.

use ::http::{StatusCode, header};
use axum::{Json, extract::State, response::IntoResponse};
use olm_proto::{
    notify::v1::{CreateNotificationRequest, create_notification_request::Recipient},
    timestamp,
};
use serde::{Deserialize, Serialize};
use service_kit::status::Violations;
use utoipa::ToSchema;

use super::{http::accept, path};
use crate::json::{given, given_whole};
use crate::{
    api::App,
    body::JsonBody,
    callers::ServiceCaller,
    fields,
    idempotency::{IdempotencyHeader, IdempotencyKey},
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("request_id", "Idempotency-Key"),
    ("text", "message"),
    ("due_time", "scheduled_at"),
];

/// A message for one Telegram user.
// No Debug: a text must not reach a log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMessage {
    /// The person's Telegram id, at most 52 bits (Bot API); they have started the bot.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(value_type = i64, minimum = 1, maximum = 4_503_599_627_370_495_i64, example = 123_456_789)]
    telegram_user_id: Option<i64>,
    /// 1 to 4,096 UTF-16 code units, sent as it is.
    #[schema(value_type = String, min_length = 1, max_length = 4096, pattern = r"\S", example = "The school is closed tomorrow.")]
    message: Option<String>,
    /// When to send it, at most 366 days ahead; default: now.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    scheduled_at: Option<String>,
}

/// A message that was stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueuedMessage {
    /// The notification's id.
    #[schema(format = "uuid")]
    id: String,
    /// Always `queued`.
    #[schema(example = "queued")]
    status: &'static str,
}

/// Accepts a message; it is stored before this answers.
#[utoipa::path(
    post,
    path = "/send_message/",
    tag = "notifications",
    operation_id = "send_message",
    params(IdempotencyHeader),
    request_body(
        content = NewMessage,
        example = json!({"telegram_user_id": 123_456_789, "message": "The school is closed tomorrow."})
    ),
    responses(
        (status = 202, body = QueuedMessage, description = "Stored, now or by the request this one repeats",
         headers(("Location" = String, description = "The notification and what becomes of it"))),
        (status = 404, response = ProblemBody),
        (status = 422, response = ProblemBody),
    ),
    security(("service_key" = []))
)]
pub(crate) async fn send_message(
    State(app): State<App>,
    caller: ServiceCaller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<NewMessage>,
) -> Result<impl IntoResponse, Problem> {
    let mut violations = Violations::default();
    let faults = &mut violations;
    let user = fields::required(faults, "telegram_user_id", body.telegram_user_id);
    let text = fields::required(faults, "message", body.message);
    let due_time = fields::instant(faults, "scheduled_at", body.scheduled_at.as_deref());
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = CreateNotificationRequest {
        request_id: key.request_id(&caller.name, None).to_string(),
        client: caller.name,
        recipient: Some(Recipient::TelegramUserId(user)),
        text,
        due_time: due_time.map(timestamp),
        expire_time: None,
        uncertain_policy: 0,
        webhook_url: String::new(),
    };
    let accepted = accept(&app, message, NAMES).await?;
    let location = [(header::LOCATION, path(accepted.id()))];
    let body = QueuedMessage {
        id: accepted.id().to_owned(),
        status: "queued",
    };
    Ok((StatusCode::ACCEPTED, location, Json(body)))
}
