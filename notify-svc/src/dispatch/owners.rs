//! Table `notify.owners`: which gateway may send a bot's notifications.

use std::time::Duration;

use olm_proto::notify::v1::Spent;
use prost::Message as _;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::delivery;

/// How a bot was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Which bot.
    pub bot_id: i64,
    /// For which gateway.
    pub gateway_id: Uuid,
    /// On which stream.
    pub stream_id: Uuid,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq)]
pub enum Owning {
    /// It is the gateway's, in this epoch.
    Owned {
        /// Only rises.
        epoch: i64,
        /// Within [`CAUTION`] another gateway lost it without a word.
        taken_over: bool,
        /// What the owner before said that it had used, and how long ago.
        spent: Option<(Spent, Duration)>,
    },
    /// Another gateway's ownership runs out in this long, or a client polls for the bot.
    NotOwned {
        /// At least 0.
        retry_after: Duration,
    },
}

/// How long a former owner that did not release the bot may still be answering people.
pub const CAUTION: Duration = Duration::from_mins(1);
/// A [`Spent`] of more bytes is not kept: the successor takes care instead. Thirty messages a
/// second, all to groups, make 20 KB.
const MAX_SPENT: usize = 65_536;
/// When to ask again for a bot that a client polls for.
const POLLED: Duration = Duration::from_secs(30);

/// Takes a bot that is free, ran out, or is this gateway's on an older stream, and that
/// no client polls for; the epoch rises.
///
/// # Errors
///
/// When the database fails.
pub async fn own(conn: &mut PgConnection, claim: Claim, ttl: Duration) -> sqlx::Result<Owning> {
    let mut tx = conn.begin().await?;
    let owning = if delivery::store::hold_stream_mode(&mut tx, claim.bot_id).await? {
        take(&mut tx, claim, ttl).await?
    } else {
        Owning::NotOwned {
            retry_after: POLLED,
        }
    };
    tx.commit().await?;
    Ok(owning)
}

async fn take(conn: &mut PgConnection, claim: Claim, ttl: Duration) -> sqlx::Result<Owning> {
    let owned = sqlx::query!(
        r#"INSERT INTO notify.owners AS o (bot_id, epoch, gateway_id, stream_id, expires_at)
         VALUES ($1, 1, $2, $3, clock_timestamp() + $4 * interval '1 second')
         ON CONFLICT (bot_id) DO UPDATE
         SET epoch = o.epoch + 1, gateway_id = excluded.gateway_id,
             stream_id = excluded.stream_id, expires_at = excluded.expires_at,
             renewal = 0, ready = false,
             spent_epoch = CASE WHEN o.spent_epoch = o.epoch THEN o.epoch + 1 END,
             -- A release says nothing of whoever had it before.
             taken_over_at = CASE WHEN o.gateway_id = excluded.gateway_id
                                    OR o.expires_at = to_timestamp(0) THEN o.taken_over_at
                                  ELSE clock_timestamp() END
         WHERE o.gateway_id = excluded.gateway_id OR o.expires_at <= clock_timestamp()
         RETURNING epoch,
                   coalesce(taken_over_at > clock_timestamp() - $5 * interval '1 second', false)
                       AS "taken_over!",
                   CASE WHEN spent_epoch = epoch THEN spent END AS spent,
                   extract(epoch FROM clock_timestamp() - released_at)::float8 AS spent_s"#,
        claim.bot_id,
        claim.gateway_id,
        claim.stream_id,
        ttl.as_secs_f64(),
        CAUTION.as_secs_f64(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(owned) = owned {
        return Ok(Owning::Owned {
            epoch: owned.epoch,
            taken_over: owned.taken_over,
            spent: parse_spent(owned.spent.as_deref(), owned.spent_s),
        });
    }
    let left_s = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 AS "left_s!"
           FROM notify.owners WHERE bot_id = $1"#,
        claim.bot_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(Owning::NotOwned {
        retry_after: Duration::try_from_secs_f64(left_s).unwrap_or_default(),
    })
}

fn parse_spent(spent: Option<&[u8]>, ago_s: Option<f64>) -> Option<(Spent, Duration)> {
    let spent = Spent::decode(spent?).ok()?;
    // A clock that was set back makes everything look newer: the cautious reading.
    let ago = Duration::try_from_secs_f64(ago_s?).unwrap_or_default();
    Some((spent, ago))
}

/// Stores a renewal; false when the epoch is over. One that ran out and was taken by
/// nobody lives on: freshness is the gateway's renewals', not the row's.
///
/// # Errors
///
/// When the database fails.
pub async fn renew(
    conn: &mut PgConnection,
    bot_id: i64,
    epoch: i64,
    renewal: i64,
    ttl: Duration,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE notify.owners
         SET expires_at = clock_timestamp() + $4 * interval '1 second',
             renewal = greatest(renewal, $3)
         WHERE bot_id = $1 AND epoch = $2",
        bot_id,
        epoch,
        renewal,
        ttl.as_secs_f64(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends an epoch at once; another gateway may own the bot now, and learns what was `spent`.
///
/// # Errors
///
/// When the database fails.
pub async fn release(
    conn: &mut PgConnection,
    bot_id: i64,
    epoch: i64,
    spent: Option<&Spent>,
) -> sqlx::Result<bool> {
    let spent = spent.filter(|spent| spent.encoded_len() <= MAX_SPENT);
    let done = sqlx::query!(
        "UPDATE notify.owners
         SET epoch = epoch + 1, expires_at = to_timestamp(0), ready = false,
             spent = $3, released_at = clock_timestamp(), spent_epoch = epoch + 1
         WHERE bot_id = $1 AND epoch = $2",
        bot_id,
        epoch,
        spent.map(Spent::encode_to_vec),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The owner's journal has been heard: what is still uncertain may be resolved, and what the
/// owner before used is known to it.
///
/// # Errors
///
/// When the database fails.
pub async fn update_ready(conn: &mut PgConnection, bot_id: i64, epoch: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE notify.owners SET ready = true, spent = NULL, released_at = NULL, spent_epoch = NULL
         WHERE bot_id = $1 AND epoch = $2",
        bot_id,
        epoch,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
