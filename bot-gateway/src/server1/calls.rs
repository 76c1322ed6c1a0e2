//! What each RPC of lesson-svc is to the link.

use jiff::SignedDuration;

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// It only reads; the answer is kept where that is of use.
    Read(Option<Shelf>),
    /// It changes something, or may.
    Write,
}

/// Answers that are kept side by side, and for how long they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Teachers and their free times.
    Schedules,
    /// A person's lessons, series and groups.
    Lessons,
    /// The people themselves.
    People,
    /// What no change is told of: read anew each time, kept for when it cannot be.
    Rest,
}

impl Shelf {
    pub(super) const ALL: [Self; 4] = [Self::Schedules, Self::Lessons, Self::People, Self::Rest];

    pub(super) fn index(self) -> usize {
        match self {
            Self::Schedules => 0,
            Self::Lessons => 1,
            Self::People => 2,
            Self::Rest => 3,
        }
    }

    /// For figures.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Schedules => "schedules",
            Self::Lessons => "lessons",
            Self::People => "people",
            Self::Rest => "rest",
        }
    }

    /// Answers that it holds: a thousand people with several each, more than the hundred and
    /// the five hundred that are the least (OLM-5).
    pub(super) fn entries(self) -> usize {
        match self {
            Self::Schedules | Self::Lessons => 8_000,
            Self::People | Self::Rest => 4_000,
        }
    }

    /// Bytes of all its answers, which bound the process's memory: 32 MiB in all.
    pub(super) fn bytes(self) -> usize {
        const MIB: usize = 1024 * 1024;
        match self {
            Self::Schedules => 16 * MIB,
            Self::Lessons => 8 * MIB,
            Self::People | Self::Rest => 4 * MIB,
        }
    }

    /// How long an answer holds (OLM-5, VIT-3).
    pub(super) fn fresh_for(self) -> SignedDuration {
        match self {
            Self::Schedules | Self::People => SignedDuration::from_mins(5),
            Self::Lessons => SignedDuration::from_mins(2),
            Self::Rest => SignedDuration::ZERO,
        }
    }
}

/// Tells who wrote, and learns who that is: for the link it reads, because it can be
/// repeated and its answer is about the person.
pub(super) const REGISTER: &str = "/olm.lesson.v1.UserService/RegisterTelegramUser";

/// Answers the same whoever asks.
const GET_TEACHER: &str = "/olm.lesson.v1.TeacherService/GetTeacher";

/// Every RPC that only reads.
const READS: [(&str, Option<Shelf>); 25] = [
    (REGISTER, Some(Shelf::People)),
    ("/olm.lesson.v1.UserService/GetUser", Some(Shelf::People)),
    ("/olm.lesson.v1.UserService/ListUsers", None),
    (GET_TEACHER, Some(Shelf::Schedules)),
    (
        "/olm.lesson.v1.TeacherService/SearchTeachers",
        Some(Shelf::Schedules),
    ),
    (
        "/olm.lesson.v1.TeacherService/ListMyTeachers",
        Some(Shelf::Schedules),
    ),
    (
        "/olm.lesson.v1.TeacherService/ListStudents",
        Some(Shelf::Rest),
    ),
    (
        "/olm.lesson.v1.AvailabilityService/GetAvailability",
        Some(Shelf::Schedules),
    ),
    (
        "/olm.lesson.v1.AvailabilityService/ListSlots",
        Some(Shelf::Schedules),
    ),
    (
        "/olm.lesson.v1.LessonService/GetLesson",
        Some(Shelf::Lessons),
    ),
    (
        "/olm.lesson.v1.LessonService/ListLessons",
        Some(Shelf::Lessons),
    ),
    (
        "/olm.lesson.v1.LessonService/ListLessonChanges",
        Some(Shelf::Lessons),
    ),
    ("/olm.lesson.v1.GroupService/GetGroup", Some(Shelf::Lessons)),
    (
        "/olm.lesson.v1.GroupService/ListGroups",
        Some(Shelf::Lessons),
    ),
    (
        "/olm.lesson.v1.GroupService/ListGroupMembers",
        Some(Shelf::Lessons),
    ),
    (
        "/olm.lesson.v1.SeriesService/GetSeries",
        Some(Shelf::Lessons),
    ),
    (
        "/olm.lesson.v1.SeriesService/ListSeries",
        Some(Shelf::Lessons),
    ),
    ("/olm.lesson.v1.SeriesService/PreviewSeries", None),
    ("/olm.lesson.v1.SeriesService/PreviewSeriesUpdate", None),
    (
        "/olm.lesson.v1.InvitationService/ListInvitations",
        Some(Shelf::Rest),
    ),
    (
        "/olm.lesson.v1.InvitationService/PreviewInvitation",
        Some(Shelf::Rest),
    ),
    (
        "/olm.lesson.v1.CalendarService/ListCalendarFeeds",
        Some(Shelf::Rest),
    ),
    (
        "/olm.lesson.v1.CalendarService/GetCalendarEntry",
        Some(Shelf::Lessons),
    ),
    ("/olm.lesson.v1.CalendarService/ReadCalendarFeed", None),
    // A stream: it does not come this way.
    ("/olm.lesson.v1.ChangeService/WatchChanges", None),
];

/// What the RPC at `path` does. One that is not known is taken for a write: that is never
/// kept, and nothing is said of it that may be false.
pub(super) fn call(path: &str) -> Call {
    let found = READS.iter().find(|(known, _)| *known == path);
    found.map_or(Call::Write, |(_, shelf)| Call::Read(*shelf))
}

/// Whether the RPC at `path` answers everybody alike, so that what one has read is kept for
/// all.
pub(super) fn is_same_for_all(path: &str) -> bool {
    path == GET_TEACHER
}

/// Whether a write at `path` may change how the person who acts is told of.
pub(super) fn is_of_person(path: &str) -> bool {
    let services = [
        "/olm.lesson.v1.UserService/",
        "/olm.lesson.v1.TeacherService/",
    ];
    services.iter().any(|service| path.starts_with(service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rpc_that_is_named_like_a_read_is_one_and_no_other() {
        let mut paths = Vec::new();
        for service in olm_proto::DESCRIPTORS.services() {
            if !service.full_name().starts_with("olm.lesson.v1.") {
                continue;
            }
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                let verbs = ["Get", "List", "Search", "Preview", "Read", "Watch"];
                let reads = verbs.iter().any(|verb| method.name().starts_with(verb));
                let is_read = matches!(call(&path), Call::Read(_));
                assert_eq!(is_read, reads || path == REGISTER, "{path}");
                paths.push(path);
            }
        }
        for (known, _) in READS {
            assert!(paths.iter().any(|path| path == known), "{known}");
        }
    }

    #[test]
    fn shelves_have_places_of_their_own() {
        for (place, shelf) in Shelf::ALL.into_iter().enumerate() {
            assert_eq!(shelf.index(), place);
        }
    }
}
