//! Changing a lesson that is there: one transaction from the lock to the outbox row.

use sqlx::PgConnection;

use super::{
    Acting, Lesson,
    changes::{self, Changed},
    currency, placing, recording,
    rules::{self, Action, Past, Verdict},
    store,
};
use crate::{
    actors::{Actor, Claimed},
    errors::Error,
    ids::LessonId,
    retrying::retrying,
    state::State,
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
    let past = past(&mut tx, asked, &lesson, acting).await?;
    match rules::check(&lesson, acting, version, action, &past, now)? {
        Verdict::AsItIs => return Ok(lesson.seen_by(actor, now)),
        Verdict::Do => {}
    }
    let changed = [rules::apply(&lesson, acting, action, now)];
    recording::record(&mut tx, &changed, now).await?;
    tx.commit().await?;
    recording::announce(state, &changed);
    let [Changed { lesson, .. }] = changed;
    Ok(lesson.seen_by(actor, now))
}

/// What takes time for good waits for whatever else takes time of the same people, who are
/// always locked before the lesson.
async fn lock_people(conn: &mut PgConnection, actor: Actor, id: LessonId) -> Result<(), Error> {
    let lesson = store::find(&mut *conn, actor.viewer(), id).await?;
    let lesson = lesson.ok_or(Error::LessonNotFound)?;
    let students: Vec<_> = lesson.bookings.iter().map(|seat| seat.student_id).collect();
    placing::lock_people(conn, lesson.teacher_id, &students).await?;
    Ok(())
}

/// What the history of a locked lesson says about what is asked.
async fn past(
    conn: &mut PgConnection,
    asked: &Asked,
    lesson: &Lesson,
    by: Acting,
) -> Result<Past, Error> {
    let named = match asked.action {
        Action::Attendance { booking, .. } => Some(booking),
        Action::Confirm
        | Action::Decline { .. }
        | Action::Move { .. }
        | Action::Update { .. }
        | Action::Cancel { .. } => None,
    };
    let version = asked.expected_version;
    let first = currency::first_change(&mut *conn, lesson, by, named, version).await?;
    let given_up_late = match named {
        Some(booking) => changes::store::was_late(conn, asked.id, booking).await?,
        None => false,
    };
    Ok(Past {
        first,
        given_up_late,
    })
}
