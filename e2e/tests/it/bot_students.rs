//! What students do in the bot, with their teachers beside them.

use e2e::{
    Result,
    story::{Member, Story},
    talk::{Key, Screen, Stage, Talk},
};
use jiff::{SignedDuration, tz::TimeZone};
use serde_json::json;
use service_kit::clock::{Clock as _, SystemClock};

/// A teacher with free hours.
async fn teacher(stage: &Stage, story: &Story, name: &str) -> Result<Member> {
    let teacher = story.join(stage.stack(), name, "en").await?;
    story
        .teach_with_notice(stage.stack(), &teacher, 120)
        .await?;
    Ok(teacher)
}

fn holds(part: &str) -> impl Fn(&Key) -> bool {
    move |key| key.label.contains(part)
}

/// From a calendar to the question whether to take the first free time.
async fn first_time(talk: &mut Talk) -> Result<Screen> {
    talk.press_where("with free times", holds("•")).await?;
    talk.press_where("with a time", holds(":")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_with_a_link_has_a_lesson_after_five_taps() -> Result<()> {
    let stage = Stage::shared().await?;
    let story = stage.story();
    for (language, book, booked) in [
        ("ru", "✅ Записаться", "✅ Вы записаны"),
        ("en", "✅ Confirm", "✅ You are booked"),
    ] {
        let teacher = teacher(&stage, &story, "Katharina").await?;
        let invited = story
            .post("/api/v1/invitations", &teacher, &json!({}))
            .await?;
        let token = invited["token"].as_str().ok_or("no token")?;
        let mut nora = Talk::begin(stage.stack(), "Nora", language).await?;
        nora.say(&format!("/start {token}")).await?;
        let calendar = nora.press_where("with a clock", holds(":")).await?;
        assert!(calendar.text.contains("Katharina"), "{calendar}");
        first_time(&mut nora).await?;
        let done = nora.press(book).await?;
        assert!(done.text.starts_with(booked), "{done}");
        assert_eq!(nora.taps(), 5);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_student_finds_a_teacher_by_name_moves_the_lesson_and_cancels_it() -> Result<()> {
    let stage = Stage::shared().await?;
    let story = stage.story();
    let teacher = teacher(&stage, &story, "Leopoldina").await?;
    // With a second one there is something to choose from.
    self::teacher(&stage, &story, "Magnus").await?;
    let mut olaf = Talk::begin(stage.stack(), "Olaf", "en").await?;
    olaf.say("/help").await?;
    let list = olaf.say("/schedule").await?;
    assert!(list.text.starts_with("Choose a teacher"), "{list}");
    let calendar = olaf.say("leopold").await?;
    assert!(calendar.text.starts_with("Leopoldina"), "{calendar}");
    let kept = first_time(&mut olaf).await?;
    assert!(kept.text.contains("Kept for you for 5 minutes"), "{kept}");
    let day = olaf.press("Another time").await?;
    assert!(day.text.contains("Choose a time"), "{day}");
    olaf.press_where("with a time", holds(":")).await?;
    let booked = olaf.press_twice("✅ Confirm").await?;
    assert!(booked.text.starts_with("✅ You are booked"), "{booked}");

    // Far enough ahead to be moved and cancelled in time, whatever day it is.
    let week = olaf.say("/schedule").await?;
    assert!(week.text.starts_with("Leopoldina"), "{week}");
    olaf.press("▶").await?;
    olaf.press("▶").await?;
    first_time(&mut olaf).await?;
    let booked = olaf.press("✅ Confirm").await?;
    assert!(booked.text.starts_with("✅ You are booked"), "{booked}");
    let week = olaf.press("🔁 Move").await?;
    assert!(week.text.starts_with("Moving a lesson"), "{week}");
    olaf.press("▶").await?;
    olaf.press("▶").await?;
    let asked = first_time(&mut olaf).await?;
    assert!(asked.text.starts_with("Move this lesson?"), "{asked}");
    let moved = olaf.press_twice("Yes, move it").await?;
    assert!(moved.text.starts_with("🔁 Lesson moved"), "{moved}");
    story.notice(&teacher, "🔄", 0).await?;

    let details = olaf.press("About the lesson").await?;
    assert!(details.text.contains("It takes place"), "{details}");
    let asked = olaf.press("❌").await?;
    assert!(asked.text.contains("without consequences until"), "{asked}");
    let canceled = olaf.press_twice("Yes, cancel").await?;
    assert!(
        canceled.text.starts_with("❌ Lesson cancelled"),
        "{canceled}"
    );
    let lessons = olaf.press("My lessons").await?;
    assert_eq!(lessons.keys().count(), 1, "{lessons}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_in_a_groups_lesson_is_taken_and_given_up() -> Result<()> {
    let stage = Stage::shared().await?;
    let story = stage.story();
    let teacher = teacher(&stage, &story, "Petronella").await?;
    let group = json!({ "title": "Beginners", "capacity": 3 });
    let group = story.post("/api/v1/groups", &teacher, &group).await?;
    let id = group["id"].as_str().ok_or("no group")?;
    let invitation = json!({ "group_id": id });
    let invited = story
        .post("/api/v1/invitations", &teacher, &invitation)
        .await?;
    let token = invited["token"].as_str().ok_or("no token")?;

    let mut quirin = Talk::begin(stage.stack(), "Quirin", "ru").await?;
    quirin.say(&format!("/start {token}")).await?;
    let said = quirin.transcript().await?;
    assert!(said.contains("Группа: Beginners"), "{said}");
    let student = quirin.member(stage.stack()).await?;
    let slots = story.slots(&teacher, &student).await?;
    let start = slots.last().ok_or("no free time")?.to_string();
    let lesson = json!({
        "teacher_id": teacher.user.id, "start_time": start, "group_id": id, "open_seats": 1,
    });
    story.post("/api/v1/lessons", &teacher, &lesson).await?;

    quirin.say("/lessons").await?;
    let open = quirin.press("👥 Уроки моих групп").await?;
    assert!(open.text.contains("1 место свободно"), "{open}");
    let joined = quirin.press_twice("✅").await?;
    assert!(joined.text.starts_with("✅ У вас есть место"), "{joined}");
    quirin.press("❌").await?;
    let left = quirin.press_twice("🚪").await?;
    assert!(left.text.starts_with("🚪 Вы отказались от места"), "{left}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lesson_is_moved_by_half_its_length() -> Result<()> {
    let stage = Stage::shared().await?;
    let story = stage.story();
    let teacher = teacher(&stage, &story, "Rosalinde").await?;
    let mut ute = Talk::begin(stage.stack(), "Ute", "en").await?;
    ute.say("/help").await?;
    let student = ute.member(stage.stack()).await?;
    // The first free time of a day far enough ahead to be moved.
    let far = SystemClock.now() + SignedDuration::from_hours(72);
    let slots = story.slots(&teacher, &student).await?;
    let start = slots.into_iter().find(|slot| *slot > far);
    let start = start.ok_or("no free time")?;
    story.book(&student, &teacher, start).await?;
    let half = SignedDuration::from_mins(30);
    for later in [start + half, start] {
        ute.say("/lessons").await?;
        ute.press_where("of the lesson", holds("Rosalinde")).await?;
        ute.press("🔁 Move").await?;
        // Its own time is no other one, and half of it is free for it.
        let zone = student_zone(&student)?;
        let day = later.to_zoned(zone.clone()).date();
        let label = format!("{}•", day.day());
        let mut seen = ute.screen().await?;
        for _ in 0..3 {
            if seen.key(&label).is_some() {
                break;
            }
            seen = ute.press("▶").await?;
        }
        ute.press(&label).await?;
        let clock = later.to_zoned(zone).strftime("%H:%M").to_string();
        let asked = ute.press(&clock).await?;
        assert!(asked.text.starts_with("Move this lesson?"), "{asked}");
        let moved = ute.press("Yes, move it").await?;
        assert!(moved.text.starts_with("🔁 Lesson moved"), "{moved}");
    }
    Ok(())
}

fn student_zone(student: &Member) -> Result<TimeZone> {
    Ok(TimeZone::get(&student.user.time_zone)?)
}
