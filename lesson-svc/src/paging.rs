//! Keyset paging: sizes and tokens as `olm/common/v1/paging.proto` describes them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use olm_proto::common::v1::PageToken;
use prost::Message as _;
use service_kit::status::Violations;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::errors::Error;

const DEFAULT_SIZE: i32 = 50;
const MOST: i32 = 200;
/// Longer than any token we give out: a name of 128 characters is at most 512 bytes.
const LONGEST_TOKEN: usize = 1_024;

/// The rows of a page; a negative size is recorded.
pub fn read_size(violations: &mut Violations, page_size: i32) -> i32 {
    violations.require(page_size >= 0, "page_size", "is negative");
    match page_size {
        0 => DEFAULT_SIZE,
        size => size.clamp(1, MOST),
    }
}

/// What a query is known by: a token is good only for the query that gave it.
#[must_use]
pub fn filter_hash(method: &str, filters: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new_with_prefix(method.as_bytes());
    for filter in filters {
        // The length keeps ("ab", "c") apart from ("a", "bc").
        hash.update((filter.len() as u64).to_be_bytes());
        hash.update(filter);
    }
    hash.finalize()[..8].to_vec()
}

/// A token as the caller sees it.
#[must_use]
pub fn encode(token: &PageToken) -> String {
    URL_SAFE_NO_PAD.encode(token.encode_to_vec())
}

/// Reads a token and the id in it; `None` for the first page.
///
/// # Errors
///
/// [`Error::PageToken`] when it is not one that this query gave out.
pub fn decode(text: &str, filter_hash: &[u8]) -> Result<Option<(PageToken, Uuid)>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > LONGEST_TOKEN {
        return Err(Error::PageToken);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::PageToken)?;
    let token = PageToken::decode(bytes.as_slice()).map_err(|_| Error::PageToken)?;
    if token.filter_hash != filter_hash || token.text.contains('\0') {
        return Err(Error::PageToken);
    }
    let id = Uuid::try_parse(&token.id).map_err(|_| Error::PageToken)?;
    Ok(Some((token, id)))
}

/// Cuts `rows`, of which one more than `size` was asked for, to the page, and gives
/// the token after it; empty when this was the last page.
pub fn cut<T>(rows: &mut Vec<T>, size: i32, token: impl FnOnce(&T) -> PageToken) -> String {
    let size = usize::try_from(size).unwrap_or_default();
    if rows.len() <= size {
        return String::new();
    }
    rows.truncate(size);
    rows.last()
        .map(|last| encode(&token(last)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(hash: Vec<u8>) -> PageToken {
        PageToken {
            filter_hash: hash,
            time: None,
            text: "anna".to_owned(),
            id: Uuid::from_u128(7).to_string(),
        }
    }

    #[test]
    fn a_token_is_good_only_for_its_query() {
        let hash = filter_hash("Search", &[b"ab", b"c"]);
        let text = encode(&token(hash.clone()));
        let (read, id) = decode(&text, &hash).unwrap().unwrap();
        assert_eq!((read.text.as_str(), id), ("anna", Uuid::from_u128(7)));
        let other = filter_hash("Search", &[b"a", b"bc"]);
        assert!(matches!(decode(&text, &other), Err(Error::PageToken)));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let hash = filter_hash("Search", &[]);
        let no_id = encode(&PageToken {
            id: "7".to_owned(),
            ..token(hash.clone())
        });
        let nul = encode(&PageToken {
            text: "\0".to_owned(),
            ..token(hash.clone())
        });
        for text in ["!", "AAAA", &"A".repeat(1_025), &no_id, &nul] {
            assert!(
                matches!(decode(text, &hash), Err(Error::PageToken)),
                "{text}"
            );
        }
    }

    #[test]
    fn sizes_have_a_default_and_a_bound() {
        let mut violations = Violations::default();
        let sizes = [0, 1, 200, 201, i32::MAX].map(|size| read_size(&mut violations, size));
        assert_eq!(sizes, [50, 1, 200, 200, 200]);
        assert!(violations.is_empty());
        read_size(&mut violations, -1);
        assert!(!violations.is_empty());
    }

    #[test]
    fn the_last_page_has_no_token() {
        let mut rows = vec![1, 2, 3];
        assert_eq!(cut(&mut rows, 3, |_| token(Vec::new())), "");
        assert_ne!(cut(&mut rows, 2, |_| token(Vec::new())), "");
        assert_eq!(rows, [1, 2]);
    }
}
