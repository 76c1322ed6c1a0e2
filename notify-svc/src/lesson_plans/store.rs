//! Tables `notify.lessons`, `notify.lesson_participants` and `notify.replans`, and the
//! rows that plans exist of.

use std::collections::BTreeMap;

use olm_proto::notify::v1::{Content, LessonNotice, LessonSnapshot, content};
use prost::Message as _;
use service_kit::status::Violations;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Snapshot,
    planner::{Key, Told},
};
use crate::{
    errors::Error,
    notifications::states::{self, State},
};

/// Stores a snapshot and who takes part, unless one as new is there: then its version.
/// The people must be locked.
///
/// # Errors
///
/// When the database fails.
pub async fn put(
    conn: &mut PgConnection,
    snapshot: &Snapshot,
    bytes: &[u8],
) -> sqlx::Result<Option<i64>> {
    let done = sqlx::query!(
        "INSERT INTO notify.lessons AS l (lesson_id, version, start_at, end_at, snapshot)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (lesson_id) DO UPDATE
         SET version = excluded.version, start_at = excluded.start_at, end_at = excluded.end_at,
             snapshot = excluded.snapshot, updated_at = clock_timestamp()
         WHERE l.version < excluded.version",
        snapshot.lesson_id,
        snapshot.version,
        jiff_sqlx::Timestamp::from(snapshot.start) as _,
        jiff_sqlx::Timestamp::from(snapshot.end) as _,
        bytes,
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        let stored = sqlx::query_scalar!(
            "SELECT version FROM notify.lessons WHERE lesson_id = $1",
            snapshot.lesson_id
        );
        return stored.fetch_one(conn).await.map(Some);
    }
    sqlx::query!(
        "WITH gone AS (
             DELETE FROM notify.lesson_participants
             WHERE lesson_id = $1 AND user_id <> ALL ($2)
         )
         INSERT INTO notify.lesson_participants (user_id, lesson_id)
         SELECT user_id, $1 FROM unnest($2::uuid[]) AS people (user_id)
         ON CONFLICT (user_id, lesson_id) DO NOTHING",
        snapshot.lesson_id,
        &snapshot.people(),
    )
    .execute(conn)
    .await?;
    Ok(None)
}

fn decode(bytes: &[u8]) -> Result<Snapshot, Error> {
    let wire = LessonSnapshot::decode(bytes).map_err(Error::stored)?;
    let mut violations = Violations::default();
    let snapshot = Snapshot::parse(&wire, &mut violations);
    if violations.is_empty() {
        Ok(snapshot)
    } else {
        Err(Error::stored("a stored snapshot is not valid"))
    }
}

/// The last snapshot of a lesson, locked; `None` for one that was never heard of, and
/// for one that is over and was forgotten with somebody who took part.
///
/// # Errors
///
/// When the database fails or the stored snapshot cannot be read.
pub async fn lock_lesson(
    conn: &mut PgConnection,
    lesson_id: Uuid,
) -> Result<Option<Snapshot>, Error> {
    let bytes = sqlx::query_scalar!(
        "SELECT snapshot FROM notify.lessons WHERE lesson_id = $1 FOR NO KEY UPDATE",
        lesson_id,
    )
    .fetch_optional(conn)
    .await?;
    let bytes = bytes.filter(|bytes| !bytes.is_empty());
    bytes.map(|bytes| decode(&bytes)).transpose()
}

/// The last snapshot of a lesson, as [`lock_lesson`] finds it, without the lock.
///
/// # Errors
///
/// When the database fails or the stored snapshot cannot be read.
pub async fn find_lesson(
    conn: &mut PgConnection,
    lesson_id: Uuid,
) -> Result<Option<Snapshot>, Error> {
    let bytes = sqlx::query_scalar!(
        "SELECT snapshot FROM notify.lessons WHERE lesson_id = $1",
        lesson_id,
    )
    .fetch_optional(conn)
    .await?;
    let bytes = bytes.filter(|bytes| !bytes.is_empty());
    bytes.map(|bytes| decode(&bytes)).transpose()
}

/// Who takes part in a lesson, in the order in which people are locked.
///
/// # Errors
///
/// When the database fails.
pub async fn list_participants(
    conn: &mut PgConnection,
    lesson_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT user_id FROM notify.lesson_participants WHERE lesson_id = $1 ORDER BY user_id",
        lesson_id,
    )
    .fetch_all(conn)
    .await
}

/// Has the lessons that these notifications are about planned anew, once this
/// transaction is committed.
///
/// # Errors
///
/// When the database fails.
pub async fn insert_replans(conn: &mut PgConnection, notifications: &[Uuid]) -> sqlx::Result<()> {
    if notifications.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"INSERT INTO notify.replans (lesson_id)
           SELECT DISTINCT lesson_id AS "lesson_id!" FROM notify.notification_details
           WHERE notification_id = ANY ($1) AND lesson_id IS NOT NULL"#,
        notifications,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Has the lessons of a locked person that are not over planned anew; answers their
/// places in the queue, the first lesson first.
///
/// # Errors
///
/// When the database fails.
pub async fn insert_replans_of(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "INSERT INTO notify.replans (lesson_id)
         SELECT l.lesson_id FROM notify.lessons l
         JOIN notify.lesson_participants p ON p.lesson_id = l.lesson_id
         WHERE p.user_id = $1 AND l.end_at > now()
         ORDER BY l.start_at
         RETURNING id",
        user_id,
    )
    .fetch_all(conn)
    .await
}

/// The first places in the queue of lessons to be planned anew that nobody is at.
///
/// # Errors
///
/// When the database fails.
pub async fn list_replans(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT id FROM notify.replans ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Takes a lesson to be planned anew, after whoever is at it; `None` when they did it.
///
/// # Errors
///
/// When the database fails.
pub async fn take_replan(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "DELETE FROM notify.replans WHERE id = $1 RETURNING lesson_id",
        id,
    )
    .fetch_optional(conn)
    .await
}

/// Puts a lesson whose planning failed at the end of the queue; out of it when that was
/// the last of `attempts`. Answers which lesson, and whether it is still to be planned.
///
/// # Errors
///
/// When the database fails.
pub async fn postpone_replan(
    conn: &mut PgConnection,
    id: i64,
    attempts: i16,
) -> sqlx::Result<Option<(Uuid, bool)>> {
    let row = sqlx::query!(
        r#"WITH failed AS (
               DELETE FROM notify.replans WHERE id = $1
               RETURNING lesson_id, attempts + 1::smallint AS attempts
           ), again AS (
               INSERT INTO notify.replans (lesson_id, attempts)
               SELECT lesson_id, attempts FROM failed WHERE attempts < $2
           )
           SELECT lesson_id, attempts < $2 AS "again!" FROM failed"#,
        id,
        attempts,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.lesson_id, row.again)))
}

/// Gives what waits of a lesson to its readers' bots, where it has none yet.
///
/// # Errors
///
/// When the database fails.
pub async fn address_pending(conn: &mut PgConnection, lesson_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH waiting AS MATERIALIZED (
             SELECT n.id, r.bot_id
             FROM notify.notification_details d
             JOIN notify.notifications n ON n.id = d.notification_id
             JOIN notify.recipients r ON r.user_id = n.user_id
             WHERE d.lesson_id = $1 AND n.state = 'pending' AND n.bot_id IS NULL
               AND r.bot_id IS NOT NULL
             ORDER BY n.id
             FOR UPDATE OF n
         )
         UPDATE notify.notifications n SET bot_id = waiting.bot_id, version = n.version + 1
         FROM waiting WHERE n.id = waiting.id",
        lesson_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A planned row that exists.
#[derive(Debug)]
pub struct Existing {
    /// Which.
    pub id: Uuid,
    /// What it told whom.
    pub told: Told,
}

/// What was told of a lesson, locked, so that nothing of it begins while the plan is
/// made.
///
/// # Errors
///
/// When the database fails or a stored row cannot be read.
pub async fn lock_told(
    conn: &mut PgConnection,
    lesson_id: Uuid,
) -> Result<BTreeMap<Key, Existing>, Error> {
    sqlx::query_scalar!(
        "SELECT n.id FROM notify.notifications n
         JOIN notify.notification_details d ON d.notification_id = n.id
         WHERE d.lesson_id = $1 AND d.plan_key IS NOT NULL
         ORDER BY n.id
         FOR UPDATE OF n",
        lesson_id,
    )
    .fetch_all(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT n.id, n.user_id, n.state AS "state: State", n.resent, n.due_at,
                  d.plan_key AS "plan_key!", d.content,
                  n.state = 'failed' AND (a.outcome = 'chat_gone' OR d.failure = $2) AS "gone!"
           FROM notify.notification_details d
           JOIN notify.notifications n ON n.id = d.notification_id
           LEFT JOIN notify.attempts a
             ON a.notification_id = n.id AND a.attempt_no = n.attempt_no
           WHERE d.lesson_id = $1 AND d.plan_key IS NOT NULL"#,
        lesson_id,
        states::UNREACHABLE,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let key: Key = row.plan_key.parse().map_err(Error::stored)?;
            let content = Content::decode(row.content.as_slice()).map_err(Error::stored)?;
            let notice = match content.kind {
                Some(content::Kind::LessonNotice(notice)) => notice,
                // Its reader was erased.
                Some(content::Kind::CustomText(_) | content::Kind::SeriesNotice(_)) | None => {
                    LessonNotice::default()
                }
            };
            let told = Told {
                key,
                user_id: row.user_id,
                state: row.state,
                resent: row.resent,
                due: row.due_at.to_jiff(),
                gone: row.gone,
                notice,
            };
            Ok((key, Existing { id: row.id, told }))
        })
        .collect()
}
