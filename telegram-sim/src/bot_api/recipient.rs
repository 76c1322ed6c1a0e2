//! Which chat a call means, and whether the bot may write there.

use super::{answer::ApiError, params::Params};
use crate::world::{World, chats::ChatKey};

/// What follows "Forbidden: " when a person deleted their account.
pub(crate) const DEACTIVATED: &str = "user is deactivated";
/// What follows "Forbidden: " when a person blocked the bot.
pub(crate) const BLOCKED: &str = "bot was blocked by the user";

/// Finds the chat named by `chat_id` and checks that the bot may write to it.
pub(crate) fn writable(world: &World, bot: i64, params: &Params) -> Result<ChatKey, ApiError> {
    let key = find(world, bot, params)?;
    if let ChatKey::Private { person, .. } = key {
        if world.deactivated.contains(&person) {
            return Err(ApiError::forbidden(DEACTIVATED));
        }
        if world.chats.get(&key).is_some_and(|chat| chat.blocked) {
            return Err(ApiError::forbidden(BLOCKED));
        }
    }
    Ok(key)
}

/// Finds the chat named by `chat_id`.
///
/// A private chat exists once the person wrote to the bot. Before that a bot that knows the person from
/// a group is forbidden to write first, and any other finds no chat.
pub(crate) fn find(world: &World, bot: i64, params: &Params) -> Result<ChatKey, ApiError> {
    if !params.has("chat_id") {
        return Err(ApiError::bad_request("chat_id is empty"));
    }
    let not_found = || ApiError::bad_request("chat not found");
    let id = params.integer("chat_id").ok_or_else(not_found)?;
    if id < 0 {
        return find_group(world, bot, id);
    }
    if !world.people.contains_key(&id) {
        return Err(not_found());
    }
    let key = ChatKey::Private { bot, person: id };
    if world.chats.get(&key).is_some_and(|chat| chat.started) {
        return Ok(key);
    }
    let acquainted = world
        .groups
        .values()
        .any(|group| group.bot_ids.contains(&bot) && group.person_ids.contains(&id));
    Err(if acquainted {
        ApiError::forbidden("bot can't initiate conversation with a user")
    } else {
        not_found()
    })
}

fn find_group(world: &World, bot: i64, id: i64) -> Result<ChatKey, ApiError> {
    let Some(group) = world.groups.get(&id) else {
        return Err(ApiError::bad_request("chat not found"));
    };
    if !group.bot_ids.contains(&bot) {
        return Err(ApiError::forbidden("bot was kicked from the group chat"));
    }
    match group.migrated_to {
        Some(to) => Err(ApiError::migrated(to)),
        None => Ok(ChatKey::Group(id)),
    }
}
