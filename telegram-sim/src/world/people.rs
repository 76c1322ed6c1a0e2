//! What people do: appear, write, press buttons, block a bot.

use serde_json::{Value, json};

use super::{
    MAX_PEOPLE, World,
    chats::{Author, Callback, ChatKey, Message},
    locations,
};
use crate::{
    api::{Location, NewPerson, Person, Press, Pressed, Redelivery, Said, Say},
    bot_api::text::{MAX_TEXT_UNITS, utf16_len},
    clock::Moment,
};

/// How often one redelivery may repeat an update.
const MAX_TIMES: usize = 100;

/// Why a person, a group or the page cannot do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("there is no person {0}")]
    UnknownPerson(i64),
    #[error("there is no group {0}")]
    UnknownGroup(i64),
    #[error("there is no bot {0}, and it is not among the configured tokens")]
    UnknownBot(i64),
    #[error("no bot has called yet: name bot_id")]
    NoBot,
    #[error("there are several bots: name bot_id")]
    SeveralBots,
    #[error("person {person} is not in group {group}")]
    NotInGroup { person: i64, group: i64 },
    #[error("the id {0} is taken")]
    Taken(i64),
    #[error("there are too many {0}")]
    TooMany(&'static str),
    #[error("{field}: {fault}")]
    Invalid {
        field: &'static str,
        fault: &'static str,
    },
    #[error("the person has blocked the bot: unblock it first")]
    Blocked,
    #[error("no message of the chat, and no reply keyboard, shows such a button")]
    NoSuchButton,
    #[error("there is no callback query {0}")]
    UnknownCallback(String),
    #[error("update {0} is none of the bot's last ones")]
    UnknownUpdate(i64),
}

impl World {
    pub fn create_person(&mut self, new: NewPerson) -> Result<Person, Refused> {
        if self.people.len() >= MAX_PEOPLE {
            return Err(Refused::TooMany("people"));
        }
        length("first_name", &new.first_name, 1, 64)?;
        let language_code = new.language_code.unwrap_or_else(|| "en".to_owned());
        length("language_code", &language_code, 1, 35)?;
        for (field, value) in [("last_name", &new.last_name), ("username", &new.username)] {
            if let Some(value) = value {
                length(field, value, 1, 64)?;
            }
        }
        let id = match new.id {
            Some(id) if !(1..=0xff_ffff_ffff).contains(&id) => {
                return Err(Refused::Invalid {
                    field: "id",
                    fault: "must be between 1 and 1099511627775",
                });
            }
            Some(id) if self.people.contains_key(&id) => return Err(Refused::Taken(id)),
            Some(id) => id,
            None => self.free_person_id(),
        };
        for bot in &new.started_bot_ids {
            self.ensure_bot(*bot).ok_or(Refused::UnknownBot(*bot))?;
        }
        for bot in new.started_bot_ids {
            let key = ChatKey::Private { bot, person: id };
            self.chats.entry(key).or_default().started = true;
        }
        let person = Person {
            id,
            first_name: new.first_name,
            last_name: new.last_name,
            username: new.username,
            language_code,
        };
        self.people.insert(id, person.clone());
        Ok(person)
    }

    fn free_person_id(&mut self) -> i64 {
        while self.people.contains_key(&self.next_person_id) {
            self.next_person_id += 1;
        }
        self.next_person_id
    }

    /// The bot a control is about: the one named, else the only one.
    pub fn choose_bot(&mut self, named: Option<i64>) -> Result<i64, Refused> {
        if let Some(id) = named {
            return self.ensure_bot(id).ok_or(Refused::UnknownBot(id));
        }
        let mut ids = self.bots.keys();
        match (ids.next(), ids.next()) {
            (Some(only), None) => Ok(*only),
            (Some(_), Some(_)) => Err(Refused::SeveralBots),
            (None, _) => Err(Refused::NoBot),
        }
    }

    /// The chat a control is about: the person's private chat with the bot, or a group both see.
    pub fn choose_chat(
        &mut self,
        person: i64,
        bot: Option<i64>,
        group: Option<i64>,
    ) -> Result<(i64, ChatKey), Refused> {
        if !self.people.contains_key(&person) {
            return Err(Refused::UnknownPerson(person));
        }
        let Some(group_id) = group.filter(|id| *id != person) else {
            let bot = self.choose_bot(bot)?;
            return Ok((bot, ChatKey::Private { bot, person }));
        };
        let group = self
            .groups
            .get(&group_id)
            .ok_or(Refused::UnknownGroup(group_id))?;
        if !group.person_ids.contains(&person) {
            return Err(Refused::NotInGroup {
                person,
                group: group_id,
            });
        }
        let bot = match (bot, group.bot_ids.as_slice()) {
            (None, [only]) => *only,
            (bot, _) => self.choose_bot(bot)?,
        };
        Ok((bot, ChatKey::Group(group_id)))
    }

    /// A person writes. Any first message starts a private chat; in Telegram the app makes it `/start`.
    pub fn say(&mut self, person: i64, say: &Say, now: Moment) -> Result<Said, Refused> {
        let shown = say.location.map(locations::shown).transpose()?;
        let text = shown.as_deref().unwrap_or_else(|| say.text.trim());
        if say.location.is_some() && !say.text.is_empty() {
            return Err(Refused::Invalid {
                field: "text",
                fault: "must be empty with a location",
            });
        }
        if text.is_empty() {
            return Err(Refused::Invalid {
                field: "text",
                fault: "must not be empty",
            });
        }
        if utf16_len(text) > MAX_TEXT_UNITS {
            return Err(Refused::Invalid {
                field: "text",
                fault: "must have at most 4096 UTF-16 units",
            });
        }
        let (_, key) = self.choose_chat(person, say.bot_id, say.chat_id)?;
        self.write(person, key, text, say.location, now)
    }

    fn write(
        &mut self,
        person: i64,
        key: ChatKey,
        text: &str,
        location: Option<Location>,
        now: Moment,
    ) -> Result<Said, Refused> {
        let chat = self.chats.entry(key).or_default();
        if chat.blocked {
            return Err(Refused::Blocked);
        }
        chat.started = true;
        let message = Message {
            id: self.next_message_id(key),
            author: Author::Person(person),
            sent_unix_us: now.unix_us,
            edited_unix_us: None,
            text: text.to_owned(),
            entities: command_entity(text),
            photo: None,
            inline_keyboard: None,
        };
        let payload = self.message_json(key, &message);
        let message_id = message.id;
        let payload = match location {
            Some(location) => locations::carried(payload, location),
            None => payload,
        };
        self.chats.entry(key).or_default().push(message);
        let mut update_id = None;
        for bot in self.bots_of(key) {
            let pushed = self.push_update(bot, "message", payload.clone());
            update_id = update_id.or(pushed);
        }
        self.touch(key);
        Ok(Said {
            message_id,
            chat_id: key.chat_id(),
            update_id,
            said_mono_us: now.mono_us,
        })
    }

    fn bots_of(&self, key: ChatKey) -> Vec<i64> {
        match key {
            ChatKey::Private { bot, .. } => vec![bot],
            ChatKey::Group(id) => self
                .groups
                .get(&id)
                .map(|group| group.bot_ids.clone())
                .unwrap_or_default(),
        }
    }

    /// A person presses a button.
    pub fn press(&mut self, person: i64, press: &Press, now: Moment) -> Result<Pressed, Refused> {
        let (_, key) = self.choose_chat(person, press.bot_id, press.chat_id)?;
        let chat = self.chats.entry(key).or_default();
        if chat.blocked {
            return Err(Refused::Blocked);
        }
        let found = chat
            .messages
            .iter()
            .rev()
            .filter(|message| press.message_id.is_none_or(|id| id == message.id))
            .find_map(|message| Some((message.clone(), find_button(message, press)?)));
        if let Some((message, button)) = found {
            return self.press_inline(person, key, &message, &button, now);
        }
        let label = press
            .text
            .as_ref()
            .filter(|_| press.message_id.is_none() && press.data.is_none())
            .filter(|label| {
                chat.keyboard_labels()
                    .iter()
                    .flatten()
                    .any(|it| it == *label)
            })
            .ok_or(Refused::NoSuchButton)?;
        let location = chat.asks_location(label).then_some(locations::PHONE);
        let shown = location.map(locations::shown).transpose()?;
        let text = shown.as_ref().unwrap_or(label);
        let said = self.write(person, key, text, location, now)?;
        Ok(Pressed::Message {
            message_id: said.message_id,
            update_id: said.update_id,
        })
    }

    fn press_inline(
        &mut self,
        person: i64,
        key: ChatKey,
        message: &Message,
        button: &Value,
        now: Moment,
    ) -> Result<Pressed, Refused> {
        let url = button["url"]
            .as_str()
            .or_else(|| button["web_app"]["url"].as_str());
        if let Some(url) = url {
            return Ok(Pressed::Link {
                url: url.to_owned(),
            });
        }
        let Author::Bot(bot) = message.author else {
            return Err(Refused::NoSuchButton);
        };
        let data = button["callback_data"]
            .as_str()
            .ok_or(Refused::NoSuchButton)?;
        let id = self.add_callback(Callback {
            bot,
            key,
            person,
            data: data.to_owned(),
            asked: now,
            answer: None,
        });
        let query = json!({
            "id": id.to_string(),
            "from": self.person_user(person),
            "message": self.message_json(key, message),
            "chat_instance": key.chat_id().to_string(),
            "data": data,
        });
        let update_id = self.push_update(bot, "callback_query", query);
        self.touch(key);
        Ok(Pressed::Callback {
            callback_query_id: id.to_string(),
            update_id,
            pressed_mono_us: now.mono_us,
        })
    }

    /// An update comes to its bot once more.
    pub fn redeliver(&mut self, bot: i64, wanted: Redelivery) -> Result<(), Refused> {
        let times = usize::try_from(wanted.times).unwrap_or(usize::MAX);
        if !(1..=MAX_TIMES).contains(&times) {
            return Err(Refused::Invalid {
                field: "times",
                fault: "must be between 1 and 100",
            });
        }
        let bot = self.bots.get_mut(&bot).ok_or(Refused::UnknownBot(bot))?;
        if bot.updates.redeliver(wanted.update_id, times) {
            Ok(())
        } else {
            Err(Refused::UnknownUpdate(wanted.update_id))
        }
    }

    /// A person blocks a bot or lets it back in; the bot gets `my_chat_member`.
    pub fn set_blocked(
        &mut self,
        person: i64,
        bot: Option<i64>,
        blocked: bool,
        now: Moment,
    ) -> Result<(), Refused> {
        let (bot, key) = self.choose_chat(person, bot, None)?;
        let chat = self.chats.entry(key).or_default();
        if chat.blocked == blocked {
            return Ok(());
        }
        chat.blocked = blocked;
        let (old, new) = if blocked {
            ("member", "kicked")
        } else {
            ("kicked", "member")
        };
        let member = |status: &str| {
            let mut member = json!({ "user": self.bot_user(bot), "status": status });
            if status == "kicked" {
                member["until_date"] = json!(0);
            }
            member
        };
        let update = json!({
            "chat": self.chat_json(key),
            "from": self.person_user(person),
            "date": now.unix_seconds(),
            "old_chat_member": member(old),
            "new_chat_member": member(new),
        });
        self.push_update(bot, "my_chat_member", update);
        self.touch(key);
        Ok(())
    }
}

/// The first inline button that fits.
fn find_button(message: &Message, press: &Press) -> Option<Value> {
    if press.data.is_none() && press.text.is_none() {
        return None;
    }
    let rows = message.inline_keyboard.as_ref()?["inline_keyboard"].as_array()?;
    let mut buttons = rows.iter().filter_map(Value::as_array).flatten();
    buttons
        .find(|button| {
            let data = button["callback_data"].as_str();
            let text = button["text"].as_str();
            (press.data.is_none() || press.data.as_deref() == data)
                && (press.text.is_none() || press.text.as_deref() == text)
        })
        .cloned()
}

/// Telegram marks `/command` at the start of a message.
fn command_entity(text: &str) -> Vec<Value> {
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.len() > 1 && first.starts_with('/') {
        vec![json!({ "type": "bot_command", "offset": 0, "length": utf16_len(first) })]
    } else {
        Vec::new()
    }
}

/// Checks a text's length in characters.
pub(crate) fn length(
    field: &'static str,
    value: &str,
    least: usize,
    most: usize,
) -> Result<(), Refused> {
    let count = value.chars().count();
    if value.trim().is_empty() || count < least {
        return Err(Refused::Invalid {
            field,
            fault: "must not be empty",
        });
    }
    if count > most {
        return Err(Refused::Invalid {
            field,
            fault: "is too long",
        });
    }
    Ok(())
}
