use std::time::Duration;

use jiff::SignedDuration;
use olm_proto::lesson::v1::LessonStatus;
use serde_json::json;
use telegram_sim::{
    Limits,
    api::{MessageView, NewPerson, Person},
    client::Button,
};

use crate::{
    lessons::{Failing, in_berlin, slots},
    stage::{BOT_ID, SECRET, SOON, Stage},
};

pub async fn person(stage: &Stage, language: &str) -> Person {
    let person = NewPerson::named("<Анна & Co>", language);
    stage.sim.create_person(&person).await.unwrap()
}

/// The bot's newest message with `text`; after a press only what it brought.
pub async fn shown(stage: &Stage, person: &Person, text: &str) -> MessageView {
    let has = |message: &MessageView| message.text.contains(text);
    stage.news(person, has).await
}

/// Presses a button and waits until the press is acknowledged.
pub async fn press(stage: &Stage, person: &Person, button: Button) {
    stage.look(person).await;
    let pressed = stage.sim.press(person, button).await.unwrap();
    stage.sim.callback_answer(&pressed, SOON).await.unwrap();
}

/// Presses a button twice before anything comes of it.
pub async fn press_twice(stage: &Stage, person: &Person, button: Button) {
    stage.look(person).await;
    stage.lessons.failing.send_replace(Failing::Hanging);
    let first = stage.sim.press(person, button.clone()).await.unwrap();
    let second = stage.sim.press(person, button).await.unwrap();
    stage.lessons.failing.send_replace(Failing::No);
    for pressed in [first, second] {
        stage.sim.callback_answer(&pressed, SOON).await.unwrap();
    }
}

/// A message of the bot's with one button, "❌", as from an older screen.
pub async fn older_screen(stage: &Stage, person: &Person, data: &str) -> MessageView {
    let message = json!({
        "chat_id": person.id,
        "text": format!("an older screen: {data}"),
        "reply_markup": { "inline_keyboard": [[{ "text": "❌", "callback_data": data }]] },
    });
    let token = format!("{BOT_ID}:{SECRET}");
    stage.sim.set_limits(Limits::OFF).await.unwrap();
    let (code, sent) = stage
        .sim
        .call(&token, "sendMessage", &message)
        .await
        .unwrap();
    assert_eq!(code, 200, "{sent}");
    shown(stage, person, &format!("an older screen: {data}")).await
}

/// The data of the button whose label begins so.
pub fn data(message: &MessageView, label: &str) -> String {
    let mut buttons = message.inline_keyboard.iter().flatten();
    let button = buttons.find(|button| button.text.starts_with(label));
    button
        .unwrap_or_else(|| panic!("{label} in {message:#?}"))
        .data
        .clone()
        .unwrap()
}

/// The data of the first button whose label has `mark` in it.
pub fn marked(message: &MessageView, mark: &str) -> String {
    let mut buttons = message.inline_keyboard.iter().flatten();
    let button = buttons.find(|button| button.text.contains(mark));
    button
        .unwrap_or_else(|| panic!("{mark} in {message:#?}"))
        .data
        .clone()
        .unwrap()
}

/// The bot's newest message with a button whose label has `mark` in it; after a press only
/// what it brought.
pub async fn offered(stage: &Stage, person: &Person, mark: &str) -> MessageView {
    let has = |message: &MessageView| {
        let mut buttons = message.inline_keyboard.iter().flatten();
        buttons.any(|button| button.text.contains(mark))
    };
    stage.news(person, has).await
}

/// From /schedule with one teacher to the question whether to book the first free time.
pub async fn hold_first(stage: &Stage, person: &Person) -> MessageView {
    stage.sim.say(person, "/schedule").await.unwrap();
    // A day, then a time of it.
    for mark in ["•", ":"] {
        let shown = offered(stage, person, mark).await;
        let chosen = Button::data(marked(&shown, mark)).on(shown.message_id);
        press(stage, person, chosen).await;
    }
    offered(stage, person, "✅").await
}

/// The same, and books it.
pub async fn book_first(stage: &Stage, person: &Person) {
    let ask = hold_first(stage, person).await;
    let confirm = Button::data(data(&ask, "✅")).on(ask.message_id);
    press(stage, person, confirm).await;
}

#[tokio::test]
async fn a_student_books_and_cancels_in_russian() {
    let (stage, running) = Stage::running().await;
    let anna = person(&stage, "ru").await;
    stage.sim.say(&anna, "/start").await.unwrap();
    shown(&stage, &anna, "Здравствуйте, <Анна & Co>!").await;
    stage.sim.say(&anna, "/schedule").await.unwrap();
    let calendar = shown(&stage, &anna, "Выберите день").await;
    assert!(calendar.text.contains("Мария <3"), "{}", calendar.text);
    assert!(calendar.text.contains("(Москва)"), "{}", calendar.text);
    press(&stage, &anna, Button::data(marked(&calendar, "•"))).await;
    let day = shown(&stage, &anna, "Выберите время").await;
    let times = day.inline_keyboard.iter().flatten();
    let times = times.filter(|button| button.text.contains(':'));
    assert_eq!(times.count(), 5);
    let first = in_berlin(slots()[0]);
    press(&stage, &anna, Button::data(marked(&day, &first))).await;
    let ask = shown(&stage, &anna, "Записаться на урок?").await;
    for line in [
        "Длительность: 60 мин",
        "У преподавателя: 13:00–14:00 (Москва)",
        "Держу это время для вас 5 минут",
    ] {
        assert!(ask.text.contains(line), "{}", ask.text);
    }
    press(&stage, &anna, Button::data(data(&ask, "✅"))).await;
    let booked = shown(&stage, &anna, "Вы записаны").await;
    assert_eq!(
        booked.message_id, calendar.message_id,
        "the message became the answer"
    );
    assert_eq!(stage.lessons.state().lessons.len(), 1);

    stage.sim.say(&anna, "/lessons").await.unwrap();
    let list = shown(&stage, &anna, "Ваши уроки").await;
    press(&stage, &anna, Button::data(marked(&list, "Мария <3"))).await;
    let details = shown(&stage, &anna, "Урок состоится").await;
    assert_eq!(details.message_id, list.message_id);
    press(&stage, &anna, Button::data(data(&details, "❌"))).await;
    shown(&stage, &anna, "Отменить урок?").await;
    press(&stage, &anna, Button::text("Да, отменить")).await;
    shown(&stage, &anna, "Урок отменён").await;
    assert_eq!(
        stage.lessons.state().lessons[0].status(),
        LessonStatus::Canceled
    );
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_same_in_english_and_settings_change_language_and_zone() {
    let (stage, running) = Stage::running().await;
    let anna = person(&stage, "en").await;
    stage.sim.say(&anna, "/start").await.unwrap();
    shown(&stage, &anna, "Hello, <Анна & Co>!").await;
    stage.sim.say(&anna, "/zone asia/tokyo").await.unwrap();
    shown(&stage, &anna, "Tokyo (UTC+9)").await;
    stage.sim.say(&anna, "/start").await.unwrap();
    shown(&stage, &anna, "No lessons ahead").await;
    stage
        .sim
        .press(&anna, Button::text("📅 Schedule"))
        .await
        .unwrap();
    let calendar = shown(&stage, &anna, "Choose a day").await;
    assert!(calendar.text.contains("(Tokyo)"), "{}", calendar.text);
    press(&stage, &anna, Button::data(marked(&calendar, "•"))).await;
    let day = shown(&stage, &anna, "Choose a time").await;
    assert!(
        day.text
            .contains("19:00 for you (Tokyo) is 13:00 for the teacher (Moscow)"),
        "{}",
        day.text
    );
    press(&stage, &anna, Button::data(marked(&day, "19:00"))).await;
    shown(&stage, &anna, "Book this lesson?").await;
    press(&stage, &anna, Button::text("✅ Confirm")).await;
    shown(&stage, &anna, "You are booked").await;
    stage.sim.say(&anna, "/zone Nowhere/Town").await.unwrap();
    shown(&stage, &anna, "I found no such city").await;
    stage.sim.say(&anna, "/cancel").await.unwrap();
    shown(&stage, &anna, "All right, forgotten").await;
    stage.sim.say(&anna, "how are you?").await.unwrap();
    shown(&stage, &anna, "All commands: /help").await;
    stage.sim.say(&anna, "/language ru").await.unwrap();
    shown(&stage, &anna, "Язык: русский").await;
    stage.sim.say(&anna, "/help").await.unwrap();
    shown(&stage, &anna, "Что я умею").await;
    let chat = stage.sim.chat(&anna).await.unwrap();
    let keyboard = [vec!["📅 Расписание", "Мои уроки"], vec!["⚙️ Настройки"]];
    assert_eq!(chat.reply_keyboard, keyboard);
    assert!(
        chat.commands
            .iter()
            .any(|command| command.command == "lessons")
    );
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_update_delivered_three_times_books_under_one_request_id() {
    let stage = Stage::new().await;
    let anna = person(&stage, "en").await;
    let brief = Duration::from_secs(2);
    let running = stage.start(brief).await;
    stage.sim.say(&anna, "/start").await.unwrap();
    shown(&stage, &anna, "Hello").await;
    let ask = hold_first(&stage, &anna).await;
    let first = data(&ask, "✅");

    // The gateway ends while the booking is under way, twice: the update was never
    // confirmed, so Telegram gives it out again.
    stage.lessons.stuck.send_replace(true);
    stage.sim.press(&anna, Button::data(first)).await.unwrap();
    let mut running = running;
    for deliveries in 1..=2 {
        wait_for(|| stage.lessons.state().book_requests.len() == deliveries).await;
        running.task.abort();
        assert!(running.task.await.unwrap_err().is_cancelled());
        running = stage.start_after_crash(brief).await;
    }
    wait_for(|| stage.lessons.state().book_requests.len() == 3).await;
    stage.lessons.stuck.send_replace(false);
    shown(&stage, &anna, "You are booked").await;
    {
        let seen = stage.lessons.state();
        assert_eq!(seen.lessons.len(), 1);
        assert!(
            seen.book_requests
                .iter()
                .all(|id| *id == seen.book_requests[0])
        );
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_button_of_an_older_version_says_what_changed_and_does_nothing() {
    let (stage, running) = Stage::running().await;
    let anna = person(&stage, "en").await;
    book_first(&stage, &anna).await;
    let booked = shown(&stage, &anna, "You are booked").await;
    press(&stage, &anna, Button::data(data(&booked, "❌"))).await;
    shown(&stage, &anna, "Cancel this lesson?").await;
    stage.lessons.move_lesson(SignedDuration::from_hours(2));
    press(&stage, &anna, Button::text("Yes, cancel")).await;
    let changed = shown(&stage, &anna, "The lesson was changed, now it is").await;
    assert_eq!(
        stage.lessons.state().lessons[0].status(),
        LessonStatus::Scheduled
    );
    press(&stage, &anna, Button::data(data(&changed, "❌"))).await;
    press_shown(&stage, &anna, "Cancel this lesson?", "Yes, cancel").await;
    shown(&stage, &anna, "Lesson cancelled").await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn with_server_1_away_the_bot_says_so_in_the_persons_language_and_recovers() {
    let (stage, running) = Stage::running().await;
    stage.lessons.away.send_replace(true);
    let anna = person(&stage, "ru").await;
    stage.sim.say(&anna, "/start").await.unwrap();
    shown(&stage, &anna, "⚠️ Сервис временно недоступен").await;
    stage.lessons.away.send_replace(false);
    stage.sim.say(&anna, "/start").await.unwrap();
    shown(&stage, &anna, "Здравствуйте").await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_button_that_is_not_ours_is_acknowledged_and_explained() {
    let (stage, running) = Stage::running().await;
    let anna = person(&stage, "en").await;
    stage.sim.say(&anna, "/start").await.unwrap();
    let welcome = shown(&stage, &anna, "Hello").await;
    // A message of an older bot of the same token.
    let token = format!("{}:{}", crate::stage::BOT_ID, crate::stage::SECRET);
    let old = serde_json::json!({
        "chat_id": anna.id, "message_id": welcome.message_id, "text": "old",
        "reply_markup": { "inline_keyboard": [[{ "text": "?", "callback_data": "v0:x" }]] },
    });
    let (status, answer) = stage.sim.call(&token, "sendMessage", &old).await.unwrap();
    assert!(status == 200 || status == 429, "{answer}");
    if status == 200 {
        press(&stage, &anna, Button::data("v0:x")).await;
        shown(&stage, &anna, "This button is out of date").await;
    }
    running.stop().await.unwrap();
}

async fn press_shown(stage: &Stage, person: &Person, text: &str, label: &str) {
    shown(stage, person, text).await;
    press(stage, person, Button::text(label)).await;
}

/// Polls until `holds`; there is no signal to wait for.
pub async fn wait_for(holds: impl Fn() -> bool) {
    let poll = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, poll).await.expect("it happens");
}
