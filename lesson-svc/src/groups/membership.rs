//! Coming into a group and leaving it, with the seats in its lessons ahead.

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Group, store};
use crate::{
    actors::Claimed,
    availability::{
        slots::Stretch,
        store::busy::{self, Asked},
        stretches::Stretches,
    },
    errors::Error,
    ids::{BookingId, GroupId, LessonId, UserId},
    lessons::{
        self, Acting, Lesson, Role, changes::Changed, lapsing, placing, reconfirming, recording,
        rules::NewSeat, seats, store::Way,
    },
    retrying::retrying,
    series,
    state::State,
    students, teachers,
};

/// How many lessons without a seat are named.
const MOST_MISSED: usize = 50;

/// A person and the group that they come into or leave.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Which group.
    pub group: GroupId,
    /// Who.
    pub student: UserId,
}

/// A locked group, and its running series, which are told who is in it.
#[derive(Debug)]
pub struct Locked {
    /// The group.
    pub group: Group,
    series: Vec<Uuid>,
}

impl Locked {
    /// Locks the series of a group, then the group, after its teacher; `None` when there is
    /// no group, or it was dissolved.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn lock(
        conn: &mut PgConnection,
        id: GroupId,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let of = series::store::jobs::Of::Group(id);
        let series = series::store::jobs::lock_of(&mut *conn, of, now).await?;
        let group = store::lock(conn, id).await?;
        Ok(group.map(|group| Self { group, series }))
    }

    /// Tells anew of its series and lessons ahead, which have its title.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn retell(&self, conn: &mut PgConnection, now: Timestamp) -> Result<(), Error> {
        let group = &[self.group.id.0];
        let ids = lessons::store::lock_ahead_of_groups(&mut *conn, group, None, now).await?;
        recording::retell(&mut *conn, &ids, now).await?;
        series::telling::retell(conn, &self.series, None, now).await
    }
}

/// What became of somebody who was to come into a group.
#[derive(Debug)]
pub struct Coming {
    /// False when they were in it before.
    pub joined: bool,
    /// The group's lessons ahead in which they have no seat because of another lesson, by
    /// start; the first 50.
    pub missed: Vec<LessonId>,
    /// What became of lessons.
    pub changed: Vec<Changed>,
}

/// The lessons ahead of a locked group, locked, and when a locked person is in others.
#[derive(Debug)]
pub struct Ahead {
    lessons: Vec<Lesson>,
    busy: Stretches,
    changed: Vec<Changed>,
}

impl Ahead {
    /// Locks them; what has run out in their way is written down before, and whose seats in
    /// them have.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn lock(
        conn: &mut PgConnection,
        group: &Group,
        student: UserId,
        now: Timestamp,
    ) -> Result<Self, Error> {
        // Nobody makes or moves one who did not lock the group's teacher.
        let Some(within) = lessons::store::find_span_ahead(&mut *conn, group.id, now).await? else {
            return Ok(Self {
                lessons: Vec::new(),
                busy: Stretches::default(),
                changed: Vec::new(),
            });
        };
        let way = Way {
            teacher: group.teacher_id,
            students: &[student],
            within,
            holds: false,
        };
        let mut changed = lapsing::clear(&mut *conn, way, now).await?;
        let ids =
            lessons::store::lock_ahead_of_groups(&mut *conn, &[group.id.0], None, now).await?;
        let lessons = lessons::store::find_all(&mut *conn, &ids).await?;
        let (lessons, freed) = reconfirming::clear_seats(&mut *conn, lessons, now).await?;
        changed.extend(freed);
        Ok(Self {
            busy: busy_of(conn, student, within, now).await?,
            lessons,
            changed,
        })
    }

    /// The lessons in which the student is to have a seat, and those that they miss; those with
    /// open seats they join by themselves.
    fn sort(&self, student: UserId) -> (Vec<&Lesson>, Vec<LessonId>) {
        let (mut joined, mut missed) = (Vec::new(), Vec::new());
        let lessons = self.lessons.iter();
        for lesson in lessons.filter(|lesson| !lesson.open_seats) {
            let seat = seats::rules::seat_of(lesson, student);
            if seat.is_some_and(|seat| !seat.is_free()) {
                continue;
            }
            let is_free = !self.busy.overlap(&lesson.time.during, &mut 0);
            if is_free && lesson.count_taken() < lesson.capacity {
                joined.push(lesson);
            } else {
                missed.push(lesson.id);
            }
        }
        missed.truncate(MOST_MISSED);
        (joined, missed)
    }
}

async fn busy_of(
    conn: &mut PgConnection,
    person: UserId,
    within: Stretch,
    now: Timestamp,
) -> Result<Stretches, Error> {
    let asked = Asked {
        within,
        except: &[],
        without_holds_of: None,
        now,
    };
    let busy = busy::list_of_many(conn, &[person], asked).await?;
    Ok(busy.into_values().flatten().collect())
}

/// Puts a student of its teacher into a group whose people and [lessons](Ahead) are locked
/// too.
///
/// # Errors
///
/// [`Error::GroupFull`], or the database's.
pub async fn come(
    conn: &mut PgConnection,
    state: &State,
    Locked { group, series }: &Locked,
    (student, name): (UserId, &str),
    by: Acting,
    ahead: Ahead,
) -> Result<Coming, Error> {
    let now = state.now();
    let (joined, missed) = ahead.sort(student);
    if store::find_membership(&mut *conn, group.id, student).await? == Some(true) {
        return Ok(Coming {
            joined: false,
            missed,
            changed: ahead.changed,
        });
    }
    group.require_room()?;
    store::insert_member(&mut *conn, group, student, now).await?;
    let joined: Vec<_> = joined
        .into_iter()
        .map(|lesson| {
            let seat = NewSeat {
                id: BookingId::new(&*state.clock),
                student,
                name: name.to_owned(),
            };
            // The series tells of all of its lessons at once.
            seats::rules::join(lesson, seat, by, lesson.series.is_some(), now)
        })
        .collect();
    recording::record(&mut *conn, &joined, now).await?;
    series::telling::retell(conn, series, None, now).await?;
    let mut changed = ahead.changed;
    changed.extend(joined);
    Ok(Coming {
        joined: true,
        missed,
        changed,
    })
}

/// Puts one of the acting teacher's students into a group of theirs.
///
/// # Errors
///
/// [`Error::NotAStudent`]; [`Error::GroupFull`]; [`Error::GroupNotFound`], or
/// [`Error::TeacherOnly`] for members.
pub async fn add(state: &State, by: Claimed, wanted: Wanted) -> Result<(Group, Coming), Error> {
    retrying(|| try_add(state, by, wanted)).await
}

async fn try_add(state: &State, by: Claimed, wanted: Wanted) -> Result<(Group, Coming), Error> {
    let Wanted { group: id, student } = wanted;
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    let teacher = actor.user;
    let found = store::find(&mut tx, Some(teacher), id).await?;
    found.ok_or(Error::GroupNotFound)?.require_teacher(actor)?;
    let people = placing::lock_people(&mut tx, teacher, &[student]).await?;
    let now = state.now();
    let locked = Locked::lock(&mut tx, id, now).await?;
    let locked = locked.ok_or(Error::GroupNotFound)?;
    if people.teacher.is_none() {
        return Err(Error::NotATeacher);
    }
    let is_student = students::store::is_student(&mut tx, teacher, student).await?;
    let name = people.student(student).filter(|_| is_student);
    let name = name.ok_or(Error::NotAStudent)?;
    let ahead = Ahead::lock(&mut tx, &locked.group, student, now).await?;
    let by = Acting {
        user: teacher,
        role: Role::Teacher,
    };
    let coming = come(&mut tx, state, &locked, (student, name), by, ahead).await?;
    let group = store::find(&mut tx, Some(teacher), id).await?;
    tx.commit().await?;
    announce(state, wanted, &coming);
    Ok((group.ok_or(Error::GroupNotFound)?, coming))
}

/// After the commit: wakes whoever waits for changes, and logs who came.
pub fn announce(state: &State, wanted: Wanted, coming: &Coming) {
    recording::announce(state, &coming.changed);
    if coming.joined {
        let (group, student) = (wanted.group, wanted.student);
        tracing::info!(event = "group_joined", group_id = %group, student_id = %student, "somebody came into a group");
        state.committed();
    }
}

/// Takes somebody out of a group: its teacher anybody, members themselves; answers how many
/// seats ahead were given up.
///
/// # Errors
///
/// [`Error::GroupNotFound`]; [`Error::TeacherOnly`] for other members;
/// [`Error::UserNotFound`] for who never was in it.
pub async fn remove(state: &State, by: Claimed, wanted: Wanted) -> Result<i32, Error> {
    retrying(|| try_remove(state, by, wanted)).await
}

async fn try_remove(state: &State, by: Claimed, wanted: Wanted) -> Result<i32, Error> {
    let Wanted { group: id, student } = wanted;
    let mut tx = state.pool.begin().await?;
    let actor = by.actor_locked(&mut tx).await?;
    let was_member = store::find_membership(&mut tx, id, student).await?;
    // Who left does not see the group any more, but may repeat that they leave.
    let leaves = actor.user == student && was_member.is_some();
    let viewer = (!leaves).then_some(actor.user);
    let group = store::find(&mut tx, viewer, id).await?;
    let group = group.ok_or(Error::GroupNotFound)?;
    let by = match (leaves, group.teacher_id == actor.user) {
        (true, _) => Role::Student,
        (false, true) => Role::Teacher,
        (false, false) => return Err(Error::TeacherOnly),
    };
    if was_member.is_none() {
        return Err(Error::UserNotFound);
    }
    teachers::store::lock(&mut tx, group.teacher_id).await?;
    let now = state.now();
    let Some(locked) = Locked::lock(&mut tx, id, now).await? else {
        return Ok(0);
    };
    let by = Acting {
        user: actor.user,
        role: by,
    };
    let locked = (&[id.0][..], &locked.series[..]);
    let given_up = give_up(&mut tx, locked, student, by, now).await?;
    tx.commit().await?;
    let Some(given_up) = given_up else {
        return Ok(0);
    };
    recording::announce(state, &given_up);
    state.committed();
    tracing::info!(event = "group_left", group_id = %id, student_id = %student, role = by.role.name(), "somebody left a group");
    Ok(i32::try_from(given_up.len()).unwrap_or(i32::MAX))
}

/// Takes a student out of all groups of their locked teacher, who ends that they are one, as
/// [`remove`] does; their running `series` are locked.
///
/// # Errors
///
/// When the database fails.
pub async fn remove_from_all(
    conn: &mut PgConnection,
    teacher: UserId,
    student: UserId,
    series: &[Uuid],
    now: Timestamp,
) -> Result<Vec<Changed>, Error> {
    let groups = store::lock_of(&mut *conn, teacher, student).await?;
    let by = Acting {
        user: teacher,
        role: Role::Teacher,
    };
    let given_up = give_up(conn, (&groups, series), student, by, now).await?;
    Ok(given_up.unwrap_or_default())
}

/// Takes a person out of locked groups with their locked series, and gives up their seats
/// ahead; `None` when they are in none of them.
async fn give_up(
    conn: &mut PgConnection,
    (groups, series): (&[Uuid], &[Uuid]),
    student: UserId,
    by: Acting,
    now: Timestamp,
) -> Result<Option<Vec<Changed>>, Error> {
    let ids = lessons::store::lock_ahead_of_groups(&mut *conn, groups, Some(student), now).await?;
    if !store::update_members_ended(&mut *conn, groups, student, now).await? {
        return Ok(None);
    }
    let lessons = lessons::store::find_all(&mut *conn, &ids).await?;
    let given_up: Vec<_> = lessons
        .iter()
        .filter_map(|lesson| {
            let seat = seats::rules::seat_of(lesson, student)?;
            // The series tells of all of its lessons at once.
            let with_series = lesson.series.is_some();
            Some(seats::rules::leave(lesson, seat, by, with_series, now))
        })
        .collect();
    recording::record(&mut *conn, &given_up, now).await?;
    let left = Some(student).filter(|_| by.role == Role::Student);
    series::telling::retell(conn, series, left, now).await?;
    Ok(Some(given_up))
}
