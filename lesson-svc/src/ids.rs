//! Ids of our own things: newtypes, so that a lesson's id is never taken for a
//! person's.

use std::fmt;

use service_kit::clock::{Clock, new_id};
use uuid::Uuid;

macro_rules! id {
    ($name:ident, $what:literal) => {
        #[doc = concat!("Id of ", $what, ".")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id that sorts by time (UUID version 7).
            #[must_use]
            pub fn new(clock: &dyn Clock) -> Self {
                Self(new_id(clock))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

id!(
    UserId,
    "a person, also where the person is a teacher or a student"
);
id!(LessonId, "a lesson");
id!(BookingId, "a student's seat in a lesson");
id!(InvitationId, "an invitation");
id!(TimeOffId, "a stretch of a teacher's time off");
id!(SeriesId, "a series of lessons");
id!(GroupId, "a study group");
id!(FeedId, "a calendar feed");
