//! What people read of series and groups: each thing once, over both databases and
//! Telegram.

use e2e::{
    Result,
    program::Program,
    story::{Member, PATIENCE, Story, sign},
    system::System,
};
use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
use olm_proto::lesson::v1::{
    AddGroupMemberRequest, BookLessonRequest, CancelSeriesRequest, ConflictMode,
    CreateGroupRequest, CreateSeriesRequest, Lesson, RemoveGroupMemberRequest,
    RescheduleLessonRequest, Series, SeriesChange, SeriesPattern, UpdateSeriesRequest,
    WantedSeries,
    group_service_client::GroupServiceClient,
    series_service_client::SeriesServiceClient,
    wanted_series::{End, People},
};
use service_kit::{
    clock::{Clock as _, SystemClock},
    grpc::client::{Backend, acting},
};
use telegram_sim::client::Button;
use uuid::Uuid;

fn series_of(system: &System) -> Result<SeriesServiceClient<Backend>> {
    Ok(SeriesServiceClient::new(
        system.stack.operator(Program::LessonSvc)?,
    ))
}

fn groups_of(system: &System) -> Result<GroupServiceClient<Backend>> {
    Ok(GroupServiceClient::new(
        system.stack.operator(Program::LessonSvc)?,
    ))
}

/// Noon in Berlin, so many days from now.
fn noon(days: i64) -> Result<Timestamp> {
    let berlin = TimeZone::get("Europe/Berlin")?;
    let day = SystemClock.now().to_zoned(berlin.clone()).date() + days.days();
    Ok(day.at(12, 0, 0, 0).to_zoned(berlin)?.timestamp())
}

/// A teacher's student: they had a lesson booked.
async fn studies(story: &Story, student: &Member, teacher: &Member, days: i64) -> Result<()> {
    let booked = story.book(student, teacher, noon(days)?).await?;
    for person in [student, teacher] {
        story.notice(person, sign::BOOKED, 0).await?;
    }
    let since = story.last_entry().await?;
    story.cancel(student, &booked).await?;
    for person in [student, teacher] {
        story.notice(person, sign::CANCELED, since).await?;
    }
    Ok(())
}

/// Six weeks at noon in Berlin, the first in three days.
async fn create(
    system: &System,
    teacher: &Member,
    people: People,
) -> Result<(Series, Vec<String>)> {
    let berlin = TimeZone::get("Europe/Berlin")?;
    let request = CreateSeriesRequest {
        request_id: Uuid::new_v4().to_string(),
        series: Some(WantedSeries {
            people: Some(people),
            pattern: Some(SeriesPattern {
                time_zone: "Europe/Berlin".to_owned(),
                first_date: noon(3)?.to_zoned(berlin).date().to_string(),
                start_time_of_day: "12:00".to_owned(),
                ..SeriesPattern::default()
            }),
            end: Some(End::Count(6)),
            ..WantedSeries::default()
        }),
        conflict_mode: ConflictMode::Strict.into(),
    };
    let request = acting(request, teacher.id()?);
    let created = series_of(system)?
        .create_series(request)
        .await?
        .into_inner();
    Ok((created.series.ok_or("no series")?, created.lesson_ids))
}

async fn add(system: &System, teacher: &Member, group: &str, student: &Member) -> Result<()> {
    let request = AddGroupMemberRequest {
        group_id: group.to_owned(),
        student_id: student.user.id.clone(),
    };
    let request = acting(request, teacher.id()?);
    groups_of(system)?.add_group_member(request).await?;
    Ok(())
}

async fn remove(system: &System, by: &Member, group: &str, student: &Member) -> Result<()> {
    let request = RemoveGroupMemberRequest {
        group_id: group.to_owned(),
        student_id: student.user.id.clone(),
    };
    let request = acting(request, by.id()?);
    groups_of(system)?.remove_group_member(request).await?;
    Ok(())
}

async fn new_group(system: &System, teacher: &Member) -> Result<String> {
    let request = CreateGroupRequest {
        request_id: Uuid::new_v4().to_string(),
        title: "Beginners".to_owned(),
        capacity: 5,
    };
    let request = acting(request, teacher.id()?);
    let created = groups_of(system)?.create_group(request).await?;
    Ok(created.into_inner().group.ok_or("no group")?.id)
}

async fn reschedule(
    system: &System,
    teacher: &Member,
    (lesson, version): (&str, i64),
    to: Timestamp,
) -> Result<Lesson> {
    let request = RescheduleLessonRequest {
        lesson_id: lesson.to_owned(),
        expected_version: version,
        start_time: Some(olm_proto::timestamp(to)),
    };
    let request = acting(request, teacher.id()?);
    let moved = system.stack.lessons()?.reschedule_lesson(request).await?;
    Ok(moved.into_inner().lesson.ok_or("no lesson")?)
}

/// How often each of these signs is on a member's messages.
async fn counts(story: &Story, member: &Member) -> Result<[usize; 4]> {
    Ok([
        story.count(member, sign::SERIES).await?,
        story.count(member, sign::BOOKED).await?,
        story.count(member, sign::MOVED).await?,
        story.count(member, sign::CANCELED).await?,
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_series_and_each_change_of_it_is_one_message_to_each_side() -> Result<()> {
    let system = System::start(None).await?;
    let (stack, story) = (&system.stack, &system.story);
    let teacher = story.join(stack, "Anna", "en").await?;
    story.teach(stack, &teacher).await?;
    let student = story.join(stack, "Борис", "ru").await?;
    studies(story, &student, &teacher, 2).await?;

    let people = People::StudentId(student.user.id.clone());
    let (series, lessons) = create(&system, &teacher, people).await?;
    assert_eq!(lessons.len(), 6);
    let told = story.notice(&student, sign::SERIES, 0).await?;
    let text = told.text.unwrap_or_default();
    assert!(
        text.contains("Каждую неделю") && text.contains("6 уроков"),
        "{text}"
    );
    story.notice(&teacher, sign::SERIES, 0).await?;

    // One lesson by itself.
    let at = noon(3)? + SignedDuration::from_hours(2);
    reschedule(&system, &teacher, (&lessons[0], 1), at).await?;
    for person in [&teacher, &student] {
        story.notice(person, sign::MOVED, 0).await?;
    }
    // All of them: the one that was moved keeps its own time.
    let since = story.last_entry().await?;
    let request = UpdateSeriesRequest {
        series_id: series.id.clone(),
        expected_version: series.version,
        change: Some(SeriesChange {
            start_time_of_day: Some("18:00".to_owned()),
            ..SeriesChange::default()
        }),
        conflict_mode: ConflictMode::Strict.into(),
    };
    let request = acting(request, teacher.id()?);
    let updated = series_of(&system)?
        .update_series(request)
        .await?
        .into_inner();
    assert_eq!(updated.kept_lesson_ids, [lessons[0].clone()]);
    for person in [&teacher, &student] {
        story.notice(person, sign::MOVED, since).await?;
    }

    let since = story.last_entry().await?;
    let request = CancelSeriesRequest {
        series_id: series.id.clone(),
        expected_version: updated.series.ok_or("no series")?.version,
        reason: "ill".to_owned(),
        ..CancelSeriesRequest::default()
    };
    let request = acting(request, teacher.id()?);
    let off = series_of(&system)?
        .cancel_series(request)
        .await?
        .into_inner();
    assert_eq!(off.canceled_lessons, 6);
    for person in [&teacher, &student] {
        story.notice(person, sign::CANCELED, since).await?;
    }
    // With the first, single lesson: its booking and its cancellation.
    for person in [&teacher, &student] {
        assert_eq!(counts(story, person).await?, [1, 1, 2, 2]);
    }
    system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_a_group_hears_of_its_series_and_the_others_of_nothing() -> Result<()> {
    let system = System::start(None).await?;
    let (stack, story) = (&system.stack, &system.story);
    let teacher = story.join(stack, "Anna", "en").await?;
    story.teach(stack, &teacher).await?;
    let first = story.join(stack, "Boris", "en").await?;
    let second = story.join(stack, "Clara", "en").await?;
    studies(story, &first, &teacher, 2).await?;
    studies(story, &second, &teacher, 1).await?;
    let group = new_group(&system, &teacher).await?;
    add(&system, &teacher, &group, &first).await?;
    create(&system, &teacher, People::GroupId(group.clone())).await?;
    let told = story.notice(&first, sign::SERIES, 0).await?;
    assert!(told.text.unwrap_or_default().contains("Group: Beginners"));
    story.notice(&teacher, sign::SERIES, 0).await?;
    let before = [counts(story, &teacher).await?, counts(story, &first).await?];

    add(&system, &teacher, &group, &second).await?;
    story.notice(&second, sign::SERIES, 0).await?;
    assert_eq!(counts(story, &second).await?, [1, 1, 0, 1]);
    let after = [counts(story, &teacher).await?, counts(story, &first).await?];
    assert_eq!(before, after);

    // Taken out, one is told; gone by themselves, the teacher is.
    let since = story.last_entry().await?;
    remove(&system, &teacher, &group, &second).await?;
    story.notice(&second, sign::CANCELED, since).await?;
    remove(&system, &first, &group, &first).await?;
    let left = story.notice(&teacher, sign::LEFT, 0).await?;
    assert!(
        left.text
            .unwrap_or_default()
            .contains("Boris left the group")
    );
    assert_eq!(counts(story, &first).await?, before[1]);
    system.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_student_whose_lessons_clash_is_asked_and_answers_in_telegram() -> Result<()> {
    let system = System::start(None).await?;
    let (stack, story) = (&system.stack, &system.story);
    let teacher = story.join(stack, "Anna", "en").await?;
    let other = story.join(stack, "Otto", "en").await?;
    story.teach(stack, &teacher).await?;
    story.teach(stack, &other).await?;
    let student = story.join(stack, "Boris", "en").await?;
    studies(story, &student, &teacher, 2).await?;
    let group = new_group(&system, &teacher).await?;
    add(&system, &teacher, &group, &student).await?;
    let request = BookLessonRequest {
        request_id: Uuid::new_v4().to_string(),
        teacher_id: teacher.user.id.clone(),
        group_id: group,
        start_time: Some(olm_proto::timestamp(noon(4)?)),
        ..BookLessonRequest::default()
    };
    let booked = stack
        .lessons()?
        .book_lesson(acting(request, teacher.id()?))
        .await?;
    let lesson = booked.into_inner().lesson.ok_or("no lesson")?;
    story.book(&student, &other, noon(5)?).await?;

    reschedule(&system, &teacher, (&lesson.id, lesson.version), noon(5)?).await?;
    let asked = story.notice(&student, sign::QUESTION, 0).await?;
    assert!(asked.text.unwrap_or_default().contains("Group: Beginners"));
    assert_eq!(story.count(&student, sign::MOVED).await?, 0);
    story.notice(&teacher, sign::MOVED, 0).await?;
    for (label, answer) in [
        ("✅ I will come", "You still have another lesson"),
        ("🚪 Give up the seat", "Give up your seat in this lesson?"),
        ("🚪 Give up the seat", "You gave up your seat"),
    ] {
        let pressed = story
            .sim
            .press(&student.person, Button::text(label))
            .await?;
        story.sim.callback_answer(&pressed, PATIENCE).await?;
        let shown = |message: &telegram_sim::api::MessageView| message.text.contains(answer);
        story.sim.message(&student.person, PATIENCE, shown).await?;
    }
    let left = story.notice(&teacher, sign::LEFT, 0).await?;
    assert!(
        left.text
            .unwrap_or_default()
            .contains("Boris gave up their seat")
    );
    system.stop().await
}
