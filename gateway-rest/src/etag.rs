//! `ETag` and `If-Match` (RFC 9110) for the contract's `expected_version`: an answer
//! that is one versioned resource tells its version, a change tells which version it
//! is meant for, so that nobody overwrites what they have not seen.

use axum::{
    Json,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header, request::Parts};
use serde::Serialize;
use utoipa::IntoParams;

use crate::{
    api::App,
    problem::{Problem, Reason},
};

/// As many digits as always fit a version.
const MAX_DIGITS: usize = 18;

/// The header as the OpenAPI document tells it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the OpenAPI derive only")]
pub(crate) struct IfMatchHeader {
    /// The `ETag` of the resource that was read; 412 when it changed since, 428 without
    /// this header. One strong tag; neither `*` nor a list.
    #[param(
        rename = "If-Match",
        pattern = "^\"(0|[1-9][0-9]{0,17})\"$",
        example = "\"1\""
    )]
    if_match: String,
}

/// The version a change is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IfMatch(pub(crate) i64);

impl FromRequestParts<App> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        let Some(value) = values.next() else {
            return Err(Problem::new(
                StatusCode::PRECONDITION_REQUIRED,
                Reason::PreconditionRequired,
                "send the header If-Match with the ETag of what you read, so that nobody's \
                 change is lost",
            ));
        };
        let version = value.to_str().ok().filter(|_| values.next().is_none());
        version.and_then(version_of).map(Self).ok_or_else(|| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                Reason::IfMatchMalformed,
                "If-Match is one strong entity tag as the header ETag gave it, such as \"3\"",
            )
        })
    }
}

fn version_of(tag: &str) -> Option<i64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let is_canonical = digits == "0" || !digits.starts_with('0');
    let is_version = (1..=MAX_DIGITS).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && is_canonical;
    is_version.then(|| digits.parse().ok()).flatten()
}

/// A resource that changes raise the version of.
pub(crate) trait Versioned {
    /// Its version; `None` when the reader may not know it.
    fn version(&self) -> Option<i64>;
}

/// A versioned resource as an answer: JSON, and its version as `ETag`.
#[derive(Debug)]
pub(crate) struct Tagged<T>(pub(crate) T);

impl<T: Versioned + Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = self.0.version().map(|version| format!("\"{version}\""));
        let mut response = Json(self.0).into_response();
        if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strong_tag_that_is_a_version_is_one() {
        assert_eq!(version_of("\"0\""), Some(0));
        assert_eq!(version_of("\"17\""), Some(17));
        let most = "9".repeat(MAX_DIGITS);
        assert_eq!(version_of(&format!("\"{most}\"")), most.parse().ok());
        for bad in [
            "",
            "\"",
            "\"\"",
            "*",
            "1",
            "W/\"1\"",
            "\"1\", \"2\"",
            "\"1\",",
            "\"-1\"",
            "\"+1\"",
            "\"01\"",
            "\"00\"",
            "\"1.0\"",
            "\"x\"",
            "\" 1\"",
            "'1'",
            "\"9999999999999999999\"",
        ] {
            assert_eq!(version_of(bad), None, "{bad}");
        }
    }
}
