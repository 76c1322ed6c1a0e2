//! The endpoints of bots that poll: two as the source system has them, and one for who wrote.

use ::http::{Method, StatusCode};
use axum::{Json, extract::State};
use olm_proto::notify::v1::{
    BeginDueRequest, PolledFailed, PolledSent, ReportChatSeenRequest, ResolveNotificationRequest,
    resolve_notification_request::Result as Told,
};
use service_kit::status::Violations;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{PendingNotifications, PolledResult, PolledVerdict, ResolvedNotification, SeenChat};
use crate::{
    api::App,
    body::{JsonBody, PathId},
    callers::ServiceCaller,
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("notification_id", "id"),
    ("result", "status"),
    ("attempt_no", "attempts"),
];

/// The largest number that every JSON reader keeps exactly.
const MAX_ID: i64 = (1 << 53) - 1;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(pending))
        .routes(routes!(resolve))
        .routes(routes!(chat_seen))
}

/// Gives out what is to be sent now, for 120 seconds.
///
/// Send each message, then say what became of it. What nothing is said of is given out
/// once more (unless its sender asked never to send twice), and after another 120 seconds
/// it counts as failed, `unconfirmed`. An operator puts a bot into polling mode and names
/// the caller that polls for it: 409 `NO_POLLED_BOT` for any other.
#[utoipa::path(
    get,
    path = "/internal/notifications/pending",
    tag = "polling",
    operation_id = "list_pending_notifications",
    responses(
        (status = 200, body = PendingNotifications, description = "At most 50; ask again at once when there are as many",
         headers(("Cache-Control" = String, description = "`no-store`"))),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = []))
)]
async fn pending(
    State(app): State<App>,
    method: Method,
    caller: ServiceCaller,
) -> Result<Json<PendingNotifications>, Problem> {
    // Whoever asks for the headers only must be given nothing: it would be lost.
    if method == Method::HEAD {
        return Ok(Json(PendingNotifications::none()));
    }
    let message = BeginDueRequest {
        client: caller.name,
        limit: 0,
    };
    let answer = app.polling().begin_due(message).await?;
    let rows = answer.into_inner().notifications;
    let now = app.clock.now();
    Ok(Json(PendingNotifications::from_answer(rows, now)))
}

/// Says what became of a notification that was given out.
///
/// A repeat answers the same. What contradicts what was said before, or how the
/// notification has ended meanwhile, is 409 `NOTIFICATION_STATE_UNSUITABLE`. With `attempts`
/// it is said of that time: `failed` then changes nothing when the notification has been given
/// out again since, and `sent` always counts.
#[utoipa::path(
    patch,
    path = "/internal/notifications/{id}",
    tag = "polling",
    operation_id = "resolve_notification",
    params(("id" = Uuid, Path, description = "The notification's id")),
    request_body(content = PolledResult, example = json!({"status": "sent", "attempts": 1})),
    responses(
        (status = 200, body = ResolvedNotification, description = "It is known now"),
        (status = 404, response = ProblemBody),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = []))
)]
async fn resolve(
    State(app): State<App>,
    caller: ServiceCaller,
    PathId(id): PathId,
    JsonBody(body): JsonBody<PolledResult>,
) -> Result<Json<ResolvedNotification>, Problem> {
    let message = ResolveNotificationRequest {
        client: caller.name,
        notification_id: id.to_string(),
        attempt_no: body.attempts.unwrap_or_default(),
        result: Some(told(body)?),
    };
    let answer = app.polling().resolve_notification(message).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    ResolvedNotification::from_answer(answer.into_inner().notification).map(Json)
}

/// Says that a person wrote to the bot: it can reach them again, whatever Telegram said before.
///
/// Nothing is sent to who blocked the bot before this is said of them; say it of every /start
/// at least. Of who is not known it changes nothing.
#[utoipa::path(
    post,
    path = "/internal/chats/seen",
    tag = "polling",
    operation_id = "report_chat_seen",
    request_body(content = SeenChat, example = json!({"telegram_user_id": 123_456_789})),
    responses(
        (status = 204, description = "It is known now"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = []))
)]
async fn chat_seen(
    State(app): State<App>,
    caller: ServiceCaller,
    JsonBody(body): JsonBody<SeenChat>,
) -> Result<StatusCode, Problem> {
    let message = ReportChatSeenRequest {
        client: caller.name,
        chat_id: seen(&body)?,
    };
    app.polling().report_chat_seen(message).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn seen(body: &SeenChat) -> Result<i64, Problem> {
    let mut violations = Violations::default();
    let (field, id) = match (body.telegram_user_id, body.chat_id) {
        (Some(id), None) => ("telegram_user_id", id),
        (None, Some(id)) => ("chat_id", id),
        (Some(_), Some(_)) | (None, None) => {
            violations.add("telegram_user_id", "or chat_id is required, one of the two");
            return Err(Problem::invalid(violations));
        }
    };
    violations.require(
        (1..=MAX_ID).contains(&id),
        field,
        format!("is not between 1 and {MAX_ID}"),
    );
    if violations.is_empty() {
        Ok(id)
    } else {
        Err(Problem::invalid(violations))
    }
}

fn told(body: PolledResult) -> Result<Told, Problem> {
    let mut violations = Violations::default();
    if let Some(id) = body.telegram_message_id {
        violations.require(
            (1..=MAX_ID).contains(&id),
            "telegram_message_id",
            format!("is not between 1 and {MAX_ID}"),
        );
    }
    let attempts = body.attempts.unwrap_or(1);
    violations.require(attempts >= 1, "attempts", "is less than 1");
    if body.status.is_none() {
        violations.add("status", "is required");
    }
    match body.status {
        Some(verdict) if violations.is_empty() => Ok(match verdict {
            PolledVerdict::Sent => Told::Sent(PolledSent {
                telegram_message_id: body.telegram_message_id.unwrap_or_default(),
            }),
            PolledVerdict::Failed => Told::Failed(PolledFailed {
                reason: body.reason.unwrap_or_default(),
            }),
        }),
        Some(_) | None => Err(Problem::invalid(violations)),
    }
}
