//! Cancelling all that is ahead of a person who leaves.

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{
    changes::Kind,
    changing,
    rules::{self, Action},
    store,
};
use crate::{actors::Actor, errors::Error, ids::UserId, teachers};

/// Cancels every living lesson of a person that has not begun, whether they teach or
/// learn in it, in the caller's transaction; answers how many. `by` acts in their own
/// part of each lesson, else as admin. The caller wakes the relay after the commit.
///
/// # Errors
///
/// [`Error::LessonNotFound`] when `by` may not act on one of them, or the database's.
pub async fn cancel_ahead(
    conn: &mut PgConnection,
    person: UserId,
    by: Actor,
    now: Timestamp,
) -> Result<i32, Error> {
    // Nobody books with them from here on until the caller has made them unbookable.
    teachers::store::lock(&mut *conn, person).await?;
    let ids = store::lock_ahead(&mut *conn, person, now).await?;
    let cancel = Action::Cancel {
        reason: String::new(),
    };
    let mut changed = Vec::new();
    for lesson in store::find_all(&mut *conn, &ids).await? {
        changed.push(if lesson.has_run_out(now) {
            rules::lapse(&lesson, now)
        } else {
            rules::apply(&lesson, lesson.acting(by)?, &cancel, now)
        });
    }
    changing::record(conn, &changed, now).await?;
    let canceled = changed
        .iter()
        .filter(|changed| changed.change.kind == Kind::Canceled);
    Ok(i32::try_from(canceled.count()).unwrap_or(i32::MAX))
}
