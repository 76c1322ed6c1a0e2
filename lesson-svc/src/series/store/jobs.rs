//! SQL of what time does with series, and of what others do to all series of a person.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    errors::Error,
    ids::{GroupId, SeriesId, UserId},
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
        "UPDATE lesson.series SET due_time = $2 WHERE id = ANY(ARRAY(
             SELECT id FROM lesson.series WHERE due_time <= $1
             ORDER BY due_time LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED))
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
        "UPDATE lesson.series SET due_time = $2 WHERE id IN (
             SELECT id FROM lesson.series WHERE teacher_id = $1 AND due_time > $2
             ORDER BY id FOR NO KEY UPDATE)",
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

/// What happens to people, and so to series of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A person is erased: what they teach, learn or wrote into, and what goes on in the
    /// groups that they are in.
    Person(UserId),
    /// Somebody is no student any more: those of which something is yet to be booked of the
    /// teacher with them alone, and what goes on in the teacher's groups that they are in.
    Pair {
        /// Who teaches.
        teacher: UserId,
        /// Who learns.
        student: UserId,
    },
    /// Somebody comes into a group or leaves it: what goes on in it.
    Group(GroupId),
}

/// Locks series until the transaction ends, in order of id; after teachers, before groups and
/// lessons. A series goes on while its pattern or a lesson that moved out of it is ahead.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_of(conn: &mut PgConnection, of: Of, now: Timestamp) -> Result<Vec<Uuid>, Error> {
    let (person, pair, group) = match of {
        Of::Person(person) => (Some(person), None, None),
        Of::Pair { teacher, student } => (None, Some((teacher, student)), None),
        Of::Group(group) => (None, None, Some(group)),
    };
    let (teacher, student) = pair.unzip();
    let ids = sqlx::query_scalar!(
        "SELECT s.id FROM lesson.series s WHERE s.id IN (
             SELECT o.id FROM lesson.series o WHERE o.teacher_id = $1
             UNION ALL
             SELECT o.id FROM lesson.series o WHERE o.student_id = $1
             UNION ALL
             SELECT o.id FROM lesson.series o WHERE o.changed_by = $1 AND o.cancel_reason <> ''
             UNION ALL
             SELECT o.id FROM lesson.series o WHERE o.described_by = $1
             UNION ALL
             SELECT o.id FROM lesson.series o
             WHERE o.teacher_id = $2 AND o.student_id = $3 AND o.due_time IS NOT NULL
             UNION ALL
             SELECT o.id FROM lesson.series o
             WHERE o.status = 'running'
               AND o.group_id = ANY(ARRAY(
                   SELECT $4::uuid
                   UNION ALL
                   SELECT m.group_id FROM lesson.group_members m
                   WHERE m.student_id = coalesce($1, $3) AND m.end_time IS NULL
                     AND ($2::uuid IS NULL OR m.teacher_id = $2)))
               AND (o.last_start_time > $5 OR EXISTS (
                   SELECT FROM lesson.series_occurrences c JOIN lesson.lessons l ON l.id = c.lesson_id
                   WHERE c.series_id = o.id AND l.status = 'scheduled' AND lower(l.during) > $5)))
         ORDER BY s.id FOR NO KEY UPDATE",
        person.map(|person| person.0),
        teacher.map(|teacher: UserId| teacher.0),
        student.map(|student: UserId| student.0),
        group.map(|group| group.0),
        now.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Forgets the texts that a person gave: the reasons of their cancellations, notes and links
/// of the series they taught, and of those that they as an admin were the last to describe;
/// notes of those in which they were the only student.
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
         WHERE (teacher_id = $1 OR described_by = $1) AND (notes <> '' OR meeting_url <> '')",
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
