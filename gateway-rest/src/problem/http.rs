//! Problems as responses, and the router's own refusals as problems.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use tracing::Span;

use super::{Problem, Reason};
use crate::observe;

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        self.body.trace_id = observe::trace_id(&Span::current());
        let mut response = (self.status, Json(&*self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(delay) = self.retry_after {
            // Whole seconds (RFC 9110), never none.
            let seconds = delay.as_millis().div_ceil(1000).max(1);
            let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.challenge {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        response
    }
}

/// What is answered where nothing is served.
pub(crate) async fn unknown_route() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        Reason::RouteUnknown,
        "nothing is served under this path; /api/v1/docs lists what is",
    )
}

/// What is answered where another method is served; the router adds `Allow`.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Reason::MethodNotAllowed,
        "this path does not serve this method; see the header Allow",
    )
}
