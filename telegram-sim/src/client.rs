//! A typed client of the controls under `/sim/`, for tests and the demo.
//!
//! ```no_run
//! # async fn story() -> Result<(), telegram_sim::client::SimError> {
//! use std::time::Duration;
//! use telegram_sim::{api::{Fault, FaultKind, LedgerQuery, NewPerson}, client::{Button, SimClient}};
//!
//! let sim = SimClient::new("http://127.0.0.1:8081");
//! let anna = sim.create_person(&NewPerson::named("Анна", "ru")).await?;
//! sim.say(&anna, "/start").await?;
//! let soon = Duration::from_secs(10);
//! let greeting = sim.message(&anna, soon, |message| message.text.contains("Анна")).await?;
//! let pressed = sim.press(&anna, Button::text("📅 Расписание").on(greeting.message_id)).await?;
//! sim.callback_answer(&pressed, soon).await?;
//! sim.fault(&Fault::new(FaultKind::LoseResponse).on("sendMessage").in_chat(anna.id)).await?;
//! let calls = sim
//!     .ledger_until(&LedgerQuery::method("sendMessage").in_chat(anna.id), soon, |calls| calls.len() >= 2)
//!     .await?;
//! # drop(calls); Ok(()) }
//! ```
//!
//! Every wait has a deadline and is a long poll: nothing sleeps, and a wait that fails says what was
//! there instead.

mod bots;
mod error;
mod location;
mod target;

use std::{net::SocketAddr, time::Duration};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::Instant;

pub use error::SimError;
pub use target::{Button, Chat};

use crate::{
    Limits,
    api::{
        BotFigures, CallbackView, ChatView, Fault, FaultPlan, Group, LedgerEntry, LedgerPage,
        LedgerQuery, MessageView, NewGroup, NewPerson, Person, Press, Pressed, Said, Say,
    },
};

/// One long poll; a longer wait is made of several.
const POLL: Duration = Duration::from_secs(20);
/// What a request may take beyond its wait.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Entries per ledger page.
const PAGE: usize = 10_000;

type Result<T, E = SimError> = std::result::Result<T, E>;

/// A client of one simulator; cheap to clone.
#[derive(Debug, Clone)]
pub struct SimClient {
    http: reqwest::Client,
    base: String,
}

impl SimClient {
    /// A client of the simulator at `base`, such as `http://127.0.0.1:8081`.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        let base = base.into().trim_end_matches('/').to_owned();
        Self {
            http: reqwest::Client::new(),
            base,
        }
    }

    /// A client of the simulator that listens at `address`.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self::new(format!("http://{address}"))
    }

    /// The address, as a bot's API URL needs it.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// Waits until the simulator answers.
    ///
    /// # Errors
    /// [`SimError::Deadline`] when it does not within `within`.
    pub async fn ready(&self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        loop {
            let asked: Result<Value> = self.get("/sim/health", &[], Duration::ZERO).await;
            match asked {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() >= deadline => {
                    return Err(SimError::Deadline {
                        within,
                        instead: error.to_string(),
                    });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Creates a person.
    ///
    /// # Errors
    /// [`SimError::Refused`] with 409 when the wanted id is taken, 400 when a field is out of range.
    pub async fn create_person(&self, person: &NewPerson) -> Result<Person> {
        self.post("/sim/people", person).await
    }

    /// Everybody.
    ///
    /// # Errors
    /// [`SimError::Unreachable`].
    pub async fn people(&self) -> Result<Vec<Person>> {
        self.get("/sim/people", &[], Duration::ZERO).await
    }

    /// The person writes. `/start` or any other first text opens a private chat.
    ///
    /// # Errors
    /// [`SimError::Refused`]: 404 nobody by this id, 409 no or several bots, or the bot is blocked.
    pub async fn say(&self, chat: impl Into<Chat>, text: &str) -> Result<Said> {
        let chat = chat.into();
        let say = Say {
            text: text.to_owned(),
            bot_id: chat.bot,
            chat_id: chat.group,
            ..Say::default()
        };
        self.post(&format!("/sim/people/{}/send", chat.person), &say)
            .await
    }

    /// The person presses a button.
    ///
    /// # Errors
    /// [`SimError::Refused`] with 404 when no such button is shown, otherwise as [`SimClient::say`].
    pub async fn press(&self, chat: impl Into<Chat>, button: Button) -> Result<Pressed> {
        let chat = chat.into();
        let press = Press {
            message_id: button.message_id,
            data: button.data,
            text: button.text,
            bot_id: chat.bot,
            chat_id: chat.group,
        };
        self.post(&format!("/sim/people/{}/press", chat.person), &press)
            .await
    }

    /// Waits for the bot's answer to a pressed inline button.
    ///
    /// # Errors
    /// [`SimError::Deadline`] when the bot does not answer within `within`, or when what was pressed
    /// was no callback button.
    pub async fn callback_answer(
        &self,
        pressed: &Pressed,
        within: Duration,
    ) -> Result<CallbackView> {
        let Pressed::Callback {
            callback_query_id, ..
        } = pressed
        else {
            return Err(SimError::Deadline {
                within: Duration::ZERO,
                instead: format!("no callback query: {pressed:?}"),
            });
        };
        let path = format!("/sim/callbacks/{callback_query_id}");
        let deadline = Instant::now() + within;
        loop {
            let wait = left(deadline);
            let view: CallbackView = self.get(&path, &[wait_ms(wait)], wait).await?;
            if view.answered {
                return Ok(view);
            }
            if wait.is_zero() {
                return Err(SimError::Deadline {
                    within,
                    instead: format!("{view:?}"),
                });
            }
        }
    }

    /// The chat as the person sees it now.
    ///
    /// # Errors
    /// [`SimError::Refused`] as [`SimClient::say`].
    pub async fn chat(&self, chat: impl Into<Chat>) -> Result<ChatView> {
        let chat = chat.into();
        let path = format!("/sim/people/{}/chat", chat.person);
        self.get(&path, &chat.query(), Duration::ZERO).await
    }

    /// Waits until the chat is as wanted.
    ///
    /// # Errors
    /// [`SimError::Deadline`] when it is not within `within`; the error shows the chat as it was then.
    pub async fn chat_until(
        &self,
        chat: impl Into<Chat>,
        within: Duration,
        wanted: impl Fn(&ChatView) -> bool,
    ) -> Result<ChatView> {
        let chat = chat.into();
        let path = format!("/sim/people/{}/chat", chat.person);
        let deadline = Instant::now() + within;
        let mut view = self.chat(chat).await?;
        loop {
            if wanted(&view) {
                return Ok(view);
            }
            let wait = left(deadline);
            if wait.is_zero() {
                return Err(SimError::Deadline {
                    within,
                    instead: format!("{view:#?}"),
                });
            }
            let mut query = chat.query();
            query.push(("after", view.revision.to_string()));
            query.push(wait_ms(wait));
            view = self.get(&path, &query, wait).await?;
        }
    }

    /// Waits for a bot's message that is as wanted, and returns the newest one.
    ///
    /// # Errors
    /// As [`SimClient::chat_until`].
    pub async fn message(
        &self,
        chat: impl Into<Chat>,
        within: Duration,
        wanted: impl Fn(&MessageView) -> bool,
    ) -> Result<MessageView> {
        let fits = |message: &&MessageView| message.from_bot && wanted(message);
        let view = self
            .chat_until(chat, within, |view| {
                view.messages.iter().any(|it| fits(&it))
            })
            .await?;
        let newest = view.messages.iter().rev().find(fits).cloned();
        newest.ok_or_else(|| SimError::Deadline {
            within,
            instead: format!("{view:#?}"),
        })
    }

    /// What bots asked and were told: one page, oldest first.
    ///
    /// # Errors
    /// [`SimError::Refused`] for a faulty query.
    pub async fn ledger(&self, query: &LedgerQuery) -> Result<LedgerPage> {
        let wait = Duration::from_millis(query.wait_ms.unwrap_or(0));
        let request = self.http.get(self.url("/sim/ledger")).query(query);
        self.fetch(request, wait).await
    }

    /// Waits until the entries that match the query, collected from its `since` on, are as wanted.
    ///
    /// An entry appears when its call is handled; `answered_…` is filled in a moment later, so read the
    /// ledger once more where those matter.
    ///
    /// # Errors
    /// [`SimError::Deadline`] when they are not within `within`; the error shows the entries.
    pub async fn ledger_until(
        &self,
        query: &LedgerQuery,
        within: Duration,
        wanted: impl Fn(&[LedgerEntry]) -> bool,
    ) -> Result<Vec<LedgerEntry>> {
        let deadline = Instant::now() + within;
        let mut query = query.clone();
        query.limit = Some(PAGE);
        query.wait_ms = None;
        let mut entries: Vec<LedgerEntry> = Vec::new();
        loop {
            let page = self.ledger(&query).await?;
            query.since = page.entries.last().map(|entry| entry.seq).or(query.since);
            let is_full = page.entries.len() == PAGE;
            entries.extend(page.entries);
            if is_full {
                continue;
            }
            if wanted(&entries) {
                return Ok(entries);
            }
            let wait = left(deadline);
            if query.wait_ms.is_some() && wait.is_zero() {
                return Err(SimError::Deadline {
                    within,
                    instead: format!("{entries:#?}"),
                });
            }
            query.wait_ms = u64::try_from(wait.as_millis()).ok();
        }
    }

    /// Adds a fault; faults are used in the order they were added.
    ///
    /// # Errors
    /// [`SimError::Refused`] with 400 for a method that is not served or a figure out of range.
    pub async fn fault(&self, fault: &Fault) -> Result<()> {
        self.post::<_, Value>("/sim/faults", fault).await.map(drop)
    }

    /// The faults that still wait for their calls.
    ///
    /// # Errors
    /// [`SimError::Unreachable`].
    pub async fn faults(&self) -> Result<Vec<Fault>> {
        self.get("/sim/faults", &[], Duration::ZERO).await
    }

    /// Faults by chance from now on, in place of those before.
    ///
    /// # Errors
    /// [`SimError::Refused`] with 400 as [`SimClient::fault`], or for more than 1,000 per mille.
    pub async fn plan_faults(&self, plan: &FaultPlan) -> Result<()> {
        let request = self.http.put(self.url("/sim/plan")).json(plan);
        self.fetch::<Value>(request, Duration::ZERO).await.map(drop)
    }

    /// How each bot has kept to the limits since the simulator started.
    ///
    /// # Errors
    /// [`SimError::Unreachable`].
    pub async fn figures(&self) -> Result<Vec<BotFigures>> {
        self.get("/sim/figures", &[], Duration::ZERO).await
    }

    /// Takes all faults away, those by chance too.
    ///
    /// # Errors
    /// [`SimError::Unreachable`].
    pub async fn clear_faults(&self) -> Result<()> {
        let request = self.http.delete(self.url("/sim/faults"));
        self.fetch::<Value>(request, Duration::ZERO).await.map(drop)
    }

    /// The person blocks the bot.
    ///
    /// # Errors
    /// [`SimError::Refused`] as [`SimClient::say`].
    pub async fn block(&self, chat: impl Into<Chat>) -> Result<()> {
        self.set_blocked(chat.into(), "block").await
    }

    /// The person lets the bot back in.
    ///
    /// # Errors
    /// [`SimError::Refused`] as [`SimClient::say`].
    pub async fn unblock(&self, chat: impl Into<Chat>) -> Result<()> {
        self.set_blocked(chat.into(), "unblock").await
    }

    async fn set_blocked(&self, chat: Chat, verb: &str) -> Result<()> {
        let path = format!("/sim/people/{}/{verb}", chat.person);
        let request = self.http.post(self.url(&path)).query(&chat.query());
        self.fetch::<Value>(request, Duration::ZERO).await.map(drop)
    }

    /// The person deletes their account.
    ///
    /// # Errors
    /// [`SimError::Refused`] with 404 when there is nobody by this id.
    pub async fn deactivate(&self, person: i64) -> Result<()> {
        let path = format!("/sim/people/{person}/deactivate");
        self.post::<_, Value>(&path, &json!({})).await.map(drop)
    }

    /// Creates a group.
    ///
    /// # Errors
    /// [`SimError::Refused`] with 404 when a member does not exist.
    pub async fn create_group(&self, group: &NewGroup) -> Result<Group> {
        self.post("/sim/groups", group).await
    }

    /// Removes a bot from a group.
    ///
    /// # Errors
    /// [`SimError::Refused`] with 404 when the bot is not in it.
    pub async fn kick(&self, group: i64, bot: i64) -> Result<()> {
        let path = format!("/sim/groups/{group}/kick");
        let body = json!({ "bot_id": bot });
        self.post::<_, Value>(&path, &body).await.map(drop)
    }

    /// Turns a group into a supergroup, which has another id.
    ///
    /// # Errors
    /// [`SimError::Refused`] with 400 when it is one already.
    pub async fn migrate(&self, group: i64) -> Result<Group> {
        let path = format!("/sim/groups/{group}/migrate");
        self.post(&path, &json!({})).await
    }

    /// Changes the sending limits from now on; what was sent before counts no more, and nobody has
    /// to wait any longer.
    ///
    /// # Errors
    /// [`SimError::Unreachable`].
    pub async fn set_limits(&self, limits: Limits) -> Result<()> {
        let request = self.http.put(self.url("/sim/limits")).json(&limits);
        self.fetch::<Value>(request, Duration::ZERO).await.map(drop)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
        wait: Duration,
    ) -> Result<T> {
        let request = self.http.request(Method::GET, self.url(path)).query(query);
        self.fetch(request, wait).await
    }

    async fn post<B: Serialize, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T> {
        let request = self.http.post(self.url(path)).json(body);
        self.fetch(request, Duration::ZERO).await
    }

    async fn fetch<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        wait: Duration,
    ) -> Result<T> {
        let response = request.timeout(wait + REQUEST_TIMEOUT).send().await?;
        let status = response.status();
        if !status.is_success() {
            let body = response.text().await?;
            let error = serde_json::from_str::<Value>(&body)
                .ok()
                .and_then(|body| body["error"].as_str().map(str::to_owned));
            return Err(SimError::Refused {
                status: status.as_u16(),
                error: error.unwrap_or(body),
            });
        }
        if status == StatusCode::NO_CONTENT {
            // Nothing to read: callers of such addresses expect any value.
            return serde_json::from_value(Value::Null).map_err(|_| SimError::Refused {
                status: status.as_u16(),
                error: "an answer was expected".to_owned(),
            });
        }
        Ok(response.json().await?)
    }
}

/// What is left until the deadline, one poll at most.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).min(POLL)
}

fn wait_ms(wait: Duration) -> (&'static str, String) {
    ("wait_ms", wait.as_millis().to_string())
}
