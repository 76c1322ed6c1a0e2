//! Writing down what became of lessons, in the transaction that changed them, and saying so
//! after its commit.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    changes::{self, Changed, Kind},
    store,
};
use crate::{
    errors::Error,
    outbox,
    state::State,
    students::{self, Origin},
};

/// Writes what became of locked lessons: themselves, their history, and what notify-svc
/// is to be told.
///
/// # Errors
///
/// The rule that another lesson stands for, or the database's error.
pub async fn record(
    conn: &mut PgConnection,
    changed: &[Changed],
    now: Timestamp,
) -> Result<(), Error> {
    if changed.is_empty() {
        return Ok(());
    }
    let lessons: Vec<_> = changed.iter().map(|changed| &changed.lesson).collect();
    store::update(&mut *conn, &lessons).await?;
    let joining = changed
        .iter()
        .filter(|changed| changed.change.kind == Kind::Joined);
    let joining = joining.flat_map(|Changed { lesson, change, .. }| {
        let seats = lesson.bookings.iter();
        let seats = seats.filter(|seat| change.booking == Some(seat.id));
        seats.map(move |seat| (lesson, seat))
    });
    store::insert_seats(&mut *conn, &joining.collect::<Vec<_>>(), now).await?;
    record_history(conn, changed, now).await
}

/// Writes new lessons, as [`record`] does.
///
/// # Errors
///
/// The rule that another lesson stands for, or the database's error.
pub async fn record_new(
    conn: &mut PgConnection,
    made: &[Changed],
    now: Timestamp,
) -> Result<(), Error> {
    if made.is_empty() {
        return Ok(());
    }
    let lessons: Vec<_> = made.iter().map(|made| &made.lesson).collect();
    store::insert(&mut *conn, &lessons).await?;
    record_history(conn, made, now).await
}

/// Tells anew of locked lessons of which only a word changed that is not their own: what their
/// group is called. It is no change of theirs, and makes no version that somebody read stale.
///
/// # Errors
///
/// When the database fails.
pub async fn retell(conn: &mut PgConnection, ids: &[Uuid], now: Timestamp) -> Result<(), Error> {
    store::raise(&mut *conn, ids).await?;
    let lessons = store::find_all(&mut *conn, ids).await?;
    outbox::store::insert_lessons(conn, &lessons.iter().collect::<Vec<_>>(), now).await
}

async fn record_history(
    conn: &mut PgConnection,
    changed: &[Changed],
    now: Timestamp,
) -> Result<(), Error> {
    let lines: Vec<_> = changed.iter().map(|changed| &changed.change).collect();
    changes::store::insert(&mut *conn, &lines).await?;
    let told = changed.iter().filter(|changed| changed.tell);
    let told: Vec<_> = told.map(|changed| &changed.lesson).collect();
    outbox::store::insert_lessons(&mut *conn, &told, now).await?;
    relate(conn, changed, now).await
}

/// Who has a lesson with a teacher is their student; each is written once, in order.
async fn relate(conn: &mut PgConnection, changed: &[Changed], now: Timestamp) -> Result<(), Error> {
    // Who is in a group is its teacher's student before.
    let settled = changed.iter().filter(|changed| {
        changed.lesson.group.is_none()
            && matches!(changed.change.kind, Kind::Booked | Kind::Confirmed)
    });
    let relations: BTreeSet<_> = settled
        .flat_map(|Changed { lesson, .. }| {
            let seats = lesson.bookings.iter().filter(|seat| seat.is_living());
            seats.map(|seat| (lesson.teacher_id, seat.student_id))
        })
        .collect();
    for (teacher, student) in relations {
        students::store::insert(&mut *conn, teacher, student, Origin::Booking, now).await?;
    }
    Ok(())
}

/// After the commit: wakes whoever waits for changes, and logs what happened.
pub fn announce(state: &State, changed: &[Changed]) {
    if !changed.is_empty() {
        state.committed();
    }
    for Changed { lesson, change, .. } in changed {
        let student = lesson.bookings.first().map(|seat| seat.student_id);
        tracing::info!(
            event = %format_args!("lesson_{}", change.kind.name()),
            lesson_id = %lesson.id,
            version = lesson.version,
            teacher_id = %lesson.teacher_id,
            student_id = student.map(tracing::field::display),
            start_time = %lesson.time.during.start,
            role = change.role.name(),
            "lesson changed"
        );
    }
}
