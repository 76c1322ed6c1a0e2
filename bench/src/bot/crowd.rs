//! Very many people who press a button at once.

use std::{sync::Arc, time::Duration};

use e2e::Result;
use telegram_sim::{
    Limits,
    api::{LedgerEntry, LedgerQuery, Person, Pressed},
    client::{Button, Chat},
};
use tokio::{sync::Semaphore, task::JoinSet, time::sleep};

use super::{
    judge::{self, Judged},
    stage::{Stage, Which},
};

/// Connections to the simulator.
const AT_ONCE: usize = 100;
/// People who come for the first time at once.
const NEWCOMERS: usize = 20;
/// How often somebody asks, and how long they wait in between: longer than the bot leaves
/// lesson-svc alone.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_secs(7);
/// At 30 messages a second the last of two thousand is answered after a minute.
const LONG: Duration = Duration::from_mins(3);

/// Everybody asks the bot for something with buttons, some at a time: newcomers are registered.
/// Who got none asks again later.
pub(super) async fn meet(stage: &Stage, which: Which) -> Result<()> {
    stage.sim.set_limits(Limits::OFF).await?;
    let sim = &stage.sim;
    let mut left = stage.crowd.clone();
    for _ in 0..TRIES {
        let mut without = Vec::new();
        for some in left.chunks(NEWCOMERS) {
            let since = stage.ledger_end().await?;
            all(some, which, async |chat| {
                Ok(sim.say(chat, "/settings").await?)
            })
            .await?;
            answered(stage, which, since, some.len()).await?;
            let seen = all(some, which, async |chat| first_button(stage, chat).await).await?;
            let seen = some.iter().zip(seen);
            without.extend(seen.filter(|(_, button)| button.is_none()));
        }
        left = without
            .into_iter()
            .map(|(person, _)| person.clone())
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    Err(format!("{} people saw no buttons", left.len()).into())
}

/// The message and data of the first button in a chat.
async fn first_button(stage: &Stage, chat: Chat) -> Result<Option<(i64, String)>> {
    let view = stage.sim.chat(chat).await?;
    let messages = view.messages.iter().rev();
    let mut keys = messages.flat_map(|message| {
        let keys = message.inline_keyboard.iter().flatten();
        keys.filter_map(|key| Some((message.message_id, key.data.clone()?)))
    });
    Ok(keys.next())
}

/// Everybody presses the first button of what they see; how long each press waited to be
/// acknowledged. Returns when all are answered too.
pub(super) async fn press(stage: &Stage, which: Which) -> Result<Vec<Judged>> {
    stage.forgive().await?;
    let sim = &stage.sim;
    let seen = all(&stage.crowd, which, async |chat| {
        let button = first_button(stage, chat).await?;
        Ok((chat, button.ok_or("a chat without buttons")?))
    })
    .await?;
    let since = stage.ledger_end().await?;
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (chat, (message, data)) in seen {
        let (sim, places) = (sim.clone(), Arc::clone(&places));
        tasks.spawn(async move {
            let _place = places.acquire().await?;
            let pressed = sim.press(chat, Button::data(data).on(message)).await?;
            match pressed {
                Pressed::Callback {
                    callback_query_id,
                    pressed_mono_us,
                    ..
                } => Result::Ok((callback_query_id, pressed_mono_us)),
                Pressed::Message { .. } | Pressed::Link { .. } => Err("no callback".into()),
            }
        });
    }
    let mut pressed = Vec::new();
    while let Some(one) = tasks.join_next().await {
        pressed.push(one??);
    }
    let instants = || pressed.iter().map(|(_, at_us)| *at_us);
    let span_us = instants().max().unwrap_or(0) - instants().min().unwrap_or(0);
    println!("  {} pressed within {} ms", pressed.len(), span_us / 1_000);
    if which == Which::Ours {
        answered(stage, which, since, pressed.len()).await?;
    } else {
        acknowledged(stage, which, since, pressed.len()).await?;
    }
    let entries = judge::ledger(sim, which.bot_id()?, since).await?;
    Ok(judge::acknowledgements(&pressed, &entries))
}

/// Everybody does something, a hundred at a time.
async fn all<T>(
    people: &[Person],
    which: Which,
    act: impl AsyncFn(Chat) -> Result<T>,
) -> Result<Vec<T>> {
    let mut done = Vec::new();
    for some in people.chunks(AT_ONCE) {
        let mut chats = Vec::new();
        for person in some {
            chats.push(which.chat(person)?);
        }
        let acts = chats.into_iter().map(|chat| act(chat));
        done.extend(futures_util::future::try_join_all(acts).await?);
    }
    Ok(done)
}

async fn answered(stage: &Stage, which: Which, since: u64, people: usize) -> Result<()> {
    let is_answer = |entry: &LedgerEntry| {
        entry.accepted && matches!(entry.method.as_str(), "sendMessage" | "editMessageText")
    };
    count(stage, which, since, people, is_answer).await
}

async fn acknowledged(stage: &Stage, which: Which, since: u64, people: usize) -> Result<()> {
    count(stage, which, since, people, |entry| {
        entry.method == "answerCallbackQuery"
    })
    .await
}

/// Waits for one such entry of each.
async fn count(
    stage: &Stage,
    which: Which,
    since: u64,
    people: usize,
    is_it: impl Fn(&LedgerEntry) -> bool,
) -> Result<()> {
    let query = LedgerQuery {
        bot: Some(which.bot_id()?),
        ..LedgerQuery::default().since(since)
    };
    let all =
        |entries: &[LedgerEntry]| entries.iter().filter(|entry| is_it(entry)).count() >= people;
    let waited = stage.sim.ledger_until(&query, LONG, all).await;
    waited.map_err(|_| format!("not all of {people} were answered within {LONG:?}"))?;
    Ok(())
}
