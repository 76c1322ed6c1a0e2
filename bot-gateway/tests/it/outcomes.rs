//! Refusals that change what is sent next: another chat, no markup, a frozen chat.

use std::time::Duration;

use jiff::SignedDuration;
use olm_proto::notify::v1::{
    Content, Deliver, Lane, LessonNotice, LessonNoticeKind, LessonRole, content,
    dispatch_response::Message, outcome::Kind,
};
use telegram_sim::api::{Fault, FaultKind, LedgerQuery, NewGroup};
use uuid::Uuid;

use crate::{
    delivery::{anna, copies},
    lessons::slots,
    stage::{BOT_ID, Stage},
};

const NOW: Duration = Duration::ZERO;

fn refusal(code: u16, description: &str, retry_after: Option<u32>) -> FaultKind {
    FaultKind::Status {
        code,
        description: description.to_owned(),
        retry_after,
        migrate_to_chat_id: None,
    }
}

#[tokio::test]
async fn a_group_that_became_a_supergroup_is_told_with_its_new_id_and_keeps_its_order() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let group = NewGroup {
        title: "Anna and the bot".to_owned(),
        bot_ids: vec![BOT_ID],
        person_ids: vec![anna.id],
    };
    let group = stage.sim.create_group(&group).await.unwrap();
    let supergroup = stage.sim.migrate(group.id).await.unwrap();
    let mut line = stage.notify.owned_line().await;
    let first = line.deliver(group.id, "first", NOW).await;
    let second = line.deliver(group.id, "second", NOW).await;
    let mut results = [line.result().await, line.result().await];
    results.sort_by_key(|(attempt, _)| *attempt != first);
    let [(_, moved), (given_back, unsent)] = results;
    assert!(matches!(&moved, Kind::Moved(moved) if moved.chat_id == supergroup.id));
    // At once, or it would overtake the first one in the new chat.
    assert_eq!(given_back, second);
    assert!(matches!(&unsent, Kind::NotWritten(_)), "{unsent:?}");
    line.deliver(supergroup.id, "first again", NOW).await;
    assert!(matches!(line.result().await.1, Kind::Sent(_)));
    assert_eq!(copies(&stage, "second", 0).await, []);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn markup_that_telegram_cannot_read_is_told_apart_from_bad_content() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let unread = refusal(400, "Bad Request: can't parse entities: at byte 7", None);
    let unread = Fault::new(unread).in_chat(anna.id);
    stage.sim.fault(&unread).await.unwrap();
    line.deliver(anna.id, "marked", NOW).await;
    let (_, kind) = line.result().await;
    assert!(
        matches!(&kind, Kind::Refused(refused) if refused.bad_markup && !refused.bad_content),
        "{kind:?}"
    );
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_plain_row_has_no_markup() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let start = slots()[0];
    let notice = LessonNotice {
        kind: LessonNoticeKind::Booked.into(),
        lesson_id: Uuid::from_u128(0x1e).to_string(),
        start_time: Some(olm_proto::timestamp(start)),
        end_time: Some(olm_proto::timestamp(start + SignedDuration::from_hours(1))),
        reader_role: LessonRole::Student.into(),
        counterpart_name: "Anna & Co".to_owned(),
        ..LessonNotice::default()
    };
    for (plain, marked) in [(false, true), (true, false)] {
        let row = Deliver {
            content: Some(Content {
                kind: Some(content::Kind::LessonNotice(notice.clone())),
            }),
            plain,
            ..line.row(anna.id, "", NOW)
        };
        line.say(Message::Deliver(row)).await;
        assert!(matches!(line.result().await.1, Kind::Sent(_)));
        let query = LedgerQuery::method("sendMessage").in_chat(anna.id);
        let entries = stage.sim.ledger(&query).await.unwrap().entries;
        let text = entries.last().unwrap().text.clone().unwrap();
        assert_eq!(text.contains("<b>"), marked, "{text}");
        assert!(text.contains("Anna & Co") != marked, "{text}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn rows_behind_one_that_was_limited_are_given_back_so_that_none_overtakes_it() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let limit = refusal(429, "Too Many Requests: retry after 3", Some(3));
    stage
        .sim
        .fault(&Fault::new(limit).in_chat(anna.id))
        .await
        .unwrap();
    let first = line.deliver(anna.id, "first", NOW).await;
    let second = line.deliver(anna.id, "second", NOW).await;
    let mut results = [line.result().await, line.result().await];
    results.sort_by_key(|(attempt, _)| *attempt != first);
    assert_eq!(results[1].0, second);
    assert!(matches!(results[0].1, Kind::Limited(_)));
    assert!(matches!(&results[1].1, Kind::NotWritten(unsent)
        if unsent.retry_after.as_ref().is_some_and(|after| after.seconds == 3)));
    assert_eq!(copies(&stage, "second", 0).await, []);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn rows_behind_one_that_was_not_written_are_given_back_so_that_none_overtakes_it() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let outdated = Deliver {
        last_renewal: 77,
        ..line.row(anna.id, "first", NOW)
    };
    let first = outdated.attempt.clone();
    line.say(Message::Deliver(outdated)).await;
    let second = line.deliver(anna.id, "second", NOW).await;
    let mut results = [line.result().await, line.result().await];
    results.sort_by_key(|(attempt, _)| Some(attempt) != first.as_ref());
    assert_eq!(results[1].0, second);
    for (_, kind) in results {
        assert!(matches!(&kind, Kind::NotWritten(_)), "{kind:?}");
    }
    // Both are acknowledged: what comes now was begun in order.
    line.deliver(anna.id, "first again", NOW).await;
    assert!(matches!(line.result().await.1, Kind::Sent(_)));
    assert_eq!(copies(&stage, "second", 0).await, []);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_sent_and_how_late_is_counted() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let limit = refusal(429, "Too Many Requests: retry after 1", Some(1));
    stage
        .sim
        .fault(&Fault::new(limit).in_chat(anna.id))
        .await
        .unwrap();
    line.deliver(anna.id, "limited", NOW).await;
    line.result().await;
    line.deliver(anna.id, "sent", NOW).await;
    assert!(matches!(line.result().await.1, Kind::Sent(_)));
    let figures = service_kit::metrics::text();
    for figure in [
        r#"olm_bot_sends_total{method="sendMessage",outcome="ok"}"#,
        r#"olm_bot_sends_total{method="sendMessage",outcome="limited"}"#,
        r#"olm_bot_limited_total{frozen="chat"}"#,
        r#"olm_bot_lateness_seconds_count{lane="broadcast"}"#,
        "olm_bot_journal_duration_seconds_count",
        r#"olm_bot_waiting{lane="reminder"}"#,
    ] {
        assert!(figures.contains(figure), "{figure}:\n{figures}");
    }
    running.stop().await.unwrap();
}

/// How late what was written in the reminders' lane was, all together.
fn lateness() -> f64 {
    let text = service_kit::metrics::text();
    let name = r#"olm_bot_lateness_seconds_sum{lane="reminder"} "#;
    let sum = text.lines().find_map(|line| line.strip_prefix(name));
    sum.map_or(0.0, |sum| sum.parse().unwrap())
}

#[tokio::test]
async fn what_came_late_counts_as_late_from_its_instant() {
    let (stage, running) = Stage::running().await;
    let anna = anna(&stage).await;
    let mut line = stage.notify.owned_line().await;
    let before = lateness();
    let row = Deliver {
        lane: Lane::Reminder.into(),
        due_in: Some(olm_proto::duration(SignedDuration::from_secs(-60))),
        ..line.row(anna.id, "late", NOW)
    };
    line.say(Message::Deliver(row)).await;
    assert!(matches!(line.result().await.1, Kind::Sent(_)));
    let late = lateness() - before;
    assert!(late >= 60.0, "{late}");
    running.stop().await.unwrap();
}
