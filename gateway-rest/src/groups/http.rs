//! Groups over HTTP.

use ::http::{StatusCode, header};
use axum::{Json, extract::State, response::IntoResponse};
use olm_proto::lesson::v1::{
    CreateGroupRequest, DeleteGroupRequest, GetGroupRequest, ListGroupsRequest, UpdateGroupRequest,
};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Group, GroupPage, GroupUpdate, NewGroup};
use crate::{
    api::App,
    body::{JsonBody, PathId, QueryFields},
    callers::PersonCaller,
    etag::{IfMatch, IfMatchHeader, Tagged},
    idempotency::{IdempotencyHeader, IdempotencyKey},
    paging::PageQuery,
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("request_id", "Idempotency-Key"),
    ("group_id", "id"),
    ("expected_version", "If-Match"),
];

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, update, delete))
}

/// Makes a group of the acting teacher.
#[utoipa::path(
    post,
    path = "/api/v1/groups",
    tag = "groups",
    operation_id = "create_group",
    params(IdempotencyHeader),
    request_body = NewGroup,
    responses(
        (status = 201, body = Group, description = "Made, now or by the request this one repeats",
         headers(("Location" = String, description = "The group"))),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn create(
    State(app): State<App>,
    caller: PersonCaller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<NewGroup>,
) -> Result<impl IntoResponse, Problem> {
    let mut violations = Violations::default();
    let title = super::title(&mut violations, body.title);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let request_id = key.request_id(&caller.name, Some(caller.user));
    let message = CreateGroupRequest {
        request_id: request_id.to_string(),
        title,
        capacity: body.capacity,
    };
    let request = acting(message, caller.user);
    let answer = app.groups().create_group(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let group = Group::from_answer(answer.into_inner().group)?;
    let location = [(header::LOCATION, group.path())];
    Ok((StatusCode::CREATED, location, Tagged(group)))
}

/// Lists the groups that the acting user teaches or is in, by title.
#[utoipa::path(
    get,
    path = "/api/v1/groups",
    tag = "groups",
    operation_id = "list_groups",
    params(PageQuery),
    responses((status = 200, body = GroupPage, description = "One page")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn list(
    State(app): State<App>,
    caller: PersonCaller,
    QueryFields(query): QueryFields<PageQuery>,
) -> Result<Json<GroupPage>, Problem> {
    let (page_size, page_token) = query.read()?;
    let message = ListGroupsRequest {
        page_size,
        page_token,
    };
    let request = acting(message, caller.user);
    let answer = app.groups().list_groups(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    answer.into_inner().try_into().map(Json)
}

/// Returns a group; for its teacher and its members.
#[utoipa::path(
    get,
    path = "/api/v1/groups/{id}",
    tag = "groups",
    operation_id = "get_group",
    params(("id" = Uuid, Path, description = "The group's id")),
    responses((status = 200, body = Group, description = "The group")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn get(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<Tagged<Group>, Problem> {
    let message = GetGroupRequest {
        group_id: id.to_string(),
    };
    let answer = app.groups().get_group(acting(message, caller.user)).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Group::from_answer(answer.into_inner().group).map(Tagged)
}

/// Changes a group's title and capacity; for its teacher.
#[utoipa::path(
    patch,
    path = "/api/v1/groups/{id}",
    tag = "groups",
    operation_id = "update_group",
    params(("id" = Uuid, Path, description = "The group's id"), IfMatchHeader),
    request_body = GroupUpdate,
    responses(
        (status = 200, body = Group, description = "Changed"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn update(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<GroupUpdate>,
) -> Result<Tagged<Group>, Problem> {
    let message = UpdateGroupRequest {
        group_id: id.to_string(),
        expected_version,
        title: body.title,
        capacity: body.capacity,
    };
    let request = acting(message, caller.user);
    let answer = app.groups().update_group(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Group::from_answer(answer.into_inner().group).map(Tagged)
}

/// Dissolves a group; for its teacher.
///
/// 409 while it has lessons or series ahead. Its invitations are revoked.
#[utoipa::path(
    delete,
    path = "/api/v1/groups/{id}",
    tag = "groups",
    operation_id = "delete_group",
    params(("id" = Uuid, Path, description = "The group's id"), IfMatchHeader),
    responses(
        (status = 204, description = "Dissolved"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn delete(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    IfMatch(expected_version): IfMatch,
) -> Result<StatusCode, Problem> {
    let message = DeleteGroupRequest {
        group_id: id.to_string(),
        expected_version,
    };
    let request = acting(message, caller.user);
    let answer = app.groups().delete_group(request).await;
    answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Ok(StatusCode::NO_CONTENT)
}
