//! Cancelling all that is ahead of a person who leaves.

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{
    changes::Kind,
    recording,
    rules::{self, Action},
    seats, store,
};
use crate::{actors::Actor, errors::Error, ids::UserId};

/// Cancels every living lesson of a person that has not begun, whether they teach or
/// learn in it, in the caller's transaction, which locked them as a teacher: nobody books
/// with them until the caller has made them unbookable; of a group's lesson in which they learn only
/// their seat is given up. Answers how many are off for them. `by` acts in their own
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
    let ids = store::lock_ahead(&mut *conn, person, now).await?;
    let cancel = Action::Cancel {
        reason: String::new(),
    };
    let mut changed = Vec::new();
    for lesson in store::find_all(&mut *conn, &ids).await? {
        let acting = lesson.acting(by)?;
        let seat = seats::rules::seat_of(&lesson, person).filter(|_| lesson.group.is_some());
        changed.push(match seat {
            Some(seat) => seats::rules::leave(&lesson, seat, acting, lesson.series.is_some(), now),
            None if lesson.has_run_out(now) => rules::lapse(&lesson, now),
            None => rules::apply(&lesson, acting, &cancel, now),
        });
    }
    recording::record(conn, &changed, now).await?;
    let canceled = changed
        .iter()
        .filter(|changed| matches!(changed.change.kind, Kind::Canceled | Kind::Left));
    Ok(i32::try_from(canceled.count()).unwrap_or(i32::MAX))
}
