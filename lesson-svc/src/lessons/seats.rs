//! Seats in a group's lesson: taking one, giving it up, keeping it after a move.

pub mod rules;

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{
    Lesson,
    changes::Changed,
    currency, lapsing, placing, reconfirming, recording,
    rules::{NewSeat, Verdict},
    store::{self, Way},
};
use crate::{
    actors::Claimed,
    availability::{
        slots::Unbookable,
        store::busy::{self, Asked},
    },
    errors::Error,
    groups,
    ids::{BookingId, LessonId, UserId},
    lessons::{Acting, Role},
    retrying::retrying,
    state::State,
};

/// A seat that somebody read of, and wants to be another.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Of which lesson.
    pub id: LessonId,
    /// The version they read.
    pub expected_version: i64,
    /// Whose seat; `None`: their own.
    pub student: Option<UserId>,
}

/// A seat that somebody wants.
#[derive(Debug, Clone, Copy)]
pub struct Joining {
    /// In which lesson.
    pub id: LessonId,
    /// The start they were shown; `None`: at whatever time it is.
    pub shown: Option<Timestamp>,
}

/// Takes a seat in a lesson of a group that the acting user is in; false when they had one.
///
/// # Errors
///
/// What stands against it.
pub async fn join(state: &State, by: Claimed, wanted: Joining) -> Result<(Lesson, bool), Error> {
    retrying(|| try_join(state, by, wanted)).await
}

async fn try_join(state: &State, by: Claimed, wanted: Joining) -> Result<(Lesson, bool), Error> {
    let Joining { id, shown } = wanted;
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    let student = actor.user;
    let (name, mut changed, cleared_at) = lock_student(&mut tx, state, student, id).await?;
    let lesson = locked(&mut tx, Some(student), id).await?;
    let now = state.now();
    if rules::check_join(&lesson, student, shown, now)? == Verdict::AsItIs {
        return Ok((lesson.seen_by(actor, now), false));
    }
    let group = lesson.group.as_ref().ok_or(Error::LessonNotFound)?.id;
    // Who left the group sees the lessons they sat in, and joins no more.
    if groups::store::find_membership(&mut tx, group, student).await? != Some(true) {
        return Err(Error::GroupNotFound);
    }
    require_free(&mut tx, &lesson, student, cleared_at).await?;
    let (lessons, freed) = reconfirming::clear_seats(&mut tx, vec![lesson], now).await?;
    changed.extend(freed);
    let seat = NewSeat {
        id: BookingId::new(&*state.clock),
        student,
        name,
    };
    let by = Acting {
        user: student,
        role: Role::Student,
    };
    let lesson = lessons.first().ok_or(Error::LessonNotFound)?;
    let joined = rules::join(lesson, seat, by, false, now);
    recording::record(&mut tx, std::slice::from_ref(&joined), now).await?;
    tx.commit().await?;
    changed.push(joined.clone());
    recording::announce(state, &changed);
    Ok((joined.lesson.seen_by(actor, now), true))
}

/// Locks who is to take the time of a lesson, before the lesson itself, and clears the way;
/// answers the student's name, what made way, and when: by another instant something else
/// has run out, and nobody has written it down.
async fn lock_student(
    conn: &mut PgConnection,
    state: &State,
    student: UserId,
    id: LessonId,
) -> Result<(String, Vec<Changed>, Timestamp), Error> {
    let found = store::find(&mut *conn, Some(student), id).await?;
    let teacher = found.ok_or(Error::LessonNotFound)?.teacher_id;
    let people = placing::lock_people(&mut *conn, teacher, &[student]).await?;
    let name = people.student(student).ok_or(Error::UserNotFound)?;
    // A group's lesson is moved by nobody who did not lock its teacher: the time stays.
    let found = store::find(&mut *conn, Some(student), id).await?;
    let found = found.ok_or(Error::LessonNotFound)?;
    let now = state.now();
    let way = Way {
        teacher,
        students: &[student],
        within: found.time.during,
        holds: true,
    };
    let cleared = match found.group {
        Some(_) => lapsing::clear(conn, way, now).await?,
        None => Vec::new(),
    };
    Ok((name.to_owned(), cleared, now))
}

/// A lesson that `viewer` may see, locked, with all its seats.
async fn locked(
    conn: &mut PgConnection,
    viewer: Option<UserId>,
    id: LessonId,
) -> Result<Lesson, Error> {
    if !store::lock(&mut *conn, viewer, id).await? {
        return Err(Error::LessonNotFound);
    }
    let lesson = store::find(conn, None, id).await?;
    lesson.ok_or(Error::LessonNotFound)
}

/// Refuses a locked student who is in another lesson then.
async fn require_free(
    conn: &mut PgConnection,
    lesson: &Lesson,
    student: UserId,
    cleared_at: Timestamp,
) -> Result<(), Error> {
    let asked = Asked {
        within: lesson.time.during,
        except: &[lesson.id],
        without_holds_of: None,
        now: cleared_at,
    };
    let busy = busy::list_of_many(conn, &[student], asked).await?;
    let mut busy = busy.into_values().flatten();
    // The buffers of lessons that they teach were asked about too.
    if busy.any(|time| time.overlaps(&lesson.time.during)) {
        return Err(Unbookable::StudentBusy.into());
    }
    Ok(())
}

/// Gives up a seat in a group's lesson: its student their own, its teacher anybody's.
///
/// # Errors
///
/// What stands against it.
pub async fn leave(state: &State, by: Claimed, wanted: Wanted) -> Result<Lesson, Error> {
    retrying(|| try_leave(state, by, wanted)).await
}

async fn try_leave(state: &State, by: Claimed, wanted: Wanted) -> Result<Lesson, Error> {
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    let lesson = locked(&mut tx, actor.viewer(), wanted.id).await?;
    let now = state.now();
    let acting = lesson.acting(actor)?;
    let student = wanted.student.unwrap_or(actor.user);
    let seat = rules::seat_of(&lesson, student);
    let named = seat.map(|seat| seat.id);
    let version = wanted.expected_version;
    let first = currency::first_change(&mut tx, &lesson, acting, named, version).await?;
    let first = first.as_ref();
    let current = currency::check(&lesson, version, first);
    let verdict = rules::check_leave(&lesson, acting, student, first, current, now)?;
    let (Verdict::Do, Some(seat)) = (verdict, seat) else {
        return Ok(lesson.seen_by(actor, now));
    };
    let left = [rules::leave(&lesson, seat, acting, false, now)];
    recording::record(&mut tx, &left, now).await?;
    tx.commit().await?;
    recording::announce(state, &left);
    let [Changed { lesson, .. }] = left;
    Ok(lesson.seen_by(actor, now))
}

/// Says that the acting user comes to the new time of a group's lesson.
///
/// # Errors
///
/// What stands against it.
pub async fn reconfirm(state: &State, by: Claimed, wanted: Wanted) -> Result<Lesson, Error> {
    retrying(|| try_reconfirm(state, by, wanted)).await
}

async fn try_reconfirm(state: &State, by: Claimed, wanted: Wanted) -> Result<Lesson, Error> {
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    let student = actor.user;
    let (_, mut changed, cleared_at) = lock_student(&mut tx, state, student, wanted.id).await?;
    let lesson = locked(&mut tx, Some(student), wanted.id).await?;
    let now = state.now();
    let by = Acting {
        user: student,
        role: Role::Student,
    };
    let version = wanted.expected_version;
    let first = currency::first_change(&mut tx, &lesson, by, None, version).await?;
    let first = first.as_ref();
    let current = currency::check(&lesson, version, first);
    let verdict = rules::check_reconfirm(&lesson, by, first, current, now)?;
    let seat = rules::seat_of(&lesson, student).map(|seat| seat.id);
    let (Verdict::Do, Some(seat)) = (verdict, seat) else {
        return Ok(lesson.seen_by(actor, now));
    };
    require_free(&mut tx, &lesson, student, cleared_at).await?;
    let kept = rules::reconfirm(&lesson, seat, by, now);
    recording::record(&mut tx, std::slice::from_ref(&kept), now).await?;
    tx.commit().await?;
    changed.push(kept.clone());
    recording::announce(state, &changed);
    Ok(kept.lesson.seen_by(actor, now))
}
