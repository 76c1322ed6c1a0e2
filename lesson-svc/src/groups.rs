//! Study groups: students whom a teacher teaches together (TMB-1).

pub mod changing;
pub mod ending;
pub mod grpc;
pub mod listing;
pub mod membership;
pub mod store;

use std::ops::RangeInclusive;

use jiff::Timestamp;
use olm_proto::lesson::v1 as pb;

use crate::{
    actors::Actor,
    errors::Error,
    ids::{GroupId, UserId},
};

/// How many may be in a group.
pub const CAPACITY: RangeInclusive<i32> = 2..=50;
/// How many groups of one teacher there may be at once.
pub const MOST_GROUPS: usize = 200;

/// Students whom a teacher teaches together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The group's id.
    pub id: GroupId,
    /// Who teaches it.
    pub teacher_id: UserId,
    /// Empty when the teacher was erased.
    pub teacher_name: String,
    /// Empty when the teacher was erased.
    pub title: String,
    /// How many may be in it at once; 2 to 50.
    pub capacity: i16,
    /// How many are.
    pub member_count: i16,
    /// Raised by every change, of who is in it too.
    pub version: i64,
    /// When it was made.
    pub create_time: Timestamp,
    /// When it was dissolved.
    pub delete_time: Option<Timestamp>,
}

impl Group {
    /// Lets only its teacher change it, and nobody once it was dissolved.
    ///
    /// # Errors
    ///
    /// [`Error::GroupNotFound`], or [`Error::TeacherOnly`] for members.
    pub fn require_teacher(&self, actor: Actor) -> Result<(), Error> {
        if self.delete_time.is_some() {
            return Err(Error::GroupNotFound);
        }
        if self.teacher_id != actor.user {
            return Err(Error::TeacherOnly);
        }
        Ok(())
    }

    /// Refuses one more member than it holds.
    ///
    /// # Errors
    ///
    /// [`Error::GroupFull`].
    pub fn require_room(&self) -> Result<(), Error> {
        if self.member_count < self.capacity {
            return Ok(());
        }
        Err(Error::GroupFull {
            capacity: Some(self.capacity),
            title: self.title.clone(),
        })
    }
}

impl From<Group> for pb::Group {
    fn from(group: Group) -> Self {
        Self {
            id: group.id.to_string(),
            teacher_id: group.teacher_id.to_string(),
            teacher_name: group.teacher_name,
            title: group.title,
            capacity: group.capacity.into(),
            member_count: group.member_count.into(),
            version: group.version,
            create_time: Some(olm_proto::timestamp(group.create_time)),
            delete_time: group.delete_time.map(olm_proto::timestamp),
        }
    }
}

/// A student in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub student_id: UserId,
    /// The student's name.
    pub display_name: String,
    /// Since when, the last time.
    pub create_time: Timestamp,
}

impl From<Member> for pb::GroupMember {
    fn from(member: Member) -> Self {
        Self {
            student_id: member.student_id.to_string(),
            display_name: member.display_name,
            create_time: Some(olm_proto::timestamp(member.create_time)),
        }
    }
}
