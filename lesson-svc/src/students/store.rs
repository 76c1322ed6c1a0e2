//! SQL of students.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Origin, Student};
use crate::{errors::Error, ids::UserId};

/// Whether a person is a teacher's student now.
///
/// # Errors
///
/// When the database fails.
pub async fn is_student(
    conn: &mut PgConnection,
    teacher: UserId,
    student: UserId,
) -> Result<bool, Error> {
    let is_student = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM lesson.students
               WHERE teacher_id = $1 AND student_id = $2 AND end_time IS NULL) AS "is_student!""#,
        teacher.0,
        student.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(is_student)
}

/// Makes a person a teacher's student: true when the relation is new or begins again,
/// false when it was there and stays as it is.
///
/// # Errors
///
/// When the database fails, also when both are one person.
pub async fn insert(
    conn: &mut PgConnection,
    teacher: UserId,
    student: UserId,
    origin: Origin,
    now: Timestamp,
) -> Result<bool, Error> {
    let written = sqlx::query!(
        "INSERT INTO lesson.students AS s (teacher_id, student_id, origin, create_time)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (teacher_id, student_id) DO UPDATE
         SET origin = $3, create_time = $4, end_time = NULL
         WHERE s.end_time IS NOT NULL",
        teacher.0,
        student.0,
        origin.name(),
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Ends a relation; false when the person is not a student of the teacher, and never
/// was. One that ended before stays as it is.
///
/// # Errors
///
/// When the database fails.
pub async fn update_ended(
    conn: &mut PgConnection,
    teacher: UserId,
    student: UserId,
    now: Timestamp,
) -> Result<bool, Error> {
    let ended = sqlx::query!(
        "UPDATE lesson.students SET end_time = coalesce(end_time, $3)
         WHERE teacher_id = $1 AND student_id = $2",
        teacher.0,
        student.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// Ends every relation of a person, as a student and as a teacher.
///
/// # Errors
///
/// When the database fails.
pub async fn update_all_ended(
    conn: &mut PgConnection,
    person: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.students SET end_time = $2 WHERE student_id = $1 AND end_time IS NULL",
        person.0,
        now.to_sqlx(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.students SET end_time = $2 WHERE teacher_id = $1 AND end_time IS NULL",
        person.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A teacher's students by name, after the one named and identified by `after`; each
/// with the name it is sorted by.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    teacher: UserId,
    after: (&str, Uuid),
    limit: i64,
) -> Result<Vec<(Student, String)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT u.id, u.display_name, u.time_zone, s.origin, s.create_time,
                  lower(u.display_name) AS "sort_name!"
           FROM lesson.students s JOIN lesson.users u ON u.id = s.student_id
           WHERE s.teacher_id = $1 AND s.end_time IS NULL
             AND (lower(u.display_name) COLLATE "C", u.id) > ($2, $3)
           ORDER BY lower(u.display_name) COLLATE "C", u.id LIMIT $4"#,
        teacher.0,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let student = Student {
                id: UserId(row.id),
                display_name: row.display_name,
                time_zone: row.time_zone,
                origin: Origin::from_name(&row.origin).ok_or(Error::Corrupt("students.origin"))?,
                create_time: row.create_time.to_jiff(),
            };
            Ok((student, row.sort_name))
        })
        .collect()
}
