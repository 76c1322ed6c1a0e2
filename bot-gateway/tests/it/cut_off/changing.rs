//! What was to be changed while server 1 is away, and what is shown after it.

use super::*;

#[tokio::test]
async fn what_a_hanging_write_may_have_changed_is_shown_with_the_mark() {
    let mut stage = Stage::new().await;
    stage.set("BOT_LESSON_READ_TIMEOUT", "2");
    let running = stage.start(DRAIN).await;
    watched(&stage).await;
    let anna = person(&stage, EN.language).await;
    let lessons = ask(&stage, &anna, "/lessons").await;
    assert!(!lessons.text.contains('⚠'), "{}", lessons.text);
    let question = hold(&stage, &anna).await;
    stage.lessons.failing.send_replace(Failing::Hanging);
    let unknown = press_for_new(&stage, &anna, &question, data(&question, "✅")).await;
    assert!(unknown.text.contains(EN.unknown), "{}", unknown.text);
    // A change of the person themselves: who they were is known still.
    let unknown = ask(&stage, &anna, "/language ru").await;
    assert!(unknown.text.contains(EN.unknown), "{}", unknown.text);
    for command in ["/lessons", "/schedule"] {
        let shown = ask(&stage, &anna, command).await;
        assert!(shown.text.contains(EN.stale), "{}", shown.text);
    }
    stage.lessons.failing.send_replace(Failing::No);
    comes_back(&stage, &EN, &anna).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn whoever_wants_a_change_and_is_not_known_reads_that_nothing_was_changed() {
    for words in [&RU, &EN] {
        let stage = Stage::new().await;
        let running = stage.start(DRAIN).await;
        let fails = Failing::With(Code::Unavailable);
        stage.lessons.failing.send_replace(fails);
        let stranger = person(&stage, words.language).await;
        let refused = ask(&stage, &stranger, "/language ru").await;
        assert!(refused.text.contains(words.not_done), "{}", refused.text);
        let unknown = ask(&stage, &stranger, "/lessons").await;
        assert_eq!(unknown.text, words.unavailable);
        running.stop().await.unwrap();
    }
}
