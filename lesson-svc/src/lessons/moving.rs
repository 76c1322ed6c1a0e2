//! Moving a lesson to another time: either side, within the policies for students.

use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;

use super::{
    Acting, Lesson,
    changes::Changed,
    changing::{self, retrying},
    currency,
    placing::{self, Place},
    rules::{self, Action, Past, Verdict},
    store,
};
use crate::{
    actors::Claimed,
    availability::{
        calendar::saturating,
        slots::{Bookable, Stretch},
    },
    errors::Error,
    ids::LessonId,
    state::State,
    teachers::Teacher,
};

/// What somebody asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Which lesson.
    pub id: LessonId,
    /// The version they read.
    pub expected_version: i64,
    /// The new start; the length stays.
    pub start: Timestamp,
}

/// Moves a lesson that has not begun.
///
/// # Errors
///
/// What stands against it; a taken slot names other starts.
pub async fn reschedule(state: &State, by: Claimed, wanted: Wanted) -> Result<Lesson, Error> {
    retrying(|| try_reschedule(state, by, wanted)).await
}

async fn try_reschedule(state: &State, by: Claimed, wanted: Wanted) -> Result<Lesson, Error> {
    let id = wanted.id;
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    // Who takes part does not change, so that it is read before anybody is locked.
    let found = store::find(&mut tx, actor.viewer(), id).await?;
    let found = found.ok_or(Error::LessonNotFound)?;
    let student = found.student()?;
    let people = placing::lock_people(&mut tx, found.teacher_id, &[student]).await?;
    if !store::lock(&mut tx, actor.viewer(), id).await? {
        return Err(Error::LessonNotFound);
    }
    let now = state.now();
    let lesson = store::find(&mut tx, None, id).await?;
    let lesson = lesson.ok_or(Error::LessonNotFound)?;
    let acting = lesson.acting(actor)?;
    let version = wanted.expected_version;
    let past = Past {
        first: currency::first_change(&mut tx, &lesson, acting, None, version).await?,
        given_up_late: false,
    };
    let (action, length) = as_asked(&lesson, wanted.start);
    match rules::check(&lesson, acting, version, &action, &past, now)? {
        Verdict::AsItIs => return Ok(lesson.seen_by(actor, now)),
        Verdict::Do => {}
    }
    let teacher = people.teacher.ok_or(Error::TeacherNotFound)?;
    let place = Place {
        teacher: teacher.id,
        student,
        role: acting.role,
        start: wanted.start,
        duration: Some(length),
        except: Some(id),
    };
    let changed = match put(&mut tx, &teacher, &place, &lesson, acting, now).await {
        Ok(changed) => changed,
        Err(error) => {
            tx.rollback().await?;
            return Err(placing::naming_alternatives(state, &place, error).await);
        }
    };
    tx.commit().await?;
    changing::announce(state, &changed);
    let moved = changed.into_iter().last().map(|moved| moved.lesson);
    Ok(moved.unwrap_or(lesson).seen_by(actor, now))
}

/// The move as it is asked for, and the lesson's length; what it blocks is decided with
/// its place.
fn as_asked(lesson: &Lesson, start: Timestamp) -> (Action, SignedDuration) {
    let old = lesson.time.during;
    let length = old.end.duration_since(old.start);
    let during = Stretch {
        start,
        end: saturating(start, length),
    };
    let time = Bookable {
        during,
        blocked: during,
    };
    (Action::Move { time }, length)
}

/// Finds the place and takes it; the lesson's own change is the last.
async fn put(
    conn: &mut PgConnection,
    teacher: &Teacher,
    place: &Place,
    lesson: &Lesson,
    acting: Acting,
    now: Timestamp,
) -> Result<Vec<Changed>, Error> {
    let (time, mut changed) = placing::decide(&mut *conn, teacher, place, now).await?;
    let moved = rules::apply(lesson, acting, &Action::Move { time }, now);
    changing::record(conn, std::slice::from_ref(&moved), now).await?;
    changed.push(moved);
    Ok(changed)
}
