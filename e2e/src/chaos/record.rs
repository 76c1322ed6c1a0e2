//! Reads a history from the database and from the simulator's ledger.

use std::collections::BTreeMap;

use sqlx::PgPool;
use telegram_sim::{
    api::{LedgerEntry, LedgerQuery},
    client::SimClient,
};
use uuid::Uuid;

use super::history::{Attempt, Copy, History, Owner, Row, Transition, Window};
use super::load::Known;
use crate::Result;

/// Entries of one page of the ledger.
const PAGE: usize = 10_000;

/// From now on triggers write down every change of a state and of an owner, whoever makes it.
///
/// # Errors
///
/// When the database refuses.
pub async fn log_transitions(database: &PgPool) -> Result<()> {
    sqlx::raw_sql(include_str!("transitions.sql"))
        .execute(database)
        .await?;
    Ok(())
}

/// Rows that are in no terminal state, but for reminders of some other day.
///
/// # Errors
///
/// When the database does not answer.
pub async fn open_rows(database: &PgPool) -> Result<i64> {
    let open = sqlx::query_scalar(
        "SELECT count(*) FROM notify.notifications
         WHERE state IN ('pending', 'sending', 'uncertain')
           AND due_at < now() + interval '1 day'",
    )
    .fetch_one(database)
    .await?;
    Ok(open)
}

/// Everything that is known by now.
///
/// # Errors
///
/// When the database or the simulator does not answer.
pub async fn history(
    database: &PgPool,
    sim: &SimClient,
    known: Known,
    windows: Vec<Window>,
) -> Result<History> {
    Ok(History {
        known,
        rows: rows(database).await?,
        attempts: attempts(database).await?,
        transitions: transitions(database).await?,
        copies: copies(sim).await?,
        owners: owners(database).await?,
        windows,
    })
}

async fn rows(database: &PgPool) -> Result<BTreeMap<Uuid, Row>> {
    let rows: Vec<(Uuid, i64, String, bool)> = sqlx::query_as(
        "SELECT n.id, r.chat_id, n.state, n.resent
         FROM notify.notifications n JOIN notify.recipients r ON r.user_id = n.user_id",
    )
    .fetch_all(database)
    .await?;
    let row = |(id, chat_id, state, resent)| {
        let row = Row {
            chat_id,
            state,
            resent,
        };
        (id, row)
    };
    Ok(rows.into_iter().map(row).collect())
}

/// As [`Attempt`]'s fields.
type AttemptRow = (Uuid, i32, Uuid, i64, Option<String>, Option<i64>);

async fn attempts(database: &PgPool) -> Result<Vec<Attempt>> {
    let rows: Vec<AttemptRow> = sqlx::query_as(
        "SELECT notification_id, attempt_no, gateway_id,
                (extract(epoch FROM begun_at) * 1e6)::bigint, outcome,
                (extract(epoch FROM outcome_at) * 1e6)::bigint
         FROM notify.attempts ORDER BY begun_at",
    )
    .fetch_all(database)
    .await?;
    let attempt = |(id, number, gateway_id, begun_us, outcome, ended_us)| Attempt {
        id,
        number,
        gateway_id,
        begun_us,
        outcome,
        ended_us,
    };
    Ok(rows.into_iter().map(attempt).collect())
}

async fn transitions(database: &PgPool) -> Result<Vec<Transition>> {
    // A row's own order: its lock was held from one entry to the next.
    let rows: Vec<(Uuid, Option<String>, String, i32)> = sqlx::query_as(
        "SELECT notification_id, before, after, attempt_no FROM chaos.transitions ORDER BY seq",
    )
    .fetch_all(database)
    .await?;
    let transition = |(id, before, after, attempt_no)| Transition {
        id,
        before,
        after,
        attempt_no,
    };
    Ok(rows.into_iter().map(transition).collect())
}

async fn owners(database: &PgPool) -> Result<Vec<Owner>> {
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(
        "SELECT gateway_id, (extract(epoch FROM at) * 1e6)::bigint FROM chaos.owners ORDER BY seq",
    )
    .fetch_all(database)
    .await?;
    let owner = |(gateway_id, since_us)| Owner {
        gateway_id,
        since_us,
    };
    Ok(rows.into_iter().map(owner).collect())
}

async fn copies(sim: &SimClient) -> Result<Vec<Copy>> {
    let mut query = LedgerQuery::method("sendMessage");
    query.limit = Some(PAGE);
    let mut copies = Vec::new();
    loop {
        let page = sim.ledger(&query).await?;
        let Some(last) = page.entries.last() else {
            return Ok(copies);
        };
        query.since = Some(last.seq);
        copies.extend(page.entries.iter().filter_map(copy));
    }
}

/// A ledger entry that is a message.
fn copy(entry: &LedgerEntry) -> Option<Copy> {
    let hidden = [
        "lose_response",
        "reset_after",
        "truncated_body",
        "after_acceptance_502",
    ];
    let fault = entry.fault.as_deref();
    Some(Copy {
        seq: entry.seq,
        text: entry.text.clone()?,
        chat_id: entry.chat_id?,
        received_us: entry.received_unix_us,
        accepted: entry.accepted,
        answer_hidden: fault.is_some_and(|fault| hidden.contains(&fault)),
        // A limit is over some time, and so is a token's refusal.
        refused: entry.answer.as_ref().is_some_and(|answer| {
            (400..500).contains(&answer.status) && ![401, 404, 429].contains(&answer.status)
        }),
        retry_after_us: entry
            .answer
            .as_ref()
            .and_then(|answer| answer.retry_after)
            .map(|seconds| i64::from(seconds) * 1_000_000),
        violation: entry.violation,
    })
}
