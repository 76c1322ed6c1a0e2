//! Making the rows of a lesson what its plan says, for every trigger: a lesson synced, a
//! person changed, a delivery that failed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Snapshot,
    planner::{self, Due, Key, Planned, Reader},
    store::{self, Existing},
};
use crate::{
    App,
    errors::Error,
    notifications::{
        states::{Backoff, Event, State},
        store as queue,
    },
    recipients::{self, Recipient, store::Stored},
};

/// What a plan is made under.
#[derive(Debug)]
pub struct Planning<'a> {
    /// For leads that are past.
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
    pub accepted: Vec<(Uuid, Key)>,
    /// Rows no longer wanted: cancelled, or stopped where sending had begun.
    pub dropped: Vec<Uuid>,
    /// Rows whose time or content changed.
    pub changed: Vec<Uuid>,
}

impl Reconciled {
    /// One line per row: ids and kinds, never names or texts.
    pub fn log(&self, snapshot: &Snapshot) {
        for (id, key) in &self.accepted {
            let (lesson_id, kind) = (snapshot.lesson_id, key.kind.as_str());
            tracing::info!(notification_id = %id, %lesson_id, kind, "notification accepted");
        }
        for id in &self.dropped {
            let lesson_id = snapshot.lesson_id;
            tracing::info!(notification_id = %id, %lesson_id, "notification dropped by its plan");
        }
    }
}

/// How often a lesson is tried that fails for a reason that may pass, once per sweep.
const ATTEMPTS: i16 = 10;

/// Plans these of the queue anew, each in a transaction of its own; what fails goes to
/// the queue's end and holds up no other.
///
/// # Errors
///
/// When the database fails so that not even that can be stored; what is left stays to be
/// planned.
pub async fn drain(app: &App, queued: &[i64]) -> sqlx::Result<()> {
    for id in queued {
        let Err(error) = replan_queued(app, *id).await else {
            continue;
        };
        // A row that cannot be read now cannot be read later.
        let attempts = if matches!(error, Error::Stored(_)) {
            0
        } else {
            ATTEMPTS
        };
        let mut conn = app.pool.acquire().await?;
        let postponed = store::postpone_replan(&mut conn, *id, attempts).await?;
        let cause = service_kit::status::chain(&error);
        match postponed {
            Some((lesson_id, true)) => {
                tracing::warn!(%lesson_id, error = %cause, "a lesson is to be planned anew later");
            }
            Some((lesson_id, false)) => {
                tracing::error!(%lesson_id, error = %cause, "a lesson cannot be planned anew");
            }
            // Somebody else did it.
            None => {}
        }
    }
    Ok(())
}

async fn replan_queued(app: &App, id: i64) -> Result<(), Error> {
    let mut tx = app.pool.begin().await?;
    let Some(lesson_id) = store::take_replan(&mut tx, id).await? else {
        return Ok(());
    };
    let participants = store::list_participants(&mut tx, lesson_id).await?;
    // People first, in order, then the lesson: every plan locks in this order.
    let people = recipients::store::lock(&mut tx, &participants).await?;
    let Some(snapshot) = store::lock_lesson(&mut tx, lesson_id).await? else {
        tx.commit().await?;
        return Ok(());
    };
    // Others take part since a moment ago: the next sweep finds them.
    if snapshot.people() != participants {
        return Ok(());
    }
    let planning = Planning {
        now: app.clock.now(),
        backoff: &app.pace.backoff,
        traceparent: "",
    };
    let plan = replan(&mut tx, &snapshot, &people, &planning).await?;
    tx.commit().await?;
    app.wakeups.wake(bots(&people));
    plan.log(&snapshot);
    Ok(())
}

/// The bots that write to these people.
pub fn bots(people: &[Stored]) -> impl Iterator<Item = i64> + '_ {
    people
        .iter()
        .filter_map(|person| Some(person.recipient.address?.bot_id))
}

/// Makes the rows of a lesson what the plan says: `people` are locked.
///
/// # Errors
///
/// When the database fails or a stored row cannot be read.
pub async fn replan(
    conn: &mut PgConnection,
    snapshot: &Snapshot,
    people: &[Stored],
    planning: &Planning<'_>,
) -> Result<Reconciled, Error> {
    let existing = store::lock_told(conn, snapshot.lesson_id).await?;
    let told: Vec<_> = existing.values().map(|row| row.told.clone()).collect();
    let readers: Vec<_> = people
        .iter()
        .filter(|person| !person.erased)
        .map(|person| reader(&person.recipient))
        .collect();
    let planned = planner::plan(snapshot, &readers, &told, planning.now);
    // First what is not wanted: it gives up the keys that new rows may need.
    let wanted: BTreeSet<Key> = planned
        .iter()
        .filter(|row| row.due != Due::Never)
        .map(|row| row.key)
        .collect();
    let unwanted: Vec<_> = existing
        .values()
        .filter(|row| !row.told.state.is_terminal() && !wanted.contains(&row.told.key))
        .map(|row| row.id)
        .collect();
    let dropped = queue::advance(conn, &unwanted, &Event::Cancel, planning.backoff).await?;
    let mut reconciled = Reconciled {
        dropped: dropped.into_iter().map(|row| row.id).collect(),
        ..Reconciled::default()
    };
    for row in &planned {
        reconcile(
            conn,
            snapshot,
            row,
            existing.get(&row.key),
            planning,
            &mut reconciled,
        )
        .await?;
    }
    Ok(reconciled)
}

async fn reconcile(
    conn: &mut PgConnection,
    snapshot: &Snapshot,
    row: &Planned,
    existing: Option<&Existing>,
    planning: &Planning<'_>,
    reconciled: &mut Reconciled,
) -> Result<(), Error> {
    let waits = existing.filter(|existing| existing.told.state == State::Pending);
    match (existing, waits) {
        (_, Some(existing)) if row.due != Due::Never => {
            if store::update(conn, existing.id, row).await? {
                reconciled.changed.push(existing.id);
            }
        }
        // New, or in place of one that waited until it was not wanted any more.
        (None, _) | (_, Some(_)) => {
            let id = store::insert(conn, snapshot.lesson_id, row, planning.traceparent).await?;
            let id = id.filter(|_| row.due != Due::Never);
            reconciled.accepted.extend(id.map(|id| (id, row.key)));
        }
        (Some(_), None) => {}
    }
    Ok(())
}

fn reader(recipient: &Recipient) -> Reader {
    Reader {
        user_id: recipient.user_id,
        leads: recipient.leads.clone(),
        quiet_hours: recipient.quiet_hours,
        time_zone: recipient.zone(),
        muted: recipient.muted.clone(),
    }
}
