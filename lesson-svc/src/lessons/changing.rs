//! Changing a lesson that is there: one transaction from the lock to the outbox row.

use std::{collections::BTreeSet, future::Future};

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{
    Acting, Lesson,
    changes::{self, Changed, Kind},
    currency, placing,
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

/// How often what meets a conflict is tried in all.
const MOST_ATTEMPTS: usize = 3;

/// Does again what the database undid because of a concurrent transaction: once; and what
/// found other people than it had locked, who may change once more: twice.
///
/// # Errors
///
/// The last attempt's.
pub async fn retrying<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut outcome = attempt().await;
    for tried in 1..MOST_ATTEMPTS {
        match &outcome {
            Err(Error::PeopleChanged) => {}
            Err(error) if tried == 1 && error.is_conflict() => {}
            Ok(_) | Err(_) => break,
        }
        outcome = attempt().await;
    }
    outcome
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
