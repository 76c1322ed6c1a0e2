//! What happens to a lesson between people: asked for, decided, moved, given by an
//! admin, not told, forgotten; over HTTP, Telegram and both databases.

use e2e::{
    Result,
    story::{BookedLesson, Member, PATIENCE, Story, sign},
    system::{System, eventually},
};
use jiff::{SignedDuration, Timestamp};
use olm_proto::lesson::v1::{RulesZone, SetAdminRequest, UpdateSettingsRequest};
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::grpc::client::acting;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use telegram_sim::client::Button;

async fn set_policies(story: &Story, teacher: &Member, policies: &Value) -> Result<()> {
    let path = format!("/api/v1/teachers/{}", teacher.user.id);
    let version = story.get(&path, teacher).await?["version"].as_i64();
    let path = "/api/v1/me/teacher/policies";
    story
        .change(Method::PUT, path, teacher, version, Some(policies))
        .await?;
    Ok(())
}

async fn set_zone(system: &System, member: &mut Member, time_zone: &str) -> Result<()> {
    let request = UpdateSettingsRequest {
        time_zone: Some(time_zone.to_owned()),
        expected_version: member.user.version,
        rules_zone: RulesZone::Keep.into(),
        ..UpdateSettingsRequest::default()
    };
    let answer = system
        .stack
        .users()?
        .update_settings(acting(request, member.id()?))
        .await?;
    member.user = answer.into_inner().user.ok_or("no user")?;
    Story::known(&system.stack, &member.user).await
}

/// The lesson as a member reads it now.
async fn read(story: &Story, member: &Member, lesson: &BookedLesson) -> Result<Value> {
    story
        .get(&format!("/api/v1/lessons/{}", lesson.id), member)
        .await
}

fn at_version(lesson: &BookedLesson, read: &Value) -> Result<BookedLesson> {
    Ok(BookedLesson {
        version: read["version"].as_i64().ok_or("no version")?,
        ..lesson.clone()
    })
}

/// A slot at least this many hours away.
async fn slot(story: &Story, teacher: &Member, student: &Member, hours: i64) -> Result<Timestamp> {
    let slots = story.slots(teacher, student).await?;
    let first = *slots.first().ok_or("no slot")?;
    let wanted = first + SignedDuration::from_hours(hours);
    let found = slots.into_iter().find(|slot| *slot >= wanted);
    Ok(found.ok_or("no slot so far away")?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_decided_in_telegram_and_a_move_is_told_to_both_sides() -> Result<()> {
    let system = System::start(None).await?;
    let (stack, story) = (&system.stack, &system.story);
    let teacher = story.join(stack, "Anna", "en").await?;
    story.teach(stack, &teacher).await?;
    let policies = json!({"requires_approval": true, "min_notice_s": 0, "reschedule_notice_s": 0});
    set_policies(story, &teacher, &policies).await?;
    let student = story.join(stack, "Борис", "ru").await?;

    let start = slot(story, &teacher, &student, 30).await?;
    let requested = story.book(&student, &teacher, start).await?;
    assert_eq!(
        read(story, &student, &requested).await?["status"],
        "requested"
    );
    story.notice(&student, sign::REQUESTED, 0).await?;
    let asked = story.notice(&teacher, sign::REQUESTED, 0).await?;
    assert!(asked.reply_markup.is_some(), "nothing to decide with");
    let pressed = story
        .sim
        .press(&teacher.person, Button::text("✅ Confirm"))
        .await?;
    story.sim.callback_answer(&pressed, PATIENCE).await?;
    story.notice(&student, sign::BOOKED, 0).await?;

    let confirmed = read(story, &student, &requested).await?;
    assert_eq!(confirmed["status"], "scheduled");
    let later = slot(story, &teacher, &student, 50).await?;
    let body = json!({"start_time": later.to_string()});
    let moved = story
        .act(
            &student,
            &at_version(&requested, &confirmed)?,
            "reschedule",
            &body,
        )
        .await?;
    assert_eq!(moved.start, later);
    story.notice(&student, sign::MOVED, 0).await?;
    story.notice(&teacher, sign::MOVED, 0).await?;

    story.cancel(&teacher, &moved).await?;
    story.notice(&student, sign::CANCELED, 0).await?;
    story.notice(&teacher, sign::CANCELED, 0).await?;
    for (sign, copies) in [(sign::REQUESTED, 1), (sign::BOOKED, 1), (sign::MOVED, 1)] {
        assert_eq!(story.count(&student, sign).await?, copies, "{sign}");
    }
    let changes = story
        .get(&format!("/api/v1/lessons/{}/changes", moved.id), &teacher)
        .await?;
    let kinds: Vec<_> = changes["changes"]
        .as_array()
        .ok_or("no changes")?
        .iter()
        .map(|change| (change["kind"].as_str(), change["actor_role"].as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            (Some("requested"), Some("student")),
            (Some("confirmed"), Some("teacher")),
            (Some("moved"), Some("student")),
            (Some("canceled"), Some("teacher")),
        ]
    );
    system.stop().await
}

/// Scenario 5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_admin_in_a_third_zone_books_is_told_to_each_in_their_zone_and_language()
-> Result<()> {
    let system = System::start(None).await?;
    let (stack, story) = (&system.stack, &system.story);
    let mut teacher = story.join(stack, "Anna", "en").await?;
    story.teach(stack, &teacher).await?;
    set_zone(&system, &mut teacher, "Asia/Tokyo").await?;
    let mut student = story.join(stack, "Борис", "ru").await?;
    set_zone(&system, &mut student, "Asia/Yekaterinburg").await?;
    let mut admin = story.join(stack, "Carol", "en").await?;
    set_zone(&system, &mut admin, "America/Los_Angeles").await?;

    let start = slot(story, &teacher, &student, 30).await?;
    let body = json!({"teacher_id": teacher.user.id, "student_id": student.user.id,
                      "start_time": start.to_string()});
    let before = story.post("/api/v1/lessons", &admin, &body).await;
    assert!(before.is_err(), "anybody books for anybody: {before:?}");
    let promote = SetAdminRequest {
        user_id: admin.user.id.clone(),
        is_admin: true,
    };
    stack.users()?.set_admin(promote).await?;
    story.post("/api/v1/lessons", &admin, &body).await?;

    let told = |entry: telegram_sim::api::LedgerEntry| entry.text.unwrap_or_default();
    let to_student = told(story.notice(&student, sign::BOOKED, 0).await?);
    let to_teacher = told(story.notice(&teacher, sign::BOOKED, 0).await?);
    let hour = |zone: &str| -> Result<String> {
        let zoned = start.in_tz(zone)?;
        Ok(zoned.strftime("%H:%M").to_string())
    };
    assert!(
        to_student.contains("Преподаватель") && to_student.contains(&hour("Asia/Yekaterinburg")?),
        "{to_student}"
    );
    assert!(
        to_teacher.contains("Student") && to_teacher.contains(&hour(&teacher.user.time_zone)?),
        "{to_teacher}"
    );
    assert_eq!(story.count(&admin, sign::BOOKED).await?, 0);
    system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teacher_hears_before_the_lesson_that_a_student_blocked_the_bot() -> Result<()> {
    let system = System::start(None).await?;
    let (stack, story) = (&system.stack, &system.story);
    let teacher = story.join(stack, "Anna", "en").await?;
    story.teach(stack, &teacher).await?;
    let mut student = story.join(stack, "Boris", "en").await?;
    let start = slot(story, &teacher, &student, 2).await?;
    story.book(&student, &teacher, start).await?;
    story.notice(&student, sign::BOOKED, 0).await?;
    story.sim.block(&student.person).await?;
    let lead = Story::lead(start, SignedDuration::from_secs(6));
    story.set_lead(stack, &mut student, lead).await?;
    let told = story.notice(&teacher, sign::UNREACHABLE, 0).await?;
    assert!(told.text.unwrap_or_default().contains("Boris"));
    assert_eq!(story.count(&student, sign::REMINDER).await?, 0);
    system.stop().await
}

/// Scenario 25.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_person_is_forgotten_in_both_databases_and_their_lessons_are_called_off()
-> Result<()> {
    let system = System::start(None).await?;
    let (stack, story) = (&system.stack, &system.story);
    let teacher = story.join(stack, "Anna", "en").await?;
    story.teach(stack, &teacher).await?;
    let student = story.join(stack, "Quetzalcoatl", "en").await?;
    let about = json!({"about": "I collect marmalade"});
    story
        .change(
            Method::PATCH,
            "/api/v1/me",
            &student,
            Some(student.user.version),
            Some(&about),
        )
        .await?;
    let start = slot(story, &teacher, &student, 30).await?;
    story.book(&student, &teacher, start).await?;
    story.notice(&teacher, sign::BOOKED, 0).await?;

    story
        .change(Method::DELETE, "/api/v1/me", &student, None, None)
        .await?;
    story.notice(&teacher, sign::CANCELED, 0).await?;
    assert!(
        story.get("/api/v1/me", &student).await.is_err(),
        "the erased still speak"
    );
    let url = system.cluster.database("olm").await?;
    let chat = student.person.id.to_string();
    eventually("nothing of the person is left", PATIENCE, async || {
        left_of(&url, &["Quetzalcoatl", "marmalade", &chat])
            .await
            .is_ok_and(|left| left.is_empty())
    })
    .await?;
    system.stop().await
}

/// Where any of `needles` stands in a row of either service, as text or as bytes.
async fn left_of(url: &str, needles: &[&str]) -> Result<Vec<String>> {
    let mut connection = PgConnection::connect(url).await?;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
         WHERE table_schema IN ('lesson', 'notify')",
    )
    .fetch_all(&mut connection)
    .await?;
    let mut left = Vec::new();
    for table in tables {
        for needle in needles {
            // As a text or as a message's bytes; a number only as a whole field.
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
                r"SELECT count(*) FROM {table} AS t
                  WHERE CASE WHEN $1 ~ '^\d+$' THEN t::text ~ ('[(,]' || $1 || '[,)]')
                      ELSE position($1 IN t::text) > 0
                          OR position(encode(convert_to($1, 'UTF8'), 'hex') IN t::text) > 0 END"
            )))
            .bind(needle)
            .fetch_one(&mut connection)
            .await?;
            if rows > 0 {
                left.push(format!("{needle} in {table}"));
            }
        }
    }
    connection.close().await?;
    Ok(left)
}
