//! SQL of lessons and seats. Every query that takes a lesson's id also takes the
//! viewer.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Booking, BookingStatus, Lesson, LessonStatus};
use crate::{
    availability::slots::{Bookable, Stretch},
    errors::Error,
    ids::{BookingId, LessonId, UserId},
};

/// No lesson is longer: the bound of `TeacherPolicies.lesson_duration`. It lets a
/// search for lessons that end after an instant begin in the index by start.
const LONGEST_LESSON: SignedDuration = SignedDuration::from_hours(8);

/// Inserts a lesson.
///
/// # Errors
///
/// The rule that another lesson of the teacher stands for, or the database's error.
pub async fn insert(
    conn: &mut PgConnection,
    id: LessonId,
    teacher: UserId,
    time: Bookable,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.lessons (id, teacher_id, during, blocked, status, create_time)
         VALUES ($1, $2, tstzrange($3, $4, '[)'), tstzrange($5, $6, '[)'), 'scheduled', $7)",
        id.0,
        teacher.0,
        time.during.start.to_sqlx(),
        time.during.end.to_sqlx(),
        time.blocked.start.to_sqlx(),
        time.blocked.end.to_sqlx(),
        now.to_sqlx(),
    )
    .execute(conn)
    .await
    .map_err(Error::of_insert)?;
    Ok(())
}

/// Inserts a student's seat in a lesson.
///
/// # Errors
///
/// The rule that another lesson of the student stands for, or the database's error.
pub async fn insert_booking(
    conn: &mut PgConnection,
    id: BookingId,
    lesson: LessonId,
    student: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time)
         SELECT $1, l.id, $3, l.during, 'confirmed', $4 FROM lesson.lessons l WHERE l.id = $2",
        id.0,
        lesson.0,
        student.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await
    .map_err(Error::of_insert)?;
    Ok(())
}

/// Locks a lesson that `viewer` takes part in until the transaction ends; false when
/// there is none.
///
/// # Errors
///
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, viewer: UserId, id: LessonId) -> Result<bool, Error> {
    let locked = sqlx::query_scalar!(
        "SELECT l.id FROM lesson.lessons l
         WHERE l.id = $1 AND (l.teacher_id = $2
             OR EXISTS (SELECT FROM lesson.bookings b WHERE b.lesson_id = l.id AND b.student_id = $2))
         FOR NO KEY UPDATE OF l",
        id.0,
        viewer.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(locked.is_some())
}

/// A lesson that `viewer` takes part in, with the seats the viewer may see.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    viewer: UserId,
    id: LessonId,
) -> Result<Option<Lesson>, Error> {
    Ok(load(conn, Some(viewer), &[id.0]).await?.pop())
}

/// A lesson with all its seats, for the snapshot; never for an answer.
///
/// # Errors
///
/// When the database fails.
pub async fn find_for_snapshot(
    conn: &mut PgConnection,
    id: LessonId,
) -> Result<Option<Lesson>, Error> {
    Ok(load(conn, None, &[id.0]).await?.pop())
}

/// Cancels a locked lesson with all its seats and raises their versions.
///
/// # Errors
///
/// When the database fails.
pub async fn update_canceled(
    conn: &mut PgConnection,
    id: LessonId,
    by: UserId,
    reason: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.lessons
         SET status = 'canceled', canceled_by = $2, cancel_reason = $3,
             version = version + 1, schedule_version = schedule_version + 1
         WHERE id = $1",
        id.0,
        by.0,
        reason,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.bookings SET status = 'canceled', version = version + 1
         WHERE lesson_id = $1 AND status <> 'canceled'",
        id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which lessons are listed.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Lessons that end after this instant.
    pub from: Timestamp,
    /// Lessons that start before this instant.
    pub until: Option<Timestamp>,
    /// Cancelled ones as well.
    pub include_canceled: bool,
}

/// The lessons of `viewer`, as teacher and as student, by start and id, after the one
/// with the given start and id.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    viewer: UserId,
    filter: Filter,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<Lesson>, Error> {
    let earliest = filter
        .from
        .saturating_sub(LONGEST_LESSON)
        .unwrap_or(filter.from);
    // A lesson that began at `earliest` is over at `from`: nothing is passed over.
    let (after_start, after_id) = after.unwrap_or((earliest, Uuid::nil()));
    let ids = sqlx::query_scalar!(
        r#"SELECT page.id AS "id!" FROM (
             (SELECT l.id, lower(l.during) AS start_time FROM lesson.lessons l
              WHERE l.teacher_id = $1 AND (lower(l.during), l.id) > ($2, $3)
                AND upper(l.during) > $4 AND ($5::timestamptz IS NULL OR lower(l.during) < $5)
                AND ($6 OR l.status <> 'canceled')
              ORDER BY lower(l.during), l.id LIMIT $7)
             UNION
             (SELECT b.lesson_id, lower(b.during) FROM lesson.bookings b
              WHERE b.student_id = $1 AND (lower(b.during), b.lesson_id) > ($2, $3)
                AND upper(b.during) > $4 AND ($5::timestamptz IS NULL OR lower(b.during) < $5)
                AND ($6 OR b.status <> 'canceled')
              ORDER BY lower(b.during), b.lesson_id LIMIT $7)
           ) AS page ORDER BY page.start_time, page.id LIMIT $7"#,
        viewer.0,
        after_start.to_sqlx(),
        after_id,
        filter.from.to_sqlx(),
        filter.until.map(jiff_sqlx::ToSqlx::to_sqlx),
        filter.include_canceled,
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    load(conn, Some(viewer), &ids).await
}

/// Reads lessons by id, by start and id; with a viewer, only what the viewer may see.
async fn load(
    conn: &mut PgConnection,
    viewer: Option<UserId>,
    ids: &[Uuid],
) -> Result<Vec<Lesson>, Error> {
    let viewer = viewer.map(|viewer| viewer.0);
    let mut bookings = load_bookings(&mut *conn, viewer, ids).await?;
    let rows = sqlx::query!(
        r#"SELECT l.id, l.teacher_id, u.display_name AS teacher_name,
                  lower(l.during) AS "start!", upper(l.during) AS "end!", l.status, l.version,
                  l.schedule_version, l.canceled_by, l.cancel_reason, l.create_time
           FROM lesson.lessons l JOIN lesson.users u ON u.id = l.teacher_id
           WHERE l.id = ANY($1) AND ($2::uuid IS NULL OR l.teacher_id = $2
               OR EXISTS (SELECT FROM lesson.bookings b WHERE b.lesson_id = l.id AND b.student_id = $2))
           ORDER BY lower(l.during), l.id"#,
        ids,
        viewer,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let status = match row.status.as_str() {
                "scheduled" => LessonStatus::Scheduled,
                "canceled" => LessonStatus::Canceled,
                _ => return Err(Error::Corrupt("lessons.status")),
            };
            Ok(Lesson {
                id: LessonId(row.id),
                teacher_id: UserId(row.teacher_id),
                teacher_name: row.teacher_name,
                during: Stretch {
                    start: row.start.to_jiff(),
                    end: row.end.to_jiff(),
                },
                status,
                version: row.version,
                schedule_version: row.schedule_version,
                canceled_by: row.canceled_by.map(UserId),
                cancel_reason: row.cancel_reason,
                create_time: row.create_time.to_jiff(),
                bookings: bookings.remove(&row.id).unwrap_or_default(),
            })
        })
        .collect()
}

/// The seats of lessons: a teacher sees all of their lesson's, a student their own.
async fn load_bookings(
    conn: &mut PgConnection,
    viewer: Option<Uuid>,
    lessons: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Booking>>, Error> {
    let rows = sqlx::query!(
        r#"SELECT b.id, b.lesson_id, b.student_id, u.display_name AS student_name, b.status, b.version
           FROM lesson.bookings b
               JOIN lesson.lessons l ON l.id = b.lesson_id
               JOIN lesson.users u ON u.id = b.student_id
           WHERE b.lesson_id = ANY($1)
             AND ($2::uuid IS NULL OR l.teacher_id = $2 OR b.student_id = $2)
           ORDER BY b.id"#,
        lessons,
        viewer,
    )
    .fetch_all(conn)
    .await?;
    let mut bookings: HashMap<Uuid, Vec<Booking>> = HashMap::new();
    for row in rows {
        let status = match row.status.as_str() {
            "confirmed" => BookingStatus::Confirmed,
            "canceled" => BookingStatus::Canceled,
            _ => return Err(Error::Corrupt("bookings.status")),
        };
        bookings.entry(row.lesson_id).or_default().push(Booking {
            id: BookingId(row.id),
            student_id: UserId(row.student_id),
            student_name: row.student_name,
            status,
            version: row.version,
        });
    }
    Ok(bookings)
}
