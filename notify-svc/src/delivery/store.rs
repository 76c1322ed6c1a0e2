//! Tables `notify.sending` and `notify.bots`.

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Bot, OffReason, Sending};

/// Compares the database with the one the switch was written in, and switches sending off
/// where they differ. Asked on every new connection before it is used, so that nothing is
/// begun in a restored copy, whenever and however it took the database's place. A cluster
/// or database of its own differs; a copy restored in place of its original does not, and
/// is marked by hand (README).
///
/// # Errors
///
/// When the database fails; not when it has no schema yet.
pub async fn check_database(conn: &mut PgConnection) -> sqlx::Result<()> {
    let checked = sqlx::query_scalar!(
        r#"UPDATE notify.sending s
           SET database = CASE WHEN s.database = '' THEN here.id ELSE s.database END,
               enabled = s.enabled AND s.database = '',
               off_reason = CASE WHEN s.database = '' THEN s.off_reason ELSE 'restored' END,
               changed_at = CASE WHEN s.database = '' THEN s.changed_at
                                 ELSE clock_timestamp() END
           FROM (SELECT c.system_identifier || '/' || d.oid AS id
                 FROM pg_control_system() c, pg_database d
                 WHERE d.datname = current_database()) here
           WHERE s.database <> here.id
             AND (s.database = '' OR s.off_reason IS DISTINCT FROM 'restored')
           RETURNING s.off_reason IS NOT DISTINCT FROM 'restored' AS "restored!""#,
    )
    .fetch_optional(conn)
    .await;
    match checked {
        Ok(Some(true)) => {
            tracing::error!(
                "this database is a restored copy, so sending is off: make sure that nothing \
                 sends from the original, then switch it on with DeliveryService.SetSending; \
                 what was due before now will expire"
            );
            Ok(())
        }
        Ok(Some(false) | None) => Ok(()),
        Err(error) if has_no_schema(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// `migrate` has not been run yet.
fn has_no_schema(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("3F000" | "42P01"))
}

/// Whether anything is sent.
///
/// # Errors
///
/// When the database fails.
pub async fn find_sending(conn: &mut PgConnection) -> sqlx::Result<Sending> {
    let row = sqlx::query!(
        r#"SELECT off_reason AS "off_reason: OffReason", changed_at FROM notify.sending"#
    )
    .fetch_one(conn)
    .await?;
    Ok(Sending {
        off: row.off_reason,
        changed_at: row.changed_at.to_jiff(),
    })
}

/// Keeps the switch as it is until the transaction ends.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_sending(conn: &mut PgConnection) -> sqlx::Result<Sending> {
    let row = sqlx::query!(
        r#"SELECT off_reason AS "off_reason: OffReason", changed_at FROM notify.sending
           FOR UPDATE"#
    )
    .fetch_one(conn)
    .await?;
    Ok(Sending {
        off: row.off_reason,
        changed_at: row.changed_at.to_jiff(),
    })
}

/// Sets the locked switch; switched on, this database becomes the one it was written in.
///
/// # Errors
///
/// When the database fails.
pub async fn update_sending(
    conn: &mut PgConnection,
    off: Option<OffReason>,
) -> sqlx::Result<Sending> {
    let changed_at = sqlx::query_scalar!(
        "UPDATE notify.sending s
         SET enabled = $1::text IS NULL, off_reason = $1, changed_at = clock_timestamp(),
             database = CASE WHEN $1::text IS NOT NULL THEN s.database
                        ELSE (SELECT c.system_identifier || '/' || d.oid
                              FROM pg_control_system() c, pg_database d
                              WHERE d.datname = current_database()) END
         RETURNING changed_at",
        off as Option<OffReason>,
    )
    .fetch_one(conn)
    .await?;
    Ok(Sending {
        off,
        changed_at: changed_at.to_jiff(),
    })
}

/// Waiting rows due before a restore.
///
/// # Errors
///
/// When the database fails.
pub async fn list_due_before(
    conn: &mut PgConnection,
    restored: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT id FROM notify.notifications
         WHERE state = 'pending' AND due_at < $1
         LIMIT $2",
        jiff_sqlx::Timestamp::from(restored) as _,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Rows in flight that were begun before a restore.
///
/// # Errors
///
/// When the database fails.
pub async fn list_begun_before(
    conn: &mut PgConnection,
    restored: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id!" FROM (
               SELECT id FROM notify.notifications WHERE state = 'sending' AND begun_at < $1
               UNION ALL
               SELECT id FROM notify.notifications WHERE state = 'uncertain' AND begun_at < $1
           ) in_flight
           LIMIT $2"#,
        jiff_sqlx::Timestamp::from(restored) as _,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Keeps a bot in stream mode until the transaction ends; false when a client polls for it.
///
/// # Errors
///
/// When the database fails.
pub async fn hold_stream_mode(conn: &mut PgConnection, bot_id: i64) -> sqlx::Result<bool> {
    // A row that is not there cannot be held.
    sqlx::query!(
        "INSERT INTO notify.bots (bot_id) VALUES ($1) ON CONFLICT (bot_id) DO NOTHING",
        bot_id,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query_scalar!(
        r#"SELECT client IS NULL AS "streams!" FROM notify.bots WHERE bot_id = $1 FOR SHARE"#,
        bot_id,
    )
    .fetch_one(conn)
    .await
}

/// Puts a bot into a mode; false when it is in it. What its owner had is over at once, and
/// the next one takes care as after a takeover: who sent until now may be heard of still.
///
/// # Errors
///
/// When the database fails, and when the client polls for another bot
/// (`bots_client_polls_one`).
pub async fn update_mode(
    conn: &mut PgConnection,
    bot_id: i64,
    client: Option<&str>,
) -> sqlx::Result<bool> {
    let changed = sqlx::query!(
        "INSERT INTO notify.bots AS b (bot_id, client) VALUES ($1, $2)
         ON CONFLICT (bot_id) DO UPDATE
         SET client = excluded.client, changed_at = clock_timestamp()
         WHERE b.client IS DISTINCT FROM excluded.client",
        bot_id,
        client,
    )
    .execute(&mut *conn)
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "UPDATE notify.owners
         SET epoch = epoch + 1, expires_at = to_timestamp(0), ready = false,
             taken_over_at = clock_timestamp()
         WHERE bot_id = $1",
        bot_id,
    )
    .execute(conn)
    .await?;
    Ok(true)
}

/// For which bot a client polls.
///
/// # Errors
///
/// When the database fails.
pub async fn find_polled(conn: &mut PgConnection, client: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT bot_id FROM notify.bots WHERE client = $1", client)
        .fetch_optional(conn)
        .await
}

/// At most so many bots are listed.
const MAX_BOTS: i64 = 1_000;

/// All bots that have a mode, an owner or something waiting, or one of them.
///
/// # Errors
///
/// When the database fails.
pub async fn list_bots(conn: &mut PgConnection, only: Option<i64>) -> sqlx::Result<Vec<Bot>> {
    sqlx::query_as!(
        Bot,
        r#"WITH RECURSIVE waiting AS (
               SELECT min(bot_id) AS bot_id FROM notify.notifications WHERE state = 'pending'
               UNION ALL
               SELECT (SELECT min(n.bot_id) FROM notify.notifications n
                       WHERE n.state = 'pending' AND n.bot_id > w.bot_id)
               FROM waiting w WHERE w.bot_id IS NOT NULL
           ), known AS (
               SELECT bot_id FROM notify.bots
               UNION SELECT bot_id FROM notify.owners
               UNION SELECT bot_id FROM waiting WHERE bot_id IS NOT NULL
           ), in_flight AS (
               SELECT bot_id, count(*) AS sending, 0 AS uncertain
               FROM notify.notifications WHERE state = 'sending' GROUP BY bot_id
               UNION ALL
               SELECT bot_id, 0, count(*)
               FROM notify.notifications WHERE state = 'uncertain' GROUP BY bot_id
           )
           SELECT k.bot_id AS "bot_id!", b.client AS "client?",
                  CASE WHEN o.expires_at > now() THEN o.gateway_id END AS "gateway_id?",
                  coalesce(o.epoch, 0) AS "epoch!",
                  (SELECT count(*) FROM notify.notifications n
                   WHERE n.bot_id = k.bot_id AND n.state = 'pending'
                     AND n.lane BETWEEN 2 AND 4 AND n.next_at <= now()) AS "due!",
                  (SELECT coalesce(sum(f.sending), 0)::bigint FROM in_flight f
                   WHERE f.bot_id = k.bot_id) AS "sending!",
                  (SELECT coalesce(sum(f.uncertain), 0)::bigint FROM in_flight f
                   WHERE f.bot_id = k.bot_id) AS "uncertain!"
           FROM known k
           LEFT JOIN notify.bots b ON b.bot_id = k.bot_id
           LEFT JOIN notify.owners o ON o.bot_id = k.bot_id
           WHERE $1::bigint IS NULL OR k.bot_id = $1
           ORDER BY k.bot_id LIMIT $2"#,
        only,
        MAX_BOTS,
    )
    .fetch_all(conn)
    .await
}

/// Every bot that a gateway ever owned.
///
/// # Errors
///
/// When the database fails.
pub async fn list_owned(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!("SELECT bot_id FROM notify.owners")
        .fetch_all(conn)
        .await
}
