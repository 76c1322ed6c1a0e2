//! A gateway that stands still for longer than what it holds stays fresh.

use std::time::Duration;

use e2e::{
    Result,
    program::Program,
    stack::Stack,
    story::{Member, PATIENCE},
    system::{System, eventually},
};
use olm_proto::notify::v1::{CreateNotificationRequest, create_notification_request::Recipient};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::PgPool;
use telegram_sim::api::{Fault, FaultKind, LedgerQuery};
use uuid::Uuid;

/// For so long Telegram keeps its answer, and the next message waits behind it.
const SLOW: FaultKind = FaultKind::Delay { ms: 3_000 };

async fn tell(stack: &Stack, reader: &Member, text: &str) -> Result<Uuid> {
    let request = CreateNotificationRequest {
        request_id: Uuid::new_v4().to_string(),
        recipient: Some(Recipient::UserId(reader.id()?.to_string())),
        text: text.to_owned(),
        ..CreateNotificationRequest::default()
    };
    let answer = stack.notifications()?.create_notification(request).await?;
    let notification = answer.into_inner().notification.ok_or("not accepted")?;
    Ok(notification.id.parse()?)
}

/// What became of its attempts, in order.
async fn outcomes(database: &PgPool, id: Uuid) -> Vec<Option<String>> {
    let attempts = sqlx::query_scalar(
        "SELECT outcome FROM notify.attempts WHERE notification_id = $1 ORDER BY attempt_no",
    );
    attempts
        .bind(id)
        .fetch_all(database)
        .await
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_suspended_gateway_held_is_told_unwritten_and_is_sent_once_and_fresh() -> Result<()>
{
    let system = System::start(None).await?;
    let database = PgPool::connect(&system.cluster.database("olm").await?).await?;
    let reader = system.story.join(&system.stack, "Anna", "en").await?;
    let sim = &system.story.sim;
    let slow = Fault::new(SLOW).in_chat(reader.person.id);
    sim.fault(&slow.on("sendMessage")).await?;
    let in_chat = LedgerQuery::method("sendMessage").in_chat(reader.person.id);
    let says = |text: &'static str| {
        move |entry: &telegram_sim::api::LedgerEntry| {
            let said = entry.text.as_deref().unwrap_or_default();
            said.contains(text)
        }
    };
    tell(&system.stack, &reader, "the first").await?;
    sim.ledger_until(&in_chat, PATIENCE, |all| all.iter().any(says("the first")))
        .await?;
    let held = tell(&system.stack, &reader, "the second").await?;
    eventually("the second is begun", PATIENCE, async || {
        outcomes(&database, held).await == [None]
    })
    .await?;

    let id = system.stack.process_id(Program::BotGateway);
    let pid = Pid::from_raw(id.ok_or("no gateway")?.try_into()?).ok_or("no process")?;
    kill_process(pid, Signal::STOP)?;
    // It lasts a second longer than what was begun under it stays fresh.
    let over = eventually("its ownership is over", PATIENCE, async || {
        let over = sqlx::query_scalar("SELECT bool_and(expires_at < now()) FROM notify.owners");
        over.fetch_one(&database).await.is_ok_and(|over: bool| over)
    })
    .await;
    kill_process(pid, Signal::CONT)?;
    over?;

    eventually("the second is sent", Duration::from_secs(30), async || {
        let outcomes = outcomes(&database, held).await;
        outcomes
            .last()
            .is_some_and(|it| it.as_deref() == Some("sent"))
    })
    .await?;
    let outcomes = outcomes(&database, held).await;
    let Some((_, before)) = outcomes.split_last() else {
        return Err("no attempt".into());
    };
    let unwritten = |outcome: &Option<String>| outcome.as_deref() == Some("not_written");
    assert!(
        !before.is_empty() && before.iter().all(unwritten),
        "{outcomes:?}"
    );
    let entries = sim.ledger(&in_chat).await?.entries;
    let copies = entries.into_iter().filter(says("the second")).count();
    assert_eq!(copies, 1);
    system.stop().await
}
