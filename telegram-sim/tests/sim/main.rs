//! The simulator over real sockets, as bots and tests use it.

mod controls;
mod faults;
mod locations;
mod messages;
mod page;
mod pictures;
mod polling;
mod real_client;
mod requests;
mod webhooks;

use std::time::Duration;

use serde_json::{Value, json};
use telegram_sim::{
    Config, Limits,
    api::{NewPerson, Person},
    client::SimClient,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A token any simulator accepts; its bot is 4200.
const TOKEN: &str = "4200:AAAAAAAAAAAAAAAAAAAAAAAA";
/// Long enough for a busy machine; nothing waits this long unless it fails.
const SOON: Duration = Duration::from_secs(20);

/// A running simulator; it stops when dropped.
struct Sim {
    client: SimClient,
    stop: CancellationToken,
    task: Option<JoinHandle<std::io::Result<()>>>,
}

impl Sim {
    /// With no sending limits.
    async fn start() -> Self {
        Self::with(Config {
            limits: Limits::OFF,
            ..Config::default()
        })
        .await
    }

    async fn with(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let task = tokio::spawn(telegram_sim::run(listener, config, stop.clone()));
        Self {
            client: SimClient::at(address),
            stop,
            task: Some(task),
        }
    }

    /// Somebody whose private chat with the bot is open.
    async fn person(&self) -> Person {
        let person = self
            .client
            .create_person(&NewPerson::named("Anna", "en"))
            .await
            .expect("a person");
        self.call("getMe", json!({})).await;
        self.client.say(&person, "/start").await.expect("said");
        person
    }

    /// Calls a method and returns the status and the answer.
    async fn call(&self, method: &str, params: Value) -> (u16, Value) {
        self.client
            .call(TOKEN, method, &params)
            .await
            .expect("an answer")
    }

    /// Calls a method that must be accepted, and returns its result.
    async fn accepted(&self, method: &str, params: Value) -> Value {
        let (status, answer) = self.call(method, params).await;
        assert_eq!(status, 200, "{method}: {answer}");
        assert_eq!(answer["ok"], json!(true));
        answer["result"].clone()
    }

    /// Calls a method that must be refused, and returns status and text.
    async fn refused(&self, method: &str, params: Value) -> (u16, String) {
        let (status, answer) = self.call(method, params).await;
        assert_eq!(answer["ok"], json!(false), "{method}: {answer}");
        assert_eq!(answer["error_code"], json!(status));
        let text = answer["description"].as_str().expect("a description");
        (status, text.to_owned())
    }

    async fn send(&self, chat: i64, text: &str) -> Value {
        self.accepted("sendMessage", json!({ "chat_id": chat, "text": text }))
            .await
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The first tuple part of a Telegram 400.
fn bad_request(text: &str) -> (u16, String) {
    (400, format!("Bad Request: {text}"))
}
