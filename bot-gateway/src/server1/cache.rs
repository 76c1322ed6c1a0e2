//! What was read last, kept with its instant: while it holds it is the answer, and when
//! server 1 cannot be asked it is better than none. What may be out of date stays for that,
//! but does not hold any more. Pure; bounded in answers and in bytes, and what was not used
//! for longest goes first.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    calls::Shelf,
    concern::{About, Concern},
};

/// An answer larger than this is not kept.
const LARGEST: usize = 256 * 1024;
/// What an entry takes beside its parts, roughly: in a map that has just grown, and where it
/// stands in the order of use.
const OVERHEAD: usize = 512;
/// So many of the last concerns are remembered, for what is being read meanwhile.
const CONCERNS: usize = 64;
/// So long after it was given up a write may still be done.
const LATE: SignedDuration = SignedDuration::from_secs(5);
/// So many of those are remembered one by one.
const LATE_WRITES: usize = 64;

/// What is asked, and for whom; for nobody where all are answered alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) path: Arc<str>,
    pub(super) user: Option<Uuid>,
    pub(super) request: Bytes,
}

/// A kept answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) message: Bytes,
    pub(super) fetched: Timestamp,
    /// Whether it still holds.
    pub(super) fresh: bool,
}

/// When a fetch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begun {
    /// In concerns: what came since makes its answer one of the past.
    concerned: u64,
    /// Among fetches: the one that began last brings the newest.
    order: u64,
}

#[derive(Debug)]
struct Entry {
    message: Bytes,
    fetched: Timestamp,
    about: About,
    bytes: usize,
    used: u64,
    /// Of its fetch.
    order: u64,
    /// Something has come to concern it since.
    outdated: bool,
}

#[derive(Debug, Default)]
struct Entries {
    by_key: HashMap<Key, Entry>,
    /// By their last use, each of which is another number.
    by_use: BTreeMap<u64, Key>,
    bytes: usize,
}

/// All shelves.
#[derive(Debug, Default)]
pub(super) struct Cache {
    shelves: [Entries; Shelf::ALL.len()],
    uses: u64,
    /// The last concerns, oldest first, and how many there were in all.
    concerns: VecDeque<Concern>,
    concerned: u64,
    fetches: u64,
    /// Of writes that may be done late: when each is over, the earliest first.
    late: VecDeque<(Timestamp, Concern)>,
}

impl Cache {
    /// To be told when what is fetched from now on is kept.
    pub(super) fn begin(&mut self) -> Begun {
        self.fetches += 1;
        Begun {
            concerned: self.concerned,
            order: self.fetches,
        }
    }

    /// The answer kept for `key`.
    pub(super) fn find(&mut self, place: Shelf, key: &Key, now: Timestamp) -> Option<Kept> {
        self.outdate_late(now);
        self.uses += 1;
        let entry = self.shelves[place.index()].use_now(key, self.uses)?;
        // One of a clock that was put back may be of any age.
        let age = now.duration_since(entry.fetched);
        Some(Kept {
            message: entry.message.clone(),
            fetched: entry.fetched,
            fresh: !entry.outdated && !age.is_negative() && age < place.fresh_for(),
        })
    }

    /// Keeps an answer, unless a newer one is kept; one that something has come to concern
    /// since its fetch began does not hold.
    pub(super) fn keep(
        &mut self,
        place: Shelf,
        key: Key,
        message: &[u8],
        about: About,
        (begun, fetched): (Begun, Timestamp),
    ) {
        let bytes = key.request.len() + key.path.len() + message.len() + about.bytes() + OVERHEAD;
        let before = self.shelves[place.index()].by_key.get(&key);
        if bytes > LARGEST || before.is_some_and(|before| before.order > begun.order) {
            return;
        }
        self.forget(place, &key);
        self.uses += 1;
        // Of their own: as they come they are parts of buffers that are far larger.
        let key = Key {
            request: Bytes::copy_from_slice(&key.request),
            ..key
        };
        let entry = Entry {
            outdated: self.is_outdated(place, &about, begun),
            order: begun.order,
            message: Bytes::copy_from_slice(message),
            fetched,
            about,
            bytes,
            used: self.uses,
        };
        let entries = &mut self.shelves[place.index()];
        while entries.by_key.len() >= place.entries() || entries.bytes + bytes > place.bytes() {
            entries.remove_least_used();
        }
        entries.insert(key, entry);
    }

    /// Drops the answer to `key`.
    pub(super) fn forget(&mut self, place: Shelf, key: &Key) {
        self.shelves[place.index()].remove(key);
    }

    /// What `concern` touches does not hold any more, also what is being fetched.
    pub(super) fn outdate(&mut self, concern: Concern) {
        for place in Shelf::ALL {
            let entries = self.shelves[place.index()].by_key.values_mut();
            for entry in entries.filter(|entry| !entry.outdated) {
                entry.outdated = concern.touches(place, &entry.about);
            }
        }
        self.concerned += 1;
        self.concerns.push_back(concern);
        if self.concerns.len() > CONCERNS {
            self.concerns.pop_front();
        }
    }

    /// The same for a write that was given up at `now`, once more when it cannot be done any
    /// later: what is read until then may be of before it.
    pub(super) fn outdate_twice(&mut self, concern: Concern, now: Timestamp) {
        self.outdate(concern.clone());
        self.outdate_late(now);
        let over = now.checked_add(LATE).unwrap_or(Timestamp::MAX);
        if self.late.len() < LATE_WRITES {
            self.late.push_back((over, concern));
        } else {
            self.late.clear();
            self.late.push_back((over, Concern::Everything));
        }
    }

    fn outdate_late(&mut self, now: Timestamp) {
        while let Some((_, concern)) = self.late.pop_front_if(|(over, _)| *over <= now) {
            self.outdate(concern);
        }
    }

    fn is_outdated(&self, place: Shelf, about: &About, begun: Begun) -> bool {
        let since = usize::try_from(self.concerned - begun.concerned).unwrap_or(usize::MAX);
        let mut newest_first = self.concerns.iter().rev();
        // Of older ones nothing is known any more.
        since > self.concerns.len()
            || newest_first
                .by_ref()
                .take(since)
                .any(|concern| concern.touches(place, about))
    }
}

impl Entries {
    fn insert(&mut self, key: Key, entry: Entry) {
        self.bytes += entry.bytes;
        self.by_use.insert(entry.used, key.clone());
        self.by_key.insert(key, entry);
    }

    /// The entry of `key`, of which this is use number `number`.
    fn use_now(&mut self, key: &Key, number: u64) -> Option<&Entry> {
        let entry = self.by_key.get_mut(key)?;
        let before = std::mem::replace(&mut entry.used, number);
        if let Some(key) = self.by_use.remove(&before) {
            self.by_use.insert(number, key);
        }
        Some(entry)
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.by_key.remove(key) {
            self.by_use.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }

    fn remove_least_used(&mut self) {
        if let Some((_, key)) = self.by_use.pop_first() {
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
