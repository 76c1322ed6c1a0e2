//! Attacks on series with plain SQL: each wrong state is refused by a constraint with a name.

use sqlx::{AssertSqlSafe, PgPool, postgres::PgQueryResult};
use uuid::Uuid;

use super::constraint;
use crate::{
    series::{create, weekly},
    support::World,
};
use olm_proto::lesson::v1::ConflictMode;

/// A series of 30 lessons of which 12 are booked.
async fn running(pool: &PgPool) -> (World, Uuid, Uuid) {
    let world = World::start(pool.clone()).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    world.befriend(teacher, student).await;
    let wanted = weekly(student, "2026-06-01", "10:00", 30);
    let made = create(&world, teacher, wanted, ConflictMode::Strict).await;
    let series = made.unwrap().series.unwrap().id.parse().unwrap();
    (world, teacher, series)
}

async fn run(pool: &PgPool, sql: &str) -> Result<PgQueryResult, sqlx::Error> {
    sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_series_is_never_in_a_state_that_nobody_could_go_on_from(pool: PgPool) {
    let (world, teacher, _) = running(&pool).await;
    for (set, name) in [
        ("due_time = NULL", "series_due_while_undecided"),
        ("next_ordinal = 30", "series_due_while_undecided"),
        (
            "status = 'canceled', clock_check_time = NULL",
            "series_due_while_undecided",
        ),
        (
            "status = 'canceled', due_time = NULL",
            "series_clocks_of_running",
        ),
        (
            "next_ordinal = 31, due_time = NULL",
            "series_next_ordinal_range",
        ),
        ("next_ordinal = -1", "series_next_ordinal_range"),
        ("occurrence_count = 201", "series_occurrence_count_range"),
        ("occurrence_count = 106", "series_occurrence_count_range"),
        ("every_weeks = 4", "series_occurrence_count_range"),
        ("every_weeks = 0", "series_every_weeks_range"),
        (
            "every_weeks = 53, occurrence_count = 1, next_ordinal = 0",
            "series_every_weeks_range",
        ),
        ("last_start_time = NULL", "series_last_start_of_some"),
        ("start_minute = 1440", "series_start_minute_range"),
        ("duration_s = 299", "series_duration_range"),
        ("duration_s = 330", "series_duration_range"),
        ("duration_s = 28860", "series_duration_range"),
        ("time_zone = ''", "series_time_zone_given"),
        (
            "status = 'paused', clock_check_time = NULL, due_time = NULL",
            "series_status_known",
        ),
        ("student_id = NULL", "series_for_one_or_a_group"),
        ("student_id = teacher_id", "series_not_of_themselves"),
        ("version = 0", "series_versions_positive"),
        ("schedule_version = 2", "series_versions_positive"),
        ("told_version = 0", "series_versions_positive"),
        ("notes = repeat('x', 2001)", "series_texts_length"),
        ("changed_role = 'parent'", "series_changed_role_known"),
        ("change_hash = '\\x00'", "series_change_hash_is_sha256"),
    ] {
        let refused = run(&pool, &format!("UPDATE lesson.series SET {set}")).await;
        assert_eq!(constraint(refused), name, "{set}");
    }
    let group = Uuid::new_v4();
    let other = world.teacher(3, "Boris").await;
    run(
        &pool,
        &format!(
            "INSERT INTO lesson.groups (id, teacher_id, title, capacity, create_time)
             VALUES ('{group}', '{other}', 'Choir', 2, now())"
        ),
    )
    .await
    .unwrap();
    let stolen = format!(
        "UPDATE lesson.series SET student_id = NULL, group_id = '{group}' WHERE teacher_id = '{teacher}'"
    );
    assert_eq!(constraint(run(&pool, &stolen).await), "series_group");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn an_occurrence_is_decided_once_and_a_lesson_is_one_occurrence(pool: PgPool) {
    let (world, _, series) = running(&pool).await;
    let insert = |ordinal: i16, start: &str, lesson: &str, reason: &str, unasked: bool| {
        format!(
            "INSERT INTO lesson.series_occurrences (series_id, ordinal, original_start, lesson_id,
                 skip_reason, skip_unasked)
             SELECT '{series}', {ordinal}, '{start}', {lesson}, {reason}, {unasked}"
        )
    };
    let free = "2030-01-07 10:00Z";
    let first = "(SELECT lesson_id FROM lesson.series_occurrences WHERE ordinal = 0)";
    for (sql, name) in [
        (
            insert(0, free, "NULL", "'past'", false),
            "series_occurrences_pkey",
        ),
        (
            insert(29, "2026-06-01 10:00Z", "NULL", "'past'", false),
            "series_occurrences_one_a_start",
        ),
        (
            insert(29, free, first, "NULL", false),
            "series_occurrences_one_a_lesson",
        ),
        (
            insert(29, free, first, "'past'", false),
            "series_occurrences_booked_or_skipped",
        ),
        (
            insert(29, free, "NULL", "NULL", false),
            "series_occurrences_booked_or_skipped",
        ),
        (
            insert(29, free, "NULL", "'bored'", false),
            "series_occurrences_skip_known",
        ),
        (
            insert(200, free, "NULL", "'past'", false),
            "series_occurrences_ordinal_range",
        ),
    ] {
        assert_eq!(constraint(run(&pool, &sql).await), name, "{sql}");
    }
    let unasked = "UPDATE lesson.series_occurrences SET skip_unasked = true WHERE ordinal = 0";
    assert_eq!(
        constraint(run(&pool, unasked).await),
        "series_occurrences_unasked_skips"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_shift_is_told_with_both_its_lessons(pool: PgPool) {
    let (world, teacher, series) = running(&pool).await;
    let insert = |minute: i32, start: &str, previous: &str| {
        format!(
            "INSERT INTO lesson.series_clocks (series_id, user_id, time_zone, local_minute,
                 shift_start_time, shift_previous_time)
             VALUES ('{series}', '{teacher}', 'UTC', {minute}, {start}, {previous})
             ON CONFLICT (series_id, user_id) DO UPDATE
             SET local_minute = EXCLUDED.local_minute,
                 shift_start_time = EXCLUDED.shift_start_time,
                 shift_previous_time = EXCLUDED.shift_previous_time"
        )
    };
    for (sql, name) in [
        (
            insert(1440, "NULL", "NULL"),
            "series_clocks_local_minute_range",
        ),
        (insert(0, "now()", "NULL"), "series_clocks_shift_whole"),
        (insert(0, "now()", "now()"), "series_clocks_shift_whole"),
    ] {
        assert_eq!(constraint(run(&pool, &sql).await), name, "{sql}");
    }
    world.stop().await;
}
