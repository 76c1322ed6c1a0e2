//! Everything there is to press, pressed, in both languages.

mod cast;

use std::collections::BTreeSet;

use e2e::{
    Result,
    story::sign,
    talk::{Crawl, Stage, Start, Talk},
};
use texts::{COMMANDS, TEACHER_COMMANDS};

use cast::School;

/// Acts of one crawl.
const MOST: usize = 1_500;

/// Kinds of buttons that somebody may not be shown, and why; a kind with `*` is all that begin
/// so.
type Unshown<'a> = &'a [(&'a str, &'a str)];

fn judge(who: &str, crawl: &Crawl, unshown: Unshown<'_>) {
    let Crawl { acts, pressed, .. } = crawl;
    println!("{who}: {acts} acts, {} kinds of buttons", pressed.len());
    let faults: BTreeSet<_> = crawl.faults.iter().cloned().collect();
    let faults: Vec<_> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{who}:\n{}", faults.join("\n\n"));
    let missed = crawl.missed.join("\n\n");
    let unpressed = crawl.unpressed();
    assert!(
        unpressed.is_empty(),
        "{who}: {unpressed:?} of {:?}; missed:\n{missed}",
        crawl.seen,
    );
    assert_eq!(crawl.left, 0, "{who}: paths that nobody went");
    let unknown = crawl.unknown();
    assert!(unknown.is_empty(), "{who}: in no list: {unknown:?}");
    let is_of = |kind: &str, listed: &str| match listed.strip_suffix('*') {
        Some(area) => kind.starts_with(area),
        None => kind == listed,
    };
    let unreached = crawl.unreached();
    let excused = |kind: &&str| unshown.iter().any(|(listed, _)| is_of(kind, listed));
    let unexcused: Vec<_> = unreached.iter().filter(|kind| !excused(kind)).collect();
    assert!(
        unexcused.is_empty(),
        "{who}: never shown: {unexcused:?}; missed:\n{missed}"
    );
}

/// These notices, all commands, as one says them, and what is none.
fn starts(notices: &[&'static str]) -> Vec<Start> {
    let commands = COMMANDS.iter().chain(&TEACHER_COMMANDS);
    let commands = commands.map(|command| format!("/{}", command.name()));
    let says = commands.chain(["what?".to_owned()]).map(Start::Says);
    let mut reads = notices.iter().copied().map(Start::Reads);
    // Answers begin as the first does, so that is read before there are any.
    let first = reads.next();
    first.into_iter().chain(says).chain(reads).collect()
}

const SOON: &str = "the first free time is too near to be moved from";
const LESSONS: &str = "their list of lessons is not empty";
const NO_GROUP: &str = "they are in no group";
const NOT_ASKED: &str = "whom they book with confirms nothing";
const KEPT: &str = "of a kept time whose teacher is gone";
const NO_TEACHER: &str = "they teach nobody";
const NO_MENU: &str = "what /start leads to is not the settings";
const NO_NOTICE: &str = "nothing was told yet";

const NEWCOMER: Unshown<'_> = &[
    ("b.D", SOON),
    ("b.T", SOON),
    ("b.W", SOON),
    ("b.m", SOON),
    ("b.g", NO_GROUP),
    ("b.j", NO_GROUP),
    ("g", NO_GROUP),
    ("k", NO_GROUP),
    ("w", NOT_ASKED),
    ("h", KEPT),
    ("y", NO_TEACHER),
    ("n", NO_TEACHER),
    ("t.*", NO_TEACHER),
    ("b.c", NO_NOTICE),
    ("b.n*", NO_NOTICE),
    ("s.g*", NO_MENU),
    ("s.k*", NO_MENU),
    ("s.l", NO_MENU),
    ("s.n", NO_MENU),
    ("s.q", NO_MENU),
    ("s.r*", NO_TEACHER),
    ("s.o:menu", NO_MENU),
    ("s.o:language", NO_MENU),
    ("s.o:leads", NO_MENU),
    ("s.o:own_lead", NO_MENU),
    ("s.o:quiet", NO_MENU),
    ("s.o:own_quiet", NO_MENU),
    ("s.o:kinds", NO_MENU),
    ("s.o:name", NO_MENU),
];
const STUDENT: Unshown<'_> = &[
    ("b.s", LESSONS),
    ("h", KEPT),
    ("y", NO_TEACHER),
    ("n", NO_TEACHER),
    ("t.*", NO_TEACHER),
    ("b.ny", NO_TEACHER),
    ("b.nn", NO_TEACHER),
    ("s.r*", NO_TEACHER),
    ("s.k:10", NO_TEACHER),
    ("s.k:13", NO_TEACHER),
    ("s.k:17", NO_TEACHER),
];
const TEACHER: Unshown<'_> = &[
    ("b.D", SOON),
    ("b.T", SOON),
    ("b.W", SOON),
    ("b.m", SOON),
    ("b.g", NO_GROUP),
    ("b.j", NO_GROUP),
    ("g", NO_GROUP),
    ("k", NO_GROUP),
    ("b.nk", NO_GROUP),
    ("b.ng", NO_GROUP),
    ("w", NOT_ASKED),
    ("h", KEPT),
    ("b.c", "students only say in a reminder that they come"),
    ("b.nm", "students only move a lesson from its notice"),
    ("b.s", LESSONS),
    (
        "t.ls",
        "a lesson with more than 20 seats has pages, see bot-gateway's tests",
    ),
    ("t.mp", "a day with more than 48 times has pages"),
    ("t.n?", "of earlier releases: n is in its place"),
];

/// Beside one another: people wait most of the time.
async fn in_both_languages(crawl: impl AsyncFn(&'static str) -> Result<()>) -> Result<()> {
    tokio::try_join!(crawl("ru"), crawl("en"))?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_can_press_everything() -> Result<()> {
    let stage = Stage::shared().await?;
    cast::teacher(&stage, "Nora", "en").await?;
    in_both_languages(async |language| {
        let people = async || Talk::begin(stage.stack(), "Newcomer", language).await;
        let crawl = Crawl::run(&[Start::Says("/start".to_owned())], MOST, people).await?;
        judge(&format!("a newcomer, {language}"), &crawl, NEWCOMER);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_student_can_press_everything() -> Result<()> {
    let stage = Stage::shared().await?;
    let notices = [
        sign::BOOKED,
        sign::REMINDER,
        sign::REQUESTED,
        sign::QUESTION,
    ];
    in_both_languages(async |language| {
        let school = School::open(&stage, language).await?;
        let people = async || cast::student(&stage, &school, language).await;
        let crawl = Crawl::run(&starts(&notices), MOST, people).await?;
        judge(&format!("a student, {language}"), &crawl, STUDENT);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teacher_can_press_everything() -> Result<()> {
    let stage = Stage::shared().await?;
    let notices = [sign::BOOKED, sign::REQUESTED];
    // With whom they can book themselves.
    cast::teacher(&stage, "Mentor", "en").await?;
    in_both_languages(async |language| {
        let people = async || cast::busy_teacher(&stage, language).await;
        let crawl = Crawl::run(&starts(&notices), MOST, people).await?;
        judge(&format!("a teacher, {language}"), &crawl, TEACHER);
        Ok(())
    })
    .await
}
