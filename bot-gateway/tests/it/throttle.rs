//! Who asks for too much.

use std::time::Duration;

use telegram_sim::{
    api::{LedgerQuery, Person},
    client::Button,
};

use crate::{
    conversation::{data, hold_first, person, shown},
    stage::{SOON, Stage},
};

async fn texts(stage: &Stage, to: &Person) -> Vec<String> {
    let query = LedgerQuery::method("sendMessage").in_chat(to.id);
    let entries = stage.sim.ledger(&query).await.unwrap().entries;
    entries.into_iter().filter_map(|entry| entry.text).collect()
}

#[tokio::test]
async fn the_first_request_beyond_the_limit_is_answered_politely_and_the_rest_by_silence() {
    for (language, help, patience, unit) in [
        (
            "en",
            "What I can do",
            "Too many requests. Please go on in",
            " second",
        ),
        (
            "ru",
            "Что я умею",
            "Слишком много запросов. Продолжите через",
            " секунд",
        ),
    ] {
        let mut stage = Stage::new().await;
        stage.set("BOT_USER_REQUESTS_PER_MINUTE", "2");
        let running = stage.start(Duration::from_secs(8)).await;
        let anna = person(&stage, language).await;
        let boris = person(&stage, language).await;
        for _ in 0..5 {
            stage.sim.say(&anna, "/help").await.unwrap();
        }
        let asked = shown(&stage, &anna, patience).await;
        assert!(asked.text.contains(unit), "{}", asked.text);
        // Somebody else is answered, after all that.
        stage.sim.say(&boris, "/help").await.unwrap();
        shown(&stage, &boris, help).await;
        // What waits for its turn when stopping begins is not said any more.
        let query = LedgerQuery::method("sendMessage").in_chat(anna.id);
        let said = stage.sim.ledger_until(&query, SOON, |said| said.len() >= 3);
        said.await.unwrap();
        running.stop().await.unwrap();
        let texts = texts(&stage, &anna).await;
        assert_eq!(texts.len(), 3, "{texts:?}");
        let helped = texts.iter().filter(|text| text.contains(help));
        assert_eq!(helped.count(), 2, "{texts:?}");
    }
}

#[tokio::test]
async fn a_press_beyond_the_limit_is_acknowledged_and_does_nothing() {
    let mut stage = Stage::new().await;
    // What leads to the question, and nothing more.
    stage.set("BOT_USER_REQUESTS_PER_MINUTE", "3");
    let running = stage.start(Duration::from_secs(8)).await;
    let anna = person(&stage, "en").await;
    let ask = hold_first(&stage, &anna).await;
    for _ in 0..3 {
        let confirm = Button::data(data(&ask, "✅")).on(ask.message_id);
        let pressed = stage.sim.press(&anna, confirm).await.unwrap();
        stage.sim.callback_answer(&pressed, SOON).await.unwrap();
    }
    shown(&stage, &anna, "Too many requests").await;
    running.stop().await.unwrap();
    assert!(stage.lessons.state().book_requests.is_empty());
}
