//! SQL of groups' lessons and the seats in them.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    availability::slots::Stretch,
    errors::Error,
    ids::{GroupId, UserId},
};

/// From the first start to the last end of a group's lessons that have not begun; `None`
/// when there are none.
///
/// # Errors
///
/// When the database fails.
pub async fn find_span_ahead(
    conn: &mut PgConnection,
    group: GroupId,
    now: Timestamp,
) -> Result<Option<Stretch>, Error> {
    let row = sqlx::query!(
        r#"SELECT min(lower(during)) AS start_time, max(upper(during)) AS end_time
           FROM lesson.lessons
           WHERE group_id = $1 AND lower(during) > $2 AND status = 'scheduled'"#,
        group.0,
        now.to_sqlx(),
    )
    .fetch_one(conn)
    .await?;
    let span = row.start_time.zip(row.end_time);
    Ok(span.map(|(start, end)| Stretch {
        start: start.to_jiff(),
        end: end.to_jiff(),
    }))
}

/// Locks the lessons of groups that have not begun, of a student only those in which they
/// have a seat; in order of id.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_ahead_of_groups(
    conn: &mut PgConnection,
    groups: &[Uuid],
    student: Option<UserId>,
    now: Timestamp,
) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT l.id FROM lesson.lessons l
         WHERE l.group_id = ANY($1) AND lower(l.during) > $2 AND l.status = 'scheduled'
           AND ($3::uuid IS NULL OR EXISTS (
               SELECT FROM lesson.bookings b
               WHERE b.lesson_id = l.id AND b.student_id = $3
                 AND b.status IN ('confirmed', 'reconfirm')))
         ORDER BY l.id FOR NO KEY UPDATE",
        groups,
        now.to_sqlx(),
        student.map(|student| student.0),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Gives the lessons ahead of a locked group as many seats as it holds now, but for those
/// with open seats. Nobody is told; their versions rise for whoever keeps copies, and as
/// nobody's seat changes, nothing that was read before is stale (ADR 17).
///
/// # Errors
///
/// When the database fails.
pub async fn update_capacities(
    conn: &mut PgConnection,
    group: GroupId,
    capacity: i16,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.lessons SET capacity = $2, version = version + 1
         WHERE id IN (
             SELECT l.id FROM lesson.lessons l
             WHERE l.group_id = $1 AND lower(l.during) > $3 AND l.status = 'scheduled'
               AND NOT l.open_seats AND l.capacity < $2
             ORDER BY l.id FOR NO KEY UPDATE)",
        group.0,
        capacity,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks lessons with seats whose students did not say in time whether they come, those
/// that ran out first before others, and passes over those that somebody else has.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_to_reconfirm(
    conn: &mut PgConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT l.id FROM lesson.lessons l
         WHERE l.id = ANY(ARRAY(
             SELECT b.lesson_id FROM lesson.bookings b
             WHERE b.status = 'reconfirm' AND b.reconfirm_expire_time <= $1
             ORDER BY b.reconfirm_expire_time LIMIT $2))
         ORDER BY l.id FOR NO KEY UPDATE SKIP LOCKED",
        now.to_sqlx(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}
