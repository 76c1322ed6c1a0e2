//! Opaque page tokens and page sizes (olm.common.v1, `paging.proto`).

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use olm_proto::common::v1::PageToken;
use prost::Message as _;
use service_kit::status::Violations;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::errors::Error;

/// Rows of a page when the caller does not say, and at most.
const DEFAULT_SIZE: i32 = 50;
const MAX_SIZE: i32 = 200;

/// The last row of a page: the next page begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The row's sort time.
    pub time: Timestamp,
    /// The row's id.
    pub id: Uuid,
}

/// Which list a token is good for: a digest of the query's filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter([u8; 8]);

impl Filter {
    /// The digest of the filters, in the order given.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(first)
    }

    /// The token of the page after `last`.
    #[must_use]
    pub fn token(self, last: Position) -> String {
        let token = PageToken {
            filter_hash: self.0.to_vec(),
            time: Some(olm_proto::timestamp(last.time)),
            text: String::new(),
            id: last.id.to_string(),
        };
        BASE64_URL_SAFE_NO_PAD.encode(token.encode_to_vec())
    }

    /// Where the page of `token` begins; `None`: at the start.
    ///
    /// # Errors
    ///
    /// [`Error::PageTokenInvalid`] when this query gave out no such token.
    pub fn position(self, token: &str) -> Result<Option<Position>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        self.read(token).map(Some).ok_or(Error::PageTokenInvalid)
    }

    fn read(self, token: &str) -> Option<Position> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let token = PageToken::decode(bytes.as_slice()).ok()?;
        if token.filter_hash != self.0 {
            return None;
        }
        Some(Position {
            time: olm_proto::instant(&token.time?)?,
            id: Uuid::try_parse(&token.id).ok()?,
        })
    }
}

/// How many rows a page has.
pub fn size(asked: i32, violations: &mut Violations) -> i64 {
    violations.require(asked >= 0, "page_size", "is negative");
    i64::from(match asked {
        0 => DEFAULT_SIZE,
        _ => asked.min(MAX_SIZE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_query_only() {
        let position = Position {
            time: "2026-03-29T10:00:00.000001Z".parse().unwrap(),
            id: Uuid::from_u128(7),
        };
        let (ours, other) = (Filter::of(&["a", "b"]), Filter::of(&["ab", ""]));
        let token = ours.token(position);
        assert_eq!(ours.position(&token).unwrap(), Some(position));
        assert_eq!(ours.position("").unwrap(), None);
        for (filter, token) in [(other, token.as_str()), (ours, "x"), (ours, "AAAA")] {
            assert!(matches!(
                filter.position(token),
                Err(Error::PageTokenInvalid)
            ));
        }
    }

    #[test]
    fn page_sizes_are_capped_and_negative_ones_refused() {
        let mut violations = Violations::default();
        assert_eq!(size(0, &mut violations), 50);
        assert_eq!(size(7, &mut violations), 7);
        assert_eq!(size(5000, &mut violations), 200);
        assert!(violations.is_empty());
        size(-1, &mut violations);
        assert!(!violations.is_empty());
    }
}
