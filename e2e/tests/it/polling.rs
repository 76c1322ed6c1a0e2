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

    // Who blocked the bot is not written to again.
    system.story.sim.block(&student.person).await?;
    let path = crm.tell(&student, "are you there?").await?;
    let failed = crm.ends(&path, "failed").await?;
    let failure = failed["failure"].as_str().ok_or("no failure")?;
    assert!(failure.starts_with("Forbidden:"), "{failure}");
    let request = GetRecipientRequest {
        user_id: student.user.id.clone(),
    };
    let known = system.stack.recipients()?.get_recipient(request).await?;
    assert!(!known.into_inner().reachable);

    let ended = bot.stop(Signal::TERM, GRACE).await?;
    assert!(ended.success(), "{ended}\n{}", bot.log_tail());
    system.stop().await
}
