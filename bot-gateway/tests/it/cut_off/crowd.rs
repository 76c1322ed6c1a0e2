//! Many people who have looked before server 1 is away.

use telegram_sim::Limits;

use super::*;
use crate::stage::LOGS;

/// More than what a hundred kept answers would do for: each has several.
const PEOPLE: usize = 60;

async fn everybody_looks(stage: &Stage, clock: &ManualClock) {
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        let person = person(stage, EN.language).await;
        let shown = ask(stage, &person, "/schedule").await;
        assert!(!shown.text.contains('⚠'), "{}", shown.text);
        people.push(person);
    }
    clock.advance(SignedDuration::from_mins(6));
    let fails = Failing::With(Code::Unavailable);
    stage.lessons.failing.send_replace(fails);
    for person in &people {
        let calendar = ask(stage, person, "/schedule").await;
        assert!(calendar.text.contains("Мария <3"), "{}", calendar.text);
        assert!(calendar.text.contains(EN.stale), "{}", calendar.text);
    }
}

#[tokio::test]
async fn of_sixty_people_everybody_reads_their_schedule_while_server_1_is_away() {
    let (mut stage, clock) = (Stage::new().await, clock());
    stage.set("BOT_MESSAGES_PER_SECOND", "10000");
    stage.set("BOT_CHAT_INTERVAL", "0");
    stage.sim.set_limits(Limits::OFF).await.unwrap();
    let running = stage.start_at(DRAIN, clock.clone()).await;
    watched(&stage).await;
    // Who does not own the bot sends little.
    let mut line = stage.notify.owned_line().await;
    line.during(everybody_looks(&stage, &clock)).await;
    drop(line);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_one_has_read_of_a_teacher_is_not_asked_for_another() {
    let stage = Stage::new().await;
    let running = stage.start(DRAIN).await;
    watched(&stage).await;
    for _ in 0..2 {
        let person = person(&stage, EN.language).await;
        ask(&stage, &person, "/schedule").await;
    }
    assert_eq!(stage.called("ListMyTeachers"), 2);
    assert_eq!(stage.called("GetTeacher"), 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn each_call_of_server_1_is_in_productions_log() {
    let stage = Stage::new().await;
    let running = stage.start(DRAIN).await;
    watched(&stage).await;
    let person = person(&stage, EN.language).await;
    ask(&stage, &person, "/schedule").await;
    stage
        .lessons
        .failing
        .send_replace(Failing::With(Code::PermissionDenied));
    ask(&stage, &person, "/lessons").await;
    running.stop().await.unwrap();
    let logs = LOGS.text();
    let calls: Vec<_> = logs
        .lines()
        .filter(|line| line.contains("INFO") && line.contains("backend call"))
        .collect();
    for (rpc, status) in [
        ("TeacherService/GetTeacher", "Ok"),
        ("LessonService/ListLessons", "PermissionDenied"),
    ] {
        let said = [
            "peer=\"lesson-svc\"",
            &format!("rpc=\"/olm.lesson.v1.{rpc}\""),
            &format!("status={status}"),
            "duration_ms=",
        ];
        let is_said = |line: &&&str| said.iter().all(|part| line.contains(part));
        assert!(calls.iter().any(|line| is_said(&line)), "{said:?}");
    }
}
