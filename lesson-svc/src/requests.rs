//! Idempotency of creating RPCs: the same `request_id` of the same person makes one
//! thing, and a repeat is answered with it.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use prost::Message;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{errors::Error, ids::UserId};

/// What a `request_id` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is new: the caller makes the thing in this transaction.
    New,
    /// It was used before, with the same body, and made the thing with this id.
    Repeat(Uuid),
}

/// SHA-256 of an RPC's name and its body. The body is canonical: parsed, written
/// anew, and without its `request_id`.
#[must_use]
pub fn body_hash(method: &str, body: &impl Message) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(method.as_bytes());
    hash.update([0]);
    hash.update(body.encode_to_vec());
    hash.finalize().into()
}

/// Claims a `request_id` for what this transaction is about to make. A racing repeat
/// waits here until the first committed or gave up.
///
/// # Errors
///
/// [`Error::RequestIdReused`] when it was used with another body.
pub async fn claim(
    conn: &mut PgConnection,
    user: UserId,
    request_id: Uuid,
    body_hash: [u8; 32],
    makes: Uuid,
    now: Timestamp,
) -> Result<Claim, Error> {
    // A row that retention drops between the two statements is claimed anew.
    for _ in 0..2 {
        let claimed = sqlx::query!(
            "INSERT INTO lesson.requests (user_id, request_id, body_hash, made_id, create_time)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (user_id, request_id) DO NOTHING",
            user.0,
            request_id,
            body_hash.as_slice(),
            makes,
            now.to_sqlx(),
        )
        .execute(&mut *conn)
        .await?;
        if claimed.rows_affected() == 1 {
            return Ok(Claim::New);
        }
        let first = sqlx::query!(
            "SELECT body_hash, made_id FROM lesson.requests WHERE user_id = $1 AND request_id = $2",
            user.0,
            request_id,
        )
        .fetch_optional(&mut *conn)
        .await?;
        match first {
            Some(first) if first.body_hash == body_hash => {
                return Ok(Claim::Repeat(first.made_id));
            }
            Some(_) => return Err(Error::RequestIdReused),
            None => {}
        }
    }
    Err(Error::Corrupt("a request's id is neither free nor taken"))
}

/// Forgets up to `limit` requests made before that instant, the oldest first; answers
/// how many. Replicas pass over each other's.
///
/// # Errors
///
/// When the database fails.
pub async fn delete_before(
    conn: &mut PgConnection,
    before: Timestamp,
    limit: i64,
) -> Result<u64, Error> {
    let deleted = sqlx::query!(
        "DELETE FROM lesson.requests WHERE (user_id, request_id) IN (
             SELECT user_id, request_id FROM lesson.requests
             WHERE create_time < $1 ORDER BY create_time LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before.to_sqlx(),
        limit,
    )
    .execute(conn)
    .await?;
    Ok(deleted.rows_affected())
}
