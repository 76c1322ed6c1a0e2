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

/// Plans the coming lessons of a locked person anew, for that person only.
///
/// # Errors
///
/// When the database fails or a stored snapshot cannot be read.
pub async fn replan_person(
    conn: &mut PgConnection,
    recipient: &Recipient,
    planning: &Planning<'_>,
) -> Result<(), Error> {
    let person = [Stored {
        recipient: recipient.clone(),
        reachable: true,
        erased: false,
    }];
    for snapshot in store::lock_lessons_ahead(conn, recipient.user_id).await? {
        let only = Some(recipient.user_id);
        let plan = replan(conn, &snapshot, &person, only, planning).await?;
        plan.log(&snapshot);
    }
    Ok(())
}

/// Plans the next lesson anew of which something could not be delivered; false when
/// there was none.
///
/// # Errors
///
/// When the database fails; the lesson stays to be planned.
pub async fn replan_next(app: &App) -> Result<bool, Error> {
    let mut tx = app.pool.begin().await?;
    let Some(lesson_id) = store::take_replan(&mut tx).await? else {
        return Ok(false);
    };
    let participants = store::list_participants(&mut tx, lesson_id).await?;
    // People first, in order, then the lesson: every plan locks in this order.
    let people = recipients::store::lock(&mut tx, &participants).await?;
    let snapshot = match store::lock_lesson(&mut tx, lesson_id).await {
        Ok(Some(snapshot)) if snapshot.people() == participants => snapshot,
        // Others take part since a moment ago: the next sweep finds them.
        Ok(Some(_)) => return Ok(false),
        Ok(None) => {
            tx.commit().await?;
            return Ok(true);
        }
        Err(error @ Error::Stored(_)) => {
            tracing::error!(%lesson_id, error = %service_kit::status::chain(&error),
                "a lesson cannot be planned anew");
            tx.commit().await?;
            return Ok(true);
        }
        Err(error) => return Err(error),
    };
    let planning = Planning {
        now: app.clock.now(),
        backoff: &app.pace.backoff,
        traceparent: "",
    };
    let plan = replan(&mut tx, &snapshot, &people, None, &planning).await?;
    tx.commit().await?;
    app.wakeups.wake(bots(&people));
    plan.log(&snapshot);
    Ok(true)
}

/// The bots that write to these people.
pub fn bots(people: &[Stored]) -> impl Iterator<Item = i64> + '_ {
    people
        .iter()
        .filter_map(|person| Some(person.recipient.address?.bot_id))
}

/// Makes the rows of a lesson what the plan says: `people` are locked; with `only`,
/// nobody else's rows are touched.
///
/// # Errors
///
/// When the database fails or a stored row cannot be read.
pub async fn replan(
    conn: &mut PgConnection,
    snapshot: &Snapshot,
    people: &[Stored],
    only: Option<Uuid>,
    planning: &Planning<'_>,
) -> Result<Reconciled, Error> {
    let existing = store::lock_told(conn, snapshot.lesson_id, only).await?;
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
        .filter(|row| only.is_none_or(|only| row.told.user_id == only))
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
