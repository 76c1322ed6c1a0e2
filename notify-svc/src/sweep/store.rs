//! What the sweep finds, locked; rows that others hold are left to them.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

/// Pending rows past their expiry.
pub(super) async fn lock_expired(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT id FROM notify.notifications
         WHERE state = 'pending' AND expires_at <= now()
         ORDER BY id LIMIT $1
         FOR UPDATE SKIP LOCKED",
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Pending rows that fell due for people whom nothing reaches.
pub(super) async fn lock_unreachable(
    conn: &mut PgConnection,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT n.id FROM notify.recipients r
         JOIN notify.notifications n ON n.user_id = r.user_id
         WHERE r.unreachable_since IS NOT NULL AND n.state = 'pending' AND n.next_at <= now()
         ORDER BY n.id LIMIT $1
         FOR UPDATE OF n SKIP LOCKED",
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Begun rows that nothing was heard of for `silence`.
pub(super) async fn lock_silent(
    conn: &mut PgConnection,
    silence: Duration,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT id FROM notify.notifications
         WHERE state = 'sending' AND begun_at <= now() - $1 * interval '1 second'
         ORDER BY id LIMIT $2
         FOR UPDATE SKIP LOCKED",
        silence.as_secs_f64(),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Uncertain rows to resolve: those that are not to be sent again, those whose bot is
/// polled, and those whose bot has an owner that has told its journal: before, the journal
/// may still know.
pub(super) async fn lock_resolvable(
    conn: &mut PgConnection,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT n.id FROM notify.notifications n
         JOIN notify.notification_details d ON d.notification_id = n.id
         LEFT JOIN notify.owners o ON o.bot_id = n.bot_id
         LEFT JOIN notify.bots b ON b.bot_id = n.bot_id
         WHERE n.state = 'uncertain'
           AND (n.stop OR n.resent OR d.uncertain_policy = 'hold' OR n.expires_at <= now()
                OR b.client IS NOT NULL OR (o.ready AND o.expires_at > now()))
         ORDER BY n.id LIMIT $1
         FOR UPDATE OF n SKIP LOCKED",
        limit,
    )
    .fetch_all(conn)
    .await
}
