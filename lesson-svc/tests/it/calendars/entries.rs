//! Lessons as entries of somebody's calendar.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{CalendarEntryState, TeacherPolicies, UpdateLessonRequest},
};
use service_kit::grpc::client::acting;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use super::{entry, feed, read};
use crate::{
    steps::{cancel, get, hold, shift},
    support::{World, at, reason, wire},
};

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_keeps_its_entry_while_it_moves_and_when_it_is_off(pool: PgPool) {
    let world = World::start(pool).await;
    let (teacher, student) = (world.teacher(1, "Anna").await, world.student(2).await);
    let lesson = world.book(student, teacher, "2026-06-01T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let booked = entry(&world, student, &lesson.id).await.unwrap();
    assert_eq!((&booked.lesson_id, booked.sequence), (&lesson.id, 0));
    assert_eq!(booked.state(), CalendarEntryState::Confirmed);
    assert_eq!(booked.start_time, Some(wire("2026-06-01T12:00:00Z")));
    assert_eq!(booked.end_time, Some(wire("2026-06-01T13:00:00Z")));
    assert_eq!((&*booked.counterpart_name, booked.teaches), ("Anna", false));
    let of_teacher = entry(&world, teacher, &lesson.id).await.unwrap();
    assert_eq!(
        (&*of_teacher.counterpart_name, of_teacher.teaches),
        ("Student", true)
    );
    world.clock.set(at("2026-06-01T01:00:00Z"));
    let moved = shift(&world, teacher, &lesson, "2026-06-01T14:00:00Z").await;
    let moved = moved.unwrap();
    let told = entry(&world, student, &lesson.id).await.unwrap();
    assert_eq!(told.start_time, Some(wire("2026-06-01T14:00:00Z")));
    assert_eq!(told.update_time, Some(wire("2026-06-01T01:00:00Z")));
    assert!(told.sequence > booked.sequence);
    cancel(&world, teacher, &moved.id, moved.version, "")
        .await
        .unwrap();
    for (person, before) in [(student, told.sequence), (teacher, of_teacher.sequence)] {
        let off = entry(&world, person, &lesson.id).await.unwrap();
        assert_eq!(off.state(), CalendarEntryState::Canceled);
        assert!(off.sequence > before);
    }
    let stranger = world.student(3).await;
    let refused = entry(&world, stranger, &lesson.id).await;
    assert_eq!(reason(refused), ErrorReason::LessonNotFound);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_feed_has_what_is_ahead_and_what_was_in_the_last_ninety_days(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let (teacher, student) = (world.teacher(1, "Anna").await, world.student(2).await);
    let mut lessons = Vec::new();
    for start in [
        "2026-06-01T12:00:00Z",
        "2026-06-02T12:00:00Z",
        "2026-06-03T12:00:00Z",
    ] {
        lessons.push(world.book(student, teacher, start).await.unwrap());
    }
    let second = &lessons[1];
    cancel(&world, student, &second.id, second.version, "")
        .await
        .unwrap();
    // Held and let go: it never was a lesson.
    let held = hold(&world, student, teacher, "2026-06-04T12:00:00Z").await;
    cancel(&world, student, &held.id, held.version, "")
        .await
        .unwrap();
    hold(&world, student, teacher, "2026-06-05T12:00:00Z").await;
    let (_, token) = feed(&world, student).await.unwrap();
    let ids = async || -> Vec<String> {
        let entries = read(&world, &token).await.unwrap().entries;
        entries.into_iter().map(|entry| entry.lesson_id).collect()
    };
    let [first, second, third] = [0, 1, 2].map(|index: usize| lessons[index].id.clone());
    let all = [first, second.clone(), third.clone()];
    assert_eq!(ids().await, all, "by start");
    let (_, of_teacher) = feed(&world, teacher).await.unwrap();
    let entries = read(&world, &of_teacher).await.unwrap().entries;
    assert_eq!(entries.len(), 3);
    // Ninety days after the first ended, to the second.
    world.clock.set(at("2026-08-30T12:59:59Z"));
    assert_eq!(ids().await, all);
    world.clock.set(at("2026-08-30T13:00:00Z"));
    assert_eq!(ids().await, [second, third]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_request_is_tentative_until_it_is_decided_or_runs_out(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        requires_approval: true,
        min_notice: Some(crate::support::seconds(0)),
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-02T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let asked = entry(&world, student, &lesson.id).await.unwrap();
    assert_eq!(asked.state(), CalendarEntryState::Tentative);
    world.clock.set(at("2026-06-01T12:00:00Z"));
    let run_out = entry(&world, student, &lesson.id).await.unwrap();
    assert_eq!(run_out.state(), CalendarEntryState::Canceled);
    world.stop().await;
}

/// A group's lesson with one seat for each, past the service.
async fn group_lesson(pool: &PgPool, teacher: Uuid, students: [Uuid; 2]) -> Uuid {
    let (group, lesson) = (Uuid::new_v4(), Uuid::new_v4());
    let statement = format!(
        "INSERT INTO lesson.groups (id, teacher_id, title, capacity, create_time)
         VALUES ('{group}', '{teacher}', 'Spanish', 5, '2026-06-01');
         INSERT INTO lesson.lessons (id, teacher_id, group_id, capacity, during, blocked, status,
             create_time)
         SELECT '{lesson}', '{teacher}', '{group}', 5, during, during, 'scheduled', '2026-06-01'
         FROM (VALUES (tstzrange('2026-06-02 12:00Z', '2026-06-02 13:00Z'))) AS t (during);
         INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time)
         SELECT gen_random_uuid(), l.id, student, l.during, 'confirmed', '2026-06-01'
         FROM lesson.lessons l, unnest('{{{},{}}}'::uuid[]) student WHERE l.id = '{lesson}'",
        students[0], students[1]
    );
    let made = sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool).await;
    made.unwrap();
    lesson
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_group_is_named_and_ones_own_seat_decides(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let teacher = world.teacher(1, "Anna").await;
    let (stays, leaves) = (world.student(2).await, world.student(3).await);
    let lesson = group_lesson(&pool, teacher, [stays, leaves]).await;
    let id = lesson.to_string();
    let before = entry(&world, stays, &id).await.unwrap();
    sqlx::query(
        "UPDATE lesson.bookings SET status = 'late_canceled', version = version + 1
         WHERE lesson_id = $1 AND student_id = $2",
    )
    .bind(lesson)
    .bind(leaves)
    .execute(&pool)
    .await
    .unwrap();
    let after = entry(&world, stays, &id).await.unwrap();
    assert_eq!(after, before, "somebody else's seat changes nothing");
    assert_eq!(
        (&*after.group_title, &*after.counterpart_name),
        ("Spanish", "Anna")
    );
    let left = entry(&world, leaves, &id).await.unwrap();
    assert_eq!(left.state(), CalendarEntryState::Canceled);
    assert!(left.sequence > before.sequence);
    let of_teacher = entry(&world, teacher, &id).await.unwrap();
    assert_eq!(
        (of_teacher.state(), of_teacher.sequence),
        (CalendarEntryState::Confirmed, 0)
    );
    assert_eq!(
        (&*of_teacher.group_title, &*of_teacher.counterpart_name),
        ("Spanish", "")
    );
    sqlx::query(
        "UPDATE lesson.bookings SET status = 'reconfirm', reconfirm_expire_time = '2026-06-02'
         WHERE lesson_id = $1 AND student_id = $2",
    )
    .bind(lesson)
    .bind(stays)
    .execute(&pool)
    .await
    .unwrap();
    let asked = entry(&world, stays, &id).await.unwrap();
    assert_eq!(asked.state(), CalendarEntryState::Tentative);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn the_meeting_link_is_in_the_entry_and_notes_are_not(pool: PgPool) {
    let world = World::start(pool).await;
    let (teacher, student) = (world.teacher(1, "Anna").await, world.student(2).await);
    let lesson = world.book(student, teacher, "2026-06-01T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let request = UpdateLessonRequest {
        lesson_id: lesson.id.clone(),
        expected_version: lesson.version,
        notes: Some("a secret".to_owned()),
        meeting_url: Some("https://meet.example/anna".to_owned()),
    };
    let updated = world
        .lessons()
        .update_lesson(acting(request, teacher))
        .await;
    updated.unwrap();
    let told = entry(&world, student, &lesson.id).await.unwrap();
    assert_eq!(told.meeting_url, "https://meet.example/anna");
    assert!(!format!("{told:?}").contains("a secret"));
    assert!(told.sequence > 0);
    let read = get(&world, student, &lesson).await.unwrap();
    assert_eq!(read.notes, "a secret");
    world.stop().await;
}
