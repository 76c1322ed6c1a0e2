//! Whom and what requests can be about.

use e2e::{Result, people, program::Program, stack::Stack};
use jiff::{SignedDuration, Timestamp, Unit, tz::TimeZone};
use olm_proto::lesson::v1::{
    AddGroupMemberRequest, ConflictMode, CreateCalendarFeedRequest, CreateGroupRequest,
    CreateSeriesRequest, Lesson, SeriesPattern, SetAdminRequest, TeacherPolicies, WantedSeries,
    calendar_service_client::CalendarServiceClient,
    group_service_client::GroupServiceClient,
    series_service_client::SeriesServiceClient,
    wanted_series::{End, People},
};
use olm_proto::notify::v1::{
    BotMode, SetBotModeRequest, delivery_service_client::DeliveryServiceClient,
};
use serde_json::{Value, json};
use service_kit::{
    clock::{Clock as _, SystemClock},
    grpc::client::acting,
};
use uuid::Uuid;

const TEACHERS: usize = 3;
const STUDENTS: usize = 4;
/// People whom requests may erase, as they may not the others.
const SPARE: usize = 40;
/// Lessons of each student.
const LESSONS: usize = 4;

/// Registers people and books lessons; returns what hooks.py reads.
pub(crate) async fn invite(stack: &Stack) -> Result<String> {
    let mut number = 0;
    let mut register = async || {
        number += 1;
        people::register(stack, number).await
    };
    let admin = register().await?;
    let mut teachers = Vec::new();
    for _ in 0..TEACHERS {
        teachers.push(register().await?);
    }
    let restless = register().await?;
    let mut students = Vec::new();
    for _ in 0..STUDENTS {
        students.push(register().await?);
    }
    let mut spare = Vec::new();
    for _ in 0..SPARE {
        spare.push(register().await?);
    }
    // The last teacher wants to be asked.
    for (index, teacher) in teachers.iter().enumerate() {
        let policies = TeacherPolicies {
            requires_approval: index + 1 == TEACHERS,
            ..TeacherPolicies::default()
        };
        people::teach(stack, *teacher, policies, "00:00", "24:00").await?;
    }
    people::teach(
        stack,
        restless,
        TeacherPolicies::default(),
        "00:00",
        "24:00",
    )
    .await?;
    make_admin(stack, admin).await?;
    poll(stack).await?;
    let first = (SystemClock.now() + SignedDuration::from_hours(72)).round(Unit::Hour)?;
    let lessons = book(stack, &teachers, &students, first).await?;
    let group = group(stack, teachers[0], &students[..2]).await?;
    let series = series(stack, teachers[1], students[0], first).await?;
    let (feed, token) = feed(stack, students[1]).await?;
    Ok(json!({
        "admin": admin,
        "teachers": teachers,
        // Whose hours and policies change all the time; the others can be booked.
        "restless": restless,
        "students": students,
        "spare": spare,
        "lessons": lessons,
        "groups": [group],
        "series": [series],
        "token": token,
        "owners": {(group): teachers[0], (series): teachers[1], (feed): students[1]},
        "first_start": first.to_string(),
    })
    .to_string())
}

/// The caller that requests are made by polls for everybody's bot.
async fn poll(stack: &Stack) -> Result<()> {
    let mut delivery = DeliveryServiceClient::new(stack.operator(Program::NotifySvc)?);
    let request = SetBotModeRequest {
        bot_id: people::BOT_ID,
        mode: BotMode::Polling.into(),
        client: "website".to_owned(),
    };
    delivery.set_bot_mode(request).await?;
    Ok(())
}

/// A group of the teacher's students.
async fn group(stack: &Stack, teacher: Uuid, students: &[Uuid]) -> Result<String> {
    let mut groups = GroupServiceClient::new(stack.operator(Program::LessonSvc)?);
    let request = CreateGroupRequest {
        request_id: Uuid::new_v4().to_string(),
        title: "Spanish".to_owned(),
        capacity: 6,
    };
    let made = groups.create_group(acting(request, teacher)).await?;
    let group = made.into_inner().group.ok_or("no group was made")?.id;
    for student in students {
        let request = AddGroupMemberRequest {
            group_id: group.clone(),
            student_id: student.to_string(),
        };
        groups.add_group_member(acting(request, teacher)).await?;
    }
    Ok(group)
}

/// Twelve lessons of a student, a week apart, after all the others.
async fn series(stack: &Stack, teacher: Uuid, student: Uuid, first: Timestamp) -> Result<String> {
    let mut series = SeriesServiceClient::new(stack.operator(Program::LessonSvc)?);
    let start = first + SignedDuration::from_hours(14 * 24);
    let start = start.to_zoned(TimeZone::UTC);
    let request = CreateSeriesRequest {
        request_id: Uuid::new_v4().to_string(),
        series: Some(WantedSeries {
            people: Some(People::StudentId(student.to_string())),
            pattern: Some(SeriesPattern {
                time_zone: "UTC".to_owned(),
                first_date: start.date().to_string(),
                start_time_of_day: start.strftime("%H:%M").to_string(),
                ..SeriesPattern::default()
            }),
            end: Some(End::Count(12)),
            ..WantedSeries::default()
        }),
        conflict_mode: ConflictMode::Skip.into(),
    };
    let made = series.create_series(acting(request, teacher)).await?;
    Ok(made.into_inner().series.ok_or("no series was made")?.id)
}

/// A student's calendar: its id and its token.
async fn feed(stack: &Stack, student: Uuid) -> Result<(String, String)> {
    let mut calendars = CalendarServiceClient::new(stack.operator(Program::LessonSvc)?);
    let request = CreateCalendarFeedRequest {
        request_id: Uuid::new_v4().to_string(),
    };
    let made = calendars.create_calendar_feed(acting(request, student));
    let made = made.await?.into_inner();
    Ok((made.feed.ok_or("no feed was made")?.id, made.token))
}

async fn make_admin(stack: &Stack, person: Uuid) -> Result<()> {
    let request = SetAdminRequest {
        user_id: person.to_string(),
        is_admin: true,
    };
    stack.users()?.set_admin(request).await?;
    Ok(())
}

/// Every student has lessons with every teacher in turn, no two at one time.
async fn book(
    stack: &Stack,
    teachers: &[Uuid],
    students: &[Uuid],
    first: Timestamp,
) -> Result<Vec<Value>> {
    let mut lessons = Vec::new();
    let mut start = first;
    for round in 0..LESSONS {
        for (index, student) in students.iter().enumerate() {
            let teacher = teachers[(round + index) % teachers.len()];
            let lesson = people::book(stack, *student, teacher, start).await?;
            lessons.push(describe(&lesson, *student)?);
            start += SignedDuration::from_hours(1);
        }
    }
    Ok(lessons)
}

fn describe(lesson: &Lesson, student: Uuid) -> Result<Value> {
    let booking = lesson.bookings.first().ok_or("a lesson without a seat")?;
    Ok(json!({
        "id": lesson.id,
        "booking": booking.id,
        "teacher": lesson.teacher_id,
        "student": student,
    }))
}
