//! Writing lessons with their seats.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    errors::Error,
    lessons::{Booking, Lesson},
};

/// The values of a column, one a row.
macro_rules! column {
    ($rows:expr, $value:expr) => {
        $rows.iter().copied().map($value).collect::<Vec<_>>()
    };
}

/// Inserts lessons with their seats, in order.
///
/// # Errors
///
/// The rule that another lesson of the teacher or of a student stands for, or the
/// database's error.
pub async fn insert(conn: &mut PgConnection, lessons: &[&Lesson]) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.lessons (id, teacher_id, during, blocked, status, version,
             schedule_version, changed_role, expire_time, notes, meeting_url, group_id, capacity,
             open_seats, with_series, create_time)
         SELECT c.id, c.teacher_id, tstzrange(c.start_time, c.end_time, '[)'),
                tstzrange(c.blocked_start, c.blocked_end, '[)'), c.status, c.version,
                c.schedule_version, c.changed_role, c.expire_time, c.notes, c.meeting_url,
                c.group_id, c.capacity, c.open_seats, c.with_series, c.create_time
         FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[],
             $5::timestamptz[], $6::timestamptz[], $7::text[], $8::bigint[], $9::bigint[],
             $10::text[], $11::timestamptz[], $12::text[], $13::text[], $14::uuid[],
             $15::smallint[], $16::boolean[], $17::boolean[], $18::timestamptz[])
             AS c(id, teacher_id, start_time, end_time, blocked_start, blocked_end, status, version,
                  schedule_version, changed_role, expire_time, notes, meeting_url, group_id,
                  capacity, open_seats, with_series, create_time)",
        &column!(lessons, |lesson: &Lesson| lesson.id.0),
        &column!(lessons, |lesson: &Lesson| lesson.teacher_id.0),
        column!(lessons, |lesson: &Lesson| lesson
            .time
            .during
            .start
            .to_sqlx()) as _,
        column!(lessons, |lesson: &Lesson| lesson.time.during.end.to_sqlx()) as _,
        column!(lessons, |lesson: &Lesson| lesson
            .time
            .blocked
            .start
            .to_sqlx()) as _,
        column!(lessons, |lesson: &Lesson| lesson.time.blocked.end.to_sqlx()) as _,
        column!(lessons, |lesson: &Lesson| lesson.status.name()) as _,
        &column!(lessons, |lesson: &Lesson| lesson.version),
        &column!(lessons, |lesson: &Lesson| lesson.schedule_version),
        column!(lessons, |lesson: &Lesson| lesson.changed_role.name()) as _,
        column!(lessons, |lesson: &Lesson| lesson
            .expire_time
            .map(jiff_sqlx::ToSqlx::to_sqlx)) as _,
        column!(lessons, |lesson: &Lesson| lesson.notes.as_str()) as _,
        column!(lessons, |lesson: &Lesson| lesson.meeting_url.as_str()) as _,
        column!(lessons, |lesson: &Lesson| lesson
            .group
            .as_ref()
            .map(|group| group.id.0)) as _,
        &column!(lessons, |lesson: &Lesson| lesson.capacity),
        &column!(lessons, |lesson: &Lesson| lesson.open_seats),
        &column!(lessons, |lesson: &Lesson| lesson.with_series),
        column!(lessons, |lesson: &Lesson| lesson.create_time.to_sqlx()) as _,
    )
    .execute(&mut *conn)
    .await
    .map_err(Error::of_insert)?;
    let seats = lessons.iter().flat_map(|lesson| {
        let seats = lesson.bookings.iter();
        seats.map(|seat| (*lesson, seat, lesson.create_time))
    });
    insert_taken(conn, &seats.collect::<Vec<_>>()).await
}

/// Inserts seats of locked lessons that are there, each with when it was taken.
///
/// # Errors
///
/// The rule that another lesson of a student stands for, [`Error::LessonFull`], or the
/// database's error.
pub async fn insert_seats(
    conn: &mut PgConnection,
    seats: &[(&Lesson, &Booking)],
    now: Timestamp,
) -> Result<(), Error> {
    let seats = seats.iter().map(|(lesson, seat)| (*lesson, *seat, now));
    insert_taken(conn, &seats.collect::<Vec<_>>()).await
}

async fn insert_taken(
    conn: &mut PgConnection,
    seats: &[(&Lesson, &Booking, Timestamp)],
) -> Result<(), Error> {
    type Row<'a> = (&'a Lesson, &'a Booking, Timestamp);
    if seats.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, version,
             reconfirm_expire_time, changed_role, with_series, create_time)
         SELECT c.id, c.lesson_id, c.student_id, tstzrange(c.start_time, c.end_time, '[)'),
                c.status, c.version, c.reconfirm_expire_time, c.changed_role, c.with_series,
                c.create_time
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[],
             $6::text[], $7::bigint[], $8::timestamptz[], $9::text[], $10::boolean[],
             $11::timestamptz[])
             AS c(id, lesson_id, student_id, start_time, end_time, status, version,
                  reconfirm_expire_time, changed_role, with_series, create_time)",
        &column!(seats, |(_, seat, _): Row<'_>| seat.id.0),
        &column!(seats, |(lesson, ..): Row<'_>| lesson.id.0),
        &column!(seats, |(_, seat, _): Row<'_>| seat.student_id.0),
        column!(seats, |(lesson, ..): Row<'_>| lesson
            .time
            .during
            .start
            .to_sqlx()) as _,
        column!(seats, |(lesson, ..): Row<'_>| lesson
            .time
            .during
            .end
            .to_sqlx()) as _,
        column!(seats, |(_, seat, _): Row<'_>| seat.status.name()) as _,
        &column!(seats, |(_, seat, _): Row<'_>| seat.version),
        column!(seats, |(_, seat, _): Row<'_>| seat
            .reconfirm_expire_time
            .map(jiff_sqlx::ToSqlx::to_sqlx)) as _,
        column!(seats, |(_, seat, _): Row<'_>| seat.changed_role.name()) as _,
        &column!(seats, |(_, seat, _): Row<'_>| seat.with_series),
        column!(seats, |(.., now): Row<'_>| now.to_sqlx()) as _,
    )
    .execute(conn)
    .await
    .map_err(Error::of_insert)?;
    Ok(())
}

/// Writes locked lessons with their seats as they are to be. A lesson's time moves with its
/// seats at once: those that take no time of their students any more are written before it,
/// those that do after it.
///
/// # Errors
///
/// The rule that another lesson stands for, or the database's error.
pub async fn update(conn: &mut PgConnection, lessons: &[&Lesson]) -> Result<(), Error> {
    let seats = lessons.iter().flat_map(|lesson| &lesson.bookings);
    let (taking, idle) = seats.partition::<Vec<_>, _>(|seat| seat.takes_time());
    update_seats(&mut *conn, &idle).await?;
    update_lessons(&mut *conn, lessons).await?;
    update_seats(conn, &taking).await
}

async fn update_lessons(conn: &mut PgConnection, lessons: &[&Lesson]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.lessons l
         SET during = tstzrange(c.start_time, c.end_time, '[)'),
             blocked = tstzrange(c.blocked_start, c.blocked_end, '[)'), status = c.status,
             version = c.version, schedule_version = c.schedule_version,
             changed_role = c.changed_role, expire_time = c.expire_time,
             canceled_by = c.canceled_by, cancel_reason = c.cancel_reason, notes = c.notes,
             meeting_url = c.meeting_url, with_series = c.with_series
         FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[],
             $5::timestamptz[], $6::text[], $7::bigint[], $8::bigint[], $9::text[],
             $10::timestamptz[], $11::uuid[], $12::text[], $13::text[], $14::text[], $15::boolean[])
             AS c(id, start_time, end_time, blocked_start, blocked_end, status, version,
                  schedule_version, changed_role, expire_time, canceled_by, cancel_reason, notes,
                  meeting_url, with_series)
         WHERE l.id = c.id",
        &column!(lessons, |lesson: &Lesson| lesson.id.0),
        column!(lessons, |lesson: &Lesson| lesson
            .time
            .during
            .start
            .to_sqlx()) as _,
        column!(lessons, |lesson: &Lesson| lesson.time.during.end.to_sqlx()) as _,
        column!(lessons, |lesson: &Lesson| lesson
            .time
            .blocked
            .start
            .to_sqlx()) as _,
        column!(lessons, |lesson: &Lesson| lesson.time.blocked.end.to_sqlx()) as _,
        column!(lessons, |lesson: &Lesson| lesson.status.name()) as _,
        &column!(lessons, |lesson: &Lesson| lesson.version),
        &column!(lessons, |lesson: &Lesson| lesson.schedule_version),
        column!(lessons, |lesson: &Lesson| lesson.changed_role.name()) as _,
        column!(lessons, |lesson: &Lesson| lesson
            .expire_time
            .map(jiff_sqlx::ToSqlx::to_sqlx)) as _,
        column!(lessons, |lesson: &Lesson| lesson.canceled_by.map(|by| by.0)) as _,
        column!(lessons, |lesson: &Lesson| lesson.cancel_reason.as_str()) as _,
        column!(lessons, |lesson: &Lesson| lesson.notes.as_str()) as _,
        column!(lessons, |lesson: &Lesson| lesson.meeting_url.as_str()) as _,
        &column!(lessons, |lesson: &Lesson| lesson.with_series),
    )
    .execute(conn)
    .await
    .map_err(Error::of_insert)?;
    Ok(())
}

/// Of these seats, those whose version rose.
async fn update_seats(conn: &mut PgConnection, seats: &[&Booking]) -> Result<(), Error> {
    if seats.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE lesson.bookings b
         SET status = c.status, version = c.version,
             reconfirm_expire_time = c.reconfirm_expire_time, changed_role = c.changed_role,
             with_series = c.with_series
         FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::timestamptz[], $5::text[],
             $6::boolean[])
             AS c(id, status, version, reconfirm_expire_time, changed_role, with_series)
         WHERE b.id = c.id AND b.version <> c.version",
        &column!(seats, |seat: &Booking| seat.id.0),
        column!(seats, |seat: &Booking| seat.status.name()) as _,
        &column!(seats, |seat: &Booking| seat.version),
        column!(seats, |seat: &Booking| seat
            .reconfirm_expire_time
            .map(jiff_sqlx::ToSqlx::to_sqlx)) as _,
        column!(seats, |seat: &Booking| seat.changed_role.name()) as _,
        &column!(seats, |seat: &Booking| seat.with_series),
    )
    .execute(conn)
    .await
    .map_err(Error::of_insert)?;
    Ok(())
}

/// Raises the versions of locked lessons that stay as they are.
///
/// # Errors
///
/// When the database fails.
pub async fn raise(conn: &mut PgConnection, ids: &[Uuid]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.lessons SET version = version + 1 WHERE id = ANY($1)",
        ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}
