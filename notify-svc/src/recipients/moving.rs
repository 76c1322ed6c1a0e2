//! Table `notify.moved_chats`: groups that became supergroups, and who is reached through
//! them.

use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::Address;
use crate::dispatch::AttemptRef;

/// Moves followed from one address: a chat becomes a supergroup once.
const MAX_MOVES: i32 = 16;

/// Where an address leads today.
///
/// # Errors
///
/// When the database fails.
pub async fn follow(conn: &mut PgConnection, address: Address) -> sqlx::Result<Address> {
    let chat_id = sqlx::query_scalar!(
        r#"WITH RECURSIVE path AS (
               SELECT $2::bigint AS chat_id, 0 AS moves
               UNION ALL
               SELECT m.moved_to, path.moves + 1
               FROM path
               JOIN notify.moved_chats m ON m.bot_id = $1 AND m.chat_id = path.chat_id
               WHERE path.moves < $3
           )
           SELECT chat_id AS "chat_id!" FROM path ORDER BY moves DESC LIMIT 1"#,
        address.bot_id,
        address.chat_id,
        MAX_MOVES,
    )
    .fetch_one(conn)
    .await?;
    Ok(Address { chat_id, ..address })
}

/// Telegram said of an attempt, which `gateway_id` began and nobody else reported, that its
/// chat is another now: everybody reached through the old one is reached through the new
/// one. Who was given another address since the attempt began is not who it went to.
/// Answers how many were moved.
///
/// # Errors
///
/// When the database fails.
pub async fn move_chat(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    attempt: AttemptRef,
    chat_id: i64,
) -> sqlx::Result<u64> {
    let mut tx = conn.begin().await?;
    let left = sqlx::query!(
        r#"SELECT a.bot_id, r.chat_id AS "chat_id!"
           FROM notify.attempts a
           JOIN notify.notifications n ON n.id = a.notification_id
           JOIN notify.recipients r ON r.user_id = n.user_id
           WHERE a.notification_id = $1 AND a.attempt_no = $2 AND a.gateway_id = $3
             AND (a.outcome IS NULL OR a.outcome = 'ambiguous')
             AND r.bot_id = a.bot_id AND r.chat_id <> $4 AND r.erased_at IS NULL
             AND (r.seen_at IS NULL OR r.seen_at <= a.begun_at)"#,
        attempt.notification_id,
        attempt.attempt_no,
        gateway_id,
        chat_id,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(left) = left else {
        return Ok(0);
    };
    // Where a chat is now, it has not moved away from.
    sqlx::query!(
        "DELETE FROM notify.moved_chats WHERE bot_id = $1 AND chat_id = $2",
        left.bot_id,
        chat_id,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "INSERT INTO notify.moved_chats (bot_id, chat_id, moved_to) VALUES ($1, $2, $3)
         ON CONFLICT (bot_id, chat_id) DO UPDATE
         SET moved_to = excluded.moved_to, moved_at = clock_timestamp()",
        left.bot_id,
        left.chat_id,
        chat_id,
    )
    .execute(&mut *tx)
    .await?;
    let moved = sqlx::query!(
        "WITH theirs AS MATERIALIZED (
             SELECT user_id FROM notify.recipients
             WHERE chat_id = $2 AND bot_id = $1
             ORDER BY user_id
             FOR NO KEY UPDATE
         )
         UPDATE notify.recipients r
         SET chat_id = $3, unreachable_since = NULL, seen_at = clock_timestamp(),
             updated_at = clock_timestamp()
         FROM theirs WHERE r.user_id = theirs.user_id",
        left.bot_id,
        left.chat_id,
        chat_id,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(moved.rows_affected())
}
