//! Who is in a group, over HTTP.

use axum::{Json, extract::State};
use jiff::Timestamp;
use olm_proto::{
    instant,
    lesson::v1::{
        self as pb, AddGroupMemberRequest, ListGroupMembersRequest, RemoveGroupMemberRequest,
    },
};
use serde::Serialize;
use service_kit::grpc::client::acting;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Group;
use crate::{
    api::App,
    body::{PathId, PathMember, QueryFields},
    callers::PersonCaller,
    paging::{self, PageQuery},
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[("group_id", "id")];

/// A student in a group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupMember {
    #[schema(format = "uuid")]
    student_id: String,
    /// Empty when the student was erased.
    display_name: String,
    /// Since when.
    create_time: Timestamp,
}

/// A page of a group's members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupMemberPage {
    /// By name.
    members: Vec<GroupMember>,
    /// Ask with it for the next page; null: this is the last.
    next_page_token: Option<String>,
}

/// A student who is in a group now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddedMember {
    group: Group,
    /// False when the student was in it before.
    joined: bool,
    /// Its lessons ahead in which the student has no seat because of another lesson, by
    /// start; at most 50.
    #[schema(value_type = Vec<Uuid>)]
    missed_lesson_ids: Vec<String>,
}

/// A student who is in a group no more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemovedMember {
    /// How many seats were given up by it.
    canceled_seats: i32,
}

impl TryFrom<pb::GroupMember> for GroupMember {
    type Error = Problem;

    fn try_from(member: pb::GroupMember) -> Result<Self, Problem> {
        let create_time = member.create_time.as_ref().and_then(instant);
        let Some(create_time) = create_time else {
            return Err(Problem::bad_answer("a group's member without a time"));
        };
        Ok(Self {
            student_id: member.student_id,
            display_name: member.display_name,
            create_time,
        })
    }
}

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(add, remove))
}

/// Lists who is in a group, by name; for its teacher.
#[utoipa::path(
    get,
    path = "/api/v1/groups/{id}/members",
    tag = "groups",
    operation_id = "list_group_members",
    params(("id" = Uuid, Path, description = "The group's id"), PageQuery),
    responses((status = 200, body = GroupMemberPage, description = "One page")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn list(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    QueryFields(query): QueryFields<PageQuery>,
) -> Result<Json<GroupMemberPage>, Problem> {
    let (page_size, page_token) = query.read()?;
    let message = ListGroupMembersRequest {
        group_id: id.to_string(),
        page_size,
        page_token,
    };
    let request = acting(message, caller.user);
    let answer = app.groups().list_group_members(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    let members = answer.members.into_iter().map(GroupMember::try_from);
    Ok(Json(GroupMemberPage {
        members: members.collect::<Result<_, _>>()?,
        next_page_token: paging::next_page(answer.next_page_token),
    }))
}

/// Puts one of the teacher's students into a group; for its teacher.
///
/// The student has a seat in its lessons ahead. 409 when it is full. A repeat answers like
/// the first.
#[utoipa::path(
    put,
    path = "/api/v1/groups/{id}/members/{student_id}",
    tag = "groups",
    operation_id = "add_group_member",
    params(
        ("id" = Uuid, Path, description = "The group's id"),
        ("student_id" = Uuid, Path, description = "The student's id"),
    ),
    responses(
        (status = 200, body = AddedMember, description = "The student is in it"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn add(
    State(app): State<App>,
    caller: PersonCaller,
    path: PathMember,
) -> Result<Json<AddedMember>, Problem> {
    let message = AddGroupMemberRequest {
        group_id: path.group.to_string(),
        student_id: path.student.to_string(),
    };
    let request = acting(message, caller.user);
    let answer = app.groups().add_group_member(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    Ok(Json(AddedMember {
        group: Group::from_answer(answer.group)?,
        joined: answer.joined,
        missed_lesson_ids: answer.missed_lesson_ids,
    }))
}

/// Takes somebody out of a group: its teacher anybody, members themselves.
///
/// Their seats in its lessons ahead are given up. A repeat answers like the first.
#[utoipa::path(
    delete,
    path = "/api/v1/groups/{id}/members/{student_id}",
    tag = "groups",
    operation_id = "remove_group_member",
    params(
        ("id" = Uuid, Path, description = "The group's id"),
        ("student_id" = Uuid, Path, description = "The student's id"),
    ),
    responses(
        (status = 200, body = RemovedMember, description = "The student is not in it"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn remove(
    State(app): State<App>,
    caller: PersonCaller,
    path: PathMember,
) -> Result<Json<RemovedMember>, Problem> {
    let message = RemoveGroupMemberRequest {
        group_id: path.group.to_string(),
        student_id: path.student.to_string(),
    };
    let request = acting(message, caller.user);
    let answer = app.groups().remove_group_member(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let canceled_seats = answer.into_inner().canceled_seats;
    Ok(Json(RemovedMember { canceled_seats }))
}
