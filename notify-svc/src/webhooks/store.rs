//! Table `notify.webhooks`. What is to be told is written there by a trigger on
//! `notify.notifications`, in the transaction of the end itself.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Url;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Ended;
use crate::notifications::{states::State, store::Creator};

/// Remembers where a notification's end is to be told.
///
/// # Errors
///
/// When the database fails.
pub async fn insert(conn: &mut PgConnection, notification_id: Uuid, url: &Url) -> sqlx::Result<()> {
    let port = url.port_or_known_default().unwrap_or_default();
    let host = format!("{}:{port}", url.host_str().unwrap_or_default());
    sqlx::query!(
        "INSERT INTO notify.webhooks (notification_id, url, host) VALUES ($1, $2, $3)",
        notification_id,
        url.as_str(),
        host,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An end that this replica tells now.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// What is told.
    pub ended: Ended,
    /// To whom.
    pub client: Creator,
    /// Where.
    pub url: String,
    /// The part of it that is told at most [`PER_HOST`] ends at once.
    pub host: String,
    /// Posts of this end that failed.
    pub tries: i16,
    version: i64,
}

/// Posts to one host at once.
pub const PER_HOST: i64 = 4;

/// Takes ends that are due for `lease`: host after host behind `after`, in turn, of each so
/// many that with the posts in `busy` there are [`PER_HOST`], the longest due first. Whoever
/// takes them and dies leaves them to be taken again. Nothing in a restored copy, until an
/// operator says that it is the one that counts.
///
/// # Errors
///
/// When the database fails; it may have taken them all the same, for `lease`.
pub async fn claim(
    conn: &mut PgConnection,
    busy: &BTreeMap<String, i64>,
    after: &str,
    limit: i64,
    lease: Duration,
) -> sqlx::Result<Vec<Claimed>> {
    let (hosts, posts): (Vec<_>, Vec<_>) = busy.clone().into_iter().unzip();
    let rows = sqlx::query!(
        r#"WITH RECURSIVE hosts AS (
               -- Each host once, one step of the index for each.
               (SELECT w.host FROM notify.webhooks w
                WHERE w.due_at IS NOT NULL
                  AND NOT EXISTS (SELECT FROM notify.sending WHERE off_reason = 'restored')
                ORDER BY w.host LIMIT 1)
               UNION ALL
               SELECT (SELECT w.host FROM notify.webhooks w
                       WHERE w.due_at IS NOT NULL AND w.host > h.host
                       ORDER BY w.host LIMIT 1)
               FROM hosts h WHERE h.host IS NOT NULL
           ), turns AS MATERIALIZED (
               SELECT h.host, $4 - coalesce(b.posts, 0) AS places
               FROM hosts h
               LEFT JOIN unnest($1::text[], $2::bigint[]) AS b (host, posts) ON b.host = h.host
               WHERE h.host IS NOT NULL
               ORDER BY h.host <= $3, h.host
           ), due AS MATERIALIZED (
               SELECT u.notification_id
               FROM turns CROSS JOIN LATERAL (
                   SELECT w.notification_id FROM notify.webhooks w
                   WHERE w.host = turns.host AND w.due_at <= now()
                   ORDER BY w.due_at LIMIT turns.places
                   FOR UPDATE SKIP LOCKED
               ) u
               LIMIT $5
           ), claimed AS (
               UPDATE notify.webhooks w
               SET version = w.version + 1,
                   due_at = clock_timestamp() + $6 * interval '1 second'
               FROM due WHERE w.notification_id = due.notification_id
               RETURNING w.*
           )
           SELECT n.id, c.state AS "state!: State", c.state_at AS "state_at!", n.due_at,
                  n.attempt_no, n.counted, n.resent, d.telegram_message_id, d.failure,
                  d.caller, d.client, c.url AS "url!", c.host AS "host!", c.tries AS "tries!",
                  c.version AS "version!"
           FROM claimed c
           JOIN notify.notifications n ON n.id = c.notification_id
           JOIN notify.notification_details d ON d.notification_id = c.notification_id"#,
        &hosts,
        &posts,
        after,
        PER_HOST,
        limit,
        lease.as_secs_f64(),
    )
    .fetch_all(conn)
    .await?;
    let claimed = rows.into_iter().map(|row| Claimed {
        ended: Ended {
            id: row.id,
            state: row.state,
            state_at: row.state_at.to_jiff(),
            due_at: row.due_at.to_jiff(),
            attempt_no: row.attempt_no,
            counted: row.counted,
            resent: row.resent,
            telegram_message_id: row.telegram_message_id,
            failure: row.failure,
        },
        client: Creator {
            caller: row.caller,
            client: row.client,
        },
        url: row.url,
        host: row.host,
        tries: row.tries,
        version: row.version,
    });
    Ok(claimed.collect())
}

/// The client has it, or will not be told of it any more. Of an end that another has
/// followed meanwhile nothing is written: that one is told too.
///
/// # Errors
///
/// When the database fails; it is told again after its lease.
pub async fn update_done(
    conn: &mut PgConnection,
    claimed: &Claimed,
    given_up: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE notify.webhooks
         SET due_at = NULL, done_at = clock_timestamp(), given_up = $3, version = version + 1
         WHERE notification_id = $1 AND version = $2",
        claimed.ended.id,
        claimed.version,
        given_up,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// It failed, and is tried again after `wait`.
///
/// # Errors
///
/// When the database fails; it is told again after its lease.
pub async fn update_failed(
    conn: &mut PgConnection,
    claimed: &Claimed,
    wait: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE notify.webhooks
         SET tries = tries + 1, version = version + 1,
             due_at = clock_timestamp() + $3 * interval '1 second'
         WHERE notification_id = $1 AND version = $2",
        claimed.ended.id,
        claimed.version,
        wait.as_secs_f64(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
