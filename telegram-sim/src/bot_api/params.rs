//! Parameters from the query, a form or JSON.
//!
//! Telegram takes them all: <https://core.telegram.org/bots/api#making-requests>.

use std::collections::BTreeMap;

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, Multipart, Request},
    http::{StatusCode, header::CONTENT_TYPE},
};
use serde_json::Value;
use url::form_urlencoded;

use super::answer::ApiError;

/// Largest body.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Named values; numbers and objects may also come as text, as forms bring them.
#[derive(Debug, Default)]
pub(crate) struct Params {
    values: BTreeMap<String, Value>,
    /// What was uploaded, by the name of its field.
    files: BTreeMap<String, Bytes>,
}

impl Params {
    /// Reads a whole request; the body goes before the query.
    pub async fn read(request: Request) -> Result<Self, ApiError> {
        let mut params = Self::default();
        params.add_form(request.uri().query().unwrap_or_default().as_bytes());
        let content_type = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, MAX_BODY_BYTES)
            .await
            .map_err(|_| ApiError::too_large())?;
        if content_type.starts_with("multipart/form-data") {
            params
                .add_multipart(Request::from_parts(parts, body.into()))
                .await?;
        } else if content_type.starts_with("application/json") {
            params.add_json(&body)?;
        } else {
            params.add_form(&body);
        }
        Ok(params)
    }

    fn add_form(&mut self, form: &[u8]) {
        for (name, value) in form_urlencoded::parse(form) {
            self.values
                .insert(name.into_owned(), Value::String(value.into_owned()));
        }
    }

    fn add_json(&mut self, body: &Bytes) -> Result<(), ApiError> {
        if body.is_empty() {
            return Ok(());
        }
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
            return Err(ApiError::bad_request("can't parse JSON object"));
        };
        // null means absent, as clients that serialise options send it.
        self.values
            .extend(object.into_iter().filter(|(_, value)| !value.is_null()));
        Ok(())
    }

    async fn add_multipart(&mut self, request: Request) -> Result<(), ApiError> {
        let broken = || ApiError::bad_request("can't parse multipart form data");
        let mut form = Multipart::from_request(request, &())
            .await
            .map_err(|_| broken())?;
        loop {
            let field = match form.next_field().await {
                Ok(Some(field)) => field,
                Ok(None) => return Ok(()),
                Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                    return Err(ApiError::too_large());
                }
                Err(_) => return Err(broken()),
            };
            let name = field.name().unwrap_or_default().to_owned();
            if field.file_name().is_some() {
                let bytes = field.bytes().await.map_err(|_| broken())?;
                self.files.insert(name, bytes);
            } else {
                let value = field.text().await.map_err(|_| broken())?;
                self.values.insert(name, Value::String(value));
            }
        }
    }

    /// An uploaded file: of the field itself, or of the one that it names by `attach://`
    /// (<https://core.telegram.org/bots/api#sending-files>).
    pub fn file(&self, name: &str) -> Option<&Bytes> {
        let attached = self.values.get(name).and_then(Value::as_str);
        let attached = attached.and_then(|text| text.strip_prefix("attach://"));
        self.files.get(attached.unwrap_or(name))
    }

    /// A text; numbers are given as text.
    pub fn text(&self, name: &str) -> Option<String> {
        let value = self.values.get(name)?;
        if let Some(text) = value.as_str() {
            return Some(text.to_owned());
        }
        (value.is_number() || value.is_boolean()).then(|| value.to_string())
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        let value = self.values.get(name)?;
        value
            .as_i64()
            .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
    }

    /// A flag; Telegram takes `true`, `yes` and `1`.
    pub fn flag(&self, name: &str) -> bool {
        let text = self.text(name).unwrap_or_default();
        matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "1")
    }

    /// A structure, given as JSON or as text that holds JSON.
    pub fn json(&self, name: &str) -> Option<Value> {
        let value = self.values.get(name)?;
        match value.as_str() {
            Some(text) => serde_json::from_str(text).ok(),
            None => Some(value.clone()),
        }
    }

    /// Whether anything but an empty text was given.
    pub fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| value != "")
    }
}
