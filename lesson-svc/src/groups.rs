//! Study groups: students whom a teacher teaches together (TMB-1).

pub mod grpc;
pub mod store;

use jiff::Timestamp;

use crate::ids::{GroupId, UserId};

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
