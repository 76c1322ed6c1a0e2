//! Calendars over HTTP.

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        CreateCalendarFeedRequest, GetCalendarEntryRequest, ListCalendarFeedsRequest,
        ReadCalendarFeedRequest, RevokeCalendarFeedRequest,
    },
};
use service_kit::grpc::client::acting;
use sha2::{Digest as _, Sha256};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{CalendarFeed, CalendarFeeds, CreatedCalendarFeed, calendar};
use crate::{
    api::App,
    body::PathId,
    callers::PersonCaller,
    idempotency::{IdempotencyHeader, IdempotencyKey},
    problem::{Problem, ProblemBody, Reason},
};

/// What the service's fields are called here.
const NAMES: &[(&str, &str)] = &[
    ("request_id", "Idempotency-Key"),
    ("feed_id", "id"),
    ("lesson_id", "id"),
];

/// iCalendar (RFC 5545, 8.1).
const TEXT_CALENDAR: HeaderValue = HeaderValue::from_static("text/calendar; charset=utf-8");
/// How long a program may take what it has read for what there is.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=300");
const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");
/// Of a feed's token.
const TOKEN_LENGTH: usize = 43;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(revoke))
        .routes(routes!(read))
        .routes(routes!(download))
}

/// Makes a secret link by which calendar programs read the acting user's lessons.
///
/// At most 5 that are not revoked: 409 then.
#[utoipa::path(
    post,
    path = "/api/v1/me/calendar-feeds",
    tag = "calendars",
    operation_id = "create_calendar_feed",
    params(IdempotencyHeader),
    responses(
        (status = 201, body = CreatedCalendarFeed,
         description = "Made, now or by the request this one repeats"),
        (status = 409, response = ProblemBody),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn create(
    State(app): State<App>,
    caller: PersonCaller,
    key: IdempotencyKey,
) -> Result<impl IntoResponse, Problem> {
    let request_id = key.request_id(&caller.name, Some(caller.user));
    let message = CreateCalendarFeedRequest {
        request_id: request_id.to_string(),
    };
    let request = acting(message, caller.user);
    let answer = app.calendars().create_calendar_feed(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    let created = CreatedCalendarFeed {
        feed: CalendarFeed::from_answer(answer.feed)?,
        path: format!("/api/v1/calendars/{}.ics", answer.token),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Lists the acting user's links that are not revoked, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/me/calendar-feeds",
    tag = "calendars",
    operation_id = "list_calendar_feeds",
    responses((status = 200, body = CalendarFeeds, description = "All of them")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn list(
    State(app): State<App>,
    caller: PersonCaller,
) -> Result<Json<CalendarFeeds>, Problem> {
    let request = acting(ListCalendarFeedsRequest {}, caller.user);
    let answer = app.calendars().list_calendar_feeds(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let feeds = answer.into_inner().feeds.into_iter().map(Some);
    let feeds = feeds.map(CalendarFeed::from_answer);
    Ok(Json(CalendarFeeds {
        feeds: feeds.collect::<Result<_, _>>()?,
    }))
}

/// Revokes a link of the acting user for good.
///
/// A repeat answers like the first.
#[utoipa::path(
    delete,
    path = "/api/v1/me/calendar-feeds/{id}",
    tag = "calendars",
    operation_id = "revoke_calendar_feed",
    params(("id" = Uuid, Path, description = "The feed's id")),
    responses((status = 200, body = CalendarFeed, description = "Revoked")),
    security(("service_key" = [], "acting_user" = []))
)]
async fn revoke(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<Json<CalendarFeed>, Problem> {
    let message = RevokeCalendarFeedRequest {
        feed_id: id.to_string(),
    };
    let request = acting(message, caller.user);
    let answer = app.calendars().revoke_calendar_feed(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    CalendarFeed::from_answer(answer.into_inner().feed).map(Json)
}

/// Returns the lessons behind a secret link, as iCalendar text.
///
/// Those that ended in the last 90 days or are ahead, also the cancelled ones. The link is
/// the key: no other is needed. 404 when it is revoked.
#[utoipa::path(
    get,
    path = "/api/v1/calendars/{token}",
    tag = "calendars",
    operation_id = "read_calendar",
    params(("token" = String, Path, description = "The link's token, with or without `.ics`")),
    responses(
        (status = 200, body = String, content_type = "text/calendar",
         description = "The calendar (RFC 5545)",
         headers(("ETag" = String, description = "For `If-None-Match`"))),
        (status = 304, description = "Nothing has changed since the ETag in `If-None-Match`"),
        (status = 503, response = ProblemBody),
        (status = 504, response = ProblemBody),
    ),
)]
async fn read(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let token = token.strip_suffix(".ics").unwrap_or(&token);
    if token.len() != TOKEN_LENGTH {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            Reason::Contract(ErrorReason::CalendarFeedNotFound),
            "no such calendar feed",
        ));
    }
    let message = ReadCalendarFeedRequest {
        token: token.to_owned(),
    };
    let answer = app.calendars().read_calendar_feed(message).await?;
    let answer = answer.into_inner();
    let text = calendar(answer.entries, &answer.language, &answer.time_zone)?.write();
    let tag = tag(&text);
    let is_known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|tags| knows(tags, &tag));
    let common = [
        (
            header::ETAG,
            HeaderValue::try_from(tag).map_err(|_| Problem::internal())?,
        ),
        (header::CACHE_CONTROL, CACHE),
        // The address is a key.
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    let content_type = [(header::CONTENT_TYPE, TEXT_CALENDAR)];
    Ok((common, content_type, text).into_response())
}

/// Returns one lesson as iCalendar text, to be kept in a calendar.
#[utoipa::path(
    get,
    path = "/api/v1/lessons/{id}/calendar",
    tag = "calendars",
    operation_id = "download_lesson",
    params(("id" = Uuid, Path, description = "The lesson's id")),
    responses(
        (status = 200, body = String, content_type = "text/calendar",
         description = "The lesson (RFC 5545)",
         headers(("Content-Disposition" = String, description = "A file's name"))),
    ),
    security(("service_key" = [], "acting_user" = []))
)]
async fn download(
    State(app): State<App>,
    caller: PersonCaller,
    PathId(id): PathId,
) -> Result<impl IntoResponse, Problem> {
    let message = GetCalendarEntryRequest {
        lesson_id: id.to_string(),
    };
    let request = acting(message, caller.user);
    let answer = app.calendars().get_calendar_entry(request).await;
    let answer = answer.map_err(|status| Problem::from(status).renamed(NAMES))?;
    let answer = answer.into_inner();
    let entries = answer.entry.into_iter().collect();
    let text = calendar(entries, &answer.language, &answer.time_zone)?.write();
    let file = HeaderValue::from_static("attachment; filename=\"lesson.ics\"");
    let headers = [
        (header::CONTENT_TYPE, TEXT_CALENDAR),
        (header::CONTENT_DISPOSITION, file),
    ];
    Ok((headers, text))
}

/// A strong entity tag of a text.
fn tag(text: &str) -> String {
    let digest = Sha256::digest(text);
    let first = u128::from_be_bytes(std::array::from_fn(|index| digest[index]));
    format!("\"{first:032x}\"")
}

/// Whether `If-None-Match` names a tag (RFC 9110, 13.1.2: compared weakly).
fn knows(tags: &str, tag: &str) -> bool {
    tags.split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
