//! Seats in lessons of groups, over HTTP.

use axum::extract::State;
use olm_proto::lesson::v1::{JoinLessonRequest, LeaveLessonRequest, ReconfirmLessonRequest};
use serde::{Deserialize, Serialize};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Lesson;
use crate::{
    api::App,
    body::{JsonBody, PathId},
    callers::PersonCaller,
    etag::{IfMatch, IfMatchHeader, Tagged, Versioned},
    fields,
    json::given,
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[("lesson_id", "id"), ("expected_version", "If-Match")];

/// A lesson the acting user has a seat in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JoinedLesson {
    #[serde(flatten)]
    lesson: Lesson,
    /// False when the acting user had a seat before.
    joined: bool,
}

/// Whose seat is given up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Leaving {
    /// Default: the acting user's. Another's is for the teacher.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    student_id: Option<String>,
}

impl Versioned for JoinedLesson {
    fn version(&self) -> Option<i64> {
        self.lesson.version()
    }
}

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(join))
        .routes(routes!(leave))
        .routes(routes!(reconfirm))
}

/// Takes a seat in a lesson of a group the acting user is in.
///
/// However many ask at once, no more sit in it than it holds: 409 then. A repeat answers
/// like the first.
#[utoipa::path(
    post,
    path = "/api/v1/lessons/{id}/join",
    tag = "lessons",
    operation_id = "join_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id")),
    responses(
        (status = 200, body = JoinedLesson, description = "The acting user has a seat"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn join(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<Tagged<JoinedLesson>, Problem> {
    let message = JoinLessonRequest {
        lesson_id: id.to_string(),
        start_time: None,
    };
    let request = acting(message, caller.user);
    let answer = app.lessons().join_lesson(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    Ok(Tagged(JoinedLesson {
        lesson: Lesson::from_answer(answer.lesson)?,
        joined: answer.joined,
    }))
}

/// Gives up a seat in a group's lesson that has not begun.
///
/// Its student their own, its teacher anybody's. Other people's seats do not make the
/// version stale.
#[utoipa::path(
    post,
    path = "/api/v1/lessons/{id}/leave",
    tag = "lessons",
    operation_id = "leave_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id"), IfMatchHeader),
    request_body = Leaving,
    responses(
        (status = 200, body = Lesson, description = "The seat is free"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn leave(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<Leaving>,
) -> Result<Tagged<Lesson>, Problem> {
    let mut violations = Violations::default();
    let student = body.student_id.as_deref();
    let student_id = fields::optional_uuid(&mut violations, "student_id", student);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = LeaveLessonRequest {
        lesson_id: id.to_string(),
        expected_version,
        student_id,
    };
    let request = acting(message, caller.user);
    let answer = app.lessons().leave_lesson(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Lesson::from_answer(answer.into_inner().lesson).map(Tagged)
}

/// Says that the acting user comes to the new time of a group's lesson.
///
/// Once nothing of theirs is in the way. 409 when something is, or the seat was given up.
#[utoipa::path(
    post,
    path = "/api/v1/lessons/{id}/reconfirm",
    tag = "lessons",
    operation_id = "reconfirm_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id"), IfMatchHeader),
    responses(
        (status = 200, body = Lesson, description = "The seat is confirmed"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn reconfirm(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    IfMatch(expected_version): IfMatch,
) -> Result<Tagged<Lesson>, Problem> {
    let message = ReconfirmLessonRequest {
        lesson_id: id.to_string(),
        expected_version,
    };
    let request = acting(message, caller.user);
    let answer = app.lessons().reconfirm_lesson(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Lesson::from_answer(answer.into_inner().lesson).map(Tagged)
}
