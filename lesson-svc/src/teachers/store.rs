//! SQL of teachers.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Policies, Teacher};
use crate::{errors::Error, ids::UserId};

struct TeacherRow {
    id: Uuid,
    display_name: String,
    time_zone: String,
    lesson_durations_s: Vec<i32>,
    slot_step_s: i32,
    buffer_before_s: i32,
    buffer_after_s: i32,
    min_notice_s: i32,
    booking_horizon_s: i32,
    daily_lesson_limit: Option<i16>,
    requires_approval: bool,
    cancel_notice_s: i32,
    reschedule_notice_s: i32,
    accepting_students: bool,
    subjects: Vec<String>,
    about: String,
    version: i64,
    create_time: jiff_sqlx::Timestamp,
    sort_name: String,
}

impl From<TeacherRow> for Teacher {
    fn from(row: TeacherRow) -> Self {
        let span = |seconds: i32| SignedDuration::from_secs(seconds.into());
        Self {
            id: UserId(row.id),
            display_name: row.display_name,
            time_zone: row.time_zone,
            policies: Policies {
                lesson_durations: row.lesson_durations_s.into_iter().map(span).collect(),
                slot_step: span(row.slot_step_s),
                buffer_before: span(row.buffer_before_s),
                buffer_after: span(row.buffer_after_s),
                min_notice: span(row.min_notice_s),
                booking_horizon: span(row.booking_horizon_s),
                daily_lesson_limit: row.daily_lesson_limit,
                requires_approval: row.requires_approval,
                cancel_notice: span(row.cancel_notice_s),
                reschedule_notice: span(row.reschedule_notice_s),
                accepting_students: row.accepting_students,
                subjects: row.subjects,
            },
            about: row.about,
            version: row.version,
            create_time: row.create_time.to_jiff(),
        }
    }
}

/// `SELECT` of a whole teacher; the tail says which, and how it is locked.
macro_rules! select_teacher {
    ($tail:literal, $($arg:expr),+ $(,)?) => {
        sqlx::query_as!(
            TeacherRow,
            r#"SELECT u.id, u.display_name, u.time_zone, t.lesson_durations_s, t.slot_step_s,
                      t.buffer_before_s, t.buffer_after_s, t.min_notice_s, t.booking_horizon_s,
                      t.daily_lesson_limit, t.requires_approval, t.cancel_notice_s,
                      t.reschedule_notice_s, t.accepting_students, t.subjects, u.about,
                      t.version, t.create_time, lower(u.display_name) AS "sort_name!"
               FROM lesson.teachers t JOIN lesson.users u ON u.id = t.user_id AND t.delete_time IS NULL "#
                + $tail,
            $($arg),+
        )
    };
}

/// A teacher; every registered person may look.
///
/// # Errors
///
/// When the database fails.
pub async fn find(conn: &mut PgConnection, id: UserId) -> Result<Option<Teacher>, Error> {
    let row = select_teacher!("WHERE t.user_id = $1", id.0)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Teacher::from))
}

/// A teacher, locked until the transaction ends: bookings with one teacher and
/// changes of what the teacher allows happen one after the other.
///
/// # Errors
///
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, id: UserId) -> Result<Option<Teacher>, Error> {
    let row = select_teacher!("WHERE t.user_id = $1 FOR NO KEY UPDATE OF t", id.0)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Teacher::from))
}

/// Teachers by name whose name contains `query`, after the one named and identified
/// by `after`; each with the name it is sorted by.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    query: &str,
    after: (&str, Uuid),
    limit: i64,
) -> Result<Vec<(Teacher, String)>, Error> {
    let rows = select_teacher!(
        r#"WHERE u.display_name ILIKE '%' || $1 || '%' ESCAPE '\'
             AND (lower(u.display_name) COLLATE "C", u.id) > ($2, $3)
           ORDER BY lower(u.display_name) COLLATE "C", u.id LIMIT $4"#,
        escape_like(query),
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|mut row| (std::mem::take(&mut row.sort_name), row))
        .map(|(sort_name, row)| (row.into(), sort_name))
        .collect())
}

/// So that a person who types `%` or `_` looks for that character.
fn escape_like(query: &str) -> String {
    let mut escaped = String::with_capacity(query.len());
    for character in query.chars() {
        if matches!(character, '\\' | '%' | '_') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Makes a user a teacher, also one who stopped before; a teacher stays as they are.
///
/// # Errors
///
/// When the database fails.
pub async fn insert(
    conn: &mut PgConnection,
    id: UserId,
    policies: &Policies,
    now: Timestamp,
) -> Result<bool, Error> {
    let written = sqlx::query!(
        "INSERT INTO lesson.teachers AS t (user_id, lesson_durations_s, slot_step_s, buffer_before_s,
             buffer_after_s, min_notice_s, booking_horizon_s, daily_lesson_limit, requires_approval,
             cancel_notice_s, reschedule_notice_s, accepting_students, subjects, subject_keys, create_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (user_id) DO UPDATE
         SET lesson_durations_s = $2, slot_step_s = $3, buffer_before_s = $4, buffer_after_s = $5,
             min_notice_s = $6, booking_horizon_s = $7, daily_lesson_limit = $8,
             requires_approval = $9, cancel_notice_s = $10, reschedule_notice_s = $11,
             accepting_students = $12, subjects = $13, subject_keys = $14,
             version = t.version + 1, delete_time = NULL
         WHERE t.delete_time IS NOT NULL",
        id.0,
        &durations(policies),
        seconds(policies.slot_step),
        seconds(policies.buffer_before),
        seconds(policies.buffer_after),
        seconds(policies.min_notice),
        seconds(policies.booking_horizon),
        policies.daily_lesson_limit,
        policies.requires_approval,
        seconds(policies.cancel_notice),
        seconds(policies.reschedule_notice),
        policies.accepting_students,
        &policies.subjects,
        &policies.subject_keys(),
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Replaces a locked teacher's policies and raises the version.
///
/// # Errors
///
/// When the database fails.
pub async fn update_policies(
    conn: &mut PgConnection,
    id: UserId,
    policies: &Policies,
) -> Result<i64, Error> {
    let version = sqlx::query_scalar!(
        "UPDATE lesson.teachers
         SET lesson_durations_s = $2, slot_step_s = $3, buffer_before_s = $4, buffer_after_s = $5,
             min_notice_s = $6, booking_horizon_s = $7, daily_lesson_limit = $8,
             requires_approval = $9, cancel_notice_s = $10, reschedule_notice_s = $11,
             accepting_students = $12, subjects = $13, subject_keys = $14, version = version + 1
         WHERE user_id = $1 RETURNING version",
        id.0,
        &durations(policies),
        seconds(policies.slot_step),
        seconds(policies.buffer_before),
        seconds(policies.buffer_after),
        seconds(policies.min_notice),
        seconds(policies.booking_horizon),
        policies.daily_lesson_limit,
        policies.requires_approval,
        seconds(policies.cancel_notice),
        seconds(policies.reschedule_notice),
        policies.accepting_students,
        &policies.subjects,
        &policies.subject_keys(),
    )
    .fetch_one(conn)
    .await?;
    Ok(version)
}

fn durations(policies: &Policies) -> Vec<i32> {
    policies
        .lesson_durations
        .iter()
        .copied()
        .map(seconds)
        .collect()
}

/// At most 366 days: fits. What did not would break a CHECK, not a lesson.
fn seconds(span: SignedDuration) -> i32 {
    i32::try_from(span.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::escape_like;

    #[test]
    fn wildcards_are_searched_as_they_are() {
        assert_eq!(escape_like(r"50%_\"), r"50\%\_\\");
    }
}
