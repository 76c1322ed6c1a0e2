//! Who changed what of a lesson, and when.

use axum::{Json, extract::State};
use jiff::Timestamp;
use olm_proto::{
    instant,
    lesson::v1::{self as pb, ListLessonChangesRequest},
};
use serde::Serialize;
use service_kit::grpc::client::acting;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::BookingStatus;
use crate::{
    api::App,
    body::{PathId, QueryFields},
    callers::PersonCaller,
    paging::{self, PageQuery},
    problem::Problem,
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[("lesson_id", "id")];

/// One line of a lesson's history; never rewritten.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LessonChange {
    /// The lesson's version after it.
    version: i64,
    kind: LessonChangeKind,
    /// Who did it; absent when time did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    actor_id: Option<String>,
    actor_role: ActorRole,
    change_time: Timestamp,
    /// The times after it.
    start_time: Timestamp,
    end_time: Timestamp,
    /// The times before it; present when moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    previous_start_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    previous_end_time: Option<Timestamp>,
    /// What the seat became; present for attendance and cancellations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    booking_status: Option<BookingStatus>,
}

/// What was done to a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LessonChangeKind {
    Held,
    Requested,
    Booked,
    Confirmed,
    Declined,
    Lapsed,
    Moved,
    Canceled,
    /// Notes or meeting link.
    Updated,
    Attendance,
    /// A student took a seat in a group's lesson.
    Joined,
    /// A seat in it was given up, or taken away.
    Left,
    /// A student comes to the new time too.
    Reconfirmed,
    /// A student did not say so in time; the seat is free.
    SeatFreed,
    /// A kind newer than this gateway.
    Unknown,
}

/// In which role somebody acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActorRole {
    Teacher,
    Student,
    Admin,
    /// Time did it.
    System,
    /// A role newer than this gateway.
    Unknown,
}

/// A page of a lesson's history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LessonChangePage {
    /// The oldest first.
    changes: Vec<LessonChange>,
    /// Ask with it for the next page; null: this is the last.
    next_page_token: Option<String>,
}

impl From<pb::LessonChangeKind> for LessonChangeKind {
    fn from(kind: pb::LessonChangeKind) -> Self {
        match kind {
            pb::LessonChangeKind::Unspecified => Self::Unknown,
            pb::LessonChangeKind::Held => Self::Held,
            pb::LessonChangeKind::Requested => Self::Requested,
            pb::LessonChangeKind::Booked => Self::Booked,
            pb::LessonChangeKind::Confirmed => Self::Confirmed,
            pb::LessonChangeKind::Declined => Self::Declined,
            pb::LessonChangeKind::Lapsed => Self::Lapsed,
            pb::LessonChangeKind::Moved => Self::Moved,
            pb::LessonChangeKind::Canceled => Self::Canceled,
            pb::LessonChangeKind::Updated => Self::Updated,
            pb::LessonChangeKind::Attendance => Self::Attendance,
            pb::LessonChangeKind::Joined => Self::Joined,
            pb::LessonChangeKind::Left => Self::Left,
            pb::LessonChangeKind::Reconfirmed => Self::Reconfirmed,
            pb::LessonChangeKind::SeatFreed => Self::SeatFreed,
        }
    }
}

impl From<pb::ActorRole> for ActorRole {
    fn from(role: pb::ActorRole) -> Self {
        match role {
            pb::ActorRole::Unspecified => Self::Unknown,
            pb::ActorRole::Teacher => Self::Teacher,
            pb::ActorRole::Student => Self::Student,
            pb::ActorRole::Admin => Self::Admin,
            pb::ActorRole::System => Self::System,
        }
    }
}

impl TryFrom<pb::LessonChange> for LessonChange {
    type Error = Problem;

    fn try_from(change: pb::LessonChange) -> Result<Self, Problem> {
        let (kind, actor_role) = (change.kind().into(), change.actor_role().into());
        // Absence is told as 0, which is no seat's status; an unknown one is not 0.
        let booking_status = (change.booking_status != 0).then(|| change.booking_status().into());
        let times = [change.change_time, change.start_time, change.end_time];
        let [Some(change_time), Some(start_time), Some(end_time)] =
            times.map(|time| time.as_ref().and_then(instant))
        else {
            return Err(Problem::bad_answer("a lesson's change without its times"));
        };
        Ok(Self {
            version: change.version,
            kind,
            actor_id: Some(change.actor_id).filter(|id| !id.is_empty()),
            actor_role,
            change_time,
            start_time,
            end_time,
            previous_start_time: change.previous_start_time.as_ref().and_then(instant),
            previous_end_time: change.previous_end_time.as_ref().and_then(instant),
            booking_status,
        })
    }
}

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Lists who changed what of a lesson and when, the oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/lessons/{id}/changes",
    tag = "lessons",
    operation_id = "list_lesson_changes",
    params(("id" = Uuid, Path, description = "The lesson's id"), PageQuery),
    responses((status = 200, body = LessonChangePage, description = "One page")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn list(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    QueryFields(query): QueryFields<PageQuery>,
) -> Result<Json<LessonChangePage>, Problem> {
    let (page_size, page_token) = query.read()?;
    let message = ListLessonChangesRequest {
        lesson_id: id.to_string(),
        page_size,
        page_token,
    };
    let request = acting(message, caller.user);
    let answer = app.lessons().list_lesson_changes(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    let changes = answer.changes.into_iter().map(LessonChange::try_from);
    Ok(Json(LessonChangePage {
        changes: changes.collect::<Result<_, _>>()?,
        next_page_token: paging::next_page(answer.next_page_token),
    }))
}
