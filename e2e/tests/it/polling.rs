//! A bot in another language, as a process: it polls, sends and tells (OLM-3).

use std::{path::Path, time::Duration};

use e2e::{
    Result,
    process::Process,
    program::Program,
    stack::SIMULATED_TOKEN,
    story::{Member, PATIENCE, Story, sign},
    system::{System, eventually},
};
use olm_proto::notify::v1::{
    BotMode, GetRecipientRequest, SetBotModeRequest, delivery_service_client::DeliveryServiceClient,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use telegram_sim::api::{Fault, FaultKind, LedgerEntry, LedgerQuery};
use tokio::process::Command;
use uuid::Uuid;

/// How long the bot may take to end.
const GRACE: Duration = Duration::from_secs(15);

/// A client that creates notifications over HTTP.
struct Client {
    http: reqwest::Client,
    rest: String,
    key: String,
}

impl Client {
    fn of(system: &System) -> Self {
        Self {
            http: reqwest::Client::new(),
            rest: system.stack.url(Program::GatewayRest),
            key: system.stack.keys.of("crm").to_owned(),
        }
    }

    /// Has a text sent; the notification's path.
    async fn tell(&self, member: &Member, text: &str) -> Result<String> {
        let request = self.http.post(format!("{}/send_message/", self.rest));
        let answer = request
            .header("x-service-key", &self.key)
            .header("idempotency-key", Uuid::new_v4().to_string())
            .json(&json!({"telegram_user_id": member.person.id, "message": text}))
            .send()
            .await?
            .error_for_status()?;
        let location = answer.headers().get("location").ok_or("no location")?;
        Ok(location.to_str()?.to_owned())
    }

    async fn look(&self, path: &str) -> Result<Value> {
        let request = self.http.get(format!("{}{path}", self.rest));
        let answer = request.header("x-service-key", &self.key).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// What is given out now.
    async fn pending(&self) -> Result<Vec<Value>> {
        let answer = self.look("/internal/notifications/pending").await?;
        let rows = answer["notifications"].as_array();
        Ok(rows.ok_or("no notifications")?.clone())
    }

    /// The one that is given out next, waited for.
    async fn given(&self) -> Result<Value> {
        let mut given = None;
        eventually("a notification is given out", PATIENCE, async || {
            given = self.pending().await.ok().and_then(|mut rows| rows.pop());
            given.is_some()
        })
        .await?;
        Ok(given.ok_or("none")?)
    }

    /// Says what became of one; the status and the body of the answer.
    async fn say(&self, id: &str, body: &Value) -> Result<(u16, Value)> {
        let path = format!("{}/internal/notifications/{id}", self.rest);
        let request = self.http.patch(path).header("x-service-key", &self.key);
        let answer = request.json(body).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    /// Waits until a notification has ended so.
    async fn ends(&self, path: &str, state: &str) -> Result<Value> {
        eventually(state, PATIENCE, async || {
            let seen = self.look(path).await;
            seen.is_ok_and(|seen| seen["state"] == state)
        })
        .await?;
        self.look(path).await
    }
}

/// Puts the simulated bot into polling mode for the client `crm`.
async fn poll_for_crm(system: &System) -> Result<()> {
    let channel = system.stack.operator(Program::NotifySvc)?;
    let request = SetBotModeRequest {
        bot_id: Story::bot_id()?,
        mode: BotMode::Polling.into(),
        client: "crm".to_owned(),
    };
    let mut delivery = DeliveryServiceClient::new(channel);
    delivery.set_bot_mode(request).await?;
    Ok(())
}

fn start_bot(system: &System) -> Result<Process> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bots/polling_bot.py");
    let mut command = Command::new("python3");
    command
        .arg(script)
        .env("OLM_URL", system.stack.url(Program::GatewayRest))
        .env("OLM_SERVICE_KEY", system.stack.keys.of("crm"))
        .env("TELEGRAM_BOT_TOKEN", SIMULATED_TOKEN)
        .env("TELEGRAM_API_URL", system.stack.url(Program::TelegramSim))
        .env("POLL_SECONDS", "0.05");
    let log = system.directory.path().join("logs/polling_bot.log");
    Process::start("polling_bot", &mut command, &log)
}

/// What Telegram took for a member with this text.
async fn accepted(system: &System, member: &Member, text: &str) -> Result<Vec<LedgerEntry>> {
    let query = LedgerQuery::method("sendMessage").in_chat(member.person.id);
    let is_it = |entry: &LedgerEntry| entry.accepted && entry.text.as_deref() == Some(text);
    let sim = &system.story.sim;
    let entries = sim
        .ledger_until(&query, PATIENCE, |entries| entries.iter().any(is_it))
        .await?;
    Ok(entries.into_iter().filter(is_it).collect())
}

async fn is_reachable(system: &System, member: &Member) -> Result<bool> {
    let request = GetRecipientRequest {
        user_id: member.user.id.clone(),
    };
    let known = system.stack.recipients()?.get_recipient(request).await?;
    Ok(known.into_inner().reachable)
}

async fn who_blocked_the_bot_is_written_to_again_once_they_wrote(
    system: &System,
    crm: &Client,
    member: &Member,
) -> Result<()> {
    let sim = &system.story.sim;
    sim.block(&member.person).await?;
    let path = crm.tell(member, "are you there?").await?;
    let failed = crm.ends(&path, "failed").await?;
    let failure = failed["failure"].as_str().ok_or("no failure")?;
    assert!(failure.starts_with("Forbidden:"), "{failure}");
    assert!(!is_reachable(system, member).await?);
    sim.unblock(&member.person).await?;
    sim.say(&member.person, "/start").await?;
    eventually("they can be reached", PATIENCE, async || {
        is_reachable(system, member).await.unwrap_or_default()
    })
    .await?;
    let path = crm.tell(member, "welcome back").await?;
    crm.ends(&path, "sent").await?;
    assert_eq!(accepted(system, member, "welcome back").await?.len(), 1);
    Ok(())
}

/// The id at the end of a notification's path.
fn id_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_what_cannot_be_is_refused_and_what_nobody_resolved_is_given_again() -> Result<()>
{
    let silence = (Program::NotifySvc, "NOTIFY_SILENCE", "0.5".to_owned());
    let mut system = System::with(None, vec![silence], false).await?;
    let student = system.story.join(&system.stack, "Boris", "ru").await?;
    system.stack.stop_one(Program::BotGateway).await?;
    poll_for_crm(&system).await?;
    let crm = Client::of(&system);

    let unknown = Uuid::new_v4().to_string();
    let (status, problem) = crm.say(&unknown, &json!({"status": "sent"})).await?;
    assert_eq!(
        (status, &problem["reason"]),
        (404, &json!("NOTIFICATION_NOT_FOUND"))
    );

    // Said to be sent, then to have failed.
    let path = crm.tell(&student, "once").await?;
    let id = id_of(&path);
    let row = crm.given().await?;
    assert_eq!((&row["id"], &row["attempts"]), (&json!(id), &json!(1)));
    let sent = json!({"status": "sent", "attempts": 1});
    assert_eq!(crm.say(id, &sent).await?.0, 200);
    let failed = json!({"status": "failed", "reason": "no", "attempts": 1});
    let (status, problem) = crm.say(id, &failed).await?;
    assert_eq!(
        (status, &problem["reason"], &problem["notification_state"]),
        (409, &json!("NOTIFICATION_STATE_UNSUITABLE"), &json!("sent"))
    );

    // Not resolved: given to the same caller once more, and never a third time.
    let path = crm.tell(&student, "twice").await?;
    let id = id_of(&path);
    for attempts in [1, 2] {
        let row = crm.given().await?;
        assert_eq!(
            (&row["id"], &row["attempts"]),
            (&json!(id), &json!(attempts))
        );
    }
    let ended = crm.ends(&path, "unconfirmed").await?;
    assert_eq!(
        (&ended["attempt_no"], &ended["resent"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(crm.pending().await?, Vec::<Value>::new());
    // A failure of the first time says nothing of the second.
    let (status, problem) = crm.say(id, &failed).await?;
    assert_eq!(
        (status, &problem["notification_state"]),
        (409, &json!("unconfirmed"))
    );
    let (status, late) = crm
        .say(id, &json!({"status": "sent", "attempts": 2}))
        .await?;
    assert_eq!((status, &late["state"]), (200, &json!("sent")));
    system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_bot_that_polls_sends_and_tells_delivers_each_message_once() -> Result<()> {
    let mut system = System::start(None).await?;
    let teacher = system.story.join(&system.stack, "Anna", "en").await?;
    system.story.teach(&system.stack, &teacher).await?;
    let student = system.story.join(&system.stack, "Boris", "ru").await?;
    system.stack.stop_one(Program::BotGateway).await?;
    poll_for_crm(&system).await?;
    let mut bot = start_bot(&system)?;
    let crm = Client::of(&system);

    // What the services tell by themselves, in each reader's language, without markup.
    let slots = system.story.slots(&teacher, &student).await?;
    let slot = *slots.last().ok_or("no slot")?;
    system.story.book(&student, &teacher, slot).await?;
    for (member, words) in [(&teacher, "New lesson"), (&student, "Урок забронирован")]
    {
        let notice = system.story.notice(member, sign::BOOKED, 0).await?;
        let text = notice.text.ok_or("no text")?;
        assert!(text.contains(words) && !text.contains('<'), "{text}");
    }

    // A client's text, as it is.
    let text = "1 < 2 & <b>bold</b>";
    let path = crm.tell(&student, text).await?;
    let entries = accepted(&system, &student, text).await?;
    let sent = crm.ends(&path, "sent").await?;
    assert_eq!((entries.len(), &sent["resent"]), (1, &json!(false)));
    assert!(sent["telegram_message_id"].is_i64(), "{sent}");

    // A limit is waited for, and counts for nothing.
    let limited = Fault::new(FaultKind::Status {
        code: 429,
        description: "Too Many Requests: retry after 1".to_owned(),
        retry_after: Some(1),
        migrate_to_chat_id: None,
    });
    let limited = limited.on("sendMessage").in_chat(teacher.person.id);
    system.story.sim.fault(&limited).await?;
    let path = crm.tell(&teacher, "slowly").await?;
    let sent = crm.ends(&path, "sent").await?;
    assert_eq!(sent["counted_attempts"], 0);
    assert!(sent["attempt_no"].as_i64() > Some(1), "{sent}");
    assert_eq!(accepted(&system, &teacher, "slowly").await?.len(), 1);

    who_blocked_the_bot_is_written_to_again_once_they_wrote(&system, &crm, &student).await?;

    let ended = bot.stop(Signal::TERM, GRACE).await?;
    assert!(ended.success(), "{ended}\n{}", bot.log_tail());
    system.stop().await
}
