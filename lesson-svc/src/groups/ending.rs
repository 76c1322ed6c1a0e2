//! Ending all that somebody who is erased is in groups.

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::store;
use crate::{
    errors::Error,
    ids::UserId,
    series::{self, Series, Status},
    teachers,
};

/// Locks who teaches the groups of a person who is being erased, and the person as a teacher:
/// whatever changes these groups, or who sits in their lessons, waits.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_teachers(conn: &mut PgConnection, person: UserId) -> Result<(), Error> {
    // Nobody takes the person into another group: their own row is locked.
    let mut ids = store::list_teachers(&mut *conn, person).await?;
    ids.push(person);
    teachers::store::lock_all(conn, &ids).await?;
    Ok(())
}

/// Takes the person out of all groups; those that they teach are dissolved, and what they
/// were called is forgotten. Before their lessons are: what is told of those says nothing of
/// it any more. Of the `locked` series, those of the groups that they are in are told without
/// them.
///
/// # Errors
///
/// When the database fails.
pub async fn forget(
    conn: &mut PgConnection,
    person: UserId,
    locked: &[Uuid],
    now: Timestamp,
) -> Result<(), Error> {
    store::update_erased(&mut *conn, person, now).await?;
    let series = series::store::find_all(&mut *conn, locked).await?;
    let of_others = |series: &Series| {
        series.teacher_id != person
            && series.learner.group().is_some()
            && series.status == Status::Running
    };
    let of_others = series.iter().filter(|series| of_others(series));
    let ids: Vec<_> = of_others.map(|series| series.id.0).collect();
    series::telling::retell(conn, &ids, None, now).await
}
