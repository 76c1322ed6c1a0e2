//! SQL of what time does with series, and of what others do to all series of a person.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    errors::Error,
    ids::{SeriesId, UserId},
};

/// Takes up to `limit` series whose time to book has come, the longest due first, for until
/// `lease`: other replicas pass over them, and one that dies leaves them due again.
///
/// # Errors
///
/// When the database fails.
pub async fn lease_due(
    conn: &mut PgConnection,
    now: Timestamp,
    lease: Timestamp,
    limit: i64,
) -> Result<Vec<SeriesId>, Error> {
    let ids = sqlx::query_scalar!(
        "UPDATE lesson.series SET due_time = $2 WHERE id IN (
             SELECT id FROM lesson.series WHERE due_time <= $1
             ORDER BY due_time LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
         RETURNING id",
        now.to_sqlx(),
        lease.to_sqlx(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(SeriesId).collect())
}

/// Makes all undecided series of a teacher due, whose lessons are booked further ahead now.
///
/// # Errors
///
/// When the database fails.
pub async fn update_due(
    conn: &mut PgConnection,
    teacher: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.series SET due_time = $2 WHERE teacher_id = $1 AND due_time > $2",
        teacher.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a teacher has series that are yet to be booked.
///
/// # Errors
///
/// When the database fails.
pub async fn has_due(conn: &mut PgConnection, teacher: UserId) -> Result<bool, Error> {
    let has_due = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM lesson.series
               WHERE teacher_id = $1 AND due_time IS NOT NULL) AS "has_due!""#,
        teacher.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(has_due)
}

/// A teacher's running series in another zone than this one, the newest first.
///
/// # Errors
///
/// When the database fails.
pub async fn list_elsewhere(
    conn: &mut PgConnection,
    teacher: UserId,
    time_zone: &str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<SeriesId>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM lesson.series
         WHERE teacher_id = $1 AND status = 'running' AND time_zone <> $2
           AND last_start_time + make_interval(secs => duration_s) > $3
         ORDER BY create_time DESC, id DESC LIMIT $4",
        teacher.0,
        time_zone,
        now.to_sqlx(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(SeriesId).collect())
}

/// Whose series, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A person's running ones, as teacher and as the one student.
    Person(UserId),
    /// Those of which something is yet to be booked, of a teacher with one student.
    Pair {
        /// Who teaches.
        teacher: UserId,
        /// Who learns.
        student: UserId,
    },
}

/// Locks series until the transaction ends, in order of id.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_of(conn: &mut PgConnection, of: Of) -> Result<Vec<Uuid>, Error> {
    let ids = match of {
        Of::Person(person) => {
            sqlx::query_scalar!(
                "SELECT id FROM lesson.series
                 WHERE (teacher_id = $1 OR student_id = $1) AND status = 'running'
                 ORDER BY id FOR NO KEY UPDATE",
                person.0,
            )
            .fetch_all(conn)
            .await?
        }
        Of::Pair { teacher, student } => {
            sqlx::query_scalar!(
                "SELECT id FROM lesson.series
                 WHERE teacher_id = $1 AND student_id = $2 AND due_time IS NOT NULL
                 ORDER BY id FOR NO KEY UPDATE",
                teacher.0,
                student.0,
            )
            .fetch_all(conn)
            .await?
        }
    };
    Ok(ids)
}

/// The running series of a group, in order of id; its teacher is locked.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_of_group(conn: &mut PgConnection, group: Uuid) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM lesson.series WHERE group_id = $1 AND status = 'running'
         ORDER BY id FOR NO KEY UPDATE",
        group,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Forgets the texts that a person gave: the reasons of their cancellations, notes and links
/// of the series they taught, notes of those in which they were the only student.
///
/// # Errors
///
/// When the database fails.
pub async fn forget_texts(conn: &mut PgConnection, person: UserId) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.series SET cancel_reason = '' WHERE changed_by = $1 AND cancel_reason <> ''",
        person.0,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.series SET notes = '', meeting_url = ''
         WHERE teacher_id = $1 AND (notes <> '' OR meeting_url <> '')",
        person.0,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.series SET notes = '' WHERE student_id = $1 AND notes <> ''",
        person.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}
