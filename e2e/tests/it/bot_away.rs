//! The bot while server 1 is away, in the middle of a conversation.

use std::time::Duration;

use e2e::{
    Result,
    program::Program,
    story::PATIENCE,
    system::System,
    talk::{Screen, Talk, unlimited},
};
use tokio::time::{Instant, sleep};

/// Between two tries of somebody who waits for server 1.
const PAUSE: Duration = Duration::from_millis(500);

/// What a student presses and reads.
struct Words {
    language: &'static str,
    teacher: &'static str,
    lessons: &'static str,
    book: &'static str,
    booked: &'static str,
    asked: &'static str,
    away: &'static str,
}

const LANGUAGES: [Words; 2] = [
    Words {
        language: "ru",
        teacher: "Annabel",
        lessons: "Мои уроки",
        book: "✅ Записаться",
        booked: "✅ Вы записаны",
        asked: "Записаться на урок?",
        away: "⚠️ Сервис временно недоступен",
    },
    Words {
        language: "en",
        teacher: "Otto",
        lessons: "My lessons",
        book: "✅ Confirm",
        booked: "✅ You are booked",
        asked: "Book this lesson?",
        away: "⚠️ The service is temporarily unavailable",
    },
];

/// Somebody who looks at a day with free times.
struct Student {
    words: &'static Words,
    talk: Talk,
}

impl Student {
    async fn begin(system: &System, words: &'static Words) -> Result<Self> {
        let mut talk = Talk::begin(&system.stack, "Lena", words.language).await?;
        talk.settle().await?;
        talk.press(words.lessons).await?;
        talk.open_calendar(words.teacher).await?;
        talk.choose_day().await?;
        Ok(Self { words, talk })
    }

    /// What was read before can be read.
    async fn reads_on(&mut self) -> Result<()> {
        let away = self.words.away;
        let lessons = self.talk.press(self.words.lessons).await?;
        assert!(!lessons.text.contains(away), "{lessons}");
        let week = self.talk.open_calendar(self.words.teacher).await?;
        assert!(week.text.starts_with(self.words.teacher), "{week}");
        let day = self.talk.choose_day().await?;
        assert!(day.text.starts_with(self.words.teacher), "{day}");
        Ok(())
    }

    /// What is to be changed is not.
    async fn cannot_choose(&mut self) -> Result<()> {
        let told = self.talk.choose_time().await?;
        assert!(is_told_off(&told), "{told}");
        Ok(())
    }

    /// The same button again brings the student to the question.
    async fn goes_on(&mut self) -> Result<()> {
        let mut asked = self.talk.choose_time().await?;
        let deadline = Instant::now() + PATIENCE;
        while is_told_off(&asked) && Instant::now() < deadline {
            sleep(PAUSE).await;
            asked = self.talk.choose_time().await?;
        }
        assert!(asked.text.starts_with(self.words.asked), "{asked}");
        Ok(())
    }

    async fn cannot_book(&mut self) -> Result<()> {
        let told = self.talk.press(self.words.book).await?;
        assert!(is_told_off(&told), "{told}");
        Ok(())
    }

    async fn books(&mut self) -> Result<()> {
        let told = press_until_done(&mut self.talk, self.words.book).await?;
        assert!(told.text.starts_with(self.words.booked), "{told}");
        Ok(())
    }
}

/// Presses the same button again while it is told off, for some time.
pub(crate) async fn press_until_done(talk: &mut Talk, label: &str) -> Result<Screen> {
    let mut told = talk.press(label).await?;
    let deadline = Instant::now() + PATIENCE;
    while is_told_off(&told) && Instant::now() < deadline {
        sleep(PAUSE).await;
        told = talk.press(label).await?;
    }
    Ok(told)
}

/// That it was not done, or is not known to be.
pub(crate) fn is_told_off(screen: &Screen) -> bool {
    screen.text.starts_with("⚠️")
}

async fn everybody(system: &System) -> Result<Vec<Student>> {
    for words in &LANGUAGES {
        let teacher = system
            .story
            .join(&system.stack, words.teacher, "en")
            .await?;
        system
            .story
            .teach_with_notice(&system.stack, &teacher, 120)
            .await?;
    }
    let mut all = Vec::new();
    for words in &LANGUAGES {
        all.push(Student::begin(system, words).await?);
    }
    // Once more, now that the bot has heard of all that was changed for them.
    for student in &mut all {
        student.reads_on().await?;
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_server_1_killed_people_read_on_are_told_what_was_not_done_and_go_on_later()
-> Result<()> {
    let mut system = unlimited(true).await?;
    let mut all = everybody(&system).await?;
    system.stack.kill(Program::LessonSvc).await?;
    for student in &mut all {
        student.reads_on().await?;
    }
    for student in &mut all {
        student.cannot_choose().await?;
    }
    system.stack.restart(Program::LessonSvc).await?;
    for student in &mut all {
        student.goes_on().await?;
    }
    system.stack.kill(Program::LessonSvc).await?;
    for student in &mut all {
        student.cannot_book().await?;
    }
    system.stack.restart(Program::LessonSvc).await?;
    for student in &mut all {
        student.books().await?;
    }
    system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_server_1_cut_off_people_read_on_are_told_what_was_not_done_and_go_on_later()
-> Result<()> {
    let system = unlimited(true).await?;
    let line = system.stack.line()?;
    let cut = || {
        line.set(|weather| weather.absent = true);
        line.cut();
    };
    let mut all = everybody(&system).await?;
    cut();
    for student in &mut all {
        student.reads_on().await?;
    }
    for student in &mut all {
        student.cannot_choose().await?;
    }
    line.heal();
    for student in &mut all {
        student.goes_on().await?;
    }
    cut();
    for student in &mut all {
        student.cannot_book().await?;
    }
    line.heal();
    for student in &mut all {
        student.books().await?;
    }
    system.stop().await
}
