//! One bot: its token, its pace, its updates and its notifications. Bots share nothing
//! but the journal, the connections and the process.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use service_kit::{clock::SharedClock, grpc::client::Backend, shutdown::Shutdown};
use texts::{COMMANDS, Language};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::sleep,
};
use uuid::Uuid;

use crate::{
    conversation::Conversation,
    dispatch::{self, Dispatch},
    holding::Holding,
    journal::{Attempt, Entry, Journal},
    limited::Limited,
    memory::Memory,
    pacer::{Limits, gate::Gate},
    replies::Replies,
    server1::Server1,
    store::{Left, Store},
    telegram::{Api, CallError, Telegram, Token},
    updates::{
        self, Feed,
        webhook::{Door, Hook, WebhookConfig},
    },
};

/// Chats that may wait to be told to notify-svc.
const SEEN_CHATS: usize = 1_024;

/// A bot and its pace.
#[derive(Debug)]
pub(crate) struct Bot {
    telegram: Telegram,
    gate: Gate,
    limited: Arc<Limited>,
    holding: Holding,
    /// What comes in by its door; without one it polls.
    hook: Option<Hook>,
    /// Updates that an earlier process left.
    left: Left,
}

/// What all bots of a process share; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) server1: Server1,
    pub(crate) notify: Backend,
    pub(crate) journal: Journal,
    pub(crate) store: Store,
    pub(crate) gateway_id: Uuid,
    pub(crate) poll_timeout: Duration,
    pub(crate) requests_per_minute: usize,
    pub(crate) clock: SharedClock,
}

impl Bot {
    /// `silent` says that the process before this one ended without a word, `left` what it
    /// left of the bot's updates.
    pub(crate) fn new(api: &Api, token: Token, limits: Limits, silent: bool, left: Left) -> Self {
        let gate = Gate::new(limits, silent);
        Self {
            telegram: Telegram::new(api.clone(), token),
            limited: Arc::new(Limited::new(gate.clone())),
            gate,
            holding: Holding::default(),
            hook: None,
            left,
        }
    }

    /// Takes updates by webhook from now on, from the door that this answers.
    pub(crate) fn door(&mut self, config: &WebhookConfig) -> Door {
        let holding = self.holding.clone();
        let (hook, door) = Hook::new(config.clone(), &self.telegram, holding);
        self.hook = Some(hook);
        door
    }

    pub(crate) fn telegram(&self) -> &Telegram {
        &self.telegram
    }

    /// Works until stopping begins, then finishes what is out. `entries` are what an
    /// earlier process left in the journal of this bot's rows.
    async fn run(self, world: World, entries: Vec<(Attempt, Entry)>, shutdown: Shutdown) {
        let Self {
            telegram,
            gate,
            limited,
            holding,
            hook,
            left,
        } = self;
        let bot_id = telegram.bot_id();
        let replies = Replies::new(telegram.clone(), gate.clone(), Arc::clone(&limited));
        let clock = Arc::clone(&world.clock);
        let conversation = Arc::new(Conversation::new(
            world.server1.link(),
            &world.notify,
            replies,
            Memory::new(bot_id, world.store.clone()),
            Arc::clone(&clock),
        ));
        let (seen, seen_by_dispatch) = mpsc::channel(SEEN_CHATS);
        let (quiet, quiet_for_dispatch) = watch::channel(false);
        let dispatch = Dispatch {
            backend: world.notify,
            telegram: telegram.clone(),
            gate,
            limited,
            journal: world.journal,
            gateway_id: world.gateway_id,
            entries,
            seen: seen_by_dispatch,
            quiet: quiet_for_dispatch,
            holding: holding.clone(),
            clock: world.clock,
        };
        let source = updates::Source {
            telegram: telegram.clone(),
            holding,
            feed: match hook {
                Some(hook) => Feed::Webhook(hook),
                None => Feed::Polling(world.poll_timeout),
            },
        };
        let desk = updates::Desk {
            bot_id,
            conversation,
            store: world.store,
            seen,
            requests_per_minute: world.requests_per_minute,
            left,
            clock,
        };
        let updated = async {
            updates::run(source, desk, &shutdown).await;
            quiet.send_replace(true);
        };
        let dispatched = dispatch::run(dispatch, &shutdown);
        let announced = async {
            tokio::select! {
                () = announce_commands(&telegram) => {}
                () = shutdown.stopping() => {}
            }
        };
        // Boxed, because they are large.
        tokio::join!(Box::pin(updated), Box::pin(dispatched), announced);
    }
}

/// Runs every bot to its end, each with its part of the journal.
pub(crate) async fn run_all(
    bots: Vec<Bot>,
    world: World,
    mut entries: Vec<(Attempt, Entry)>,
    shutdown: &Shutdown,
) {
    let mut running = JoinSet::new();
    for bot in bots {
        let bot_id = bot.telegram.bot_id();
        let of_bot = entries.extract_if(.., |(attempt, _)| attempt.bot_id == bot_id);
        let of_bot = of_bot.collect();
        running.spawn(bot.run(world.clone(), of_bot, shutdown.clone()));
    }
    if !entries.is_empty() {
        tracing::warn!(
            attempts = entries.len(),
            "the journal keeps attempts of bots whose tokens are not given"
        );
    }
    while let Some(ended) = running.join_next().await {
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic.into_panic());
        }
    }
}

/// Between two tries to fill the menu while Telegram cannot be reached.
const MENU_PAUSE: Duration = Duration::from_secs(30);

/// Fills the menu of commands in each language, and puts it beside the text field; a server
/// that refuses it is no reason to stop.
async fn announce_commands(telegram: &Telegram) {
    for language in [None, Some(Language::Ru), Some(Language::En)] {
        // Without a language code the list is for everybody else.
        let commands = COMMANDS.map(|command| {
            let description = command.description(language.unwrap_or(Language::En));
            json!({ "command": command.name(), "description": description })
        });
        let mut body = json!({ "commands": commands });
        if let Some(language) = language {
            body["language_code"] = language.tag().into();
        }
        announce(telegram, "setMyCommands", &body).await;
    }
    let body = json!({ "menu_button": { "type": "commands" } });
    announce(telegram, "setChatMenuButton", &body).await;
}

/// Says it until Telegram has heard it, or refuses.
async fn announce(telegram: &Telegram, method: &'static str, body: &Value) {
    while let Err(error) = telegram.call(method, body).await {
        let bot_id = telegram.bot_id();
        tracing::warn!(bot_id, method, error = %error, "the menu was not set");
        if matches!(error, CallError::Refused { .. }) {
            break;
        }
        sleep(MENU_PAUSE).await;
    }
}
