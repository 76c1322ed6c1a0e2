//! Where a moved lesson may go.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{Lesson, ListSlotsRequest, ListSlotsResponse, TeacherPolicies},
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::{Request, Status};
use uuid::Uuid;

use crate::{
    steps::{get, shift, snapshot},
    support::{World, at, metadata, reason, seconds, wire},
};

/// 600 s before each lesson, 900 s after it.
fn buffered() -> TeacherPolicies {
    TeacherPolicies {
        buffer_before: Some(seconds(600)),
        buffer_after: Some(seconds(900)),
        ..TeacherPolicies::default()
    }
}

async fn blocked(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT to_char(lower(blocked) AT TIME ZONE 'UTC', 'DD HH24:MI') || ' - '
             || to_char(upper(blocked) AT TIME ZONE 'UTC', 'HH24:MI')
         FROM lesson.lessons ORDER BY blocked",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_student_moves_a_lesson_only_onto_what_is_offered(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher_with(1, "Anna", TeacherPolicies::default());
    let (teacher, student) = (teacher.await, world.student(2).await);
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let lesson = lesson.unwrap();
    world.clock.set(at("2026-06-01T10:00:00Z"));
    let rows = world.outbox_rows().await;
    for (start, expected) in [
        ("2026-06-03T10:15:00Z", ErrorReason::OffGrid),
        ("2026-06-03T17:30:00Z", ErrorReason::OutsideAvailability),
        ("2026-06-01T11:30:00Z", ErrorReason::TooSoon),
        ("2026-05-31T11:30:00Z", ErrorReason::TooSoon),
        ("2026-08-03T12:00:00Z", ErrorReason::TooFar),
    ] {
        let refused = shift(&world, student, &lesson, start).await;
        assert_eq!(reason(refused), expected, "{start}");
    }
    assert_eq!(get(&world, student, &lesson).await.unwrap(), lesson);
    assert_eq!(world.outbox_rows().await, rows);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn teachers_and_admins_move_beyond_policies_but_not_over_lessons_or_into_the_past(
    pool: PgPool,
) {
    let world = World::start(pool).await;
    let teacher = world.teacher_with(1, "Anna", buffered()).await;
    let admin = world.admin(9).await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    world
        .book(other, teacher, "2026-06-03T15:00:00Z")
        .await
        .unwrap();
    world.clock.set(at("2026-06-03T11:00:00Z"));
    let mut lesson = lesson.unwrap();
    // Off grid, outside the hours, inside the notice, beyond the horizon.
    for start in [
        "2026-06-03T13:07:00Z",
        "2026-06-03T21:00:00Z",
        "2026-06-03T11:00:01Z",
        "2027-06-03T12:00:00Z",
    ] {
        for by in [teacher, admin] {
            let start_time = at(start) + jiff::SignedDuration::from_secs(i64::from(by == admin));
            let moved = shift(&world, by, &lesson, &start_time.to_string()).await;
            lesson = moved.unwrap();
            assert_eq!(lesson.start_time, Some(olm_proto::timestamp(start_time)));
        }
    }
    let told = snapshot(&world, &lesson, lesson.version).await;
    assert_eq!(told.changed_by(), olm_proto::notify::v1::LessonRole::Admin);
    for (start, expected) in [
        ("2026-06-03T14:00:00Z", ErrorReason::SlotTaken),
        ("2026-06-03T15:30:00Z", ErrorReason::SlotTaken),
        ("2026-06-03T11:00:00Z", ErrorReason::TooSoon),
        ("2026-06-02T12:00:00Z", ErrorReason::TooSoon),
    ] {
        for by in [teacher, admin] {
            let refused = shift(&world, by, &lesson, start).await;
            assert_eq!(reason(refused), expected, "{start}");
        }
    }
    // Right at the other's buffer, and without buffers of its own.
    let close = shift(&world, teacher, &lesson, "2026-06-03T13:50:00Z").await;
    close.unwrap();
    assert_eq!(
        blocked(&world).await,
        ["03 13:50 - 14:50", "03 14:50 - 16:15"]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_does_not_stand_in_its_own_way(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher_with(1, "Anna", buffered()).await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let later = shift(&world, student, &lesson, "2026-06-03T12:30:00Z").await;
    assert_eq!(blocked(&world).await, ["03 12:20 - 13:45"]);
    let sooner = shift(&world, teacher, &later.unwrap(), "2026-06-03T12:29:00Z").await;
    assert_eq!(
        sooner.unwrap().start_time,
        Some(wire("2026-06-03T12:29:00Z"))
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_taken_slot_is_refused_with_the_nearest_others_and_a_busy_student_too(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher_with(1, "Anna", buffered()).await;
    let boris = world.teacher(4, "Boris").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let lesson = world.book(student, teacher, "2026-06-04T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let (free, busy) = ("2026-06-03T12:00:00Z", "2026-06-05T10:00:00Z");
    world.book(other, teacher, free).await.unwrap();
    world.book(student, boris, busy).await.unwrap();
    // The other lesson with its buffers is 11:50 to 13:15, and the moved one has its own.
    let taken = shift(&world, student, &lesson, "2026-06-03T13:00:00Z").await;
    assert_eq!(
        metadata(taken.as_ref().unwrap_err(), "alternatives"),
        "2026-06-03T13:30:00Z,2026-06-03T14:00:00Z,2026-06-03T14:30:00Z"
    );
    assert_eq!(reason(taken), ErrorReason::SlotTaken);
    for by in [student, teacher] {
        let refused = shift(&world, by, &lesson, "2026-06-05T10:30:00Z").await;
        assert_eq!(reason(refused), ErrorReason::StudentBusy);
    }
    assert_eq!(get(&world, student, &lesson).await.unwrap(), lesson);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_is_moved_within_a_full_day_but_not_onto_one(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        daily_lesson_limit: 1,
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    world
        .book(student, teacher, "2026-06-04T12:00:00Z")
        .await
        .unwrap();
    let moved = shift(&world, student, &lesson.unwrap(), "2026-06-03T16:00:00Z").await;
    let moved = moved.unwrap();
    let onto_full = shift(&world, student, &moved, "2026-06-04T16:00:00Z").await;
    assert_eq!(reason(onto_full), ErrorReason::DailyLimitReached);
    let by_teacher = shift(&world, teacher, &moved, "2026-06-04T16:00:00Z").await;
    assert_eq!(by_teacher.unwrap().version, 3);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_keeps_its_length_when_the_teacher_offers_it_no_longer(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    sqlx::query("UPDATE lesson.teachers SET lesson_durations_s = '{1800}'")
        .execute(&world.pool)
        .await
        .unwrap();
    let moved = shift(&world, student, &lesson.unwrap(), "2026-06-03T14:00:00Z").await;
    let moved = moved.unwrap();
    assert_eq!(moved.end_time, Some(wire("2026-06-03T15:00:00Z")));
    world
        .book(other, teacher, "2026-06-04T12:00:00Z")
        .await
        .unwrap();
    let taken = shift(&world, student, &moved, "2026-06-04T11:30:00Z").await;
    assert_eq!(
        metadata(taken.as_ref().unwrap_err(), "alternatives"),
        "2026-06-04T10:30:00Z,2026-06-04T11:00:00Z,2026-06-04T12:30:00Z",
        "where all of its length is free"
    );
    assert_eq!(reason(taken), ErrorReason::SlotTaken);
    world.stop().await;
}

/// To what times of its day, from 11:00 to 14:00, a lesson can be moved; in the zone UTC.
async fn elsewhere(
    world: &World,
    viewer: Option<Uuid>,
    teacher: Uuid,
    lesson: &Lesson,
) -> Result<ListSlotsResponse, Status> {
    let message = ListSlotsRequest {
        teacher_id: teacher.to_string(),
        start_time: Some(wire("2026-06-03T11:00:00Z")),
        end_time: Some(wire("2026-06-03T14:00:00Z")),
        time_zone: "UTC".to_owned(),
        except_lesson_id: lesson.id.clone(),
        ..ListSlotsRequest::default()
    };
    let request = match viewer {
        Some(viewer) => acting(message, viewer),
        None => Request::new(message),
    };
    Ok(world.availability().list_slots(request).await?.into_inner())
}

fn clocks(listed: &ListSlotsResponse) -> Vec<&str> {
    let slots = listed.slots.iter();
    slots.map(|slot| &slot.local_start_time[11..16]).collect()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_is_offered_times_that_overlap_its_own_and_moves_to_them(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        daily_lesson_limit: 1,
        ..buffered()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let day = ("2026-06-03T00:00:00Z", "2026-06-04T00:00:00Z");
    let taken = world.slots(teacher, Some(student), day.0, day.1).await;
    assert!(taken.is_empty(), "the day is full: {taken:?}");
    let all = ["11:00", "11:30", "12:00", "12:30", "13:00", "13:30"];
    for viewer in [student, teacher] {
        let listed = elsewhere(&world, Some(viewer), teacher, &lesson).await;
        assert_eq!(clocks(&listed.unwrap()), all);
    }
    // Half of it is still its own time.
    let moved = shift(&world, student, &lesson, "2026-06-03T12:30:00Z").await;
    let moved = moved.unwrap();
    assert_eq!(moved.start_time, Some(wire("2026-06-03T12:30:00Z")));
    let moved = shift(&world, teacher, &moved, "2026-06-03T11:45:00Z").await;
    assert_eq!(moved.unwrap().version, 3);
    assert_eq!(blocked(&world).await, ["03 11:45 - 12:45"]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_a_moved_lesson_is_offered_fits_its_student_and_its_length(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let other_teacher = world.teacher(3, "Clara").await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let elsewhere_taught = world.book(student, other_teacher, "2026-06-03T13:00:00Z");
    elsewhere_taught.await.unwrap();
    // Nobody is offered an hour any more.
    sqlx::query("UPDATE lesson.teachers SET lesson_durations_s = '{1800}' WHERE user_id = $1")
        .bind(teacher)
        .execute(&world.pool)
        .await
        .unwrap();
    for viewer in [student, teacher] {
        let listed = elsewhere(&world, Some(viewer), teacher, &lesson).await;
        let listed = listed.unwrap();
        assert_eq!(clocks(&listed), ["11:00", "11:30", "12:00"]);
        assert_eq!(listed.slots[0].end_time, Some(wire("2026-06-03T12:00:00Z")));
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn only_who_sees_a_lesson_learns_what_is_free_without_it(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let other_teacher = world.teacher(3, "Clara").await;
    let (student, stranger) = (world.student(2).await, world.student(4).await);
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let lesson = lesson.unwrap();
    for (viewer, teacher) in [
        (Some(stranger), teacher),
        (Some(other_teacher), teacher),
        (None, teacher),
        (Some(student), other_teacher),
    ] {
        let refused = elsewhere(&world, viewer, teacher, &lesson).await;
        assert_eq!(reason(refused), ErrorReason::LessonNotFound, "{viewer:?}");
    }
    world.stop().await;
}
