//! Finding a lesson its place in a teacher's and a student's time: whom to lock, whom
//! policies bind, what is offered instead.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use service_kit::status;
use sqlx::PgConnection;

use super::{
    Role,
    changes::Changed,
    lapsing,
    store::{self, Way},
};
use crate::{
    availability::{
        calendar::{Calendar, Seeker, saturating},
        slots::{Bookable, Offer, Stretch, Unbookable},
    },
    errors::Error,
    ids::{LessonId, UserId},
    state::State,
    teachers::{self, Teacher},
};

/// How many other starts a refusal names, and how far from the wanted one they are
/// looked for.
const ALTERNATIVES: usize = 3;
const ALTERNATIVES_BEFORE: SignedDuration = SignedDuration::from_hours(24);
const ALTERNATIVES_AFTER: SignedDuration = SignedDuration::from_hours(28 * 24);

/// A lesson that looks for its place.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Who teaches.
    pub teacher: UserId,
    /// Who comes; `None`: a group, whose members' time stands against nothing.
    pub student: Option<UserId>,
    /// In which role it is placed: policies bind students only.
    pub role: Role,
    /// The wanted start.
    pub start: Timestamp,
    /// `None`: the teacher's usual length.
    pub duration: Option<SignedDuration>,
    /// The lesson that is being moved.
    pub except: Option<LessonId>,
}

impl Place {
    fn seeker(&self) -> Seeker<'_> {
        Seeker {
            student: self.student,
            holds_make_way: self.holds_make_way(),
            except: self.except.as_slice(),
        }
    }

    /// A student who takes a time needs the one they keep no more.
    fn holds_make_way(&self) -> bool {
        self.role == Role::Student
    }

    /// The teacher as this lesson asks for a place: one that is moved keeps its length,
    /// also when the teacher offers it to nobody any more.
    fn asked_of(&self, mut teacher: Teacher) -> Teacher {
        if let Some(length) = self.except.and(self.duration) {
            teacher.policies.offer_also(length);
        }
        teacher
    }
}

/// The people of a lesson, locked.
#[derive(Debug)]
pub struct People {
    /// `None` when nobody teaches under this id.
    pub teacher: Option<Teacher>,
    /// The students' names, without those of nobody and the erased.
    students: BTreeMap<UserId, String>,
}

impl People {
    /// A student's name; `None` for nobody, the erased, and those who were not locked.
    #[must_use]
    pub fn student(&self, id: UserId) -> Option<&str> {
        self.students.get(&id).map(String::as_str)
    }
}

/// Locks the people of a lesson until the transaction ends. The students as persons, in
/// order of id: they hold and book one after the other, and are not erased meanwhile. All
/// of them as teachers, in order of id: who teaches and learns is never in two places,
/// whichever side asks first. It comes before series, groups, lessons and all else.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_people(
    conn: &mut PgConnection,
    teacher: UserId,
    students: &[UserId],
) -> Result<People, Error> {
    let names = store::lock_students(&mut *conn, students).await?;
    let ids: Vec<_> = students.iter().copied().chain([teacher]).collect();
    let teaching = teachers::store::lock_all(conn, &ids).await?;
    Ok(People {
        teacher: teaching.into_iter().find(|found| found.id == teacher),
        students: names,
    })
}

/// Decides about the place of a lesson whose people are locked, of `students` and the
/// teacher, after what has run out has made way (and the holds of a student who takes the
/// place): the time, and what made way.
///
/// # Errors
///
/// Why it cannot be there.
pub async fn decide(
    conn: &mut PgConnection,
    teacher: &Teacher,
    place: &Place,
    students: &[UserId],
    now: Timestamp,
) -> Result<(Bookable, Vec<Changed>), Error> {
    let teacher = &place.asked_of(teacher.clone());
    let policies = &teacher.policies;
    let duration = place.duration.unwrap_or(policies.usual_duration());
    let widest = policies.lesson_at(place.start, duration);
    let widest = widest.ok_or(Unbookable::TooFar)?;
    let way = Way {
        teacher: teacher.id,
        students,
        within: widest.blocked,
        holds: place.holds_make_way(),
    };
    let cleared = lapsing::clear(&mut *conn, way, now).await?;
    let calendar = Calendar::read(conn, teacher, place.seeker(), widest.during, now).await?;
    let time = ask(&calendar.offer(now), place.role, place.start, duration);
    Ok((time?, cleared))
}

/// The one rule; its second question for those whom policies do not bind.
fn ask(
    offer: &Offer<'_>,
    role: Role,
    start: Timestamp,
    duration: SignedDuration,
) -> Result<Bookable, Unbookable> {
    match role {
        Role::Student => offer.bookable(start, duration),
        Role::Teacher | Role::Admin | Role::System => offer.free(start, duration),
    }
}

/// Names other starts when the slot was taken; other errors stay as they are. Asked after
/// the transaction, so that what just took the slot is seen; when they cannot be read, the
/// refusal comes without them.
pub async fn naming_alternatives(state: &State, place: &Place, error: Error) -> Error {
    let taken = Unbookable::SlotTaken;
    if !matches!(&error, Error::Unbookable { reason, .. } if *reason == taken) {
        return error;
    }
    let alternatives = alternatives(state, place).await.unwrap_or_else(|error| {
        tracing::warn!(error = status::chain(&error), "alternatives cannot be read");
        Vec::new()
    });
    Error::Unbookable {
        reason: taken,
        alternatives,
    }
}

/// The starts nearest to the wanted one that can be had instead, by time.
async fn alternatives(state: &State, place: &Place) -> Result<Vec<Timestamp>, Error> {
    let mut conn = state.pool.acquire().await?;
    let Some(teacher) = teachers::store::find(&mut conn, place.teacher).await? else {
        return Ok(Vec::new());
    };
    let teacher = place.asked_of(teacher);
    let now = state.now();
    let duration = place.duration.unwrap_or(teacher.policies.usual_duration());
    let starts = Stretch {
        start: saturating(place.start, -ALTERNATIVES_BEFORE),
        end: saturating(place.start, ALTERNATIVES_AFTER),
    };
    let reaching = Stretch {
        end: saturating(starts.end, duration),
        ..starts
    };
    let calendar = Calendar::read(&mut conn, &teacher, place.seeker(), reaching, now).await?;
    let offer = calendar.offer(now);
    let mut found: Vec<_> = match place.role {
        Role::Student => offer
            .slots(starts, duration)
            .map(|slot| slot.during.start)
            .collect(),
        Role::Teacher | Role::Admin | Role::System => {
            around(place.start, teacher.policies.slot_step, starts)
                .filter(|start| offer.free(*start, duration).is_ok())
                .take(ALTERNATIVES)
                .collect()
        }
    };
    found.sort_by_key(|start| start.duration_since(place.start).abs());
    found.truncate(ALTERNATIVES);
    found.sort_unstable();
    Ok(found)
}

/// Starts a step apart around the wanted one, the nearest first.
fn around(
    wanted: Timestamp,
    step: SignedDuration,
    within: Stretch,
) -> impl Iterator<Item = Timestamp> {
    (1..)
        .map_while(move |n| {
            let later = saturating(wanted, step * n);
            (later < within.end).then_some([saturating(wanted, -(step * n)), later])
        })
        .flatten()
        .filter(move |start| *start >= within.start)
}
