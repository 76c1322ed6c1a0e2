//! Messages: sent, edited, deleted; and "typing…".

use serde_json::{Value, json};

use super::{
    answer::{ApiError, ApiResult},
    markup::Markup,
    params::Params,
    recipient,
    text::{self, Formatted},
};
use crate::{
    clock::Moment,
    world::{
        World,
        chats::{Author, ChatKey, Message},
        pictures::Photo,
    },
};

/// How long "typing…" is shown: <https://core.telegram.org/bots/api#sendchataction>.
const ACTION_US: u64 = 5_000_000;

pub(crate) fn send_message(world: &mut World, bot: i64, params: &Params, now: Moment) -> ApiResult {
    let markup = Markup::read(params)?;
    let formatted = text::read(params)?;
    let key = recipient::writable(world, bot, params)?;
    Ok(put(world, (bot, key), (formatted, None), markup, now))
}

pub(crate) fn send_photo(world: &mut World, bot: i64, params: &Params, now: Moment) -> ApiResult {
    let markup = Markup::read(params)?;
    let caption = text::read_caption(params)?;
    let key = recipient::writable(world, bot, params)?;
    let photo = match params.file("photo") {
        Some(picture) => world.pictures.keep(picture.clone()),
        None => world
            .pictures
            .find(&params.text("photo").unwrap_or_default()),
    };
    let photo = photo.map_err(|fault| ApiError::bad_request(fault.told()))?;
    Ok(put(world, (bot, key), (caption, Some(photo)), markup, now))
}

/// Puts a bot's message into a chat.
fn put(
    world: &mut World,
    (bot, key): (i64, ChatKey),
    (formatted, photo): (Formatted, Option<Photo>),
    markup: Markup,
    now: Moment,
) -> Value {
    let id = world.next_message_id(key);
    let chat = world.chats.entry(key).or_default();
    chat.action = None;
    let inline_keyboard = match markup {
        Markup::Inline(keyboard) => Some(keyboard),
        Markup::Reply(keyboard) => {
            chat.keyboard = Some(keyboard);
            None
        }
        Markup::Remove => {
            chat.keyboard = None;
            None
        }
        Markup::None | Markup::ForceReply => None,
    };
    let message = Message {
        id,
        author: Author::Bot(bot),
        sent_unix_us: now.unix_us,
        edited_unix_us: None,
        text: formatted.text,
        entities: formatted.entities,
        photo,
        inline_keyboard,
    };
    chat.push(message.clone());
    world.touch(key);
    world.message_json(key, &message)
}

pub(crate) fn edit_message_text(
    world: &mut World,
    bot: i64,
    params: &Params,
    now: Moment,
) -> ApiResult {
    let words = text::read(params)?;
    let missing = "there is no text in the message to edit";
    edit_words(world, bot, params, now, words, |message| {
        message.photo.is_none().then_some(()).ok_or(missing)
    })
}

pub(crate) fn edit_message_caption(
    world: &mut World,
    bot: i64,
    params: &Params,
    now: Moment,
) -> ApiResult {
    let words = text::read_caption(params)?;
    let missing = "there is no caption in the message to edit";
    edit_words(world, bot, params, now, words, |message| {
        message.photo.is_some().then_some(()).ok_or(missing)
    })
}

/// Writes these words into a message that may have them, and its keyboard.
fn edit_words(
    world: &mut World,
    bot: i64,
    params: &Params,
    now: Moment,
    words: Formatted,
    may_have_them: impl FnOnce(&Message) -> Result<(), &'static str>,
) -> ApiResult {
    let keyboard = Markup::read(params)?.inline_only()?;
    let key = editable_chat(world, bot, params)?;
    edit(world, bot, key, params, now, |message| {
        may_have_them(message)?;
        message.text = words.text;
        message.entities = words.entities;
        message.inline_keyboard = keyboard;
        Ok(())
    })
}

pub(crate) fn edit_message_reply_markup(
    world: &mut World,
    bot: i64,
    params: &Params,
    now: Moment,
) -> ApiResult {
    let keyboard = Markup::read(params)?.inline_only()?;
    let key = editable_chat(world, bot, params)?;
    edit(world, bot, key, params, now, |message| {
        message.inline_keyboard = keyboard;
        Ok(())
    })
}

/// The chat of an edit. Messages sent by way of an inline query are unknown here.
fn editable_chat(world: &World, bot: i64, params: &Params) -> Result<ChatKey, ApiError> {
    if !params.has("chat_id") && !params.has("message_id") {
        return Err(ApiError::bad_request("message identifier is not specified"));
    }
    recipient::writable(world, bot, params)
}

fn edit(
    world: &mut World,
    bot: i64,
    key: ChatKey,
    params: &Params,
    now: Moment,
    change: impl FnOnce(&mut Message) -> Result<(), &'static str>,
) -> ApiResult {
    let id = params
        .integer("message_id")
        .ok_or_else(|| ApiError::bad_request("message identifier is not specified"))?;
    let chat = world.chats.entry(key).or_default();
    let message = chat
        .message_mut(id)
        .ok_or_else(|| ApiError::bad_request("message to edit not found"))?;
    if message.author != Author::Bot(bot) {
        return Err(ApiError::bad_request("message can't be edited"));
    }
    let mut edited = message.clone();
    change(&mut edited).map_err(ApiError::bad_request)?;
    if same_content(message, &edited) {
        return Err(ApiError::bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
        ));
    }
    edited.edited_unix_us = Some(now.unix_us);
    *message = edited.clone();
    world.touch(key);
    Ok(world.message_json(key, &edited))
}

fn same_content(one: &Message, other: &Message) -> bool {
    one.text == other.text
        && one.entities == other.entities
        && one.inline_keyboard == other.inline_keyboard
}

pub(crate) fn delete_message(world: &mut World, bot: i64, params: &Params) -> ApiResult {
    let key = recipient::writable(world, bot, params)?;
    let id = params
        .integer("message_id")
        .ok_or_else(|| ApiError::bad_request("message identifier is not specified"))?;
    let chat = world.chats.entry(key).or_default();
    let place = chat
        .messages
        .iter()
        .position(|message| message.id == id)
        .ok_or_else(|| ApiError::bad_request("message to delete not found"))?;
    // In a private chat a bot may delete both sides' messages, in a group only its own here.
    let foreign = chat
        .messages
        .get(place)
        .is_some_and(|message| message.author != Author::Bot(bot));
    if foreign && matches!(key, ChatKey::Group(_)) {
        return Err(ApiError::bad_request("message can't be deleted"));
    }
    chat.messages.remove(place);
    world.touch(key);
    Ok(json!(true))
}

pub(crate) fn send_chat_action(
    world: &mut World,
    bot: i64,
    params: &Params,
    now: Moment,
) -> ApiResult {
    const ACTIONS: [&str; 11] = [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    ];
    let action = params.text("action").unwrap_or_default();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(ApiError::bad_request("wrong parameter action in request"));
    }
    let key = recipient::writable(world, bot, params)?;
    let chat = world.chats.entry(key).or_default();
    chat.action = Some((action, now.mono_us + ACTION_US));
    world.touch(key);
    Ok(Value::Bool(true))
}
