//! A teacher's day: agenda, lessons, requests, attendance.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use olm_proto::lesson::v1::{BookingStatus, Lesson, LessonStatus};
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, ManualClock, SystemClock};
use telegram_sim::{
    api::{MessageView, Person},
    client::Button,
};
use texts::{Language, TeachingNote};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    conversation::{data, offered, person, press, press_twice, shown},
    lessons::{slots, teaching},
    stage::{Running, SOON, Stage},
};

mod deliveries;
mod inviting;
mod moving;
mod reasons;
mod seats;
mod time_off;

const ANNA: u128 = 0xa22a;
const BORIS: u128 = 0xb015;
/// Openings of a lesson that notify-svc may be too slow for.
const TRIES: usize = 20;

/// A teacher who speaks `language` and lives in Berlin.
struct Teacher {
    stage: Stage,
    running: Running,
    person: Person,
    id: Uuid,
    clock: Arc<ManualClock>,
}

impl Teacher {
    async fn new(language: &str) -> Self {
        let stage = Stage::new().await;
        let clock = ManualClock::new(SystemClock.now());
        let running = stage.start_at(Duration::from_secs(8), clock.clone()).await;
        let person = person(&stage, language).await;
        stage.lessons.teaches(&person);
        stage.sim.say(&person, "/start").await.unwrap();
        shown(&stage, &person, "<Анна & Co>").await;
        let id = Uuid::from_u128(u128::try_from(person.id).unwrap());
        Self {
            stage,
            running,
            person,
            id,
            clock,
        }
    }

    /// Teaches `students` at `start`.
    fn teaches(&self, id: u128, start: Timestamp, students: &[(u128, &str)]) {
        let lesson = teaching::lesson(id, self.id, start, students);
        self.stage.lessons.state().lessons.push(lesson);
    }

    /// Changes a lesson behind the teacher's back, and lets so much time pass that what was
    /// read is read anew.
    fn change(&self, index: usize, change: impl FnOnce(&mut Lesson)) {
        change(&mut self.stage.lessons.state().lessons[index]);
        self.clock.advance(SignedDuration::from_mins(6));
    }

    fn lesson(&self, index: usize) -> Lesson {
        self.stage.lessons.state().lessons[index].clone()
    }

    async fn says(&self, text: &str) {
        self.stage.sim.say(&self.person, text).await.unwrap();
    }

    async fn sees(&self, text: &str) -> MessageView {
        shown(&self.stage, &self.person, text).await
    }

    /// The newest message with a button whose label begins so.
    async fn sees_button(&self, label: &str) -> MessageView {
        let has =
            |message: &MessageView| labels(message).iter().any(|found| found.starts_with(label));
        self.stage.news(&self.person, has).await
    }

    /// The week: its buttons name days before times.
    async fn sees_week(&self) -> MessageView {
        let has = |message: &MessageView| {
            labels(message)
                .iter()
                .any(|label| label.contains("Anna") && !label.starts_with(char::is_numeric))
        };
        self.stage.news(&self.person, has).await
    }

    /// The whole label that holds `part`.
    fn label(message: &MessageView, part: &str) -> String {
        let found = labels(message)
            .into_iter()
            .find(|label| label.contains(part));
        found
            .unwrap_or_else(|| panic!("{part} in {message:#?}"))
            .to_owned()
    }

    async fn presses(&self, message: &MessageView, label: &str) {
        let button = Button::data(data(message, label)).on(message.message_id);
        press(&self.stage, &self.person, button).await;
    }

    async fn presses_twice(&self, message: &MessageView, label: &str) {
        let button = Button::data(data(message, label)).on(message.message_id);
        press_twice(&self.stage, &self.person, button).await;
    }

    /// Presses, and sees what comes of it.
    async fn opens(&self, message: &MessageView, label: &str, text: &str) -> MessageView {
        self.presses(message, label).await;
        self.sees(text).await
    }

    /// Opens a lesson of a day; once more while notify-svc was too slow to tell of reminders,
    /// for which the bot does not wait long.
    async fn opens_told(&self, mut day: MessageView, name: &str) -> MessageView {
        let unknown = Language::ALL.map(|language| TeachingNote::DeliveriesUnknown.html(language));
        for _ in 0..TRIES {
            let label = Self::label(&day, name);
            self.presses(&day, &label).await;
            let is_lesson = |message: &MessageView| {
                let keys = labels(message);
                keys.iter().any(|key| key.starts_with('◀')) && !keys.contains(&label.as_str())
            };
            let lesson = self.stage.news(&self.person, is_lesson).await;
            if !unknown.iter().any(|unknown| lesson.text.contains(unknown)) {
                return lesson;
            }
            day = self.opens(&lesson, "◀", name).await;
        }
        panic!("notify-svc is never quick enough");
    }

    async fn ends(self) {
        self.running.stop().await.unwrap();
    }
}

/// Tomorrow's first slot.
fn tomorrow() -> Timestamp {
    slots()[0]
}

/// A whole minute so many minutes away.
fn in_minutes(minutes: i64) -> Timestamp {
    let now = SystemClock.now().as_second().div_euclid(60) + minutes;
    Timestamp::from_second(now * 60).unwrap()
}

fn labels(message: &MessageView) -> Vec<&str> {
    let buttons = message.inline_keyboard.iter().flatten();
    buttons.map(|button| button.text.as_str()).collect()
}

#[tokio::test]
async fn a_teacher_reads_the_day_and_the_week_and_opens_a_lesson() {
    for (language, today, week, zone, seats) in [
        ("ru", "Сегодня, ", "Неделя", "(Берлин)", "2 из 6"),
        ("en", "Today, ", "Week", "(Berlin)", "2 of 6"),
    ] {
        let teacher = Teacher::new(language).await;
        let two_hours = SignedDuration::from_hours(2);
        teacher.teaches(1, tomorrow(), &[(ANNA, "Anna <b>")]);
        teacher.teaches(2, tomorrow() + two_hours, &[(ANNA, "A"), (BORIS, "B")]);
        teacher.change(1, |lesson| group(lesson, "Chess"));
        teacher.says("/agenda").await;
        let first = teacher.sees(today).await;
        let later = Teacher::label(&first, "▶");
        let day = teacher.opens(&first, &later, "Anna <b>").await;
        assert_eq!(day.message_id, first.message_id, "one message is edited");
        assert!(day.text.contains(seats), "{}", day.text);
        teacher.presses(&day, week).await;
        let week = teacher.sees_week().await;
        assert!(week.text.contains("Chess"), "{}", week.text);
        let lesson = teacher
            .opens(&week, &Teacher::label(&week, "Anna"), zone)
            .await;
        assert!(lesson.text.starts_with("Anna <b>\n"), "{}", lesson.text);
        let day = teacher.opens(&lesson, "◀", "Chess").await;
        let label = Teacher::label(&day, "Chess");
        let group = teacher.opens(&day, &label, zone).await;
        assert!(group.text.contains(seats), "{}", group.text);
        assert!(group.text.contains("\nA\nB"), "{}", group.text);
        teacher.ends().await;
    }
}

#[tokio::test]
async fn a_day_tells_what_waits_for_the_teacher() {
    let teacher = Teacher::new("en").await;
    // It is over, and in today's list whatever the time.
    teacher.teaches(1, in_minutes(-61), &[(ANNA, "Anna")]);
    teacher.change(0, |lesson| {
        lesson.end_time = Some(olm_proto::timestamp(in_minutes(0)));
    });
    teacher.says("/agenda").await;
    let day = teacher.sees("say who came").await;
    let open = Teacher::label(&day, "Anna");
    teacher.opens(&day, &open, "Over").await;
    teacher.change(0, |lesson| lesson.status = LessonStatus::Requested.into());
    teacher.says("/agenda").await;
    teacher.sees("waits for your answer").await;
    teacher.ends().await;
}

#[tokio::test]
async fn a_students_clock_is_named_where_it_is_another() {
    for (zone, named) in [("Asia/Tokyo", true), ("Europe/Paris", false)] {
        let teacher = Teacher::new("en").await;
        teacher.teaches(1, tomorrow(), &[(ANNA, "Anna")]);
        let known = (Uuid::from_u128(ANNA).to_string(), zone.to_owned());
        teacher.stage.lessons.state().teaching.zones.push(known);
        let lesson = details(&teacher, "Anna").await;
        assert_eq!(
            lesson.text.contains("19:00 (Tokyo)"),
            named,
            "{}",
            lesson.text
        );
        assert_eq!(
            lesson.text.contains("For the student"),
            named,
            "{}",
            lesson.text
        );
        teacher.ends().await;
    }
}

/// Opens the lesson of the person or group named, which is today or tomorrow.
async fn details(teacher: &Teacher, name: &str) -> MessageView {
    teacher.says("/agenda").await;
    let mut day = teacher.sees("Today, ").await;
    if !day.text.contains(name) {
        day = teacher.opens(&day, &Teacher::label(&day, "▶"), name).await;
    }
    teacher.opens_told(day, name).await
}

fn group(lesson: &mut Lesson, title: &str) {
    lesson.group_id = Uuid::from_u128(9).to_string();
    title.clone_into(&mut lesson.group_title);
    lesson.capacity = 6;
}

#[tokio::test]
async fn a_lesson_is_cancelled_with_a_reason_after_asking() {
    let teacher = Teacher::new("en").await;
    teacher.teaches(1, tomorrow(), &[(ANNA, "Anna")]);
    let lesson = details(&teacher, "Anna").await;
    let asked = teacher
        .opens(&lesson, "❌ Cancel", "Cancel this lesson?")
        .await;
    assert_eq!(teacher.lesson(0).status(), LessonStatus::Scheduled);
    teacher.presses(&asked, "◀ Leave it").await;
    let kept = teacher.sees_button("🔁 Move").await;
    let asked = teacher
        .opens(&kept, "❌ Cancel", "Cancel this lesson?")
        .await;
    let done = teacher.opens(&asked, "I am ill", "Lesson cancelled").await;
    assert!(done.text.contains("Reason: I am ill"), "{}", done.text);
    let lesson = teacher.lesson(0);
    assert_eq!(
        (lesson.status(), lesson.cancel_reason.as_str()),
        (LessonStatus::Canceled, "I am ill")
    );
    teacher.ends().await;
}

#[tokio::test]
async fn a_reason_can_be_given_in_ones_own_words() {
    let teacher = Teacher::new("ru").await;
    teacher.teaches(1, tomorrow(), &[(ANNA, "Anna")]);
    teacher.change(0, |lesson| lesson.status = LessonStatus::Requested.into());
    teacher.says("/lessons").await;
    let list = teacher.sees("Ваши уроки").await;
    teacher.presses(&list, "⏳").await;
    let lesson = offered(&teacher.stage, &teacher.person, "🚫").await;
    let asked = teacher.opens(&lesson, "🚫", "Выберите причину").await;
    teacher.opens(&asked, "✏️", "Напишите причину").await;
    teacher.says(&"о".repeat(501)).await;
    teacher.sees("Слишком длинно").await;
    teacher.says("Уезжаю <далеко>").await;
    let done = teacher.sees("Заявка отклонена").await;
    assert!(
        done.text.contains("Причина: Уезжаю <далеко>"),
        "{}",
        done.text
    );
    assert_eq!(teacher.lesson(0).status(), LessonStatus::Declined);
    teacher.ends().await;
}

#[tokio::test]
async fn a_reason_for_a_lesson_that_changed_changes_nothing_and_shows_it_anew() {
    let teacher = Teacher::new("en").await;
    teacher.teaches(1, tomorrow(), &[(ANNA, "Anna")]);
    let lesson = details(&teacher, "Anna").await;
    let asked = teacher
        .opens(&lesson, "❌ Cancel", "Cancel this lesson?")
        .await;
    teacher
        .stage
        .lessons
        .move_lesson(SignedDuration::from_hours(2));
    let anew = teacher.opens(&asked, "Without", "has changed since").await;
    assert_eq!(teacher.lesson(0).status(), LessonStatus::Scheduled);
    // The lesson as it is now can be cancelled.
    let asked = teacher
        .opens(&anew, "❌ Cancel", "Cancel this lesson?")
        .await;
    teacher.opens(&asked, "Without", "Lesson cancelled").await;
    assert_eq!(teacher.lesson(0).status(), LessonStatus::Canceled);
    teacher.ends().await;
}

#[tokio::test]
async fn who_came_is_said_and_corrected() {
    let teacher = Teacher::new("en").await;
    teacher.teaches(1, in_minutes(-10), &[(ANNA, "Anna")]);
    let lesson = details(&teacher, "Anna").await;
    assert!(lesson.text.contains("Going on now"), "{}", lesson.text);
    let kept = teacher
        .opens(&lesson, "✅ The student came", "Written down")
        .await;
    let seat = |teacher: &Teacher| teacher.lesson(0).bookings[0].status();
    assert_eq!(seat(&teacher), BookingStatus::Attended);
    assert!(kept.text.contains("Anna: ✅ came"), "{}", kept.text);
    teacher
        .opens(&kept, "🚫 The student did not", "Anna: 🚫 did not come")
        .await;
    assert_eq!(seat(&teacher), BookingStatus::NoShow);
    teacher.ends().await;
}

#[tokio::test]
async fn each_student_of_a_group_has_a_row() {
    let teacher = Teacher::new("en").await;
    teacher.teaches(1, in_minutes(-10), &[(ANNA, "Anna"), (BORIS, "Boris")]);
    teacher.change(0, |lesson| group(lesson, "Chess"));
    let lesson = details(&teacher, "Chess").await;
    let said = teacher.opens(&lesson, "✅ Anna", "Anna: ✅ came").await;
    let said = teacher
        .opens(&said, "🚫 Boris", "Boris: 🚫 did not come")
        .await;
    let statuses: Vec<_> = teacher
        .lesson(0)
        .bookings
        .iter()
        .map(olm_proto::lesson::v1::Booking::status)
        .collect();
    assert_eq!(statuses, [BookingStatus::Attended, BookingStatus::NoShow]);
    let marks: Vec<_> = labels(&said)
        .into_iter()
        .filter(|label| label.contains("Anna") || label.contains("Boris"))
        .collect();
    assert_eq!(marks, ["🚫 Anna", "✅ Boris"]);
    teacher.ends().await;
}

#[tokio::test]
async fn who_does_not_teach_gets_a_friendly_word() {
    for (language, word) in [
        ("ru", "Это для преподавателей"),
        ("en", "This is for teachers"),
    ] {
        let (stage, running) = Stage::running().await;
        let anna = person(&stage, language).await;
        for command in ["/agenda", "/invite"] {
            stage.sim.say(&anna, command).await.unwrap();
            shown(&stage, &anna, word).await;
        }
        running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_teacher_has_the_day_below_the_text_field() {
    let teacher = Teacher::new("ru").await;
    // Somebody new is asked for their zone first.
    teacher.stage.lessons.state().users[0].version = 2;
    teacher.clock.advance(SignedDuration::from_mins(6));
    teacher.says("/start").await;
    teacher.says("🗓 Мой день").await;
    teacher.sees("Сегодня, ").await;
    let chat = teacher.stage.sim.chat(&teacher.person).await.unwrap();
    assert_eq!(chat.reply_keyboard[0], ["🗓 Мой день"]);
    teacher.ends().await;
}

#[tokio::test]
async fn a_teachers_menu_has_the_teachers_commands_first() {
    let teacher = Teacher::new("ru").await;
    let scope = json!({ "type": "chat", "chat_id": teacher.person.id });
    let asked = json!({ "scope": scope });
    let token = format!("{}:{}", crate::stage::BOT_ID, crate::stage::SECRET);
    let url = format!("{}/bot{token}/getMyCommands", teacher.stage.sim.base_url());
    let commands = async || {
        let answer = reqwest::Client::new().post(&url).json(&asked).send().await;
        let answer: Value = answer.unwrap().json().await.unwrap();
        answer["result"].as_array().unwrap().clone()
    };
    let told = timeout(SOON, async {
        loop {
            let commands = commands().await;
            if !commands.is_empty() {
                return commands;
            }
            tokio::task::yield_now().await;
        }
    });
    let told = told.await.unwrap();
    assert_eq!(told[0]["command"], "agenda");
    assert_eq!(told[0]["description"], "Мой день и неделя, заявки");
    assert!(told.len() > 2);
    teacher.ends().await;
}

#[tokio::test]
async fn without_server_1_a_teacher_reads_what_was_and_is_told_that_nothing_was_done() {
    let teacher = Teacher::new("en").await;
    teacher.teaches(1, tomorrow(), &[(ANNA, "Anna")]);
    let lesson = details(&teacher, "Anna").await;
    teacher.stage.lessons.away.send_replace(true);
    teacher.clock.advance(SignedDuration::from_mins(6));
    let asked = teacher
        .opens(&lesson, "❌ Cancel", "Cancel this lesson?")
        .await;
    assert!(asked.text.contains("may be out of date"), "{}", asked.text);
    teacher.presses(&asked, "Without").await;
    let told = teacher.sees("⚠️ The service").await;
    assert!(
        told.message_id > asked.message_id,
        "the question keeps its buttons"
    );
    assert_eq!(teacher.lesson(0).status(), LessonStatus::Scheduled);
    teacher.stage.lessons.away.send_replace(false);
    teacher.opens(&asked, "Without", "Lesson cancelled").await;
    teacher.ends().await;
}
