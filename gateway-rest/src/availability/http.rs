//! Hours of work over HTTP.

use axum::extract::State;
use olm_proto::lesson::v1::{
    DateOverride, DeleteOverrideRequest, GetAvailabilityRequest, PutOverrideRequest,
    SetWeeklyRulesRequest,
};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Availability, NewOverride, NewWeeklyRules};
use crate::{
    api::App,
    body::{JsonBody, PathDate, PathId},
    callers::PersonCaller,
    etag::{IfMatch, IfMatchHeader, Tagged},
    fields,
    json::Object,
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("teacher_id", "id"),
    ("expected_version", "If-Match"),
    ("date_override", ""),
    ("start_time_of_day", "start"),
    ("end_time_of_day", "end"),
];

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get))
        .routes(routes!(set_weekly_rules))
        .routes(routes!(put_override, delete_override))
}

/// Returns a teacher's hours of work.
///
/// Of time off, others than the teacher see no notes.
#[utoipa::path(
    get,
    path = "/api/v1/teachers/{id}/availability",
    tag = "availability",
    operation_id = "get_availability",
    params(("id" = Uuid, Path, description = "The teacher's id")),
    responses((status = 200, body = Availability, description = "The hours")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn get(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<Tagged<Availability>, Problem> {
    let message = GetAvailabilityRequest {
        teacher_id: id.to_string(),
    };
    let request = acting(message, caller.user);
    let answer = app.availability().get_availability(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Availability::from_answer(answer.into_inner().availability).map(Tagged)
}

/// Replaces the acting teacher's weekly hours.
///
/// Lessons already booked stay. Before the first hours the version is 0.
#[utoipa::path(
    put,
    path = "/api/v1/me/availability/weekly-rules",
    tag = "availability",
    operation_id = "set_weekly_rules",
    params(IfMatchHeader),
    request_body(
        content = NewWeeklyRules,
        example = json!({"time_zone": "Europe/Berlin",
                         "rules": [{"day_of_week": 1, "start": "09:00", "end": "17:00"}]})
    ),
    responses(
        (status = 200, body = Availability, description = "Replaced"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn set_weekly_rules(
    State(app): State<App>,
    caller: PersonCaller,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<NewWeeklyRules>,
) -> Result<Tagged<Availability>, Problem> {
    let mut violations = Violations::default();
    let time_zone = fields::required(&mut violations, "time_zone", body.time_zone);
    let rules = fields::required(&mut violations, "rules", body.rules);
    let rules = rules.into_iter().enumerate();
    let rules = rules
        .map(|(index, Object(rule))| rule.read(&mut violations, &format!("rules[{index}]")))
        .collect();
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = SetWeeklyRulesRequest {
        time_zone,
        rules,
        expected_version,
    };
    let request = acting(message, caller.user);
    let answer = app.availability().set_weekly_rules(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Availability::from_answer(answer.into_inner().availability).map(Tagged)
}

/// Sets or replaces the acting teacher's hours of one date.
///
/// Lessons already booked stay. The date is from yesterday to 3 years ahead.
#[utoipa::path(
    put,
    path = "/api/v1/me/availability/overrides/{date}",
    tag = "availability",
    operation_id = "put_override",
    params(("date" = Date, Path, description = "The date, `YYYY-MM-DD`"), IfMatchHeader),
    request_body(
        content = NewOverride,
        example = json!({"intervals": [{"start": "10:00", "end": "12:00"}]})
    ),
    responses(
        (status = 200, body = Availability, description = "Set"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn put_override(
    State(app): State<App>,
    caller: PersonCaller,
    PathDate(date): PathDate,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<NewOverride>,
) -> Result<Tagged<Availability>, Problem> {
    let mut violations = Violations::default();
    let intervals = fields::required(&mut violations, "intervals", body.intervals);
    let intervals = intervals.into_iter().enumerate();
    let intervals = intervals
        .map(|(index, Object(interval))| {
            interval.read(&mut violations, &format!("intervals[{index}]"))
        })
        .collect();
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = PutOverrideRequest {
        date_override: Some(DateOverride { date, intervals }),
        expected_version,
    };
    let request = acting(message, caller.user);
    let answer = app.availability().put_override(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Availability::from_answer(answer.into_inner().availability).map(Tagged)
}

/// Gives a date of the acting teacher its weekly hours back.
///
/// A date without other hours answers like one that had some.
#[utoipa::path(
    delete,
    path = "/api/v1/me/availability/overrides/{date}",
    tag = "availability",
    operation_id = "delete_override",
    params(("date" = Date, Path, description = "The date, `YYYY-MM-DD`"), IfMatchHeader),
    responses(
        (status = 200, body = Availability, description = "The hours without it"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn delete_override(
    State(app): State<App>,
    caller: PersonCaller,
    PathDate(date): PathDate,
    IfMatch(expected_version): IfMatch,
) -> Result<Tagged<Availability>, Problem> {
    let message = DeleteOverrideRequest {
        date,
        expected_version,
    };
    let request = acting(message, caller.user);
    let answer = app.availability().delete_override(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Availability::from_answer(answer.into_inner().availability).map(Tagged)
}
