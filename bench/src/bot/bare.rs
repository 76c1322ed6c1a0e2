//! The simplest bot there can be, as a process of its own: fetches updates, answers each at
//! once with the same words and the same buttons, keeps nothing, asks nobody.

use std::{env, sync::Arc, time::Duration};

use clap::Args;
use e2e::{Result, process::Process, program::Program, system::eventually};
use reqwest::Client;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{
    script::KINDS,
    stage::{Stage, Which},
};

const READY: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(5);
/// About as long as what our bot says.
const WORDS: &str = "📅 <b>16–22 November</b>, 60 min a lesson\nTimes are in your time zone. It is \
    10:00 for you (London), and 11:00 for the teacher (Berlin).\nChoose a day:";

/// Its process.
pub(super) struct Bare(Process);

/// What the process is told.
#[derive(Debug, Args)]
pub(crate) struct Address {
    /// The Bot API with the bot's token: `http://127.0.0.1:8081/bot1:token`
    api: String,
}

impl Bare {
    /// Starts it, and waits until it fetches updates.
    pub(super) async fn start(stage: &Stage) -> Result<Self> {
        let sim = stage.server.stack.url(Program::TelegramSim);
        let mut command = Command::new(env::current_exe()?);
        command
            .arg("bare-bot")
            .arg(format!("{sim}/bot{}", Which::Bare.token()));
        let log = stage.server.directory().join("logs/bare-bot.log");
        let process = Process::start("bare-bot", &mut command, &log)?;
        let id = Which::Bare.bot_id()?;
        eventually("the bare bot fetches updates", READY, async || {
            let bots = stage.sim.bots().await.unwrap_or_default();
            bots.iter().any(|bot| bot.id == id && bot.polling)
        })
        .await?;
        Ok(Self(process))
    }

    pub(super) async fn stop(mut self) -> Result<()> {
        self.0.stop(Signal::TERM, STOP).await?;
        Ok(())
    }
}

/// The bot itself; ends only when it is stopped.
pub(crate) async fn serve(address: &Address) -> Result<()> {
    let api = Arc::new(Api {
        http: Client::new(),
        base: address.api.clone(),
    });
    let mut offset = 0;
    loop {
        let poll = json!({ "offset": offset, "timeout": 25, "limit": 100 });
        let updates = api.call("getUpdates", poll).await?;
        for update in updates["result"].as_array().into_iter().flatten() {
            offset = update["update_id"].as_i64().unwrap_or(offset) + 1;
            let (api, update) = (Arc::clone(&api), update.clone());
            tokio::spawn(async move {
                if let Err(error) = api.answer(&update).await {
                    eprintln!("{error}");
                }
            });
        }
    }
}

struct Api {
    http: Client,
    base: String,
}

impl Api {
    async fn call(&self, method: &str, params: Value) -> Result<Value> {
        let request = self.http.post(format!("{}/{method}", self.base));
        Ok(request.json(&params).send().await?.json().await?)
    }

    async fn answer(&self, update: &Value) -> Result<()> {
        let number = &update["update_id"];
        let text = format!("{WORDS}\n{number}");
        let rows = KINDS.map(|kind| {
            let keys = (1..=3).map(
                |n| json!({ "text": format!("{n}•"), "callback_data": format!("{kind}:{n}") }),
            );
            keys.collect::<Vec<_>>()
        });
        let mut reply = json!({
            "text": text, "parse_mode": "HTML", "reply_markup": { "inline_keyboard": rows },
        });
        let query = &update["callback_query"];
        if query.is_null() {
            reply["chat_id"] = update["message"]["chat"]["id"].clone();
            self.call("sendMessage", reply).await?;
            return Ok(());
        }
        reply["chat_id"] = query["message"]["chat"]["id"].clone();
        reply["message_id"] = query["message"]["message_id"].clone();
        let acknowledged = json!({ "callback_query_id": query["id"] });
        tokio::try_join!(
            self.call("answerCallbackQuery", acknowledged),
            self.call("editMessageText", reply),
        )?;
        Ok(())
    }
}
