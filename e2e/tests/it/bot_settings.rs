//! The start, the time zone and the settings, as people go through them.

use e2e::{
    Result,
    story::{Member, Story},
    talk::{Stage, Talk},
};

/// A teacher who can be booked at any hour.
async fn teacher(stage: &Stage, name: &str) -> Result<(Story, Member)> {
    let story = stage.story();
    let member = story.join(stage.stack(), name, "en").await?;
    story.teach_with_notice(stage.stack(), &member, 120).await?;
    Ok((story, member))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_new_is_booked_with_six_taps_at_most() -> Result<()> {
    let stage = Stage::shared().await?;
    let (_story, _teacher) = teacher(&stage, "Sofia").await?;
    for (language, question, city, confirm, booked) in [
        (
            "ru",
            "Сколько у вас",
            "Омск",
            "✅ Записаться",
            "✅ Вы записаны",
        ),
        ("en", "What time is it", "Tokyo", "✅", "✅ You are booked"),
    ] {
        let mut anna = Talk::begin(stage.stack(), "Anna", language).await?;
        let asked = anna.say("/start").await?;
        assert!(asked.text.starts_with(question), "{asked}");
        let chosen = anna
            .press_where("with the city", |key| key.label.ends_with(city))
            .await?;
        assert!(chosen.text.starts_with("✅ "), "{chosen}");
        if chosen.key("Sofia").is_some() {
            anna.press("Sofia").await?;
        }
        anna.press_where("with free times", |key| key.label.ends_with('•'))
            .await?;
        anna.press_where("with a time", |key| key.label.contains(':'))
            .await?;
        let done = anna.press(confirm).await?;
        assert!(done.text.starts_with(booked), "{done}");
        assert!(anna.taps() <= 6, "{} taps", anna.taps());
        let known = anna.say("/start").await?;
        assert!(known.text.contains("Sofia"), "{known}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_changed_on_one_screen_and_kept_by_the_service() -> Result<()> {
    let stage = Stage::shared().await?;
    for words in [
        [
            "ru",
            "⚙️ Настройки",
            "Напоминания",
            "за 3 часа",
            "Назад",
            "Тихие часы",
            "22:00–08:00",
        ],
        [
            "en",
            "⚙️ Settings",
            "Reminders",
            "3 hours",
            "Back",
            "Quiet hours",
            "22:00–08:00",
        ],
    ] {
        let [language, settings, reminders, lead, back, quiet, night] = words;
        let mut boris = Talk::begin(stage.stack(), "Boris", language).await?;
        boris.say("/start").await?;
        let menu = boris.press(settings).await?;
        boris.press(reminders).await?;
        // Twice at once: it does it once.
        boris.press_twice(lead).await?;
        boris.press(back).await?;
        boris.press(quiet).await?;
        boris.press(night).await?;
        let kept = boris.press(back).await?;
        assert_eq!(kept.message_id, menu.message_id);
        assert!(
            kept.text.contains(lead) && kept.text.contains(night),
            "{kept}"
        );
        let user = boris.member(stage.stack()).await?.user;
        let seconds: Vec<_> = user
            .reminder_leads
            .iter()
            .map(|lead| lead.seconds)
            .collect();
        assert_eq!(seconds, [3_600, 10_800]);
        assert_eq!(
            user.quiet_hours.unwrap_or_default().end_time_of_day,
            "08:00"
        );
        let status = boris.say("/status").await?;
        assert!(
            status.text.contains("Boris") && status.text.contains(lead),
            "{status}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zone_is_found_by_its_city_and_a_teachers_hours_move_along() -> Result<()> {
    let stage = Stage::shared().await?;
    for (language, typed, shown, zone) in [
        (
            "ru",
            "санкт петербург",
            "✅ Москва (UTC+3)",
            "Europe/Moscow",
        ),
        ("en", "Tbilisi", "✅ Tbilisi (UTC+4)", "Asia/Tbilisi"),
    ] {
        let mut anna = Talk::begin(stage.stack(), "Anna", language).await?;
        anna.say("/zone").await?;
        let chosen = anna.say(typed).await?;
        assert!(chosen.text.starts_with(shown), "{chosen}");
        assert_eq!(anna.member(stage.stack()).await?.user.time_zone, zone);
    }
    let (_story, member) = teacher(&stage, "Clara").await?;
    let mut clara = Talk::of(stage.stack(), &member.person)?;
    let asked = clara.say("/zone Asia/Tokyo").await?;
    assert!(asked.text.starts_with("Your hours of work"), "{asked}");
    let moved = clara.press("Move them").await?;
    assert!(moved.text.starts_with("✅ Tokyo (UTC+9)"), "{moved}");
    Ok(())
}
