//! What teachers do in the bot, with their students beside them.

use std::time::Duration;

use e2e::{
    Result,
    stack::Stack,
    story::{BookedLesson, Member, Story},
    talk::{Key, Screen, Stage, Talk},
};
use jiff::Timestamp;
use serde_json::json;
use service_kit::clock::{Clock as _, SystemClock};
use tokio::time::sleep;

/// Between two looks at a lesson, and how often a person looks at most.
const PAUSE: Duration = Duration::from_millis(500);
const ACTS: usize = 30;

/// A teacher with free hours and a student, and the chat with the teacher.
struct Lessons {
    teacher: Member,
    student: Member,
    talk: Talk,
}

impl Lessons {
    async fn begin(stack: &Stack, story: &Story, names: [&str; 2], language: &str) -> Result<Self> {
        let teacher = story.join(stack, names[0], language).await?;
        story.teach_with_notice(stack, &teacher, 120).await?;
        let student = story.join(stack, names[1], language).await?;
        let talk = Talk::of(stack, &teacher.person)?;
        Ok(Self {
            teacher,
            student,
            talk,
        })
    }

    /// Books a lesson of the day after tomorrow or later.
    async fn book(&self, story: &Story) -> Result<BookedLesson> {
        let slots = story.slots(&self.teacher, &self.student).await?;
        let start = slots.last().ok_or("no free time")?;
        story.book(&self.student, &self.teacher, *start).await
    }
}

fn holds(part: &str) -> impl Fn(&Key) -> bool {
    move |key| key.label.contains(part)
}

/// Turns days until one has a lesson of the student.
async fn find(talk: &mut Talk, name: &str) -> Result<Screen> {
    for _ in 0..15 {
        let day = talk.press_where("to a later day", holds("▶")).await?;
        if day.text.contains(name) {
            let lesson = format!("with a lesson of {name}");
            return talk.press_where(&lesson, holds(name)).await;
        }
    }
    Err(format!("no day has a lesson of {name}").into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teacher_moves_a_lesson_and_cancels_it_in_their_own_words() -> Result<()> {
    let stage = Stage::shared().await?;
    let (stack, story) = (stage.stack(), stage.story());
    let mut lessons = Lessons::begin(stack, &story, ["Dora", "Emil"], "en").await?;
    lessons.book(&story).await?;
    let mut emil = Talk::of(stack, &lessons.student.person)?;
    let talk = &mut lessons.talk;

    let today = talk.say("/agenda").await?;
    assert!(today.text.starts_with("Today, "), "{today}");
    let mut lesson = find(talk, "Emil").await?;
    // The bot does not wait long for it, and the plan may not be made yet.
    for _ in 0..ACTS {
        if lesson.text.contains("🔔 Reminder to come: ") {
            break;
        }
        sleep(PAUSE).await;
        talk.press("◀").await?;
        lesson = talk.press_where("of the lesson", holds("Emil")).await?;
    }
    assert!(lesson.text.contains("🔔 Reminder to come: "), "{lesson}");
    talk.press("🔁 Move").await?;
    talk.press_where("with a day", |key| !key.label.contains(['◀', '▶']))
        .await?;
    let asked = talk.press_where("with a time", holds(":")).await?;
    assert!(asked.text.starts_with("Move this lesson?"), "{asked}");
    let moved = talk.press_twice("✅ Move it").await?;
    assert!(moved.key("❌").is_some(), "{moved}");
    emil.notice("🔄").await?;

    talk.press("❌").await?;
    talk.press("In my own words").await?;
    let done = talk.say("My <train> is late").await?;
    assert!(done.text.starts_with("❌ Lesson cancelled"), "{done}");
    assert!(done.text.ends_with("Reason: My <train> is late"), "{done}");
    talk.redeliver_last_update(2).await?;
    let told = emil.notice("❌").await?;
    assert!(told.text.contains("My <train> is late"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teacher_takes_days_off_and_cancels_the_lessons_in_them() -> Result<()> {
    let stage = Stage::shared().await?;
    let (stack, story) = (stage.stack(), stage.story());
    let mut lessons = Lessons::begin(stack, &story, ["Фёкла", "Глеб"], "ru").await?;
    lessons.book(&story).await?;
    let mut gleb = Talk::of(stack, &lessons.student.person)?;
    let talk = &mut lessons.talk;

    talk.say("/agenda").await?;
    let list = talk.press("🏖").await?;
    assert!(list.text.contains("Впереди нерабочих дней нет"), "{list}");
    talk.press("📅").await?;
    let day = |key: &Key| key.label.parse::<u8>().is_ok();
    let until = talk.press_where("with the first day", day).await?;
    assert!(until.text.contains("А последний"), "{until}");
    talk.press_where("to the next month", holds("▶")).await?;
    let added = talk
        .press_where("with the last day", |key| key.label == "28")
        .await?;
    assert!(added.text.contains("В это время стоит 1 урок"), "{added}");
    talk.press("❌ Отменить все (1)").await?;
    let done = talk.press_twice("❌ Да, отменить все").await?;
    assert!(!done.text.contains("Не получилось"), "{done}");
    gleb.notice("❌").await?;
    talk.press("◀").await?;
    let free = talk.press("✖ Убрать").await?;
    assert!(free.text.contains("снова рабочие"), "{free}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_student_comes_by_a_teachers_invitation() -> Result<()> {
    let stage = Stage::shared().await?;
    let (stack, story) = (stage.stack(), stage.story());
    let mut lessons = Lessons::begin(stack, &story, ["Hedda", "Ivo"], "en").await?;
    let talk = &mut lessons.talk;
    talk.say("/invite").await?;
    let invited = talk.press("👤").await?;
    assert!(invited.text.contains("Valid for 72 hours"), "{invited}");
    let mut words = invited.text.split_whitespace();
    let link = words.find(|word| word.contains("?start="));
    let (_, token) = link
        .and_then(|link| link.split_once("?start="))
        .ok_or("no link")?;

    let mut jana = Talk::begin(stack, "Jana", "en").await?;
    jana.say(&format!("/start {token}")).await?;
    let welcome = jana.notice("Hello, Jana").await?;
    assert!(welcome.text.contains("Hedda"), "{welcome}");
    let mut karl = Talk::begin(stack, "Karl", "en").await?;
    let late = karl.say(&format!("/start {token}")).await?;
    assert!(late.text.contains("As many people"), "{late}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teacher_says_who_came_and_corrects_it() -> Result<()> {
    let stage = Stage::shared().await?;
    let (stack, story) = (stage.stack(), stage.story());
    for (language, came, absent, kept) in [
        ("ru", "✅ Ученик был", "🚫 Ученика не было", "✅ Записано"),
        (
            "en",
            "✅ The student came",
            "🚫 The student did not come",
            "✅ Written down",
        ),
    ] {
        let names = ["Lydia", "Moritz"];
        let mut lessons = Lessons::begin(stack, &story, names, language).await?;
        // Makes him a student of hers.
        lessons.book(&story).await?;
        let soon = SystemClock.now().as_second() + 6;
        let begins = json!({
            "teacher_id": lessons.teacher.user.id,
            "student_id": lessons.student.user.id,
            "start_time": Timestamp::from_second(soon)?.to_string(),
        });
        story
            .post("/api/v1/lessons", &lessons.teacher, &begins)
            .await?;
        let talk = &mut lessons.talk;
        talk.say("/agenda").await?;
        let mut lesson = talk.press_where("of the lesson", holds("Moritz")).await?;
        for _ in 0..ACTS {
            if lesson.key(came).is_some() {
                break;
            }
            sleep(PAUSE).await;
            talk.press("◀").await?;
            lesson = talk.press_where("of the lesson", holds("Moritz")).await?;
        }
        let told = talk.press_twice(absent).await?;
        assert!(told.text.starts_with(kept), "{told}");
        assert!(told.key(absent).is_none(), "{told}");
        let told = talk.press(came).await?;
        assert!(told.text.starts_with(kept), "{told}");
        assert!(told.key(came).is_none(), "{told}");
    }
    Ok(())
}
