//! `/sim/people` and `/sim/callbacks`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    input::{Input, Refusal},
    until_news,
};
use crate::{
    api::{
        ButtonView, CallbackView, ChatView, MessageView, NewPerson, Person, Press, Pressed, Said,
        Say,
    },
    clock::Moment,
    world::{
        Shared, World,
        chats::{Author, Callback, ChatKey, Conversation, Message},
        people::Refused,
        pictures::Photo,
    },
};

/// Answers to buttons shown with a chat.
const MAX_CALLBACKS_SHOWN: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichBot {
    bot_id: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatQuery {
    bot_id: Option<i64>,
    chat_id: Option<i64>,
    after: Option<u64>,
    wait_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallbackWait {
    wait_ms: Option<u64>,
}

pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Json<Vec<Person>> {
    Json(shared.step(|world, _| world.people.values().cloned().collect()))
}

pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Input(Json(new)): Input<Json<NewPerson>>,
) -> Result<(StatusCode, Json<Person>), Refusal> {
    let person = shared.change(|world, _| world.create_person(new))?;
    Ok((StatusCode::CREATED, Json(person)))
}

pub(crate) async fn send(
    State(shared): State<Arc<Shared>>,
    Input(Path(person)): Input<Path<i64>>,
    Input(Json(say)): Input<Json<Say>>,
) -> Result<Json<Said>, Refusal> {
    let said = shared.change(|world, now| world.say(person, &say, now))?;
    Ok(Json(said))
}

pub(crate) async fn press(
    State(shared): State<Arc<Shared>>,
    Input(Path(person)): Input<Path<i64>>,
    Input(Json(press)): Input<Json<Press>>,
) -> Result<Json<Pressed>, Refusal> {
    let pressed = shared.change(|world, now| world.press(person, &press, now))?;
    Ok(Json(pressed))
}

pub(crate) async fn block(
    State(shared): State<Arc<Shared>>,
    Input(Path(person)): Input<Path<i64>>,
    Input(Query(which)): Input<Query<WhichBot>>,
) -> Result<StatusCode, Refusal> {
    shared.change(|world, now| world.set_blocked(person, which.bot_id, true, now))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn unblock(
    State(shared): State<Arc<Shared>>,
    Input(Path(person)): Input<Path<i64>>,
    Input(Query(which)): Input<Query<WhichBot>>,
) -> Result<StatusCode, Refusal> {
    shared.change(|world, now| world.set_blocked(person, which.bot_id, false, now))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn deactivate(
    State(shared): State<Arc<Shared>>,
    Input(Path(person)): Input<Path<i64>>,
) -> Result<StatusCode, Refusal> {
    shared.change(|world, _| {
        if !world.people.contains_key(&person) {
            return Err(Refused::UnknownPerson(person));
        }
        world.deactivated.insert(person);
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn callback(
    State(shared): State<Arc<Shared>>,
    Input(Path(id)): Input<Path<String>>,
    Input(Query(query)): Input<Query<CallbackWait>>,
) -> Result<Json<CallbackView>, Refusal> {
    until_news(&shared, query.wait_ms, |world, _| {
        let found = id
            .parse()
            .ok()
            .and_then(|number: u64| Some((number, world.callbacks.get(&number)?)));
        let (number, callback) = found.ok_or_else(|| Refused::UnknownCallback(id.clone()))?;
        Ok((callback_view(number, callback), callback.answer.is_some()))
    })
    .await
}

pub(crate) async fn chat(
    State(shared): State<Arc<Shared>>,
    Input(Path(person)): Input<Path<i64>>,
    Input(Query(query)): Input<Query<ChatQuery>>,
) -> Result<Json<ChatView>, Refusal> {
    until_news(&shared, query.wait_ms, |world, now| {
        let (bot, key) = world.choose_chat(person, query.bot_id, query.chat_id)?;
        let view = chat_view(world, person, bot, key, now);
        let is_news = query.after.is_none_or(|after| view.revision > after);
        Ok((view, is_news))
    })
    .await
}

fn chat_view(world: &World, person: i64, bot: i64, key: ChatKey, now: Moment) -> ChatView {
    let unseen = Conversation::default();
    let chat = world.chats.get(&key).unwrap_or(&unseen);
    let language = world
        .people
        .get(&person)
        .map_or("", |person| person.language_code.as_str());
    let mut callbacks: Vec<CallbackView> = world
        .callbacks
        .iter()
        .rev()
        .filter(|(_, callback)| callback.key == key && callback.person == person)
        .take(MAX_CALLBACKS_SHOWN)
        .map(|(id, callback)| callback_view(*id, callback))
        .collect();
    callbacks.reverse();
    let action = chat
        .action
        .as_ref()
        .filter(|(_, until_us)| *until_us > now.mono_us);
    ChatView {
        chat_id: key.chat_id(),
        bot_id: bot,
        started: chat.started,
        blocked: chat.blocked,
        revision: chat.revision,
        action: action.map(|(action, _)| action.clone()),
        reply_keyboard: chat.keyboard_labels(),
        commands: world
            .bots
            .get(&bot)
            .map(|bot| bot.menu(key.chat_id(), language))
            .unwrap_or_default(),
        messages: chat.messages.iter().map(message_view).collect(),
        callbacks,
    }
}

fn callback_view(id: u64, callback: &Callback) -> CallbackView {
    let (text, show_alert) = callback.answer.clone().unwrap_or((None, false));
    CallbackView {
        callback_query_id: id.to_string(),
        data: callback.data.clone(),
        answered: callback.answer.is_some(),
        text,
        show_alert,
    }
}

fn message_view(message: &Message) -> MessageView {
    let (from_id, from_bot) = match message.author {
        Author::Bot(id) => (id, true),
        Author::Person(id) => (id, false),
    };
    let rows = message
        .inline_keyboard
        .as_ref()
        .and_then(|keyboard| keyboard["inline_keyboard"].as_array());
    MessageView {
        message_id: message.id,
        from_id,
        from_bot,
        text: message.text.clone(),
        photo: message.photo.as_ref().map(Photo::path),
        entities: message.entities.clone(),
        sent_unix_us: message.sent_unix_us,
        edited_unix_us: message.edited_unix_us,
        inline_keyboard: rows
            .map(|rows| rows.iter().map(row_view).collect())
            .unwrap_or_default(),
    }
}

fn row_view(row: &Value) -> Vec<ButtonView> {
    let buttons = row.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    buttons
        .iter()
        .map(|button| ButtonView {
            text: text(&button["text"]).unwrap_or_default(),
            data: text(&button["callback_data"]),
            url: text(&button["url"]).or_else(|| text(&button["web_app"]["url"])),
        })
        .collect()
}
