//! Everything there is to press, pressed, in both languages.

use std::collections::BTreeSet;

use e2e::{
    Result,
    story::{Member, Story, sign},
    talk::{Crawl, Stage, Talk},
};
use jiff::SignedDuration;
use service_kit::clock::{Clock as _, SystemClock};
use texts::{COMMANDS, TEACHER_COMMANDS};

/// Acts of one crawl.
const MOST: usize = 500;

/// A new teacher.
async fn teacher(stage: &Stage, name: &str, language: &str) -> Result<Member> {
    let (stack, story) = (stage.stack(), stage.story());
    let teacher = story.join(stack, name, language).await?;
    story.teach_with_notice(stack, &teacher, 120).await?;
    Ok(teacher)
}

/// A lesson in some days.
async fn book(story: &Story, student: &Member, teacher: &Member, days: i64) -> Result<()> {
    let earliest = SystemClock.now() + SignedDuration::from_hours(24 * days);
    let slots = story.slots(teacher, student).await?;
    let slot = slots.into_iter().find(|slot| *slot > earliest);
    story.book(student, teacher, slot.ok_or("no slot")?).await?;
    story.notice(student, sign::BOOKED, 0).await?;
    Ok(())
}

fn judge(who: &str, crawl: &Crawl) {
    let Crawl { acts, pressed, .. } = crawl;
    println!("{who}: {acts} acts, {} kinds of buttons", pressed.len());
    let faults: BTreeSet<_> = crawl.faults.iter().cloned().collect();
    let faults: Vec<_> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{who}:\n{}", faults.join("\n\n"));
    let unpressed = crawl.unpressed();
    assert!(
        unpressed.is_empty(),
        "{who}: {unpressed:?} of {:?}; missed:\n{}",
        crawl.seen,
        crawl.missed.join("\n\n")
    );
    assert!(pressed.len() > 3, "{who}: {pressed:?}");
}

/// All commands, as one says them, and what is none.
fn starts() -> Vec<String> {
    let commands = COMMANDS.iter().chain(&TEACHER_COMMANDS);
    let commands = commands.map(|command| format!("/{}", command.name()));
    commands.chain(["what?".to_owned()]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_can_press_everything() -> Result<()> {
    let stage = Stage::shared().await?;
    teacher(&stage, "Nora", "en").await?;
    for language in ["ru", "en"] {
        let people = async || Talk::begin(stage.stack(), "Newcomer", language).await;
        let crawl = Crawl::run(&["/start"], MOST, people).await?;
        judge(&format!("a newcomer, {language}"), &crawl);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_student_can_press_everything() -> Result<()> {
    let stage = Stage::shared().await?;
    let starts = starts();
    let starts: Vec<_> = starts.iter().map(String::as_str).collect();
    for language in ["ru", "en"] {
        let name = format!("Tutor of {language}");
        let teacher = teacher(&stage, &name, "en").await?;
        let people = async || {
            let story = stage.story();
            let student = story.join(stage.stack(), "Student", language).await?;
            for days in [1, 2, 3] {
                book(&story, &student, &teacher, days).await?;
            }
            Talk::of(stage.stack(), &student.person)
        };
        let crawl = Crawl::run(&starts, MOST, people).await?;
        judge(&format!("a student, {language}"), &crawl);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teacher_can_press_everything() -> Result<()> {
    let stage = Stage::shared().await?;
    let starts = starts();
    let starts: Vec<_> = starts.iter().map(String::as_str).collect();
    for language in ["ru", "en"] {
        let people = async || {
            let story = stage.story();
            let teacher = teacher(&stage, "Teacher", language).await?;
            let student = story.join(stage.stack(), "Learner", "en").await?;
            for days in [0, 1, 2, 3] {
                book(&story, &student, &teacher, days).await?;
            }
            Talk::of(stage.stack(), &teacher.person)
        };
        let crawl = Crawl::run(&starts, MOST, people).await?;
        judge(&format!("a teacher, {language}"), &crawl);
    }
    Ok(())
}
