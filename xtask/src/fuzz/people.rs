//! Whom and what requests can be about.

use e2e::{Result, people, stack::Stack};
use jiff::{SignedDuration, Timestamp, Unit};
use olm_proto::lesson::v1::{Lesson, SetAdminRequest, TeacherPolicies};
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, SystemClock};
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
    let first = (SystemClock.now() + SignedDuration::from_hours(72)).round(Unit::Hour)?;
    let lessons = book(stack, &teachers, &students, first).await?;
    Ok(json!({
        "admin": admin,
        "teachers": teachers,
        // Whose hours and policies change all the time; the others can be booked.
        "restless": restless,
        "students": students,
        "spare": spare,
        "lessons": lessons,
        "first_start": first.to_string(),
    })
    .to_string())
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
