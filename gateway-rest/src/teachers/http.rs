//! Teachers over HTTP.

use ::http::{StatusCode, header};
use axum::{Json, extract::State, response::IntoResponse};
use olm_proto::lesson::v1::{
    CreateTeacherRequest, DeleteTeacherRequest, GetTeacherRequest, SearchTeachersRequest,
    UpdateTeacherRequest,
};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{NewPolicies, NewTeacher, Teacher, TeacherPage, TeachersQuery};
use crate::json::Object;
use crate::{
    api::App,
    body::{JsonBody, PathId, QueryFields},
    callers::PersonCaller,
    etag::{IfMatch, IfMatchHeader, Tagged},
    fields,
    idempotency::{IdempotencyHeader, IdempotencyKey},
    paging,
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("request_id", "Idempotency-Key"),
    ("teacher_id", "id"),
    ("expected_version", "If-Match"),
    ("lesson_durations", "lesson_durations_s"),
    ("slot_step", "slot_step_s"),
    ("buffer_before", "buffer_before_s"),
    ("buffer_after", "buffer_after_s"),
    ("min_notice", "min_notice_s"),
    ("booking_horizon", "booking_horizon_s"),
    ("cancel_notice", "cancel_notice_s"),
    ("reschedule_notice", "reschedule_notice_s"),
];

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, search))
        .routes(routes!(get))
        .routes(routes!(set_policies))
        .routes(routes!(stop))
}

/// Makes the acting user a teacher, also one who stopped before.
///
/// A teacher stays as they are.
#[utoipa::path(
    post,
    path = "/api/v1/teachers",
    tag = "teachers",
    operation_id = "create_teacher",
    params(IdempotencyHeader),
    request_body(
        content = NewTeacher,
        example = json!({"policies": {"lesson_durations_s": [3600, 5400], "subjects": ["English"]}})
    ),
    responses(
        (status = 201, body = Teacher, description = "The acting user teaches, now or before",
         headers(("Location" = String, description = "The teacher"))),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn create(
    State(app): State<App>,
    caller: PersonCaller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<NewTeacher>,
) -> Result<impl IntoResponse, Problem> {
    let request_id = key.request_id(&caller.name, Some(caller.user));
    let message = CreateTeacherRequest {
        request_id: request_id.to_string(),
        policies: body.policies.map(|Object(policies)| policies.into()),
    };
    let request = acting(message, caller.user);
    let answer = app.teachers().create_teacher(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let teacher = Teacher::from_answer(answer.into_inner().teacher)?;
    let location = [(header::LOCATION, teacher.path())];
    Ok((StatusCode::CREATED, location, Tagged(teacher)))
}

/// Lists teachers, by name.
#[utoipa::path(
    get,
    path = "/api/v1/teachers",
    tag = "teachers",
    operation_id = "search_teachers",
    params(TeachersQuery),
    responses((status = 200, body = TeacherPage, description = "One page")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn search(
    State(app): State<App>,
    caller: PersonCaller,
    QueryFields(query): QueryFields<TeachersQuery>,
) -> Result<Json<TeacherPage>, Problem> {
    let mut violations = Violations::default();
    let faults = &mut violations;
    let accepting = query.only_accepting.as_deref();
    let only_accepting = fields::plain(faults, "only_accepting", accepting, "true or false");
    let page_size = paging::page_size(faults, query.page_size.as_deref());
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = SearchTeachersRequest {
        query: query.query.unwrap_or_default(),
        page_size,
        page_token: query.page_token.unwrap_or_default(),
        subject: query.subject.unwrap_or_default(),
        only_accepting,
    };
    let request = acting(message, caller.user);
    let answer = app.teachers().search_teachers(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    TeacherPage::from_answer(answer.teachers, answer.next_page_token).map(Json)
}

/// Returns a teacher.
#[utoipa::path(
    get,
    path = "/api/v1/teachers/{id}",
    tag = "teachers",
    operation_id = "get_teacher",
    params(("id" = Uuid, Path, description = "The teacher's id, the same as the user's")),
    responses((status = 200, body = Teacher, description = "The teacher")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn get(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<Tagged<Teacher>, Problem> {
    let message = GetTeacherRequest {
        teacher_id: id.to_string(),
    };
    let request = acting(message, caller.user);
    let answer = app.teachers().get_teacher(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Teacher::from_answer(answer.into_inner().teacher).map(Tagged)
}

/// Replaces the acting teacher's policies.
///
/// Lessons already booked stay.
#[utoipa::path(
    put,
    path = "/api/v1/me/teacher/policies",
    tag = "teachers",
    operation_id = "set_policies",
    params(IfMatchHeader),
    request_body(
        content = NewPolicies,
        example = json!({"lesson_durations_s": [3600, 5400], "subjects": ["English"]})
    ),
    responses(
        (status = 200, body = Teacher, description = "Replaced"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn set_policies(
    State(app): State<App>,
    caller: PersonCaller,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<NewPolicies>,
) -> Result<Tagged<Teacher>, Problem> {
    let message = UpdateTeacherRequest {
        policies: Some(body.into()),
        expected_version,
    };
    let request = acting(message, caller.user);
    let answer = app.teachers().update_teacher(request).await;
    let answer = answer.map_err(|status| {
        let problem = Problem::from(status).renamed(&[("policies", "")]);
        problem.renamed(NAMES)
    })?;
    Teacher::from_answer(answer.into_inner().teacher).map(Tagged)
}

/// Ends the acting user's teaching.
///
/// Nobody finds or books them any more; what was is kept. 409 `LESSONS_AHEAD` while there
/// are any.
#[utoipa::path(
    delete,
    path = "/api/v1/me/teacher",
    tag = "teachers",
    operation_id = "stop_teaching",
    params(IfMatchHeader),
    responses(
        (status = 204, description = "Not a teacher any more"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn stop(
    State(app): State<App>,
    caller: PersonCaller,
    IfMatch(expected_version): IfMatch,
) -> Result<StatusCode, Problem> {
    let message = DeleteTeacherRequest { expected_version };
    let request = acting(message, caller.user);
    let answer = app.teachers().delete_teacher(request).await;
    answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Ok(StatusCode::NO_CONTENT)
}
