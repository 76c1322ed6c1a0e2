//! answerCallbackQuery.

use serde_json::json;

use super::{
    answer::{ApiError, ApiResult},
    params::Params,
    text::utf16_len,
};
use crate::{clock::Moment, world::World};

/// <https://core.telegram.org/bots/api#answercallbackquery>: "0-200 characters".
const MAX_ANSWER_UNITS: usize = 200;

/// The first answer is what the person sees; later ones are taken and change nothing.
pub(crate) fn answer_callback_query(
    world: &mut World,
    bot: i64,
    params: &Params,
    now: Moment,
) -> ApiResult {
    let too_old = || {
        ApiError::bad_request(
            "query is too old and response timeout expired or query ID is invalid",
        )
    };
    let lifetime = world.config.callback_lifetime.as_micros();
    let id = params.integer("callback_query_id").ok_or_else(too_old)?;
    let callback = u64::try_from(id)
        .ok()
        .and_then(|id| world.callbacks.get_mut(&id))
        .filter(|callback| callback.bot == bot)
        .filter(|callback| u128::from(now.mono_us - callback.asked.mono_us) <= lifetime)
        .ok_or_else(too_old)?;
    let text = params.text("text").filter(|text| !text.is_empty());
    if text
        .as_ref()
        .is_some_and(|text| utf16_len(text) > MAX_ANSWER_UNITS)
    {
        return Err(ApiError::bad_request("MESSAGE_TOO_LONG"));
    }
    if callback.answer.is_none() {
        callback.answer = Some((text, params.flag("show_alert")));
    }
    let key = callback.key;
    world.touch(key);
    Ok(json!(true))
}
