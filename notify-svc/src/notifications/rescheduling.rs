//! Another time for what waits: one compare-and-set, so that a Begin that read the former
//! version is refused.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    requests::NewTimes,
    states::{self, Backoff, Event},
    store::{self, jitter},
};

/// What became of a row that was to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It waits, and has these times.
    Waits {
        /// Whose bot sends it.
        bot_id: Option<i64>,
        /// It had others before.
        changed: bool,
    },
    /// It is begun, or has ended: nothing was changed.
    Never,
}

/// Gives a notification another time. The answer is bound by the commit: a Begin that came
/// first is seen here, one that comes later finds another version.
///
/// # Errors
///
/// When the database fails.
pub async fn reschedule(
    conn: &mut PgConnection,
    id: Uuid,
    times: NewTimes,
    backoff: &Backoff,
) -> sqlx::Result<Moved> {
    let locked = store::lock(conn, &[id]).await?;
    let movable = locked.into_iter().find(|row| {
        let change = states::after(&row.standing, &Event::Reschedule, backoff, jitter());
        change.is_some()
    });
    let Some(row) = movable else {
        return Ok(Moved::Never);
    };
    // A back-off goes on: Telegram asked for it.
    let done = sqlx::query!(
        "UPDATE notify.notifications n
         SET due_at = t.due_at, expires_at = t.expires_at, version = n.version + 1,
             next_at = CASE WHEN n.next_at > n.due_at THEN greatest(t.due_at, n.next_at)
                       ELSE t.due_at END
         FROM (SELECT $3::timestamptz AS due_at,
                      greatest(coalesce($4::timestamptz, $3 + interval '24 hours'),
                               $3 + interval '1 microsecond') AS expires_at) t
         WHERE n.id = $1 AND n.version = $2
           AND (n.due_at <> t.due_at OR n.expires_at <> t.expires_at)",
        id,
        row.version,
        jiff_sqlx::Timestamp::from(times.due_at) as _,
        times.expires_at.map(jiff_sqlx::Timestamp::from) as _,
    )
    .execute(conn)
    .await?;
    Ok(Moved::Waits {
        bot_id: row.bot_id,
        changed: done.rows_affected() > 0,
    })
}
