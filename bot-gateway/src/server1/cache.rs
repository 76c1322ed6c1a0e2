//! What was read last, kept with its instant: while it holds it is the answer, and when
//! server 1 cannot be asked it is better than none. What may be out of date stays for that,
//! but does not hold any more. Pure; bounded in answers and in bytes, and what was not used
//! for longest goes first.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
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
/// So long after it was given up a write may still be done.
const LATE: SignedDuration = SignedDuration::from_secs(5);
/// So many of those are remembered one by one.
const LATE_WRITES: usize = 64;

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
        let entry = self.shelves[place.index()].by_key.get_mut(key)?;
        entry.used = self.uses;
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
        message: Bytes,
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
        let entry = Entry {
            outdated: self.is_outdated(place, &about, begun),
            order: begun.order,
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

    /// What `concern` touches does not hold any more, also what is being fetched.
    pub(super) fn outdate(&mut self, concern: Concern) {
        for place in Shelf::ALL {
            for entry in self.shelves[place.index()].by_key.values_mut() {
                entry.outdated |= concern.touches(place, &entry.about);
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
    use super::{super::concern::End, *};

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

    /// Whether what is kept still holds; something is.
    fn holds(cache: &mut Cache, place: Shelf, user: Uuid, request: &str) -> bool {
        cache.find(place, &key(user, request), NOW).unwrap().fresh
    }

    fn written_by(user: Uuid) -> Concern {
        Concern::Written {
            about: about(user),
            end: End::Done,
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
        for number in 0..40 {
            cache.forget(Shelf::People, &key(ANNA, &number.to_string()));
        }
        for entries in &cache.shelves {
            assert_eq!((entries.by_key.len(), entries.bytes), (0, 0));
        }
    }

    #[test]
    fn what_a_concern_touches_stays_but_does_not_hold() {
        let mut cache = Cache::default();
        keep(&mut cache, Shelf::Lessons, ANNA, "", b"");
        keep(&mut cache, Shelf::Lessons, BORIS, "", b"");
        cache.outdate(written_by(ANNA));
        assert!(!holds(&mut cache, Shelf::Lessons, ANNA, ""));
        assert!(holds(&mut cache, Shelf::Lessons, BORIS, ""));
        cache.outdate(Concern::Everything);
        assert!(!holds(&mut cache, Shelf::Lessons, BORIS, ""));
        keep(&mut cache, Shelf::Lessons, BORIS, "", b"read anew");
        assert!(holds(&mut cache, Shelf::Lessons, BORIS, ""));
    }

    #[test]
    fn an_answer_fetched_before_a_concern_does_not_hold_after_it() {
        let mut cache = Cache::default();
        let when = (cache.begin(), NOW);
        cache.outdate(written_by(ANNA));
        for (user, held) in [(ANNA, false), (BORIS, true)] {
            let answer = Bytes::from_static(b"old");
            cache.keep(Shelf::Lessons, key(user, ""), answer, about(user), when);
            assert_eq!(holds(&mut cache, Shelf::Lessons, user, ""), held);
        }
        // More came than is remembered: any of them may have been about it.
        for _ in 0..CONCERNS {
            cache.outdate(written_by(ANNA));
        }
        let answer = Bytes::from_static(b"old");
        cache.keep(Shelf::Lessons, key(BORIS, "2"), answer, about(BORIS), when);
        assert!(!holds(&mut cache, Shelf::Lessons, BORIS, "2"));
    }

    #[test]
    fn a_slow_fetch_does_not_replace_what_was_fetched_after_it_began() {
        let mut cache = Cache::default();
        let slow = (cache.begin(), NOW);
        cache.outdate(written_by(ANNA));
        keep(&mut cache, Shelf::Lessons, ANNA, "", b"new");
        let answer = Bytes::from_static(b"old");
        cache.keep(Shelf::Lessons, key(ANNA, ""), answer, about(ANNA), slow);
        let kept = cache.find(Shelf::Lessons, &key(ANNA, ""), NOW).unwrap();
        assert_eq!((kept.message.as_ref(), kept.fresh), (&b"new"[..], true));
    }

    #[test]
    fn what_is_read_while_a_write_may_still_be_done_does_not_hold_after_it() {
        let mut cache = Cache::default();
        cache.outdate_twice(written_by(ANNA), NOW);
        for user in [ANNA, BORIS] {
            keep(&mut cache, Shelf::Lessons, user, "", b"of before");
        }
        let mut holds_at = |user, at| {
            let kept = cache.find(Shelf::Lessons, &key(user, ""), at);
            kept.unwrap().fresh
        };
        assert!(holds_at(ANNA, NOW + LATE - SignedDuration::from_nanos(1)));
        assert!(!holds_at(ANNA, NOW + LATE));
        assert!(holds_at(BORIS, NOW + LATE));
    }

    #[test]
    fn of_too_many_late_writes_any_may_concern_anything() {
        let mut cache = Cache::default();
        keep(&mut cache, Shelf::Lessons, BORIS, "", b"");
        for _ in 0..=LATE_WRITES {
            cache.outdate_twice(written_by(ANNA), NOW);
        }
        assert_eq!(cache.late.len(), 1);
        assert!(holds(&mut cache, Shelf::Lessons, BORIS, ""));
        let later = cache.find(Shelf::Lessons, &key(BORIS, ""), NOW + LATE);
        assert!(!later.unwrap().fresh);
    }
}
