//! Conversations with the bot, as people have them.

use e2e::{
    Result,
    story::{Member, sign},
    talk::{Stage, Talk},
};
use serde_json::json;

/// A teacher of whom there is one.
async fn teacher(stage: &Stage, name: &str) -> Result<Member> {
    let (stack, story) = (stage.stack(), stage.story());
    let teacher = story.join(stack, name, "en").await?;
    story.teach_with_notice(stack, &teacher, 120).await?;
    Ok(teacher)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_student_finds_a_time_books_it_and_cancels_it() -> Result<()> {
    let stage = Stage::shared().await?;
    let teacher = teacher(&stage, "Annabel").await?;
    let mut boris = Talk::begin(stage.stack(), "Борис", "ru").await?;
    let settled = boris.settle().await?;
    assert!(settled.text.starts_with("✅ Москва"), "{settled}");
    let asked = boris.choose("Annabel").await?;
    assert!(asked.text.starts_with("Записаться на урок?"), "{asked}");
    let booked = boris.press("✅ Записаться").await?;
    assert!(booked.text.starts_with("✅ Вы записаны"), "{booked}");
    let lessons = boris.press("Мои уроки").await?;
    assert!(lessons.text.contains("Annabel"), "{lessons}");
    boris.notice("✅ Урок забронирован").await?;
    boris
        .press_where("of the lesson", |key| key.label.contains("Annabel"))
        .await?;
    boris.press("❌").await?;
    let canceled = boris.press("Да").await?;
    assert!(canceled.text.starts_with("❌ Урок отменён"), "{canceled}");
    let gone = boris.press("Такой кнопки нет").await;
    let gone = gone.err().ok_or("a button that is not there was pressed")?;
    assert!(gone.to_string().contains("❌ Урок отменён"), "{gone}");
    stage.story().notice(&teacher, sign::BOOKED, 0).await?;
    assert_eq!(stage.story().count(&teacher, sign::BOOKED).await?, 1);
    Ok(())
}

/// A newcomer books after /start, or after an invitation's link; answers with how many taps.
async fn taps_of_newcomer(stage: &Stage, language: &str, invited: bool) -> Result<usize> {
    let name = format!("Six {language} {invited}");
    let teacher = teacher(stage, &name).await?;
    let mut talk = Talk::begin(stage.stack(), "Newcomer", language).await?;
    let screen = if invited {
        let invitation = json!({"max_uses": 1});
        let story = stage.story();
        let invitation = story.post("/api/v1/invitations", &teacher, &invitation);
        let invitation = invitation.await?;
        let token = invitation["token"].as_str().ok_or("no token")?;
        talk.say(&format!("/start {token}")).await?
    } else {
        talk.say("/start").await?
    };
    let begun = talk.taps();
    let booked = talk.find_way_to_lesson(screen, &name, 10).await?;
    stage.story().notice(&teacher, sign::BOOKED, 0).await?;
    assert!(booked.text.contains(&name), "{booked}");
    Ok(talk.taps() - begun)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_gets_from_start_to_a_booked_lesson_in_six_taps() -> Result<()> {
    let stage = Stage::shared().await?;
    for language in ["ru", "en"] {
        for invited in [false, true] {
            let taps = taps_of_newcomer(&stage, language, invited).await?;
            assert!(taps <= 6, "{taps} taps, {language}, invited: {invited}");
        }
    }
    Ok(())
}

/// Messages in the chat, of both sides.
async fn messages(talk: &Talk) -> Result<usize> {
    Ok(talk.sim().chat(&talk.person).await?.messages.len())
}

/// Scenario 21.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_taps_at_once_and_the_same_update_three_times_have_one_effect() -> Result<()> {
    for (language, name, book, told, yes) in [
        (
            "ru",
            "Вера",
            "✅ Записаться",
            "✅ Урок забронирован",
            "Да, отменить",
        ),
        (
            "en",
            "Walter",
            "✅ Confirm",
            "✅ Lesson booked",
            "Yes, cancel",
        ),
    ] {
        let stage = Stage::shared().await?;
        let teacher_name = format!("Once {language}");
        let teacher = teacher(&stage, &teacher_name).await?;
        let mut talk = Talk::begin(stage.stack(), name, language).await?;
        talk.settle().await?;
        talk.redeliver_last_update(2).await?;
        talk.open_calendar(&teacher_name).await?;
        talk.choose_day().await?;
        talk.choose_time().await?;
        talk.redeliver_last_update(2).await?;
        let booked = talk.press_twice(book).await?;
        assert!(booked.text.starts_with('✅'), "{booked}");
        talk.redeliver_last_update(2).await?;
        talk.notice(told).await?;
        let before = messages(&talk).await?;
        talk.say("/help").await?;
        assert_eq!(
            messages(&talk).await?,
            before + 2,
            "{}",
            talk.transcript().await?
        );

        let student = talk.member(stage.stack()).await?;
        let lessons = stage.story().get("/api/v1/lessons", &student).await?;
        let lessons = lessons["lessons"].as_array().ok_or("no list")?.clone();
        assert_eq!(lessons.len(), 1, "{lessons:?}");
        stage.story().notice(&teacher, sign::BOOKED, 0).await?;
        assert_eq!(stage.story().count(&teacher, sign::BOOKED).await?, 1);

        let since = stage.story().last_entry().await?;
        talk.press("❌").await?;
        talk.press_twice(yes).await?;
        talk.redeliver_last_update(2).await?;
        talk.say("/help").await?;
        stage
            .story()
            .notice(&teacher, sign::CANCELED, since)
            .await?;
        assert_eq!(stage.story().count(&teacher, sign::CANCELED).await?, 1);
    }
    Ok(())
}
