//! Notifications: what they are, how clients make, see and cancel them.

use olm_proto::notify::v1 as wire;

pub mod grpc;
pub mod requests;
pub mod states;
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
    /// A lesson was cancelled.
    Canceled,
}

impl Kind {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::Booked => "booked",
            Self::Reminder => "reminder",
            Self::Canceled => "canceled",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Custom, Self::Booked, Self::Reminder, Self::Canceled]
            .into_iter()
            .find(|kind| kind.as_str() == text)
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
