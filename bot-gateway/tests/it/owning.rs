//! Rows whose ownership ended before they did.

use std::time::Duration;

use olm_proto::notify::v1::{
    NotOwned, dispatch_request, dispatch_response::Message, journal_entry::Knowledge, outcome::Kind,
};
use telegram_sim::api::{Fault, FaultKind, LedgerEntry, LedgerQuery};

use crate::{
    delivery::anna,
    stage::{BOT_ID, SOON, Stage},
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
