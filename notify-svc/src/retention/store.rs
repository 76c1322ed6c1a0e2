//! Rows that are old enough to go, some at a time; rows that others hold are left to the
//! next hour. Which they are is an array: joined as a table of unknown size, it may be held
//! against all rows there are.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::PgConnection;

/// Notifications that ended, whose lesson or series is over or who have none, and all that
/// hangs on them, the oldest end first from `after` on. Answers how many, and the last end.
pub(super) async fn delete_ended(
    conn: &mut PgConnection,
    kept: Duration,
    after: Option<Timestamp>,
    limit: i64,
) -> sqlx::Result<(u64, Option<Timestamp>)> {
    let removed = sqlx::query_scalar!(
        "DELETE FROM notify.notifications WHERE id = ANY (ARRAY(
             SELECT n.id FROM notify.notifications n
             JOIN notify.notification_details d ON d.notification_id = n.id
             WHERE n.state NOT IN ('pending', 'sending', 'uncertain')
               AND n.state_at < now() - $1 * interval '1 second'
               AND n.state_at >= coalesce($2::timestamptz, '-infinity')
               AND NOT EXISTS (
                   SELECT FROM notify.lessons l
                   WHERE l.lesson_id = d.lesson_id
                     AND l.end_at > now() - $1 * interval '1 second')
               -- A series is over two years after its last change.
               AND NOT EXISTS (
                   SELECT FROM notify.series s
                   WHERE s.series_id = d.series_id
                     AND s.updated_at > now() - interval '2 years' - $1 * interval '1 second')
               -- Its client is yet to be told.
               AND NOT EXISTS (
                   SELECT FROM notify.webhooks w
                   WHERE w.notification_id = n.id AND w.due_at IS NOT NULL)
             ORDER BY n.state_at LIMIT $3
             FOR UPDATE OF n SKIP LOCKED
         ))
         RETURNING state_at",
        kept.as_secs_f64(),
        after.map(jiff_sqlx::Timestamp::from) as _,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let last = removed.iter().map(|at| at.to_jiff()).max();
    Ok((u64::try_from(removed.len()).unwrap_or(u64::MAX), last))
}

/// Attempts begun before.
pub(super) async fn delete_attempts(
    conn: &mut PgConnection,
    kept: Duration,
    limit: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM notify.attempts WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM notify.attempts
             WHERE begun_at < now() - $1 * interval '1 second'
             ORDER BY begun_at LIMIT $2
             FOR UPDATE SKIP LOCKED
         ))",
        kept.as_secs_f64(),
        limit,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Lessons that are over and of which no notification is left.
pub(super) async fn delete_lessons(
    conn: &mut PgConnection,
    kept: Duration,
    limit: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM notify.lessons WHERE lesson_id = ANY (ARRAY(
             SELECT l.lesson_id FROM notify.lessons l
             WHERE l.end_at < now() - $1 * interval '1 second'
               AND NOT EXISTS (SELECT FROM notify.notification_details d
                               WHERE d.lesson_id = l.lesson_id)
             ORDER BY l.end_at LIMIT $2
             FOR UPDATE SKIP LOCKED
         ))",
        kept.as_secs_f64(),
        limit,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Series that are over and of which no notification is left.
pub(super) async fn delete_series(
    conn: &mut PgConnection,
    kept: Duration,
    limit: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM notify.series WHERE series_id = ANY (ARRAY(
             SELECT s.series_id FROM notify.series s
             WHERE s.updated_at < now() - interval '2 years' - $1 * interval '1 second'
               AND NOT EXISTS (SELECT FROM notify.notification_details d
                               WHERE d.series_id = s.series_id)
             LIMIT $2
             FOR UPDATE SKIP LOCKED
         ))",
        kept.as_secs_f64(),
        limit,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
