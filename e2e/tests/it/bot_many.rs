//! Many people at once.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc, time::Duration};

use e2e::{
    Result,
    program::Program,
    stack::Stack,
    story::PATIENCE,
    system::eventually,
    talk::{Talk, unlimited},
};
use rustix::process::{Pid, Signal, kill_process};
use telegram_sim::{
    api::{LedgerEntry, LedgerQuery, MessageView, NewPerson, Person},
    client::{Button, SimClient},
};
use tokio::{sync::Semaphore, task::JoinSet};

const PEOPLE: usize = 1_000;
/// Connections of the test to the simulator; what is waited for goes on without one.
const AT_ONCE: usize = 100;
/// A thousand take their time where nothing is optimised.
const LONG: Duration = PATIENCE.saturating_mul(6);

/// Everybody does something; what each of them gets.
async fn all<Of: Send + 'static, T: Send + 'static, F>(
    everybody: impl IntoIterator<Item = Of>,
    act: impl Fn(Of) -> F,
) -> Result<Vec<T>>
where
    F: Future<Output = Result<T>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut acts = JoinSet::new();
    for each in everybody {
        let (places, act) = (Arc::clone(&places), act(each));
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

/// The bot's process, which can be held where it stands.
struct Held(Pid);

impl Held {
    /// Returns when it does nothing any more.
    async fn hold(stack: &Stack) -> Result<Self> {
        let id = stack.process_id(Program::BotGateway).ok_or("no bot")?;
        let pid = Pid::from_raw(id.try_into()?).ok_or("no process")?;
        kill_process(pid, Signal::STOP)?;
        // proc_pid_stat(5): the state stands behind the name. Threads stop one after the other.
        let stands = |thread: PathBuf| {
            fs::read_to_string(thread.join("stat")).is_ok_and(|stat| stat.contains(") T "))
        };
        let threads = format!("/proc/{id}/task");
        eventually("the bot stands still", PATIENCE, async || {
            let mut threads = fs::read_dir(&threads).into_iter().flatten().flatten();
            threads.all(|thread| stands(thread.path()))
        })
        .await?;
        Ok(Self(pid))
    }

    fn let_go(self) -> Result<()> {
        Ok(kill_process(self.0, Signal::CONT)?)
    }
}

/// Waits for two answers to each, and tells by chat whether each, in their order, is the help.
async fn answers(
    sim: &SimClient,
    since: u64,
    people: &[Person],
) -> Result<BTreeMap<i64, Vec<bool>>> {
    let by_chat = |entries: &[LedgerEntry]| {
        let none = |person: &Person| (person.id, Vec::new());
        let mut by_chat: BTreeMap<_, Vec<_>> = people.iter().map(none).collect();
        for entry in entries {
            let method = entry.method.as_str();
            let is_answer = entry.accepted && matches!(method, "editMessageText" | "sendMessage");
            let chat = entry.chat_id.filter(|_| is_answer);
            if let Some(answers) = chat.and_then(|chat| by_chat.get_mut(&chat)) {
                let text = entry.text.as_deref().unwrap_or_default();
                answers.push(text.contains("/schedule · "));
            }
        }
        by_chat
    };
    let entries = sim
        .ledger_until(&LedgerQuery::default().since(since), LONG, |entries| {
            by_chat(entries).values().all(|answers| answers.len() >= 2)
        })
        .await?;
    Ok(by_chat(&entries))
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
    // Drawn for not too many at once: what this is about is the presses.
    let client = sim.clone();
    all(people.clone(), move |person| {
        let client = client.clone();
        async move {
            client.say(&person, "/settings").await?;
            let is_drawn = |message: &MessageView| !message.inline_keyboard.is_empty();
            Ok(client.message(&person, LONG, is_drawn).await?)
        }
    })
    .await?;

    // Each presses a button, and asks for something else. The bot is held meanwhile, so that
    // all of it is before it at once.
    let held = Held::hold(&system.stack).await?;
    let since = story.last_entry().await?;
    let client = sim.clone();
    let pressed = all(people.clone(), move |person| {
        let (client, button) = (client.clone(), button.clone());
        async move {
            let pressed = client.press(&person, Button::text(button)).await?;
            client.say(&person, "/help").await?;
            Ok(pressed)
        }
    })
    .await?;
    let acknowledging = LedgerQuery::method("answerCallbackQuery").since(since);
    assert_eq!(sim.ledger(&acknowledging).await?.entries, []);
    held.let_go()?;
    let client = sim.clone();
    let acknowledged = all(pressed, move |pressed| {
        let client = client.clone();
        async move { Ok(client.callback_answer(&pressed, LONG).await?.answered) }
    })
    .await?;
    assert_eq!(acknowledged, [true; PEOPLE]);
    let answered = answers(sim, since, &people).await?;
    for (chat, are_help) in answered {
        assert_eq!(are_help, [false, true], "{chat:?}");
    }
    system.stop().await
}
