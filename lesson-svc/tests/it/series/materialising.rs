//! Lessons of series are booked as their time comes, once, whatever happens meanwhile.

use jiff::SignedDuration;
use olm_proto::lesson::v1::{
    BookLessonRequest, ConflictMode, OccurrenceConflict, TeacherPolicies, UpdateTeacherRequest,
};
use service_kit::{clock::Clock as _, grpc::client::acting};
use sqlx::PgPool;
use uuid::Uuid;

use super::{count, create, get, told, weekly};
use crate::support::{NO_NOTIFY, Service, World, booking, seconds, until};

async fn pair(pool: PgPool) -> (World, Uuid, Uuid) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    world.befriend(teacher, student).await;
    (world, teacher, student)
}

const BOOKED: &str = "series_occurrences WHERE lesson_id IS NOT NULL";

/// Makes every series due now, as if a horizon had passed.
async fn make_due(pool: &PgPool) {
    sqlx::query("UPDATE lesson.series SET due_time = 'epoch' WHERE due_time IS NOT NULL")
        .execute(pool)
        .await
        .unwrap();
}

/// What is due is decided: nobody has it and nothing waits.
pub async fn settled(world: &World) {
    until("all that is due is decided", || async {
        let now = world.clock.now();
        let query = "SELECT count(*) FROM lesson.series WHERE due_time <= $1 + interval '1 minute'";
        let due: i64 = sqlx::query_scalar(query)
            .bind(jiff_sqlx::ToSqlx::to_sqlx(now))
            .fetch_one(&world.pool)
            .await
            .unwrap();
        due == 0
    })
    .await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn lessons_are_booked_twelve_weeks_ahead_and_the_rest_as_their_time_comes(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let wanted = weekly(student, "2026-06-01", "10:00", 30);
    let made = create(&world, teacher, wanted, ConflictMode::Strict)
        .await
        .unwrap();
    assert_eq!(made.lesson_ids.len(), 12);
    world.clock.advance(SignedDuration::from_hours(24 * 14));
    until("two more are booked", || async {
        count(&world.pool, BOOKED).await == 14
    })
    .await;
    world.clock.advance(SignedDuration::from_hours(24 * 200));
    settled(&world).await;
    assert_eq!(count(&world.pool, "series_occurrences").await, 30);
    // Three months away: what was past by then is skipped, and told to nobody.
    let past = "series_occurrences WHERE skip_reason = 'past' AND skip_unasked";
    let (past, booked) = (
        count(&world.pool, past).await,
        count(&world.pool, BOOKED).await,
    );
    assert!(past > 10 && past + booked == 30, "{past} and {booked}");
    assert_eq!(told(&world.pool).await.len(), 1);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn two_replicas_book_each_occurrence_once(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
    for time in [
        "09:00", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00", "16:00",
    ] {
        let wanted = weekly(student, "2026-06-01", time, 100);
        create(&world, teacher, wanted, ConflictMode::Strict)
            .await
            .unwrap();
    }
    for _ in 0..10 {
        world.clock.advance(SignedDuration::from_hours(24 * 35));
        make_due(&world.pool).await;
        settled(&world).await;
    }
    let booked = count(&world.pool, BOOKED).await;
    assert!(booked > 8 * 50, "{booked}");
    let lessons = count(&world.pool, "lessons WHERE status = 'scheduled'").await;
    assert_eq!(booked, lessons);
    let histories = count(&world.pool, "lesson_changes WHERE kind = 'booked'").await;
    assert_eq!(histories, lessons);
    replica.stop().await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_stands_in_the_way_by_then_is_skipped_and_told_to_the_teacher_once(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let wanted = weekly(student, "2026-06-01", "10:00", 14);
    let made = create(&world, teacher, wanted, ConflictMode::Strict)
        .await
        .unwrap();
    let other = BookLessonRequest {
        student_id: student.to_string(),
        ..booking(teacher, "2026-08-24T10:30:00Z")
    };
    let booked = world.lessons().book_lesson(acting(other, teacher)).await;
    booked.unwrap();
    world.clock.advance(SignedDuration::from_hours(24 * 7));
    let id = made.series.unwrap().id;
    until("the teacher is told", || async {
        told(&world.pool).await.len() == 2
    })
    .await;
    let snapshot = told(&world.pool).await.pop().unwrap();
    assert_eq!(
        (
            snapshot.series_id,
            snapshot.version,
            snapshot.schedule_version
        ),
        (id.clone(), 2, 1)
    );
    assert_eq!(snapshot.unbooked_start_times.len(), 1);
    let seen = get(&world, teacher, &id).await.unwrap();
    let skipped = &seen.skipped[0];
    assert_eq!(
        (skipped.ordinal, skipped.conflict(), skipped.unasked),
        (12, OccurrenceConflict::TeacherBusy, true)
    );
    world.clock.advance(SignedDuration::from_hours(24 * 7));
    until("the last is booked", || async {
        count(&world.pool, BOOKED).await == 13
    })
    .await;
    assert_eq!(told(&world.pool).await.len(), 2);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn students_reach_no_further_than_series_are_decided(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let wanted = weekly(student, "2026-06-01", "10:00", 60);
    create(&world, teacher, wanted, ConflictMode::Strict)
        .await
        .unwrap();
    assert_eq!(count(&world.pool, BOOKED).await, 12);
    let request = UpdateTeacherRequest {
        policies: Some(TeacherPolicies {
            booking_horizon: Some(seconds(200 * 24 * 3600)),
            ..TeacherPolicies::default()
        }),
        expected_version: 1,
    };
    world
        .teachers()
        .update_teacher(acting(request, teacher))
        .await
        .unwrap();
    // 201 days from 1 June, and the first of them.
    until("as far as students see", || async {
        count(&world.pool, BOOKED).await == 29
    })
    .await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_replica_that_dies_leaves_its_series_due_again(pool: PgPool) {
    let (world, teacher, student) = pair(pool).await;
    let wanted = weekly(student, "2026-06-01", "10:00", 14);
    create(&world, teacher, wanted, ConflictMode::Strict)
        .await
        .unwrap();
    // As a lease taken by somebody who is gone.
    sqlx::query("UPDATE lesson.series SET due_time = '2026-06-09 00:01Z'")
        .execute(&world.pool)
        .await
        .unwrap();
    world.clock.advance(SignedDuration::from_hours(24 * 8 - 1));
    assert_eq!(count(&world.pool, BOOKED).await, 12);
    world.clock.advance(SignedDuration::from_mins(62));
    until("another goes on", || async {
        count(&world.pool, BOOKED).await == 14
    })
    .await;
    world.stop().await;
}
