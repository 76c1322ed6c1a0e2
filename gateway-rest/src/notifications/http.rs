//! Notifications over HTTP, on behalf of the client that calls.

use ::http::{StatusCode, header};
use axum::{Json, extract::State, response::IntoResponse};
use olm_proto::{
    notify::v1::{
        CreateNotificationRequest, GetNotificationRequest, GetWebhookKeyRequest, UncertainPolicy,
        create_notification_request::Recipient,
    },
    timestamp,
};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Accepted, NewNotification, Notification, WebhookKey, changing, listing, path, send_message,
};
use crate::{
    api::App,
    body::{JsonBody, PathId},
    callers::{Caller, ServiceCaller},
    fields,
    idempotency::{IdempotencyHeader, IdempotencyKey},
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("request_id", "Idempotency-Key"),
    ("notification_id", "id"),
    ("uncertain_policy", "on_uncertain"),
];

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, listing::list))
        .routes(routes!(get))
        .routes(routes!(webhook_key))
        .routes(routes!(send_message::send_message))
        .merge(changing::routes())
        .merge(listing::routes())
}

/// Accepts a notification; it is stored before this answers.
#[utoipa::path(
    post,
    path = "/api/v1/notifications",
    tag = "notifications",
    operation_id = "create_notification",
    params(IdempotencyHeader),
    request_body(
        content = NewNotification,
        example = json!({"telegram_user_id": 123_456_789, "text": "The school is closed tomorrow."})
    ),
    responses(
        (status = 202, body = Accepted, description = "Stored, now or by the request this one repeats",
         headers(("Location" = String, description = "The notification and what becomes of it"))),
        (status = 404, response = ProblemBody),
        (status = 422, response = ProblemBody),
    ),
    security(("service_key" = []))
)]
async fn create(
    State(app): State<App>,
    caller: ServiceCaller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<NewNotification>,
) -> Result<impl IntoResponse, Problem> {
    let message = message(body, &caller, &key)?;
    let accepted = accept(&app, message, NAMES).await?;
    let location = [(header::LOCATION, path(accepted.id()))];
    Ok((StatusCode::ACCEPTED, location, Json(accepted)))
}

fn message(
    body: NewNotification,
    caller: &ServiceCaller,
    key: &IdempotencyKey,
) -> Result<CreateNotificationRequest, Problem> {
    let mut violations = Violations::default();
    let faults = &mut violations;
    let recipient = recipient(faults, body.telegram_user_id, body.user_id.as_deref());
    let text = fields::required(faults, "text", body.text);
    let due_time = fields::instant(faults, "due_time", body.due_time.as_deref());
    let expire_time = fields::instant(faults, "expire_time", body.expire_time.as_deref());
    let webhook_url = webhook_url(faults, body.webhook_url);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let policy = body
        .on_uncertain
        .map_or(UncertainPolicy::Unspecified, UncertainPolicy::from);
    Ok(CreateNotificationRequest {
        request_id: key.request_id(&caller.name, None).to_string(),
        client: caller.name.clone(),
        recipient,
        text,
        due_time: due_time.map(timestamp),
        expire_time: expire_time.map(timestamp),
        uncertain_policy: policy.into(),
        webhook_url,
    })
}

/// An empty one would mean none.
fn webhook_url(violations: &mut Violations, url: Option<String>) -> String {
    if url.as_ref().is_some_and(String::is_empty) {
        violations.add("webhook_url", "is empty");
    }
    url.unwrap_or_default()
}

fn recipient(
    violations: &mut Violations,
    telegram_user_id: Option<i64>,
    user_id: Option<&str>,
) -> Option<Recipient> {
    match (telegram_user_id, user_id) {
        (Some(id), None) => Some(Recipient::TelegramUserId(id)),
        (None, Some(id)) => {
            let id = fields::uuid(violations, "user_id", Some(id));
            Some(Recipient::UserId(id))
        }
        (Some(_), Some(_)) | (None, None) => {
            violations.add("telegram_user_id", "or user_id is required, one of the two");
            None
        }
    }
}

/// Has notify-svc store a notification; `names` are the endpoint's own for the fields.
pub(super) async fn accept(
    app: &App,
    message: CreateNotificationRequest,
    names: &[(&str, &str)],
) -> Result<Accepted, Problem> {
    let answer = app.notifications().create_notification(message).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(names))?;
    Notification::from_answer(answer.into_inner().notification).map(Notification::into_accepted)
}

/// Returns a notification.
///
/// A caller sees what it created itself; for a person (`X-Acting-User`) it sees what is
/// addressed to them.
#[utoipa::path(
    get,
    path = "/api/v1/notifications/{id}",
    tag = "notifications",
    operation_id = "get_notification",
    params(("id" = Uuid, Path, description = "The notification's id")),
    responses(
        (status = 200, body = Notification, description = "The notification"),
        (status = 404, response = ProblemBody),
    ),
    security(("service_key" = []), ("service_key" = [], "acting_user" = []))
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<Notification>, Problem> {
    let message = GetNotificationRequest {
        notification_id: id.to_string(),
        client: caller.name,
    };
    let request = match caller.acting_user {
        Some(user) => acting(message, user),
        None => tonic::Request::new(message),
    };
    let answer = app.notifications().get_notification(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Notification::from_answer(answer.into_inner().notification).map(Json)
}

/// Returns the key that posts to the caller's webhooks are signed with.
///
/// 409 `WEBHOOKS_OFF` where none are posted.
#[utoipa::path(
    get,
    path = "/api/v1/webhook-key",
    tag = "notifications",
    operation_id = "get_webhook_key",
    responses(
        (status = 200, body = WebhookKey, description = "The key"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = []))
)]
async fn webhook_key(
    State(app): State<App>,
    caller: ServiceCaller,
) -> Result<Json<WebhookKey>, Problem> {
    let message = GetWebhookKeyRequest {
        client: caller.name,
    };
    let answer = app.notifications().get_webhook_key(message).await?;
    let key = answer.into_inner().key;
    Ok(Json(WebhookKey { key }))
}
