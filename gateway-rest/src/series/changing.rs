//! Changes of a series over HTTP, from one of its lessons on.

use axum::{Json, extract::State};
use olm_proto::lesson::v1::{CancelSeriesRequest, PreviewSeriesUpdateRequest, UpdateSeriesRequest};
use service_kit::{grpc::client::acting, status::Violations};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    CanceledSeries, ChangedSeries, Series,
    asking::{self, SeriesCancellation, SeriesChange, SeriesUpdate},
    previews::SeriesChangePreview,
};
use crate::{
    api::App,
    body::{JsonBody, PathId},
    callers::PersonCaller,
    etag::{IfMatch, IfMatchHeader, Tagged},
    fields,
    json::Object,
    problem::{Problem, ProblemBody},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("series_id", "id"),
    ("expected_version", "If-Match"),
    ("lesson_duration", "lesson_duration_s"),
];
const PREVIEW_NAMES: &[(&str, &str)] = &[
    ("series_id", "id"),
    ("change", ""),
    ("lesson_duration", "lesson_duration_s"),
];

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(preview))
        .routes(routes!(update))
        .routes(routes!(cancel))
}

/// Says what changing a series would do; changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/series/{id}/preview",
    tag = "series",
    operation_id = "preview_series_update",
    params(("id" = Uuid, Path, description = "The series' id")),
    request_body = SeriesChange,
    responses(
        (status = 200, body = SeriesChangePreview, description = "What it would do"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn preview(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    JsonBody(body): JsonBody<SeriesChange>,
) -> Result<Json<SeriesChangePreview>, Problem> {
    let mut violations = Violations::default();
    let change = body.read(&mut violations, "");
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = PreviewSeriesUpdateRequest {
        series_id: id.to_string(),
        change: Some(change),
    };
    let request = acting(message, caller.user);
    let answer = app.series().preview_series_update(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(PREVIEW_NAMES))?;
    answer.into_inner().try_into().map(Json)
}

/// Changes a series from one of its lessons on; for its teacher.
///
/// Lessons keep their ids and move; those that were moved by themselves keep their own time,
/// those that were cancelled stay so. One lesson alone is changed as the lesson it is.
/// Repeating the same request is safe.
#[utoipa::path(
    patch,
    path = "/api/v1/series/{id}",
    tag = "series",
    operation_id = "update_series",
    params(("id" = Uuid, Path, description = "The series' id"), IfMatchHeader),
    request_body = SeriesUpdate,
    responses(
        (status = 200, body = ChangedSeries, description = "Changed"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn update(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<SeriesUpdate>,
) -> Result<Tagged<ChangedSeries>, Problem> {
    let mut violations = Violations::default();
    let change = match body.change {
        Some(Object(change)) => Some(change.read(&mut violations, "change.")),
        None => fields::required(&mut violations, "change", None),
    };
    let conflict_mode = asking::mode(&mut violations, body.conflict_mode);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = UpdateSeriesRequest {
        series_id: id.to_string(),
        expected_version,
        change,
        conflict_mode,
    };
    let request = acting(message, caller.user);
    let answer = app.series().update_series(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    Ok(Tagged(ChangedSeries {
        series: Series::from_answer(answer.series)?,
        changed_lesson_ids: answer.changed_lesson_ids,
        kept_lesson_ids: answer.kept_lesson_ids,
    }))
}

/// Cancels a series from one of its lessons on: what is ahead of it, booked or not.
///
/// For its teacher, and for its one student. Repeating the same request is safe.
#[utoipa::path(
    post,
    path = "/api/v1/series/{id}/cancel",
    tag = "series",
    operation_id = "cancel_series",
    params(("id" = Uuid, Path, description = "The series' id"), IfMatchHeader),
    request_body = SeriesCancellation,
    responses(
        (status = 200, body = CanceledSeries, description = "Cancelled"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn cancel(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
    IfMatch(expected_version): IfMatch,
    JsonBody(body): JsonBody<SeriesCancellation>,
) -> Result<Tagged<CanceledSeries>, Problem> {
    let mut violations = Violations::default();
    let from = body.from_lesson_id.as_deref();
    let from_lesson_id = fields::optional_uuid(&mut violations, "from_lesson_id", from);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let message = CancelSeriesRequest {
        series_id: id.to_string(),
        expected_version,
        from_lesson_id,
        reason: body.reason.unwrap_or_default(),
    };
    let request = acting(message, caller.user);
    let answer = app.series().cancel_series(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    Ok(Tagged(CanceledSeries {
        series: Series::from_answer(answer.series)?,
        canceled_lessons: answer.canceled_lessons,
    }))
}
