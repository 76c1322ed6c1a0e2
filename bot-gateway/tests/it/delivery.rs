use std::time::Duration;

use bot_gateway::{Attempt, Journal, JournalError, RunError};
use olm_proto::notify::v1::{
    AttemptRef, Drain, dispatch_request, dispatch_response::Message, journal_entry::Knowledge,
    outcome::Kind,
};
use telegram_sim::api::{Fault, FaultKind, LedgerEntry, LedgerQuery, NewPerson, Person};
use tokio::time::Instant;
use tonic_health::pb::health_check_response::ServingStatus;
use uuid::Uuid;

use crate::{
    notify::{TRACE, attempt},
    stage::{BOT_ID, LOGS, SECRET, SOON, Stage},
};

const NOW: Duration = Duration::ZERO;

/// Somebody who has started the bot.
pub async fn anna(stage: &Stage) -> Person {
    let person = stage
        .sim
        .create_person(&NewPerson::named("Anna", "en"))
        .await
        .unwrap();
    // Answered with one message: what comes later is not of the conversation.
    stage.sim.say(&person, "/help").await.unwrap();
    let answered = |message: &telegram_sim::api::MessageView| message.text.contains("/schedule");
    stage.sim.message(&person, SOON, answered).await.unwrap();
    person
}

/// What was asked of Telegram with this text, once there are `count` of them.
pub async fn copies(stage: &Stage, text: &str, count: usize) -> Vec<LedgerEntry> {
    let has = |entry: &&LedgerEntry| entry.text.as_deref() == Some(text);
    let query = LedgerQuery::method("sendMessage");
    let entries = stage.sim.ledger_until(&query, SOON, |entries| {
        entries.iter().filter(has).count() >= count
    });
    let entries = entries.await.unwrap();
    entries.iter().filter(has).cloned().collect()
}

#[tokio::test]
async fn a_row_is_sent_at_its_instant_not_before_and_in_its_trace() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let begun = Instant::now();
    let due_in = Duration::from_millis(700);
    let sent = line.deliver(anna.id, "<b>plain & simple", due_in).await;
    let (attempt, kind) = line.result().await;
    assert!(begun.elapsed() >= due_in);
    assert_eq!(attempt, sent);
    let entry = copies(&stage, "<b>plain & simple", 1).await.remove(0);
    let traceparent = entry.traceparent.unwrap();
    assert!(traceparent.contains(TRACE), "{traceparent}");
    let message_id = entry.answer.unwrap().message_id;
    assert!(matches!(kind, Kind::Sent(sent) if Some(sent.telegram_message_id) == message_id));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_lost_response_leaves_one_copy_of_which_only_telegram_knows() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    stage
        .sim
        .fault(&Fault::new(FaultKind::LoseResponse).in_chat(anna.id))
        .await
        .unwrap();
    line.deliver(anna.id, "lost", NOW).await;
    let (_, kind) = line.result().await;
    assert!(matches!(&kind, Kind::Ambiguous(_)), "{kind:?}");
    assert!(!format!("{kind:?}").contains(SECRET));
    // The next row comes through, and the first one did not come again meanwhile.
    line.deliver(anna.id, "next", NOW).await;
    assert!(matches!(line.result().await.1, Kind::Sent(_)));
    assert_eq!(copies(&stage, "lost", 1).await.len(), 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_gateway_error_after_acceptance_is_ambiguous() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let fault = Fault::new(FaultKind::AfterAcceptance502).in_chat(anna.id);
    stage.sim.fault(&fault).await.unwrap();
    line.deliver(anna.id, "502", NOW).await;
    assert!(matches!(line.result().await.1, Kind::Ambiguous(_)));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_blocked_bot_and_a_stranger_are_chats_that_are_gone() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    stage.sim.block(&anna).await.unwrap();
    for chat in [anna.id, 999_999] {
        line.deliver(chat, "hello?", NOW).await;
        let (_, kind) = line.result().await;
        assert!(
            matches!(&kind, Kind::ChatGone(gone) if !gone.description.is_empty()),
            "{kind:?}"
        );
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_chat_somebody_writes_in_is_told_of() {
    let (stage, running) = Stage::running().await;
    let mut line = stage.notify.owned_line().await;
    let anna = anna(&stage).await;
    assert_eq!(line.chat_seen().await, anna.id);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_429_freezes_its_chat_and_no_other() {
    let (stage, running) = Stage::running().await;
    let (anna, boris) = (anna(&stage).await, anna(&stage).await);
    let mut line = stage.notify.owned_line().await;
    let limit = FaultKind::Status {
        code: 429,
        description: "Too Many Requests: retry after 2".to_owned(),
        retry_after: Some(2),
        migrate_to_chat_id: None,
    };
    stage
        .sim
        .fault(&Fault::new(limit).in_chat(anna.id))
        .await
        .unwrap();
    line.deliver(anna.id, "limited", NOW).await;
    let (_, kind) = line.result().await;
    assert!(matches!(&kind, Kind::Limited(limited)
        if limited.retry_after.as_ref().is_some_and(|after| after.seconds == 2)));
    // Told before the outcome, so that the service begins nothing for the chat meanwhile.
    let [(chat, length)] = line.frozen() else {
        panic!("{:?}", line.frozen());
    };
    assert_eq!(*chat, anna.id);
    assert!(*length <= Duration::from_secs(2) && !length.is_zero());
    line.deliver(anna.id, "after the freeze", NOW).await;
    let to_boris = line.deliver(boris.id, "meanwhile", NOW).await;
    assert_eq!(
        line.result().await.0,
        to_boris,
        "the other chat does not wait"
    );
    assert!(matches!(line.result().await.1, Kind::Sent(_)));
    let refused = copies(&stage, "limited", 1).await.remove(0);
    let later = copies(&stage, "after the freeze", 1).await.remove(0);
    assert!(later.received_mono_us - refused.received_mono_us >= 2_000_000);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_row_of_a_renewal_that_was_never_sent_is_not_written() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let mut row = line.row(anna.id, "stale", NOW);
    row.last_renewal = 77;
    line.say(Message::Deliver(row)).await;
    let (_, kind) = line.result().await;
    assert!(matches!(&kind, Kind::NotWritten(_)), "{kind:?}");
    line.deliver(anna.id, "fresh", NOW).await;
    assert!(matches!(line.result().await.1, Kind::Sent(_)));
    copies(&stage, "fresh", 1).await;
    assert_eq!(copies(&stage, "stale", 0).await, []);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn text_that_telegram_cannot_take_is_refused_for_good() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    line.deliver(anna.id, &"x".repeat(5_000), NOW).await;
    let (_, kind) = line.result().await;
    assert!(
        matches!(&kind, Kind::Refused(refused) if refused.bad_content),
        "{kind:?}"
    );
    running.stop().await.unwrap();
}

#[tokio::test]
async fn after_a_crash_only_what_may_have_been_written_is_reported_so() {
    let stage = Stage::new().await;
    let (written, unknown) = (Uuid::new_v4(), Uuid::new_v4());
    let opened = Journal::open(&stage.journal).unwrap();
    let gateway_id = opened.gateway_id.to_string();
    let in_journal = Attempt {
        bot_id: BOT_ID,
        notification: written,
        number: 1,
    };
    opened.journal.writing(in_journal).await.unwrap();
    // The process ends without a word: the file is let go of, the entry stays.
    drop(opened);
    let running = stage.start_after_crash(Duration::from_secs(8)).await;
    let mut line = stage.notify.line().await;
    assert_eq!(line.gateway_id, gateway_id, "the same journal, the same id");
    let report = line.own(vec![attempt(written), attempt(unknown)]).await;
    let knowledge = |id: Uuid| {
        let of = |entry: &&olm_proto::notify::v1::JournalEntry| entry.attempt == Some(attempt(id));
        report
            .entries
            .iter()
            .find(of)
            .unwrap()
            .knowledge
            .clone()
            .unwrap()
    };
    assert_eq!(report.entries.len(), 2);
    assert!(matches!(knowledge(written), Knowledge::Writing(_)));
    assert!(matches!(knowledge(unknown), Knowledge::NotWritten(_)));
    // Until it is acknowledged the attempt is told as unknown; then it is forgotten.
    let (told, kind) = line.result().await;
    assert_eq!(told, attempt(written));
    assert!(matches!(kind, Kind::Ambiguous(_)));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn killed_while_a_request_is_out_it_is_reported_as_writing_and_not_sent_again() {
    let stage = Stage::new().await;
    let mortal = stage.start_mortal();
    let anna = anna(&stage).await;
    let line = stage.notify.owned_line().await;
    let late = Fault::new(FaultKind::Delay { ms: 60_000 }).in_chat(anna.id);
    stage.sim.fault(&late).await.unwrap();
    let out = line.deliver(anna.id, "out", NOW).await;
    let waiting = line.deliver(anna.id, "waiting", NOW).await;
    copies(&stage, "out", 1).await;
    mortal.shutdown_background();
    let running = stage.start_after_crash(Duration::from_secs(8)).await;
    let mut line = stage.notify.line().await;
    let report = line.own(vec![out, waiting]).await;
    let knowledge: Vec<_> = report
        .entries
        .iter()
        .map(|entry| &entry.knowledge)
        .collect();
    assert!(matches!(
        knowledge[..],
        [Some(Knowledge::Writing(_)), Some(Knowledge::NotWritten(_))]
    ));
    line.result().await;
    assert_eq!(copies(&stage, "out", 1).await.len(), 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_result_is_told_again_on_the_next_stream_until_it_is_acknowledged() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let sent = line.deliver(anna.id, "once", NOW).await;
    let first = line.unacknowledged_result().await;
    assert_eq!(first.attempt, Some(sent.clone()));
    drop(line);
    let mut line = stage.notify.line().await;
    let report = line.own(vec![sent.clone()]).await;
    let knowledge = report.entries[0].knowledge.clone();
    assert_eq!(knowledge, first.outcome.map(Knowledge::Outcome));
    assert_eq!(line.result().await.0, sent);
    assert_eq!(copies(&stage, "once", 1).await.len(), 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_row_that_waits_when_the_stream_breaks_is_reported_unwritten() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let waiting = line.deliver(anna.id, "far", Duration::from_mins(5)).await;
    // A second row proves that the first one was read.
    line.deliver(999_999, "near", NOW).await;
    line.result().await;
    drop(line);
    let mut line = stage.notify.line().await;
    let report = line.own(vec![waiting]).await;
    assert!(matches!(
        report.entries[0].knowledge,
        Some(Knowledge::NotWritten(_))
    ));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_draining_service_gets_its_results_and_the_gateway_comes_back() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let out = line
        .deliver(anna.id, "out", Duration::from_millis(300))
        .await;
    line.say(Message::Drain(Drain {})).await;
    assert_eq!(line.result().await.0, out);
    assert_eq!(line.next_or_end().await, None);
    stage.notify.owned_line().await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn stopping_finishes_what_is_out_releases_the_bot_and_keeps_its_deadline() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let near = line.deliver(anna.id, "near", Duration::from_secs(2)).await;
    let far = line.deliver(999_998, "far", Duration::from_mins(10)).await;
    line.deliver(999_999, "read", NOW).await;
    line.result().await;
    let begun = Instant::now();
    running.shutdown.stop();
    let (attempt, kind) = line.result().await;
    assert_eq!(attempt, near);
    assert!(matches!(kind, Kind::Sent(_)));
    let (attempt, kind) = line.result().await;
    assert_eq!(attempt, far);
    assert!(
        matches!(kind, Kind::NotWritten(_)),
        "given up, and known to be unsent"
    );
    let release = line.next().await;
    assert!(
        matches!(release, dispatch_request::Message::Release(_)),
        "{release:?}"
    );
    // The service's half stays open: the gateway ends all the same.
    running.task.await.unwrap().unwrap();
    assert!(begun.elapsed() < running.shutdown.drain());
}

#[tokio::test]
async fn a_refused_token_stops_the_bot_fails_no_row_and_is_never_logged() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let refusal = FaultKind::Status {
        code: 401,
        description: "Unauthorized".to_owned(),
        retry_after: None,
        migrate_to_chat_id: None,
    };
    let refusal = Fault::new(refusal).in_chat(anna.id);
    stage.sim.fault(&refusal).await.unwrap();
    line.deliver(anna.id, "refused", NOW).await;
    let (_, kind) = line.result().await;
    assert!(matches!(&kind, Kind::NotWritten(_)), "{kind:?}");
    let release = line.next().await;
    assert!(
        matches!(release, dispatch_request::Message::Release(_)),
        "{release:?}"
    );
    drop(line);
    // Updates are taken again, so the token is good: the bot comes back by itself.
    stage.sim.say(&anna, "/help").await.unwrap();
    stage.notify.owned_line().await;
    running.stop().await.unwrap();
    let logs = LOGS.text();
    assert!(logs.contains("Telegram refuses the token"));
    for line in logs.lines().filter(|line| line.contains(SECRET)) {
        assert!(
            !line.contains("bot_gateway") && !line.contains("service_kit"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn health_is_serving_while_the_token_is_good_whatever_else_is_away() {
    let (stage, running) = Stage::running().await;
    stage.lessons.away.send_replace(true);
    running.becomes(ServingStatus::Serving).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_journal_in_use_by_another_process_is_a_clear_error() {
    let stage = Stage::new().await;
    let _other = Journal::open(&stage.journal).unwrap();
    let error = stage
        .start(Duration::from_secs(1))
        .await
        .task
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        matches!(error, RunError::Journal(JournalError::InUse(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_burst_stays_below_every_limit_of_telegram() {
    let (stage, running) = Stage::running().await;
    let mut people = Vec::new();
    for index in 0..33 {
        let person = NewPerson::named(&format!("P{index}"), "en");
        people.push(stage.sim.create_person(&person).await.unwrap());
    }
    let mut line = stage.notify.owned_line().await;
    // Strangers to the bot are refused without being counted, so everybody starts it; the
    // answers come first, so that no row gets stale behind them.
    line.during(async {
        for person in &people {
            stage.sim.say(person, "/help").await.unwrap();
        }
        let answers = LedgerQuery::method("sendMessage");
        let all = |entries: &[LedgerEntry]| entries.len() == people.len();
        stage.sim.ledger_until(&answers, SOON, all).await.unwrap();
    })
    .await;
    let mut open: Vec<AttemptRef> = Vec::new();
    for person in &people {
        open.push(line.deliver(person.id, "burst", NOW).await);
    }
    while !open.is_empty() {
        let (attempt, kind) = line.result().await;
        assert!(matches!(kind, Kind::Sent(_)), "{kind:?}");
        open.retain(|of| *of != attempt);
    }
    let entries = stage
        .sim
        .ledger(&LedgerQuery::default())
        .await
        .unwrap()
        .entries;
    let limited = |entry: &&LedgerEntry| {
        entry
            .answer
            .as_ref()
            .is_some_and(|answer| answer.status == 429)
    };
    assert_eq!(entries.iter().find(limited), None);
    running.stop().await.unwrap();
}
