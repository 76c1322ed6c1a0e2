//! Everything the simulator knows, in memory, behind one lock.
//!
//! Every call and every control takes the lock, changes the world in one step and lets go; nothing
//! waits while holding it.

pub(crate) mod chats;
pub(crate) mod faults;
pub(crate) mod groups;
pub(crate) mod ledger;
pub(crate) mod limits;
pub(crate) mod locations;
pub(crate) mod people;
pub(crate) mod pictures;
pub(crate) mod render;
pub(crate) mod updates;
pub(crate) mod webhook;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, ConfigFault, Limits,
    api::{CommandView, Group, Person},
    clock::{Moment, SimClock},
    config::bot_id_of,
};
use chats::{Callback, ChatKey, Conversation};
use faults::Faults;
use ledger::Ledger;
use limits::Pace;
use pictures::Pictures;
use updates::Updates;
use webhook::Webhook;

const MAX_BOTS: usize = 10_000;
const MAX_PEOPLE: usize = 200_000;
const MAX_GROUPS: usize = 10_000;

/// The state behind every handler.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    clock: SimClock,
    /// Counts webhooks that were set.
    webhooks: watch::Sender<u64>,
    /// Counts changes that somebody may wait for: chats and the ledger.
    changes: watch::Sender<u64>,
    /// Cancelled when the simulator stops: whoever waits answers at once.
    pub shutdown: CancellationToken,
}

impl Shared {
    pub fn new(config: Config, shutdown: CancellationToken) -> Result<Self, ConfigFault> {
        let clock = SimClock::start();
        let world = World::new(config, clock.now())?;
        Ok(Self {
            world: Mutex::new(world),
            clock,
            webhooks: watch::Sender::new(0),
            changes: watch::Sender::new(0),
            shutdown,
        })
    }

    /// Changes the world and wakes whoever waits for a change. The instant is taken under the lock,
    /// so that the order of changes is the order of their instants.
    pub fn change<R>(&self, step: impl FnOnce(&mut World, Moment) -> R) -> R {
        let result = self.step(step);
        self.changes.send_modify(|changes| *changes += 1);
        result
    }

    /// The same for what nobody waits for here (polls, reads).
    pub fn step<R>(&self, step: impl FnOnce(&mut World, Moment) -> R) -> R {
        let mut world = self.lock();
        let now = self.clock.now();
        step(&mut world, now)
    }

    /// Tells that a webhook was set.
    pub fn webhook_set(&self) {
        self.webhooks.send_modify(|count| *count += 1);
    }

    pub fn webhooks(&self) -> watch::Receiver<u64> {
        self.webhooks.subscribe()
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What exists.
#[derive(Debug)]
pub(crate) struct World {
    pub config: Config,
    pub limits: Limits,
    known_tokens: BTreeMap<i64, String>,
    pub bots: BTreeMap<i64, Bot>,
    pub people: BTreeMap<i64, Person>,
    /// People who deleted their account.
    pub deactivated: std::collections::BTreeSet<i64>,
    pub groups: BTreeMap<i64, Group>,
    pub chats: HashMap<ChatKey, Conversation>,
    pub callbacks: BTreeMap<u64, Callback>,
    pub ledger: Ledger,
    pub faults: Faults,
    pub pictures: Pictures,
    next_person_id: i64,
    next_group_id: i64,
    next_callback_id: u64,
    /// Source of chat revisions.
    revision: u64,
    started: Moment,
}

/// One bot account.
#[derive(Debug)]
pub(crate) struct Bot {
    pub id: i64,
    /// Absent until the first call when any token is accepted.
    token: Option<String>,
    pub username: String,
    pub first_name: String,
    pub updates: Updates,
    pub webhook: Option<Webhook>,
    /// Webhooks set so far.
    pub webhooks: u64,
    /// By scope (as JSON) and language.
    pub commands: BTreeMap<(String, String), Vec<CommandView>>,
    pub pace: Pace,
    /// Private chats of one bot share a sequence, as in Telegram.
    next_message_id: i64,
}

impl World {
    /// Other limits from now on; what was sent before counts no more.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        for bot in self.bots.values_mut() {
            bot.pace.forgive();
        }
    }

    fn new(config: Config, now: Moment) -> Result<Self, ConfigFault> {
        let known_tokens = config.known_bots()?;
        let mut world = Self {
            limits: config.limits,
            ledger: Ledger::new(config.ledger_capacity),
            known_tokens,
            bots: BTreeMap::new(),
            people: BTreeMap::new(),
            deactivated: std::collections::BTreeSet::new(),
            groups: BTreeMap::new(),
            chats: HashMap::new(),
            callbacks: BTreeMap::new(),
            faults: Faults::default(),
            pictures: Pictures::default(),
            next_person_id: 1001,
            next_group_id: 1,
            next_callback_id: u64::try_from(now.unix_us).unwrap_or(1),
            revision: 0,
            started: now,
            config,
        };
        for (id, token) in world.known_tokens.clone() {
            world.bots.insert(id, Bot::new(id, Some(token), now));
        }
        Ok(world)
    }

    /// The bot a well-formed token belongs to; created at its first use unless tokens are configured.
    /// `None`: Telegram would answer 401.
    pub fn authenticate(&mut self, token: &str) -> Option<i64> {
        let id = bot_id_of(token)?;
        self.ensure_bot(id)?;
        let bot = self.bots.get_mut(&id)?;
        match &bot.token {
            Some(known) if known == token => Some(id),
            Some(_) => None,
            None => {
                bot.token = Some(token.to_owned());
                Some(id)
            }
        }
    }

    /// Makes sure the bot exists, or says that it cannot.
    pub fn ensure_bot(&mut self, id: i64) -> Option<i64> {
        if self.bots.contains_key(&id) {
            return Some(id);
        }
        if id <= 0 || !self.known_tokens.is_empty() || self.bots.len() >= MAX_BOTS {
            return None;
        }
        self.bots.insert(id, Bot::new(id, None, self.started));
        Some(id)
    }

    pub fn bot_mut(&mut self, id: i64) -> &mut Bot {
        let started = self.started;
        self.bots
            .entry(id)
            .or_insert_with(|| Bot::new(id, None, started))
    }

    /// Notes that a chat has changed.
    pub fn touch(&mut self, key: ChatKey) {
        self.revision += 1;
        let revision = self.revision;
        if let Some(chat) = self.chats.get_mut(&key) {
            chat.revision = revision;
        }
    }

    /// The next message id of a chat.
    pub fn next_message_id(&mut self, key: ChatKey) -> i64 {
        let next = match key {
            ChatKey::Private { bot, .. } => &mut self.bot_mut(bot).next_message_id,
            ChatKey::Group(_) => &mut self.chats.entry(key).or_default().next_message_id,
        };
        *next += 1;
        *next
    }

    /// Gives an update to a bot, unless it does not want this kind; tells the update's id.
    pub fn push_update(&mut self, bot: i64, kind: &'static str, payload: Value) -> Option<i64> {
        self.bot_mut(bot).updates.push(kind, payload)
    }
}

impl Bot {
    fn new(id: i64, token: Option<String>, now: Moment) -> Self {
        Self {
            id,
            token,
            username: format!("sim_{id}_bot"),
            first_name: first_name_of(id),
            updates: Updates::starting_at(now),
            webhook: None,
            webhooks: 0,
            commands: BTreeMap::new(),
            pace: Pace::default(),
            next_message_id: 0,
        }
    }

    /// Copies of updates that have not come to the bot yet.
    pub fn copies(&self) -> usize {
        let out = self
            .webhook
            .as_ref()
            .map_or(0, |webhook| webhook.copies_out);
        self.updates.copies() + out
    }

    /// Another name, or the first one again.
    pub fn rename(&mut self, name: &str) {
        self.first_name = if name.is_empty() {
            first_name_of(self.id)
        } else {
            name.to_owned()
        };
    }

    /// The menu of a private chat in a language: the narrowest scope that has one, in the language
    /// before the default, as <https://core.telegram.org/bots/api#botcommandscope> says.
    pub fn menu(&self, chat: i64, language: &str) -> Vec<CommandView> {
        let scopes = [
            json!({ "type": "chat", "chat_id": chat }),
            json!({ "type": "all_private_chats" }),
            json!({ "type": "default" }),
        ];
        scopes
            .iter()
            .flat_map(|scope| {
                [language, ""].map(|language| (scope.to_string(), language.to_owned()))
            })
            .find_map(|key| self.commands.get(&key).filter(|menu| !menu.is_empty()))
            .cloned()
            .unwrap_or_default()
    }
}

fn first_name_of(bot: i64) -> String {
    format!("Bot {bot}")
}
