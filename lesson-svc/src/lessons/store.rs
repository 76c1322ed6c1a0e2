//! SQL of lessons and seats. Every query that takes a lesson's id for somebody also
//! takes the viewer.

mod gathered;
mod read;
mod write;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

pub use gathered::{find_span_ahead, lock_ahead_of_groups, lock_to_reconfirm, update_capacities};
pub use read::{Filter, Of, find, find_all, is_series_seen, list, list_of};
pub use write::{insert, insert_seats, raise, update};

use crate::{
    availability::slots::Stretch,
    errors::Error,
    ids::{LessonId, UserId},
};

/// Locks a lesson that `viewer` may see (`None`: any) until the transaction ends; false
/// when there is none.
///
/// # Errors
///
/// When the database fails.
pub async fn lock(
    conn: &mut PgConnection,
    viewer: Option<UserId>,
    id: LessonId,
) -> Result<bool, Error> {
    let locked = sqlx::query_scalar!(
        "SELECT l.id FROM lesson.lessons l
         WHERE l.id = $1 AND ($2::uuid IS NULL OR l.teacher_id = $2
             OR EXISTS (SELECT FROM lesson.bookings b WHERE b.lesson_id = l.id AND b.student_id = $2)
             OR EXISTS (SELECT FROM lesson.group_members m WHERE m.group_id = l.group_id
                        AND m.student_id = $2 AND m.end_time IS NULL))
         FOR NO KEY UPDATE OF l",
        id.0,
        viewer.map(|viewer| viewer.0),
    )
    .fetch_optional(conn)
    .await?;
    Ok(locked.is_some())
}

/// Locks living people until the transaction ends, in order of id, so that what they hold
/// and learn is decided about one after the other, and answers their names; nobody and the
/// erased are left out.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_students(
    conn: &mut PgConnection,
    ids: &[UserId],
) -> Result<BTreeMap<UserId, String>, Error> {
    let rows = sqlx::query!(
        "SELECT id, display_name FROM lesson.users WHERE id = ANY($1) AND erase_time IS NULL
         ORDER BY id FOR NO KEY UPDATE",
        &ids.iter().map(|id| id.0).collect::<Vec<_>>(),
    )
    .fetch_all(conn)
    .await?;
    let names = rows
        .into_iter()
        .map(|row| (UserId(row.id), row.display_name));
    Ok(names.collect())
}

/// The way of lessons that are to be placed.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// Who is to teach.
    pub teacher: UserId,
    /// Who is to come.
    pub students: &'a [UserId],
    /// The lessons' time, with its buffers.
    pub within: Stretch,
    /// Whether the times that the students hold make way, wherever they are.
    pub holds: bool,
}

/// Locks what has run out and stands in the way, of the teacher as of the students, each
/// in both roles, and the students' holds where they make way; in order of id. What ran
/// out is locked and written down because who decides about it may go by another clock.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_in_the_way(
    conn: &mut PgConnection,
    way: Way<'_>,
    now: Timestamp,
) -> Result<Vec<Uuid>, Error> {
    let students: Vec<_> = way.students.iter().map(|student| student.0).collect();
    let ids = sqlx::query_scalar!(
        r#"SELECT l.id FROM lesson.lessons l
         WHERE l.id IN (
             SELECT w.id FROM unnest($1::uuid || $2::uuid[]) AS p(id)
                 JOIN lesson.lessons w ON w.teacher_id = p.id
             WHERE w.status IN ('held', 'requested', 'scheduled')
               AND w.blocked && tstzrange($3, $4, '[)') AND w.expire_time <= $5
             UNION ALL
             SELECT b.lesson_id FROM unnest($1::uuid || $2::uuid[]) AS p(id)
                 JOIN lesson.bookings b ON b.student_id = p.id
                 JOIN lesson.lessons w ON w.id = b.lesson_id
             WHERE b.status IN ('pending', 'confirmed')
               AND b.during && tstzrange($3, $4, '[)') AND w.expire_time <= $5
             UNION ALL
             SELECT b.lesson_id FROM unnest($2::uuid[]) AS p(id)
                 JOIN lesson.bookings b ON b.student_id = p.id
                 JOIN lesson.lessons w ON w.id = b.lesson_id
             WHERE $6 AND b.status IN ('pending', 'confirmed')
               AND b.during && tstzrange($5, NULL, '[)') AND w.status = 'held')
           AND (l.status = 'held' OR (l.status = 'requested' AND l.expire_time <= $5))
         ORDER BY l.id FOR NO KEY UPDATE"#,
        way.teacher.0,
        &students,
        way.within.start.to_sqlx(),
        way.within.end.to_sqlx(),
        now.to_sqlx(),
        way.holds,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// How many requests of a locked student wait for decisions.
///
/// # Errors
///
/// When the database fails.
pub async fn count_requests(
    conn: &mut PgConnection,
    student: UserId,
    now: Timestamp,
) -> Result<usize, Error> {
    let waiting = sqlx::query_scalar!(
        r#"SELECT count(*) AS "waiting!"
           FROM lesson.bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
           WHERE b.student_id = $1 AND b.status = 'pending' AND lower(b.during) > $2
             AND l.status = 'requested' AND l.expire_time > $2"#,
        student.0,
        now.to_sqlx(),
    )
    .fetch_one(conn)
    .await?;
    Ok(usize::try_from(waiting).unwrap_or(usize::MAX))
}

/// Locks up to `limit` holds and requests that have run out, the oldest first, and
/// passes over those that somebody else has.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_run_out(
    conn: &mut PgConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM lesson.lessons
         WHERE status IN ('held', 'requested') AND expire_time <= $1
         ORDER BY expire_time LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED",
        now.to_sqlx(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Locks whatever a person's erasure changes of lessons, in order of id: what is ahead of
/// them, and where they may have left a text.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_of(conn: &mut PgConnection, person: UserId, now: Timestamp) -> Result<(), Error> {
    sqlx::query!(
        "SELECT l.id FROM lesson.lessons l
         WHERE l.id IN (
             SELECT t.id FROM lesson.lessons t WHERE t.teacher_id = $1
             UNION ALL
             SELECT t.id FROM lesson.lessons t WHERE t.canceled_by = $1 AND t.cancel_reason <> ''
             UNION ALL
             SELECT b.lesson_id FROM lesson.bookings b WHERE b.student_id = $1
             UNION ALL
             SELECT c.lesson_id FROM lesson.lesson_changes c
             WHERE c.actor_id = $1 AND c.actor_role = 'admin' AND c.kind IN ('booked', 'updated')
             UNION ALL
             SELECT o.lesson_id FROM lesson.series s JOIN lesson.series_occurrences o ON o.series_id = s.id
             WHERE s.described_by = $1)
           AND (lower(l.during) > $2 OR l.notes <> '' OR l.meeting_url <> '' OR l.cancel_reason <> '')
         ORDER BY l.id FOR NO KEY UPDATE",
        person.0,
        now.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Locks the living lessons of a person, as teacher and as student, that begin after
/// `now`; in order of id.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_ahead(
    conn: &mut PgConnection,
    person: UserId,
    now: Timestamp,
) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT l.id FROM lesson.lessons l
         WHERE l.id IN (
             SELECT t.id FROM lesson.lessons t WHERE t.teacher_id = $1 AND lower(t.during) > $2
             UNION ALL
             SELECT b.lesson_id FROM lesson.bookings b
             WHERE b.student_id = $1 AND lower(b.during) > $2
               AND b.status IN ('pending', 'confirmed', 'reconfirm'))
           AND l.status IN ('held', 'requested', 'scheduled')
         ORDER BY l.id FOR NO KEY UPDATE",
        person.0,
        now.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Whether a teacher has lessons that have not begun.
///
/// # Errors
///
/// When the database fails.
pub async fn has_lessons_ahead(
    conn: &mut PgConnection,
    teacher: UserId,
    now: Timestamp,
) -> Result<bool, Error> {
    let ahead = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM lesson.lessons
               WHERE teacher_id = $1 AND lower(during) > $2
                 AND status IN ('held', 'requested', 'scheduled')
                 AND (expire_time IS NULL OR expire_time > $2)
           ) AS "ahead!""#,
        teacher.0,
        now.to_sqlx(),
    )
    .fetch_one(conn)
    .await?;
    Ok(ahead)
}

/// Forgets the texts that a person gave: reasons of their cancellations and refusals;
/// notes and links of the lessons they taught, and of those that they as an admin were
/// the last to describe, by themselves or with their series; notes of those in which they were the only student. Versions
/// stay: a text that nobody may read any more is no change to tell of.
///
/// # Errors
///
/// When the database fails.
pub async fn forget_texts(conn: &mut PgConnection, person: UserId) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.lessons SET cancel_reason = ''
         WHERE canceled_by = $1 AND cancel_reason <> ''",
        person.0,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.lessons SET notes = '', meeting_url = ''
         WHERE teacher_id = $1 AND (notes <> '' OR meeting_url <> '')",
        person.0,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.lessons l SET notes = ''
         WHERE l.id IN (SELECT b.lesson_id FROM lesson.bookings b WHERE b.student_id = $1)
           AND l.notes <> ''
           AND NOT EXISTS (SELECT FROM lesson.bookings o WHERE o.lesson_id = l.id AND o.student_id <> $1)",
        person.0,
    )
    .execute(&mut *conn)
    .await?;
    // Which of the two texts a line of history changed it does not tell. Who described the
    // lesson after the admin made both their own.
    sqlx::query!(
        "UPDATE lesson.lessons l SET notes = '', meeting_url = ''
         WHERE l.id IN (
             SELECT c.lesson_id FROM lesson.lesson_changes c
             WHERE c.actor_id = $1 AND c.actor_role = 'admin' AND c.kind IN ('booked', 'updated')
               AND NOT EXISTS (SELECT FROM lesson.lesson_changes later
                               WHERE later.lesson_id = c.lesson_id AND later.version > c.version
                                 AND later.kind = 'updated'))
           AND (l.notes <> '' OR l.meeting_url <> '')",
        person.0,
    )
    .execute(&mut *conn)
    .await?;
    // What the job booked since has an admin's words of the series, in the teacher's name.
    sqlx::query!(
        "UPDATE lesson.lessons l SET notes = '', meeting_url = ''
         FROM lesson.series s JOIN lesson.series_occurrences o ON o.series_id = s.id
         WHERE s.described_by = $1 AND l.id = o.lesson_id
           AND l.notes = s.notes AND l.meeting_url = s.meeting_url
           AND (l.notes <> '' OR l.meeting_url <> '')",
        person.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}
