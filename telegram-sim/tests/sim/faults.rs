//! Faults and the ledger.

use std::{error::Error, io::ErrorKind};

use serde_json::json;
use telegram_sim::{
    Config, Limits,
    api::{
        Chance, Fault, FaultKind, FaultPlan, LedgerQuery, LimitKind, NewGroup, NewPerson, Violation,
    },
    client::SimError,
};

use super::{SOON, Sim, TOKEN};

/// How the connection ended when no answer came at all: the kind of the I/O error, if it was one.
fn broken_off(error: &SimError) -> Option<ErrorKind> {
    let SimError::Unreachable(cause) = error else {
        panic!("{error}");
    };
    assert!(cause.is_request(), "there was an answer: {cause:?}");
    let mut source = cause.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        source = cause.source();
    }
    None
}

#[tokio::test]
async fn the_ledger_tells_what_was_asked_and_answered() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let since = sim
        .client
        .ledger(&LedgerQuery::default())
        .await
        .unwrap()
        .last_seq;
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": "go" }]] });
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    reqwest::Client::new()
        .post(format!("{}/bot{TOKEN}/sendMessage", sim.client.base_url()))
        .header("traceparent", traceparent)
        .json(&json!({ "chat_id": person.id, "text": "<b>x</b>", "parse_mode": "HTML", "reply_markup": keyboard }))
        .send()
        .await
        .unwrap();
    sim.refused("sendMessage", json!({ "chat_id": 77, "text": "y" }))
        .await;
    let query = LedgerQuery::default().since(since);
    let entries = sim
        .client
        .ledger_until(&query, SOON, |entries| {
            entries.len() == 2 && entries[0].answered_unix_us.is_some()
        })
        .await
        .unwrap();
    let [sent, refused] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!((sent.seq, refused.seq), (since + 1, since + 2));
    assert_eq!((sent.bot_id, sent.chat_id), (4200, Some(person.id)));
    assert_eq!(sent.text.as_deref(), Some("<b>x</b>"));
    assert_eq!(sent.reply_markup, Some(keyboard));
    assert_eq!(sent.traceparent.as_deref(), Some(traceparent));
    assert!(sent.accepted && !refused.accepted);
    assert!(sent.answered_mono_us.unwrap() >= sent.received_mono_us);
    let answer = sent.answer.as_ref().unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.message_id.is_some());
    let answer = refused.answer.as_ref().unwrap();
    assert_eq!(
        answer.description.as_deref(),
        Some("Bad Request: chat not found")
    );
    let in_chat = LedgerQuery::default().since(since).in_chat(77);
    let page = sim.client.ledger(&in_chat).await.unwrap();
    assert_eq!(page.entries.len(), 1);
}

#[tokio::test]
async fn reading_the_ledger_can_wait_for_an_entry() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let client = sim.client.clone();
    let query = LedgerQuery::method("sendmessage").in_chat(person.id);
    let waiting = tokio::spawn(async move {
        client
            .ledger_until(&query, SOON, |entries| entries.len() == 2)
            .await
    });
    sim.send(person.id, "one").await;
    sim.send(person.id, "two").await;
    let entries = waiting.await.unwrap().unwrap();
    assert_eq!(entries[1].text.as_deref(), Some("two"));
}

#[tokio::test]
async fn a_wait_that_fails_says_what_was_there() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    sim.send(person.id, "lonely").await;
    let query = LedgerQuery::method("sendMessage");
    let nothing = std::time::Duration::from_millis(1);
    let error = sim
        .client
        .ledger_until(&query, nothing, |entries| entries.len() == 2)
        .await
        .unwrap_err();
    assert!(matches!(error, SimError::Deadline { .. }), "{error}");
    assert!(error.to_string().contains("lonely"), "{error}");
}

#[tokio::test]
async fn a_lost_response_leaves_the_message_sent() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let fault = Fault::new(FaultKind::LoseResponse).on("SENDMESSAGE");
    sim.client.fault(&fault).await.unwrap();
    let lost = sim
        .client
        .call(
            TOKEN,
            "sendMessage",
            &json!({ "chat_id": person.id, "text": "lost" }),
        )
        .await;
    assert_eq!(broken_off(&lost.unwrap_err()), None, "an end, not a reset");
    let view = sim.client.chat(&person).await.unwrap();
    assert_eq!(view.messages.last().unwrap().text, "lost");
    let query = LedgerQuery::method("sendMessage");
    let page = sim.client.ledger(&query).await.unwrap();
    let entry = page.entries.last().unwrap();
    assert!(entry.accepted);
    assert_eq!(entry.fault.as_deref(), Some("lose_response"));
    assert_eq!(entry.answered_unix_us, None);
    sim.send(person.id, "the next one is answered").await;
}

#[tokio::test]
async fn a_reset_before_acceptance_leaves_nothing_sent() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let fault = Fault::new(FaultKind::ResetBefore)
        .in_chat(person.id)
        .times(2);
    sim.client.fault(&fault).await.unwrap();
    let params = json!({ "chat_id": person.id, "text": "never" });
    for _ in 0..2 {
        let reset = sim.client.call(TOKEN, "sendMessage", &params).await;
        let kind = broken_off(&reset.unwrap_err());
        assert_eq!(kind, Some(ErrorKind::ConnectionReset));
    }
    let view = sim.client.chat(&person).await.unwrap();
    assert!(view.messages.iter().all(|message| message.text != "never"));
    let query = LedgerQuery::method("sendMessage");
    let page = sim.client.ledger(&query).await.unwrap();
    assert_eq!(page.entries.len(), 2);
    assert!(
        page.entries
            .iter()
            .all(|it| !it.accepted && it.answer.is_none())
    );
    sim.accepted("sendMessage", params).await;
}

#[tokio::test]
async fn an_error_of_choice_is_answered_until_the_faults_are_cleared() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let fault = Fault::new(FaultKind::Status {
        code: 429,
        description: "Too Many Requests: retry after 7".to_owned(),
        retry_after: Some(7),
        migrate_to_chat_id: None,
    });
    sim.client.fault(&fault.times(0)).await.unwrap();
    let params = json!({ "chat_id": person.id, "text": "x" });
    for _ in 0..3 {
        let (status, answer) = sim.call("sendMessage", params.clone()).await;
        assert_eq!(status, 429);
        assert_eq!(answer["parameters"]["retry_after"], json!(7));
    }
    // Faults without a method leave polling alone.
    sim.accepted("getUpdates", json!({})).await;
    assert_eq!(sim.client.faults().await.unwrap().len(), 1);
    sim.client.clear_faults().await.unwrap();
    sim.accepted("sendMessage", params).await;
}

#[tokio::test]
async fn a_bad_gateway_can_hide_an_accepted_message() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    sim.client
        .fault(&Fault::new(FaultKind::AfterAcceptance502))
        .await
        .unwrap();
    let hidden = sim
        .refused(
            "sendMessage",
            json!({ "chat_id": person.id, "text": "hidden" }),
        )
        .await;
    assert_eq!(hidden, (502, "Bad Gateway".to_owned()));
    let view = sim.client.chat(&person).await.unwrap();
    assert_eq!(view.messages.last().unwrap().text, "hidden");
}

#[tokio::test]
async fn a_delayed_answer_comes_after_the_message() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let fault = Fault::new(FaultKind::Delay { ms: 600_000 });
    sim.client.fault(&fault).await.unwrap();
    let client = sim.client.clone();
    let params = json!({ "chat_id": person.id, "text": "slow" });
    let answer = tokio::spawn(async move { client.call(TOKEN, "sendMessage", &params).await });
    sim.client
        .message(&person, SOON, |message| message.text == "slow")
        .await
        .unwrap();
    assert!(!answer.is_finished());
    // Stopping cuts the delay short; the answer still comes.
    sim.stop.cancel();
    let (status, _) = tokio::time::timeout(SOON, answer)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_reset_after_acceptance_leaves_the_message_sent() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let fault = Fault::new(FaultKind::ResetAfter).on("sendMessage");
    sim.client.fault(&fault).await.unwrap();
    let params = json!({ "chat_id": person.id, "text": "reset" });
    let reset = sim.client.call(TOKEN, "sendMessage", &params).await;
    let kind = broken_off(&reset.unwrap_err());
    assert_eq!(kind, Some(ErrorKind::ConnectionReset));
    let view = sim.client.chat(&person).await.unwrap();
    assert_eq!(view.messages.last().unwrap().text, "reset");
}

#[tokio::test]
async fn an_answer_can_break_off_in_its_body() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let fault = Fault::new(FaultKind::TruncatedBody).on("sendMessage");
    sim.client.fault(&fault).await.unwrap();
    let url = format!("{}/bot{TOKEN}/sendMessage", sim.client.base_url());
    let params = json!({ "chat_id": person.id, "text": "half" });
    let mut answer = reqwest::Client::new()
        .post(url)
        .json(&params)
        .send()
        .await
        .expect("the head comes");
    assert_eq!(answer.status(), 200);
    let whole = answer.content_length().unwrap();
    let mut got = 0;
    let end = loop {
        match answer.chunk().await {
            Ok(Some(part)) => got += part.len() as u64,
            end => break end,
        }
    };
    assert!(end.is_err() && 0 < got && got < whole, "{got} of {whole}");
    let view = sim.client.chat(&person).await.unwrap();
    assert_eq!(view.messages.last().unwrap().text, "half");
}

#[tokio::test]
async fn one_call_can_meet_a_closed_door_or_a_moved_group() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let kinds = [
        FaultKind::Blocked,
        FaultKind::Deactivated,
        FaultKind::Migrated { to: -1_004_000 },
    ];
    for kind in kinds {
        sim.client.fault(&Fault::new(kind)).await.unwrap();
    }
    let params = json!({ "chat_id": person.id, "text": "x" });
    let blocked = sim.refused("sendMessage", params.clone()).await;
    assert_eq!(
        blocked,
        (403, "Forbidden: bot was blocked by the user".to_owned())
    );
    let deactivated = sim.refused("sendMessage", params.clone()).await;
    assert_eq!(
        deactivated,
        (403, "Forbidden: user is deactivated".to_owned())
    );
    let (status, moved) = sim.call("sendMessage", params.clone()).await;
    assert_eq!(status, 400);
    assert_eq!(moved["parameters"]["migrate_to_chat_id"], json!(-1_004_000));
    sim.accepted("sendMessage", params).await;
}

#[tokio::test]
async fn a_plan_hits_by_chance_until_the_faults_are_cleared() {
    let sim = Sim::start().await;
    let person = sim.person().await;
    let plan = FaultPlan {
        seed: 5,
        chances: vec![Chance::of_sends(1000, FaultKind::AfterAcceptance502)],
    };
    sim.client.plan_faults(&plan).await.unwrap();
    let params = json!({ "chat_id": person.id, "text": "x" });
    for _ in 0..3 {
        assert_eq!(sim.call("sendMessage", params.clone()).await.0, 502);
    }
    sim.accepted("getMe", json!({})).await;
    let too_much = FaultPlan {
        chances: vec![Chance::of_sends(1001, FaultKind::LoseResponse)],
        ..plan
    };
    let refused = sim.client.plan_faults(&too_much).await.unwrap_err();
    assert!(
        matches!(refused, SimError::Refused { status: 400, .. }),
        "{refused}"
    );
    sim.client.clear_faults().await.unwrap();
    sim.accepted("sendMessage", params).await;
}

#[tokio::test]
async fn what_breaks_a_limit_is_counted_and_marked() {
    let sim = Sim::with(Config {
        limits: Limits {
            // A minute is wide enough for no clock to decide.
            per_group_per_minute: 1,
            per_chat_per_second: 0,
            per_token_per_second: 1000,
        },
        ..Config::default()
    })
    .await;
    let person = sim
        .client
        .create_person(&NewPerson::named("Anna", "en").who_started(4200))
        .await
        .unwrap();
    let group = sim
        .client
        .create_group(&NewGroup {
            title: "Choir".to_owned(),
            bot_ids: vec![4200],
            person_ids: vec![person.id],
        })
        .await
        .unwrap();
    sim.send(group.id, "first").await;
    let (status, refused) = sim
        .call(
            "sendMessage",
            json!({ "chat_id": group.id, "text": "second" }),
        )
        .await;
    assert_eq!(status, 429);
    assert!(
        refused["parameters"]["retry_after"].as_u64() > Some(30),
        "{refused}"
    );
    sim.call(
        "sendMessage",
        json!({ "chat_id": group.id, "text": "third" }),
    )
    .await;
    sim.send(person.id, "another chat").await;
    let figures = sim.client.figures().await.unwrap();
    let [figures] = figures.as_slice() else {
        panic!("{figures:?}");
    };
    assert_eq!((figures.sent, figures.over_group), (2, 2));
    assert_eq!((figures.over_token, figures.over_chat), (0, 0));
    assert!((1..=2).contains(&figures.busiest_second));
    let page = sim.client.ledger(&LedgerQuery::default()).await.unwrap();
    let broken: Vec<_> = page.entries.iter().map(|entry| entry.violation).collect();
    let violation = |early| {
        Some(Violation {
            limit: LimitKind::Group,
            early,
        })
    };
    assert_eq!(broken, [None, violation(false), violation(true), None]);
    assert_eq!(figures.early, 1);
}
