//! Request parts as data: JSON bodies, queries and path ids, every refusal a problem.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use olm_proto::common::v1::ErrorReason;
use serde::de::DeserializeOwned;
use serde_json::Value;
use service_kit::status::Violations;
use uuid::Uuid;

use crate::json::Object;
use crate::{
    api::App,
    fields,
    problem::{Problem, Reason},
};

/// How much of a parser's complaint is passed on; it may quote the input.
const MAX_COMPLAINT: usize = 200;

/// A JSON body.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Reason::MediaTypeUnsupported,
                "send the body as JSON, with Content-Type: application/json",
            ));
        }
        let bytes = Bytes::from_request(request, app)
            .await
            .map_err(|rejection| {
                if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    Problem::new(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        Reason::Contract(ErrorReason::MessageTooLarge),
                        "the body is larger than this server reads",
                    )
                } else {
                    malformed("the body ended before it was complete")
                }
            })?;
        parse(&bytes).map(|Object(body)| Self(body))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(';').next())
        .unwrap_or_default()
        .trim();
    media_type.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "body" } else { &path };
        if error.inner().is_data() {
            invalid(field, &error.inner().to_string())
        } else if serde_json::from_slice::<Value>(bytes).is_ok() {
            // What cannot be an enum's value is a fault of syntax to the parser.
            invalid(field, "is not one of the values it may have")
        } else {
            malformed(&error.inner().to_string())
        }
    })?;
    parser
        .end()
        .map_err(|error| malformed(&error.to_string()))?;
    Ok(value)
}

fn malformed(complaint: &str) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        Reason::Contract(ErrorReason::MessageMalformed),
        format!("the body is not JSON: {}", cut(complaint)),
    )
}

fn invalid(field: &str, complaint: &str) -> Problem {
    let mut violations = Violations::default();
    violations.add(field, cut(complaint));
    Problem::invalid(violations)
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_COMPLAINT).collect()
}

/// The query string.
#[derive(Debug)]
pub(crate) struct QueryFields<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for QueryFields<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, app).await {
            Ok(Query(fields)) => Ok(Self(fields)),
            Err(rejection) => Err(invalid("query", &rejection.body_text())),
        }
    }
}

/// The `{id}` of a path.
#[derive(Debug)]
pub(crate) struct PathId(pub(crate) Uuid);

impl FromRequestParts<App> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let text = match Path::<String>::from_request_parts(parts, app).await {
            Ok(Path(text)) => text,
            Err(rejection) => return Err(invalid("id", &rejection.body_text())),
        };
        let mut violations = Violations::default();
        let id = fields::id(&mut violations, "id", &text);
        checked(violations, Self(id))
    }
}

/// The `{id}` and the `{booking_id}` of a path.
#[derive(Debug)]
pub(crate) struct PathBooking {
    pub(crate) lesson: Uuid,
    pub(crate) booking: Uuid,
}

impl FromRequestParts<App> for PathBooking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let (lesson, booking) = path_ids(parts, app, "booking_id").await?;
        Ok(Self { lesson, booking })
    }
}

/// The `{id}` and the `{student_id}` of a path.
#[derive(Debug)]
pub(crate) struct PathMember {
    pub(crate) group: Uuid,
    pub(crate) student: Uuid,
}

impl FromRequestParts<App> for PathMember {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let (group, student) = path_ids(parts, app, "student_id").await?;
        Ok(Self { group, student })
    }
}

/// The two ids of a path; the first is `{id}`.
async fn path_ids(parts: &mut Parts, app: &App, second: &str) -> Result<(Uuid, Uuid), Problem> {
    let texts = Path::<(String, String)>::from_request_parts(parts, app).await;
    let (one, other) = match texts {
        Ok(Path(texts)) => texts,
        Err(rejection) => return Err(invalid("id", &rejection.body_text())),
    };
    let mut violations = Violations::default();
    let one = fields::id(&mut violations, "id", &one);
    let other = fields::id(&mut violations, second, &other);
    checked(violations, (one, other))
}

/// The `{date}` of a path, `YYYY-MM-DD`.
#[derive(Debug)]
pub(crate) struct PathDate(pub(crate) String);

impl FromRequestParts<App> for PathDate {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let text = match Path::<String>::from_request_parts(parts, app).await {
            Ok(Path(text)) => text,
            Err(rejection) => return Err(invalid("date", &rejection.body_text())),
        };
        let mut violations = Violations::default();
        let date = fields::date(&mut violations, "date", &text);
        checked(violations, Self(date))
    }
}

fn checked<T>(violations: Violations, value: T) -> Result<T, Problem> {
    if violations.is_empty() {
        Ok(value)
    } else {
        Err(Problem::invalid(violations))
    }
}
