//! What becomes of a person's series when they leave.

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Series, Status, ahead::Ahead, canceling, store, telling};
use crate::{
    actors::Actor,
    errors::Error,
    ids::UserId,
    lessons::{Acting, Role},
    outbox,
};

/// Cancels the running series among the [locked](store::jobs::Of::Person) ones of a person who is being
/// erased and whose teachers' row is locked, and forgets what they wrote in any; answers how
/// many lessons were cancelled. The caller forgets the person, and wakes the relay after the
/// commit.
///
/// # Errors
///
/// When the database fails.
pub async fn forget(
    conn: &mut PgConnection,
    person: UserId,
    locked: &[Uuid],
    by: Actor,
    now: Timestamp,
) -> Result<i32, Error> {
    // First, so that what is told of the cancellations says nothing of them either.
    store::jobs::forget_texts(&mut *conn, person).await?;
    outbox::store::forget_series_texts(&mut *conn, person).await?;
    store::clocks::delete_of_person(&mut *conn, person).await?;
    let theirs = |series: &Series| {
        let own = series.teacher_id == person || series.learner.student() == Some(person);
        own && series.status == Status::Running
    };
    let mut canceled = 0;
    for mut series in store::find_all(&mut *conn, locked).await? {
        if !theirs(&series) {
            continue;
        }
        let own = series.teacher_id == by.user || series.learner.student() == Some(by.user);
        let acting = if own {
            series.acting(by)?
        } else {
            Acting {
                user: by.user,
                role: Role::Admin,
            }
        };
        let ahead = Ahead::lock(&mut *conn, &series, now).await?;
        let from = ahead.first(&series, now).unwrap_or(series.occurrence_count);
        let changed =
            canceling::end(&mut *conn, &mut series, &ahead, from, acting, "", now).await?;
        canceled += changed.len();
    }
    Ok(i32::try_from(canceled).unwrap_or(i32::MAX))
}

/// Stops what is yet to be booked of a [locked](store::jobs::Of::Pair) series of a teacher with somebody
/// alone who is no student of theirs any more; what is booked stays.
///
/// # Errors
///
/// When the database fails.
pub async fn stop(
    conn: &mut PgConnection,
    mut series: Series,
    now: Timestamp,
) -> Result<(), Error> {
    let gone = series.pattern.occurrence(series.next_ordinal);
    series.canceled_from = gone.map(|gone| gone.during.start);
    series.occurrence_count = series.next_ordinal;
    series.due_time = None;
    series.change.role = Role::Teacher;
    series.change.by = Some(series.teacher_id);
    series.change.hash = None;
    series.cancel_reason.clear();
    series.version += 1;
    series.schedule_version += 1;
    series.told_version += 1;
    store::occurrences::delete_off(&mut *conn, series.id, series.occurrence_count).await?;
    store::update(&mut *conn, &series, None).await?;
    telling::tell(conn, &series, now).await
}
