//! Notes and meeting links.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{Lesson, LessonChangeKind, UpdateLessonRequest},
    notify::v1::LessonRole,
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    steps::{cancel, get, history, hold, snapshot},
    support::{World, at, fields, metadata, reason},
};

const LINK: &str = "https://meet.example/anna";

async fn update(
    world: &World,
    by: Uuid,
    lesson: &Lesson,
    notes: Option<&str>,
    meeting_url: Option<&str>,
) -> Result<Lesson, Status> {
    let request = UpdateLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: lesson.version,
        notes: notes.map(str::to_owned),
        meeting_url: meeting_url.map(str::to_owned),
    };
    let answer = world.lessons().update_lesson(acting(request, by)).await?;
    Ok(answer.into_inner().lesson.unwrap())
}

/// A teacher, a student, and their lesson at noon of the first day.
async fn booked(pool: PgPool) -> (World, Uuid, Uuid, Lesson) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-01T12:00:00Z").await;
    (world, teacher, student, lesson.unwrap())
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn notes_concern_nobodys_schedule(pool: PgPool) {
    let (world, teacher, student, lesson) = booked(pool).await;
    let rows = world.outbox_rows().await;
    let noted = update(&world, teacher, &lesson, Some("p. 7"), None).await;
    let noted = noted.unwrap();
    assert_eq!((noted.version, noted.schedule_version), (2, 1));
    assert_eq!(
        (noted.notes.as_str(), noted.meeting_url.as_str()),
        ("p. 7", "")
    );
    assert_eq!(noted.bookings, lesson.bookings);
    assert_eq!(world.outbox_rows().await, rows + 1);
    assert_eq!(
        snapshot(&world, &lesson, 2).await.schedule_version,
        1,
        "the version for buttons, and no news"
    );
    assert_eq!(get(&world, student, &lesson).await.unwrap(), noted);
    let line = history(&world, student, &lesson).await.pop().unwrap();
    assert_eq!((line.version, line.kind()), (2, LessonChangeKind::Updated));
    let cleared = update(&world, teacher, &noted, Some(""), None).await;
    assert_eq!(cleared.unwrap().notes, "");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_meeting_link_is_a_place_of_which_people_are_told(pool: PgPool) {
    let (world, teacher, _, lesson) = booked(pool).await;
    let linked = update(&world, teacher, &lesson, Some("p. 7"), Some(LINK)).await;
    let linked = linked.unwrap();
    assert_eq!((linked.version, linked.schedule_version), (2, 2));
    assert_eq!(
        (linked.notes.as_str(), linked.meeting_url.as_str()),
        ("p. 7", LINK)
    );
    let told = snapshot(&world, &lesson, 2).await;
    assert_eq!(
        (told.meeting_url.as_str(), told.schedule_version),
        (LINK, 2)
    );
    assert_eq!(told.changed_by(), LessonRole::Teacher);
    let admin = world.admin(9).await;
    let removed = update(&world, admin, &linked, None, Some(""))
        .await
        .unwrap();
    assert_eq!(
        (removed.notes.as_str(), removed.meeting_url.as_str()),
        ("p. 7", "")
    );
    assert_eq!(
        snapshot(&world, &lesson, 3).await.changed_by(),
        LessonRole::Admin
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn an_update_that_changes_nothing_makes_no_version(pool: PgPool) {
    let (world, teacher, _, lesson) = booked(pool).await;
    let linked = update(&world, teacher, &lesson, Some("p. 7"), Some(LINK)).await;
    let linked = linked.unwrap();
    let rows = world.outbox_rows().await;
    for (read, notes, link) in [
        (&linked, None, None),
        (&linked, Some("p. 7"), None),
        (&linked, Some("p. 7"), Some(LINK)),
        (&linked, None, Some("https://MEET.example/anna")),
        // The first request again.
        (&lesson, Some("p. 7"), Some(LINK)),
    ] {
        let same = update(&world, teacher, read, notes, link).await;
        assert_eq!(same.unwrap(), linked, "{notes:?} {link:?}");
    }
    assert_eq!(world.outbox_rows().await, rows);
    assert_eq!(history(&world, teacher, &lesson).await.len(), 2);
    let other = update(&world, teacher, &lesson, Some("p. 8"), None).await;
    assert_eq!(
        metadata(other.as_ref().unwrap_err(), "current_version"),
        "2"
    );
    assert_eq!(reason(other), ErrorReason::VersionStale);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn students_and_strangers_write_no_notes(pool: PgPool) {
    let (world, _, student, lesson) = booked(pool).await;
    let stranger = world.student(3).await;
    let by_student = update(&world, student, &lesson, Some("p. 7"), None).await;
    assert_eq!(reason(by_student), ErrorReason::TeacherOnly);
    let by_stranger = update(&world, stranger, &lesson, Some("p. 7"), None).await;
    assert_eq!(reason(by_stranger), ErrorReason::LessonNotFound);
    assert_eq!(get(&world, student, &lesson).await.unwrap(), lesson);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn notes_are_written_also_after_the_lesson_but_not_of_one_that_is_off_or_held(pool: PgPool) {
    let (world, teacher, student, lesson) = booked(pool).await;
    let kept = hold(&world, student, teacher, "2026-06-03T09:00:00Z").await;
    let refused = update(&world, teacher, &kept, Some("p. 7"), None).await;
    assert_eq!(reason(refused), ErrorReason::LessonStatusUnsuitable);
    let off = world.book(student, teacher, "2026-06-04T12:00:00Z").await;
    let off = cancel(&world, teacher, &off.unwrap().id, 1, "").await;
    let refused = update(&world, teacher, &off.unwrap(), Some("p. 7"), None).await;
    assert_eq!(reason(refused), ErrorReason::LessonCanceled);
    world.clock.set(at("2026-06-02T12:00:00Z"));
    let noted = update(&world, teacher, &lesson, Some("done"), None).await;
    assert_eq!(noted.unwrap().notes, "done");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn only_https_links_without_users_are_taken(pool: PgPool) {
    let (world, teacher, _, lesson) = booked(pool).await;
    let longest = format!("https://meet.example/{}", "a".repeat(479));
    let taken = update(&world, teacher, &lesson, None, Some(&longest)).await;
    let taken = taken.unwrap();
    assert_eq!(taken.meeting_url, longest);
    for wrong in [
        "http://meet.example/a",
        "javascript:alert(1)",
        "meet.example/a",
        "https://",
        "https://anna@meet.example/a",
        "https://:secret@meet.example/a",
        "https://meet.example/\0",
        "https://meet.example/a\r\nb",
        "https://meet.example/\u{7}",
        &format!("{longest}a"),
        // Longer than allowed once it is spelled as the standard wants it.
        &format!("https://meet.example/{}", "я".repeat(100)),
    ] {
        let refused = update(&world, teacher, &taken, None, Some(wrong)).await;
        assert_eq!(fields(refused), ["meeting_url"], "{wrong}");
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_an_update_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let nothing = Lesson {
        id: "7".to_owned(),
        ..Lesson::default()
    };
    for notes in ["я".repeat(2_001), "a\0b".to_owned()] {
        let wrong = update(&world, teacher, &nothing, Some(&notes), Some("ftp://x")).await;
        assert_eq!(
            fields(wrong),
            ["expected_version", "lesson_id", "meeting_url", "notes"]
        );
    }
    world.stop().await;
}
