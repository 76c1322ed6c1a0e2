//! One bot, two gateways: the second begins where the first ended, and Telegram sees one.

use std::time::Duration;

use olm_proto::notify::v1::{
    NotOwned, Owned, Spent, dispatch_request, dispatch_response::Message, outcome::Kind,
};
use telegram_sim::api::{LedgerEntry, LedgerQuery, NewPerson};

use crate::{
    notify::Line,
    stage::{SOON, Stage},
};

/// Telegram's limit, and so many for each of two owners.
const BURST: usize = 30;

/// Two times [`BURST`] people who have started the bot and were answered, with one message each.
async fn people(stage: &Stage) -> Vec<i64> {
    let mut people = Vec::new();
    for index in 0..2 * BURST {
        let person = NewPerson::named(&format!("P{index}"), "en");
        let person = stage.sim.create_person(&person).await.unwrap();
        stage.sim.say(&person, "/help").await.unwrap();
        people.push(person.id);
    }
    let answers = LedgerQuery::method("sendMessage");
    let all = |entries: &[LedgerEntry]| entries.len() == 2 * BURST;
    stage.sim.ledger_until(&answers, SOON, all).await.unwrap();
    people
}

/// Sends one message to each.
async fn send(line: &mut Line, people: &[i64]) {
    for person in people {
        line.deliver(*person, "burst", Duration::ZERO).await;
    }
}

async fn sent(line: &mut Line, count: usize) {
    for _ in 0..count {
        let (_, kind) = line.result().await;
        assert!(matches!(kind, Kind::Sent(_)), "{kind:?}");
    }
}

async fn no_429(stage: &Stage) {
    let entries = stage.sim.ledger(&LedgerQuery::default()).await.unwrap();
    let limited = |entry: &&LedgerEntry| {
        let answer = entry.answer.as_ref();
        answer.is_some_and(|answer| answer.status == 429)
    };
    assert_eq!(entries.entries.iter().find(limited), None);
}

/// The first is stopped at full rate, by a service that keeps what its release says or does not;
/// what the second is then told of that.
async fn hands_over(keeps_spent: bool, told: impl FnOnce(Owned) -> Owned) {
    let (stage, first) = Stage::running().await;
    let mut line = stage.notify.line().await;
    let owned = Owned {
        keeps_spent,
        ..Owned::default()
    };
    line.grant(owned).await;
    let people = line.during(people(&stage)).await;
    let (ours, theirs) = people.split_at(BURST);
    // Waits, so that it begins right where the first one ends.
    let second = stage.start_beside(Duration::from_secs(8)).await;
    let next_line = line.during(stage.notify.line()).await;
    let anothers = NotOwned {
        bot_id: next_line.bot_id,
        retry_after: Some(prost_types::Duration {
            seconds: 30,
            nanos: 0,
        }),
    };
    next_line.say(Message::NotOwned(anothers)).await;
    send(&mut line, ours).await;
    sent(&mut line, BURST / 2).await;
    first.shutdown.stop();
    sent(&mut line, BURST / 2).await;
    let dispatch_request::Message::Release(release) = line.next().await else {
        panic!("no release");
    };
    drop(line);
    let mut line = next_line;
    line.grant(told(Owned {
        spent: release.spent,
        keeps_spent: true,
        ..Owned::default()
    }))
    .await;
    send(&mut line, theirs).await;
    sent(&mut line, BURST).await;
    no_429(&stage).await;
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_hand_over_in_order_at_full_rate_meets_no_429() {
    hands_over(true, |owned| owned).await;
}

#[tokio::test]
async fn a_hand_over_in_order_soon_after_a_takeover_meets_no_429() {
    hands_over(true, |owned| Owned {
        taken_over: true,
        ..owned
    })
    .await;
}

#[tokio::test]
async fn who_is_told_nothing_of_those_before_an_heir_waits_until_nothing_counts_any_more() {
    // As by a release of before it told of them too.
    hands_over(true, |owned| Owned {
        taken_over: true,
        spent: Some(Spent::default()),
        ..owned
    })
    .await;
}

#[tokio::test]
async fn who_is_told_nothing_waits_until_nothing_counts_any_more() {
    let told_nothing = |owned| Owned {
        spent: None,
        ..owned
    };
    hands_over(true, told_nothing).await;
}

#[tokio::test]
async fn who_leaves_what_nobody_will_be_told_waits_until_it_counts_no_more() {
    let told_wrongly = |owned| Owned {
        spent: Some(Spent::default()),
        ..owned
    };
    hands_over(false, told_wrongly).await;
}

#[tokio::test]
async fn taking_over_from_an_owner_that_died_at_full_rate_meets_no_429() {
    let stage = Stage::new().await;
    let mortal = stage.start_mortal();
    let mut line = stage.notify.owned_line().await;
    let people = line.during(people(&stage)).await;
    let (ours, theirs) = people.split_at(BURST);
    send(&mut line, ours).await;
    sent(&mut line, BURST).await;
    mortal.shutdown_background();
    drop(line);
    let second = stage.start_beside(Duration::from_secs(8)).await;
    let mut line = stage.notify.line().await;
    line.own_after(Vec::new(), true).await;
    send(&mut line, theirs).await;
    sent(&mut line, BURST).await;
    no_429(&stage).await;
    second.stop().await.unwrap();
}
