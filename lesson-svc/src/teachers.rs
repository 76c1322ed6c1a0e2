//! People who teach, what they allow, and whom they teach.

pub mod grpc;
pub mod listing;
pub mod policies;
pub mod store;

use jiff::Timestamp;
use olm_proto::lesson::v1 as pb;

pub use policies::{Policies, check_span};

use crate::ids::UserId;

/// A person who teaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Teacher {
    /// The same as the user's id.
    pub id: UserId,
    /// The user's name.
    pub display_name: String,
    /// The user's own zone, IANA name.
    pub time_zone: String,
    /// What the teacher allows.
    pub policies: Policies,
    /// Raised by every change of the policies.
    pub version: i64,
    /// What the user says of themselves.
    pub about: String,
    /// When the person became a teacher.
    pub create_time: Timestamp,
}

impl From<Teacher> for pb::Teacher {
    fn from(teacher: Teacher) -> Self {
        Self {
            id: teacher.id.to_string(),
            policies: Some(teacher.policies.to_message()),
            display_name: teacher.display_name,
            time_zone: teacher.time_zone,
            version: teacher.version,
            create_time: Some(olm_proto::timestamp(teacher.create_time)),
            about: teacher.about,
        }
    }
}
