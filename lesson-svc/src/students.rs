//! Who learns from whom.

pub mod store;

use jiff::Timestamp;
use olm_proto::lesson::v1 as pb;

use crate::ids::UserId;

/// How somebody became a teacher's student.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// By booking a lesson.
    Booking,
    /// By the teacher's invitation.
    Invitation,
}

impl Origin {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::Invitation => "invitation",
        }
    }

    /// The origin with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Booking, Self::Invitation]
            .into_iter()
            .find(|origin| origin.name() == name)
    }
}

impl From<Origin> for pb::StudentOrigin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Booking => Self::Booking,
            Origin::Invitation => Self::Invitation,
        }
    }
}

/// A person a teacher teaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Student {
    /// The user's id.
    pub id: UserId,
    /// The user's name.
    pub display_name: String,
    /// The user's own zone, IANA name.
    pub time_zone: String,
    /// How they became a student.
    pub origin: Origin,
    /// Since when.
    pub create_time: Timestamp,
}

impl From<Student> for pb::Student {
    fn from(student: Student) -> Self {
        Self {
            id: student.id.to_string(),
            display_name: student.display_name,
            time_zone: student.time_zone,
            origin: pb::StudentOrigin::from(student.origin).into(),
            create_time: Some(olm_proto::timestamp(student.create_time)),
        }
    }
}
