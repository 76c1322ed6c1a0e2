//! Tables `notify.series` and `notify.series_participants`, and the rows that plans exist
//! of.

use olm_proto::notify::v1::{Content, SeriesNotice, content};
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Snapshot,
    planner::{Key, Told},
};
use crate::{errors::Error, notifications::states::State};

/// Who takes part in a series or did, in the order in which people are locked.
///
/// # Errors
///
/// When the database fails.
pub async fn list_participants(
    conn: &mut PgConnection,
    series_id: Uuid,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT user_id FROM notify.series_participants WHERE series_id = $1 ORDER BY user_id",
        series_id,
    )
    .fetch_all(conn)
    .await
}

/// Stores a snapshot and who takes part, unless one as new is there: then its version. The
/// series is locked afterwards; the people must be before. Who took part stays.
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
        "INSERT INTO notify.series AS s (series_id, version, snapshot)
         VALUES ($1, $2, $3)
         ON CONFLICT (series_id) DO UPDATE
         SET version = excluded.version, snapshot = excluded.snapshot,
             updated_at = clock_timestamp()
         WHERE s.version < excluded.version",
        snapshot.series_id,
        snapshot.version,
        bytes,
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        let stored = sqlx::query_scalar!(
            "SELECT version FROM notify.series WHERE series_id = $1",
            snapshot.series_id
        );
        return stored.fetch_one(conn).await.map(Some);
    }
    sqlx::query!(
        "INSERT INTO notify.series_participants (user_id, series_id)
         SELECT user_id, $1 FROM unnest($2::uuid[]) AS people (user_id)
         ON CONFLICT (user_id, series_id) DO NOTHING",
        snapshot.series_id,
        &snapshot.people(),
    )
    .execute(conn)
    .await?;
    Ok(None)
}

/// A planned row that exists.
#[derive(Debug)]
pub struct Existing {
    /// Which.
    pub id: Uuid,
    /// What it told whom.
    pub told: Told,
}

/// What was told of a series, locked, so that nothing of it begins while the plan is made.
///
/// # Errors
///
/// When the database fails or a stored row cannot be read.
pub async fn lock_told(conn: &mut PgConnection, series_id: Uuid) -> Result<Vec<Existing>, Error> {
    sqlx::query_scalar!(
        "SELECT n.id FROM notify.notifications n
         JOIN notify.notification_details d ON d.notification_id = n.id
         WHERE d.series_id = $1 AND d.plan_key IS NOT NULL
         ORDER BY n.id
         FOR UPDATE OF n",
        series_id,
    )
    .fetch_all(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT n.id, n.state AS "state: State", n.resent, d.plan_key AS "plan_key!", d.content,
                  d.counterpart_id
           FROM notify.notification_details d
           JOIN notify.notifications n ON n.id = d.notification_id
           WHERE d.series_id = $1 AND d.plan_key IS NOT NULL"#,
        series_id,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let key: Key = row.plan_key.parse().map_err(Error::stored)?;
            let content = Content::decode(row.content.as_slice()).map_err(Error::stored)?;
            let notice = match content.kind {
                Some(content::Kind::SeriesNotice(notice)) => notice,
                // Its reader was erased.
                Some(content::Kind::CustomText(_) | content::Kind::LessonNotice(_)) | None => {
                    SeriesNotice::default()
                }
            };
            let told = Told {
                key,
                state: row.state,
                resent: row.resent,
                notice,
                counterpart_id: row.counterpart_id,
            };
            Ok(Existing { id: row.id, told })
        })
        .collect()
}
