//! SQL of the history of lessons. The database refuses to rewrite it.

use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Change, Kind};
use crate::{
    availability::slots::Stretch,
    errors::Error,
    ids::{BookingId, LessonId, UserId},
    lessons::{BookingStatus, Role},
};

/// Writes lines of history, in the transaction of the changes.
///
/// # Errors
///
/// When the database fails.
pub async fn insert(conn: &mut PgConnection, changes: &[&Change]) -> Result<(), Error> {
    macro_rules! column {
        ($value:expr) => {
            changes.iter().copied().map($value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "INSERT INTO lesson.lesson_changes (lesson_id, version, kind, actor_id, actor_role,
             change_time, during, previous, booking_id, booking_status)
         SELECT c.lesson_id, c.version, c.kind, c.actor_id, c.actor_role, c.change_time,
                tstzrange(c.start_time, c.end_time, '[)'),
                CASE WHEN c.previous_start IS NOT NULL
                     THEN tstzrange(c.previous_start, c.previous_end, '[)') END,
                c.booking_id, c.booking_status
         FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::text[],
             $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[],
             $10::timestamptz[], $11::uuid[], $12::text[])
             AS c(lesson_id, version, kind, actor_id, actor_role, change_time, start_time,
                  end_time, previous_start, previous_end, booking_id, booking_status)",
        &column!(|change: &Change| change.lesson.0),
        &column!(|change: &Change| change.version),
        column!(|change: &Change| change.kind.name()) as _,
        column!(|change: &Change| change.actor.map(|actor| actor.0)) as _,
        column!(|change: &Change| change.role.name()) as _,
        column!(|change: &Change| change.time.to_sqlx()) as _,
        column!(|change: &Change| change.during.start.to_sqlx()) as _,
        column!(|change: &Change| change.during.end.to_sqlx()) as _,
        column!(|change: &Change| change.previous.map(|time| time.start.to_sqlx())) as _,
        column!(|change: &Change| change.previous.map(|time| time.end.to_sqlx())) as _,
        column!(|change: &Change| change.booking.map(|booking| booking.0)) as _,
        column!(|change: &Change| change.booking_status.map(BookingStatus::name)) as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct ChangeRow {
    version: i64,
    kind: String,
    actor_id: Option<Uuid>,
    actor_role: String,
    change_time: jiff_sqlx::Timestamp,
    start_time: jiff_sqlx::Timestamp,
    end_time: jiff_sqlx::Timestamp,
    previous_start: Option<jiff_sqlx::Timestamp>,
    previous_end: Option<jiff_sqlx::Timestamp>,
    booking_id: Option<Uuid>,
    booking_status: Option<String>,
}

impl ChangeRow {
    fn of(self, lesson: LessonId) -> Result<Change, Error> {
        let previous = self.previous_start.zip(self.previous_end);
        let booking_status = self.booking_status.as_deref();
        Ok(Change {
            lesson,
            version: self.version,
            kind: Kind::from_name(&self.kind)?,
            actor: self.actor_id.map(UserId),
            role: Role::from_name(&self.actor_role)?,
            time: self.change_time.to_jiff(),
            during: Stretch {
                start: self.start_time.to_jiff(),
                end: self.end_time.to_jiff(),
            },
            previous: previous.map(|(start, end)| Stretch {
                start: start.to_jiff(),
                end: end.to_jiff(),
            }),
            booking: self.booking_id.map(BookingId),
            booking_status: booking_status.map(BookingStatus::from_name).transpose()?,
        })
    }
}

/// The change that gave a locked lesson this version; for the transaction that locked
/// it.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    lesson: LessonId,
    version: i64,
) -> Result<Option<Change>, Error> {
    let row = sqlx::query_as!(
        ChangeRow,
        r#"SELECT version, kind, actor_id, actor_role, change_time, lower(during) AS "start_time!",
                  upper(during) AS "end_time!", lower(previous) AS previous_start,
                  upper(previous) AS previous_end, booking_id, booking_status
           FROM lesson.lesson_changes WHERE lesson_id = $1 AND version = $2"#,
        lesson.0,
        version,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.of(lesson)).transpose()
}

/// The first change of a locked lesson after that version that is of the whole lesson or of
/// one of these seats; for the transaction that locked it.
///
/// # Errors
///
/// When the database fails.
pub async fn find_first(
    conn: &mut PgConnection,
    lesson: LessonId,
    after: i64,
    seats: &[Uuid],
) -> Result<Option<Change>, Error> {
    let row = sqlx::query_as!(
        ChangeRow,
        r#"SELECT version, kind, actor_id, actor_role, change_time, lower(during) AS "start_time!",
                  upper(during) AS "end_time!", lower(previous) AS previous_start,
                  upper(previous) AS previous_end, booking_id, booking_status
           FROM lesson.lesson_changes
           WHERE lesson_id = $1 AND version > $2 AND (booking_id IS NULL OR booking_id = ANY($3))
           ORDER BY version LIMIT 1"#,
        lesson.0,
        after,
        seats,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.of(lesson)).transpose()
}

/// Whether a seat of a lesson was ever given up late: by a late cancellation, of which an
/// excuse may be taken back.
///
/// # Errors
///
/// When the database fails.
pub async fn was_late(
    conn: &mut PgConnection,
    lesson: LessonId,
    booking: BookingId,
) -> Result<bool, Error> {
    let late = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM lesson.lesson_changes
               WHERE lesson_id = $1 AND booking_status = 'late_canceled'
                 AND (booking_id IS NULL OR booking_id = $2)
           ) AS "late!""#,
        lesson.0,
        booking.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(late)
}

/// The changes of a lesson after that version, by version, as `viewer` may see them:
/// `None` is who sees all seats, a student sees what concerns all or their own.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    lesson: LessonId,
    viewer: Option<UserId>,
    after: i64,
    limit: i64,
) -> Result<Vec<Change>, Error> {
    let rows = sqlx::query_as!(
        ChangeRow,
        r#"SELECT c.version, c.kind, c.actor_id, c.actor_role, c.change_time,
                  lower(c.during) AS "start_time!", upper(c.during) AS "end_time!",
                  lower(c.previous) AS previous_start, upper(c.previous) AS previous_end,
                  c.booking_id, c.booking_status
           FROM lesson.lesson_changes c
           WHERE c.lesson_id = $1 AND c.version > $2
             AND ($3::uuid IS NULL OR c.booking_id IS NULL
                  OR EXISTS (SELECT FROM lesson.bookings b WHERE b.id = c.booking_id AND b.student_id = $3))
           ORDER BY c.version LIMIT $4"#,
        lesson.0,
        after,
        viewer.map(|viewer| viewer.0),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.of(lesson)).collect()
}
