//! Ending all that somebody is in groups: who is erased, or is no student any more.

use jiff::Timestamp;
use sqlx::PgConnection;

use super::store;
use crate::{errors::Error, ids::UserId, series, teachers};

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
/// it any more. Series of the groups that go on are told without them.
///
/// # Errors
///
/// When the database fails.
pub async fn forget(conn: &mut PgConnection, person: UserId, now: Timestamp) -> Result<(), Error> {
    let series = store::lock_series(&mut *conn, None, person).await?;
    store::update_erased(&mut *conn, person, now).await?;
    series::telling::retell(conn, &series, None, now).await
}

/// Takes a student out of all groups of a locked teacher; the seats that they have stay.
///
/// # Errors
///
/// When the database fails.
pub async fn end_memberships(
    conn: &mut PgConnection,
    teacher: UserId,
    student: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    let series = store::lock_series(&mut *conn, Some(teacher), student).await?;
    store::update_all_ended(&mut *conn, teacher, student, now).await?;
    series::telling::retell(conn, &series, None, now).await
}
