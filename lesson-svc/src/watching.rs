//! Changes as they happen, for those who watch
//! (docs/decisions/0016-changes-are-read-below-the-oldest-transaction.md).

pub mod cursor;
pub mod filter;
pub mod grpc;
pub mod retention;
pub mod store;
pub mod tail;
pub mod wakeups;
pub mod watcher;

use std::sync::Arc;

use service_kit::shutdown::Shutdown;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast};
use uuid::Uuid;

use crate::{errors::Error, ids::UserId};

/// How many batches are kept for a watcher that is behind.
const KEPT_BATCHES: usize = 1_024;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A lesson, or a seat in it.
    Lesson,
    /// A person's name, profile or settings.
    User,
    /// A teacher's policies.
    Teacher,
    /// A teacher's hours of work or time off.
    Availability,
    /// A series.
    Series,
    /// A group, or who is in it.
    Group,
}

impl Kind {
    /// The kind that the database calls so.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "lesson" => Self::Lesson,
            "user" => Self::User,
            "teacher" => Self::Teacher,
            "availability" => Self::Availability,
            "series" => Self::Series,
            "group" => Self::Group,
            _ => return None,
        })
    }
}

/// A place in the order of changes: by transaction, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The transaction that made the change.
    pub xid: i64,
    /// The change.
    pub id: i64,
}

impl Position {
    /// After everything of the transactions below `xmin`, before everything else.
    #[must_use]
    pub fn below(xmin: i64) -> Self {
        Self {
            xid: xmin.saturating_sub(1),
            id: i64::MAX,
        }
    }
}

/// Something changed, and whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it stands.
    pub position: Position,
    /// What changed.
    pub kind: Kind,
    /// The lesson, person, teacher, series or group; of availability the teacher.
    pub entity: Uuid,
    /// Its version after the change.
    pub version: i64,
    /// The teacher of a lesson, series or group.
    pub teacher: Option<UserId>,
    /// Everybody it concerns, by id.
    pub people: Vec<UserId>,
}

/// What the tail read in one go: everything after `from` up to `until`.
#[derive(Debug)]
pub struct Batch {
    /// The log that the positions are of.
    pub log: Uuid,
    /// Where it begins.
    pub from: Position,
    /// Where it ends.
    pub until: Position,
    /// In order; may be none.
    pub changes: Vec<Change>,
}

/// What watchers of this replica share; cheap to clone.
#[derive(Debug, Clone)]
pub struct Watchers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Keeps this replica from answering its own NOTIFY.
    replica: Uuid,
    shutdown: Shutdown,
    places: Arc<Semaphore>,
    batches: broadcast::Sender<Arc<Batch>>,
    /// There may be changes, or a first watcher.
    tail: Notify,
    /// Other replicas are to be told.
    announce: Notify,
}

impl Watchers {
    /// For at most so many watchers at once, until stopping begins.
    #[must_use]
    pub fn new(most: usize, shutdown: Shutdown) -> Self {
        Self(Arc::new(Shared {
            replica: Uuid::new_v4(),
            shutdown,
            places: Arc::new(Semaphore::new(most)),
            batches: broadcast::Sender::new(KEPT_BATCHES),
            tail: Notify::new(),
            announce: Notify::new(),
        }))
    }

    /// After a commit that changed something: the tails of all replicas look.
    pub fn committed(&self) {
        self.look();
        self.0.announce.notify_one();
    }

    /// The tail of this replica looks.
    fn look(&self) {
        self.0.tail.notify_one();
    }

    /// One more watcher, who hears every batch from now on.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyWatchers`].
    fn join(&self) -> Result<(OwnedSemaphorePermit, broadcast::Receiver<Arc<Batch>>), Error> {
        let place = self.0.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Error::TooManyWatchers)?;
        let batches = self.0.batches.subscribe();
        self.look();
        Ok((place, batches))
    }

    fn anybody(&self) -> bool {
        self.0.batches.receiver_count() > 0
    }

    fn publish(&self, batch: Batch) {
        // Nobody listens any more: nothing is lost.
        let _ = self.0.batches.send(Arc::new(batch));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_comes_when_all_places_are_taken_is_refused_until_one_is_free() {
        let watchers = Watchers::new(1, Shutdown::manual(Duration::ZERO));
        let first = watchers.join().unwrap();
        assert!(matches!(watchers.join(), Err(Error::TooManyWatchers)));
        drop(first);
        assert!(watchers.join().is_ok());
    }

    #[test]
    fn a_place_below_a_transaction_is_before_all_of_it() {
        let below = Position::below(7);
        assert!(below < Position { xid: 7, id: 0 });
        assert!(
            below
                > Position {
                    xid: 6,
                    id: i64::MAX - 1
                }
        );
    }
}
