//! What notify-svc has yet to be told: rows that commit with the change they tell of,
//! and the relay that delivers them.

pub mod figures;
pub mod relay;
pub mod store;

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tonic::Code;
use uuid::Uuid;

/// What a row tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A lesson's snapshot: `SyncLessonRequest`.
    Lesson,
    /// A person's settings: `PutRecipientRequest`.
    Recipient,
    /// A person who is to be forgotten: `EraseRecipientRequest`.
    Erasure,
    /// A series' snapshot: `SyncSeriesRequest`.
    Series,
}

impl Kind {
    /// All that this build knows; a newer one may write more.
    pub const ALL: [Self; 4] = [Self::Lesson, Self::Recipient, Self::Erasure, Self::Series];

    /// Its name in the database and in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lesson => "lesson",
            Self::Recipient => "recipient",
            Self::Erasure => "erasure",
            Self::Series => "series",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A row on its way to notify-svc.
#[derive(Debug, Clone)]
pub struct Message {
    /// The row.
    pub id: i64,
    /// What it tells of.
    pub kind: Kind,
    /// Id of the lesson, person or series.
    pub entity_id: Uuid,
    /// Version of the lesson or person; of a series how often it was told of.
    pub version: i64,
    /// The encoded request.
    pub payload: Vec<u8>,
    /// W3C trace context of the change; may be empty.
    pub traceparent: String,
    /// How often it was sent, this time included.
    pub attempts: i32,
}

/// Wakes this replica's relay after a commit; waking twice before it runs is once.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// There may be rows.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Waits until there may be rows.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}

/// What a refusal by notify-svc means for the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The same call may succeed later.
    ForNow,
    /// It never will: a person has to look.
    ForGood,
}

/// Whether sending the row again can help. A key that notify-svc does not accept, a
/// notify-svc older than the call, a proxy that answers 404 are faults of the
/// deployment, not of the row: the row waits until they are mended.
#[must_use]
pub fn refused(code: Code) -> Refused {
    match code {
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::Unauthenticated
        | Code::PermissionDenied
        | Code::Unimplemented => Refused::ForNow,
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::DataLoss => Refused::ForGood,
    }
}

/// How long to wait after this many attempts: from 0.2 s, doubling, at most 5 s, so
/// that a notify-svc that comes back is told soon.
#[must_use]
pub fn back_off(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 6) - 1).unwrap_or_default();
    Duration::from_millis(200 << doublings).min(Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_grows_to_a_bound() {
        let waits = [i32::MIN, 1, 2, 3, 5, 6, 7, i32::MAX].map(|n| back_off(n).as_millis());
        assert_eq!(waits, [200, 200, 400, 800, 3_200, 5_000, 5_000, 5_000]);
    }

    #[test]
    fn a_wrong_key_does_not_lose_the_row() {
        assert_eq!(refused(Code::PermissionDenied), Refused::ForNow);
        assert_eq!(refused(Code::Unimplemented), Refused::ForNow);
        assert_eq!(refused(Code::InvalidArgument), Refused::ForGood);
    }
}
