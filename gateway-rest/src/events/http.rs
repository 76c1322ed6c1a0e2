//! `GET /api/v1/events`.

use std::{convert::Infallible, sync::atomic::Ordering};

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::{
    extract::State,
    response::{IntoResponse, Sse},
};
use futures_util::{StreamExt as _, stream};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{WatchChangesRequest, change_service_client::ChangeServiceClient},
};
use service_kit::status::Violations;
use std::time::Duration;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Changes, EventsQuery, LastEventId, relay::Relay};
use crate::{
    api::App,
    body::QueryFields,
    callers::PersonCaller,
    fields,
    problem::{Problem, ProblemBody, Reason},
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells proxies to pass each event on at once.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(watch))
}

/// Tells of changes as they happen, as server-sent events, until the caller goes.
///
/// `changes` tell what changed, not how; `reset` says that changes were missed: read
/// everything anew; `beat` comes at once and every 15 seconds without changes. Each has an
/// `id`, which continues from there as `Last-Event-ID`, for 24 hours.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    operation_id = "watch_changes",
    params(EventsQuery, LastEventId),
    responses(
        (status = 200, body = Changes, content_type = "text/event-stream",
         description = "Events; the schema is that of the data of `changes`"),
        (status = 503, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn watch(
    State(app): State<App>,
    caller: PersonCaller,
    QueryFields(query): QueryFields<EventsQuery>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let request = WatchChangesRequest {
        cursor: cursor(&headers)?,
        teacher_ids: teacher_ids(query.teacher_ids.as_deref())?,
    };
    let Ok(place) = app.watching.places.clone().try_acquire_owned() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Reason::Overloaded,
            "as many watch as this replica serves; repeat the same request",
        )
        .retry_after(Duration::from_secs(5)));
    };
    // Each connection carries only so many streams.
    let turn = app.watching.turn.fetch_add(1, Ordering::Relaxed) % app.watching.backends.len();
    let client = ChangeServiceClient::new(app.watching.backends[turn].clone());
    let relay = Relay {
        client,
        user: caller.user,
        request,
        shutdown: app.watching.shutdown.clone(),
    };
    let events = relay.start(place).await?;
    let events = stream::unfold(events, async |mut events| {
        events.recv().await.map(|event| (event, events))
    });
    let events = Sse::new(events.map(Ok::<_, Infallible>));
    Ok(([(BUFFERING, HeaderValue::from_static("no"))], events))
}

/// What was handled; empty: nothing yet.
fn cursor(headers: &HeaderMap) -> Result<String, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(String::new());
    };
    let text = value.to_str().ok().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            Reason::Contract(ErrorReason::CursorInvalid),
            "Last-Event-ID is not the id of an event",
        )
    })
}

fn teacher_ids(text: Option<&str>) -> Result<Vec<String>, Problem> {
    let mut violations = Violations::default();
    let ids = text.into_iter().flat_map(|text| text.split(','));
    let ids = ids.map(|id| fields::id(&mut violations, "teacher_ids", id).to_string());
    let ids = ids.collect();
    if violations.is_empty() {
        Ok(ids)
    } else {
        Err(Problem::invalid(violations))
    }
}
