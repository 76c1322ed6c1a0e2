//! The Bot API's JSON for what is in the world.

use serde_json::{Value, json};

use super::{
    World,
    chats::{Author, ChatKey, Message},
};
use crate::api::Person;

impl World {
    /// A bot as `User`.
    pub fn bot_user(&self, id: i64) -> Value {
        let bot = self.bots.get(&id);
        json!({
            "id": id,
            "is_bot": true,
            "first_name": bot.map_or("Bot", |bot| bot.first_name.as_str()),
            "username": bot.map_or("bot", |bot| bot.username.as_str()),
        })
    }

    /// A person as `User`.
    pub fn person_user(&self, id: i64) -> Value {
        let Some(person) = self.people.get(&id) else {
            return json!({ "id": id, "is_bot": false, "first_name": "" });
        };
        let mut user = names(person);
        user["id"] = json!(id);
        user["is_bot"] = json!(false);
        user["language_code"] = json!(person.language_code);
        user
    }

    /// A chat as `Chat`.
    pub fn chat_json(&self, key: ChatKey) -> Value {
        match key {
            ChatKey::Private { person, .. } => {
                let mut chat = self.people.get(&person).map_or_else(|| json!({}), names);
                chat["id"] = json!(person);
                chat["type"] = json!("private");
                chat
            }
            ChatKey::Group(id) => {
                let title = self.groups.get(&id).map_or("", |group| &group.title);
                json!({ "id": id, "type": group_type(id), "title": title })
            }
        }
    }

    /// A message as `Message`.
    pub fn message_json(&self, key: ChatKey, message: &Message) -> Value {
        let from = match message.author {
            Author::Bot(id) => self.bot_user(id),
            Author::Person(id) => self.person_user(id),
        };
        let mut json = json!({
            "message_id": message.id,
            "from": from,
            "chat": self.chat_json(key),
            "date": message.sent_unix_us.div_euclid(1_000_000),
        });
        let (text, entities) = match &message.photo {
            None => ("text", "entities"),
            Some(photo) => {
                json["photo"] = json!([photo.json()]);
                ("caption", "caption_entities")
            }
        };
        if message.photo.is_none() || !message.text.is_empty() {
            json[text] = json!(message.text);
        }
        if let Some(edited) = message.edited_unix_us {
            json["edit_date"] = json!(edited.div_euclid(1_000_000));
        }
        if !message.entities.is_empty() {
            json[entities] = json!(message.entities);
        }
        if let Some(keyboard) = &message.inline_keyboard {
            json["reply_markup"] = keyboard.clone();
        }
        json
    }
}

fn names(person: &Person) -> Value {
    let mut json = json!({ "first_name": person.first_name });
    if let Some(last_name) = &person.last_name {
        json["last_name"] = json!(last_name);
    }
    if let Some(username) = &person.username {
        json["username"] = json!(username);
    }
    json
}

/// Supergroup ids start with -100 and have 13 digits.
pub(crate) fn group_type(id: i64) -> &'static str {
    if id <= -1_000_000_000_000 {
        "supergroup"
    } else {
        "group"
    }
}
