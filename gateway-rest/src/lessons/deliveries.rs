//! Whether a lesson's notices reach its students.

use axum::{Json, extract::State};
use jiff::Timestamp;
use olm_proto::{
    instant,
    notify::v1::{self as pb, ListLessonDeliveriesRequest},
};
use serde::Serialize;
use service_kit::grpc::client::acting;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::App, body::PathId, callers::Caller, notifications::NotificationState, problem::Problem,
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[("lesson_id", "id")];

/// What became of a lesson's notices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LessonDeliveries {
    /// Those who have a seat, by id.
    students: Vec<StudentDeliveries>,
}

/// What became of a lesson's notices to one student.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StudentDeliveries {
    #[schema(format = "uuid")]
    student_id: String,
    /// False when Telegram says that nothing reaches them: they blocked the bot, or are gone.
    reachable: bool,
    /// By due time, the latest 20; without those that were cancelled before they were begun.
    deliveries: Vec<LessonDelivery>,
}

/// A notice about a lesson to one student.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LessonDelivery {
    /// What it tells, such as `booked`, `moved` or `reminder`.
    #[schema(example = "reminder")]
    kind: String,
    state: NotificationState,
    due_time: Timestamp,
    /// When it reached its present state.
    state_time: Timestamp,
}

impl TryFrom<pb::StudentDeliveries> for StudentDeliveries {
    type Error = Problem;

    fn try_from(student: pb::StudentDeliveries) -> Result<Self, Problem> {
        let deliveries = student.deliveries.into_iter().map(LessonDelivery::try_from);
        Ok(Self {
            student_id: student.student_id,
            reachable: student.reachable,
            deliveries: deliveries.collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<pb::LessonDelivery> for LessonDelivery {
    type Error = Problem;

    fn try_from(delivery: pb::LessonDelivery) -> Result<Self, Problem> {
        let state = delivery.state().into();
        let times = [delivery.due_time, delivery.state_time];
        let [Some(due_time), Some(state_time)] = times.map(|time| time.as_ref().and_then(instant))
        else {
            return Err(Problem::bad_answer("a delivery without its times"));
        };
        Ok(Self {
            kind: delivery.kind,
            state,
            due_time,
            state_time,
        })
    }
}

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Tells what became of a lesson's notices to its students.
///
/// For a person (`X-Acting-User`) only of a lesson that they teach: 404 to everybody else. A
/// server that speaks for itself learns it of every lesson. Known from the lesson's first
/// change on until a while after its end.
#[utoipa::path(
    get,
    path = "/api/v1/lessons/{id}/deliveries",
    tag = "lessons",
    operation_id = "list_lesson_deliveries",
    params(("id" = Uuid, Path, description = "The lesson's id")),
    responses((status = 200, body = LessonDeliveries, description = "Of all students")),
    security(("service_key" = []), ("service_key" = [], "acting_user" = []))
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<LessonDeliveries>, Problem> {
    let message = ListLessonDeliveriesRequest {
        lesson_id: id.to_string(),
    };
    let request = match caller.acting_user {
        Some(user) => acting(message, user),
        None => tonic::Request::new(message),
    };
    let answer = app.notifications().list_lesson_deliveries(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let students = answer.into_inner().students.into_iter();
    let students = students.map(StudentDeliveries::try_from);
    Ok(Json(LessonDeliveries {
        students: students.collect::<Result<_, _>>()?,
    }))
}
