//! Slots over HTTP.

use axum::{Json, extract::State};
use olm_proto::{lesson::v1::ListSlotsRequest, timestamp};
use service_kit::{grpc::client::acting, status::Violations};

use super::{SlotList, SlotsQuery};
use crate::{
    api::App,
    body::{PathId, QueryFields},
    callers::Caller,
    fields,
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("teacher_id", "id"),
    ("start_time", "from"),
    ("end_time", "to"),
    ("max_slots", "limit"),
    ("lesson_duration", "lesson_duration_s"),
];

/// Lists what can be booked.
///
/// Each slot answered here can be booked, unless somebody was faster; with
/// `except_lesson_id`, that lesson can be moved to it, and 404 `LESSON_NOT_FOUND` when there
/// is no such lesson for the acting user. 409 `DURATION_NOT_OFFERED` for a length the teacher
/// does not offer.
#[utoipa::path(
    get,
    path = "/api/v1/teachers/{id}/slots",
    tag = "slots",
    operation_id = "list_slots",
    params(("id" = uuid::Uuid, Path, description = "The teacher's id"), SlotsQuery),
    responses(
        (status = 200, body = SlotList, description = "The free times"),
        (status = 404, response = ProblemBody),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = []), ("service_key" = [], "acting_user" = []))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    PathId(teacher): PathId,
    QueryFields(query): QueryFields<SlotsQuery>,
) -> Result<Json<SlotList>, Problem> {
    let mut violations = Violations::default();
    let from = fields::instant(&mut violations, "from", query.from.as_deref());
    let to = fields::instant(&mut violations, "to", query.to.as_deref());
    let (limit, length) = (query.limit.as_deref(), query.lesson_duration_s.as_deref());
    let max_slots = fields::plain(&mut violations, "limit", limit, "a whole number");
    let faults = &mut violations;
    let duration_s = fields::optional(faults, "lesson_duration_s", length, "a whole number");
    let except = query.except_lesson_id.as_deref();
    let except_lesson_id = fields::optional_uuid(&mut violations, "except_lesson_id", except);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = ListSlotsRequest {
        teacher_id: teacher.to_string(),
        start_time: from.map(timestamp),
        end_time: to.map(timestamp),
        max_slots,
        lesson_duration: duration_s.map(fields::seconds),
        time_zone: query.time_zone.unwrap_or_default(),
        except_lesson_id,
    };
    let request = match caller.acting_user {
        Some(user) => acting(message, user),
        None => tonic::Request::new(message),
    };
    let answer = app.availability().list_slots(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    answer.into_inner().try_into().map(Json)
}
