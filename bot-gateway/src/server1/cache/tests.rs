use super::{super::concern::End, *};

const ANNA: Uuid = Uuid::from_u128(1);
const BORIS: Uuid = Uuid::from_u128(2);
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn key(user: Uuid, request: &str) -> Key {
    Key {
        path: "/a/B".into(),
        user: Some(user),
        request: Bytes::copy_from_slice(request.as_bytes()),
    }
}

fn about(owner: Uuid) -> About {
    About::new(Some(owner), &[])
}

fn keep(cache: &mut Cache, place: Shelf, user: Uuid, request: &str, message: &'static [u8]) {
    let when = (cache.begin(), NOW);
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
        path: "/a/C".into(),
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
fn of_a_thousand_people_the_schedules_and_lessons_are_kept() {
    // A week with a time each half an hour of the day, and a list of lessons.
    static WEEK: [u8; 5_000] = [0; 5_000];
    static LIST: [u8; 3_000] = [0; 3_000];
    let mut cache = Cache::default();
    let people = || (0..1_000).map(Uuid::from_u128);
    for person in people() {
        keep(&mut cache, Shelf::People, person, "", b"who they are");
        keep(&mut cache, Shelf::Schedules, person, "teachers", b"a few");
        for week in ["this", "next"] {
            keep(&mut cache, Shelf::Schedules, person, week, &WEEK);
        }
        keep(&mut cache, Shelf::Lessons, person, "lessons", &LIST);
        keep(&mut cache, Shelf::Lessons, person, "groups", b"");
    }
    for person in people() {
        assert!(has(&mut cache, Shelf::People, person, ""));
        for request in ["teachers", "this", "next"] {
            assert!(has(&mut cache, Shelf::Schedules, person, request));
        }
        for request in ["lessons", "groups"] {
            assert!(has(&mut cache, Shelf::Lessons, person, request));
        }
    }
}

#[test]
fn what_is_kept_holds_no_buffer_that_it_came_in() {
    let buffer = Bytes::from(vec![7; 8 * 1024]);
    let part = || buffer.slice(..4);
    let mut cache = Cache::default();
    let key = Key {
        request: part(),
        ..key(ANNA, "")
    };
    let when = (cache.begin(), NOW);
    cache.keep(Shelf::Lessons, key.clone(), &part(), about(ANNA), when);
    assert_eq!(
        cache.find(Shelf::Lessons, &key, NOW).unwrap().message,
        part()
    );
    drop(key);
    assert!(buffer.is_unique(), "nothing else has a part of it");
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
    assert!((8..=17).contains(&kept), "{kept} of 4 MiB");
    keep(&mut cache, Shelf::People, ANNA, "39", b"shorter");
    keep(&mut cache, Shelf::People, ANNA, "large", &TOO_LARGE);
    assert!(!has(&mut cache, Shelf::People, ANNA, "large"));
    for number in 0..40 {
        cache.forget(Shelf::People, &key(ANNA, &number.to_string()));
    }
    for entries in &cache.shelves {
        assert_eq!((entries.by_key.len(), entries.bytes), (0, 0));
        assert!(entries.by_use.is_empty());
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
        cache.keep(Shelf::Lessons, key(user, ""), b"old", about(user), when);
        assert_eq!(holds(&mut cache, Shelf::Lessons, user, ""), held);
    }
    // More came than is remembered: any of them may have been about it.
    for _ in 0..CONCERNS {
        cache.outdate(written_by(ANNA));
    }
    cache.keep(Shelf::Lessons, key(BORIS, "2"), b"old", about(BORIS), when);
    assert!(!holds(&mut cache, Shelf::Lessons, BORIS, "2"));
}

#[test]
fn a_slow_fetch_does_not_replace_what_was_fetched_after_it_began() {
    let mut cache = Cache::default();
    let slow = (cache.begin(), NOW);
    cache.outdate(written_by(ANNA));
    keep(&mut cache, Shelf::Lessons, ANNA, "", b"new");
    cache.keep(Shelf::Lessons, key(ANNA, ""), b"old", about(ANNA), slow);
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
