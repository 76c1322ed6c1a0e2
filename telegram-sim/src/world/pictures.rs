//! Pictures that bots sent, the newest only.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::{Value, json};

/// Pictures kept; the oldest are forgotten beyond it. The largest request bounds each.
const MAX_PICTURES: usize = 200;
/// <https://core.telegram.org/bots/api#sendphoto>: width and height together, and the one to the
/// other.
const MAX_SIDES: u32 = 10_000;
const MAX_RATIO: u32 = 20;
const FILE_ID: &str = "sim-picture-";

/// A picture in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Photo {
    id: u64,
    width: u32,
    height: u32,
    bytes: usize,
}

impl Photo {
    /// As `PhotoSize`.
    pub fn json(&self) -> Value {
        let file_id = format!("{FILE_ID}{}", self.id);
        json!({
            "file_id": file_id,
            "file_unique_id": file_id,
            "width": self.width,
            "height": self.height,
            "file_size": self.bytes,
        })
    }

    /// Where the chat page finds it.
    pub fn path(&self) -> String {
        format!("/sim/pictures/{}", self.id)
    }
}

/// Why there is no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPicture {
    /// Neither an upload nor a known file id.
    Unknown,
    /// No PNG.
    Unreadable,
    /// Too large or too narrow.
    Dimensions,
}

impl NoPicture {
    /// Telegram's words, after "Bad Request: ".
    pub fn told(self) -> &'static str {
        match self {
            Self::Unknown => "wrong file identifier/HTTP URL specified",
            Self::Unreadable => "IMAGE_PROCESS_FAILED",
            Self::Dimensions => "PHOTO_INVALID_DIMENSIONS",
        }
    }
}

/// What is kept, by number.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    kept: BTreeMap<u64, (Photo, Bytes)>,
    last: u64,
}

impl Pictures {
    /// Keeps an uploaded picture.
    pub fn keep(&mut self, bytes: Bytes) -> Result<Photo, NoPicture> {
        let (width, height) = png_size(&bytes).ok_or(NoPicture::Unreadable)?;
        let (long, short) = (width.max(height), width.min(height));
        if long.saturating_add(short) > MAX_SIDES || long > short.saturating_mul(MAX_RATIO) {
            return Err(NoPicture::Dimensions);
        }
        if self.kept.len() >= MAX_PICTURES {
            self.kept.pop_first();
        }
        self.last += 1;
        let photo = Photo {
            id: self.last,
            width,
            height,
            bytes: bytes.len(),
        };
        self.kept.insert(photo.id, (photo.clone(), bytes));
        Ok(photo)
    }

    /// A picture that was sent before.
    pub fn find(&self, file_id: &str) -> Result<Photo, NoPicture> {
        let id = file_id.strip_prefix(FILE_ID).and_then(|id| id.parse().ok());
        let kept = id.and_then(|id: u64| self.kept.get(&id));
        kept.map(|(photo, _)| photo.clone())
            .ok_or(NoPicture::Unknown)
    }

    /// The picture itself.
    pub fn bytes(&self, id: u64) -> Option<Bytes> {
        self.kept.get(&id).map(|(_, bytes)| bytes.clone())
    }
}

/// Width and height from the first chunk, `IHDR` (PNG, section 11.2.1).
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let rest = rest.strip_prefix(&[0, 0, 0, 13])?.strip_prefix(b"IHDR")?;
    let side = |from: usize| {
        let side = rest.get(from..from + 4)?;
        let side = u32::from_be_bytes(side.try_into().ok()?);
        (side > 0).then_some(side)
    };
    Some((side(0)?, side(4)?))
}
