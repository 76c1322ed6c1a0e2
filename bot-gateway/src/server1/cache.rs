//! What was read last, kept with its instant: while it holds it is the answer, and when
//! server 1 cannot be asked it is better than none. Pure; bounded in answers and in bytes,
//! and what was not used for longest goes first.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    calls::Shelf,
    concern::{About, Concern},
};

/// An answer larger than this is not kept.
const LARGEST: usize = 256 * 1024;
/// What an entry takes beside its parts, roughly.
const OVERHEAD: usize = 256;
/// So many of the last concerns are remembered, for what is being read meanwhile.
const CONCERNS: usize = 64;

/// What is asked, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) path: String,
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

/// When a fetch began, in concerns: what came between makes its answer one of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begun(u64);

#[derive(Debug)]
struct Entry {
    message: Bytes,
    fetched: Timestamp,
    about: About,
    bytes: usize,
    used: u64,
}

#[derive(Debug, Default)]
struct Entries {
    by_key: HashMap<Key, Entry>,
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
}

impl Cache {
    /// To be told when what is fetched from now on is kept.
    pub(super) fn begin(&self) -> Begun {
        Begun(self.concerned)
    }

    /// The answer kept for `key`.
    pub(super) fn find(&mut self, place: Shelf, key: &Key, now: Timestamp) -> Option<Kept> {
        self.uses += 1;
        let entry = self.shelves[place.index()].by_key.get_mut(key)?;
        entry.used = self.uses;
        // One of a clock that was put back may be of any age.
        let age = now.duration_since(entry.fetched);
        Some(Kept {
            message: entry.message.clone(),
            fetched: entry.fetched,
            fresh: !age.is_negative() && age < place.fresh_for(),
        })
    }

    /// Keeps an answer, unless something has come to concern it since its fetch began.
    pub(super) fn keep(
        &mut self,
        place: Shelf,
        key: Key,
        message: Bytes,
        about: About,
        (begun, fetched): (Begun, Timestamp),
    ) {
        self.forget(place, &key);
        let bytes = key.request.len() + key.path.len() + message.len() + about.bytes() + OVERHEAD;
        if bytes > LARGEST || self.is_outdated(place, &about, begun) {
            return;
        }
        self.uses += 1;
        let entry = Entry {
            message,
            fetched,
            about,
            bytes,
            used: self.uses,
        };
        let entries = &mut self.shelves[place.index()];
        while entries.by_key.len() >= place.entries() || entries.bytes + bytes > place.bytes() {
            entries.remove_least_used();
        }
        entries.bytes += bytes;
        entries.by_key.insert(key, entry);
    }

    /// Drops the answer to `key`.
    pub(super) fn forget(&mut self, place: Shelf, key: &Key) {
        self.shelves[place.index()].remove(key);
    }

    /// Drops what `concern` touches, also of what is being fetched.
    pub(super) fn drop_touched(&mut self, concern: Concern) {
        for place in Shelf::ALL {
            let Entries { by_key, bytes } = &mut self.shelves[place.index()];
            by_key.retain(|_, entry| {
                let stays = !concern.touches(place, &entry.about);
                if !stays {
                    *bytes -= entry.bytes;
                }
                stays
            });
        }
        self.concerned += 1;
        self.concerns.push_back(concern);
        if self.concerns.len() > CONCERNS {
            self.concerns.pop_front();
        }
    }

    fn is_outdated(&self, place: Shelf, about: &About, Begun(begun): Begun) -> bool {
        let since = usize::try_from(self.concerned - begun).unwrap_or(usize::MAX);
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
    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.by_key.remove(key) {
            self.bytes -= entry.bytes;
        }
    }

    /// Looks through all of them: there are few.
    fn remove_least_used(&mut self) {
        let least = self.by_key.iter().min_by_key(|(_, entry)| entry.used);
        if let Some(key) = least.map(|(key, _)| key.clone()) {
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const ANNA: Uuid = Uuid::from_u128(1);
    const BORIS: Uuid = Uuid::from_u128(2);
    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn key(user: Uuid, request: &str) -> Key {
        Key {
            path: "/a/B".to_owned(),
            user: Some(user),
            request: Bytes::copy_from_slice(request.as_bytes()),
        }
    }

    fn about(owner: Uuid) -> About {
        About::new(Some(owner), &[])
    }

    fn keep(cache: &mut Cache, place: Shelf, user: Uuid, request: &str, message: &'static [u8]) {
        let when = (cache.begin(), NOW);
        let message = Bytes::from_static(message);
        cache.keep(place, key(user, request), message, about(user), when);
    }

    fn has(cache: &mut Cache, place: Shelf, user: Uuid, request: &str) -> bool {
        cache.find(place, &key(user, request), NOW).is_some()
    }

    fn written_by(user: Uuid) -> Concern {
        Concern::Written {
            about: about(user),
            in_full: true,
            of_person: false,
        }
    }

    #[test]
    fn an_answer_holds_for_its_time_and_is_there_after_it() {
        let mut cache = Cache::default();
        for (place, minutes) in [
            (Shelf::Schedules, 5),
            (Shelf::Lessons, 2),
            (Shelf::People, 5),
        ] {
            keep(&mut cache, place, ANNA, "", b"answer");
            let until = NOW + SignedDuration::from_mins(minutes);
            let almost = until - SignedDuration::from_nanos(1);
            for (at, fresh) in [(NOW, true), (almost, true), (until, false)] {
                let kept = cache.find(place, &key(ANNA, ""), at).unwrap();
                let expected = Kept {
                    message: Bytes::from_static(b"answer"),
                    fetched: NOW,
                    fresh,
                };
                assert_eq!(kept, expected, "{place:?} at {at}");
            }
            let put_back = NOW - SignedDuration::from_secs(1);
            assert!(!cache.find(place, &key(ANNA, ""), put_back).unwrap().fresh);
        }
        keep(&mut cache, Shelf::Rest, ANNA, "", b"answer");
        assert!(!cache.find(Shelf::Rest, &key(ANNA, ""), NOW).unwrap().fresh);
    }

    #[test]
    fn answers_are_those_of_one_person_one_question_and_one_rpc() {
        let mut cache = Cache::default();
        keep(&mut cache, Shelf::Lessons, ANNA, "1", b"hers");
        assert!(!has(&mut cache, Shelf::Lessons, BORIS, "1"));
        assert!(!has(&mut cache, Shelf::Lessons, ANNA, "2"));
        assert!(!has(&mut cache, Shelf::Schedules, ANNA, "1"));
        let other_rpc = Key {
            path: "/a/C".to_owned(),
            ..key(ANNA, "1")
        };
        assert_eq!(cache.find(Shelf::Lessons, &other_rpc, NOW), None);
    }

    #[test]
    fn a_full_shelf_gives_up_what_was_not_used_for_longest() {
        let mut cache = Cache::default();
        let most = Shelf::Schedules.entries();
        for number in 0..most {
            keep(&mut cache, Shelf::Schedules, ANNA, &number.to_string(), b"");
        }
        assert!(has(&mut cache, Shelf::Schedules, ANNA, "0"));
        keep(&mut cache, Shelf::Schedules, ANNA, "one more", b"");
        assert!(has(&mut cache, Shelf::Schedules, ANNA, "0"));
        assert!(!has(&mut cache, Shelf::Schedules, ANNA, "1"));
        assert_eq!(cache.shelves[0].by_key.len(), most);
    }

    #[test]
    fn a_shelf_is_bounded_in_bytes_and_counts_them_right() {
        static LARGE: [u8; LARGEST - 1_000] = [0; LARGEST - 1_000];
        static TOO_LARGE: [u8; LARGEST] = [0; LARGEST];
        let mut cache = Cache::default();
        for number in 0..40 {
            keep(&mut cache, Shelf::People, ANNA, &number.to_string(), &LARGE);
        }
        let kept = cache.shelves[Shelf::People.index()].by_key.len();
        assert!((4..=9).contains(&kept), "{kept} of 2 MiB");
        keep(&mut cache, Shelf::People, ANNA, "39", b"shorter");
        keep(&mut cache, Shelf::People, ANNA, "large", &TOO_LARGE);
        assert!(!has(&mut cache, Shelf::People, ANNA, "large"));
        cache.drop_touched(Concern::Everything);
        for entries in &cache.shelves {
            assert_eq!((entries.by_key.len(), entries.bytes), (0, 0));
        }
    }

    #[test]
    fn a_concern_drops_what_it_touches_and_nothing_else() {
        let mut cache = Cache::default();
        keep(&mut cache, Shelf::Lessons, ANNA, "", b"");
        keep(&mut cache, Shelf::Lessons, BORIS, "", b"");
        cache.drop_touched(written_by(ANNA));
        assert!(!has(&mut cache, Shelf::Lessons, ANNA, ""));
        assert!(has(&mut cache, Shelf::Lessons, BORIS, ""));
    }

    #[test]
    fn an_answer_fetched_before_a_concern_is_not_kept_after_it() {
        let mut cache = Cache::default();
        let when = (cache.begin(), NOW);
        cache.drop_touched(written_by(ANNA));
        for (user, kept) in [(ANNA, false), (BORIS, true)] {
            let answer = Bytes::from_static(b"old");
            cache.keep(Shelf::Lessons, key(user, ""), answer, about(user), when);
            assert_eq!(has(&mut cache, Shelf::Lessons, user, ""), kept);
        }
        // More came than is remembered: any of them may have been about it.
        for _ in 0..CONCERNS {
            cache.drop_touched(written_by(ANNA));
        }
        let answer = Bytes::from_static(b"old");
        cache.keep(Shelf::Lessons, key(BORIS, "2"), answer, about(BORIS), when);
        assert!(!has(&mut cache, Shelf::Lessons, BORIS, "2"));
    }

    #[test]
    fn an_answer_that_may_not_be_kept_drops_the_one_before() {
        let mut cache = Cache::default();
        keep(&mut cache, Shelf::Lessons, BORIS, "", b"");
        let when = (cache.begin(), NOW);
        for _ in 0..=CONCERNS {
            cache.drop_touched(written_by(ANNA));
        }
        let answer = Bytes::from_static(b"old");
        cache.keep(Shelf::Lessons, key(BORIS, ""), answer, about(BORIS), when);
        assert!(!has(&mut cache, Shelf::Lessons, BORIS, ""));
    }
}
