use lesson_svc::MIGRATOR;
use olm_proto::lesson::v1::{HoldSlotRequest, Lesson};
use service_kit::grpc::client::acting;
use sqlx::{PgPool, migrate::MigrationType};
use uuid::Uuid;

use crate::support::{World, new_id, wire};

fn versions() -> Vec<i64> {
    let up = MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type == MigrationType::ReversibleUp);
    up.map(|migration| migration.version).collect()
}

/// From the next one on, no two seats that a student attended are at one time.
const BEFORE_ATTENDED_SEATS: i64 = 20_261_121_001_700;
/// Before seats were said to be attended.
const BEFORE_STATES: i64 = 20_261_121_001_400;

/// Gives the student of a lesson with one seat another seat at the same time.
async fn seat(pool: &PgPool, lesson: &Lesson, status: &str) {
    sqlx::query(
        "INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time)
         SELECT gen_random_uuid(), lesson_id, student_id, during, $2, create_time
         FROM lesson.bookings WHERE id = $1::uuid",
    )
    .bind(&lesson.bookings[0].id)
    .bind(status)
    .execute(pool)
    .await
    .unwrap();
}

async fn attended(pool: &PgPool, lesson: &Lesson) {
    sqlx::query("UPDATE lesson.bookings SET status = 'attended' WHERE lesson_id = $1::uuid")
        .bind(&lesson.id)
        .execute(pool)
        .await
        .unwrap();
}

/// What the seats of a lesson are, sorted.
async fn seats(pool: &PgPool, lesson: &Lesson) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT status FROM lesson.bookings WHERE lesson_id = $1::uuid ORDER BY status",
    )
    .bind(&lesson.id)
    .fetch_all(pool)
    .await
    .unwrap()
}

/// Makes a lesson a group's and a series', with a seat to reconfirm.
async fn gather(pool: &PgPool, teacher: Uuid, lesson: &Lesson) {
    let student: Uuid = lesson.bookings[0].student_id.parse().unwrap();
    let (group, id): (Uuid, Uuid) = (Uuid::new_v4(), lesson.id.parse().unwrap());
    for statement in [
        "INSERT INTO lesson.groups (id, teacher_id, title, capacity, create_time)
         SELECT $1, $2, 'Chess', 2, now() WHERE $3::uuid IS NOT NULL AND $4::uuid IS NOT NULL",
        "INSERT INTO lesson.group_members (group_id, teacher_id, student_id, create_time)
         SELECT $1, $2, $3, now() WHERE $4::uuid IS NOT NULL",
        "UPDATE lesson.lessons SET group_id = $1, capacity = 2
         WHERE teacher_id = $2 AND $3::uuid IS NOT NULL AND id = $4",
        "UPDATE lesson.bookings SET status = 'reconfirm', reconfirm_expire_time = now()
         WHERE $1::uuid IS NOT NULL AND $2::uuid IS NOT NULL AND student_id = $3 AND lesson_id = $4",
        "INSERT INTO lesson.lesson_changes (lesson_id, version, kind, actor_id, actor_role,
             change_time, during, booking_id, booking_status)
         SELECT $4, 2, 'joined', $3, 'student', now(), during, id, 'confirmed'
         FROM lesson.bookings
         WHERE $1::uuid IS NOT NULL AND $2::uuid IS NOT NULL AND student_id = $3 AND lesson_id = $4",
        "INSERT INTO lesson.series (id, teacher_id, group_id, time_zone, first_date, start_minute,
             duration_s, every_weeks, occurrence_count, next_ordinal, last_start_time, changed_role,
             create_time)
         SELECT $4, $2, $1, 'UTC', '2026-06-01', 960, 3600, 1, 1, 1, now(), 'teacher', now()
         WHERE $3::uuid IS NOT NULL",
        "INSERT INTO lesson.series_occurrences (series_id, ordinal, original_start, lesson_id)
         SELECT $4, 0, now(), $4
         WHERE $1::uuid IS NOT NULL AND $2::uuid IS NOT NULL AND $3::uuid IS NOT NULL",
    ] {
        let statement = sqlx::query(statement).bind(group).bind(teacher);
        let done = statement.bind(student).bind(id).execute(pool).await;
        assert_eq!(done.unwrap().rows_affected(), 1);
    }
}

async fn fill(pool: &PgPool) {
    let world = World::start(pool.clone()).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let book = async |start: &str| world.book(student, teacher, start).await.unwrap();
    let booked = book("2026-06-01T12:00:00Z").await;
    attended(pool, &book("2026-06-01T10:00:00Z").await).await;
    for status in ["late_canceled", "canceled"] {
        seat(pool, &booked, status).await;
    }
    gather(pool, teacher, &book("2026-06-01T16:00:00Z").await).await;
    let missed = book("2026-06-01T14:00:00Z").await;
    sqlx::query("UPDATE lesson.bookings SET status = 'no_show' WHERE lesson_id = $1::uuid")
        .bind(&missed.id)
        .execute(pool)
        .await
        .unwrap();
    // What the schema of before does not know: a relation, somebody erased, a hold.
    world.befriend(teacher, other).await;
    let gone = world.teacher(4, "Gone").await;
    world.erase(gone).await.unwrap();
    let hold = HoldSlotRequest {
        request_id: new_id(),
        teacher_id: teacher.to_string(),
        start_time: Some(wire("2026-06-01T15:00:00Z")),
        lesson_duration: None,
    };
    let answer = world.lessons().hold_slot(acting(hold, other)).await;
    answer.unwrap();
    world.service.stop().await;
}

#[sqlx::test(migrations = false)]
async fn every_migration_goes_up_down_and_up_again_on_filled_data(pool: PgPool) {
    MIGRATOR.run(&pool).await.unwrap();
    let versions = versions();
    for kept in versions.iter().rev().skip(1).chain(&[0]) {
        fill(&pool).await;
        MIGRATOR.undo(&pool, *kept).await.unwrap();
        MIGRATOR.run(&pool).await.unwrap();
        // From nothing again: history cannot be emptied.
        MIGRATOR.undo(&pool, 0).await.unwrap();
        MIGRATOR.run(&pool).await.unwrap();
    }
    fill(&pool).await;
    pool.close().await;
}

#[sqlx::test(migrations = false)]
async fn of_seats_at_one_time_one_lives_where_nobody_is_said_to_have_attended(pool: PgPool) {
    MIGRATOR.run(&pool).await.unwrap();
    let world = World::start(pool.clone()).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let book = async |start: &str| world.book(student, teacher, start).await.unwrap();
    let alone = book("2026-06-01T10:00:00Z").await;
    let twice = book("2026-06-01T12:00:00Z").await;
    let living = book("2026-06-01T14:00:00Z").await;
    world.service.stop().await;
    MIGRATOR.undo(&pool, BEFORE_ATTENDED_SEATS).await.unwrap();
    for lesson in [&alone, &twice] {
        attended(&pool, lesson).await;
    }
    seat(&pool, &alone, "no_show").await;
    seat(&pool, &twice, "attended").await;
    for status in ["attended", "no_show"] {
        seat(&pool, &living, status).await;
    }
    MIGRATOR.undo(&pool, BEFORE_STATES).await.unwrap();
    assert_eq!(seats(&pool, &alone).await, ["canceled", "confirmed"]);
    assert_eq!(seats(&pool, &twice).await, ["canceled", "confirmed"]);
    assert_eq!(
        seats(&pool, &living).await,
        ["canceled", "canceled", "confirmed"]
    );
    pool.close().await;
}

#[sqlx::test(migrations = false)]
async fn down_leaves_nothing_but_the_list_of_migrations(pool: PgPool) {
    MIGRATOR.run(&pool).await.unwrap();
    MIGRATOR.undo(&pool, 0).await.unwrap();
    let left: Vec<String> = sqlx::query_scalar("SELECT relname::text FROM pg_class WHERE relnamespace = 'lesson'::regnamespace AND relkind = 'r'")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(left, ["_sqlx_migrations"]);
    pool.close().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_objects_are_in_the_schema_of_the_service(pool: PgPool) {
    let elsewhere: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND n.nspname NOT IN ('lesson', 'pg_catalog', 'information_schema')",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    pool.close().await;
}

#[test]
fn every_migration_can_be_undone() {
    let down = MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type == MigrationType::ReversibleDown);
    let down: Vec<_> = down.map(|migration| migration.version).collect();
    assert_eq!(down, versions());
}
