//! Forgetting the groups of a person who is erased.

use jiff::Timestamp;
use sqlx::PgConnection;

use super::store;
use crate::{errors::Error, ids::UserId, teachers};

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
/// it any more.
///
/// # Errors
///
/// When the database fails.
pub async fn forget(conn: &mut PgConnection, person: UserId, now: Timestamp) -> Result<(), Error> {
    store::update_erased(conn, person, now).await
}
