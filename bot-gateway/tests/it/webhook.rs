//! Updates that are posted.

use std::time::Duration;

use jiff::SignedDuration;
use olm_proto::notify::v1::{NotOwned, dispatch_response::Message};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use service_kit::clock::{ManualClock, SystemClock};
use telegram_sim::{
    api::{MessageView, Person},
    client::Button,
};
use tokio::time::timeout;

use crate::{
    conversation::{data, hold_first, person, shown, wait_for},
    stage::{BOT_ID, LOGS, Running, SECRET, SOON, Stage},
};

const HEADER: &str = "x-telegram-bot-api-secret-token";
/// The id of an update after those that the simulator gives out, which rise with the years:
/// the largest that teloxide takes.
const HELP: i64 = i32::MAX as i64 - 1;
/// When a gateway in waiting asks again.
const ASK_SOON: SignedDuration = SignedDuration::from_millis(250);
const ASK_LATE: SignedDuration = SignedDuration::from_mins(1);

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
            "message_id": 1_000_000,
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

/// Posts an update as Telegram does.
async fn post(url: &str, update: &Value) -> StatusCode {
    let post = reqwest::Client::new().post(url).header(HEADER, secret());
    post.body(update.to_string()).send().await.unwrap().status()
}

fn not_owned(retry_after: SignedDuration) -> Message {
    Message::NotOwned(NotOwned {
        bot_id: BOT_ID,
        retry_after: Some(olm_proto::duration(retry_after)),
    })
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
        assert_eq!(answered, status, "{body:.80}");
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
    line.say(not_owned(ASK_SOON)).await;
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
async fn what_is_taken_while_nobody_says_whose_the_bot_is_is_handled_in_any_case() {
    let mut stage = Stage::new().await;
    let url = format!("{}/{BOT_ID}", stage.by_webhook());
    let running = stage.start(Duration::from_secs(8)).await;
    let anna = person(&stage, "en").await;
    // She has begun; nobody fetches that.
    stage.sim.say(&anna, "/start").await.unwrap();
    let mut line = stage.notify.line().await;
    line.say(not_owned(ASK_SOON)).await;
    line.next().await;
    drop(line);
    let mut line = stage.notify.line().await;
    assert_eq!(post(&url, &text(5, &anna, "/help")).await, StatusCode::OK);
    line.say(not_owned(ASK_LATE)).await;
    line.during(shown(&stage, &anna, "What I can do")).await;
    running.stop().await.unwrap();
}

/// Kills a gateway with two updates of a person on its disk: a press, which hangs, and `/help`
/// after it. The bot is another's then.
async fn left_two(stage: &mut Stage) -> (Person, String) {
    let base = stage.by_webhook();
    let url = format!("{base}/{BOT_ID}");
    let mortal = stage.start_mortal();
    let mut line = stage.notify.owned_line().await;
    let anna = person(stage, "en").await;
    let left = async {
        is_set(stage, Some(&url)).await;
        let ask = hold_first(stage, &anna).await;
        stage.lessons.stuck.send_replace(true);
        let confirm = Button::data(data(&ask, "✅"));
        let pressed = stage.sim.press(&anna, confirm).await.unwrap();
        stage.sim.callback_answer(&pressed, SOON).await.unwrap();
        wait_for(|| !stage.lessons.state().book_requests.is_empty()).await;
        let help = text(HELP, &anna, "/help");
        assert_eq!(post(&url, &help).await, StatusCode::OK);
    };
    line.during(left).await;
    mortal.shutdown_background();
    stage.lessons.stuck.send_replace(false);
    stage.released().await;
    (anna, url)
}

#[tokio::test]
async fn what_an_earlier_process_left_is_handled_in_order_while_the_bot_is_anothers() {
    let mut stage = Stage::new().await;
    let (anna, _) = left_two(&mut stage).await;
    let running = stage.start(Duration::from_secs(8)).await;
    let mut line = stage.notify.line().await;
    line.say(not_owned(ASK_LATE)).await;
    let helped = line.during(shown(&stage, &anna, "What I can do")).await;
    let chat = stage.sim.chat(&anna).await.unwrap();
    let booked = chat.messages.iter();
    let mut booked = booked.filter(|message| message.text.contains("You are booked"));
    assert!(booked.any(|message| message.message_id < helped.message_id));
    assert_eq!(stage.lessons.state().book_requests.len(), 2);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_an_earlier_process_left_long_ago_is_dropped_with_a_word() {
    let mut stage = Stage::new().await;
    let (anna, url) = left_two(&mut stage).await;
    let clock = ManualClock::new(SystemClock::shared().now() + SignedDuration::from_mins(11));
    let running = stage.start_at(Duration::from_secs(8), clock).await;
    let mut line = stage.notify.owned_line().await;
    let asked = async {
        is_set(&stage, Some(&url)).await;
        // One of the two again.
        let help = text(HELP, &anna, "/help");
        assert_eq!(post(&url, &help).await, StatusCode::OK);
        assert_eq!(post(&url, &text(6, &anna, "hm")).await, StatusCode::OK);
        shown(&stage, &anna, "All commands: /help").await;
    };
    line.during(asked).await;
    let chat = stage.sim.chat(&anna).await.unwrap();
    let helped = |message: &MessageView| message.text.contains("What I can do");
    assert!(!chat.messages.iter().any(helped));
    assert_eq!(stage.lessons.state().book_requests.len(), 1);
    assert!(LOGS.text().contains("were dropped bot_id=4242 updates=2"));
    running.stop().await.unwrap();
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
