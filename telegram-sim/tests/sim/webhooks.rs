//! Updates posted to a bot.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use serde_json::{Value, json};
use telegram_sim::api::{NewPerson, Person};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};

use super::{SOON, Sim};

/// A bot that answers as it is told to.
#[derive(Clone)]
struct Bot {
    /// Texts and secrets, in the order they came.
    posts: Arc<Mutex<Vec<(String, String)>>>,
    /// The next answers; 200 when there are none.
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    came: Arc<Semaphore>,
    /// Each answer takes one.
    answering: Arc<Semaphore>,
    url: String,
}

impl Bot {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("it works");
        let bot = Self {
            posts: Arc::default(),
            answers: Arc::default(),
            came: Arc::new(Semaphore::new(0)),
            answering: Arc::new(Semaphore::new(1_000)),
            url: format!("http://{}/hook", listener.local_addr().expect("it works")),
        };
        let router = Router::new()
            .route("/hook", post(take))
            .with_state(bot.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        bot
    }

    async fn next(&self) -> (String, String) {
        let permit = timeout(SOON, self.came.acquire()).await;
        permit
            .expect("nothing was posted")
            .expect("it works")
            .forget();
        self.posts.lock().expect("it works").remove(0)
    }

    async fn texts(&self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for _ in 0..count {
            texts.push(self.next().await.0);
        }
        texts
    }
}

async fn take(State(bot): State<Bot>, headers: HeaderMap, Json(update): Json<Value>) -> StatusCode {
    let text = update["message"]["text"]
        .as_str()
        .expect("it works")
        .to_owned();
    let secret = headers.get("x-telegram-bot-api-secret-token");
    let secret = secret.map_or("", |secret| secret.to_str().expect("it works"));
    bot.posts
        .lock()
        .expect("it works")
        .push((text, secret.to_owned()));
    bot.came.add_permits(1);
    bot.answering.acquire().await.expect("it works").forget();
    let answer = bot.answers.lock().expect("it works").pop_front();
    answer.unwrap_or(StatusCode::OK)
}

async fn second_person(sim: &Sim) -> Person {
    let person = NewPerson::named("Boris", "ru");
    sim.client.create_person(&person).await.expect("it works")
}

/// Waits until nothing is left to post.
async fn through(sim: &Sim) {
    let emptied = async {
        loop {
            let info = sim.accepted("getWebhookInfo", json!({})).await;
            if info["pending_update_count"] == json!(0) {
                return info;
            }
        }
    };
    timeout(SOON, emptied).await.expect("posts are left");
}

#[tokio::test]
async fn updates_are_posted_with_the_secret_and_those_of_a_chat_in_order_until_each_is_taken() {
    let sim = Sim::start().await;
    let bot = Bot::start().await;
    let (anna, boris) = (sim.person().await, second_person(&sim).await);
    let fails = [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::FOUND];
    bot.answers.lock().unwrap().extend(fails);
    bot.answering.forget_permits(1_000);
    let hook = json!({ "url": bot.url, "secret_token": "s-3_cret" });
    sim.accepted("setWebhook", hook).await;
    assert_eq!(bot.next().await, ("/start".into(), "s-3_cret".into()));
    for text in ["second", "third"] {
        sim.client.say(&anna, text).await.unwrap();
    }
    bot.answering.add_permits(2);
    // Anna's first one fails twice; her later ones wait for it.
    assert_eq!(bot.texts(2).await, ["/start", "/start"]);
    let info = sim.accepted("getWebhookInfo", json!({})).await;
    let told = info["last_error_message"].as_str().unwrap();
    assert!(
        told.starts_with("Wrong response from the webhook: "),
        "{told}"
    );
    // Boris does not.
    sim.client.say(&boris, "hello").await.unwrap();
    assert_eq!(bot.texts(1).await, ["hello"]);
    bot.answering.add_permits(1_000);
    assert_eq!(bot.texts(2).await, ["second", "third"]);
    through(&sim).await;

    sim.accepted("deleteWebhook", json!({})).await;
    sim.client.say(&anna, "polled").await.unwrap();
    let updates = sim.accepted("getUpdates", json!({})).await;
    assert_eq!(updates[0]["message"]["text"], json!("polled"));
    assert_eq!(updates.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn no_more_posts_are_out_than_the_bot_allows() {
    let sim = Sim::start().await;
    let bot = Bot::start().await;
    bot.answering.forget_permits(1_000);
    sim.person().await;
    let hook = json!({ "url": bot.url, "max_connections": 2 });
    sim.accepted("setWebhook", hook).await;
    for name in ["Boris", "Clara"] {
        let person = NewPerson::named(name, "en");
        let person = sim.client.create_person(&person).await.unwrap();
        sim.client.say(&person, name).await.unwrap();
    }
    bot.texts(2).await;
    let third = timeout(Duration::from_millis(200), bot.came.acquire()).await;
    assert!(third.is_err(), "a third one came");
    bot.answering.add_permits(1);
    bot.texts(1).await;
    bot.answering.add_permits(2);
    through(&sim).await;
}

#[tokio::test]
async fn a_redelivered_update_is_posted_once_more_though_it_was_taken() {
    let sim = Sim::start().await;
    let bot = Bot::start().await;
    let anna = sim.person().await;
    sim.accepted("setWebhook", json!({ "url": bot.url })).await;
    assert_eq!(bot.texts(1).await, ["/start"]);
    let said = sim.client.say(&anna, "hello").await.unwrap();
    assert_eq!(bot.texts(1).await, ["hello"]);
    let id = sim.client.bots().await.unwrap()[0].id;
    let update = said.update_id.unwrap();
    sim.client.redeliver(id, update, 2).await.unwrap();
    assert_eq!(bot.texts(2).await, ["hello", "hello"]);
    sim.client.say(&anna, "after").await.unwrap();
    assert_eq!(bot.texts(1).await, ["after"]);
}
