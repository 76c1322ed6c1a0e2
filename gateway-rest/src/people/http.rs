//! People over HTTP: the acting user as `/me`, everybody for admins.

use axum::{Json, extract::State};
use olm_proto::lesson::v1::{
    EraseUserRequest, GetUserRequest, ListUsersRequest, MutedKinds, QuietHours as PbQuietHours,
    ReminderLeads, RulesZone as PbRulesZone, SetAdminRequest, UpdateSettingsRequest,
    UpdateUserRequest,
};
use olm_proto::notify::v1::LessonNoticeKind;
use service_kit::{grpc::client::acting, status::Violations};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    AdminRole, ChangedSettings, Erasure, ProfileChange, SettingsChange, User, UserPage, UsersQuery,
};
use crate::json::Object;
use crate::{
    api::App,
    body::{JsonBody, PathId, QueryFields},
    callers::PersonCaller,
    etag::{IfMatch, IfMatchHeader, Tagged},
    fields, paging,
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("user_id", "id"),
    ("expected_version", "If-Match"),
    ("reminder_leads", "reminder_leads_s"),
    ("leads", ""),
    ("kinds", ""),
    ("start_time_of_day", "start"),
    ("end_time_of_day", "end"),
];

/// The latest time of day at which quiet hours begin or end.
const LAST_MINUTE: &str = "23:59";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_me, update_profile, erase_me))
        .routes(routes!(update_settings))
        .routes(routes!(list))
        .routes(routes!(get, erase))
        .routes(routes!(set_admin))
}

/// Returns the acting user.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "people",
    operation_id = "get_me",
    responses((status = 200, body = User, description = "The acting user")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn get_me(State(app): State<App>, caller: PersonCaller) -> Result<Tagged<User>, Problem> {
    find(&app, &caller, caller.user).await
}

/// Returns a person.
///
/// People see themselves, their teachers and students, and those they have or had a
/// lesson with; admins see everybody.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}",
    tag = "people",
    operation_id = "get_user",
    params(("id" = Uuid, Path, description = "The person's id")),
    responses((status = 200, body = User, description = "The person")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn get(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<Tagged<User>, Problem> {
    find(&app, &caller, id).await
}

async fn find(app: &App, caller: &PersonCaller, id: Uuid) -> Result<Tagged<User>, Problem> {
    let message = GetUserRequest {
        user_id: id.to_string(),
    };
    let answer = app.users().get_user(acting(message, caller.user)).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    User::from_answer(answer.into_inner().user).map(Tagged)
}

/// Lists everybody, by name; for admins.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "people",
    operation_id = "list_users",
    params(UsersQuery),
    responses((status = 200, body = UserPage, description = "One page")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn list(
    State(app): State<App>,
    caller: PersonCaller,
    QueryFields(query): QueryFields<UsersQuery>,
) -> Result<Json<UserPage>, Problem> {
    let mut violations = Violations::default();
    let page_size = paging::page_size(&mut violations, query.page_size.as_deref());
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = ListUsersRequest {
        query: query.query.unwrap_or_default(),
        page_size,
        page_token: query.page_token.unwrap_or_default(),
    };
    let answer = app.users().list_users(acting(message, caller.user)).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Ok(Json(answer.into_inner().into()))
}

/// Changes the acting user's profile.
#[utoipa::path(
    patch,
    path = "/api/v1/me",
    tag = "people",
    operation_id = "update_me",
    params(IfMatchHeader),
    request_body = ProfileChange,
    responses((status = 200, body = User, description = "Changed")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn update_profile(
    State(app): State<App>,
    caller: PersonCaller,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<ProfileChange>,
) -> Result<Tagged<User>, Problem> {
    let message = UpdateUserRequest {
        display_name: body.display_name,
        about: body.about,
        expected_version,
    };
    let answer = app.users().update_user(acting(message, caller.user)).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    User::from_answer(answer.into_inner().user).map(Tagged)
}

/// Changes the acting user's settings.
///
/// 409 `RULES_ZONE_NEEDED`: a teacher who moves must say what becomes of their hours.
#[utoipa::path(
    patch,
    path = "/api/v1/me/settings",
    tag = "people",
    operation_id = "update_settings",
    params(IfMatchHeader),
    request_body(
        content = SettingsChange,
        example = json!({"time_zone": "Europe/Berlin", "reminder_leads_s": [3600],
                         "quiet_hours": {"start": "22:00", "end": "08:00"}})
    ),
    responses(
        (status = 200, body = ChangedSettings, description = "Changed"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn update_settings(
    State(app): State<App>,
    caller: PersonCaller,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<SettingsChange>,
) -> Result<Tagged<ChangedSettings>, Problem> {
    let mut violations = Violations::default();
    if let Some(Some(Object(hours))) = &body.quiet_hours {
        let faults = &mut violations;
        fields::time_of_day(faults, "quiet_hours.start", &hours.start, LAST_MINUTE);
        fields::time_of_day(faults, "quiet_hours.end", &hours.end, LAST_MINUTE);
    }
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = settings(body, expected_version);
    let request = acting(message, caller.user);
    let answer = app.users().update_settings(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    Ok(Tagged(ChangedSettings {
        user: User::from_answer(answer.user)?,
        series_ids_elsewhere: answer.series_ids_elsewhere,
    }))
}

fn settings(body: SettingsChange, expected_version: i64) -> UpdateSettingsRequest {
    let reminder_leads = body.reminder_leads_s.map(|leads| ReminderLeads {
        leads: leads.into_iter().map(fields::seconds).collect(),
    });
    let muted_kinds = body.muted_kinds.map(|kinds| MutedKinds {
        kinds: kinds
            .into_iter()
            .map(|kind| LessonNoticeKind::from(kind).into())
            .collect(),
    });
    // Without times of day they are none any more.
    let quiet_hours = body.quiet_hours.map(|hours| {
        hours.map_or_else(PbQuietHours::default, |Object(hours)| PbQuietHours {
            start_time_of_day: hours.start,
            end_time_of_day: hours.end,
        })
    });
    let rules_zone = body.rules_zone.map_or(PbRulesZone::Unspecified, Into::into);
    UpdateSettingsRequest {
        language: body.language.map(|language| language.tag().to_owned()),
        time_zone: body.time_zone,
        reminder_leads,
        expected_version,
        quiet_hours,
        muted_kinds,
        rules_zone: rules_zone.into(),
    }
}

/// Makes somebody an admin, or takes that away; for admins.
#[utoipa::path(
    put,
    path = "/api/v1/users/{id}/admin",
    tag = "people",
    operation_id = "set_admin",
    params(("id" = Uuid, Path, description = "The person's id")),
    request_body(content = AdminRole, example = json!({"is_admin": true})),
    responses((status = 200, body = User, description = "So it is")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn set_admin(
    State(app): State<App>,
    // Nobody's word is only an operator's to give, never a caller's over HTTP.
    caller: PersonCaller,
    PathId(id): PathId,
    JsonBody(body): JsonBody<AdminRole>,
) -> Result<Tagged<User>, Problem> {
    let mut violations = Violations::default();
    let is_admin = fields::required(&mut violations, "is_admin", body.is_admin);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = SetAdminRequest {
        user_id: id.to_string(),
        is_admin,
    };
    let answer = app.users().set_admin(acting(message, caller.user)).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    User::from_answer(answer.into_inner().user).map(Tagged)
}

/// Erases the acting user for good.
///
/// Cancels their lessons ahead and forgets everything about them. A repeat answers like
/// the first.
#[utoipa::path(
    delete,
    path = "/api/v1/me",
    tag = "people",
    operation_id = "erase_me",
    responses((status = 200, body = Erasure, description = "Erased")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn erase_me(State(app): State<App>, caller: PersonCaller) -> Result<Json<Erasure>, Problem> {
    forget(&app, &caller, caller.user).await
}

/// Erases a person for good; for the person and admins.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{id}",
    tag = "people",
    operation_id = "erase_user",
    params(("id" = Uuid, Path, description = "The person's id")),
    responses((status = 200, body = Erasure, description = "Erased")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn erase(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<Json<Erasure>, Problem> {
    forget(&app, &caller, id).await
}

async fn forget(app: &App, caller: &PersonCaller, id: Uuid) -> Result<Json<Erasure>, Problem> {
    let message = EraseUserRequest {
        user_id: id.to_string(),
    };
    let answer = app.users().erase_user(acting(message, caller.user)).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let canceled_lessons = answer.into_inner().canceled_lessons;
    Ok(Json(Erasure { canceled_lessons }))
}
