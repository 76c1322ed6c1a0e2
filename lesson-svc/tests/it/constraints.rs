//! The database refuses what must not be, whoever writes it.

mod groups;
mod lessons;
mod series;

use sqlx::{PgPool, postgres::PgQueryResult};
use uuid::Uuid;

use crate::support::World;

const DURING: &str = "[2026-06-01 12:00Z,2026-06-01 13:00Z)";

/// One teacher with a lesson at [`DURING`], taken by the student.
async fn booked(pool: &PgPool) -> (World, Uuid, Uuid, Uuid) {
    let world = World::start(pool.clone()).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    (world, teacher, student, lesson.id.parse().unwrap())
}

async fn lesson(
    pool: &PgPool,
    teacher: Uuid,
    during: &str,
    blocked: &str,
) -> Result<PgQueryResult, sqlx::Error> {
    sqlx::query(
        "INSERT INTO lesson.lessons (id, teacher_id, during, blocked, status, create_time)
         VALUES ($1, $2, $3::tstzrange, $4::tstzrange, 'scheduled', now())",
    )
    .bind(Uuid::new_v4())
    .bind(teacher)
    .bind(during)
    .bind(blocked)
    .execute(pool)
    .await
}

fn constraint<T: std::fmt::Debug>(result: Result<T, sqlx::Error>) -> String {
    let error = result.unwrap_err().into_database_error().unwrap();
    error
        .constraint()
        .unwrap_or_else(|| panic!("{error}"))
        .to_owned()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_teacher_has_one_lesson_at_a_time_buffers_included(pool: PgPool) {
    let (world, teacher, _, _) = booked(&pool).await;
    let taken = "lessons_teacher_no_overlap";
    assert_eq!(
        constraint(lesson(&pool, teacher, DURING, DURING).await),
        taken
    );
    let next = "[2026-06-01 13:00Z,2026-06-01 14:00Z)";
    let with_buffer = "[2026-06-01 12:59:59Z,2026-06-01 14:00Z)";
    assert_eq!(
        constraint(lesson(&pool, teacher, next, with_buffer).await),
        taken
    );
    lesson(&pool, teacher, next, next).await.unwrap();
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn no_lesson_is_empty_open_or_outside_its_block(pool: PgPool) {
    let (world, teacher, _, _) = booked(&pool).await;
    let later = "[2026-06-02 12:00Z,2026-06-02 13:00Z)";
    let (stretch, covers) = (
        "lessons_during_is_a_stretch",
        "lessons_blocked_covers_during",
    );
    let wide = "[2026-06-01 18:00Z,2026-06-03 00:00Z)";
    for (shape, expected) in [
        ("empty", stretch),
        ("[2026-06-02 12:00Z,2026-06-02 13:00Z]", stretch),
        ("(2026-06-02 12:00Z,2026-06-02 13:00Z)", stretch),
        // Nothing bounded covers them.
        ("[2026-06-02 12:00Z,)", covers),
        ("(,2026-06-02 13:00Z)", covers),
    ] {
        let refused = lesson(&pool, teacher, shape, wide).await;
        assert_eq!(constraint(refused), expected, "{shape}");
    }
    for block in [
        "empty",
        "[2026-06-02 12:30Z,2026-06-02 13:00Z)",
        "[2026-06-02 12:00Z,)",
    ] {
        assert_eq!(
            constraint(lesson(&pool, teacher, later, block).await),
            covers,
            "{block}"
        );
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_seat_has_its_lessons_time_and_its_student_no_other(pool: PgPool) {
    let (world, teacher, student, lesson_id) = booked(&pool).await;
    let other_teacher = world.teacher(3, "Boris").await;
    let seat = |lesson: Uuid, student: Uuid, during: &'static str| {
        let pool = pool.clone();
        async move {
            sqlx::query("INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time) VALUES ($1, $2, $3, $4::tstzrange, 'confirmed', now())")
                .bind(Uuid::new_v4())
                .bind(lesson)
                .bind(student)
                .bind(during)
                .execute(&pool)
                .await
        }
    };
    let elsewhere = "[2026-06-05 12:00Z,2026-06-05 13:00Z)";
    assert_eq!(
        constraint(seat(lesson_id, teacher, elsewhere).await),
        "bookings_lesson"
    );
    lesson(&pool, other_teacher, DURING, DURING).await.unwrap();
    let other: Uuid = sqlx::query_scalar("SELECT id FROM lesson.lessons WHERE teacher_id = $1")
        .bind(other_teacher)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(
        constraint(seat(other, student, DURING).await),
        "bookings_student_no_overlap"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_seat_follows_its_lesson(pool: PgPool) {
    let (world, _, student, _) = booked(&pool).await;
    sqlx::query("UPDATE lesson.lessons SET during = '[2026-06-09 12:00Z,2026-06-09 13:00Z)', blocked = '[2026-06-09 12:00Z,2026-06-09 13:00Z)'")
        .execute(&pool)
        .await
        .unwrap();
    let moved: bool = sqlx::query_scalar(
        "SELECT lower(during) = '2026-06-09 12:00Z' FROM lesson.bookings WHERE student_id = $1",
    )
    .bind(student)
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(moved);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn wrong_values_break_named_constraints(pool: PgPool) {
    let (world, _, _, _) = booked(&pool).await;
    let attacks = [
        (
            "UPDATE lesson.users SET language = 'de'",
            "users_language_known",
        ),
        (
            "UPDATE lesson.users SET display_name = ''",
            "users_display_name_length",
        ),
        (
            "UPDATE lesson.users SET display_name = repeat('я', 129)",
            "users_display_name_length",
        ),
        (
            "UPDATE lesson.users SET reminder_leads_s = '{59}'",
            "users_reminder_leads_few",
        ),
        (
            "UPDATE lesson.users SET reminder_leads_s = '{60,61,62,63,64,65}'",
            "users_reminder_leads_few",
        ),
        (
            "UPDATE lesson.users SET reminder_leads_s = '{NULL}'",
            "users_reminder_leads_few",
        ),
        (
            "UPDATE lesson.telegram_accounts SET chat_id = 0",
            "telegram_accounts_ids_positive",
        ),
        (
            "UPDATE lesson.teachers SET slot_step_s = 0",
            "teachers_slot_step_range",
        ),
        (
            "UPDATE lesson.teachers SET lesson_durations_s = '{}'",
            "teachers_lesson_durations_few",
        ),
        (
            "UPDATE lesson.weekly_rules SET end_minute = start_minute",
            "weekly_rules_stretch",
        ),
        (
            "UPDATE lesson.weekly_rules SET end_minute = start_minute + 1441",
            "weekly_rules_stretch",
        ),
        (
            "INSERT INTO lesson.weekly_rules SELECT teacher_id, day_of_week, 600, 660 FROM lesson.weekly_rules",
            "weekly_rules_no_overlap",
        ),
        (
            "UPDATE lesson.lessons SET status = 'canceled'",
            "lessons_canceled_by_somebody",
        ),
        (
            "UPDATE lesson.lessons SET status = 'perhaps'",
            "lessons_status_known",
        ),
        (
            "UPDATE lesson.lessons SET version = 0",
            "lessons_versions_positive",
        ),
        (
            "UPDATE lesson.lessons SET cancel_reason = repeat('x', 501)",
            "lessons_cancel_reason_length",
        ),
        (
            "UPDATE lesson.bookings SET status = 'maybe'",
            "bookings_status_known",
        ),
        (
            "UPDATE lesson.requests SET body_hash = ''",
            "requests_body_hash_is_sha256",
        ),
        (
            "UPDATE lesson.outbox SET kind = 'gossip'",
            "outbox_kind_known",
        ),
    ];
    for (attack, expected) in attacks {
        assert_eq!(
            constraint(sqlx::query(attack).execute(&pool).await),
            expected,
            "{attack}"
        );
    }
    world.stop().await;
}
