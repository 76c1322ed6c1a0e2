//! Who presses, and what lies before them: something for every button.

use e2e::{
    Result,
    story::{BookedLesson, Member, PATIENCE, Story, sign},
    system::eventually,
    talk::{Stage, Talk},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, SystemClock};

/// Seconds until something that lies ahead has come.
const SOON: i64 = 3;

/// Whom students have lessons with.
pub struct School {
    teacher: Member,
    /// Another one, whose lessons stand against those of the first.
    other: Member,
}

/// A new teacher.
pub async fn teacher(stage: &Stage, name: &str, language: &str) -> Result<Member> {
    let (stack, story) = (stage.stack(), stage.story());
    let teacher = story.join(stack, name, language).await?;
    story.teach_with_notice(stack, &teacher, 120).await?;
    Ok(teacher)
}

impl School {
    pub async fn open(stage: &Stage, language: &str) -> Result<Self> {
        Ok(Self {
            teacher: teacher(stage, &format!("Tutor of {language}"), "en").await?,
            other: teacher(stage, &format!("Other of {language}"), "en").await?,
        })
    }
}

/// From now on the teacher is asked for each lesson, and takes no new students: those of other
/// tests do not find them.
async fn confirms(story: &Story, teacher: &Member) -> Result<()> {
    let path = format!("/api/v1/teachers/{}", teacher.user.id);
    let version = story.get(&path, teacher).await?["version"].as_i64();
    let path = "/api/v1/me/teacher/policies";
    let policies = json!({
        "requires_approval": true, "accepting_students": false, "min_notice_s": 7_200,
    });
    let set = story.change(Method::PUT, path, teacher, version, Some(&policies));
    set.await?;
    Ok(())
}

/// The first free time in so many days that all of these have.
async fn free(story: &Story, reader: &Member, of: &[&Member], days: i64) -> Result<Timestamp> {
    let earliest = SystemClock.now() + SignedDuration::from_hours(24 * days);
    let mut common: Option<Vec<Timestamp>> = None;
    for teacher in of {
        let mut slots = story.slots(teacher, reader).await?;
        slots.retain(|slot| *slot > earliest);
        if let Some(common) = &common {
            slots.retain(|slot| common.contains(slot));
        }
        common = Some(slots);
    }
    let first = common.and_then(|slots| slots.into_iter().next());
    Ok(first.ok_or("no free time")?)
}

/// A lesson in some days.
async fn book(
    story: &Story,
    student: &Member,
    teacher: &Member,
    days: i64,
) -> Result<BookedLesson> {
    let start = free(story, student, &[teacher], days).await?;
    story.book(student, teacher, start).await
}

/// A group of the teacher's with one student.
async fn group(story: &Story, teacher: &Member, student: &Member) -> Result<String> {
    let group = json!({ "title": "Beginners", "capacity": 3 });
    let group = story.post("/api/v1/groups", teacher, &group).await?;
    let id = group["id"].as_str().ok_or("no group")?.to_owned();
    let path = format!("/api/v1/groups/{id}/members/{}", student.user.id);
    let add = story.change(Method::PUT, &path, teacher, None, None);
    add.await?;
    Ok(id)
}

/// A lesson of a group: its members have their seats, or one seat is for who takes it.
async fn plan(
    story: &Story,
    teacher: &Member,
    group: &str,
    start: Timestamp,
    is_open: bool,
) -> Result<Value> {
    let mut lesson = json!({
        "teacher_id": teacher.user.id, "start_time": start.to_string(), "group_id": group,
    });
    if is_open {
        lesson["open_seats"] = json!(1);
    }
    story.post("/api/v1/lessons", teacher, &lesson).await
}

/// A student with lessons of every sort, who was told of them, reminded and asked.
pub async fn student(stage: &Stage, school: &School, language: &str) -> Result<Talk> {
    let (stack, story) = (stage.stack(), stage.story());
    let School { teacher, other } = school;
    let mut student = story.join(stack, "Student", language).await?;
    for days in [3, 4] {
        book(&story, &student, teacher, days).await?;
    }
    let asked = self::teacher(stage, "Prior", "en").await?;
    book(&story, &student, &asked, 5).await?;
    confirms(&story, &asked).await?;
    book(&story, &student, &asked, 3).await?;
    story.notice(&student, sign::BOOKED, 0).await?;
    story.notice(&student, sign::REQUESTED, 0).await?;

    let group = group(&story, teacher, &student).await?;
    let start = free(&story, &student, &[teacher], 4).await?;
    plan(&story, teacher, &group, start, true).await?;
    let start = free(&story, &student, &[teacher], 5).await?;
    let taken = plan(&story, teacher, &group, start, false).await?;
    // It is moved to when the student has a lesson: they are asked whether they come. Both are
    // the first in their list.
    let to = free(&story, &student, &[teacher, other], 1).await?;
    story.book(&student, other, to).await?;
    let taken = BookedLesson {
        id: taken["id"].as_str().ok_or("no lesson")?.to_owned(),
        version: taken["version"].as_i64().ok_or("no version")?,
        start,
    };
    let to = json!({ "start_time": to.to_string() });
    story.act(teacher, &taken, "reschedule", &to).await?;
    story.notice(&student, sign::QUESTION, 0).await?;

    let lesson = book(&story, &student, teacher, 2).await?;
    let soon = Story::lead(lesson.start, SignedDuration::from_secs(SOON));
    story.set_lead(stack, &mut student, soon).await?;
    story.notice(&student, sign::REMINDER, 0).await?;
    let usual = SignedDuration::from_hours(1);
    story.set_lead(stack, &mut student, usual).await?;
    Talk::of(stack, &student.person)
}

/// A teacher with lessons that have begun, lie ahead and are asked for, and with a group.
pub async fn busy_teacher(stage: &Stage, language: &str) -> Result<Talk> {
    let (stack, story) = (stage.stack(), stage.story());
    let teacher = teacher(stage, "Teacher", language).await?;
    let student = story.join(stack, "Learner", "en").await?;
    for days in [0, 1, 2, 3] {
        book(&story, &student, &teacher, days).await?;
    }
    let begins = Timestamp::from_second(SystemClock.now().as_second() + SOON)?;
    let lesson = json!({
        "teacher_id": teacher.user.id,
        "student_id": student.user.id,
        "start_time": begins.to_string(),
    });
    story.post("/api/v1/lessons", &teacher, &lesson).await?;
    let group = group(&story, &teacher, &student).await?;
    let start = free(&story, &student, &[&teacher], 4).await?;
    plan(&story, &teacher, &group, start, false).await?;
    story.notice(&teacher, sign::BOOKED, 0).await?;
    confirms(&story, &teacher).await?;
    for days in [1, 1, 2, 2] {
        book(&story, &student, &teacher, days).await?;
    }
    story.notice(&teacher, sign::REQUESTED, 0).await?;
    let has_begun = async || SystemClock.now() > begins;
    eventually("the lesson begins", PATIENCE, has_begun).await?;
    Talk::of(stack, &teacher.person)
}
