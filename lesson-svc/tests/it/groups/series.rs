//! Series of a group, and who comes into it or leaves it meanwhile.

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{BookingStatus, ConflictMode, RemoveStudentRequest, WantedSeries, wanted_series},
    notify::v1::SyncLessonRequest,
};
use prost::Message as _;
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use uuid::Uuid;

use super::{change, dissolve, see};
use crate::{
    series::{create, lessons, told, weekly},
    steps::{gather, get, history, leave, put, seats, shift, snapshot, take_out},
    support::{World, reason},
};

/// Whom the newest snapshot of a series names, by id.
async fn named(world: &World) -> Vec<String> {
    let mut students = told(&world.pool).await.pop().unwrap().student_ids;
    students.sort();
    students
}

/// Whether what was told of lessons last says that a student's seat came or went with the
/// series.
async fn with_series(world: &World, student: Uuid) -> Vec<bool> {
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT DISTINCT ON (entity_id) payload FROM lesson.outbox WHERE kind = 'lesson'
         ORDER BY entity_id, version DESC",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let snapshots = rows.iter().map(|row| SyncLessonRequest::decode(&**row));
    let seats = snapshots.flat_map(|row| row.unwrap().lesson.unwrap().seats);
    let own = seats.filter(|seat| seat.student_id == student.to_string());
    own.map(|seat| seat.with_series).collect()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_comes_or_leaves_is_told_of_the_whole_series_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (made, people) = gather(&world, teacher, 4, 2).await;
    let wanted = WantedSeries {
        people: Some(wanted_series::People::GroupId(made.id.clone())),
        ..weekly(people[0], "2026-06-02", "12:00", 3)
    };
    let created = create(&world, teacher, wanted, ConflictMode::Strict).await;
    created.unwrap();
    let mut expected: Vec<_> = people.iter().map(Uuid::to_string).collect();
    expected.sort();
    assert_eq!(named(&world).await, expected);
    let first = told(&world.pool).await.len();

    let student = world.student(9).await;
    world.befriend(teacher, student).await;
    put(&world, teacher, &made, student).await.unwrap();
    expected.push(student.to_string());
    expected.sort();
    assert_eq!(named(&world).await, expected);
    assert_eq!(with_series(&world, student).await, [true; 3]);
    let own = lessons(&world, student, "2026-06-01T00:00:00Z").await;
    assert_eq!(own.len(), 3);
    assert!(
        own.iter()
            .all(|lesson| seats(lesson) == [BookingStatus::Confirmed])
    );

    assert_eq!(take_out(&world, student, &made, student).await.unwrap(), 3);
    expected.retain(|id| *id != student.to_string());
    assert_eq!(named(&world).await, expected);
    assert_eq!(with_series(&world, student).await, [true; 3]);
    let versions = told(&world.pool).await.split_off(first - 1);
    let versions: Vec<_> = versions.iter().map(|told| told.version).collect();
    assert_eq!(
        versions,
        [1, 2, 3],
        "a snapshot for each change of who is in it"
    );

    let request = RemoveStudentRequest {
        student_id: people[1].to_string(),
    };
    let removed = world
        .teachers()
        .remove_student(acting(request, teacher))
        .await;
    removed.unwrap();
    expected.retain(|id| *id != people[1].to_string());
    assert_eq!(named(&world).await, expected);
    let told_once = told(&world.pool).await.len();
    assert_eq!(told_once, first + 3, "of the whole series, once");
    assert_eq!(with_series(&world, people[1]).await, [true; 3]);
    let own = lessons(&world, people[1], "2026-06-01T00:00:00Z").await;
    assert!(
        own.iter()
            .all(|lesson| seats(lesson) == [BookingStatus::Canceled])
    );
    world.erase(people[0]).await.unwrap();
    assert_eq!(
        named(&world).await,
        [""; 0],
        "who was removed, and who was erased"
    );
    let seen = see(&world, teacher, &made).await.unwrap();
    assert_eq!(
        reason(dissolve(&world, teacher, &seen).await),
        ErrorReason::LessonsAhead
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_series_that_is_over_is_told_to_nobody_but_while_a_lesson_of_it_is_ahead(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (made, people) = gather(&world, teacher, 4, 2).await;
    let wanted = WantedSeries {
        people: Some(wanted_series::People::GroupId(made.id.clone())),
        ..weekly(people[0], "2026-06-02", "12:00", 3)
    };
    let created = create(&world, teacher, wanted, ConflictMode::Strict).await;
    created.unwrap();
    let own = lessons(&world, teacher, "2026-06-16T00:00:00Z").await;
    let moved = shift(&world, teacher, &own[0], "2026-07-01T12:00:00Z").await;
    moved.unwrap();
    let student = world.student(9).await;
    world.befriend(teacher, student).await;
    world.clock.advance(SignedDuration::from_hours(24 * 28));
    put(&world, teacher, &made, student).await.unwrap();
    assert_eq!(told(&world.pool).await.len(), 2, "the moved one is ahead");
    world.clock.advance(SignedDuration::from_hours(24 * 7));
    take_out(&world, teacher, &made, student).await.unwrap();
    put(&world, teacher, &made, student).await.unwrap();
    let request = RemoveStudentRequest {
        student_id: student.to_string(),
    };
    let mut teachers = world.teachers();
    let request = acting(request, teacher);
    teachers.remove_student(request).await.unwrap();
    world.erase(people[0]).await.unwrap();
    assert_eq!(told(&world.pool).await.len(), 2);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn another_title_is_told_with_what_is_to_come_and_makes_nothing_stale(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (made, people) = gather(&world, teacher, 4, 2).await;
    let wanted = WantedSeries {
        people: Some(wanted_series::People::GroupId(made.id.clone())),
        ..weekly(people[0], "2026-06-02", "12:00", 3)
    };
    let created = create(&world, teacher, wanted, ConflictMode::Strict).await;
    created.unwrap();
    world.clock.advance(SignedDuration::from_hours(48));
    let all = lessons(&world, teacher, "2026-06-01T00:00:00Z").await;
    let before = world.outbox_rows().await;
    let now = see(&world, teacher, &made).await.unwrap();
    let renamed = change(&world, teacher, &now, Some("Go on Sundays"), None).await;
    renamed.unwrap();
    assert_eq!(world.outbox_rows().await, before + 3, "what is ahead, once");
    for (lesson, version) in all.iter().zip([1, 2, 2]) {
        let seen = get(&world, people[0], lesson).await.unwrap();
        assert_eq!((seen.version, seen.schedule_version), (version, 1));
        assert_eq!(history(&world, teacher, lesson).await.len(), 1);
        if version == 2 {
            let told = snapshot(&world, lesson, version).await;
            assert_eq!(told.group_title, "Go on Sundays");
        }
    }
    let series = told(&world.pool).await.pop().unwrap();
    assert_eq!(series.group_title, "Go on Sundays");
    assert_eq!((series.version, series.schedule_version), (2, 1));
    // The version that was read before is as good as it was.
    leave(&world, people[0], &all[1], None).await.unwrap();
    let moved = shift(&world, teacher, &all[2], "2026-06-20T12:00:00Z").await;
    assert_eq!(moved.unwrap().version, 3);
    world.stop().await;
}
