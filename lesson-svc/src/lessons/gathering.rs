//! Who of a group has a seat in its lessons: whoever has no other lesson then.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    availability::{
        slots::Stretch,
        store::busy::{self, Asked},
        stretches::Stretches,
    },
    errors::Error,
    groups::{self, Member},
    ids::{GroupId, LessonId, UserId},
};

/// The members of a group, and when each of them is in lessons.
#[derive(Debug)]
pub struct Gathering {
    members: Vec<Member>,
    busy: BTreeMap<UserId, Stretches>,
}

/// Who sits in a lesson of a group, and who cannot; both by id.
#[derive(Debug, PartialEq, Eq)]
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
