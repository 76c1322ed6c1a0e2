//! SQL of what was decided about occurrences.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    errors::Error,
    ids::{LessonId, SeriesId, UserId},
    series::{Conflict, Decided, Kept, Standing},
};

/// How many skipped occurrences of one series are read at once: as many as there can be.
const MOST_SKIPPED: i64 = 200;

fn decided(
    lesson: Option<Uuid>,
    skip_reason: Option<&str>,
    unasked: bool,
) -> Result<Decided, Error> {
    match (lesson, skip_reason) {
        (Some(lesson), None) => Ok(Decided::Booked(LessonId(lesson))),
        (None, Some(reason)) => Ok(Decided::Skipped {
            conflict: Conflict::from_name(reason)?,
            unasked,
        }),
        (None, None) | (Some(_), Some(_)) => Err(Error::Corrupt("series_occurrences.lesson_id")),
    }
}

/// What was decided about a series' occurrences from `from` on, by number; of those that it
/// has no more, only the lessons that are not off.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    series: SeriesId,
    from: i16,
) -> Result<Vec<Kept>, Error> {
    let rows = sqlx::query!(
        "SELECT o.ordinal, o.original_start, o.lesson_id, o.skip_reason, o.skip_unasked
         FROM lesson.series_occurrences o JOIN lesson.series s ON s.id = o.series_id
         WHERE o.series_id = $1 AND o.ordinal >= $2
           AND (o.ordinal < s.occurrence_count
                OR EXISTS (SELECT FROM lesson.lessons l
                           WHERE l.id = o.lesson_id AND l.status <> 'canceled'))
         ORDER BY o.ordinal",
        series.0,
        from,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Kept {
                ordinal: row.ordinal,
                original_start: row.original_start.to_jiff(),
                decided: decided(row.lesson_id, row.skip_reason.as_deref(), row.skip_unasked)?,
            })
        })
        .collect()
}

/// Writes what was decided, over what was there.
///
/// # Errors
///
/// When the database fails.
pub async fn put(conn: &mut PgConnection, series: SeriesId, kept: &[Kept]) -> Result<(), Error> {
    if kept.is_empty() {
        return Ok(());
    }
    let (mut lessons, mut reasons, mut unasked) = (Vec::new(), Vec::new(), Vec::new());
    for Kept { decided, .. } in kept {
        let (lesson, reason, alone) = match decided {
            Decided::Booked(lesson) => (Some(lesson.0), None, false),
            Decided::Skipped { conflict, unasked } => (None, Some(conflict.name()), *unasked),
        };
        lessons.push(lesson);
        reasons.push(reason);
        unasked.push(alone);
    }
    let starts = kept.iter().map(|kept| kept.original_start.to_sqlx());
    sqlx::query!(
        "INSERT INTO lesson.series_occurrences (series_id, ordinal, original_start, lesson_id,
             skip_reason, skip_unasked)
         SELECT $1, c.ordinal, c.original_start, c.lesson_id, c.skip_reason, c.skip_unasked
         FROM unnest($2::smallint[], $3::timestamptz[], $4::uuid[], $5::text[], $6::boolean[])
             AS c(ordinal, original_start, lesson_id, skip_reason, skip_unasked)
         ON CONFLICT (series_id, ordinal) DO UPDATE
         SET original_start = EXCLUDED.original_start, lesson_id = EXCLUDED.lesson_id,
             skip_reason = EXCLUDED.skip_reason, skip_unasked = EXCLUDED.skip_unasked",
        series.0,
        &kept.iter().map(|kept| kept.ordinal).collect::<Vec<_>>(),
        starts.collect::<Vec<_>>() as _,
        lessons as _,
        reasons as _,
        &unasked,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets that occurrences from `from` on, which the series has no more, were skipped or
/// cancelled: another end decides about them anew. Those that took place stay.
///
/// # Errors
///
/// When the database fails.
pub async fn delete_off(conn: &mut PgConnection, series: SeriesId, from: i16) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM lesson.series_occurrences o WHERE o.series_id = $1 AND o.ordinal >= $2
             AND NOT EXISTS (SELECT FROM lesson.lessons l
                             WHERE l.id = o.lesson_id AND l.status <> 'canceled')",
        series.0,
        from,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets that these occurrences of a series were skipped: they are undecided again.
///
/// # Errors
///
/// When the database fails.
pub async fn delete_skipped(
    conn: &mut PgConnection,
    series: SeriesId,
    ordinals: &[i16],
) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM lesson.series_occurrences
         WHERE series_id = $1 AND ordinal = ANY($2) AND lesson_id IS NULL",
        series.0,
        ordinals,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Who has a living seat in a lesson of a series that begins after `now`, by id.
///
/// # Errors
///
/// When the database fails.
pub async fn list_seated(
    conn: &mut PgConnection,
    series: SeriesId,
    now: Timestamp,
) -> Result<Vec<UserId>, Error> {
    let students = sqlx::query_scalar!(
        "SELECT DISTINCT b.student_id
         FROM lesson.series_occurrences o JOIN lesson.bookings b ON b.lesson_id = o.lesson_id
         WHERE o.series_id = $1 AND lower(b.during) > $2
           AND b.status IN ('pending', 'confirmed', 'reconfirm')
         ORDER BY b.student_id",
        series.0,
        now.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    Ok(students.into_iter().map(UserId).collect())
}

/// The living lessons of a series that begin after `now`, by id.
///
/// # Errors
///
/// When the database fails.
pub async fn list_ahead(
    conn: &mut PgConnection,
    series: SeriesId,
    now: Timestamp,
) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT l.id FROM lesson.series_occurrences o JOIN lesson.lessons l ON l.id = o.lesson_id
         WHERE o.series_id = $1 AND l.status = 'scheduled' AND lower(l.during) > $2
         ORDER BY l.id",
        series.0,
        now.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Locks the living lessons of a series that begin after `now`, in order of id.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_ahead(
    conn: &mut PgConnection,
    series: SeriesId,
    now: Timestamp,
) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT l.id FROM lesson.lessons l
         WHERE l.id IN (SELECT o.lesson_id FROM lesson.series_occurrences o WHERE o.series_id = $1)
           AND l.status = 'scheduled' AND lower(l.during) > $2
         ORDER BY l.id FOR NO KEY UPDATE OF l",
        series.0,
        now.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// How each of these series stands at `now`.
///
/// # Errors
///
/// When the database fails.
pub async fn list_standing(
    conn: &mut PgConnection,
    ids: &[Uuid],
    now: Timestamp,
) -> Result<BTreeMap<SeriesId, Standing>, Error> {
    let booked = sqlx::query!(
        r#"SELECT o.series_id, min(lower(l.during)) AS "next_start!",
                  max(lower(l.during)) AS "last_start!", count(*) AS "ahead!"
           FROM lesson.series_occurrences o JOIN lesson.lessons l ON l.id = o.lesson_id
           WHERE o.series_id = ANY($1) AND l.status = 'scheduled' AND lower(l.during) > $2
           GROUP BY o.series_id"#,
        ids,
        now.to_sqlx(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut standing: BTreeMap<SeriesId, Standing> = BTreeMap::new();
    for row in booked {
        let of = standing.entry(SeriesId(row.series_id)).or_default();
        of.next_start = Some(row.next_start.to_jiff());
        of.last_booked = Some(row.last_start.to_jiff());
        of.ahead = i32::try_from(row.ahead).unwrap_or(i32::MAX);
    }
    let skipped = sqlx::query!(
        r#"SELECT o.series_id AS "series_id!", o.ordinal AS "ordinal!",
                  o.original_start AS "original_start!", o.skip_reason AS "skip_reason!",
                  o.skip_unasked AS "skip_unasked!"
           FROM unnest($1::uuid[]) AS wanted(id) JOIN lesson.series s ON s.id = wanted.id
               CROSS JOIN LATERAL (
                   SELECT c.* FROM lesson.series_occurrences c
                   WHERE c.series_id = s.id AND c.ordinal < s.occurrence_count
                     AND c.skip_reason IS NOT NULL AND c.original_start > $2
                   ORDER BY c.ordinal LIMIT $3
               ) AS o
           ORDER BY o.series_id, o.original_start"#,
        ids,
        now.to_sqlx(),
        MOST_SKIPPED,
    )
    .fetch_all(conn)
    .await?;
    for row in skipped {
        let kept = Kept {
            ordinal: row.ordinal,
            original_start: row.original_start.to_jiff(),
            decided: decided(None, Some(&row.skip_reason), row.skip_unasked)?,
        };
        let of = standing.entry(SeriesId(row.series_id)).or_default();
        of.skipped.push(kept);
    }
    Ok(standing)
}

/// The lessons of a series that are not off, by start.
///
/// # Errors
///
/// When the database fails.
pub async fn list_lessons(
    conn: &mut PgConnection,
    series: SeriesId,
) -> Result<Vec<LessonId>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT l.id FROM lesson.series_occurrences o JOIN lesson.lessons l ON l.id = o.lesson_id
         WHERE o.series_id = $1 AND l.status = 'scheduled' ORDER BY lower(l.during), l.id",
        series.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(LessonId).collect())
}
