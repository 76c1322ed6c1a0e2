//! A series' snapshot, and its rows made what the plan says.

use olm_proto::notify::v1::SeriesSnapshot;
use prost::Message as _;
use service_kit::{status::Violations, telemetry};
use uuid::Uuid;

use super::{
    Snapshot, forget,
    planner::{self, Reader},
    store,
};
use crate::{
    App,
    errors::Error,
    lesson_plans::replanning::bots,
    notifications::planned::{self, About, Planning, Row, Standing},
    recipients,
};

/// How often others may come into a series while it is locked.
const TRIES: usize = 10;

/// Stores a snapshot and tells its people what is new; the version stored afterwards.
///
/// # Errors
///
/// What is wrong with the snapshot, or that the database failed.
pub async fn sync(app: &App, wire: &SeriesSnapshot) -> Result<i64, Error> {
    let mut violations = Violations::default();
    let snapshot = Snapshot::parse(wire, &mut violations);
    violations.check()?;
    for _ in 0..TRIES {
        let stored = match sync_once(app, wire, snapshot.clone()).await {
            Err(error) if error.is_contention() => continue,
            stored => stored?,
        };
        if let Some(version) = stored {
            return Ok(version);
        }
    }
    Err(Error::stored("others keep coming into the series"))
}

/// `None`: somebody else took part by the time the series was locked.
async fn sync_once(
    app: &App,
    wire: &SeriesSnapshot,
    mut snapshot: Snapshot,
) -> Result<Option<i64>, Error> {
    let series_id = snapshot.series_id;
    let mut tx = app.pool.begin().await?;
    let mut everybody = store::list_participants(&mut tx, series_id).await?;
    everybody.extend(snapshot.people());
    everybody.sort_unstable();
    everybody.dedup();
    // People first, in order, then the series: every plan locks in this order.
    let people = recipients::store::lock(&mut tx, &everybody).await?;
    // It may have been on its way when somebody of it was erased.
    let mut wire = wire.clone();
    forget(&mut wire, |id: Uuid| {
        people
            .iter()
            .any(|person| person.erased && person.recipient.user_id == id)
    });
    let meeting_url = wire.plan.as_ref().map(|plan| plan.meeting_url.clone());
    snapshot.plan.meeting_url = meeting_url.unwrap_or_default();
    snapshot.group_title.clone_from(&wire.group_title);
    snapshot.cancel_reason.clone_from(&wire.cancel_reason);
    if let Some(stored) = store::put(&mut tx, &snapshot, &wire.encode_to_vec()).await? {
        tx.commit().await?;
        return Ok(Some(stored));
    }
    if store::list_participants(&mut tx, series_id).await? != everybody {
        return Ok(None);
    }
    let existing = store::lock_told(&mut tx, series_id).await?;
    let told: Vec<_> = existing.iter().map(|row| row.told.clone()).collect();
    let readers: Vec<_> = people
        .iter()
        .filter(|person| !person.erased)
        .map(|person| Reader {
            user_id: person.recipient.user_id,
            muted: person.recipient.muted.clone(),
        })
        .collect();
    let now = app.clock.now();
    let planned = planner::plan(&snapshot, &readers, &told, now);
    let planned: Vec<_> = planned.into_iter().map(Row::from).collect();
    let existing = existing.into_iter().map(|row| {
        let (id, state) = (row.id, row.told.state);
        (row.told.key.to_string(), Standing { id, state })
    });
    let existing = existing.collect();
    let planning = Planning {
        now,
        backoff: &app.pace.backoff,
        traceparent: &telemetry::traceparent(),
    };
    let about = About::Series(series_id);
    let reconciled = planned::reconcile(&mut tx, about, &existing, &planned, &planning).await?;
    tx.commit().await?;
    app.wakeups.wake(bots(&people));
    reconciled.log(about);
    Ok(Some(snapshot.version))
}
