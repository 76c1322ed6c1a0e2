//! Where a watcher continues: the log and a position in it, opaque to callers.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::Position;
use crate::errors::Error;

/// A log's id, a transaction's, a change's.
const BYTES: usize = 32;

/// A place in one log of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The log; another database has another.
    pub log: Uuid,
    /// What was handled.
    pub position: Position,
}

impl Cursor {
    /// As callers keep it: 43 characters of base64url.
    #[must_use]
    pub fn to_text(self) -> String {
        let mut bytes = [0; BYTES];
        bytes[..16].copy_from_slice(self.log.as_bytes());
        bytes[16..24].copy_from_slice(&self.position.xid.to_be_bytes());
        bytes[24..].copy_from_slice(&self.position.id.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what a caller sent.
    ///
    /// # Errors
    ///
    /// [`Error::CursorInvalid`] for what [`Cursor::to_text`] never wrote.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        read(text).ok_or(Error::CursorInvalid)
    }
}

fn read(text: &str) -> Option<Cursor> {
    let mut bytes = [0; BYTES];
    // Longer texts are not even decoded.
    if text.len() != 43 || URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()? != BYTES {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        let number = i64::from_be_bytes(bytes[range].try_into().ok()?);
        (number >= 0).then_some(number)
    };
    Some(Cursor {
        log: Uuid::from_slice(&bytes[..16]).ok()?,
        position: Position {
            xid: number(16..24)?,
            id: number(24..32)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(xid: i64, id: i64) -> Cursor {
        Cursor {
            log: Uuid::from_u128(7),
            position: Position { xid, id },
        }
    }

    #[test]
    fn a_cursor_reads_as_it_was_written() {
        for cursor in [cursor(0, 0), cursor(3, i64::MAX), cursor(i64::MAX, 1)] {
            let text = cursor.to_text();
            assert_eq!(text.len(), 43);
            assert_eq!(Cursor::from_text(&text).unwrap(), cursor);
        }
    }

    #[test]
    fn what_was_never_answered_is_refused() {
        let negative = cursor(-1, 0).to_text();
        let long = cursor(1, 1).to_text() + "A";
        for text in [
            "",
            "!",
            "AAAA",
            &"A".repeat(42),
            &negative,
            &long,
            &"é".repeat(43),
        ] {
            let refused = Cursor::from_text(text);
            assert!(matches!(refused, Err(Error::CursorInvalid)), "{text}");
        }
    }
}
