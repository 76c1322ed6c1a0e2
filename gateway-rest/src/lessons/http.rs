//! Lessons over HTTP; every request speaks for a person.

use ::http::{StatusCode, header};
use axum::{Json, extract::State, response::IntoResponse};
use olm_proto::{
    lesson::v1::{BookLessonRequest, CancelLessonRequest, GetLessonRequest, ListLessonsRequest},
    timestamp,
};
use service_kit::{grpc::client::acting, status::Violations};

use super::{Cancellation, Lesson, LessonPage, LessonsQuery, NewLesson};
use crate::{
    api::App,
    body::{JsonBody, PathId, QueryFields},
    callers::PersonCaller,
    fields,
    idempotency::{IdempotencyHeader, IdempotencyKey},
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[("request_id", "Idempotency-Key"), ("lesson_id", "id")];
const QUERY_NAMES: &[(&str, &str)] = &[("start_time", "from"), ("end_time", "to")];

/// Books a lesson for the acting user.
///
/// Never two lessons at one time, however many ask at once. 409 when the time is taken
/// (with `alternatives`) or cannot be booked.
#[utoipa::path(
    post,
    path = "/api/v1/lessons",
    tag = "lessons",
    operation_id = "book_lesson",
    params(IdempotencyHeader),
    request_body = NewLesson,
    responses(
        (status = 201, body = Lesson, description = "Booked, now or by the request this one repeats",
         headers(("Location" = String, description = "The lesson"))),
        (status = 404, response = ProblemBody),
        (status = 409, response = ProblemBody),
        (status = 422, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
pub(crate) async fn book(
    State(app): State<App>,
    caller: PersonCaller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<NewLesson>,
) -> Result<impl IntoResponse, Problem> {
    let mut violations = Violations::default();
    let teacher_id = fields::uuid(&mut violations, "teacher_id", body.teacher_id.as_deref());
    let start = body.start_time.as_deref();
    let start_time = fields::required_instant(&mut violations, "start_time", start);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let request_id = key.request_id(&caller.name, Some(caller.user));
    let message = BookLessonRequest {
        request_id: request_id.to_string(),
        teacher_id,
        start_time: start_time.map(timestamp),
    };
    let answer = app
        .lessons()
        .book_lesson(acting(message, caller.user))
        .await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let lesson = Lesson::from_answer(answer.into_inner().lesson)?;
    let location = [(header::LOCATION, lesson.path())];
    Ok((StatusCode::CREATED, location, Json(lesson)))
}

/// Lists the acting user's lessons, as teacher and as student, by start.
#[utoipa::path(
    get,
    path = "/api/v1/lessons",
    tag = "lessons",
    operation_id = "list_lessons",
    params(LessonsQuery),
    responses((status = 200, body = LessonPage, description = "One page")),
    security(("service_key" = [], "acting_user" = []))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: PersonCaller,
    QueryFields(query): QueryFields<LessonsQuery>,
) -> Result<Json<LessonPage>, Problem> {
    let mut violations = Violations::default();
    let faults = &mut violations;
    let from = fields::instant(faults, "from", query.from.as_deref());
    let to = fields::instant(faults, "to", query.to.as_deref());
    let canceled = query.include_canceled.as_deref();
    let include_canceled = fields::plain(faults, "include_canceled", canceled, "true or false");
    let size = query.page_size.as_deref();
    let page_size = fields::plain(faults, "page_size", size, "a whole number");
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = ListLessonsRequest {
        start_time: from.map(timestamp),
        end_time: to.map(timestamp),
        include_canceled,
        page_size,
        page_token: query.page_token.unwrap_or_default(),
    };
    let answer = app
        .lessons()
        .list_lessons(acting(message, caller.user))
        .await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(QUERY_NAMES))?;
    answer.into_inner().try_into().map(Json)
}

/// Returns a lesson the acting user takes part in.
#[utoipa::path(
    get,
    path = "/api/v1/lessons/{id}",
    tag = "lessons",
    operation_id = "get_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id")),
    responses(
        (status = 200, body = Lesson, description = "The lesson"),
        (status = 404, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
pub(crate) async fn get(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<Json<Lesson>, Problem> {
    let message = GetLessonRequest {
        lesson_id: id.to_string(),
    };
    let answer = app.lessons().get_lesson(acting(message, caller.user)).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Lesson::from_answer(answer.into_inner().lesson).map(Json)
}

/// Cancels a lesson that has not begun.
///
/// Its teacher or its student may. A repeat by the same person with the same
/// `expected_version` answers as the first did; so no key is needed.
#[utoipa::path(
    post,
    path = "/api/v1/lessons/{id}/cancel",
    tag = "lessons",
    operation_id = "cancel_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id")),
    request_body = Cancellation,
    responses(
        (status = 200, body = Lesson, description = "Cancelled"),
        (status = 404, response = ProblemBody),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    JsonBody(body): JsonBody<Cancellation>,
) -> Result<Json<Lesson>, Problem> {
    let mut violations = Violations::default();
    let version = body.expected_version;
    let expected_version = fields::required(&mut violations, "expected_version", version);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = CancelLessonRequest {
        lesson_id: id.to_string(),
        expected_version,
        reason: body.reason.unwrap_or_default(),
    };
    let answer = app
        .lessons()
        .cancel_lesson(acting(message, caller.user))
        .await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Lesson::from_answer(answer.into_inner().lesson).map(Json)
}
