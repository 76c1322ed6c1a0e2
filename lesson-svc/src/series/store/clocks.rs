//! SQL of at which hour of whose clock the lessons of a series begin.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    errors::Error,
    ids::{SeriesId, UserId},
};

/// Locks up to `limit` series whose clocks are to be looked at, the longest due first, and
/// passes over those that another replica has.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_due(
    conn: &mut PgConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM lesson.series WHERE clock_check_time <= $1
         ORDER BY clock_check_time LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED",
        now.to_sqlx(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Says when these series' clocks are looked at next; never, where nothing is ahead.
///
/// # Errors
///
/// When the database fails.
pub async fn update_check(
    conn: &mut PgConnection,
    ids: &[Uuid],
    next: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.series
         SET clock_check_time = CASE WHEN status = 'running' AND last_start_time > $3 THEN $2::timestamptz END
         WHERE id = ANY($1)",
        ids,
        next.to_sqlx(),
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Somebody's next lesson of a series that is where the pattern has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Of which series.
    pub series: SeriesId,
    /// Which of its occurrences.
    pub ordinal: i16,
    /// When it starts.
    pub start: Timestamp,
    /// Whose.
    pub user: UserId,
    /// Their zone, IANA name.
    pub time_zone: String,
}

/// The next lesson before `until` of each person in each of these series: of its teacher,
/// and of whoever has a seat.
///
/// # Errors
///
/// When the database fails.
pub async fn list_next(
    conn: &mut PgConnection,
    ids: &[Uuid],
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Next>, Error> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT ON (o.series_id, u.id)
                  o.series_id, o.ordinal, o.original_start, u.id AS user_id, u.time_zone
           FROM lesson.series_occurrences o JOIN lesson.lessons l ON l.id = o.lesson_id
               CROSS JOIN LATERAL (
                   SELECT l.teacher_id AS id
                   UNION ALL
                   SELECT b.student_id FROM lesson.bookings b
                   WHERE b.lesson_id = l.id AND b.status IN ('confirmed', 'reconfirm')) AS person
               JOIN lesson.users u ON u.id = person.id AND u.erase_time IS NULL
           WHERE o.series_id = ANY($1) AND o.original_start > $2 AND o.original_start <= $3
             AND l.status = 'scheduled' AND lower(l.during) = o.original_start
           ORDER BY o.series_id, u.id, o.original_start"#,
        ids,
        now.to_sqlx(),
        until.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    let next = rows.into_iter().map(|row| Next {
        series: SeriesId(row.series_id),
        ordinal: row.ordinal,
        start: row.original_start.to_jiff(),
        user: UserId(row.user_id),
        time_zone: row.time_zone,
    });
    Ok(next.collect())
}

/// Those of these people whom nobody is erasing just now, and keeps them from it until the
/// transaction ends. It waits for nobody: who erases waits for series.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_living(conn: &mut PgConnection, people: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM lesson.users WHERE id = ANY($1) AND erase_time IS NULL
         ORDER BY id FOR KEY SHARE SKIP LOCKED",
        people,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// What somebody knows of a series' hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Of which series.
    pub series: SeriesId,
    /// Who.
    pub user: UserId,
    /// The zone they were in, IANA name.
    pub time_zone: String,
    /// The minute of their clock's day.
    pub local_minute: i16,
}

/// What the people of these series know.
///
/// # Errors
///
/// When the database fails.
pub async fn list_known(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Known>, Error> {
    let rows = sqlx::query!(
        "SELECT series_id, user_id, time_zone, local_minute
         FROM lesson.series_clocks WHERE series_id = ANY($1)",
        ids,
    )
    .fetch_all(conn)
    .await?;
    let known = rows.into_iter().map(|row| Known {
        series: SeriesId(row.series_id),
        user: UserId(row.user_id),
        time_zone: row.time_zone,
        local_minute: row.local_minute,
    });
    Ok(known.collect())
}

/// A shift of somebody's hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// Whose.
    pub user: UserId,
    /// The first lesson at the new hour.
    pub start: Timestamp,
    /// One before it, at the old hour.
    pub previous: Timestamp,
}

/// Writes what people know from now on, and the shift that they are told of.
///
/// # Errors
///
/// When the database fails.
pub async fn put(conn: &mut PgConnection, known: &[(Known, Option<Shift>)]) -> Result<(), Error> {
    if known.is_empty() {
        return Ok(());
    }
    let times = |of: fn(&Shift) -> Timestamp| -> Vec<Option<jiff_sqlx::Timestamp>> {
        let shifts = known.iter().map(|(_, shift)| shift.as_ref());
        shifts
            .map(|shift| shift.map(|shift| of(shift).to_sqlx()))
            .collect()
    };
    let column = |of: fn(&Known) -> Uuid| -> Vec<Uuid> {
        known.iter().map(|(known, _)| of(known)).collect()
    };
    let zones = known.iter().map(|(known, _)| known.time_zone.clone());
    let minutes = known.iter().map(|(known, _)| known.local_minute);
    sqlx::query!(
        "INSERT INTO lesson.series_clocks (series_id, user_id, time_zone, local_minute,
             shift_start_time, shift_previous_time)
         SELECT c.* FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[],
             $5::timestamptz[], $6::timestamptz[])
             AS c(series_id, user_id, time_zone, local_minute, shift_start, shift_previous)
         ON CONFLICT (series_id, user_id) DO UPDATE
         SET time_zone = EXCLUDED.time_zone, local_minute = EXCLUDED.local_minute,
             shift_start_time = EXCLUDED.shift_start_time,
             shift_previous_time = EXCLUDED.shift_previous_time",
        &column(|known| known.series.0),
        &column(|known| known.user.0),
        &zones.collect::<Vec<_>>(),
        &minutes.collect::<Vec<_>>(),
        times(|shift| shift.start) as _,
        times(|shift| shift.previous) as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The shifts ahead of a series that people are told of.
///
/// # Errors
///
/// When the database fails.
pub async fn list_shifts(
    conn: &mut PgConnection,
    series: SeriesId,
    now: Timestamp,
) -> Result<Vec<Shift>, Error> {
    let rows = sqlx::query!(
        r#"SELECT user_id, shift_start_time AS "start!", shift_previous_time AS "previous!"
           FROM lesson.series_clocks WHERE series_id = $1 AND shift_start_time > $2
           ORDER BY user_id"#,
        series.0,
        now.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    let shifts = rows.into_iter().map(|row| Shift {
        user: UserId(row.user_id),
        start: row.start.to_jiff(),
        previous: row.previous.to_jiff(),
    });
    Ok(shifts.collect())
}

/// Forgets what people know of a series' hour: it is another.
///
/// # Errors
///
/// When the database fails.
pub async fn delete_of_series(conn: &mut PgConnection, series: SeriesId) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM lesson.series_clocks WHERE series_id = $1",
        series.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what a person knows.
///
/// # Errors
///
/// When the database fails.
pub async fn delete_of_person(conn: &mut PgConnection, person: UserId) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM lesson.series_clocks WHERE user_id = $1",
        person.0
    )
    .execute(conn)
    .await?;
    Ok(())
}
