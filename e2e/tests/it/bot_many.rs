//! Many people at once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use e2e::{
    Result,
    story::PATIENCE,
    talk::{Talk, unlimited},
};
use telegram_sim::{
    api::{LedgerEntry, LedgerQuery, NewPerson, Person},
    client::{Button, SimClient},
};
use tokio::{sync::Semaphore, task::JoinSet};

const PEOPLE: usize = 1_000;
/// Connections to the simulator.
const AT_ONCE: usize = 100;
/// A thousand take their time where nothing is optimised.
const LONG: Duration = PATIENCE.saturating_mul(6);

/// Everybody does something at once; what each of them gets.
async fn all<T: Send + 'static, F: Future<Output = Result<T>> + Send + 'static>(
    people: &[Person],
    act: impl Fn(Person) -> F,
) -> Result<Vec<T>> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut acts = JoinSet::new();
    for person in people {
        let (places, act) = (Arc::clone(&places), act(person.clone()));
        acts.spawn(async move {
            let _place = places.acquire().await?;
            act.await
        });
    }
    let mut results = Vec::new();
    while let Some(result) = acts.join_next().await {
        results.push(result??);
    }
    Ok(results)
}

/// Waits for so many answers, and tells by chat whether each, in their order, is the help.
async fn answers(
    sim: &SimClient,
    since: u64,
    count: usize,
) -> Result<BTreeMap<Option<i64>, Vec<bool>>> {
    let is_answer = |entry: &&LedgerEntry| {
        entry.accepted && matches!(entry.method.as_str(), "editMessageText" | "sendMessage")
    };
    let entries = sim
        .ledger_until(&LedgerQuery::default().since(since), LONG, |entries| {
            entries.iter().filter(is_answer).count() >= count
        })
        .await?;
    let mut by_chat: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in entries.iter().filter(is_answer) {
        let text = entry.text.as_deref().unwrap_or_default();
        let answers = by_chat.entry(entry.chat_id).or_default();
        answers.push(text.contains("/schedule · "));
    }
    Ok(by_chat)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_who_press_at_once_each_is_acknowledged_and_answered_in_their_order()
-> Result<()> {
    let system = unlimited(false).await?;
    let story = &system.story;
    // What is on the screen is the same for all: one of them shows which buttons there are.
    let mut first = Talk::begin(&system.stack, "First", "en").await?;
    first.settle().await?;
    let settings = first.say("/settings").await?;
    let button = settings.keys().next().map(|key| key.label.clone());
    let button = button.ok_or("no button")?;

    let sim = &story.sim;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let person = NewPerson::named(&format!("Student {number}"), "en");
        people.push(sim.create_person(&person).await?);
    }
    let began = story.last_entry().await?;
    let client = sim.clone();
    all(&people, move |person| {
        let client = client.clone();
        async move { Ok(client.say(&person, "/settings").await?) }
    })
    .await?;
    let drawn = answers(sim, began, PEOPLE).await?;
    assert_eq!(drawn.len(), PEOPLE, "{:?}", drawn.len());

    // Each presses a button, and asks for something else before that is answered.
    let since = story.last_entry().await?;
    let client = sim.clone();
    let acknowledged = all(&people, move |person| {
        let (client, button) = (client.clone(), button.clone());
        async move {
            let pressed = client.press(&person, Button::text(button)).await?;
            client.say(&person, "/help").await?;
            Ok(client.callback_answer(&pressed, LONG).await?.answered)
        }
    })
    .await?;
    assert_eq!(acknowledged, [true; PEOPLE]);
    let answered = answers(sim, since, 2 * PEOPLE).await?;
    assert_eq!(answered.len(), PEOPLE);
    for (chat, are_help) in answered {
        assert_eq!(are_help, [false, true], "{chat:?}");
    }
    system.stop().await
}
