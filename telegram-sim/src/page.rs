//! The chat page at `/`: be anybody, talk to the bots. It is made of the files beside this one
//! and loads nothing from elsewhere; what is said in chats is never taken for markup.

use std::sync::Arc;

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{
    control::input::{Input, Refusal},
    world::Shared,
};

/// No script or style but the page's own files, so that nothing said in a chat can run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

const PAGE: &str = "index.html";
/// Name, kind and text of what the page loads.
const FILES: [(&str, &str, &str); 10] = [
    ("style.css", CSS, include_str!("page/style.css")),
    ("chat.css", CSS, include_str!("page/chat.css")),
    ("main.js", JS, include_str!("page/main.js")),
    ("state.js", JS, include_str!("page/state.js")),
    ("chat.js", JS, include_str!("page/chat.js")),
    ("message.js", JS, include_str!("page/message.js")),
    ("ledger.js", JS, include_str!("page/ledger.js")),
    ("dom.js", JS, include_str!("page/dom.js")),
    ("words.js", JS, include_str!("page/words.js")),
    (PAGE, HTML, include_str!("page/index.html")),
];

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(async || served(PAGE)))
        .route("/page/{file}", get(file))
}

async fn file(Input(Path(wanted)): Input<Path<String>>) -> Response {
    served(&wanted)
}

fn served(wanted: &str) -> Response {
    let Some((_, kind, text)) = FILES.iter().find(|(name, ..)| *name == wanted) else {
        return Refusal::new(StatusCode::NOT_FOUND, "the page has no such file").into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, *kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, *text).into_response()
}
