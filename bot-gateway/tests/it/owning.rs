//! Rows whose ownership ended before they did.

use std::time::Duration;

use olm_proto::notify::v1::{
    NotOwned, dispatch_request, dispatch_response::Message, journal_entry::Knowledge, outcome::Kind,
};
use serde_json::json;
use telegram_sim::api::{Fault, FaultKind, LedgerEntry, LedgerQuery, NewPerson};
use tokio::time::{Instant, timeout};

use crate::{
    delivery::anna,
    stage::{BOT_ID, Running, SECRET, SOON, Stage},
};

#[tokio::test]
async fn an_outcome_is_told_while_another_gateway_owns_the_bot() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    // Out while the ownership is lost, and back after that.
    let slow = Fault::new(FaultKind::Delay { ms: 1_500 }).on("sendMessage");
    stage.sim.fault(&slow.in_chat(anna.id)).await.unwrap();
    let attempt = line.deliver(anna.id, "slow", Duration::ZERO).await;
    let sent = LedgerQuery::method("sendMessage").in_chat(anna.id);
    let is_slow = |entry: &LedgerEntry| entry.text.as_deref() == Some("slow");
    stage
        .sim
        .ledger_until(&sent, SOON, |entries| entries.iter().any(is_slow))
        .await
        .unwrap();
    line.say(Message::NotOwned(NotOwned {
        bot_id: BOT_ID,
        retry_after: olm_proto::duration(jiff::SignedDuration::from_secs(30)).into(),
    }))
    .await;
    let (told, kind) = line.result().await;
    assert_eq!(told, attempt);
    assert!(matches!(kind, Kind::Sent(_)), "{kind:?}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_row_of_an_ownership_that_was_lost_is_given_up_and_reported_unwritten() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let waiting = line.deliver(anna.id, "old", Duration::from_mins(5)).await;
    let bot_id = BOT_ID;
    let retry_after = None;
    line.say(Message::NotOwned(NotOwned {
        bot_id,
        retry_after,
    }))
    .await;
    let own = line.next().await;
    assert!(matches!(own, dispatch_request::Message::Own(_)), "{own:?}");
    let report = line.own(vec![waiting]).await;
    assert!(matches!(
        report.entries[0].knowledge,
        Some(Knowledge::NotWritten(_))
    ));
    running.stop().await.unwrap();
}

/// Waits until the bot fetches updates, or does not.
pub async fn fetches(stage: &Stage, fetches: bool) {
    let seen = async {
        while stage.sim.bots().await.unwrap()[0].polling != fetches {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, seen).await.expect("it is so in the end");
}

#[tokio::test]
async fn a_gateway_in_waiting_leaves_the_updates_to_the_owner() {
    let (stage, running) = Stage::running().await;
    let mut line = stage.notify.line().await;
    let soon = olm_proto::duration(jiff::SignedDuration::from_millis(250));
    // Asked for again and again: long enough for a poll to begin.
    for _ in 0..4 {
        line.say(Message::NotOwned(NotOwned {
            bot_id: BOT_ID,
            retry_after: Some(soon),
        }))
        .await;
        let own = line.next().await;
        assert!(matches!(own, dispatch_request::Message::Own(_)), "{own:?}");
        assert!(!stage.sim.bots().await.unwrap()[0].polling);
    }
    assert_eq!(line.own(Vec::new()).await.entries, []);
    fetches(&stage, true).await;
    anna(&stage).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_owner_of_whom_the_service_knows_nothing_more_goes_on_answering() {
    let (stage, running) = Stage::running().await;
    let mut line = stage.notify.owned_line().await;
    fetches(&stage, true).await;
    let anna = anna(&stage).await;
    line.say(Message::NotOwned(NotOwned {
        bot_id: BOT_ID,
        retry_after: None,
    }))
    .await;
    line.next().await;
    let before = LedgerQuery::method("sendMessage").in_chat(anna.id);
    let before = stage.sim.ledger(&before).await.unwrap().last_seq;
    stage.sim.say(&anna, "/help").await.unwrap();
    let answered = LedgerQuery::method("sendMessage")
        .in_chat(anna.id)
        .since(before);
    let some = |entries: &[LedgerEntry]| !entries.is_empty();
    stage.sim.ledger_until(&answered, SOON, some).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_lost_its_bot_stops_without_disturbing_the_owner() {
    let (stage, running) = Stage::running().await;
    let mut line = stage.notify.owned_line().await;
    // It has something to confirm.
    anna(&stage).await;
    fetches(&stage, true).await;
    line.say(Message::NotOwned(NotOwned {
        bot_id: BOT_ID,
        retry_after: Some(olm_proto::duration(jiff::SignedDuration::from_millis(250))),
    }))
    .await;
    // It has heard that when it asks again.
    line.next().await;
    let poll = async |seconds| {
        let token = format!("{BOT_ID}:{SECRET}");
        let body = json!({ "timeout": seconds });
        stage.sim.call(&token, "getUpdates", &body).await.unwrap()
    };
    // The owner's first poll throws this gateway out.
    assert_eq!(poll(0).await.0, 200);
    fetches(&stage, false).await;
    let (polled, ()) = tokio::join!(poll(50), stopped_beside_a_poll(&stage, running));
    assert_eq!(polled.0, 200, "{}", polled.1);
}

/// Stops a gateway as soon as somebody polls, who is given an update then.
async fn stopped_beside_a_poll(stage: &Stage, running: Running) {
    fetches(stage, true).await;
    running.stop().await.unwrap();
    let boris = NewPerson::named("Boris", "en");
    let boris = stage.sim.create_person(&boris).await.unwrap();
    stage.sim.say(&boris, "/start").await.unwrap();
}

#[tokio::test]
async fn after_a_takeover_it_is_silent_for_a_second() {
    let (stage, running) = Stage::running().await;
    let person = NewPerson::named("Boris", "en");
    let boris = stage.sim.create_person(&person).await.unwrap();
    let mut line = stage.notify.line().await;
    let begun = Instant::now();
    line.own_after(Vec::new(), true).await;
    line.deliver(boris.id, "hello", Duration::ZERO).await;
    line.result().await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    running.stop().await.unwrap();
}
