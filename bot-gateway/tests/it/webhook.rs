//! Updates that are posted.

use std::time::Duration;

use olm_proto::notify::v1::{NotOwned, dispatch_response::Message};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use telegram_sim::api::Person;
use tokio::time::timeout;

use crate::{
    conversation::{person, shown},
    stage::{BOT_ID, Running, SECRET, SOON, Stage},
};

const HEADER: &str = "x-telegram-bot-api-secret-token";

/// A gateway that is posted to, by the test as well.
struct Hooked {
    stage: Stage,
    running: Running,
    url: String,
    http: reqwest::Client,
}

fn secret() -> String {
    let token = bot_gateway::Token::parse(format!("{BOT_ID}:{SECRET}").into()).unwrap();
    token.webhook_secret().expose_secret().to_owned()
}

/// A text of somebody, as Telegram posts it.
fn text(id: i64, from: &Person, text: &str) -> Value {
    json!({
        "update_id": id,
        "message": {
            "message_id": 1_000_000 + id,
            "date": 1_800_000_000,
            "chat": { "id": from.id, "type": "private", "first_name": "Anna" },
            "from": {
                "id": from.id, "is_bot": false, "first_name": "Anna", "language_code": "en",
            },
            "text": text,
        },
    })
}

impl Hooked {
    async fn new() -> Self {
        let mut stage = Stage::new().await;
        let base = stage.by_webhook();
        let running = stage.start(Duration::from_secs(8)).await;
        let hooked = Self {
            url: format!("{base}/{BOT_ID}"),
            http: reqwest::Client::new(),
            stage,
            running,
        };
        hooked.is_set(true).await;
        hooked
    }

    /// Waits until Telegram knows where to post, or does not.
    async fn is_set(&self, set: bool) {
        is_set(&self.stage, set.then_some(self.url.as_str())).await;
    }

    async fn post(&self, url: &str, secret: &str, body: impl Into<reqwest::Body>) -> StatusCode {
        let post = self.http.post(url).header(HEADER, secret).body(body);
        post.send().await.unwrap().status()
    }

    async fn update(&self, update: &Value) -> StatusCode {
        self.post(&self.url, &secret(), update.to_string()).await
    }
}

/// Waits until Telegram posts to `url`, or nowhere.
async fn is_set(stage: &Stage, url: Option<&str>) {
    let token = format!("{BOT_ID}:{SECRET}");
    let known = async {
        loop {
            let info = stage.sim.call(&token, "getWebhookInfo", &json!({})).await;
            if info.unwrap().1["result"]["url"] == url.unwrap_or_default() {
                return;
            }
        }
    };
    timeout(SOON, known).await.expect("it is told");
}

#[tokio::test]
async fn telegram_is_told_where_to_post_and_people_are_answered() {
    let hooked = Hooked::new().await;
    let anna = person(&hooked.stage, "en").await;
    hooked.stage.sim.say(&anna, "/start").await.unwrap();
    shown(&hooked.stage, &anna, "Hello").await;
    hooked.running.stop().await.unwrap();
    // Whoever comes next gets what is sent meanwhile.
    is_set(&hooked.stage, Some(&hooked.url)).await;
    hooked.stage.sim.say(&anna, "/help").await.unwrap();
    let running = hooked.stage.start_after_crash(Duration::from_secs(8)).await;
    shown(&hooked.stage, &anna, "What I can do").await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn only_telegram_can_post_and_only_for_a_bot_that_is_here() {
    let hooked = Hooked::new().await;
    let anna = person(&hooked.stage, "en").await;
    let body = || text(1, &anna, "/help").to_string();
    let (url, good) = (&hooked.url, secret());
    for wrong in ["", "wrong", &good[1..], &good.to_lowercase()] {
        let status = hooked.post(url, wrong, body()).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{wrong}");
    }
    let bare = hooked.http.post(url).body(body()).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::FORBIDDEN);
    for unknown in [
        url.replace("4242", "4243"),
        url.replace("/4242", "/"),
        format!("{url}/x"),
    ] {
        let status = hooked.post(&unknown, &good, body()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{unknown}");
    }
    let get = hooked.http.request(Method::GET, url).header(HEADER, &good);
    let status = get.send().await.unwrap().status();
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    hooked.running.stop().await.unwrap();
    assert!(hooked.stage.lessons.state().users.is_empty());
}

#[tokio::test]
async fn what_is_no_update_is_refused_and_a_kind_that_is_not_known_is_taken() {
    let hooked = Hooked::new().await;
    let anna = person(&hooked.stage, "en").await;
    for (body, status) in [
        ("{".to_owned(), StatusCode::BAD_REQUEST),
        ("[]".to_owned(), StatusCode::BAD_REQUEST),
        (
            json!({ "update_id": "7" }).to_string(),
            StatusCode::BAD_REQUEST,
        ),
        (
            json!({ "update_id": 7, "news": {} }).to_string(),
            StatusCode::OK,
        ),
        (
            text(8, &anna, &"x".repeat(256 * 1024)).to_string(),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let answered = hooked.post(&hooked.url, &secret(), body.clone()).await;
        assert_eq!(answered, status, "{:.80}", body);
    }
    hooked.running.stop().await.unwrap();
}

#[tokio::test]
async fn posts_of_one_update_at_the_same_time_act_once() {
    let hooked = Hooked::new().await;
    let anna = person(&hooked.stage, "en").await;
    hooked.stage.sim.say(&anna, "/start").await.unwrap();
    shown(&hooked.stage, &anna, "Hello").await;
    // Ids lie below those that the simulator gives out.
    let update = text(5, &anna, "/help");
    let (first, second, third) = tokio::join!(
        hooked.update(&update),
        hooked.update(&update),
        hooked.update(&update),
    );
    assert_eq!([first, second, third], [StatusCode::OK; 3]);
    assert_eq!(hooked.update(&text(6, &anna, "hm")).await, StatusCode::OK);
    shown(&hooked.stage, &anna, "All commands: /help").await;
    let chat = hooked.stage.sim.chat(&anna).await.unwrap();
    let helped = chat.messages.iter();
    let helped = helped.filter(|message| message.text.contains("What I can do"));
    assert_eq!(helped.count(), 1);
    hooked.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_gateway_in_waiting_sends_updates_away_until_the_bot_is_its_own() {
    let hooked = Hooked::new().await;
    let anna = person(&hooked.stage, "en").await;
    let mut line = hooked.stage.notify.line().await;
    line.say(Message::NotOwned(NotOwned {
        bot_id: BOT_ID,
        retry_after: Some(olm_proto::duration(jiff::SignedDuration::from_millis(250))),
    }))
    .await;
    // It has heard that when it asks again.
    line.next().await;
    let update = text(5, &anna, "/help");
    let away = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(hooked.update(&update).await, away);
    line.own(Vec::new()).await;
    assert_eq!(hooked.update(&update).await, StatusCode::OK);
    hooked.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_polls_takes_an_earlier_webhook_off() {
    let hooked = Hooked::new().await;
    let anna = person(&hooked.stage, "en").await;
    hooked.running.stop().await.unwrap();
    let mut stage = hooked.stage;
    stage.set("BOT_UPDATES", "polling");
    let running = stage.start_after_crash(Duration::from_secs(8)).await;
    is_set(&stage, None).await;
    stage.sim.say(&anna, "/start").await.unwrap();
    shown(&stage, &anna, "Hello").await;
    running.stop().await.unwrap();
}
