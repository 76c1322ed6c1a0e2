//! getUpdates, webhooks and stopping.

use std::time::Duration;

use serde_json::{Value, json};
use telegram_sim::{Config, api::NewPerson, client::SimClient};

use super::{SOON, Sim, TOKEN};

fn poll(client: &SimClient, params: Value) -> tokio::task::JoinHandle<(u16, Value)> {
    let client = client.clone();
    tokio::spawn(async move {
        client
            .call(TOKEN, "getUpdates", &params)
            .await
            .expect("an answer")
    })
}

/// Waits until a poll of the bot is open.
async fn polling(sim: &Sim) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !sim
        .client
        .bots()
        .await
        .expect("bots")
        .iter()
        .any(|bot| bot.polling)
    {
        assert!(tokio::time::Instant::now() < deadline, "nobody polls");
        tokio::task::yield_now().await;
    }
}

async fn updates(sim: &Sim, params: Value) -> Vec<Value> {
    let result = sim.accepted("getUpdates", params).await;
    result.as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_long_poll_wakes_when_somebody_writes() {
    let sim = Sim::start().await;
    let person = sim
        .client
        .create_person(&NewPerson::named("Anna", "ru"))
        .await
        .unwrap();
    let waiting = poll(&sim.client, json!({ "timeout": 50 }));
    polling(&sim).await;
    sim.client.say(&person, "/start now").await.unwrap();
    // Far below the poll's own 50 s: it was woken, not timed out.
    let (status, answer) = tokio::time::timeout(SOON, waiting).await.unwrap().unwrap();
    assert_eq!(status, 200);
    let message = &answer["result"][0]["message"];
    assert_eq!(message["text"], json!("/start now"));
    assert_eq!(message["from"]["language_code"], json!("ru"));
    assert_eq!(
        message["entities"],
        json!([{ "type": "bot_command", "offset": 0, "length": 6 }])
    );
}

#[tokio::test]
async fn updates_stay_until_a_higher_offset_confirms_them() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    sim.client.say(&person, "two").await.unwrap();
    sim.client.say(&person, "three").await.unwrap();
    let first = updates(&sim, json!({ "limit": 2 })).await;
    let again = updates(&sim, json!({ "limit": 2 })).await;
    assert_eq!(first, again);
    let next = first[1]["update_id"].as_i64().unwrap() + 1;
    let rest = updates(&sim, json!({ "offset": next })).await;
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0]["message"]["text"], json!("three"));
    assert_eq!(
        updates(&sim, json!({ "offset": next + 1 })).await,
        [] as [Value; 0]
    );
}

#[tokio::test]
async fn a_negative_offset_keeps_only_the_newest_updates() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    sim.client.say(&person, "two").await.unwrap();
    let newest = updates(&sim, json!({ "offset": -1 })).await;
    assert_eq!(newest.len(), 1);
    assert_eq!(newest[0]["message"]["text"], json!("two"));
    assert_eq!(updates(&sim, json!({})).await.len(), 1);
}

#[tokio::test]
async fn allowed_updates_decide_what_is_queued() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    updates(
        &sim,
        json!({ "offset": -1, "allowed_updates": ["my_chat_member"] }),
    )
    .await;
    sim.client.say(&person, "unheard").await.unwrap();
    sim.client.block(&person).await.unwrap();
    let heard = updates(&sim, json!({})).await;
    assert_eq!(heard.len(), 2, "the start from before, and the block");
    let change = &heard[1]["my_chat_member"];
    assert_eq!(change["new_chat_member"]["status"], json!("kicked"));
}

#[tokio::test]
async fn a_second_poller_ends_the_first_with_a_conflict() {
    let sim = Sim::start().await;
    let first = poll(&sim.client, json!({ "timeout": 50 }));
    polling(&sim).await;
    let second = poll(&sim.client, json!({ "timeout": 50 }));
    let (status, answer) = tokio::time::timeout(SOON, first).await.unwrap().unwrap();
    assert_eq!(status, 409);
    assert_eq!(
        answer["description"],
        json!(
            "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
        )
    );
    polling(&sim).await;
    sim.person().await;
    let (status, answer) = tokio::time::timeout(SOON, second).await.unwrap().unwrap();
    assert_eq!(status, 200);
    assert_eq!(answer["result"][0]["message"]["text"], json!("/start"));
}

#[tokio::test]
async fn a_poll_whose_caller_went_away_is_forgotten() {
    let sim = Sim::start().await;
    let gone = poll(&sim.client, json!({ "timeout": 50 }));
    polling(&sim).await;
    gone.abort();
    let deadline = tokio::time::Instant::now() + SOON;
    while sim.client.bots().await.unwrap()[0].polling {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the poll is still open"
        );
        tokio::task::yield_now().await;
    }
    assert_eq!(updates(&sim, json!({})).await, [] as [Value; 0]);
}

#[tokio::test]
async fn an_update_that_was_confirmed_comes_again_when_it_is_redelivered() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let said = sim.client.say(&person, "hello").await.unwrap();
    let id = said.update_id.unwrap();
    let ids = async |offset: i64| -> Vec<Value> {
        let found = updates(&sim, json!({ "offset": offset })).await;
        found.iter().map(|it| it["update_id"].clone()).collect()
    };
    assert_eq!(ids(id).await, [json!(id)]);
    assert_eq!(ids(id + 1).await, [] as [Value; 0]);
    let bot = sim.client.bots().await.unwrap().remove(0);
    sim.client.redeliver(bot.id, id, 2).await.unwrap();
    let next = sim.client.say(&person, "next").await.unwrap();
    let next = next.update_id.unwrap();
    // One copy at a time, beside what is new.
    assert_eq!(ids(id + 1).await, [json!(id), json!(next)]);
    assert_eq!(sim.client.bots().await.unwrap()[0].redelivery_count, 1);
    assert_eq!(ids(next + 1).await, [json!(id)]);
    assert_eq!(ids(next + 1).await, [] as [Value; 0]);
    for (bot, update, times) in [(bot.id, next + 1, 1), (bot.id, id, 0), (4, id, 1)] {
        let refused = sim.client.redeliver(bot, update, times).await;
        assert!(refused.is_err(), "{bot} {update} {times}");
    }
}

#[tokio::test]
async fn a_webhook_stops_polling_until_it_is_deleted() {
    let sim = Sim::start().await;
    sim.person().await;
    updates(&sim, json!({ "offset": -1 })).await;
    let waiting = poll(
        &sim.client,
        json!({ "timeout": 50, "offset": 4_000_000_000_u32 }),
    );
    polling(&sim).await;
    let plain = sim
        .refused("setWebhook", json!({ "url": "http://example.org/hook" }))
        .await;
    assert_eq!(
        plain.1,
        "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
    );
    // Nobody is there.
    let url = "https://127.0.0.1:1/hook";
    sim.accepted(
        "setWebhook",
        json!({ "url": url, "allowed_updates": ["message"] }),
    )
    .await;
    let (status, answer) = tokio::time::timeout(SOON, waiting).await.unwrap().unwrap();
    assert_eq!(status, 409);
    assert_eq!(
        answer["description"],
        json!("Conflict: terminated by setWebhook request")
    );
    let (status, text) = sim.refused("getUpdates", json!({})).await;
    assert_eq!(status, 409);
    assert_eq!(
        text,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
    );
    let info = sim.accepted("getWebhookInfo", json!({})).await;
    assert_eq!(info["url"], json!(url));
    assert_eq!(info["allowed_updates"], json!(["message"]));
    sim.accepted("deleteWebhook", json!({ "drop_pending_updates": true }))
        .await;
    let info = sim.accepted("getWebhookInfo", json!({})).await;
    assert_eq!(info["url"], json!(""));
    assert_eq!(info["pending_update_count"], json!(0));
    assert_eq!(updates(&sim, json!({})).await, [] as [Value; 0]);
}

#[tokio::test]
async fn stopping_ends_long_polls_at_once() {
    let mut sim = Sim::with(Config {
        // Longer than the test's patience: ending must not depend on it.
        drain: Duration::from_mins(10),
        ..Config::default()
    })
    .await;
    let waiting = poll(&sim.client, json!({ "timeout": 50 }));
    polling(&sim).await;
    // A peer that never says a word must not hold the stop up either.
    let silent =
        tokio::net::TcpStream::connect(sim.client.base_url().trim_start_matches("http://"))
            .await
            .unwrap();
    sim.stop.cancel();
    let (status, answer) = tokio::time::timeout(SOON, waiting).await.unwrap().unwrap();
    assert_eq!((status, &answer["result"]), (200, &json!([])));
    let task = sim.task.take().unwrap();
    tokio::time::timeout(SOON, task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    drop(silent);
}
