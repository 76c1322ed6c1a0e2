//! What people do, told through the public ways only: Telegram (played by
//! telegram-sim), HTTP, and the contract where an operator would use it.

mod teaching;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    lesson::v1::{RegisterTelegramUserRequest, ReminderLeads, UpdateSettingsRequest, User},
    notify::v1::GetRecipientRequest,
};
use serde_json::{Value, json};
use service_kit::{
    clock::{Clock as _, SystemClock},
    grpc::client::acting,
};
use telegram_sim::{
    api::{LedgerEntry, LedgerQuery, NewPerson, Person},
    client::SimClient,
};
use tokio::time::{Instant, sleep};
use tonic::Code;
use uuid::Uuid;

use crate::{
    Result,
    program::Program,
    stack::{SIMULATED_TOKEN, Stack},
};

/// How long anything may take before the story fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The signs that begin each kind of notice, in every language.
pub mod sign {
    /// A lesson was booked.
    pub const BOOKED: &str = "✅";
    /// A lesson comes soon.
    pub const REMINDER: &str = "⏰";
    /// A lesson was cancelled.
    pub const CANCELED: &str = "❌";
    /// A lesson is asked for.
    pub const REQUESTED: &str = "📨";
    /// A lesson is at another time.
    pub const MOVED: &str = "🔄";
    /// A series was booked.
    pub const SERIES: &str = "🗓";
    /// A student is asked whether they come.
    pub const QUESTION: &str = "❓";
    /// A student gave up their seat.
    pub const LEFT: &str = "🚪";
    /// A student did not get what was to be told.
    pub const UNREACHABLE: &str = "⚠️";
}

/// A system with people.
#[derive(Debug)]
pub struct Story {
    /// Telegram's stand-in.
    pub sim: SimClient,
    http: reqwest::Client,
    rest: String,
    website_key: String,
}

/// Somebody who has started the bot.
#[derive(Debug, Clone)]
pub struct Member {
    /// The Telegram user.
    pub person: Person,
    /// The user it became.
    pub user: User,
}

impl Member {
    /// The user's id.
    ///
    /// # Errors
    ///
    /// When the service gave none.
    pub fn id(&self) -> Result<Uuid> {
        Ok(self.user.id.parse()?)
    }
}

/// A lesson as REST tells it.
#[derive(Debug, Clone)]
pub struct BookedLesson {
    /// UUID.
    pub id: String,
    /// The version it has.
    pub version: i64,
    /// When it starts.
    pub start: Timestamp,
}

impl BookedLesson {
    fn of(answer: &Value) -> Result<Self> {
        Ok(Self {
            id: answer["id"].as_str().ok_or("no id")?.to_owned(),
            version: answer["version"].as_i64().ok_or("no version")?,
            start: answer["start_time"].as_str().ok_or("no start")?.parse()?,
        })
    }
}

impl Story {
    /// The people of a running system.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        Self {
            sim: SimClient::new(stack.url(Program::TelegramSim)),
            http: reqwest::Client::new(),
            rest: stack.url(Program::GatewayRest),
            website_key: stack.keys.of("website").to_owned(),
        }
    }

    /// The same people, who reach the HTTP API at `rest` by `http`.
    #[must_use]
    pub fn by_way_of(self, http: reqwest::Client, rest: String) -> Self {
        Self { http, rest, ..self }
    }

    /// The id of the simulated bot.
    ///
    /// # Errors
    ///
    /// When the development token has no id.
    pub fn bot_id() -> Result<i64> {
        let id = SIMULATED_TOKEN.split(':').next().unwrap_or_default();
        Ok(id.parse()?)
    }

    /// Somebody presses /start, is welcomed, and can be told of things.
    ///
    /// # Errors
    ///
    /// When the bot does not answer in time, or notify-svc does not hear of them.
    pub async fn join(&self, stack: &Stack, name: &str, language: &str) -> Result<Member> {
        let person = self
            .sim
            .create_person(&NewPerson::named(name, language))
            .await?;
        self.sim.ready(PATIENCE).await?;
        let said = self.say_when_polled(&person).await;
        said?;
        self.sim.message(&person, PATIENCE, |_| true).await?;
        // Idempotent: this learns the id of the user that /start made.
        let registered = stack
            .users()?
            .register_telegram_user(RegisterTelegramUserRequest {
                bot_id: Self::bot_id()?,
                telegram_user_id: person.id,
                chat_id: person.id,
                display_name: person.first_name.clone(),
                language_code: person.language_code.clone(),
            })
            .await?
            .into_inner();
        if registered.created {
            return Err("/start registered nobody".into());
        }
        let user = registered.user.ok_or("no user")?;
        Self::known(stack, &user).await?;
        Ok(Member { person, user })
    }

    /// Waits until notify-svc knows a person as they are: lesson-svc tells of them after
    /// it has answered.
    ///
    /// # Errors
    ///
    /// When it does not within [`PATIENCE`], or does not answer.
    pub async fn known(stack: &Stack, user: &User) -> Result<()> {
        let mut recipients = stack.recipients()?;
        let request = GetRecipientRequest {
            user_id: user.id.clone(),
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            match recipients.get_recipient(request.clone()).await {
                Ok(answer) => {
                    let known = answer.into_inner().recipient;
                    if known.is_some_and(|known| known.version >= user.version) {
                        return Ok(());
                    }
                }
                Err(status) if status.code() == Code::NotFound => {}
                Err(status) => return Err(status.into()),
            }
            if Instant::now() > deadline {
                return Err(format!("notify-svc does not know {} as they are", user.id).into());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The simulator knows a bot from its first call on; a bot that has just started
    /// may not have called yet.
    async fn say_when_polled(&self, person: &Person) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.sim.bots().await?.is_empty() {
            if Instant::now() > deadline {
                return Err("no bot polls the simulator".into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        self.sim.say(person, "/start").await?;
        Ok(())
    }

    /// A member wishes to be reminded so long before each lesson, and notify-svc knows it.
    ///
    /// # Errors
    ///
    /// When lesson-svc refuses, or notify-svc does not hear of it.
    pub async fn set_lead(
        &self,
        stack: &Stack,
        member: &mut Member,
        lead: SignedDuration,
    ) -> Result<()> {
        let request = UpdateSettingsRequest {
            reminder_leads: Some(ReminderLeads {
                leads: vec![olm_proto::duration(lead)],
            }),
            expected_version: member.user.version,
            ..UpdateSettingsRequest::default()
        };
        let answer = stack
            .users()?
            .update_settings(acting(request, member.id()?))
            .await?;
        member.user = answer.into_inner().user.ok_or("no user")?;
        Self::known(stack, &member.user).await
    }

    /// The lead with which a lesson's reminder comes `after` from now, or up to a second
    /// later: leads are whole seconds.
    #[must_use]
    pub fn lead(start: Timestamp, after: SignedDuration) -> SignedDuration {
        let lead = start.duration_since(SystemClock.now()) - after;
        SignedDuration::from_secs(lead.as_secs())
    }

    /// The teacher's free slots, by start.
    ///
    /// # Errors
    ///
    /// When REST refuses.
    pub async fn slots(&self, teacher: &Member, reader: &Member) -> Result<Vec<Timestamp>> {
        let path = format!("/api/v1/teachers/{}/slots?limit=500", teacher.user.id);
        let answer = self.get(&path, reader).await?;
        let slots = answer["slots"].as_array().ok_or("no slots")?;
        slots
            .iter()
            .map(|slot| Ok(slot["start_time"].as_str().ok_or("no start")?.parse()?))
            .collect()
    }

    /// A member books a lesson over HTTP.
    ///
    /// # Errors
    ///
    /// When REST refuses.
    pub async fn book(
        &self,
        student: &Member,
        teacher: &Member,
        start: Timestamp,
    ) -> Result<BookedLesson> {
        let body = json!({"teacher_id": teacher.user.id, "start_time": start.to_string()});
        BookedLesson::of(&self.post("/api/v1/lessons", student, &body).await?)
    }

    /// A member cancels a lesson over HTTP.
    ///
    /// # Errors
    ///
    /// When REST refuses.
    pub async fn cancel(&self, member: &Member, lesson: &BookedLesson) -> Result<()> {
        let body = json!({"reason": "a cold"});
        self.act(member, lesson, "cancel", &body).await?;
        Ok(())
    }

    /// A member does something to a lesson over HTTP: `cancel`, `confirm`, `reschedule` …
    ///
    /// # Errors
    ///
    /// When REST refuses.
    pub async fn act(
        &self,
        member: &Member,
        lesson: &BookedLesson,
        action: &str,
        body: &Value,
    ) -> Result<BookedLesson> {
        let url = format!("{}/api/v1/lessons/{}/{action}", self.rest, lesson.id);
        let request = self.http.post(url).json(body);
        let request = request.header("if-match", format!("\"{}\"", lesson.version));
        BookedLesson::of(&self.send(request, member).await?)
    }

    /// Waits for a member's notice that begins with `sign` and came after ledger entry
    /// `since`.
    ///
    /// # Errors
    ///
    /// When it does not come in time.
    pub async fn notice(&self, member: &Member, sign: &str, since: u64) -> Result<LedgerEntry> {
        let query = LedgerQuery::method("sendMessage")
            .in_chat(member.person.id)
            .since(since);
        let is_it = |entry: &LedgerEntry| {
            entry.accepted
                && entry
                    .text
                    .as_deref()
                    .is_some_and(|text| text.starts_with(sign))
        };
        let entries = self
            .sim
            .ledger_until(&query, PATIENCE, |entries| entries.iter().any(is_it))
            .await?;
        Ok(entries.into_iter().find(is_it).ok_or("no such entry")?)
    }

    /// How many accepted messages that begin with `sign` a member has.
    ///
    /// # Errors
    ///
    /// When the simulator does not answer.
    pub async fn count(&self, member: &Member, sign: &str) -> Result<usize> {
        let query = LedgerQuery::method("sendMessage").in_chat(member.person.id);
        let entries = self.sim.ledger_until(&query, PATIENCE, |_| true).await?;
        let with_sign = |entry: &&LedgerEntry| {
            entry.accepted
                && entry
                    .text
                    .as_deref()
                    .is_some_and(|text| text.starts_with(sign))
        };
        Ok(entries.iter().filter(with_sign).count())
    }

    /// The newest entry of the ledger.
    ///
    /// # Errors
    ///
    /// When the simulator does not answer.
    pub async fn last_entry(&self) -> Result<u64> {
        Ok(self.sim.ledger(&LedgerQuery::default()).await?.last_seq)
    }

    /// A member asks for something over HTTP.
    ///
    /// # Errors
    ///
    /// When REST refuses.
    pub async fn get(&self, path: &str, user: &Member) -> Result<Value> {
        let request = self.http.get(format!("{}{path}", self.rest));
        self.send(request, user).await
    }

    /// A member has something made over HTTP.
    ///
    /// # Errors
    ///
    /// When REST refuses.
    pub async fn post(&self, path: &str, user: &Member, body: &Value) -> Result<Value> {
        let request = self
            .http
            .post(format!("{}{path}", self.rest))
            .json(body)
            .header("idempotency-key", Uuid::new_v4().to_string());
        self.send(request, user).await
    }

    /// A member changes or deletes something over HTTP; with the version it has, where it
    /// has one.
    ///
    /// # Errors
    ///
    /// When REST refuses.
    pub async fn change(
        &self,
        method: reqwest::Method,
        path: &str,
        user: &Member,
        version: Option<i64>,
        body: Option<&Value>,
    ) -> Result<Value> {
        let mut request = self.http.request(method, format!("{}{path}", self.rest));
        if let Some(version) = version {
            request = request.header("if-match", format!("\"{version}\""));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(request, user).await
    }

    async fn send(&self, request: reqwest::RequestBuilder, user: &Member) -> Result<Value> {
        let answer = request
            .header("x-service-key", &self.website_key)
            .header("x-acting-user", &user.user.id)
            .timeout(PATIENCE)
            .send()
            .await?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        let body: Value = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)?
        };
        if status.is_success() {
            Ok(body)
        } else {
            Err(format!("HTTP {status}: {body}").into())
        }
    }
}
