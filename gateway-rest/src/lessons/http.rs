//! Lessons over HTTP; every request speaks for a person.

use ::http::{StatusCode, header};
use axum::{Json, extract::State, response::IntoResponse};
use olm_proto::{
    lesson::v1::{BookLessonRequest, GetLessonRequest, HoldSlotRequest, ListLessonsRequest},
    timestamp,
};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{BookedLesson, Lesson, LessonPage, LessonsQuery, NewHold, NewLesson};
use crate::{
    api::App,
    body::{JsonBody, PathId, QueryFields},
    callers::PersonCaller,
    etag::Tagged,
    fields,
    idempotency::{IdempotencyHeader, IdempotencyKey},
    paging,
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("request_id", "Idempotency-Key"),
    ("lesson_id", "id"),
    ("lesson_duration", "lesson_duration_s"),
];
const QUERY_NAMES: &[(&str, &str)] = &[("start_time", "from"), ("end_time", "to")];

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(hold))
        .routes(routes!(book, list))
        .routes(routes!(get))
}

/// Keeps a time for the acting user while they decide.
///
/// For 5 minutes, as a lesson that is `held`. A person holds one time; a new hold lets the
/// former go. 409 as for booking.
#[utoipa::path(
    post,
    path = "/api/v1/holds",
    tag = "lessons",
    operation_id = "hold_slot",
    params(IdempotencyHeader),
    request_body = NewHold,
    responses(
        (status = 201, body = Lesson, description = "Held, now or by the request this one repeats",
         headers(("Location" = String, description = "The lesson"))),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn hold(
    State(app): State<App>,
    caller: PersonCaller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<NewHold>,
) -> Result<impl IntoResponse, Problem> {
    let mut violations = Violations::default();
    let teacher_id = fields::uuid(&mut violations, "teacher_id", body.teacher_id.as_deref());
    let start = body.start_time.as_deref();
    let start_time = fields::required_instant(&mut violations, "start_time", start);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let request_id = key.request_id(&caller.name, Some(caller.user));
    let message = HoldSlotRequest {
        request_id: request_id.to_string(),
        teacher_id,
        start_time: start_time.map(timestamp),
        lesson_duration: body.lesson_duration_s.map(fields::seconds),
    };
    let answer = app.lessons().hold_slot(acting(message, caller.user)).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let lesson = Lesson::from_answer(answer.into_inner().lesson)?;
    let location = [(header::LOCATION, lesson.path())];
    Ok((StatusCode::CREATED, location, Tagged(lesson)))
}

/// Books a lesson.
///
/// Never two lessons at one time, however many ask at once. 409 when the time is taken
/// (with `alternatives`) or cannot be booked. With a teacher who approves bookings it is
/// `requested`.
#[utoipa::path(
    post,
    path = "/api/v1/lessons",
    tag = "lessons",
    operation_id = "book_lesson",
    params(IdempotencyHeader),
    request_body = NewLesson,
    responses(
        (status = 201, body = BookedLesson, description = "Booked, now or by the request this one repeats",
         headers(("Location" = String, description = "The lesson"))),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn book(
    State(app): State<App>,
    caller: PersonCaller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<NewLesson>,
) -> Result<impl IntoResponse, Problem> {
    let mut violations = Violations::default();
    let teacher_id = fields::uuid(&mut violations, "teacher_id", body.teacher_id.as_deref());
    let start = body.start_time.as_deref();
    let start_time = fields::required_instant(&mut violations, "start_time", start);
    let (student, held) = (body.student_id.as_deref(), body.held_lesson_id.as_deref());
    let student_id = fields::optional_uuid(&mut violations, "student_id", student);
    let held_lesson_id = fields::optional_uuid(&mut violations, "held_lesson_id", held);
    let group_id = fields::optional_uuid(&mut violations, "group_id", body.group_id.as_deref());
    // To the service 0 seats everybody; here absence does.
    violations.require(body.open_seats != Some(0), "open_seats", "is not 1 to 50");
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let request_id = key.request_id(&caller.name, Some(caller.user));
    let message = BookLessonRequest {
        request_id: request_id.to_string(),
        teacher_id,
        start_time: start_time.map(timestamp),
        lesson_duration: body.lesson_duration_s.map(fields::seconds),
        student_id,
        held_lesson_id,
        notes: body.notes.unwrap_or_default(),
        group_id,
        open_seats: body.open_seats.unwrap_or_default(),
    };
    let answer = app
        .lessons()
        .book_lesson(acting(message, caller.user))
        .await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    let lesson = Lesson::from_answer(answer.lesson)?;
    let location = [(header::LOCATION, lesson.path())];
    let booked = BookedLesson {
        lesson,
        busy_student_ids: answer.busy_student_ids,
    };
    Ok((StatusCode::CREATED, location, Tagged(booked)))
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
async fn list(
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
    let page_size = paging::page_size(faults, query.page_size.as_deref());
    let user_id = fields::optional_uuid(faults, "user_id", query.user_id.as_deref());
    let group_id = fields::optional_uuid(faults, "group_id", query.group_id.as_deref());
    let series_id = fields::optional_uuid(faults, "series_id", query.series_id.as_deref());
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = ListLessonsRequest {
        start_time: from.map(timestamp),
        end_time: to.map(timestamp),
        include_canceled,
        page_size,
        page_token: query.page_token.unwrap_or_default(),
        user_id,
        group_id,
        series_id,
    };
    let answer = app
        .lessons()
        .list_lessons(acting(message, caller.user))
        .await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(QUERY_NAMES))?;
    answer.into_inner().try_into().map(Json)
}

/// Returns a lesson the acting user takes part in, or that is of a group they are in.
#[utoipa::path(
    get,
    path = "/api/v1/lessons/{id}",
    tag = "lessons",
    operation_id = "get_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id")),
    responses(
        (status = 200, body = Lesson, description = "The lesson"),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn get(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<Tagged<Lesson>, Problem> {
    let message = GetLessonRequest {
        lesson_id: id.to_string(),
    };
    let answer = app.lessons().get_lesson(acting(message, caller.user)).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Lesson::from_answer(answer.into_inner().lesson).map(Tagged)
}
