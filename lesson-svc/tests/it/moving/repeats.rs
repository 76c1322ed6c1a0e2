//! Moves that are asked for again, and moves at once.

use olm_proto::{common::v1::ErrorReason, lesson::v1::Lesson};
use sqlx::PgPool;
use tonic::Status;

use crate::{
    steps::{cancel, get, shift},
    support::{World, at, metadata, reason, wire},
};

/// The one that was served; the other's refusal.
fn one_of(one: Result<Lesson, Status>, two: Result<Lesson, Status>) -> (Lesson, ErrorReason) {
    match (one, two) {
        (Ok(won), lost) | (lost, Ok(won)) => (won, reason(lost)),
        (Err(one), Err(two)) => panic!("nobody was served: {one:?}, {two:?}"),
    }
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_repeated_move_is_answered_with_what_the_lesson_is(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let to = "2026-06-04T12:00:00Z";
    let first = shift(&world, student, &lesson, to).await.unwrap();
    let rows = world.outbox_rows().await;
    // It would be too late by now, and its place is its own.
    world.clock.set(at("2026-06-04T11:59:00Z"));
    assert_eq!(shift(&world, student, &lesson, to).await.unwrap(), first);
    let others = shift(&world, teacher, &first, "2026-06-05T12:00:00Z").await;
    let others = others.unwrap();
    assert_eq!(
        shift(&world, student, &lesson, to).await.unwrap(),
        others,
        "done as it was asked, then changed by somebody else"
    );
    let off = cancel(&world, teacher, &lesson.id, 3, "").await.unwrap();
    assert_eq!(shift(&world, student, &lesson, to).await.unwrap(), off);
    assert_eq!(world.outbox_rows().await, rows + 2);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn another_start_or_another_person_is_no_repeat(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let to = "2026-06-04T12:00:00Z";
    shift(&world, student, &lesson, to).await.unwrap();
    let elsewhere = shift(&world, student, &lesson, "2026-06-04T13:00:00Z").await;
    assert_eq!(
        metadata(elsewhere.as_ref().unwrap_err(), "current_version"),
        "2"
    );
    assert_eq!(reason(elsewhere), ErrorReason::VersionStale);
    let by_teacher = shift(&world, teacher, &lesson, to).await;
    assert_eq!(reason(by_teacher), ErrorReason::VersionStale);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn two_moves_onto_one_slot_at_once_move_one_lesson(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (anton, vera) = (world.student(2).await, world.student(3).await);
    let first = world.book(anton, teacher, "2026-06-03T12:00:00Z").await;
    let second = world.book(vera, teacher, "2026-06-04T12:00:00Z").await;
    let (first, second) = (first.unwrap(), second.unwrap());
    let (one, two) = tokio::join!(
        shift(&world, anton, &first, "2026-06-05T12:00:00Z"),
        shift(&world, vera, &second, "2026-06-05T12:30:00Z"),
    );
    let (won, lost) = one_of(one, two);
    assert_eq!((won.version, lost), (2, ErrorReason::SlotTaken));
    let (viewer, stayed) = if won.id == first.id {
        (vera, second)
    } else {
        (anton, first)
    };
    assert_eq!(get(&world, viewer, &stayed).await.unwrap(), stayed);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn both_sides_that_move_one_lesson_at_once_move_it_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let (one, two) = tokio::join!(
        shift(&world, student, &lesson, "2026-06-05T12:00:00Z"),
        shift(&world, teacher, &lesson, "2026-06-06T12:00:00Z"),
    );
    let (won, lost) = one_of(one, two);
    assert_eq!((won.version, lost), (2, ErrorReason::VersionStale));
    assert_eq!(get(&world, student, &lesson).await.unwrap(), won);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_move_and_a_booking_of_one_slot_at_once_give_it_to_one(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let lesson = lesson.unwrap();
    let slot = "2026-06-05T12:00:00Z";
    let (one, two) = tokio::join!(
        shift(&world, student, &lesson, slot),
        world.book(other, teacher, slot),
    );
    let (won, lost) = one_of(one, two);
    assert_eq!(won.start_time, Some(wire(slot)));
    assert_eq!(lost, ErrorReason::SlotTaken);
    world.stop().await;
}
