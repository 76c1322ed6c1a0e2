//! Keyboards.

use serde_json::{Value, json};

use super::{answer::ApiError, params::Params};

/// <https://core.telegram.org/bots/api#inlinekeyboardbutton>: "1-64 bytes".
const MAX_CALLBACK_DATA_BYTES: usize = 64;
const MAX_BUTTONS: usize = 100;

/// What `reply_markup` asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Markup {
    /// Not given, or an empty inline keyboard.
    None,
    /// Buttons under the message: the whole `{"inline_keyboard": …}`.
    Inline(Value),
    /// Buttons in place of the letters: the whole object.
    Reply(Value),
    /// Takes the reply keyboard away.
    Remove,
    /// Asks for a reply; shows nothing here.
    ForceReply,
}

impl Markup {
    /// Reads and checks `reply_markup`.
    pub fn read(params: &Params) -> Result<Self, ApiError> {
        if !params.has("reply_markup") {
            return Ok(Self::None);
        }
        let markup = params
            .json("reply_markup")
            .filter(Value::is_object)
            .ok_or_else(|| ApiError::bad_request("object expected as reply markup"))?;
        if let Some(rows) = markup.get("inline_keyboard") {
            let rows = inline_rows(rows)?;
            return Ok(if rows.is_empty() {
                Self::None
            } else {
                Self::Inline(json!({ "inline_keyboard": rows }))
            });
        }
        if let Some(rows) = markup.get("keyboard") {
            check_reply_rows(rows)?;
            return Ok(Self::Reply(markup));
        }
        if markup["remove_keyboard"] == json!(true) {
            return Ok(Self::Remove);
        }
        if markup["force_reply"] == json!(true) {
            return Ok(Self::ForceReply);
        }
        Ok(Self::None)
    }

    /// The inline keyboard, if it is one; edits take no other.
    pub fn inline_only(self) -> Result<Option<Value>, ApiError> {
        match self {
            Self::None => Ok(None),
            Self::Inline(keyboard) => Ok(Some(keyboard)),
            Self::Reply(_) | Self::Remove | Self::ForceReply => {
                Err(ApiError::bad_request("inline keyboard expected"))
            }
        }
    }
}

fn rows_of(rows: &Value) -> Result<Vec<&Vec<Value>>, ApiError> {
    let refused = || ApiError::bad_request("can't parse keyboard: Array of Arrays expected");
    let rows = rows.as_array().ok_or_else(refused)?;
    let rows: Option<Vec<&Vec<Value>>> = rows.iter().map(Value::as_array).collect();
    let rows = rows.ok_or_else(refused)?;
    if rows.iter().map(|row| row.len()).sum::<usize>() > MAX_BUTTONS {
        return Err(ApiError::bad_request("reply markup is too long"));
    }
    Ok(rows)
}

/// The rows that have buttons, each checked.
fn inline_rows(rows: &Value) -> Result<Vec<Value>, ApiError> {
    let rows = rows_of(rows)?;
    for button in rows.iter().copied().flatten() {
        check_inline_button(button)?;
    }
    Ok(rows
        .into_iter()
        .filter(|row| !row.is_empty())
        .map(|row| Value::Array(row.clone()))
        .collect())
}

fn check_inline_button(button: &Value) -> Result<(), ApiError> {
    let text = button["text"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Err(ApiError::bad_request(
            "can't parse inline keyboard button: Field \"text\" must be of type String",
        ));
    }
    if let Some(data) = button.get("callback_data") {
        let data = data.as_str().unwrap_or_default();
        if data.is_empty() || data.len() > MAX_CALLBACK_DATA_BYTES {
            return Err(ApiError::bad_request("BUTTON_DATA_INVALID"));
        }
        return Ok(());
    }
    if let Some(address) = button.get("url") {
        let address = address.as_str().unwrap_or_default();
        if url::Url::parse(address).is_err() {
            return Err(ApiError::bad_request(&format!(
                "inline keyboard button URL '{address}' is invalid: Wrong HTTP URL"
            )));
        }
        return Ok(());
    }
    if let Some(app) = button.get("web_app") {
        let address = app["url"].as_str().unwrap_or_default();
        if !address.starts_with("https://") {
            return Err(ApiError::bad_request(&format!(
                "inline keyboard button Web App URL '{address}' is invalid: Only HTTPS links are allowed"
            )));
        }
        return Ok(());
    }
    let other = ["login_url", "switch_inline_query", "copy_text", "pay"];
    if other.iter().any(|action| button.get(action).is_some()) {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "Text buttons are unallowed in the inline keyboard",
    ))
}

fn check_reply_rows(rows: &Value) -> Result<(), ApiError> {
    let rows = rows_of(rows)?;
    let labelled = rows.into_iter().flatten().all(|button| {
        let label = button.as_str().or_else(|| button["text"].as_str());
        label.is_some_and(|label| !label.trim().is_empty())
    });
    if labelled {
        Ok(())
    } else {
        Err(ApiError::bad_request(
            "keyboard button text must be non-empty",
        ))
    }
}
