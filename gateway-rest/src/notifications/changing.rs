//! Notifications taken back and moved to another time, by the client that created them. A
//! repeat is answered as the first was while the notification waits; so no key is needed.

use axum::{Json, extract::State};
use olm_proto::{
    notify::v1::{
        self as pb, CancelNotificationRequest, CancelOutcome, RescheduleNotificationRequest,
        RescheduleOutcome,
    },
    timestamp,
};
use serde::Deserialize;
use service_kit::status::Violations;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Notification;
use crate::{
    api::App,
    body::{JsonBody, PathId},
    callers::ServiceCaller,
    fields,
    json::given,
    problem::{Problem, ProblemBody, Reason},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[("notification_id", "id")];

/// When a notification is to be sent instead.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTime {
    /// At most 5 minutes past and 366 days ahead.
    #[schema(value_type = Timestamp)]
    due_time: Option<String>,
    /// When it is pointless to begin sending it, at most 30 days after `due_time`;
    /// default: 24 hours after it, whatever it was before.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    expire_time: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(cancel))
        .routes(routes!(reschedule))
}

/// Cancels a notification that the caller created.
///
/// 200: it will not be sent, and a repeat says so too. 409 `TOO_LATE`: sending had begun, or
/// it ended another way; nothing begins it again. 409 `ALREADY_SENT`: Telegram has accepted
/// it. Either tells the state in `notification_state`.
#[utoipa::path(
    post,
    path = "/api/v1/notifications/{id}/cancel",
    tag = "notifications",
    operation_id = "cancel_notification",
    params(("id" = Uuid, Path, description = "The notification's id")),
    responses(
        (status = 200, body = Notification, description = "It will not be sent"),
        (status = 404, response = ProblemBody),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = []))
)]
async fn cancel(
    State(app): State<App>,
    caller: ServiceCaller,
    PathId(id): PathId,
) -> Result<Json<Notification>, Problem> {
    let message = CancelNotificationRequest {
        notification_id: id.to_string(),
        client: caller.name,
    };
    let answer = app.notifications().cancel_notification(message).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    match answer.outcome() {
        CancelOutcome::Canceled => Notification::from_answer(answer.notification).map(Json),
        CancelOutcome::TooLate => Err(too_late(answer.notification.as_ref())),
        CancelOutcome::AlreadySent => Err(already_sent(answer.notification.as_ref())),
        CancelOutcome::Unspecified => {
            Err(Problem::bad_answer("a cancellation without its outcome"))
        }
    }
}

/// Moves a notification that the caller created to another time.
///
/// 200: it is not sent before; ask again with the same times as often as you like. 409
/// `TOO_LATE`: sending had begun, or it ended another way, or its `expire_time` is past. 409
/// `ALREADY_SENT`: Telegram has accepted it. Then nothing was changed, and
/// `notification_state` tells the state.
#[utoipa::path(
    post,
    path = "/api/v1/notifications/{id}/reschedule",
    tag = "notifications",
    operation_id = "reschedule_notification",
    params(("id" = Uuid, Path, description = "The notification's id")),
    request_body(content = NewTime, example = json!({"due_time": "2026-01-17T09:00:00Z"})),
    responses(
        (status = 200, body = Notification, description = "It has the new times"),
        (status = 404, response = ProblemBody),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = []))
)]
async fn reschedule(
    State(app): State<App>,
    caller: ServiceCaller,
    PathId(id): PathId,
    JsonBody(body): JsonBody<NewTime>,
) -> Result<Json<Notification>, Problem> {
    let mut violations = Violations::default();
    let faults = &mut violations;
    let due_time = fields::required_instant(faults, "due_time", body.due_time.as_deref());
    let expire_time = fields::instant(faults, "expire_time", body.expire_time.as_deref());
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = RescheduleNotificationRequest {
        notification_id: id.to_string(),
        client: caller.name,
        due_time: due_time.map(timestamp),
        expire_time: expire_time.map(timestamp),
    };
    let answer = app.notifications().reschedule_notification(message).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    match answer.outcome() {
        RescheduleOutcome::Rescheduled => Notification::from_answer(answer.notification).map(Json),
        RescheduleOutcome::TooLate => Err(too_late(answer.notification.as_ref())),
        RescheduleOutcome::AlreadySent => Err(already_sent(answer.notification.as_ref())),
        RescheduleOutcome::Unspecified => Err(Problem::bad_answer("a move without its outcome")),
    }
}

fn too_late(notification: Option<&pb::Notification>) -> Problem {
    let detail = "sending it had begun, or it ended another way";
    Problem::of_notification(Reason::TooLate, detail, notification)
}

fn already_sent(notification: Option<&pb::Notification>) -> Problem {
    let detail = "Telegram has accepted it";
    Problem::of_notification(Reason::AlreadySent, detail, notification)
}
