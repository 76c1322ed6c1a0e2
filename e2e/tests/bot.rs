//! Conversations with the bot, as people have them.

use e2e::{
    Result,
    story::sign,
    talk::{Stage, Talk},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_student_finds_a_time_books_it_and_cancels_it() -> Result<()> {
    let stage = Stage::shared().await?;
    let (stack, story) = (stage.stack(), stage.story());
    let teacher = story.join(stack, "Annabel", "en").await?;
    story.teach(stack, &teacher).await?;

    let mut boris = Talk::begin(stack, "Борис", "ru").await?;
    let welcome = boris.say("/start").await?;
    assert!(
        welcome.text.starts_with("Сколько у вас сейчас времени?"),
        "{welcome}"
    );
    let mut week = boris.press("📅 Расписание").await?;
    if week.key("Annabel").is_some() {
        week = boris.press("Annabel").await?;
    }
    assert!(week.text.starts_with("Annabel\n"), "{week}");
    boris
        .press_where("with free times", |key| key.label.ends_with('•'))
        .await?;
    let asked = boris
        .press_where("with a time", |key| key.label.contains(':'))
        .await?;
    assert!(asked.text.starts_with("Записаться на урок?"), "{asked}");
    let booked = boris.press_twice("✅ Записаться").await?;
    assert!(booked.text.starts_with("✅ Вы записаны"), "{booked}");
    boris.redeliver_last_update(2).await?;
    let lessons = boris.press("Мои уроки").await?;
    assert!(lessons.text.contains("Annabel"), "{lessons}");
    boris.notice("✅ Урок забронирован").await?;
    assert_eq!(story.count(&teacher, sign::BOOKED).await?, 1);

    boris
        .press_where("of the lesson", |key| key.label.contains("Annabel"))
        .await?;
    let asked = boris.press("❌").await?;
    assert!(asked.key("Да").is_some(), "{asked}");
    let canceled = boris.press("Да").await?;
    assert!(canceled.text.starts_with("❌ Урок отменён"), "{canceled}");
    assert_eq!(boris.taps(), 10);
    let gone = boris.press("Такой кнопки нет").await;
    let gone = gone.err().ok_or("a button that is not there was pressed")?;
    assert!(gone.to_string().contains("❌ Урок отменён"), "{gone}");
    Ok(())
}
