//! SQL of lessons and seats. Every query that takes a lesson's id for somebody also
//! takes the viewer.

mod read;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

pub use read::{Filter, find, find_all, list};

use super::{Booking, Lesson};
use crate::{
    availability::slots::Stretch,
    errors::Error,
    ids::{LessonId, UserId},
};

/// Inserts a lesson with its seats.
///
/// # Errors
///
/// The rule that another lesson of the teacher or of the student stands for, or the
/// database's error.
pub async fn insert(conn: &mut PgConnection, lesson: &Lesson) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.lessons (id, teacher_id, during, blocked, status, version,
             schedule_version, changed_role, expire_time, notes, create_time)
         VALUES ($1, $2, tstzrange($3, $4, '[)'), tstzrange($5, $6, '[)'), $7, $8, $9, $10, $11,
             $12, $13)",
        lesson.id.0,
        lesson.teacher_id.0,
        lesson.time.during.start.to_sqlx(),
        lesson.time.during.end.to_sqlx(),
        lesson.time.blocked.start.to_sqlx(),
        lesson.time.blocked.end.to_sqlx(),
        lesson.status.name(),
        lesson.version,
        lesson.schedule_version,
        lesson.changed_role.name(),
        lesson.expire_time.map(jiff_sqlx::ToSqlx::to_sqlx),
        lesson.notes,
        lesson.create_time.to_sqlx(),
    )
    .execute(&mut *conn)
    .await
    .map_err(Error::of_insert)?;
    for booking in &lesson.bookings {
        insert_booking(&mut *conn, lesson, booking).await?;
    }
    Ok(())
}

async fn insert_booking(
    conn: &mut PgConnection,
    lesson: &Lesson,
    booking: &Booking,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, version, create_time)
         VALUES ($1, $2, $3, tstzrange($4, $5, '[)'), $6, $7, $8)",
        booking.id.0,
        lesson.id.0,
        booking.student_id.0,
        lesson.time.during.start.to_sqlx(),
        lesson.time.during.end.to_sqlx(),
        booking.status.name(),
        booking.version,
        lesson.create_time.to_sqlx(),
    )
    .execute(conn)
    .await
    .map_err(Error::of_insert)?;
    Ok(())
}

/// Writes locked lessons with their seats as they are to be.
///
/// # Errors
///
/// The rule that another lesson stands for, or the database's error.
pub async fn update(conn: &mut PgConnection, lessons: &[&Lesson]) -> Result<(), Error> {
    macro_rules! column {
        ($value:expr) => {
            lessons.iter().copied().map($value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "UPDATE lesson.lessons l
         SET during = tstzrange(c.start_time, c.end_time, '[)'),
             blocked = tstzrange(c.blocked_start, c.blocked_end, '[)'), status = c.status,
             version = c.version, schedule_version = c.schedule_version,
             changed_role = c.changed_role, expire_time = c.expire_time,
             canceled_by = c.canceled_by, cancel_reason = c.cancel_reason, notes = c.notes,
             meeting_url = c.meeting_url
         FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[],
             $5::timestamptz[], $6::text[], $7::bigint[], $8::bigint[], $9::text[],
             $10::timestamptz[], $11::uuid[], $12::text[], $13::text[], $14::text[])
             AS c(id, start_time, end_time, blocked_start, blocked_end, status, version,
                  schedule_version, changed_role, expire_time, canceled_by, cancel_reason, notes,
                  meeting_url)
         WHERE l.id = c.id",
        &column!(|lesson: &Lesson| lesson.id.0),
        column!(|lesson: &Lesson| lesson.time.during.start.to_sqlx()) as _,
        column!(|lesson: &Lesson| lesson.time.during.end.to_sqlx()) as _,
        column!(|lesson: &Lesson| lesson.time.blocked.start.to_sqlx()) as _,
        column!(|lesson: &Lesson| lesson.time.blocked.end.to_sqlx()) as _,
        column!(|lesson: &Lesson| lesson.status.name()) as _,
        &column!(|lesson: &Lesson| lesson.version),
        &column!(|lesson: &Lesson| lesson.schedule_version),
        column!(|lesson: &Lesson| lesson.changed_role.name()) as _,
        column!(|lesson: &Lesson| lesson.expire_time.map(jiff_sqlx::ToSqlx::to_sqlx)) as _,
        column!(|lesson: &Lesson| lesson.canceled_by.map(|by| by.0)) as _,
        column!(|lesson: &Lesson| lesson.cancel_reason.as_str()) as _,
        column!(|lesson: &Lesson| lesson.notes.as_str()) as _,
        column!(|lesson: &Lesson| lesson.meeting_url.as_str()) as _,
    )
    .execute(&mut *conn)
    .await
    .map_err(Error::of_insert)?;
    let seats: Vec<_> = lessons.iter().flat_map(|lesson| &lesson.bookings).collect();
    sqlx::query!(
        "UPDATE lesson.bookings b SET status = c.status, version = c.version
         FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS c(id, status, version)
         WHERE b.id = c.id AND b.version <> c.version",
        &seats.iter().map(|seat| seat.id.0).collect::<Vec<_>>(),
        seats
            .iter()
            .map(|seat| seat.status.name())
            .collect::<Vec<_>>() as _,
        &seats.iter().map(|seat| seat.version).collect::<Vec<_>>(),
    )
    .execute(conn)
    .await
    .map_err(Error::of_insert)?;
    Ok(())
}

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
             OR EXISTS (SELECT FROM lesson.bookings b WHERE b.lesson_id = l.id AND b.student_id = $2))
         FOR NO KEY UPDATE OF l",
        id.0,
        viewer.map(|viewer| viewer.0),
    )
    .fetch_optional(conn)
    .await?;
    Ok(locked.is_some())
}

/// Locks a living person until the transaction ends, so that what they hold and learn
/// is decided about one after the other, and answers their name; `None` for nobody and
/// the erased.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_student(conn: &mut PgConnection, id: UserId) -> Result<Option<String>, Error> {
    let name = sqlx::query_scalar!(
        "SELECT display_name FROM lesson.users WHERE id = $1 AND erase_time IS NULL
         FOR NO KEY UPDATE",
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(name)
}

/// The way of a lesson that is to be placed.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// Who is to teach.
    pub teacher: UserId,
    /// Who is to come.
    pub student: UserId,
    /// The lesson's time, with its buffers.
    pub within: Stretch,
    /// Whether the times that the student holds make way, wherever they are.
    pub holds: bool,
}

/// Locks what has run out and stands in the way, of the teacher as of the student, each
/// in both roles, and the student's holds where they make way; in order of id. What ran
/// out is locked and written down because who decides about it may go by another clock.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_in_the_way(
    conn: &mut PgConnection,
    way: Way,
    now: Timestamp,
) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT l.id FROM lesson.lessons l
         WHERE l.id IN (
             SELECT w.id FROM lesson.lessons w
             WHERE (w.teacher_id = $1 OR w.teacher_id = $2) AND w.status IN ('held', 'requested', 'scheduled')
               AND w.blocked && tstzrange($3, $4, '[)') AND w.expire_time <= $5
             UNION ALL
             SELECT b.lesson_id FROM lesson.bookings b JOIN lesson.lessons w ON w.id = b.lesson_id
             WHERE (b.student_id = $1 OR b.student_id = $2) AND b.status IN ('pending', 'confirmed')
               AND b.during && tstzrange($3, $4, '[)') AND w.expire_time <= $5
             UNION ALL
             SELECT b.lesson_id FROM lesson.bookings b JOIN lesson.lessons w ON w.id = b.lesson_id
             WHERE $6 AND b.student_id = $2 AND b.status IN ('pending', 'confirmed')
               AND b.during && tstzrange($5, NULL, '[)') AND w.status = 'held')
           AND (l.status = 'held' OR (l.status = 'requested' AND l.expire_time <= $5))
         ORDER BY l.id FOR NO KEY UPDATE",
        way.teacher.0,
        way.student.0,
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
             WHERE b.student_id = $1 AND lower(b.during) > $2 AND b.status IN ('pending', 'confirmed'))
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
/// the last to describe; notes of those in which they were the only student. Versions
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
    .execute(conn)
    .await?;
    Ok(())
}
