//! `Idempotency-Key`: a repeat of a creating request finds the first one's result,
//! whichever replica answers, because the key becomes the `request_id` that the service
//! keeps, for seven days, beside what it created.

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use utoipa::IntoParams;
use uuid::{Uuid, uuid};

use crate::{
    api::App,
    problem::{Problem, Reason},
};

/// The header's name.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

const MAX_LENGTH: usize = 255;

/// Where our version 5 UUIDs (RFC 9562) live. Changing it would make every repeat of
/// a request a new one.
const NAMESPACE: Uuid = uuid!("6f1c1f4e-6f0b-4a55-9d0f-0d6a8f2a1c37");

/// Stands between the parts of a name; none of them can contain it.
const SEPARATOR: char = '\u{1f}';

/// The header as the OpenAPI document tells it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the OpenAPI derive only")]
pub(crate) struct IdempotencyHeader {
    /// Makes a repeat safe: the same key from the same caller (for the same person)
    /// answers with the first result for seven days, and 422 when the body is another one. 1 to 255
    /// visible ASCII characters; a new random value, such as a UUID, for each new thing.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$",
        example = "0f8fad5b-d9cb-469f-a165-70867728950e"
    )]
    idempotency_key: String,
}

/// The key a request carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The `request_id` for this key of `caller`, speaking for `acting_user`.
    pub(crate) fn request_id(&self, caller: &str, acting_user: Option<Uuid>) -> Uuid {
        let user = acting_user.map_or_else(String::new, |user| user.to_string());
        let name = format!("{caller}{SEPARATOR}{user}{SEPARATOR}{}", self.0);
        Uuid::new_v5(&NAMESPACE, name.as_bytes())
    }
}

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                Reason::IdempotencyKeyMissing,
                "send the header Idempotency-Key: a new random value for each new request, \
                 the same value when repeating one",
            ));
        };
        let bytes = value.as_bytes();
        let is_good = (1..=MAX_LENGTH).contains(&bytes.len())
            && bytes.iter().all(u8::is_ascii_graphic)
            && values.next().is_none();
        match value.to_str() {
            Ok(text) if is_good => Ok(Self(text.to_owned())),
            Ok(_) | Err(_) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                Reason::IdempotencyKeyMalformed,
                "Idempotency-Key is one value of 1 to 255 visible ASCII characters",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey(text.to_owned())
    }

    #[test]
    fn the_same_key_of_the_same_caller_is_the_same_request_for_ever() {
        let person = Some(uuid!("018f3c1a-0000-7000-8000-000000000001"));
        // Written down: a change would turn repeats into new requests.
        assert_eq!(
            key("a").request_id("website", person).to_string(),
            "7211524a-d551-528e-839c-f5b5b1abd5b6"
        );
        assert_eq!(
            key("a").request_id("website", person),
            key("a").request_id("website", person)
        );
    }

    #[test]
    fn another_caller_person_or_key_is_another_request() {
        let one = Some(Uuid::from_u128(1));
        let ids = [
            key("a").request_id("website", one),
            key("b").request_id("website", one),
            key("a").request_id("website", Some(Uuid::from_u128(2))),
            key("a").request_id("website", None),
            key("a").request_id("app", one),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{index}");
        }
    }
}
