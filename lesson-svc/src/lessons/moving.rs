//! Moving a lesson to another time: either side, within the policies for students; a group's
//! its teacher, and students who are in another lesson then are asked whether they come.

use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;

use super::{
    Acting, Lesson,
    changes::Changed,
    currency,
    placing::{self, Place},
    reconfirming, recording,
    rules::{self, Action, Next, Past, Verdict},
    seats, store,
};
use crate::{
    actors::{Actor, Claimed},
    availability::{
        calendar::saturating,
        slots::{Bookable, Stretch},
        store::busy::{self, Asked},
    },
    errors::Error,
    ids::{LessonId, UserId},
    retrying::retrying,
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
    let (teacher, students) = people_of(&mut tx, actor, id).await?;
    let people = placing::lock_people(&mut tx, teacher, &students).await?;
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
    require_locked(&lesson, &students)?;
    let teacher = people.teacher.ok_or(Error::TeacherNotFound)?;
    let place = Place {
        teacher: teacher.id,
        student: match lesson.group {
            None => Some(lesson.student()?),
            Some(_) => None,
        },
        role: acting.role,
        start: wanted.start,
        duration: Some(length),
        except: Some(id),
    };
    let changed = match put(&mut tx, &teacher, &place, &students, lesson, acting, now).await {
        Ok(changed) => changed,
        Err(error) => {
            tx.rollback().await?;
            return Err(placing::naming_alternatives(state, &place, error).await);
        }
    };
    tx.commit().await?;
    recording::announce(state, &changed);
    let moved = changed.into_iter().last().map(|moved| moved.lesson);
    let moved = moved.ok_or(Error::Corrupt("a move without a lesson"))?;
    Ok(moved.seen_by(actor, now))
}

/// Who teaches a lesson and who comes, before anybody is locked: of one student's that does
/// not change, of a group's it is [compared](require_locked) afterwards.
async fn people_of(
    conn: &mut PgConnection,
    actor: Actor,
    id: LessonId,
) -> Result<(UserId, Vec<UserId>), Error> {
    let found = store::find(&mut *conn, actor.viewer(), id).await?;
    let found = found.ok_or(Error::LessonNotFound)?;
    let teacher = found.teacher_id;
    if found.group.is_none() {
        return Ok((teacher, vec![found.student()?]));
    }
    let whole = store::find(conn, None, id).await?;
    let whole = whole.ok_or(Error::LessonNotFound)?;
    Ok((teacher, living(&whole).collect()))
}

fn living(lesson: &Lesson) -> impl Iterator<Item = UserId> {
    let seats = lesson.bookings.iter().filter(|seat| seat.is_living());
    seats.map(|seat| seat.student_id)
}

fn require_locked(lesson: &Lesson, students: &[UserId]) -> Result<(), Error> {
    if living(lesson).all(|student| students.contains(&student)) {
        return Ok(());
    }
    Err(Error::PeopleChanged)
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
    students: &[UserId],
    lesson: Lesson,
    acting: Acting,
    now: Timestamp,
) -> Result<Vec<Changed>, Error> {
    let (time, mut changed) = placing::decide(&mut *conn, teacher, place, students, now).await?;
    let moved = if lesson.group.is_none() {
        rules::apply(&lesson, acting, &Action::Move { time }, now)
    } else {
        let (lessons, freed) = reconfirming::clear_seats(&mut *conn, vec![lesson], now).await?;
        changed.extend(freed);
        let lesson = lessons.first().ok_or(Error::LessonNotFound)?;
        let asked = Asked {
            within: time.during,
            except: &[lesson.id],
            without_holds_of: None,
            now,
        };
        let busy = busy::list_of_many(&mut *conn, students, asked).await?;
        // The buffers of lessons that they teach were asked about too.
        let is_busy = |student| {
            let times = busy.get(&student);
            times.is_some_and(|times| times.iter().any(|busy| busy.overlaps(&time.during)))
        };
        let next = Next::of(lesson, Some(acting), now);
        seats::rules::moved(next, lesson, time, is_busy, now)
    };
    recording::record(conn, std::slice::from_ref(&moved), now).await?;
    changed.push(moved);
    Ok(changed)
}
