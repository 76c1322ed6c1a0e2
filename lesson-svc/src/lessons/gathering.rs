//! Lessons of groups: booking one, and who has a seat in it: whoever has no other lesson
//! then.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{
    Acting, OfGroup,
    changes::Changed,
    placing::{self, People, Place},
    recording,
    rules::{self, Beginning, NewSeat},
    store,
};
use crate::{
    actors::Actor,
    availability::{
        slots::Stretch,
        store::busy::{self, Asked},
        stretches::Stretches,
    },
    errors::Error,
    groups::{self, Group, Member},
    ids::{BookingId, GroupId, LessonId, UserId},
    state::State,
};

/// The members of a group, and when each of them is in lessons.
#[derive(Debug)]
pub struct Gathering {
    members: Vec<Member>,
    busy: BTreeMap<UserId, Stretches>,
}

/// Who sits in a lesson of a group, and who cannot; both by id.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seating<'a> {
    /// Those who have a seat.
    pub seated: Vec<&'a Member>,
    /// Those who have another lesson then.
    pub busy: Vec<UserId>,
}

impl Gathering {
    /// Reads a group for lessons within `within`; what has run out takes nobody's time.
    /// Stable in a transaction that locked the group's teacher and members.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn read(
        conn: &mut PgConnection,
        group: GroupId,
        within: Stretch,
        except: &[LessonId],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let members = groups::store::list_members(&mut *conn, group).await?;
        let ids: Vec<_> = members.iter().map(|member| member.student_id).collect();
        let asked = Asked {
            within,
            except,
            without_holds_of: None,
            now,
        };
        let busy = busy::list_of_many(conn, &ids, asked).await?;
        let busy = busy.into_iter();
        Ok(Self {
            members,
            busy: busy
                .map(|(person, times)| (person, times.into_iter().collect()))
                .collect(),
        })
    }

    /// Who is in the group, by id.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Who sits in a lesson that takes place then.
    #[must_use]
    pub fn seats_for(&self, during: Stretch) -> Seating<'_> {
        let is_busy = |member: &&Member| {
            let times = self.busy.get(&member.student_id);
            times.is_some_and(|times| times.overlap(&during, &mut 0))
        };
        let (busy, seated) = self.members.iter().partition::<Vec<_>, _>(is_busy);
        Seating {
            seated,
            busy: busy.into_iter().map(|member| member.student_id).collect(),
        }
    }
}

/// Lets only the teacher of a group, and admins, make a lesson of it with `teacher`.
///
/// # Errors
///
/// [`Error::GroupNotFound`], or [`Error::TeacherOnly`] for members.
pub async fn require(
    conn: &mut PgConnection,
    actor: Actor,
    teacher: UserId,
    id: GroupId,
) -> Result<(), Error> {
    let group = groups::store::find(conn, actor.viewer(), id).await?;
    let living = |group: &Group| group.delete_time.is_none() && group.teacher_id == teacher;
    group.filter(living).ok_or(Error::GroupNotFound)?;
    if actor.user == teacher || actor.admin {
        return Ok(());
    }
    Err(Error::TeacherOnly)
}

/// Locks the people of a group, and then the group: who is in it is stable from here on.
///
/// # Errors
///
/// [`Error::GroupNotFound`]; [`Error::PeopleChanged`] when others are in it meanwhile.
pub async fn lock(
    conn: &mut PgConnection,
    teacher: UserId,
    id: GroupId,
) -> Result<(People, Group, Vec<UserId>), Error> {
    let ids = |members: Vec<Member>| -> Vec<_> {
        let members = members.into_iter();
        members.map(|member| member.student_id).collect()
    };
    let found = ids(groups::store::list_members(&mut *conn, id).await?);
    let people = placing::lock_people(&mut *conn, teacher, &found).await?;
    let group = groups::store::lock(&mut *conn, id).await?;
    let group = group.ok_or(Error::GroupNotFound)?;
    if ids(groups::store::list_members(conn, id).await?) != found {
        return Err(Error::PeopleChanged);
    }
    Ok((people, group, found))
}

/// A lesson of a group to be made.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// Its id.
    pub id: LessonId,
    /// Who makes it.
    pub by: Acting,
    /// How many seats are free for who joins; 0: everybody has one.
    pub open_seats: i16,
    /// May be empty.
    pub notes: &'a str,
}

/// Makes a lesson of a group, and answers who of it is in another one then; what had to make
/// way comes before it.
///
/// # Errors
///
/// What stands against it.
pub async fn make(
    conn: &mut PgConnection,
    state: &State,
    group: GroupId,
    place: &Place,
    new: New<'_>,
) -> Result<(Vec<Changed>, Vec<UserId>), Error> {
    let (people, group, members) = lock(&mut *conn, place.teacher, group).await?;
    let teacher = people.teacher.as_ref().ok_or(Error::TeacherNotFound)?;
    let now = state.now();
    let (time, mut changed) = placing::decide(&mut *conn, teacher, place, &members, now).await?;
    let gathering = Gathering::read(&mut *conn, group.id, time.during, &[], now).await?;
    let Seating { seated, busy } = match new.open_seats {
        0 => gathering.seats_for(time.during),
        _ => Seating::default(),
    };
    let seats = seated.into_iter().map(|member| NewSeat {
        id: BookingId::new(&*state.clock),
        student: member.student_id,
        name: member.display_name.clone(),
    });
    let made = rules::New {
        id: new.id,
        teacher,
        seats: seats.collect(),
        capacity: match new.open_seats {
            0 => group.capacity,
            open => open,
        },
        open_seats: new.open_seats > 0,
        group: Some(OfGroup {
            id: group.id,
            title: group.title,
        }),
        series: None,
        time,
        notes: new.notes.to_owned(),
        meeting_url: String::new(),
    };
    let made = rules::begin(made, new.by, Beginning::Book, now);
    recording::record_new(conn, std::slice::from_ref(&made), now).await?;
    changed.push(made);
    Ok((changed, busy))
}

/// Who is in a group and never had a seat in a lesson of it.
///
/// # Errors
///
/// When the database fails.
pub async fn list_seatless(
    conn: &mut PgConnection,
    group: GroupId,
    lesson: LessonId,
) -> Result<Vec<UserId>, Error> {
    let lesson = store::find(&mut *conn, None, lesson).await?;
    let lesson = lesson.ok_or(Error::LessonNotFound)?;
    let members = groups::store::list_members(conn, group).await?;
    let members = members.into_iter().map(|member| member.student_id);
    let seatless = members.filter(|member| {
        let mut seats = lesson.bookings.iter();
        !seats.any(|seat| seat.student_id == *member)
    });
    Ok(seatless.collect())
}
