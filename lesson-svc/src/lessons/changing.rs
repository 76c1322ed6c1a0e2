//! Changing a lesson that is there: one transaction from the lock to the outbox row.

use std::future::Future;

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{
    Lesson,
    changes::{self, Changed, Kind},
    placing,
    rules::{self, Action, Past, Verdict},
    store,
};
use crate::{
    actors::{Actor, Claimed},
    errors::Error,
    ids::LessonId,
    outbox,
    state::State,
    students::{self, Origin},
};

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Of which lesson.
    pub id: LessonId,
    /// The version they read.
    pub expected_version: i64,
    /// What is to be done.
    pub action: Action,
}

/// Does once more what the database undid because of a concurrent transaction.
///
/// # Errors
///
/// The last attempt's.
pub async fn retrying<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let first = attempt().await;
    if first.as_ref().is_err_and(Error::is_conflict) {
        return attempt().await;
    }
    first
}

/// Changes a lesson, all but its time.
///
/// # Errors
///
/// What stands against it.
pub async fn change(state: &State, by: Claimed, asked: &Asked) -> Result<Lesson, Error> {
    retrying(|| try_change(state, by, asked)).await
}

async fn try_change(state: &State, by: Claimed, asked: &Asked) -> Result<Lesson, Error> {
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    if asked.action == Action::Confirm {
        lock_people(&mut tx, actor, asked.id).await?;
    }
    if !store::lock(&mut tx, actor.viewer(), asked.id).await? {
        return Err(Error::LessonNotFound);
    }
    let now = state.now();
    let lesson = store::find(&mut tx, None, asked.id).await?;
    let lesson = lesson.ok_or(Error::LessonNotFound)?;
    let acting = lesson.acting(actor)?;
    let (version, action) = (asked.expected_version, &asked.action);
    let past = past(&mut tx, asked).await?;
    match rules::check(&lesson, acting, version, action, &past, now)? {
        Verdict::AsItIs => return Ok(lesson.seen_by(actor, now)),
        Verdict::Do => {}
    }
    let changed = [rules::apply(&lesson, acting, action, now)];
    record(&mut tx, &changed, now).await?;
    tx.commit().await?;
    announce(state, &changed);
    let [Changed { lesson, .. }] = changed;
    Ok(lesson.seen_by(actor, now))
}

/// What takes time for good waits for whatever else takes time of the same people, who are
/// always locked before the lesson.
async fn lock_people(conn: &mut PgConnection, actor: Actor, id: LessonId) -> Result<(), Error> {
    let lesson = store::find(&mut *conn, actor.viewer(), id).await?;
    let lesson = lesson.ok_or(Error::LessonNotFound)?;
    placing::lock_people(conn, lesson.teacher_id, lesson.student()?).await?;
    Ok(())
}

/// What the history of a locked lesson says about what is asked.
async fn past(conn: &mut PgConnection, asked: &Asked) -> Result<Past, Error> {
    let version = asked.expected_version.saturating_add(1);
    let first = changes::store::find(&mut *conn, asked.id, version).await?;
    let given_up_late = match asked.action {
        Action::Attendance { booking, .. } => {
            changes::store::was_late(conn, asked.id, booking).await?
        }
        Action::Confirm
        | Action::Decline { .. }
        | Action::Move { .. }
        | Action::Update { .. }
        | Action::Cancel { .. } => false,
    };
    Ok(Past {
        first,
        given_up_late,
    })
}

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
    record_history(conn, changed, now).await
}

/// Writes a new lesson, as [`record`] does.
///
/// # Errors
///
/// The rule that another lesson stands for, or the database's error.
pub async fn record_new(
    conn: &mut PgConnection,
    made: &Changed,
    now: Timestamp,
) -> Result<(), Error> {
    store::insert(&mut *conn, &made.lesson).await?;
    record_history(conn, std::slice::from_ref(made), now).await
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
    for Changed { lesson, change, .. } in changed {
        if matches!(change.kind, Kind::Booked | Kind::Confirmed) {
            relate(&mut *conn, lesson, now).await?;
        }
    }
    Ok(())
}

/// Who has a lesson with a teacher is their student.
async fn relate(conn: &mut PgConnection, lesson: &Lesson, now: Timestamp) -> Result<(), Error> {
    let (teacher, origin) = (lesson.teacher_id, Origin::Booking);
    for seat in lesson.bookings.iter().filter(|seat| seat.is_living()) {
        students::store::insert(&mut *conn, teacher, seat.student_id, origin, now).await?;
    }
    Ok(())
}

/// After the commit: wakes the relay, and logs what happened.
pub fn announce(state: &State, changed: &[Changed]) {
    if changed.iter().any(|changed| changed.tell) {
        state.wake.wake();
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
