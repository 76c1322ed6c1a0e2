//! The database refuses hours that must not be, whoever writes them.

use lesson_svc::MIGRATOR;
use sqlx::{AssertSqlSafe, PgPool};

use crate::support::World;

async fn attack(pool: &PgPool, statement: &str, expected: &str) {
    let refused = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(pool);
    let error = refused.await.unwrap_err().into_database_error().unwrap();
    assert_eq!(error.constraint(), Some(expected), "{statement}: {error}");
}

async fn allow(pool: &PgPool, statement: &str) {
    let done = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(pool);
    assert_eq!(done.await.unwrap().rows_affected(), 1, "{statement}");
}

/// Adds a rule: weekday, start, end, first and last date.
fn rule(values: &str) -> String {
    format!(
        "INSERT INTO lesson.weekly_rules (teacher_id, day_of_week, start_minute, end_minute, first_date, last_date)
         SELECT teacher_id, {values} FROM lesson.availabilities"
    )
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn rules_of_one_weekday_never_overlap_while_their_dates_do(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    world.teacher(1, "Anna").await;
    sqlx::query("DELETE FROM lesson.weekly_rules")
        .execute(&pool)
        .await
        .unwrap();
    allow(
        &pool,
        &rule("1, 540, 600, date '2026-06-01', date '2026-06-30'"),
    )
    .await;
    let overlap = "weekly_rules_no_overlap";
    for values in [
        "1, 599, 660, date '2026-06-30', NULL",
        "1, 0, 541, NULL, NULL",
        "1, 540, 600, NULL, date '2026-06-01'",
        "1, 550, 560, date '2026-06-15', date '2026-06-15'",
    ] {
        attack(&pool, &rule(values), overlap).await;
    }
    for values in [
        "1, 540, 600, date '2026-07-01', NULL",
        "1, 540, 600, NULL, date '2026-05-31'",
        "1, 600, 660, NULL, NULL",
        "2, 540, 600, NULL, NULL",
    ] {
        allow(&pool, &rule(values)).await;
    }
    let stretch = "weekly_rules_stretch";
    for (values, expected) in [
        ("3, -1, 60, NULL, NULL", stretch),
        ("3, 1440, 1500, NULL, NULL", stretch),
        ("3, 600, 600, NULL, NULL", stretch),
        ("3, 600, 2041, NULL, NULL", stretch),
        ("0, 540, 600, NULL, NULL", "weekly_rules_day"),
        ("8, 540, 600, NULL, NULL", "weekly_rules_day"),
        (
            "3, 540, 600, date '2026-06-02', date '2026-06-01'",
            "weekly_rules_dates_in_order",
        ),
    ] {
        attack(&pool, &rule(values), expected).await;
    }
    allow(&pool, &rule("3, 600, 2040, NULL, NULL")).await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn overrides_and_time_off_are_whole(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    world.teacher(1, "Anna").await;
    let put = |date: &str, starts: &str, ends: &str| {
        format!(
            "INSERT INTO lesson.date_overrides SELECT teacher_id, date '{date}', '{starts}', '{ends}'
             FROM lesson.availabilities"
        )
    };
    allow(&pool, &put("2026-06-02", "{540,600}", "{600,660}")).await;
    let twice = put("2026-06-02", "{}", "{}");
    attack(&pool, &twice, "date_overrides_pkey").await;
    for (starts, ends) in [
        ("{540}", "{600,660}"),
        ("{NULL}", "{600}"),
        ("{540}", "{NULL}"),
        ("{1,2,3,4,5,6,7,8,9,10,11}", "{2,3,4,5,6,7,8,9,10,11,12}"),
    ] {
        let statement = put("2026-06-03", starts, ends);
        attack(&pool, &statement, "date_overrides_whole").await;
    }
    let off = |during: &str, note: &str| {
        format!(
            "INSERT INTO lesson.time_off SELECT gen_random_uuid(), teacher_id, '{during}', {note}, now()
             FROM lesson.availabilities"
        )
    };
    let day = "[2026-06-01 00:00Z,2026-06-02 00:00Z)";
    allow(&pool, &off(day, "''")).await;
    for during in [
        "empty",
        "[2026-06-01 00:00Z,2026-06-02 00:00Z]",
        "(2026-06-01 00:00Z,2026-06-02 00:00Z)",
        "[2026-06-01 00:00Z,)",
        "(,2026-06-02 00:00Z)",
    ] {
        attack(&pool, &off(during, "''"), "time_off_is_a_stretch").await;
    }
    attack(&pool, &off(day, "repeat('я', 201)"), "time_off_note_length").await;
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_step_back_cuts_what_the_former_hours_cannot_hold(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    world.teacher(1, "Anna").await;
    sqlx::query("DELETE FROM lesson.weekly_rules")
        .execute(&pool)
        .await
        .unwrap();
    for values in [
        "1, 1380, 1500, NULL, NULL",
        "1, 540, 600, NULL, date '2026-06-01'",
        "1, 540, 600, date '2026-06-02', NULL",
        "2, 540, 600, NULL, NULL",
    ] {
        allow(&pool, &rule(values)).await;
    }
    world.service.stop().await;
    MIGRATOR.undo(&pool, 20_261_121_001_300).await.unwrap();
    let left: Vec<(i16, i16, i16)> = sqlx::query_as(
        "SELECT day_of_week, start_minute, end_minute FROM lesson.weekly_rules ORDER BY 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(left, [(1, 1380, 1440), (2, 540, 600)]);
    MIGRATOR.run(&pool).await.unwrap();
    pool.close().await;
}
