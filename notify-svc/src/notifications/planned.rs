//! Rows that plans want: making those that exist what the plan says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use olm_proto::notify::v1::Content;
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Kind, Lane,
    states::{Backoff, Event, State},
    store as queue,
};

/// When a notification is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// As soon as it is planned; planning it again does not move it.
    AtOnce,
    /// At this instant.
    At(Timestamp),
    /// Not at all: its reader muted it, did themselves what it tells, or hears of it
    /// from its series. It is kept because later plans depend on what its reader knows.
    Never,
}

/// What a plan is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// One lesson.
    Lesson(Uuid),
    /// A series as a whole.
    Series(Uuid),
}

/// A row that should exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it tells.
    pub kind: Kind,
    /// The same in every plan.
    pub key: String,
    /// Whom.
    pub user_id: Uuid,
    /// In which lane.
    pub lane: Lane,
    /// When.
    pub due: Due,
    /// When it is pointless to begin; `None`: 24 hours after it is due.
    pub expires_at: Option<Timestamp>,
    /// What it says, without names.
    pub content: Content,
    /// Whose name is joined when it is sent.
    pub counterpart_id: Option<Uuid>,
}

/// A row that exists, locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub id: Uuid,
    /// Where it stands.
    pub state: State,
}

/// Whether the reader knows what a row says, or may: it was or may have been sent, or they
/// knew without being told. (What is cancelled unsent gives its key up, so a planned row
/// that is cancelled and has one was born so: [`Due::Never`].)
#[must_use]
pub fn reached(state: State, resent: bool) -> bool {
    match state {
        State::Sending | State::Sent | State::Uncertain | State::Unconfirmed | State::Canceled => {
            true
        }
        State::Pending => resent,
        State::Failed | State::Expired => false,
    }
}

/// Whether an attempt has begun whose outcome may still lead to another one: the row is
/// neither changed nor replaced, only stopped.
#[must_use]
pub fn in_flight(state: State, resent: bool) -> bool {
    match state {
        State::Sending | State::Uncertain => true,
        State::Pending => resent,
        State::Sent | State::Failed | State::Unconfirmed | State::Canceled | State::Expired => {
            false
        }
    }
}

/// What a plan is made under.
#[derive(Debug)]
pub struct Planning<'a> {
    /// For what is past.
    pub now: Timestamp,
    /// Of the state machine.
    pub backoff: &'a Backoff,
    /// The trace that new rows continue.
    pub traceparent: &'a str,
}

/// What a reconciliation changed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// Rows accepted.
    pub accepted: Vec<(Uuid, Kind)>,
    /// Rows no longer wanted: cancelled, or stopped where sending had begun.
    pub dropped: Vec<Uuid>,
    /// Rows whose time or content changed.
    pub changed: Vec<Uuid>,
}

impl Reconciled {
    /// One line per row: ids and kinds, never names or texts.
    pub fn log(&self, about: About) {
        let (lesson_id, series_id) = match about {
            About::Lesson(id) => (Some(id), None),
            About::Series(id) => (None, Some(id)),
        };
        let lesson_id = lesson_id.map(tracing::field::display);
        let series_id = series_id.map(tracing::field::display);
        for (id, kind) in &self.accepted {
            let kind = kind.as_str();
            tracing::info!(notification_id = %id, lesson_id, series_id, kind, "notification accepted");
        }
        for id in &self.dropped {
            tracing::info!(notification_id = %id, lesson_id, series_id, "notification dropped by its plan");
        }
    }
}

/// Makes the rows of a lesson or a series, by key, what the plan says.
///
/// # Errors
///
/// When the database fails.
pub async fn reconcile(
    conn: &mut PgConnection,
    about: About,
    existing: &BTreeMap<String, Standing>,
    planned: &[Row],
    planning: &Planning<'_>,
) -> sqlx::Result<Reconciled> {
    // First what is not wanted: it gives up the keys that new rows may need.
    let wanted: BTreeSet<&str> = planned
        .iter()
        .filter(|row| row.due != Due::Never)
        .map(|row| row.key.as_str())
        .collect();
    let unwanted: Vec<_> = existing
        .iter()
        .filter(|(key, row)| !row.state.is_terminal() && !wanted.contains(key.as_str()))
        .map(|(_, row)| row.id)
        .collect();
    let dropped = queue::advance(conn, &unwanted, &Event::Cancel, planning.backoff).await?;
    let mut reconciled = Reconciled {
        dropped: dropped.into_iter().map(|row| row.id).collect(),
        ..Reconciled::default()
    };
    for row in planned {
        match existing.get(&row.key) {
            Some(waits) if waits.state == State::Pending && row.due != Due::Never => {
                if update(conn, waits.id, row).await? {
                    reconciled.changed.push(waits.id);
                }
            }
            Some(told) if told.state != State::Pending => {}
            // New, or in place of one that waited until it was not wanted any more.
            None | Some(_) => {
                let id = insert(conn, about, row, planning.traceparent).await?;
                let id = id.filter(|_| row.due != Due::Never);
                reconciled.accepted.extend(id.map(|id| (id, row.kind)));
            }
        }
    }
    Ok(reconciled)
}

/// Accepts a planned row; `None` when its key is taken: it was told before.
async fn insert(
    conn: &mut PgConnection,
    about: About,
    row: &Row,
    traceparent: &str,
) -> sqlx::Result<Option<Uuid>> {
    let (lesson_id, series_id) = match about {
        About::Lesson(id) => (Some(id), None),
        About::Series(id) => (None, Some(id)),
    };
    let due_at = match row.due {
        Due::AtOnce | Due::Never => None,
        Due::At(at) => Some(jiff_sqlx::Timestamp::from(at)),
    };
    let (state, failure) = match row.due {
        Due::AtOnce | Due::At(_) => (State::Pending, ""),
        Due::Never => (State::Canceled, "not wanted by its reader"),
    };
    sqlx::query_scalar!(
        r#"WITH accepted AS (
               INSERT INTO notify.notification_details
                   (notification_id, kind, content, counterpart_id, lesson_id, series_id,
                    plan_key, caller, traceparent, failure)
               VALUES ($1, $2, $3, $4, $5, $14, $6, 'lesson-svc', $7, $13)
               ON CONFLICT (plan_key) DO NOTHING
               RETURNING notification_id
           )
           INSERT INTO notify.notifications
               (id, user_id, bot_id, state, lane, due_at, next_at, expires_at)
           SELECT a.notification_id, r.user_id, r.bot_id, $12, $9, t.due_at, t.due_at,
                  -- A plan may come too late for what it plans.
                  greatest(coalesce($11::timestamptz, t.due_at + interval '24 hours'),
                           t.due_at + interval '1 second')
           FROM accepted a
           JOIN notify.recipients r ON r.user_id = $8
           CROSS JOIN (SELECT coalesce($10::timestamptz, clock_timestamp()) AS due_at) t
           RETURNING id"#,
        Uuid::new_v4(),
        row.kind.as_str(),
        row.content.encode_to_vec(),
        row.counterpart_id,
        lesson_id,
        row.key,
        traceparent,
        row.user_id,
        row.lane.number(),
        due_at as _,
        row.expires_at.map(jiff_sqlx::Timestamp::from) as _,
        state.as_str(),
        failure,
        series_id,
    )
    .fetch_optional(conn)
    .await
}

/// Gives a locked pending row its present time and content; false when it has them.
async fn update(conn: &mut PgConnection, id: Uuid, row: &Row) -> sqlx::Result<bool> {
    let content = sqlx::query!(
        "UPDATE notify.notification_details SET content = $2, counterpart_id = $3
         WHERE notification_id = $1
           AND (content <> $2 OR counterpart_id IS DISTINCT FROM $3)",
        id,
        row.content.encode_to_vec(),
        row.counterpart_id,
    )
    .execute(&mut *conn)
    .await?;
    // What goes out at once is not moved by planning it again.
    let Due::At(due_at) = row.due else {
        return Ok(content.rows_affected() > 0);
    };
    let times = sqlx::query!(
        "UPDATE notify.notifications
         SET due_at = $2, expires_at = coalesce($3, expires_at), version = version + 1,
             next_at = CASE WHEN next_at = due_at THEN $2 ELSE greatest($2, next_at) END
         WHERE id = $1 AND state = 'pending'
           AND (due_at <> $2 OR expires_at <> coalesce($3, expires_at))",
        id,
        jiff_sqlx::Timestamp::from(due_at) as _,
        row.expires_at.map(jiff_sqlx::Timestamp::from) as _,
    )
    .execute(conn)
    .await?;
    Ok(content.rows_affected() + times.rows_affected() > 0)
}
