//! The OpenAPI document and a page to try it. The page is our own three small files:
//! nothing is loaded from elsewhere, and a strict policy sees to it.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing,
};
use http::{HeaderName, header};
use utoipa::openapi::OpenApi;

use crate::api::App;

const PAGE: &str = include_str!("docs/page.html");
const SCRIPT: &str = include_str!("docs/page.js");
const STYLE: &str = include_str!("docs/page.css");

/// The page loads, runs and calls only what this server serves.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The document, the page and its parts.
pub(crate) fn router(document: &OpenApi) -> Router<App> {
    // Cannot fail: the document has only text keys.
    let document = document.to_pretty_json().unwrap_or_default();
    let document = bytes_of(document);
    Router::new()
        .route(
            "/api/v1/openapi.json",
            routing::get(async move || file("application/json", document.clone())),
        )
        .route("/api/v1/docs", routing::get(async || page()))
        .route(
            "/api/v1/docs/page.js",
            routing::get(async || file("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route(
            "/api/v1/docs/page.css",
            routing::get(async || file("text/css; charset=utf-8", STYLE)),
        )
}

fn bytes_of(text: String) -> axum::body::Bytes {
    text.into()
}

fn page() -> Response {
    let policy = [(HeaderName::from_static("content-security-policy"), POLICY)];
    (policy, file("text/html; charset=utf-8", PAGE)).into_response()
}

fn file(content_type: &'static str, body: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}
