//! What one update comes to know of server 1 while it is handled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// What became of what an update was to change, when that was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Certainly nothing was changed.
    NotDone,
    /// Only server 1 knows.
    Unknown,
}

/// Shared by the clients that one update is handled with.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    failed: bool,
    stale_since: Option<Timestamp>,
    changed: bool,
    fate: Option<Fate>,
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

    /// Something was not, or it is not known.
    pub(super) fn not_changed(&self, fate: Fate) {
        let mut noted = self.lock();
        let before = noted.fate.unwrap_or(Fate::NotDone);
        noted.fate = Some(match (before, fate) {
            (Fate::NotDone, Fate::NotDone) => Fate::NotDone,
            (Fate::Unknown, _) | (_, Fate::Unknown) => Fate::Unknown,
        });
    }

    /// What became of it in all: "nothing was changed" holds only where nothing was.
    pub(super) fn fate(&self) -> Option<Fate> {
        let noted = self.lock();
        match noted.fate? {
            Fate::NotDone if noted.changed => Some(Fate::Unknown),
            fate @ (Fate::NotDone | Fate::Unknown) => Some(fate),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_was_changed_is_said_only_when_nothing_was() {
        let notes = Notes::default();
        assert_eq!(notes.fate(), None);
        notes.not_changed(Fate::NotDone);
        assert_eq!(notes.fate(), Some(Fate::NotDone));
        notes.changed();
        assert_eq!(notes.fate(), Some(Fate::Unknown));
        let notes = Notes::default();
        notes.not_changed(Fate::Unknown);
        notes.not_changed(Fate::NotDone);
        assert_eq!(notes.fate(), Some(Fate::Unknown));
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
