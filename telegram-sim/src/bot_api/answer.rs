//! Telegram's answers and its error texts.

use axum::{
    Json,
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::server::HangUp;

/// The `result` of a call, or its error.
pub(crate) type ApiResult = Result<Value, ApiError>;

/// An error in Telegram's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// HTTP status and `error_code`.
    pub code: u16,
    pub description: String,
    /// Seconds, in `parameters`.
    pub retry_after: Option<u32>,
    /// In `parameters`.
    pub migrate_to_chat_id: Option<i64>,
}

impl ApiError {
    fn new(code: u16, description: impl Into<String>) -> Self {
        Self {
            code,
            description: description.into(),
            retry_after: None,
            migrate_to_chat_id: None,
        }
    }

    /// 400; `what` follows "Bad Request: ".
    pub fn bad_request(what: &str) -> Self {
        Self::new(400, format!("Bad Request: {what}"))
    }

    /// 403; `what` follows "Forbidden: ".
    pub fn forbidden(what: &str) -> Self {
        Self::new(403, format!("Forbidden: {what}"))
    }

    /// 409; `what` follows "Conflict: ".
    pub fn conflict(what: &str) -> Self {
        Self::new(409, format!("Conflict: {what}"))
    }

    /// An unknown method, or a token that cannot be one.
    pub fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// A token nobody has.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized")
    }

    pub fn too_large() -> Self {
        Self::new(413, "Request Entity Too Large")
    }

    pub fn bad_gateway() -> Self {
        Self::new(502, "Bad Gateway")
    }

    pub fn too_many_requests(retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(429, format!("Too Many Requests: retry after {retry_after}"))
        }
    }

    /// A group that became a supergroup.
    pub fn migrated(to: i64) -> Self {
        Self {
            migrate_to_chat_id: Some(to),
            ..Self::bad_request("group chat was upgraded to a supergroup chat")
        }
    }
}

/// The HTTP answer.
pub(crate) fn response(result: &ApiResult) -> Response {
    let (status, body) = parts(result);
    (status, Json(body)).into_response()
}

/// The head and half of the body of the answer; then the connection ends.
pub(crate) fn truncated(result: &ApiResult) -> Response {
    let (status, body) = parts(result);
    let body = body.to_string();
    let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
    let rest = async {
        // The half goes out first.
        tokio::task::yield_now().await;
        Err(std::io::Error::other("the answer is truncated on purpose"))
    };
    let parts = stream::once(async { Ok(half) }).chain(stream::once(rest));
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_LENGTH, body.len().to_string()),
    ];
    (status, headers, Body::from_stream(parts)).into_response()
}

fn parts(result: &ApiResult) -> (StatusCode, Value) {
    match result {
        Ok(result) => (StatusCode::OK, json!({ "ok": true, "result": result })),
        Err(error) => {
            let status =
                StatusCode::from_u16(error.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut body = json!({
                "ok": false,
                "error_code": error.code,
                "description": error.description,
            });
            if let Some(seconds) = error.retry_after {
                body["parameters"]["retry_after"] = json!(seconds);
            }
            if let Some(chat) = error.migrate_to_chat_id {
                body["parameters"]["migrate_to_chat_id"] = json!(chat);
            }
            (status, body)
        }
    }
}

/// No answer: the connection ends.
pub(crate) fn hang_up(how: HangUp) -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(how);
    response
}
