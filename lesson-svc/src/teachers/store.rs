//! SQL of teachers.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Policies, Teacher};
use crate::{errors::Error, ids::UserId, users::anywhere};

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

/// Those of these people who teach, locked as by [`lock`] in order of id.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_all(conn: &mut PgConnection, ids: &[UserId]) -> Result<Vec<Teacher>, Error> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let rows = select_teacher!(
        "WHERE t.user_id = ANY($1) ORDER BY t.user_id FOR NO KEY UPDATE OF t",
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Teacher::from).collect())
}

/// Which teachers are searched.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    /// Part of a name, any case; empty: every name.
    pub query: &'a str,
    /// A subject's key ([`super::policies::subject_key`]); empty: every subject.
    pub subject: &'a str,
    /// Only those who take new students.
    pub only_accepting: bool,
}

/// Teachers by name, after the one named and identified by `after`; each with the name
/// it is sorted by.
///
/// # Errors
///
/// When the database fails.
pub async fn search(
    conn: &mut PgConnection,
    filter: Filter<'_>,
    after: (&str, Uuid),
    limit: i64,
) -> Result<Vec<(Teacher, String)>, Error> {
    let (name, id) = after;
    let accepting = filter.only_accepting;
    let pattern = anywhere(filter.query);
    // A statement each, so that each has a plan of its own: by name, by subject, by part
    // of a name, or by both of these.
    let rows = match (filter.query, filter.subject) {
        ("", "") => {
            select_teacher!(
                r#"WHERE (lower(u.display_name) COLLATE "C", u.id) > ($1, $2)
                     AND (NOT $4 OR t.accepting_students)
                   ORDER BY lower(u.display_name) COLLATE "C", u.id LIMIT $3"#,
                name,
                id,
                limit,
                accepting,
            )
            .fetch_all(conn)
            .await?
        }
        ("", subject) => {
            select_teacher!(
                r#"WHERE (lower(u.display_name) COLLATE "C", u.id) > ($1, $2)
                     AND (NOT $4 OR t.accepting_students) AND t.subject_keys @> ARRAY[$5::text]
                   ORDER BY lower(u.display_name) COLLATE "C", u.id LIMIT $3"#,
                name,
                id,
                limit,
                accepting,
                subject,
            )
            .fetch_all(conn)
            .await?
        }
        (_, "") => {
            select_teacher!(
                r#"WHERE (lower(u.display_name) COLLATE "C", u.id) > ($1, $2)
                     AND (NOT $4 OR t.accepting_students) AND lower(u.display_name) LIKE lower($5)
                   ORDER BY lower(u.display_name) COLLATE "C", u.id LIMIT $3"#,
                name,
                id,
                limit,
                accepting,
                pattern,
            )
            .fetch_all(conn)
            .await?
        }
        (_, subject) => {
            select_teacher!(
                r#"WHERE (lower(u.display_name) COLLATE "C", u.id) > ($1, $2)
                     AND (NOT $4 OR t.accepting_students) AND lower(u.display_name) LIKE lower($5)
                     AND t.subject_keys @> ARRAY[$6::text]
                   ORDER BY lower(u.display_name) COLLATE "C", u.id LIMIT $3"#,
                name,
                id,
                limit,
                accepting,
                pattern,
                subject,
            )
            .fetch_all(conn)
            .await?
        }
    };
    Ok(named(rows))
}

/// The teachers of a student by name, after the one named and identified by `after`;
/// each with the name it is sorted by.
///
/// # Errors
///
/// When the database fails.
pub async fn list_of_student(
    conn: &mut PgConnection,
    student: UserId,
    after: (&str, Uuid),
    limit: i64,
) -> Result<Vec<(Teacher, String)>, Error> {
    let rows = select_teacher!(
        r#"JOIN lesson.students s ON s.teacher_id = t.user_id AND s.end_time IS NULL
           WHERE s.student_id = $1 AND (lower(u.display_name) COLLATE "C", u.id) > ($2, $3)
           ORDER BY lower(u.display_name) COLLATE "C", u.id LIMIT $4"#,
        student.0,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(named(rows))
}

fn named(rows: Vec<TeacherRow>) -> Vec<(Teacher, String)> {
    rows.into_iter()
        .map(|mut row| (std::mem::take(&mut row.sort_name), row))
        .map(|(sort_name, row)| (row.into(), sort_name))
        .collect()
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

/// Marks that a locked teacher stopped teaching.
///
/// # Errors
///
/// When the database fails.
pub async fn update_deleted(
    conn: &mut PgConnection,
    id: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.teachers SET delete_time = $2, version = version + 1 WHERE user_id = $1",
        id.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Of a person who is being erased, keeps no more than that they taught: subjects,
/// hours of work and time off go. Nothing for those who never taught.
///
/// # Errors
///
/// When the database fails.
pub async fn update_erased(
    conn: &mut PgConnection,
    id: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.teachers
         SET delete_time = coalesce(delete_time, $2), subjects = '{}', subject_keys = '{}',
             version = version + 1
         WHERE user_id = $1",
        id.0,
        now.to_sqlx(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "DELETE FROM lesson.availabilities WHERE teacher_id = $1",
        id.0
    )
    .execute(conn)
    .await?;
    Ok(())
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
