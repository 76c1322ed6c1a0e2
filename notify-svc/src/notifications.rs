//! Notifications: what they are, how clients make, see, move, cancel and count them.

use olm_proto::notify::v1 as wire;

pub mod grpc;
pub mod of_lesson;
pub mod planned;
pub mod requests;
pub mod rescheduling;
pub mod states;
pub mod statistics;
pub mod store;

/// What a notification tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    /// Text given by a client.
    Custom,
    /// A lesson was booked.
    Booked,
    /// A lesson is near.
    Reminder,
    /// A lesson or a request was cancelled.
    Canceled,
    /// A student asks for a lesson.
    Requested,
    /// The teacher accepted the request.
    Confirmed,
    /// The teacher declined it.
    Declined,
    /// Nobody decided in time.
    Lapsed,
    /// A lesson is at another time.
    Moved,
    /// A lesson is elsewhere.
    PlaceChanged,
    /// A student of the lesson cannot be told.
    StudentUnreachable,
    /// A student is asked whether they come to a group's lesson that moved onto another.
    Reconfirm,
    /// They did not say so in time.
    SeatFreed,
    /// A student gave up their seat in a group's lesson, or did not say in time.
    StudentLeft,
    /// A series was booked.
    SeriesBooked,
    /// A series is at another hour, elsewhere, or goes on for longer.
    SeriesChanged,
    /// A series is off, all of it or its end.
    SeriesCanceled,
    /// An occurrence of a series was not booked.
    SeriesSkipped,
    /// A series begins at another hour of its reader's clock.
    ClockShifts,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 19] = [
        Self::Custom,
        Self::Booked,
        Self::Reminder,
        Self::Canceled,
        Self::Requested,
        Self::Confirmed,
        Self::Declined,
        Self::Lapsed,
        Self::Moved,
        Self::PlaceChanged,
        Self::StudentUnreachable,
        Self::Reconfirm,
        Self::SeatFreed,
        Self::StudentLeft,
        Self::SeriesBooked,
        Self::SeriesChanged,
        Self::SeriesCanceled,
        Self::SeriesSkipped,
        Self::ClockShifts,
    ];

    /// In the contract's notices about lessons and series; a custom text is none.
    #[must_use]
    pub fn notice(self) -> wire::LessonNoticeKind {
        match self {
            Self::Custom => wire::LessonNoticeKind::Unspecified,
            Self::Booked => wire::LessonNoticeKind::Booked,
            Self::Reminder => wire::LessonNoticeKind::Reminder,
            Self::Canceled => wire::LessonNoticeKind::Canceled,
            Self::Requested => wire::LessonNoticeKind::Requested,
            Self::Confirmed => wire::LessonNoticeKind::Confirmed,
            Self::Declined => wire::LessonNoticeKind::Declined,
            Self::Lapsed => wire::LessonNoticeKind::Lapsed,
            Self::Moved => wire::LessonNoticeKind::Moved,
            Self::PlaceChanged => wire::LessonNoticeKind::PlaceChanged,
            Self::StudentUnreachable => wire::LessonNoticeKind::StudentUnreachable,
            Self::Reconfirm => wire::LessonNoticeKind::Reconfirm,
            Self::SeatFreed => wire::LessonNoticeKind::SeatFreed,
            Self::StudentLeft => wire::LessonNoticeKind::StudentLeft,
            Self::SeriesBooked => wire::LessonNoticeKind::SeriesBooked,
            Self::SeriesChanged => wire::LessonNoticeKind::SeriesChanged,
            Self::SeriesCanceled => wire::LessonNoticeKind::SeriesCanceled,
            Self::SeriesSkipped => wire::LessonNoticeKind::SeriesSkipped,
            Self::ClockShifts => wire::LessonNoticeKind::ClockShifts,
        }
    }

    /// The kind of a notice about a lesson or a series; `None` for none of the contract's.
    #[must_use]
    pub fn of_notice(number: i32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| *kind != Self::Custom && i32::from(kind.notice()) == number)
    }

    /// Whether it says that the lesson does not take place, at least for its reader.
    #[must_use]
    pub fn ends(self) -> bool {
        matches!(
            self,
            Self::Canceled | Self::Declined | Self::Lapsed | Self::SeatFreed
        )
    }

    /// Whether it says when and where the lesson is, once for each schedule.
    #[must_use]
    pub fn announces(self) -> bool {
        matches!(
            self,
            Self::Requested
                | Self::Booked
                | Self::Confirmed
                | Self::Moved
                | Self::PlaceChanged
                | Self::Reconfirm
        )
    }

    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::Booked => "booked",
            Self::Reminder => "reminder",
            Self::Canceled => "canceled",
            Self::Requested => "requested",
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::Lapsed => "lapsed",
            Self::Moved => "moved",
            Self::PlaceChanged => "place_changed",
            Self::StudentUnreachable => "student_unreachable",
            Self::Reconfirm => "reconfirm",
            Self::SeatFreed => "seat_freed",
            Self::StudentLeft => "student_left",
            Self::SeriesBooked => "series_booked",
            Self::SeriesChanged => "series_changed",
            Self::SeriesCanceled => "series_canceled",
            Self::SeriesSkipped => "series_skipped",
            Self::ClockShifts => "clock_shifts",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Which queue of a bot a notification waits in; earlier lanes go first. The lane of
/// conversations is the gateway's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Confirmations and cancellations.
    Interactive,
    /// Reminders.
    Reminder,
    /// Custom notifications.
    Broadcast,
}

impl Lane {
    /// Every lane, the first to go first.
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Reminder, Self::Broadcast];

    /// As in the contract.
    #[must_use]
    pub fn wire(self) -> wire::Lane {
        match self {
            Self::Interactive => wire::Lane::Interactive,
            Self::Reminder => wire::Lane::Reminder,
            Self::Broadcast => wire::Lane::Broadcast,
        }
    }

    /// As stored: the contract's number.
    #[must_use]
    pub fn number(self) -> i16 {
        match self {
            Self::Interactive => 2,
            Self::Reminder => 3,
            Self::Broadcast => 4,
        }
    }

    /// The lane of that number in the contract.
    #[must_use]
    pub fn parse(number: i32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|lane| i32::from(lane.number()) == number)
    }
}
