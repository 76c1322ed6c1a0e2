//! Making the rows of a lesson what its plan says, for every trigger: a lesson synced, a
//! person changed, a delivery that failed.

use sqlx::PgConnection;

use super::{
    Snapshot,
    planner::{self, Reader},
    store,
};
use crate::{
    App,
    errors::Error,
    notifications::planned::{self, About, Planning, Reconciled, Row, Standing},
    recipients::{self, Recipient, store::Stored},
};

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
                // Told as it was planned first, rather than not at all.
                store::address_pending(&mut conn, lesson_id).await?;
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
    store::address_pending(&mut tx, lesson_id).await?;
    tx.commit().await?;
    app.wakeups.wake(bots(&people));
    plan.log(About::Lesson(lesson_id));
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
    let planned = planned.into_iter().map(Row::from).collect::<Vec<_>>();
    let existing = existing.into_iter().map(|(key, row)| {
        let (id, state) = (row.id, row.told.state);
        (key.to_string(), Standing { id, state })
    });
    let existing = existing.collect();
    let about = About::Lesson(snapshot.lesson_id);
    Ok(planned::reconcile(conn, about, &existing, &planned, planning).await?)
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
