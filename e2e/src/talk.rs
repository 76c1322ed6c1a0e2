//! A person in a chat with the bot: what they say and press, and what they see. The bot is
//! the real one, before real services; Telegram is telegram-sim.
//!
//! ```no_run
//! # async fn story() -> e2e::Result<()> {
//! use e2e::talk::{Stage, Talk};
//!
//! let stage = Stage::shared().await?;
//! let mut anna = Talk::begin(stage.stack(), "Anna", "en").await?;
//! let welcome = anna.say("/start").await?;
//! assert!(welcome.text.contains("Anna"));
//! let schedule = anna.press("📅 Schedule").await?;
//! assert_eq!(schedule.to_string(), "Choose a teacher:\n[Boris]\n[Clara]");
//! anna.redeliver_last_update(2).await?;
//! assert_eq!(anna.taps(), 2);
//! # Ok(()) }
//! ```
//!
//! An act returns when the bot says (in its log) that the update was handled, so what is shown
//! then is the answer; only notices, which nobody asked for, may come later.

mod crawl;
mod handled;
mod screen;
mod stage;
mod steps;

use olm_proto::lesson::v1::RegisterTelegramUserRequest;
use telegram_sim::{
    api::{LedgerQuery, NewPerson, Person, Pressed},
    client::{Button, Chat, SimClient},
};

use crate::{
    Result,
    program::Program,
    stack::Stack,
    story::{Member, PATIENCE, Story},
    system::eventually,
};
pub use crawl::{Crawl, Start};
use handled::Handled;
pub use screen::{Key, Screen};
pub use stage::{Stage, unlimited};

/// One person and their chat with the bot.
#[derive(Debug)]
pub struct Talk {
    /// The Telegram user.
    pub person: Person,
    sim: SimClient,
    bot_id: i64,
    handled: Handled,
    taps: usize,
    /// The message that shows the bot's last answer.
    shown: Option<i64>,
    last_update: Option<i64>,
    toast: Option<String>,
}

/// What a person did, and what comes back.
struct Act {
    update: Option<i64>,
    /// The message whose button was pressed.
    message: Option<i64>,
    /// The ledger's newest entry before.
    since: u64,
}

impl Talk {
    /// Somebody who has not written to the bot yet.
    ///
    /// # Errors
    ///
    /// When the simulator does not answer.
    pub async fn begin(stack: &Stack, name: &str, language: &str) -> Result<Self> {
        let sim = SimClient::new(stack.url(Program::TelegramSim));
        let person = NewPerson::named(name, language);
        let person = sim.create_person(&person).await?;
        Self::of(stack, &person)
    }

    /// Somebody who is there already, such as a [`Member`] of a [`Story`].
    ///
    /// # Errors
    ///
    /// When the bot has no log.
    pub fn of(stack: &Stack, person: &Person) -> Result<Self> {
        Ok(Self {
            person: person.clone(),
            sim: SimClient::new(stack.url(Program::TelegramSim)),
            bot_id: Story::bot_id()?,
            handled: Handled::from_now(stack.log(Program::BotGateway))?,
            taps: 0,
            shown: None,
            last_update: None,
            toast: None,
        })
    }

    /// The person as a user of the services, once they have written.
    ///
    /// # Errors
    ///
    /// When nobody was registered.
    pub async fn member(&self, stack: &Stack) -> Result<Member> {
        let person = self.person.clone();
        let request = RegisterTelegramUserRequest {
            bot_id: self.bot_id,
            telegram_user_id: person.id,
            chat_id: person.id,
            display_name: person.first_name.clone(),
            language_code: person.language_code.clone(),
        };
        let answer = stack.users()?.register_telegram_user(request).await?;
        let user = answer.into_inner().user.ok_or("no user")?;
        Ok(Member { person, user })
    }

    /// The person writes; answers what the bot shows then.
    ///
    /// # Errors
    ///
    /// When the bot has not handled it within [`PATIENCE`]; says what was on the screen.
    pub async fn say(&mut self, text: &str) -> Result<Screen> {
        let since = self.last_entry().await?;
        self.taps += 1;
        let said = self.sim.say(self.chat(), text).await?;
        let act = Act {
            update: said.update_id,
            message: None,
            since,
        };
        let answered = self.answered(act).await;
        self.explained(answered, &format!("said {text:?}")).await
    }

    /// The person presses the button whose label is `label` or begins so (the signs before its
    /// first letter may be left out): of the message with the last answer, else of the newest
    /// message that has such a button, else of the keyboard below the text field. Answers what
    /// the bot shows then. A link is only opened: nothing comes of it here.
    ///
    /// # Errors
    ///
    /// When there is no such button, the press is not acknowledged, or the bot has not handled
    /// it within [`PATIENCE`]; says what was on the screen.
    pub async fn press(&mut self, label: &str) -> Result<Screen> {
        self.press_where(&format!("{label:?}"), |key| key.is(label))
            .await
    }

    /// The person presses the button with this callback data.
    ///
    /// # Errors
    ///
    /// As [`Talk::press`].
    pub async fn press_data(&mut self, data: &str) -> Result<Screen> {
        self.press_where(&format!("with the data {data:?}"), |key| {
            key.data.as_deref() == Some(data)
        })
        .await
    }

    /// The person presses the first button that fits, described by `which`.
    ///
    /// # Errors
    ///
    /// As [`Talk::press`].
    pub async fn press_where(
        &mut self,
        which: &str,
        fits: impl Fn(&Key) -> bool,
    ) -> Result<Screen> {
        let pressed = match self.find(fits).await {
            Ok(Some(found)) => self.press_found(found).await,
            Ok(None) => Err("there is no such button".into()),
            Err(error) => Err(error),
        };
        self.explained(pressed, &format!("pressed a button {which}"))
            .await
    }

    /// The person presses a button twice before the bot can answer; what is shown is the answer
    /// to the second press.
    ///
    /// # Errors
    ///
    /// As [`Talk::press`]; also when it is no button of a message.
    pub async fn press_twice(&mut self, label: &str) -> Result<Screen> {
        let result = self.press_both(label).await;
        self.explained(result, &format!("pressed {label:?} twice"))
            .await
    }

    async fn press_both(&mut self, label: &str) -> Result<Screen> {
        let found = self.find(|key| key.is(label)).await?;
        let (message, key) = found.ok_or("there is no such button")?;
        let message = message.ok_or("it is no button of a message")?;
        let button = button(message, &key);
        let since = self.last_entry().await?;
        self.taps += 2;
        let (first, second) = tokio::try_join!(
            self.sim.press(self.chat(), button.clone()),
            self.sim.press(self.chat(), button),
        )?;
        let mut acts = Vec::new();
        for pressed in [first, second] {
            let Pressed::Callback { update_id, .. } = &pressed else {
                return Err("it sends nothing to the bot".into());
            };
            self.sim.callback_answer(&pressed, PATIENCE).await?;
            acts.push(*update_id);
        }
        acts.sort_unstable();
        if let Some(Some(first)) = acts.first() {
            self.handled.wait(*first).await?;
        }
        let act = Act {
            update: acts.last().copied().flatten(),
            message: Some(message),
            since,
        };
        self.answered(act).await
    }

    /// The bot gets the last update `times` times more, as when Telegram did not hear that it
    /// has it. Returns when all copies were handed out; what is said or pressed next is handled
    /// after them.
    ///
    /// # Errors
    ///
    /// When nothing was done yet, or the bot does not fetch the copies within [`PATIENCE`].
    pub async fn redeliver_last_update(&mut self, times: u32) -> Result<()> {
        let update = self.last_update.ok_or("nothing was said or pressed yet")?;
        self.sim.redeliver(self.bot_id, update, times).await?;
        let (sim, bot_id) = (&self.sim, self.bot_id);
        eventually("the copies are fetched", PATIENCE, async || {
            let bots = sim.bots().await.unwrap_or_default();
            let bot = bots.iter().find(|bot| bot.id == bot_id);
            bot.is_some_and(|bot| bot.redelivery_count == 0)
        })
        .await
    }

    /// The bot's last answer as it looks now.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn screen(&self) -> Result<Screen> {
        let chat = self.sim.chat(self.chat()).await?;
        let shown = self.shown.ok_or("the bot has not answered yet")?;
        let message = chat.messages.iter().find(|it| it.message_id == shown);
        let message = message.ok_or("the answer was deleted")?;
        Ok(Screen::of(message, self.toast.clone()))
    }

    /// Everything in the chat, oldest first, with the person's own words after "> ".
    ///
    /// # Errors
    ///
    /// When the simulator does not answer.
    pub async fn transcript(&self) -> Result<String> {
        let chat = self.sim.chat(self.chat()).await?;
        Ok(screen::transcript(&chat))
    }

    /// The labels of the keyboard below the text field, by row.
    ///
    /// # Errors
    ///
    /// When the simulator does not answer.
    pub async fn keyboard(&self) -> Result<Vec<Vec<String>>> {
        Ok(self.sim.chat(self.chat()).await?.reply_keyboard)
    }

    /// Waits for a message that begins with `start` and came by itself, such as a reminder; its
    /// buttons can be pressed.
    ///
    /// # Errors
    ///
    /// When it does not come within [`PATIENCE`].
    pub async fn notice(&mut self, start: &str) -> Result<Screen> {
        let shown = self.shown;
        let message = self
            .sim
            .message(self.chat(), PATIENCE, |message| {
                Some(message.message_id) != shown && message.text.starts_with(start)
            })
            .await?;
        Ok(Screen::of(&message, None))
    }

    /// The same for one that may be what is shown; from now on it is.
    async fn read(&mut self, start: &str) -> Result<Screen> {
        self.shown = None;
        let notice = self.notice(start).await?;
        self.shown = Some(notice.message_id);
        Ok(notice)
    }

    /// How often the person has said or pressed something.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.taps
    }

    /// The simulator, for what is not told here.
    #[must_use]
    pub fn sim(&self) -> &SimClient {
        &self.sim
    }

    fn chat(&self) -> Chat {
        Chat::from(&self.person).with_bot(self.bot_id)
    }

    /// The button to press and the message it is on; none: it is below the text field.
    async fn find(&self, fits: impl Fn(&Key) -> bool) -> Result<Option<(Option<i64>, Key)>> {
        let chat = self.sim.chat(self.chat()).await?;
        let (shown, others): (Vec<_>, Vec<_>) = chat
            .messages
            .iter()
            .rev()
            .partition(|message| Some(message.message_id) == self.shown);
        for message in shown.into_iter().chain(others) {
            let screen = Screen::of(message, None);
            let mut keys = screen.rows.into_iter().flatten();
            if let Some(key) = keys.find(|key| fits(key)) {
                return Ok(Some((Some(message.message_id), key)));
            }
        }
        let below = chat.reply_keyboard.into_iter().flatten().map(Key::below);
        let mut below = below.filter(|key| fits(key));
        Ok(below.next().map(|key| (None, key)))
    }

    async fn press_found(&mut self, (message, key): (Option<i64>, Key)) -> Result<Screen> {
        let since = self.last_entry().await?;
        self.taps += 1;
        let button = match message {
            Some(message) => button(message, &key),
            None => Button::text(&key.label),
        };
        let pressed = self.sim.press(self.chat(), button).await?;
        let update = match &pressed {
            Pressed::Callback { update_id, .. } => {
                let answer = self.sim.callback_answer(&pressed, PATIENCE).await?;
                self.toast = answer.text;
                *update_id
            }
            Pressed::Message { update_id, .. } => *update_id,
            Pressed::Link { .. } => return self.screen().await,
        };
        let act = Act {
            update,
            message,
            since,
        };
        self.answered(act).await
    }

    /// Waits until the act was handled, and finds what it shows.
    async fn answered(&mut self, act: Act) -> Result<Screen> {
        let update = act.update.ok_or("the bot does not want such updates")?;
        if act.message.is_none() {
            self.toast = None;
        }
        self.last_update = Some(update);
        self.handled.wait(update).await?;
        let query = LedgerQuery {
            bot: Some(self.bot_id),
            limit: Some(10_000),
            ..LedgerQuery::default()
        };
        let query = query.in_chat(self.person.id).since(act.since);
        let written = self.sim.ledger(&query).await?.entries;
        if let Some(shown) = screen::answer(&written, act.message) {
            self.shown = Some(shown);
        }
        self.screen().await
    }

    async fn last_entry(&self) -> Result<u64> {
        let query = LedgerQuery {
            limit: Some(1),
            ..LedgerQuery::default()
        };
        Ok(self.sim.ledger(&query).await?.last_seq)
    }

    /// Adds to an error who did what, and what they saw.
    async fn explained<T>(&self, result: Result<T>, did: &str) -> Result<T> {
        let Err(error) = result else {
            return result;
        };
        let name = &self.person.first_name;
        let seen = self.transcript().await.unwrap_or_default();
        Err(format!("{name} {did}: {error}\nThe chat:\n{seen}").into())
    }
}

/// Of several with one label, the one with these data.
fn button(message: i64, key: &Key) -> Button {
    let button = match &key.data {
        Some(data) => Button::data(data),
        None => Button::text(&key.label),
    };
    button.on(message)
}
