//! Several bots in one process.

use std::time::Duration;

use olm_proto::notify::v1::outcome::Kind;
use telegram_sim::{
    api::{Fault, FaultKind, LedgerQuery, NewPerson},
    client::Chat,
};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::stage::{SECRET, SOON, Stage};

const FIRST: i64 = 11;
const SECOND: i64 = 22;
/// Telegram does not know it.
const REFUSED: i64 = 33;

async fn three_bots() -> Stage {
    let token = |bot: i64| format!("{bot}:{SECRET}");
    let known = [token(FIRST), token(SECOND)];
    let tokens = format!("{},{}\n{}", token(FIRST), token(REFUSED), token(SECOND));
    Stage::with_tokens(&known, &tokens).await
}

#[tokio::test]
async fn each_bot_has_its_stream_and_its_people_and_a_refused_token_stops_no_other() {
    let stage = three_bots().await;
    let running = stage.start(Duration::from_secs(8)).await;
    let person = NewPerson::named("Anna", "en");
    let anna = stage.sim.create_person(&person).await.unwrap();
    let mut lines = Vec::new();
    while lines.len() < 2 {
        let mut line = stage.notify.line().await;
        // The third may ask once, before Telegram has refused it.
        if line.bot_id != REFUSED {
            line.own(Vec::new()).await;
            lines.push(line);
        }
    }
    let gateways: Vec<_> = lines.iter().map(|line| &line.gateway_id).collect();
    assert_eq!(gateways[0], gateways[1], "one journal, one id");
    lines.sort_by_key(|line| line.bot_id);
    for (line, bot) in lines.iter_mut().zip([FIRST, SECOND]) {
        assert_eq!(line.bot_id, bot);
        stage
            .sim
            .say(Chat::from(&anna).with_bot(bot), "/start")
            .await
            .unwrap();
        let greeted = LedgerQuery {
            bot: Some(bot),
            ..LedgerQuery::method("sendMessage")
        };
        stage
            .sim
            .ledger_until(&greeted, SOON, |entries| !entries.is_empty())
            .await
            .unwrap();
        assert_eq!(line.chat_seen().await, anna.id);
        line.deliver(anna.id, "from a bot", Duration::ZERO).await;
        assert!(matches!(line.result().await.1, Kind::Sent(_)));
        let entries = stage.sim.ledger(&greeted).await.unwrap().entries;
        let is_row = |text: &Option<String>| text.as_deref() == Some("from a bot");
        let rows = entries.iter().filter(|entry| is_row(&entry.text));
        assert_eq!(rows.count(), 1);
    }
    running.becomes(ServingStatus::Serving).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_gateway_is_not_ready_while_every_token_is_refused() {
    let token = |bot: i64| format!("{bot}:{SECRET}");
    let tokens = format!("{},{}", token(FIRST), token(REFUSED));
    let stage = Stage::with_tokens(&[token(FIRST)], &tokens).await;
    let running = stage.start(Duration::from_secs(8)).await;
    running.becomes(ServingStatus::Serving).await;
    let refusal = FaultKind::Status {
        code: 401,
        description: "Unauthorized".to_owned(),
        retry_after: None,
        migrate_to_chat_id: None,
    };
    let refusal = Fault::new(refusal).on("getUpdates").times(0);
    stage.sim.fault(&refusal).await.unwrap();
    // Ends the poll that waits.
    let person = NewPerson::named("Anna", "en");
    let anna = stage.sim.create_person(&person).await.unwrap();
    let chat = Chat::from(&anna).with_bot(FIRST);
    stage.sim.say(chat, "/start").await.unwrap();
    running.becomes(ServingStatus::NotServing).await;
    running.stop().await.unwrap();
}
