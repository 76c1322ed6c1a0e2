//! No update acts twice, and none is lost.

use std::time::Duration;

use bot_gateway::RunError;
use olm_proto::lesson::v1::LessonStatus;
use telegram_sim::{
    api::{LedgerQuery, Person, Pressed},
    client::Button,
};
use tokio::time::timeout;

use crate::{
    conversation::{data, hold_first, person, shown, wait_for},
    owning::fetches,
    stage::{BOT_ID, SOON, Stage},
};

const DRAIN: Duration = Duration::from_secs(8);

fn update(pressed: &Pressed) -> i64 {
    match pressed {
        Pressed::Callback { update_id, .. } => update_id.unwrap(),
        other => panic!("{other:?}"),
    }
}

/// How many messages the bot sent to somebody.
async fn sent(stage: &Stage, to: &Person) -> usize {
    let query = LedgerQuery::method("sendMessage").in_chat(to.id);
    stage.sim.ledger(&query).await.unwrap().entries.len()
}

async fn the_same_update_three_times(stage: &Stage) {
    let anna = person(stage, "en").await;
    let mut running = stage.start(DRAIN).await;
    let ask = hold_first(stage, &anna).await;
    let confirm = Button::data(data(&ask, "✅"));
    let pressed = stage.sim.press(&anna, confirm).await.unwrap();
    shown(stage, &anna, "You are booked").await;
    let said = stage.sim.say(&anna, "/help").await.unwrap();
    shown(stage, &anna, "What I can do").await;
    let messages = sent(stage, &anna).await;
    let updates = [update(&pressed), said.update_id.unwrap()];
    for restart in [false, true] {
        if restart {
            running.stop().await.unwrap();
            running = stage.start_after_crash(DRAIN).await;
        }
        for id in updates {
            stage.sim.redeliver(BOT_ID, id, 2).await.unwrap();
        }
        stage.redelivered().await;
    }
    // What comes later is handled later.
    stage.sim.say(&anna, "hm").await.unwrap();
    shown(stage, &anna, "All commands: /help").await;
    assert_eq!(sent(stage, &anna).await, messages + 1);
    assert_eq!(stage.lessons.state().book_requests.len(), 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_update_given_out_three_times_acts_and_is_answered_once() {
    the_same_update_three_times(&Stage::new().await).await;
}

#[tokio::test]
async fn an_update_posted_three_times_acts_and_is_answered_once() {
    let mut stage = Stage::new().await;
    stage.by_webhook();
    the_same_update_three_times(&stage).await;
}

#[tokio::test]
async fn a_question_is_answered_after_a_restart() {
    let (stage, running) = Stage::running().await;
    let anna = person(&stage, "en").await;
    stage.sim.say(&anna, "/zone").await.unwrap();
    shown(&stage, &anna, "Your time: Berlin").await;
    running.stop().await.unwrap();
    let running = stage.start_after_crash(DRAIN).await;
    stage.sim.say(&anna, "Tokyo").await.unwrap();
    shown(&stage, &anna, "✅ Tokyo").await;
    running.stop().await.unwrap();
}

/// Kills the gateway when the lesson is booked and nobody was told, and starts another.
async fn killed_between_effect_and_answer(stage: &Stage) {
    let anna = person(stage, "en").await;
    let mortal = stage.start_mortal();
    let ask = hold_first(stage, &anna).await;
    stage.lessons.mute.send_replace(true);
    let confirm = Button::data(data(&ask, "✅"));
    let pressed = stage.sim.press(&anna, confirm).await.unwrap();
    stage.sim.callback_answer(&pressed, SOON).await.unwrap();
    wait_for(|| !stage.lessons.state().book_requests.is_empty()).await;
    mortal.shutdown_background();
    stage.lessons.mute.send_replace(false);
    let running = stage.start_after_crash(DRAIN).await;
    let booked = shown(stage, &anna, "You are booked").await;
    assert_eq!(booked.message_id, ask.message_id);
    {
        let seen = stage.lessons.state();
        // The press that held the time may have been too young to be remembered.
        let booked = seen.lessons.iter();
        let booked = booked.filter(|lesson| lesson.status() == LessonStatus::Scheduled);
        assert_eq!(booked.count(), 1);
        assert_eq!(seen.book_requests.len(), 2);
        assert_eq!(seen.book_requests[0], seen.book_requests[1]);
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_gateway_killed_between_effect_and_answer_answers_after_its_restart() {
    killed_between_effect_and_answer(&Stage::new().await).await;
}

#[tokio::test]
async fn a_posted_update_outlives_the_gateway_that_took_it() {
    let mut stage = Stage::new().await;
    stage.by_webhook();
    killed_between_effect_and_answer(&stage).await;
}

#[tokio::test]
async fn a_gateway_that_stops_begins_nothing_new() {
    let (stage, running) = Stage::running().await;
    let anna = person(&stage, "en").await;
    let ask = hold_first(&stage, &anna).await;
    stage.lessons.stuck.send_replace(true);
    for _ in 0..2 {
        let confirm = Button::data(data(&ask, "✅")).on(ask.message_id);
        let pressed = stage.sim.press(&anna, confirm).await.unwrap();
        stage.sim.callback_answer(&pressed, SOON).await.unwrap();
    }
    wait_for(|| !stage.lessons.state().book_requests.is_empty()).await;
    running.shutdown.stop();
    fetches(&stage, false).await;
    stage.lessons.stuck.send_replace(false);
    running.stop().await.unwrap();
    assert_eq!(stage.lessons.state().book_requests.len(), 1);
    let running = stage.start_after_crash(DRAIN).await;
    wait_for(|| stage.lessons.state().book_requests.len() == 2).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_cannot_read_what_was_handled_does_not_start() {
    let (stage, running) = Stage::running().await;
    let anna = person(&stage, "en").await;
    stage.sim.say(&anna, "/help").await.unwrap();
    shown(&stage, &anna, "What I can do").await;
    running.stop().await.unwrap();
    stage.released().await;
    {
        let store = stage.journal.with_extension("chats.redb");
        let store = redb::Database::open(store).unwrap();
        let change = store.begin_write().unwrap();
        let handled = redb::TableDefinition::<i64, &[u8]>::new("handled");
        let mut table = change.open_table(handled).unwrap();
        assert!(table.insert(BOT_ID, b"{}".as_slice()).unwrap().is_some());
        drop(table);
        change.commit().unwrap();
    }
    let running = stage.start(DRAIN).await;
    let ended = timeout(SOON, running.task).await.expect("it ends").unwrap();
    assert!(matches!(ended, Err(RunError::Store(_))), "{ended:?}");
}

#[tokio::test]
async fn two_taps_at_once_book_one_lesson() {
    let (stage, running) = Stage::running().await;
    let anna = person(&stage, "en").await;
    let ask = hold_first(&stage, &anna).await;
    let confirm = || Button::data(data(&ask, "✅")).on(ask.message_id);
    let (first, second) = tokio::join!(
        stage.sim.press(&anna, confirm()),
        stage.sim.press(&anna, confirm()),
    );
    for pressed in [first, second] {
        let pressed = pressed.unwrap();
        stage.sim.callback_answer(&pressed, SOON).await.unwrap();
    }
    wait_for(|| stage.lessons.state().book_requests.len() == 2).await;
    shown(&stage, &anna, "You are booked").await;
    {
        let seen = stage.lessons.state();
        assert_eq!(seen.lessons.len(), 1);
        assert_eq!(seen.book_requests[0], seen.book_requests[1]);
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn every_press_is_acknowledged_while_a_handler_hangs() {
    let mut stage = Stage::new().await;
    // Longer than all presses take.
    stage.set("BOT_LESSON_TIMEOUT", "60");
    let running = stage.start(Duration::from_secs(2)).await;
    let anna = person(&stage, "en").await;
    let boris = person(&stage, "en").await;
    let ask = hold_first(&stage, &anna).await;
    stage.lessons.stuck.send_replace(true);
    let mut presses = Vec::new();
    for _ in 0..40 {
        let confirm = Button::data(data(&ask, "✅")).on(ask.message_id);
        presses.push(stage.sim.press(&anna, confirm).await.unwrap());
    }
    for pressed in &presses {
        stage.sim.callback_answer(pressed, SOON).await.unwrap();
    }
    assert_eq!(stage.lessons.state().book_requests.len(), 1, "in order");
    stage.sim.say(&boris, "/help").await.unwrap();
    shown(&stage, &boris, "What I can do").await;
    stage.lessons.stuck.send_replace(false);
    running.stop().await.unwrap();
}
