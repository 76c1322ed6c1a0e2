//! Switching sending on and off, and a bot from one mode to the other.

use jiff::Timestamp;

use super::{Bot, Mode, OffReason, Sending, store};
use crate::{
    App,
    errors::Error,
    notifications::{
        states::{Event, State},
        store as queue,
    },
};

/// Rows ended in one transaction after a restore.
const BATCH: i64 = 1_000;

/// What switching did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switched {
    /// The switch now.
    pub sending: Sending,
    /// Waiting rows that expired.
    pub expired: i64,
    /// Rows that became unconfirmed.
    pub unconfirmed: i64,
}

/// Switches sending off; what a restore switched off stays so.
///
/// # Errors
///
/// When the database fails.
pub async fn switch_off(app: &App) -> Result<Switched, Error> {
    let mut tx = app.pool.begin().await?;
    let mut sending = store::lock_sending(&mut tx).await?;
    if sending.off.is_none() {
        sending = store::update_sending(&mut tx, Some(OffReason::Operator)).await?;
        tracing::warn!("sending is switched off by an operator");
    }
    tx.commit().await?;
    Ok(Switched::nothing(sending))
}

/// Switches sending on; after a restore only once nothing of before it is left to be
/// replayed.
///
/// # Errors
///
/// When the database fails; what was ended until then stays so, and sending is off.
pub async fn switch_on(app: &App) -> Result<Switched, Error> {
    let mut expired = 0;
    let mut unconfirmed = 0;
    let (sending, bots) = loop {
        let mut tx = app.pool.begin().await?;
        let sending = store::lock_sending(&mut tx).await?;
        let left = match sending.off {
            None => return Ok(Switched::nothing(sending)),
            Some(OffReason::Operator) => 0,
            Some(OffReason::Restored) => {
                let (found, ends) = end_before(app, &mut tx, sending.changed_at).await?;
                let ended = |at: State| ends.iter().filter(|end| **end == at).count();
                expired += ended(State::Expired);
                unconfirmed += ended(State::Unconfirmed);
                found
            }
        };
        if left > 0 {
            tx.commit().await?;
            continue;
        }
        let sending = store::update_sending(&mut tx, None).await?;
        let bots = store::list_owned(&mut tx).await?;
        tx.commit().await?;
        break (sending, bots);
    };
    tracing::warn!(
        expired,
        unconfirmed,
        "sending is switched on by an operator"
    );
    app.wakeups.wake(bots);
    let count = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    Ok(Switched {
        sending,
        expired: count(expired),
        unconfirmed: count(unconfirmed),
    })
}

impl Switched {
    fn nothing(sending: Sending) -> Self {
        Self {
            sending,
            expired: 0,
            unconfirmed: 0,
        }
    }
}

/// Ends some of what the original may have sent; how many rows were found, and where each
/// ended.
async fn end_before(
    app: &App,
    conn: &mut sqlx::PgConnection,
    restored: Timestamp,
) -> sqlx::Result<(usize, Vec<State>)> {
    let due = store::list_due_before(conn, restored, BATCH).await?;
    let begun = store::list_begun_before(conn, restored, BATCH).await?;
    let found = due.len() + begun.len();
    let mut ended = Vec::new();
    for (ids, event) in [(due, Event::Expire), (begun, Event::Restored)] {
        let advanced = queue::advance(conn, &ids, &event, &app.pace.backoff).await?;
        ended.extend(advanced.iter().map(|row| row.after.state));
    }
    Ok((found, ended))
}

/// Puts a bot into a mode. From its commit on nobody begins its rows in the other.
///
/// # Errors
///
/// When the client polls for another bot, and when the database fails.
pub async fn set_mode(app: &App, bot_id: i64, mode: &Mode) -> Result<Bot, Error> {
    let client = match mode {
        Mode::Stream => None,
        Mode::Polling { client } => Some(client.as_str()),
    };
    let mut tx = app.pool.begin().await?;
    let changed = match store::update_mode(&mut tx, bot_id, client).await {
        Err(error) if is_taken(&error) => {
            drop(tx);
            let mut conn = app.pool.acquire().await?;
            let other = store::find_polled(&mut conn, client.unwrap_or_default()).await?;
            // Given up in this moment: as if it had been asked for before.
            return Err(Error::ClientPollsAnotherBot(other.unwrap_or_default()));
        }
        changed => changed?,
    };
    let bots = store::list_bots(&mut tx, Some(bot_id)).await?;
    let bot = bots.into_iter().next();
    let bot = bot.ok_or_else(|| Error::stored("a bot vanished"))?;
    tx.commit().await?;
    if changed {
        tracing::info!(bot_id, client, "bot put into another mode");
        app.wakeups.wake([bot_id]);
    }
    Ok(bot)
}

fn is_taken(error: &sqlx::Error) -> bool {
    let constraint = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::constraint);
    constraint == Some("bots_client_polls_one")
}
