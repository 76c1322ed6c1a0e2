//! Who the bot is, its commands, and what it may know of a chat.

use serde_json::{Value, json};

use super::{
    answer::{ApiError, ApiResult},
    params::Params,
    recipient,
};
use crate::{api::CommandView, world::World};

/// Limits of <https://core.telegram.org/bots/api#botcommand> and `setMyCommands`.
const MAX_COMMANDS: usize = 100;
const MAX_COMMAND_CHARS: usize = 32;
const MAX_DESCRIPTION_CHARS: usize = 256;
/// <https://core.telegram.org/bots/api#setmyname>: "0-64 characters".
const MAX_NAME_CHARS: usize = 64;
/// Menus (scope and language) kept per bot.
const MAX_MENUS: usize = 1000;

pub(crate) fn get_me(world: &World, bot: i64) -> Value {
    let mut me = world.bot_user(bot);
    me["can_join_groups"] = json!(true);
    me["can_read_all_group_messages"] = json!(true);
    me["supports_inline_queries"] = json!(false);
    me["can_connect_to_business"] = json!(false);
    me["has_main_web_app"] = json!(false);
    me
}

pub(crate) fn get_chat(world: &World, bot: i64, params: &Params) -> ApiResult {
    let key = recipient::find(world, bot, params)?;
    let mut chat = world.chat_json(key);
    chat["accent_color_id"] = json!(0);
    chat["max_reaction_count"] = json!(11);
    chat["accepted_gift_types"] = json!({
        "unlimited_gifts": true,
        "limited_gifts": true,
        "unique_gifts": true,
        "premium_subscription": true,
    });
    Ok(chat)
}

/// The scope as canonical JSON, and the language.
fn menu_key(params: &Params) -> (String, String) {
    let scope = params
        .json("scope")
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({ "type": "default" }));
    let language = params.text("language_code").unwrap_or_default();
    (scope.to_string(), language)
}

pub(crate) fn set_my_commands(world: &mut World, bot: i64, params: &Params) -> ApiResult {
    let refused = || ApiError::bad_request("can't parse BotCommands");
    let commands = params.json("commands").ok_or_else(refused)?;
    let commands: Vec<CommandView> = serde_json::from_value(commands).map_err(|_| refused())?;
    if commands.len() > MAX_COMMANDS {
        return Err(ApiError::bad_request("BOT_COMMANDS_TOO_MUCH"));
    }
    let mut checked = Vec::with_capacity(commands.len());
    for command in commands {
        checked.push(check_command(&command)?);
    }
    let key = menu_key(params);
    let menus = &mut world.bot_mut(bot).commands;
    if key.0.len() > 256 || key.1.len() > 35 || menus.len() >= MAX_MENUS {
        return Err(ApiError::bad_request("BOT_COMMANDS_TOO_MUCH"));
    }
    menus.insert(key, checked);
    Ok(json!(true))
}

fn check_command(given: &CommandView) -> Result<CommandView, ApiError> {
    let command = given.command.trim_start_matches('/');
    let fits = (1..=MAX_COMMAND_CHARS).contains(&command.len())
        && command
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !fits {
        return Err(ApiError::bad_request("BOT_COMMAND_INVALID"));
    }
    let description = given.description.trim();
    if !(1..=MAX_DESCRIPTION_CHARS).contains(&description.chars().count()) {
        return Err(ApiError::bad_request("BOT_COMMAND_DESCRIPTION_INVALID"));
    }
    Ok(CommandView {
        command: command.to_owned(),
        description: description.to_owned(),
    })
}

pub(crate) fn get_my_commands(world: &mut World, bot: i64, params: &Params) -> Value {
    let commands = world.bot_mut(bot).commands.get(&menu_key(params));
    json!(commands.cloned().unwrap_or_default())
}

pub(crate) fn delete_my_commands(world: &mut World, bot: i64, params: &Params) -> Value {
    world.bot_mut(bot).commands.remove(&menu_key(params));
    json!(true)
}

/// An empty name is the first one again. One in a language is taken, and shown nowhere here.
pub(crate) fn set_my_name(world: &mut World, bot: i64, params: &Params) -> ApiResult {
    let name = params.text("name").unwrap_or_default();
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(ApiError::bad_request("name is too long"));
    }
    if !params.has("language_code") {
        world.bot_mut(bot).rename(name.trim());
    }
    Ok(json!(true))
}

/// <https://core.telegram.org/bots/api#setchatmenubutton>: checked, and shown by no page here.
pub(crate) fn set_chat_menu_button(params: &Params) -> ApiResult {
    if !params.has("menu_button") {
        return Ok(json!(true));
    }
    let button = params.json("menu_button").unwrap_or_default();
    let is_button = match button["type"].as_str() {
        Some("commands" | "default") => true,
        Some("web_app") => button["text"].is_string() && button["web_app"]["url"].is_string(),
        _ => false,
    };
    if is_button {
        Ok(json!(true))
    } else {
        Err(ApiError::bad_request("can't parse menu button"))
    }
}
