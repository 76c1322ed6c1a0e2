//! Time in which nothing can be booked.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{AddTimeOffRequest, AddTimeOffResponse, RemoveTimeOffRequest},
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use super::{get, teacher_without_hours};
use crate::support::{World, at, fields, metadata, new_id, reason, wire};

fn off(start: &str, end: &str) -> AddTimeOffRequest {
    AddTimeOffRequest {
        request_id: new_id(),
        start_time: Some(wire(start)),
        end_time: Some(wire(end)),
        note: String::new(),
    }
}

async fn add(
    world: &World,
    teacher: Uuid,
    request: &AddTimeOffRequest,
) -> Result<AddTimeOffResponse, Status> {
    let mut client = world.availability();
    let answer = client
        .add_time_off(acting(request.clone(), teacher))
        .await?;
    Ok(answer.into_inner())
}

async fn remove(world: &World, teacher: Uuid, id: &str) -> Result<(), Status> {
    let request = RemoveTimeOffRequest {
        time_off_id: id.to_owned(),
    };
    let mut client = world.availability();
    client.remove_time_off(acting(request, teacher)).await?;
    Ok(())
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn time_off_names_the_lessons_in_it_and_hides_the_slots(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let mut lessons = Vec::new();
    for start in [
        "2026-06-03T12:00:00Z",
        "2026-06-02T11:00:00Z",
        "2026-06-02T10:00:00Z",
    ] {
        lessons.push(world.book(student, teacher, start).await.unwrap().id);
    }
    let request = off("2026-06-02T10:30:00Z", "2026-06-03T12:00:00Z");
    let added = add(&world, teacher, &request).await.unwrap();
    assert_eq!(
        added.lesson_ids,
        [lessons[2].as_str(), lessons[1].as_str()],
        "by start; what only touches it is not in it"
    );
    let offered = |day: &'static str, next: &'static str| world.slots(teacher, None, day, next);
    let (tuesday, wednesday, thursday) = (
        "2026-06-02T00:00:00Z",
        "2026-06-03T00:00:00Z",
        "2026-06-04T00:00:00Z",
    );
    assert_eq!(
        offered(tuesday, wednesday).await,
        ["2026-06-02T09:00:00Z"],
        "the lesson that ends at half past ten would touch time off, not share it"
    );
    assert_eq!(
        offered(wednesday, thursday).await[0],
        "2026-06-03T13:00:00Z"
    );
    let refused = world.book(student, teacher, "2026-06-02T13:00:00Z").await;
    assert_eq!(reason(refused), ErrorReason::OutsideAvailability);
    let id = added.time_off.unwrap().id;
    remove(&world, teacher, &id).await.unwrap();
    assert_eq!(offered(tuesday, wednesday).await.len(), 12);
    let version = get(&world, teacher, teacher).await.unwrap().version;
    assert_eq!(version, 3, "hours, time off, its end");
    assert_eq!(
        reason(remove(&world, teacher, &id).await),
        ErrorReason::TimeOffNotFound
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn only_the_teacher_reads_the_notes(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.teacher(3, "Boris").await);
    world
        .book(student, teacher, "2026-06-02T10:00:00Z")
        .await
        .unwrap();
    sqlx::query("UPDATE lesson.users SET is_admin = true WHERE id = $1")
        .bind(other)
        .execute(&world.pool)
        .await
        .unwrap();
    let mut request = off("2026-06-05T00:00:00Z", "2026-06-06T00:00:00Z");
    request.note = "surgery".to_owned();
    let added = add(&world, teacher, &request).await.unwrap();
    let with_note = added.time_off.unwrap();
    assert_eq!(with_note.note, "surgery");
    let own = get(&world, teacher, teacher).await.unwrap();
    assert_eq!(own.time_off, std::slice::from_ref(&with_note));
    for viewer in [student, other] {
        let seen = get(&world, viewer, teacher).await.unwrap();
        assert_eq!(seen.time_off[0].note, "");
        assert_eq!(seen.time_off[0].start_time, with_note.start_time);
    }
    assert_eq!(
        reason(remove(&world, other, &with_note.id).await),
        ErrorReason::TimeOffNotFound
    );
    assert_eq!(
        reason(remove(&world, student, &with_note.id).await),
        ErrorReason::NotATeacher
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn the_same_request_adds_time_off_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = teacher_without_hours(&world, 1).await;
    let request = off("2026-06-02T00:00:00Z", "2026-06-03T00:00:00Z");
    let (first, second) = tokio::join!(
        add(&world, teacher, &request),
        add(&world, teacher, &request)
    );
    let first = first.unwrap();
    assert_eq!(first, second.unwrap());
    let hours = get(&world, teacher, teacher).await.unwrap();
    assert_eq!(hours.version, 1, "made by time off, changed once");
    assert_eq!(hours.time_off, [first.time_off.clone().unwrap()]);
    let other = AddTimeOffRequest {
        note: "another body".to_owned(),
        ..request.clone()
    };
    assert_eq!(
        reason(add(&world, teacher, &other).await),
        ErrorReason::RequestIdReused
    );
    // What was right when it was asked for first is answered when it is over, too.
    world.clock.set(at("2026-06-04T00:00:00Z"));
    assert_eq!(add(&world, teacher, &request).await.unwrap(), first);
    let late = AddTimeOffRequest {
        request_id: new_id(),
        ..request.clone()
    };
    assert_eq!(fields(add(&world, teacher, &late).await), ["end_time"]);
    remove(&world, teacher, &first.time_off.unwrap().id)
        .await
        .unwrap();
    assert_eq!(
        reason(add(&world, teacher, &request).await),
        ErrorReason::TimeOffNotFound
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_time_off_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let wrong = AddTimeOffRequest {
        request_id: "one".to_owned(),
        start_time: None,
        end_time: Some(wire("2026-06-01T00:00:00Z")),
        note: "я".repeat(201),
    };
    assert_eq!(
        fields(add(&world, teacher, &wrong).await),
        ["end_time", "note", "request_id", "start_time"]
    );
    for (start, end, allowed) in [
        ("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z", false),
        ("2026-05-01T00:00:00Z", "2026-06-01T00:00:00.000001Z", true),
        ("2026-06-02T00:00:00Z", "2026-06-02T00:00:00Z", false),
        // The same microsecond.
        (
            "2026-06-02T00:00:00.0000001Z",
            "2026-06-02T00:00:00.0000009Z",
            false,
        ),
        ("2026-06-02T00:00:00Z", "2027-06-03T00:00:00Z", true),
        ("2026-06-02T00:00:00Z", "2027-06-03T00:00:01Z", false),
        ("2029-05-31T00:00:00Z", "2029-06-01T00:00:00Z", true),
        ("2029-05-31T00:00:00Z", "2029-06-01T00:00:01Z", false),
    ] {
        let added = add(&world, teacher, &off(start, end)).await;
        if allowed {
            let time_off = added.unwrap().time_off.unwrap();
            assert_eq!(time_off.end_time, Some(wire(end)));
        } else {
            assert_eq!(fields(added), ["end_time"], "{start} to {end}");
        }
    }
    assert_eq!(
        fields(remove(&world, teacher, "one").await),
        ["time_off_id"]
    );
    let request = off("2026-06-02T00:00:00Z", "2026-06-03T00:00:00Z");
    assert_eq!(
        reason(add(&world, student, &request).await),
        ErrorReason::NotATeacher
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn there_are_200_stretches_that_are_not_over_and_no_more(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    sqlx::query(
        "INSERT INTO lesson.time_off (id, teacher_id, during, create_time)
         SELECT gen_random_uuid(), $1, tstzrange(start, start + interval '1 day'), now()
         FROM generate_series(-1, 199) AS day,
              LATERAL (SELECT timestamptz '2026-06-01 00:00Z' + day * interval '1 day' AS start) AS day_start",
    )
    .bind(teacher)
    .execute(&world.pool)
    .await
    .unwrap();
    let request = off("2026-06-02T00:00:00Z", "2026-06-03T00:00:00Z");
    let one_more = add(&world, teacher, &request).await;
    assert_eq!(metadata(one_more.as_ref().unwrap_err(), "limit"), "200");
    assert_eq!(reason(one_more), ErrorReason::LimitReached);
    assert_eq!(
        get(&world, teacher, teacher).await.unwrap().time_off.len(),
        200,
        "what is over is not told"
    );
    world.clock.set(at("2026-06-02T00:00:00Z"));
    add(&world, teacher, &request).await.unwrap();
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM lesson.time_off")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(kept, 200, "what is over is dropped");
    world.stop().await;
}
