//! Erasing a person: all that is theirs goes in one transaction, and notify-svc is told
//! to forget them too. The row stays as a tombstone, for the history of others.

use olm_proto::lesson::v1::EraseUserRequest;
use service_kit::status::Violations;
use sqlx::PgConnection;

use super::store;
use crate::{
    actors::{Actor, Claimed},
    calendars,
    errors::Error,
    groups,
    ids::UserId,
    invitations,
    lessons::{self},
    outbox,
    retrying::retrying,
    series::{self, store::jobs::Of},
    state::State,
    students, teachers,
};

/// Erases a person, on their own wish or by an admin; answers how many lessons ahead
/// were cancelled. A repeat cancels none.
///
/// # Errors
///
/// [`Error::UserNotFound`] for nobody, and for those who may not.
pub async fn erase(
    state: &State,
    claimed: Claimed,
    request: &EraseUserRequest,
) -> Result<i32, Error> {
    let mut violations = Violations::default();
    let id = UserId(violations.uuid("user_id", &request.user_id));
    violations.check()?;
    retrying(|| try_erase(state, claimed, id)).await
}

async fn try_erase(state: &State, claimed: Claimed, id: UserId) -> Result<i32, Error> {
    let mut tx = state.pool.begin().await?;
    let by = if claimed.is(id) {
        // Not required to be there still: who repeats their own erasure is erased.
        Actor {
            user: id,
            admin: false,
        }
    } else {
        let actor = claimed.actor_locked(&mut tx).await?;
        if !actor.admin {
            return Err(Error::UserNotFound);
        }
        actor
    };
    // From here nothing is made for the person: whoever would waits, and finds them gone.
    let erased_before = store::lock_for_erasure(&mut tx, id).await?;
    if erased_before.ok_or(Error::UserNotFound)? {
        return Ok(0);
    }
    let canceled = forget(&mut tx, state, id, by).await?;
    tx.commit().await?;
    state.committed();
    tracing::info!(event = "user_erased", user_id = %id, by = %by.user, canceled_lessons = canceled, "user erased");
    Ok(canceled)
}

async fn forget(
    conn: &mut PgConnection,
    state: &State,
    id: UserId,
    by: Actor,
) -> Result<i32, Error> {
    let now = state.now();
    // Waits for bookings with the person, who is a student's teacher no more afterwards, and
    // for whatever is done with the groups they are in.
    groups::ending::lock_teachers(&mut *conn, id).await?;
    let series = series::store::jobs::lock_of(&mut *conn, Of::Person(id), now).await?;
    groups::ending::forget(&mut *conn, id, &series, now).await?;
    lessons::store::lock_of(&mut *conn, id, now).await?;
    // First, so that what is told of the cancellations says nothing of them either.
    lessons::store::forget_texts(&mut *conn, id).await?;
    outbox::store::forget_texts(&mut *conn, id).await?;
    let of_series = series::forgetting::forget(&mut *conn, id, &series, by, now).await?;
    let alone = lessons::cancelling::cancel_ahead(&mut *conn, id, by, now).await?;
    let canceled = of_series.saturating_add(alone);
    invitations::store::update_all_revoked(&mut *conn, id, now).await?;
    calendars::store::delete_all(&mut *conn, id).await?;
    teachers::store::update_erased(&mut *conn, id, now).await?;
    students::store::update_all_ended(&mut *conn, id, now).await?;
    outbox::store::delete_recipient(&mut *conn, id).await?;
    let version = store::update_erased(&mut *conn, id, now).await?;
    outbox::store::insert_erasure(&mut *conn, id, version, now).await?;
    Ok(canceled)
}
