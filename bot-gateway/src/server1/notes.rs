//! What one update comes to know of server 1 while it is handled.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::reading::Reading;

/// What became of what an update was to change, when there is no answer that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Certainly nothing was changed.
    NotDone,
    /// Only server 1 knows.
    Unknown,
    /// It was done; what is to be shown of it could not be read.
    Done,
}

/// Shared by the clients that one update is handled with.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    failed: bool,
    stale_since: Option<Timestamp>,
    changed: bool,
    /// Something was to be changed, and was not for certain.
    missed: Option<Missed>,
    reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missed {
    Certainly,
    Perhaps,
}

impl Notes {
    /// Server 1 failed: the same update does not wait for it once more.
    pub(super) fn server_failed(&self) {
        self.lock().failed = true;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.lock().failed
    }

    /// Something read at `fetched` was given that may be out of date.
    pub(super) fn stale(&self, fetched: Timestamp) {
        let mut noted = self.lock();
        let before = noted.stale_since.unwrap_or(fetched);
        noted.stale_since = Some(before.min(fetched));
    }

    /// Since when what was given may be out of date.
    pub(super) fn stale_since(&self) -> Option<Timestamp> {
        self.lock().stale_since
    }

    /// Something was changed.
    pub(super) fn changed(&self) {
        self.lock().changed = true;
    }

    /// Something was certainly not.
    pub(super) fn not_changed(&self) {
        self.lock().missed.get_or_insert(Missed::Certainly);
    }

    /// Whether something was is not known.
    pub(super) fn perhaps_changed(&self) {
        self.lock().missed = Some(Missed::Perhaps);
    }

    /// What became of it in all: "nothing was changed" holds only where nothing was.
    pub(super) fn fate(&self) -> Option<Fate> {
        let noted = self.lock();
        match (noted.missed, noted.changed) {
            (None, false) => None,
            (None, true) => Some(Fate::Done),
            (Some(Missed::Certainly), false) => Some(Fate::NotDone),
            (Some(Missed::Certainly), true) | (Some(Missed::Perhaps), _) => Some(Fate::Unknown),
        }
    }

    /// What is left for reads, and that one of them begins; `most` is what a read may take.
    pub(super) fn begin_read(&self, most: Duration) -> (Duration, ReadUnderWay<'_>) {
        let left = self.lock().reading.begin(Instant::now(), most);
        (left, ReadUnderWay { notes: self, most })
    }

    /// What is left for reads.
    pub(super) fn left(&self, most: Duration) -> Duration {
        self.lock().reading.left(Instant::now(), most)
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read, until it ends or is given up.
#[derive(Debug)]
pub(super) struct ReadUnderWay<'a> {
    notes: &'a Notes,
    most: Duration,
}

impl Drop for ReadUnderWay<'_> {
    fn drop(&mut self) {
        self.notes.lock().reading.end(Instant::now(), self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_was_changed_is_said_only_when_nothing_was() {
        let notes = Notes::default();
        assert_eq!(notes.fate(), None);
        notes.not_changed();
        assert_eq!(notes.fate(), Some(Fate::NotDone));
        notes.changed();
        assert_eq!(notes.fate(), Some(Fate::Unknown));
        let notes = Notes::default();
        notes.perhaps_changed();
        notes.not_changed();
        assert_eq!(notes.fate(), Some(Fate::Unknown));
    }

    #[test]
    fn what_was_done_stays_done_when_nothing_can_be_read_after_it() {
        let notes = Notes::default();
        notes.changed();
        notes.server_failed();
        assert_eq!(notes.fate(), Some(Fate::Done));
    }

    #[test]
    fn the_oldest_of_what_was_given_is_told() {
        let (notes, second) = (Notes::default(), jiff::SignedDuration::from_secs(1));
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(notes.stale_since(), None);
        for fetched in [at, at - second, at + second] {
            notes.stale(fetched);
        }
        assert_eq!(notes.stale_since(), Some(at - second));
    }
}
