//! The text of a message: markup taken out, trimmed, measured.

use serde_json::{Value, json};

use super::{answer::ApiError, html, params::Params};

/// Longest text after entities are parsed: <https://core.telegram.org/bots/api#sendmessage>. Counted
/// in UTF-16 units, as entities are.
pub(crate) const MAX_TEXT_UNITS: usize = 4096;

pub(crate) fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text as it is shown, and its formatting as `MessageEntity`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Formatted {
    pub text: String,
    pub entities: Vec<Value>,
}

/// Longest caption: <https://core.telegram.org/bots/api#sendphoto>.
const MAX_CAPTION_UNITS: usize = 1024;

/// Reads `text`, `parse_mode` and `entities`.
pub(crate) fn read(params: &Params) -> Result<Formatted, ApiError> {
    let formatted = read_fields(params, "text", "entities")?;
    if formatted.text.is_empty() {
        return Err(ApiError::bad_request("message text is empty"));
    }
    if utf16_len(&formatted.text) > MAX_TEXT_UNITS {
        return Err(ApiError::bad_request("message is too long"));
    }
    Ok(formatted)
}

/// Reads `caption`, `parse_mode` and `caption_entities`; there may be none.
pub(crate) fn read_caption(params: &Params) -> Result<Formatted, ApiError> {
    let formatted = read_fields(params, "caption", "caption_entities")?;
    if utf16_len(&formatted.text) > MAX_CAPTION_UNITS {
        return Err(ApiError::bad_request("message caption is too long"));
    }
    Ok(formatted)
}

fn read_fields(params: &Params, text: &str, entities: &str) -> Result<Formatted, ApiError> {
    let raw = params.text(text).unwrap_or_default();
    let parse_mode = params.text("parse_mode").unwrap_or_default();
    let formatted = if parse_mode.is_empty() {
        let entities = params.json(entities);
        Formatted {
            text: raw,
            entities: entities
                .and_then(|entities| entities.as_array().cloned())
                .unwrap_or_default(),
        }
    } else if parse_mode.eq_ignore_ascii_case("html") {
        html::parse(&raw)
            .map_err(|fault| ApiError::bad_request(&format!("can't parse entities: {fault}")))?
    } else {
        return Err(ApiError::bad_request("unsupported parse_mode"));
    };
    Ok(trim(formatted))
}

/// Takes white space off both ends and moves the entities along.
fn trim(formatted: Formatted) -> Formatted {
    let text = formatted.text.trim_end();
    let lead = utf16_len(text) - utf16_len(text.trim_start());
    let text = text.trim_start().to_owned();
    let length = utf16_len(&text);
    let entities = formatted
        .entities
        .into_iter()
        .filter_map(|entity| shift(entity, lead, length))
        .collect();
    Formatted { text, entities }
}

fn shift(mut entity: Value, lead: usize, length: usize) -> Option<Value> {
    let number = |name: &str| usize::try_from(entity[name].as_u64()?).ok();
    let start = number("offset")?;
    let end = start.checked_add(number("length")?)?;
    let start = start.saturating_sub(lead).min(length);
    let end = end.saturating_sub(lead).min(length);
    if start >= end {
        return None;
    }
    entity["offset"] = json!(start);
    entity["length"] = json!(end - start);
    Some(entity)
}
