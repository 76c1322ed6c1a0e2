//! Keyset paging as `olm/common/v1/paging.proto` describes it: sizes, and tokens
//! that are good only for the query that gave them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use olm_proto::common::v1::PageToken;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::status::Violations;

const DEFAULT_SIZE: i32 = 50;
const MOST: i32 = 200;
/// Longer than any token we give out: a name of 128 characters is at most 512 bytes.
const LONGEST_TOKEN: usize = 1_024;

/// The rows of a page; a negative size is recorded.
pub fn size(violations: &mut Violations, page_size: i32) -> i32 {
    violations.require(page_size >= 0, "page_size", "is negative");
    match page_size {
        0 => DEFAULT_SIZE,
        size => size.clamp(1, MOST),
    }
}

/// The token is not one that the query gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page token is not one of this list with these filters")]
pub struct InvalidToken;

/// What rows sort by, before their id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
    /// An instant.
    Time(Timestamp),
    /// A text, such as a name.
    Text(String),
}

/// A row's place in a list: the next page begins after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// What the row sorts by.
    pub key: SortKey,
    /// The row's id.
    pub id: Uuid,
}

impl Position {
    /// A place in a list that sorts by time.
    #[must_use]
    pub fn at(time: Timestamp, id: Uuid) -> Self {
        Self {
            key: SortKey::Time(time),
            id,
        }
    }

    /// The sort time, in a list that sorts by time.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`] when it sorts by text.
    pub fn time(&self) -> Result<Timestamp, InvalidToken> {
        match self.key {
            SortKey::Time(time) => Ok(time),
            SortKey::Text(_) => Err(InvalidToken),
        }
    }

    /// The sort text, in a list that sorts by text.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`] when it sorts by time.
    pub fn text(&self) -> Result<&str, InvalidToken> {
        match &self.key {
            SortKey::Text(text) => Ok(text),
            SortKey::Time(_) => Err(InvalidToken),
        }
    }
}

/// One list with its filters: a digest of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query([u8; 8]);

impl Query {
    /// The list of `method` with `filters`, in a fixed order; the viewer is one of them.
    #[must_use]
    pub fn of(method: &str, filters: &[&[u8]]) -> Self {
        let mut hash = Sha256::new_with_prefix(method);
        for filter in filters {
            // The length keeps ("ab", "c") apart from ("a", "bc").
            hash.update((filter.len() as u64).to_be_bytes());
            hash.update(filter);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(first)
    }

    /// The token of the page after `last`.
    #[must_use]
    pub fn token(self, last: Position) -> String {
        let (time, text) = match last.key {
            SortKey::Time(time) => (Some(olm_proto::timestamp(time)), String::new()),
            SortKey::Text(text) => (None, text),
        };
        let token = PageToken {
            filter_hash: self.0.to_vec(),
            time,
            text,
            id: last.id.to_string(),
        };
        URL_SAFE_NO_PAD.encode(token.encode_to_vec())
    }

    /// Where the page of `token` begins; `None`: at the start.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`] when this query gave out no such token.
    pub fn position(self, token: &str) -> Result<Option<Position>, InvalidToken> {
        if token.is_empty() {
            return Ok(None);
        }
        self.read(token).map(Some).ok_or(InvalidToken)
    }

    /// Cuts `rows`, of which one more than `size` was asked for, to the page, and
    /// gives the token after it; empty when this was the last page.
    pub fn cut<T>(
        self,
        rows: &mut Vec<T>,
        size: i32,
        position: impl FnOnce(&T) -> Position,
    ) -> String {
        let size = usize::try_from(size).unwrap_or_default();
        if rows.len() <= size {
            return String::new();
        }
        rows.truncate(size);
        rows.last()
            .map(|last| self.token(position(last)))
            .unwrap_or_default()
    }

    fn read(self, text: &str) -> Option<Position> {
        if text.len() > LONGEST_TOKEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let token = PageToken::decode(bytes.as_slice()).ok()?;
        // PostgreSQL takes no NUL in a text.
        if token.filter_hash != self.0 || token.text.contains('\0') {
            return None;
        }
        let key = match token.time {
            // Nothing here is older; PostgreSQL could not read the oldest that a token could
            // name.
            Some(time) => SortKey::Time(
                olm_proto::instant(&time).filter(|time| *time >= Timestamp::UNIX_EPOCH)?,
            ),
            None => SortKey::Text(token.text),
        };
        let id = Uuid::try_parse(&token.id).ok()?;
        Some(Position { key, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> Position {
        Position {
            key: SortKey::Text("anna".to_owned()),
            id: Uuid::from_u128(7),
        }
    }

    #[test]
    fn a_token_is_good_only_for_its_query() {
        let query = Query::of("Search", &[b"ab", b"c"]);
        let time = Position::at(
            "2026-03-29T10:00:00.000001Z".parse().unwrap(),
            Uuid::from_u128(8),
        );
        for position in [anna(), time] {
            let token = query.token(position.clone());
            assert_eq!(query.position(&token), Ok(Some(position)));
            assert_eq!(
                Query::of("Search", &[b"a", b"bc"]).position(&token),
                Err(InvalidToken)
            );
            assert_eq!(
                Query::of("List", &[b"ab", b"c"]).position(&token),
                Err(InvalidToken)
            );
        }
        assert_eq!(query.position(""), Ok(None));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let query = Query::of("Search", &[]);
        let nul = query.token(Position {
            key: SortKey::Text("\0".to_owned()),
            ..anna()
        });
        let no_id = PageToken {
            filter_hash: query.0.to_vec(),
            id: "7".to_owned(),
            ..PageToken::default()
        };
        let no_id = URL_SAFE_NO_PAD.encode(no_id.encode_to_vec());
        let ancient = query.token(Position::at(Timestamp::MIN, Uuid::nil()));
        for text in [
            "!",
            "AAAA",
            &"A".repeat(LONGEST_TOKEN + 1),
            &nul,
            &no_id,
            &ancient,
        ] {
            assert_eq!(query.position(text), Err(InvalidToken), "{text}");
        }
    }

    #[test]
    fn a_position_of_another_order_is_refused() {
        assert_eq!(anna().time(), Err(InvalidToken));
        assert_eq!(
            Position::at(Timestamp::UNIX_EPOCH, Uuid::nil()).text(),
            Err(InvalidToken)
        );
    }

    #[test]
    fn sizes_have_a_default_and_a_bound() {
        let mut violations = Violations::default();
        let sizes = [0, 1, 200, 201, i32::MAX].map(|asked| size(&mut violations, asked));
        assert_eq!(sizes, [50, 1, 200, 200, 200]);
        assert!(violations.is_empty());
        size(&mut violations, -1);
        assert!(!violations.is_empty());
    }

    #[test]
    fn the_last_page_has_no_token() {
        let query = Query::of("Search", &[]);
        let mut rows = vec![1, 2, 3];
        assert_eq!(query.cut(&mut rows, 3, |_| anna()), "");
        assert_ne!(query.cut(&mut rows, 2, |_| anna()), "");
        assert_eq!(rows, [1, 2]);
    }
}
