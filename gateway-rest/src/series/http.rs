//! Series over HTTP: making, reading, listing.

use ::http::{StatusCode, header};
use axum::{Json, extract::State, response::IntoResponse};
use olm_proto::lesson::v1::{
    CreateSeriesRequest, GetSeriesRequest, ListSeriesRequest, PreviewSeriesRequest,
};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    CreatedSeries, Series, SeriesPage, SeriesQuery,
    asking::{self, NewSeries, WantedSeries},
    previews::SeriesPreview,
};
use crate::{
    api::App,
    body::{JsonBody, PathId, QueryFields},
    callers::PersonCaller,
    etag::Tagged,
    fields,
    idempotency::{IdempotencyHeader, IdempotencyKey},
    json::Object,
    paging,
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("request_id", "Idempotency-Key"),
    ("series_id", "id"),
    ("pattern", ""),
    ("lesson_duration", "lesson_duration_s"),
];
const PREVIEW_NAMES: &[(&str, &str)] = &[
    ("series", ""),
    ("pattern", ""),
    ("lesson_duration", "lesson_duration_s"),
];

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(preview))
        .routes(routes!(create, list))
        .routes(routes!(get))
}

/// Says what making a series would do with every occurrence to the last.
///
/// Nothing is booked. It is not binding: making it decides anew.
#[utoipa::path(
    post,
    path = "/api/v1/series/preview",
    tag = "series",
    operation_id = "preview_series",
    request_body = WantedSeries,
    responses(
        (status = 200, body = SeriesPreview, description = "What it would do"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn preview(
    State(app): State<App>,
    caller: PersonCaller,
    JsonBody(body): JsonBody<WantedSeries>,
) -> Result<Json<SeriesPreview>, Problem> {
    let mut violations = Violations::default();
    let series = body.read(&mut violations, "");
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = PreviewSeriesRequest {
        series: Some(series),
    };
    let request = acting(message, caller.user);
    let answer = app.series().preview_series(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(PREVIEW_NAMES))?;
    answer.into_inner().try_into().map(Json)
}

/// Makes a series and books its lessons as far ahead as they are booked.
///
/// In one transaction; everybody in it is told once. 409 with `conflict_starts` when
/// something stands against occurrences and `conflict_mode` is `strict`, or against all of
/// them.
#[utoipa::path(
    post,
    path = "/api/v1/series",
    tag = "series",
    operation_id = "create_series",
    params(IdempotencyHeader),
    request_body = NewSeries,
    responses(
        (status = 201, body = CreatedSeries,
         description = "Made, now or by the request this one repeats",
         headers(("Location" = String, description = "The series"))),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn create(
    State(app): State<App>,
    caller: PersonCaller,
    key: IdempotencyKey,
    JsonBody(body): JsonBody<NewSeries>,
) -> Result<impl IntoResponse, Problem> {
    let mut violations = Violations::default();
    let series = match body.series {
        Some(Object(series)) => Some(series.read(&mut violations, "series.")),
        None => fields::required(&mut violations, "series", None),
    };
    let conflict_mode = asking::mode(&mut violations, body.conflict_mode);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let request_id = key.request_id(&caller.name, Some(caller.user));
    let message = CreateSeriesRequest {
        request_id: request_id.to_string(),
        series,
        conflict_mode,
    };
    let request = acting(message, caller.user);
    let answer = app.series().create_series(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    let series = Series::from_answer(answer.series)?;
    let location = [(header::LOCATION, series.path())];
    let created = CreatedSeries {
        series,
        lesson_ids: answer.lesson_ids,
    };
    Ok((StatusCode::CREATED, location, Tagged(created)))
}

/// Lists the acting user's series, as teacher, student and member of groups, the newest
/// first.
#[utoipa::path(
    get,
    path = "/api/v1/series",
    tag = "series",
    operation_id = "list_series",
    params(SeriesQuery),
    responses((status = 200, body = SeriesPage, description = "One page")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn list(
    State(app): State<App>,
    caller: PersonCaller,
    QueryFields(query): QueryFields<SeriesQuery>,
) -> Result<Json<SeriesPage>, Problem> {
    let mut violations = Violations::default();
    let faults = &mut violations;
    let ended = query.include_ended.as_deref();
    let include_ended = fields::plain(faults, "include_ended", ended, "true or false");
    let group_id = fields::optional_uuid(faults, "group_id", query.group_id.as_deref());
    let page_size = paging::page_size(faults, query.page_size.as_deref());
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = ListSeriesRequest {
        include_ended,
        group_id,
        page_size,
        page_token: query.page_token.unwrap_or_default(),
    };
    let request = acting(message, caller.user);
    let answer = app.series().list_series(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    answer.into_inner().try_into().map(Json)
}

/// Returns a series of the acting user: as teacher, student or member of its group.
#[utoipa::path(
    get,
    path = "/api/v1/series/{id}",
    tag = "series",
    operation_id = "get_series",
    params(("id" = Uuid, Path, description = "The series' id")),
    responses((status = 200, body = Series, description = "The series")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn get(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<Tagged<Series>, Problem> {
    let message = GetSeriesRequest {
        series_id: id.to_string(),
    };
    let answer = app.series().get_series(acting(message, caller.user)).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    Series::from_answer(answer.into_inner().series).map(Tagged)
}
