//! A teacher's conversation while server 1 is away, in the middle of it.

use e2e::{
    Result,
    program::Program,
    story::sign,
    system::System,
    talk::{Key, Screen, Talk, unlimited},
};

use crate::bot_away::{is_told_off, press_until_done};

/// What a teacher presses and reads.
struct Words {
    language: &'static str,
    teacher: &'static str,
    student: &'static str,
    without: &'static str,
    why: &'static str,
    canceled: &'static str,
    stale: &'static str,
}

const LANGUAGES: [Words; 2] = [
    Words {
        language: "ru",
        teacher: "Варвара",
        student: "Lena",
        without: "Без причины",
        why: "Отменить урок?",
        canceled: "❌ Урок отменён",
        stale: "⚠️ Данные могут быть неактуальны (получены ",
    },
    Words {
        language: "en",
        teacher: "Wilma",
        student: "Otto",
        without: "Without a reason",
        why: "Cancel this lesson?",
        canceled: "❌ Lesson cancelled",
        stale: "⚠️ This may be out of date (as of ",
    },
];

/// Somebody who is asked why they cancel a lesson.
struct Teacher {
    words: &'static Words,
    talk: Talk,
}

fn holds(part: &str) -> impl Fn(&Key) -> bool {
    move |key| key.label.contains(part)
}

impl Teacher {
    async fn begin(system: &System, words: &'static Words) -> Result<Self> {
        let (stack, story) = (&system.stack, &system.story);
        let teacher = story.join(stack, words.teacher, words.language).await?;
        story.teach_with_notice(stack, &teacher, 120).await?;
        let student = story.join(stack, words.student, "en").await?;
        let slots = story.slots(&teacher, &student).await?;
        let start = slots.last().ok_or("no free time")?;
        story.book(&student, &teacher, *start).await?;
        story.notice(&teacher, sign::BOOKED, 0).await?;
        let talk = Talk::of(stack, &teacher.person)?;
        let mut teacher = Self { words, talk };
        teacher.looks().await?;
        teacher.is_asked().await?;
        Ok(teacher)
    }

    /// Turns the days from today to the lesson, and opens it.
    async fn looks(&mut self) -> Result<Screen> {
        let student = self.words.student;
        let mut day = self.talk.say("/agenda").await?;
        for _ in 0..10 {
            if day.text.contains(student) {
                let lesson = self
                    .talk
                    .press_where("of the lesson", holds(student))
                    .await?;
                assert!(lesson.text.contains(student), "{lesson}");
                return Ok(lesson);
            }
            day = self.talk.press_where("to a later day", holds("▶")).await?;
        }
        Err(format!("no day has a lesson of {student}: {day}").into())
    }

    async fn is_asked(&mut self) -> Result<()> {
        let asked = self.talk.press("❌").await?;
        assert!(asked.text.contains(self.words.why), "{asked}");
        Ok(())
    }

    async fn cannot_cancel(&mut self) -> Result<()> {
        let told = self.talk.press(self.words.without).await?;
        assert!(is_told_off(&told), "{told}");
        Ok(())
    }

    /// What was read before can be read; whether it may be out of date is said.
    async fn reads_on(&mut self, is_stale: bool) -> Result<()> {
        let lesson = self.looks().await?;
        let says_so = lesson.text.contains(self.words.stale);
        assert_eq!(says_so, is_stale, "{lesson}");
        self.is_asked().await
    }

    /// The same button again does it.
    async fn cancels(&mut self) -> Result<()> {
        let told = press_until_done(&mut self.talk, self.words.without).await?;
        assert!(told.text.starts_with(self.words.canceled), "{told}");
        Ok(())
    }
}

async fn everybody(system: &System) -> Result<Vec<Teacher>> {
    let mut all = Vec::new();
    for words in &LANGUAGES {
        all.push(Teacher::begin(system, words).await?);
    }
    // Once more, now that the bot has heard of all that was changed for them.
    for teacher in &mut all {
        teacher.reads_on(false).await?;
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_server_1_killed_a_teacher_reads_on_and_cancels_later() -> Result<()> {
    let mut system = unlimited(true).await?;
    let mut all = everybody(&system).await?;
    system.stack.kill(Program::LessonSvc).await?;
    for teacher in &mut all {
        teacher.cannot_cancel().await?;
        teacher.looks().await?;
        teacher.is_asked().await?;
        teacher.cannot_cancel().await?;
    }
    system.stack.restart(Program::LessonSvc).await?;
    for teacher in &mut all {
        teacher.cancels().await?;
    }
    system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_server_1_cut_off_a_teacher_is_told_what_may_be_out_of_date() -> Result<()> {
    let system = unlimited(true).await?;
    let line = system.stack.line()?;
    let mut all = everybody(&system).await?;
    for teacher in &mut all {
        // Nobody knows whether it was done: the answer does not come.
        line.set(|weather| weather.hold_up = true);
        teacher.cannot_cancel().await?;
        line.set(|weather| weather.absent = true);
        line.cut();
        teacher.reads_on(true).await?;
        line.heal();
        teacher.cancels().await?;
    }
    system.stop().await
}
