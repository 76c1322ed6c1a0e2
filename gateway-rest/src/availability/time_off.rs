//! Time off: stretches in which nothing of a teacher can be booked.

use ::http::StatusCode;
use axum::{Json, extract::State, response::IntoResponse};
use jiff::Timestamp;
use olm_proto::{
    instant,
    lesson::v1::{self as pb, AddTimeOffRequest, RemoveTimeOffRequest},
    timestamp,
};
use serde::{Deserialize, Serialize};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::json::given;
use crate::{
    api::App,
    body::{JsonBody, PathId},
    callers::PersonCaller,
    fields,
    idempotency::{IdempotencyHeader, IdempotencyKey},
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[("request_id", "Idempotency-Key"), ("time_off_id", "id")];

/// A stretch to be off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTimeOff {
    #[schema(value_type = Timestamp, example = "2026-07-01T00:00:00Z")]
    start_time: Option<String>,
    /// After `start_time` and after now; at most 366 days after `start_time`, at most 3
    /// years ahead.
    #[schema(value_type = Timestamp, example = "2026-07-15T00:00:00Z")]
    end_time: Option<String>,
    /// For the teacher only.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 200, pattern = "^[^\\u0000]*$")]
    note: Option<String>,
}

/// A stretch in which nothing can be booked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TimeOff {
    #[schema(format = "uuid")]
    id: String,
    start_time: Timestamp,
    end_time: Timestamp,
    /// For the teacher only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    note: Option<String>,
}

/// Time off that was added.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddedTimeOff {
    #[serde(flatten)]
    time_off: TimeOff,
    /// The lessons that stand in it, by start; at most 50.
    #[schema(value_type = Vec<Uuid>)]
    lesson_ids: Vec<String>,
}

impl TimeOff {
    /// Time off in a service's answer.
    ///
    /// # Errors
    ///
    /// When there is none, or it has no times.
    pub(super) fn from_answer(time_off: Option<pb::TimeOff>) -> Result<Self, Problem> {
        let Some(time_off) = time_off else {
            return Err(Problem::bad_answer("an answer without its time off"));
        };
        let start_time = time_off.start_time.as_ref().and_then(instant);
        let end_time = time_off.end_time.as_ref().and_then(instant);
        let (Some(start_time), Some(end_time)) = (start_time, end_time) else {
            return Err(Problem::bad_answer("time off without its times"));
        };
        Ok(Self {
            id: time_off.id,
            start_time,
            end_time,
            note: Some(time_off.note).filter(|note| !note.is_empty()),
        })
    }
}

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(add))
        .routes(routes!(remove))
}

/// Adds time off to the acting teacher's calendar.
///
/// Lessons already booked stay; the answer names those in it. 409 `LIMIT_REACHED` beyond
/// 200 stretches that are not over.
#[utoipa::path(
    post,
    path = "/api/v1/me/availability/time-off",
    tag = "availability",
    operation_id = "add_time_off",
    params(IdempotencyHeader),
    request_body = NewTimeOff,
    responses(
        (status = 201, body = AddedTimeOff,
         description = "Added, now or by the request this one repeats"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn add(
    State(app): State<App>,
    caller: PersonCaller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<NewTimeOff>,
) -> Result<impl IntoResponse, Problem> {
    let mut violations = Violations::default();
    let faults = &mut violations;
    let start_time = fields::required_instant(faults, "start_time", body.start_time.as_deref());
    let end_time = fields::required_instant(faults, "end_time", body.end_time.as_deref());
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let request_id = key.request_id(&caller.name, Some(caller.user));
    let message = AddTimeOffRequest {
        request_id: request_id.to_string(),
        start_time: start_time.map(timestamp),
        end_time: end_time.map(timestamp),
        note: body.note.unwrap_or_default(),
    };
    let request = acting(message, caller.user);
    let answer = app.availability().add_time_off(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    let added = AddedTimeOff {
        time_off: TimeOff::from_answer(answer.time_off)?,
        lesson_ids: answer.lesson_ids,
    };
    Ok((StatusCode::CREATED, Json(added)))
}

/// Removes time off of the acting teacher.
#[utoipa::path(
    delete,
    path = "/api/v1/me/availability/time-off/{id}",
    tag = "availability",
    operation_id = "remove_time_off",
    params(("id" = Uuid, Path, description = "The time off's id")),
    responses(
        (status = 204, description = "Removed"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn remove(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    let message = RemoveTimeOffRequest {
        time_off_id: id.to_string(),
    };
    let request = acting(message, caller.user);
    let answer = app.availability().remove_time_off(request).await;
    answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Ok(StatusCode::NO_CONTENT)
}
