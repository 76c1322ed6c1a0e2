//! The start, the zone, the settings and what the bot says of itself.

mod zone;

use olm_proto::lesson::v1::User;
use telegram_sim::{
    api::{MessageView, Person},
    client::Button,
};
use uuid::Uuid;

use crate::{
    conversation::{data, offered, older_screen, person, press, shown},
    stage::{Running, SOON, Stage},
};

/// Somebody who talks with the bot.
struct Talk {
    stage: Stage,
    running: Running,
    anna: Person,
}

impl Talk {
    async fn new(language: &str) -> Self {
        let (stage, running) = Stage::running().await;
        let anna = person(&stage, language).await;
        Self {
            stage,
            running,
            anna,
        }
    }

    /// Says something; the message that answers it.
    async fn say(&self, text: &str, answer: &str) -> MessageView {
        let said = self.stage.sim.say(&self.anna, text).await.unwrap();
        let answers = |message: &MessageView| {
            message.message_id > said.message_id && message.text.contains(answer)
        };
        let shown = self.stage.sim.message(&self.anna, SOON, answers).await;
        shown.unwrap()
    }

    /// The newest message with a button whose label has `mark` in it.
    async fn offered(&self, mark: &str) -> MessageView {
        offered(&self.stage, &self.anna, mark).await
    }

    async fn shown(&self, text: &str) -> MessageView {
        shown(&self.stage, &self.anna, text).await
    }

    /// Presses the button of a message whose label ends so; what is new then, written or edited.
    async fn tap(&self, on: &MessageView, label: &str, answer: &str) -> MessageView {
        let mut buttons = on.inline_keyboard.iter().flatten();
        let button = buttons.find(|button| button.text.ends_with(label));
        let button = button.unwrap_or_else(|| panic!("{label} in {on:#?}"));
        self.press_data(on, &button.data.clone().unwrap()).await;
        self.shown(answer).await
    }

    async fn press_data(&self, on: &MessageView, data: &str) {
        let button = Button::data(data).on(on.message_id);
        press(&self.stage, &self.anna, button).await;
    }

    /// The person as the service knows them.
    fn user(&self) -> User {
        self.stage.lessons.state().users[0].clone()
    }

    async fn stop(self) {
        self.running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn settings_are_one_screen_edited_in_place() {
    let talk = Talk::new("ru").await;
    let menu = talk.say("⚙️ Настройки", "Напоминания: за 1 час").await;
    let leads = talk.tap(&menu, "Напоминания", "Когда напоминать").await;
    assert_eq!(leads.message_id, menu.message_id);
    talk.tap(&leads, "за 24 часа", "Когда напоминать").await;
    let leads = talk.offered("✅ за 24 часа").await;
    talk.tap(&leads, "за 1 час", "Когда напоминать").await;
    let leads = talk.offered("▫️ за 1 час").await;
    let seconds: Vec<_> = talk
        .user()
        .reminder_leads
        .iter()
        .map(|lead| lead.seconds)
        .collect();
    assert_eq!(seconds, [86_400]);

    talk.tap(&leads, "Своё время", "За сколько до урока").await;
    talk.say("40 яблок", "Не понял").await;
    let leads = talk.say("40 минут", "Когда напоминать").await;
    data(&leads, "✅ за 40 минут");
    let menu = talk.tap(&leads, "Назад", "за 40 минут, за 24 часа").await;

    let quiet = talk.tap(&menu, "Тихие часы", "Тихих часов нет").await;
    let quiet = talk
        .tap(&quiet, "22:00–08:00", "Тихие часы: 22:00–08:00")
        .await;
    talk.tap(&quiet, "Свои часы", "С какого и по какой час")
        .await;
    let quiet = talk.say("с 23 до 7", "Тихие часы: 23:00–07:00").await;
    let quiet = talk.tap(&quiet, "Без тихих часов", "Тихих часов нет").await;
    assert_eq!(talk.user().quiet_hours, None);
    let menu = talk.tap(&quiet, "Назад", "Тихие часы: нет").await;

    let kinds = talk
        .tap(&menu, "О чём сообщать", "О переносах и отменах")
        .await;
    let labels: Vec<_> = kinds
        .inline_keyboard
        .iter()
        .flatten()
        .map(|it| &it.text)
        .collect();
    assert!(
        !labels.iter().any(|label| label.contains("отмен")),
        "{labels:?}"
    );
    assert!(
        !labels.iter().any(|label| label.contains("ученик")),
        "{labels:?}"
    );
    talk.tap(&kinds, "запись на урок", "О переносах и отменах")
        .await;
    let kinds = talk.offered("▫️ запись на урок").await;
    let menu = talk
        .tap(&kinds, "Назад", "Не сообщать: запись на урок")
        .await;

    let name = talk
        .tap(&menu, "Имя", "Сейчас вас зовут: <Анна & Co>")
        .await;
    data(&name, "◀");
    talk.say("две\nстроки", "в одну строку").await;
    let menu = talk.say("Аня", "Имя: Аня").await;
    let language = talk.tap(&menu, "Язык", "Язык сообщений").await;
    talk.tap(&language, "English", "Language: English").await;
    assert_eq!(talk.user().language, "en");
    talk.stop().await;
}

#[tokio::test]
async fn a_language_that_is_pressed_is_that_of_the_menu_below_the_text_field_too() {
    let talk = Talk::new("ru").await;
    let menu = talk.say("/settings", "Настройки").await;
    let language = talk.tap(&menu, "Язык", "Язык сообщений").await;
    let english = data(&language, "▫️ English");
    let menu = talk.tap(&language, "English", "Language: English").await;
    talk.shown("All right, I write in English").await;
    let keyboard = async || {
        talk.stage
            .sim
            .chat(&talk.anna)
            .await
            .unwrap()
            .reply_keyboard
    };
    assert_eq!(keyboard().await[0], ["📅 Schedule", "My lessons"]);
    assert_eq!(menu.inline_keyboard.len(), 3, "{menu:?}");
    // Once more, as after a crash between the change and the answer.
    let older = older_screen(&talk.stage, &talk.anna, &english).await;
    talk.press_data(&older, &english).await;
    talk.shown("All right, I write in English").await;
    assert_eq!(talk.user().version, 2);
    let menu = talk.shown("Language: English").await;
    // A button of other settings changes neither.
    let language = talk.tap(&menu, "Language", "The language I write in").await;
    talk.stage.lessons.state().users[0].version += 1;
    talk.tap(&language, "Русский", "have changed meanwhile")
        .await;
    assert_eq!(keyboard().await[0], ["📅 Schedule", "My lessons"]);
    talk.stop().await;
}

#[tokio::test]
async fn a_button_with_a_number_that_none_of_ours_has_is_out_of_date() {
    let talk = Talk::new("en").await;
    talk.say("/settings", "Settings").await;
    for number in [i64::MAX, i64::MIN, -1, 0, 20_161] {
        for data in [format!("s.l:1:{number}:1"), format!("s.l:1:{number}:0")] {
            let older = older_screen(&talk.stage, &talk.anna, &data).await;
            talk.press_data(&older, &data).await;
            talk.shown("This button is out of date").await;
        }
    }
    assert_eq!(talk.user().version, 1);
    talk.stop().await;
}

#[tokio::test]
async fn a_button_of_other_settings_changes_nothing_and_shows_what_they_are_now() {
    let talk = Talk::new("en").await;
    let menu = talk.say("/settings", "Reminders: 1 hour before").await;
    let leads = talk.tap(&menu, "Reminders", "Up to five times").await;
    let day = data(&leads, "▫️ 24 hours before");
    talk.press_data(&leads, &day).await;
    let leads = talk.offered("✅ 24 hours before").await;
    let still_on = data(&leads, "✅ 24 hours before");
    assert_eq!(talk.user().version, 2);
    {
        let mut state = talk.stage.lessons.state();
        state.users[0].version += 1;
        state.users[0].display_name = "Elsewhere".to_owned();
    }
    talk.press_data(&leads, &still_on).await;
    let changed = talk.shown("Your settings have changed meanwhile").await;
    assert_eq!(changed.message_id, menu.message_id);
    assert!(changed.text.contains("Name: Elsewhere"), "{}", changed.text);
    assert_eq!(talk.user().reminder_leads.len(), 2);
    talk.stop().await;
}

#[tokio::test]
async fn a_sixth_reminder_is_refused_in_words() {
    let talk = Talk::new("en").await;
    let menu = talk.say("/settings", "Settings").await;
    let mut leads = talk.tap(&menu, "Reminders", "Up to five times").await;
    for label in ["15 minutes", "3 hours", "24 hours", "2 days"] {
        let label = format!("{label} before");
        talk.tap(&leads, &label, "Up to five times").await;
        leads = talk.offered(&format!("✅ {label}")).await;
    }
    talk.tap(&leads, "Another time", "How long before").await;
    talk.say("40 min", "five reminders already").await;
    assert_eq!(talk.user().reminder_leads.len(), 5);
    talk.stop().await;
}

#[tokio::test]
async fn status_says_what_is_known_and_help_what_can_be_done_by_role() {
    let talk = Talk::new("ru").await;
    let own = crate::lessons::TEACHER.to_string();
    talk.stage.lessons.state().own_teachers.push(own);
    let status = talk.say("/status", "<Анна & Co>, ученик").await;
    for part in [
        "Берлин (UTC+",
        "1 преподаватель",
        "за 1 час",
        "уроков нет",
        "Сервис отвечает",
    ] {
        assert!(status.text.contains(part), "{part} in {}", status.text);
    }
    assert!(!status.text.contains("2 ученика"), "{}", status.text);
    let help = talk.say("/help", "Что я умею").await;
    assert!(!help.text.contains("/invite"), "{}", help.text);
    for command in [
        "/schedule · Свободное время",
        "/language · Язык",
        "/cancel · ",
    ] {
        assert!(help.text.contains(command), "{}", help.text);
    }
    talk.stop().await;

    let talk = Talk::new("ru").await;
    let id = u128::try_from(talk.anna.id).unwrap();
    talk.stage.lessons.state().users.push(User {
        id: Uuid::from_u128(id).to_string(),
        language: "ru".to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
        is_teacher: true,
        version: 5,
        ..User::default()
    });
    talk.say("/status", "0 преподавателей, 2 ученика").await;
    let status = talk.shown("преподаватель").await;
    assert!(
        status.text.contains("Напоминания выключены"),
        "{}",
        status.text
    );
    talk.say("/help", "/invite").await;
    talk.stop().await;
}

#[tokio::test]
async fn a_question_can_be_taken_back_and_without_one_there_is_nothing_to_cancel() {
    for (language, nothing, forgotten, unknown) in [
        ("ru", "Отменять нечего", "Хорошо, забыли", "Список команд"),
        (
            "en",
            "nothing to cancel",
            "All right, forgotten",
            "All commands",
        ),
    ] {
        let talk = Talk::new(language).await;
        talk.say("/cancel", nothing).await;
        talk.say("/zone", "UTC+").await;
        talk.say("/cancel", forgotten).await;
        // The answer comes too late.
        talk.say("Tokyo", unknown).await;
        assert_eq!(talk.user().version, 1);
        talk.stop().await;
    }
}
