//! Attacks on lessons, seats and history with plain SQL.

use sqlx::PgPool;
use uuid::Uuid;

use super::{DURING, booked, constraint};

/// What a lesson must have beside its status, as SQL.
fn beside(status: &str, teacher: Uuid) -> (&'static str, String) {
    let waits = matches!(status, "held" | "requested");
    let ended = matches!(status, "canceled" | "declined");
    let expire = if waits { "now()" } else { "NULL" };
    let by = if ended {
        format!("'{teacher}'")
    } else {
        "NULL".to_owned()
    };
    (expire, by)
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn lessons_overlap_in_no_status_that_takes_the_time(pool: PgPool) {
    let (world, teacher, _, lesson) = booked(&pool).await;
    let statuses = ["held", "requested", "scheduled"];
    let over = ["canceled", "declined", "lapsed"];
    for there in statuses {
        let (expire, _) = beside(there, teacher);
        let sql = format!(
            "UPDATE lesson.lessons SET status = '{there}', expire_time = {expire} WHERE id = '{lesson}'"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&pool)
            .await
            .unwrap();
        for new in statuses.iter().chain(&over) {
            let (expire, by) = beside(new, teacher);
            let sql = format!(
                "INSERT INTO lesson.lessons (id, teacher_id, during, blocked, status, expire_time,
                     canceled_by, create_time)
                 VALUES (gen_random_uuid(), '{teacher}', '{DURING}', '{DURING}', '{new}',
                     {expire}, {by}, now())"
            );
            let answer = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await;
            if over.contains(new) {
                assert_eq!(answer.unwrap().rows_affected(), 1, "{there} {new}");
            } else {
                assert_eq!(
                    constraint(answer),
                    "lessons_teacher_no_overlap",
                    "{there} {new}"
                );
            }
        }
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_student_has_one_living_seat_in_a_lesson(pool: PgPool) {
    let (world, _, _, _) = booked(&pool).await;
    for (first, second, expected) in [
        ("confirmed", "confirmed", false),
        ("confirmed", "pending", false),
        ("pending", "pending", false),
        ("pending", "confirmed", false),
        ("confirmed", "canceled", true),
        ("confirmed", "late_canceled", true),
    ] {
        let mut tx = pool.begin().await.unwrap();
        // Two seats of one lesson overlap as well: without that rule the other stands.
        sqlx::query("ALTER TABLE lesson.bookings DROP CONSTRAINT bookings_student_no_overlap")
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query("UPDATE lesson.bookings SET status = $1")
            .bind(first)
            .execute(&mut *tx)
            .await
            .unwrap();
        let answer = sqlx::query(
            "INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time)
             SELECT gen_random_uuid(), lesson_id, student_id, during, $1, now()
             FROM lesson.bookings",
        )
        .bind(second)
        .execute(&mut *tx)
        .await;
        if expected {
            assert_eq!(answer.unwrap().rows_affected(), 1, "{first} {second}");
        } else {
            assert_eq!(constraint(answer), "bookings_one_living_seat");
        }
        tx.rollback().await.unwrap();
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn wrong_lessons_seats_and_histories_break_named_constraints(pool: PgPool) {
    let (world, _, _, _) = booked(&pool).await;
    let line = "INSERT INTO lesson.lesson_changes (lesson_id, version, kind, actor_id, actor_role,
                    change_time, during, previous)
                SELECT lesson_id, 2,";
    let history = |values: &str| format!("{line} {values} FROM lesson.lesson_changes");
    let update = |set: &str| format!("UPDATE lesson.lessons SET {set}");
    let waiting = "lessons_waiting_runs_out";
    let somebody = "lessons_canceled_by_somebody";
    let attacks = [
        (update("status = 'held'"), waiting),
        (update("status = 'requested'"), waiting),
        (update("expire_time = now()"), waiting),
        (update("status = 'lapsed', expire_time = now()"), waiting),
        (update("status = 'canceled'"), somebody),
        (update("status = 'declined'"), somebody),
        (update("canceled_by = teacher_id"), somebody),
        (
            update("status = 'lapsed', canceled_by = teacher_id"),
            somebody,
        ),
        (
            update("schedule_version = version + 1"),
            "lessons_versions_positive",
        ),
        (update("schedule_version = 0"), "lessons_versions_positive"),
        (
            update("changed_role = 'guest'"),
            "lessons_changed_role_known",
        ),
        (update("notes = repeat('я', 2001)"), "lessons_notes_length"),
        (
            update("meeting_url = repeat('x', 501)"),
            "lessons_meeting_url_length",
        ),
        (
            "UPDATE lesson.bookings SET during = '[2026-06-01 12:00Z,2026-06-01 12:30Z)'"
                .to_owned(),
            "bookings_lesson",
        ),
        (
            "UPDATE lesson.bookings SET version = 0".to_owned(),
            "bookings_version_positive",
        ),
        (
            history("'gossip', actor_id, actor_role, now(), during, NULL"),
            "lesson_changes_kind_known",
        ),
        (
            history("'updated', actor_id, 'guest', now(), during, NULL"),
            "lesson_changes_role_known",
        ),
        (
            history("'lapsed', actor_id, 'system', now(), during, NULL"),
            "lesson_changes_actor_unless_system",
        ),
        (
            history("'updated', NULL, 'teacher', now(), during, NULL"),
            "lesson_changes_actor_unless_system",
        ),
        (
            history("'moved', actor_id, actor_role, now(), during, NULL"),
            "lesson_changes_previous_of_moves",
        ),
        (
            history("'updated', actor_id, actor_role, now(), during, during"),
            "lesson_changes_previous_of_moves",
        ),
    ];
    for (attack, expected) in attacks {
        let answer = sqlx::query(sqlx::AssertSqlSafe(attack.clone())).execute(&pool);
        assert_eq!(constraint(answer.await), expected, "{attack}");
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn history_is_not_rewritten(pool: PgPool) {
    let (world, _, _, _) = booked(&pool).await;
    for attack in [
        "UPDATE lesson.lesson_changes SET kind = 'confirmed'",
        "UPDATE lesson.lesson_changes SET version = version",
        "DELETE FROM lesson.lesson_changes",
        "TRUNCATE lesson.lesson_changes",
        "TRUNCATE lesson.lessons CASCADE",
    ] {
        let answer = sqlx::query(attack).execute(&pool).await;
        let error = answer.unwrap_err().into_database_error().unwrap();
        assert_eq!(error.code().as_deref(), Some("23000"), "{attack}");
        assert_eq!(
            error.constraint(),
            Some("lesson_changes_append_only"),
            "{attack}"
        );
    }
    let deleted = sqlx::query("DELETE FROM lesson.lessons")
        .execute(&pool)
        .await;
    assert!(constraint(deleted).starts_with("lesson_changes_"));
    let lines: i64 = sqlx::query_scalar("SELECT count(*) FROM lesson.lesson_changes")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(lines, 1);
    world.stop().await;
}
