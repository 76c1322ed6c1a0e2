//! SQL of the outbox.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use olm_proto::notify::v1::{
    EraseRecipientRequest, LessonRole, SeriesSnapshot, SyncLessonRequest, SyncSeriesRequest,
};
use prost::Message as _;
use service_kit::telemetry;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Kind, Message};
use crate::{
    errors::Error,
    ids::{SeriesId, UserId},
    lessons::Lesson,
    users::User,
};

/// Tells of lessons, read with all their seats, in the transaction that changed them.
/// What is only held is not told of.
///
/// # Errors
///
/// When the database fails.
pub async fn insert_lessons(
    conn: &mut PgConnection,
    lessons: &[&Lesson],
    now: Timestamp,
) -> Result<(), Error> {
    let rows: Vec<_> = lessons
        .iter()
        .filter_map(|lesson| {
            let payload = lesson.to_snapshot()?.encode_to_vec();
            Some((lesson.id.0, lesson.version, payload))
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO lesson.outbox (kind, entity_id, version, payload, traceparent, create_time)
         SELECT $1, row.entity_id, row.version, row.payload, $2, $3
         FROM unnest($4::uuid[], $5::bigint[], $6::bytea[]) AS row(entity_id, version, payload)",
        Kind::Lesson.name(),
        telemetry::traceparent(),
        now.to_sqlx(),
        &rows.iter().map(|(id, ..)| *id).collect::<Vec<_>>(),
        &rows
            .iter()
            .map(|(_, version, _)| *version)
            .collect::<Vec<_>>(),
        &rows
            .into_iter()
            .map(|(.., payload)| payload)
            .collect::<Vec<_>>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Tells of a person, in the transaction that changed them.
///
/// # Errors
///
/// When the database fails.
pub async fn insert_recipient(
    conn: &mut PgConnection,
    user: &User,
    now: Timestamp,
) -> Result<(), Error> {
    let payload = user.to_recipient().encode_to_vec();
    insert(
        conn,
        Kind::Recipient,
        user.id.0,
        user.version,
        &payload,
        now,
    )
    .await
}

/// Tells of a series, in the transaction that raised its `told_version`, which is the
/// snapshot's version.
///
/// # Errors
///
/// When the database fails.
pub async fn insert_series(
    conn: &mut PgConnection,
    id: SeriesId,
    snapshot: SeriesSnapshot,
    now: Timestamp,
) -> Result<(), Error> {
    let version = snapshot.version;
    let request = SyncSeriesRequest {
        series: Some(snapshot),
    };
    let payload = request.encode_to_vec();
    insert(conn, Kind::Series, id.0, version, &payload, now).await
}

/// Tells that a person is to be forgotten, in the transaction that erased them.
///
/// # Errors
///
/// When the database fails.
pub async fn insert_erasure(
    conn: &mut PgConnection,
    user: UserId,
    version: i64,
    now: Timestamp,
) -> Result<(), Error> {
    let request = EraseRecipientRequest {
        user_id: user.to_string(),
        version,
    };
    let payload = request.encode_to_vec();
    insert(conn, Kind::Erasure, user.0, version, &payload, now).await
}

/// Takes back what was yet to be told of a person: it holds their name.
///
/// # Errors
///
/// When the database fails.
pub async fn delete_recipient(conn: &mut PgConnection, user: UserId) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM lesson.outbox WHERE kind = 'recipient' AND entity_id = $1",
        user.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the texts of a person out of what is yet to be told of lessons: the reasons
/// they gave, the links of those they teach or as an admin described last, and what the
/// groups are called that they teach. A row
/// that cannot be read goes: nobody can tell what is in it, and notify-svc could not
/// read it either.
///
/// # Errors
///
/// When the database fails.
pub async fn forget_texts(conn: &mut PgConnection, person: UserId) -> Result<(), Error> {
    let rows = sqlx::query!(
        r#"SELECT o.id, o.entity_id, o.payload, l.teacher_id = $1 AS "teaches!",
                  l.canceled_by IS NOT DISTINCT FROM $1 AS "canceled!",
                  (SELECT c.actor_id FROM lesson.lesson_changes c
                   WHERE c.lesson_id = l.id AND c.version <= o.version
                     AND c.kind IN ('booked', 'updated')
                   ORDER BY c.version DESC LIMIT 1) IS NOT DISTINCT FROM $1
                  OR l.id = ANY(ARRAY(
                      SELECT n.lesson_id FROM lesson.series s
                          JOIN lesson.series_occurrences n ON n.series_id = s.id
                      WHERE s.described_by = $1 AND n.lesson_id IS NOT NULL)) AS "described!"
           FROM lesson.outbox o JOIN lesson.lessons l ON l.id = o.entity_id
           WHERE o.kind = 'lesson' AND (l.teacher_id = $1 OR l.canceled_by = $1 OR l.id IN (
               SELECT c.lesson_id FROM lesson.lesson_changes c
               WHERE c.actor_id = $1 AND c.actor_role = 'admin'
                 AND c.kind IN ('booked', 'updated')
               UNION ALL
               SELECT n.lesson_id FROM lesson.series s
                   JOIN lesson.series_occurrences n ON n.series_id = s.id
               WHERE s.described_by = $1))
           ORDER BY o.id FOR UPDATE OF o"#,
        person.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let (mut ids, mut payloads) = (Vec::new(), Vec::new());
    for row in rows {
        let request = SyncLessonRequest::decode(row.payload.as_slice());
        let Some(mut lesson) = request.ok().and_then(|request| request.lesson) else {
            tracing::warn!(outbox_id = row.id, lesson_id = %row.entity_id, "an unreadable row was dropped");
            delete(&mut *conn, row.id).await?;
            continue;
        };
        if row.teaches || row.described {
            lesson.meeting_url.clear();
        }
        if row.teaches {
            lesson.group_title.clear();
        }
        if row.canceled {
            lesson.cancel_reason.clear();
        }
        ids.push(row.id);
        let request = SyncLessonRequest {
            lesson: Some(lesson),
        };
        payloads.push(request.encode_to_vec());
    }
    sqlx::query!(
        "UPDATE lesson.outbox o SET payload = told.payload
         FROM unnest($1::bigint[], $2::bytea[]) AS told(id, payload) WHERE o.id = told.id",
        &ids,
        &payloads,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the texts of a person out of what is yet to be told of series: the reasons they gave,
/// the links of those they teach or as an admin described last, and what the groups are called
/// that they teach. A row that cannot be read goes, as in [`forget_texts`].
///
/// # Errors
///
/// When the database fails.
pub async fn forget_series_texts(conn: &mut PgConnection, person: UserId) -> Result<(), Error> {
    let rows = sqlx::query!(
        r#"SELECT o.id, o.entity_id, o.payload, s.teacher_id = $1 AS "teaches!",
                  s.student_id IS NOT DISTINCT FROM $1 AS "learns!",
                  s.changed_by IS NOT DISTINCT FROM $1 AS "changed!",
                  s.described_by IS NOT DISTINCT FROM $1 AS "described!", s.meeting_url
           FROM lesson.outbox o JOIN lesson.series s ON s.id = o.entity_id
           WHERE o.kind = 'series' AND (s.teacher_id = $1 OR s.student_id = $1
               OR s.changed_by = $1 OR s.described_by = $1 OR s.id IN (
                   SELECT n.series_id FROM lesson.lesson_changes c
                       JOIN lesson.series_occurrences n ON n.lesson_id = c.lesson_id
                   WHERE c.actor_id = $1 AND c.actor_role = 'admin'
                     AND c.kind IN ('booked', 'updated')))
           ORDER BY o.id FOR UPDATE OF o"#,
        person.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in rows {
        let request = SyncSeriesRequest::decode(row.payload.as_slice());
        let Some(mut series) = request.ok().and_then(|request| request.series) else {
            tracing::warn!(outbox_id = row.id, series_id = %row.entity_id, "an unreadable row was dropped");
            delete(&mut *conn, row.id).await?;
            continue;
        };
        // A link that somebody wrote over since may be of the admin who described it before.
        let described = row.teaches || row.described;
        let plan = series.plan.as_mut();
        if let Some(plan) = plan.filter(|plan| described || plan.meeting_url != row.meeting_url) {
            plan.meeting_url.clear();
        }
        if row.teaches {
            series.group_title.clear();
        }
        // Of an older version by somebody in this role, also when another made the last.
        let reason = match series.changed_by() {
            LessonRole::Teacher => row.teaches,
            LessonRole::Student => row.learns,
            LessonRole::Admin | LessonRole::Unspecified => row.changed,
        };
        if reason {
            series.cancel_reason.clear();
        }
        let request = SyncSeriesRequest {
            series: Some(series),
        };
        sqlx::query!(
            "UPDATE lesson.outbox SET payload = $2 WHERE id = $1",
            row.id,
            request.encode_to_vec(),
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

async fn insert(
    conn: &mut PgConnection,
    kind: Kind,
    entity_id: Uuid,
    version: i64,
    payload: &[u8],
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.outbox (kind, entity_id, version, payload, traceparent, create_time)
         VALUES ($1, $2, $3, $4, $5, $6)",
        kind.name(),
        entity_id,
        version,
        payload,
        telemetry::traceparent(),
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes up to `limit` due rows for `lease`, but those of a kind newer than this build: no other replica sees them meanwhile, and
/// no lock is held while they are sent. A replica that dies leaves them due again.
///
/// # Errors
///
/// When the database fails.
pub async fn lease(
    conn: &mut PgConnection,
    limit: i64,
    lease: Duration,
) -> Result<Vec<Message>, Error> {
    let known = Kind::ALL.map(Kind::name);
    let rows = sqlx::query!(
        "WITH due AS (
             SELECT id FROM lesson.outbox
             WHERE park_time IS NULL AND next_attempt_time <= now() AND kind = ANY($3)
             ORDER BY next_attempt_time, id LIMIT $1 FOR UPDATE SKIP LOCKED
         )
         UPDATE lesson.outbox o
         SET next_attempt_time = now() + make_interval(secs => $2), attempts = o.attempts + 1
         FROM due WHERE o.id = due.id
         RETURNING o.id, o.kind, o.entity_id, o.version, o.payload, o.traceparent, o.attempts",
        limit,
        lease.as_secs_f64(),
        known.as_slice() as _,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Message {
                id: row.id,
                kind: Kind::from_name(&row.kind).ok_or(Error::Corrupt("outbox.kind"))?,
                entity_id: row.entity_id,
                version: row.version,
                payload: row.payload,
                traceparent: row.traceparent,
                attempts: row.attempts,
            })
        })
        .collect()
}

/// Forgets a row that notify-svc has.
///
/// # Errors
///
/// When the database fails; the row is then sent again, which notify-svc takes as a
/// repeat.
pub async fn delete(conn: &mut PgConnection, id: i64) -> Result<(), Error> {
    sqlx::query!("DELETE FROM lesson.outbox WHERE id = $1", id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Makes a row due again after `delay`.
///
/// # Errors
///
/// When the database fails; the row is then due when its lease ends.
pub async fn update_due(
    conn: &mut PgConnection,
    id: i64,
    delay: Duration,
    error: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.outbox
         SET next_attempt_time = now() + make_interval(secs => $2), last_error = $3 WHERE id = $1",
        id,
        delay.as_secs_f64(),
        error,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Parks a row that was refused for good.
///
/// # Errors
///
/// When the database fails; the row is then sent and refused once more.
pub async fn update_parked(conn: &mut PgConnection, id: i64, error: &str) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.outbox SET park_time = now(), last_error = $2 WHERE id = $1",
        id,
        error,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is in the outbox.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    /// Rows that are sent or will be.
    pub waiting: i64,
    /// Rows refused for good.
    pub parked: i64,
    /// Seconds since the oldest row that waits was written; 0 without one.
    pub lag_s: f64,
}

/// Counts the outbox, 10,000 rows of each kind at most.
///
/// # Errors
///
/// When the database fails.
pub async fn find_backlog(conn: &mut PgConnection) -> Result<Backlog, Error> {
    let backlog = sqlx::query_as!(
        Backlog,
        r#"SELECT
             (SELECT count(*) FROM (SELECT FROM lesson.outbox
                WHERE park_time IS NULL LIMIT 10000) AS counted) AS "waiting!",
             (SELECT count(*) FROM (SELECT FROM lesson.outbox
                WHERE park_time IS NOT NULL LIMIT 10000) AS counted) AS "parked!",
             coalesce((SELECT greatest(extract(epoch FROM now() - create_time), 0) FROM lesson.outbox
                WHERE park_time IS NULL ORDER BY id LIMIT 1), 0)::float8 AS "lag_s!""#,
    )
    .fetch_one(conn)
    .await?;
    Ok(backlog)
}
