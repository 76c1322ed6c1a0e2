//! Input of the controls, refused in JSON.

use axum::{
    Json,
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::world::people::Refused;

/// A control that cannot be done: `{"error": …}`.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: String,
}

impl Refusal {
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.error }))).into_response()
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let status = match refused {
            Refused::UnknownPerson(_)
            | Refused::UnknownGroup(_)
            | Refused::UnknownBot(_)
            | Refused::UnknownCallback(_)
            | Refused::UnknownUpdate(_)
            | Refused::NoSuchButton => StatusCode::NOT_FOUND,
            Refused::NoBot
            | Refused::SeveralBots
            | Refused::NotInGroup { .. }
            | Refused::Taken(_)
            | Refused::Blocked => StatusCode::CONFLICT,
            Refused::TooMany(_) => StatusCode::INSUFFICIENT_STORAGE,
            Refused::Invalid { .. } => StatusCode::BAD_REQUEST,
        };
        Self::new(status, refused.to_string())
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

/// Axum's extractor with its refusals as [`Refusal`].
#[derive(Debug)]
pub(crate) struct Input<E>(pub E);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<Json<T>> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        Ok(Self(Json::from_request(request, state).await?))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Input<Path<T>> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Ok(Self(Path::from_request_parts(parts, state).await?))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Input<Query<T>> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Ok(Self(Query::from_request_parts(parts, state).await?))
    }
}
