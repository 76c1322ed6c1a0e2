//! Invitations over HTTP.

use ::http::StatusCode;
use axum::{Json, extract::State, response::IntoResponse};
use olm_proto::lesson::v1::{
    self as pb, AcceptInvitationRequest, CreateInvitationRequest, ListInvitationsRequest,
    PreviewInvitationRequest, RevokeInvitationRequest,
};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    AcceptedInvitation, CreatedInvitation, Invitation, InvitationPage, InvitationPreview,
    InvitationToken, NewInvitation,
};
use crate::{
    api::App,
    body::{JsonBody, PathId, QueryFields},
    callers::PersonCaller,
    fields,
    groups::Group,
    idempotency::{IdempotencyHeader, IdempotencyKey},
    paging::{self, PageQuery},
    problem::{Problem, ProblemBody},
    teachers::Teacher,
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("request_id", "Idempotency-Key"),
    ("invitation_id", "id"),
    ("lifetime", "lifetime_s"),
];

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(revoke))
        .routes(routes!(preview))
        .routes(routes!(accept))
}

/// Makes an invitation of the acting teacher.
#[utoipa::path(
    post,
    path = "/api/v1/invitations",
    tag = "invitations",
    operation_id = "create_invitation",
    params(IdempotencyHeader),
    request_body = NewInvitation,
    responses(
        (status = 201, body = CreatedInvitation,
         description = "Made, now or by the request this one repeats"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn create(
    State(app): State<App>,
    caller: PersonCaller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<NewInvitation>,
) -> Result<impl IntoResponse, Problem> {
    let mut violations = Violations::default();
    // To the service 0 is the default; here absence is.
    violations.require(body.max_uses != Some(0), "max_uses", "is not 1 to 100");
    let group_id = fields::optional_uuid(&mut violations, "group_id", body.group_id.as_deref());
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let request_id = key.request_id(&caller.name, Some(caller.user));
    let message = CreateInvitationRequest {
        request_id: request_id.to_string(),
        max_uses: body.max_uses.unwrap_or_default(),
        lifetime: body.lifetime_s.map(fields::seconds),
        group_id,
    };
    let request = acting(message, caller.user);
    let answer = app.invitations().create_invitation(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    let created = CreatedInvitation {
        invitation: Invitation::from_answer(answer.invitation)?,
        token: answer.token,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Lists the acting teacher's invitations, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/invitations",
    tag = "invitations",
    operation_id = "list_invitations",
    params(PageQuery),
    responses(
        (status = 200, body = InvitationPage, description = "One page"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn list(
    State(app): State<App>,
    caller: PersonCaller,
    QueryFields(query): QueryFields<PageQuery>,
) -> Result<Json<InvitationPage>, Problem> {
    let (page_size, page_token) = query.read()?;
    let message = ListInvitationsRequest {
        page_size,
        page_token,
    };
    let request = acting(message, caller.user);
    let answer = app.invitations().list_invitations(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    let invitations = answer.invitations.into_iter().map(Some);
    Ok(Json(InvitationPage {
        invitations: invitations
            .map(Invitation::from_answer)
            .collect::<Result<_, _>>()?,
        next_page_token: paging::next_page(answer.next_page_token),
    }))
}

/// Takes an invitation of the acting teacher back.
///
/// Who accepted it before stays a student. A repeat answers like the first.
#[utoipa::path(
    delete,
    path = "/api/v1/invitations/{id}",
    tag = "invitations",
    operation_id = "revoke_invitation",
    params(("id" = Uuid, Path, description = "The invitation's id")),
    responses(
        (status = 200, body = Invitation, description = "Taken back"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn revoke(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<Json<Invitation>, Problem> {
    let message = RevokeInvitationRequest {
        invitation_id: id.to_string(),
    };
    let request = acting(message, caller.user);
    let answer = app.invitations().revoke_invitation(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Invitation::from_answer(answer.into_inner().invitation).map(Json)
}

/// Returns who invites, without accepting.
///
/// 404 for a token nobody was given, 409 for an invitation that invites no more.
#[utoipa::path(
    post,
    path = "/api/v1/invitations/preview",
    tag = "invitations",
    operation_id = "preview_invitation",
    request_body = InvitationToken,
    responses(
        (status = 200, body = InvitationPreview, description = "Who invites"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn preview(
    State(app): State<App>,
    caller: PersonCaller,
    JsonBody(body): JsonBody<InvitationToken>,
) -> Result<Json<InvitationPreview>, Problem> {
    let message = PreviewInvitationRequest {
        token: token(body)?,
    };
    let request = acting(message, caller.user);
    let answer = app.invitations().preview_invitation(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    Ok(Json(InvitationPreview {
        teacher: Teacher::from_answer(answer.teacher)?,
        group: group(answer.group)?,
    }))
}

/// Makes the acting user a student of the inviting teacher, and a member of the group it
/// leads into.
///
/// A repeat by the same person counts once. 404 and 409 as for the preview.
#[utoipa::path(
    post,
    path = "/api/v1/invitations/accept",
    tag = "invitations",
    operation_id = "accept_invitation",
    request_body = InvitationToken,
    responses(
        (status = 200, body = AcceptedInvitation, description = "The acting user is a student"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn accept(
    State(app): State<App>,
    caller: PersonCaller,
    JsonBody(body): JsonBody<InvitationToken>,
) -> Result<Json<AcceptedInvitation>, Problem> {
    let message = AcceptInvitationRequest {
        token: token(body)?,
    };
    let request = acting(message, caller.user);
    let answer = app.invitations().accept_invitation(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    Ok(Json(AcceptedInvitation {
        teacher: Teacher::from_answer(answer.teacher)?,
        joined: answer.joined,
        group: group(answer.group)?,
        missed_lesson_ids: answer.missed_lesson_ids,
    }))
}

fn group(group: Option<pb::Group>) -> Result<Option<Group>, Problem> {
    group
        .map(|group| Group::from_answer(Some(group)))
        .transpose()
}

fn token(body: InvitationToken) -> Result<String, Problem> {
    let mut violations = Violations::default();
    let token = fields::required(&mut violations, "token", body.token);
    if violations.is_empty() {
        Ok(token)
    } else {
        Err(Problem::invalid(violations))
    }
}
