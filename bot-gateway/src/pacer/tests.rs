use std::{cmp::Reverse, collections::BinaryHeap};

use proptest::{prelude::*, test_runner::TestCaseError};

use super::*;

mod rooms;
mod shares;
mod tight;

const MS: Duration = Duration::from_millis(1);

/// A pacer whose bot is ours.
fn owning<T>(limits: Limits) -> Pacer<T> {
    let mut pacer = Pacer::new(limits);
    pacer.owned_until(Duration::MAX);
    pacer
}

fn pacer() -> Pacer<u32> {
    owning(Limits::default())
}

fn started(pacer: &mut Pacer<u32>, now: At) -> Option<(Key, u32)> {
    match pacer.next(now) {
        Next::Start(key, item) => Some((key, item)),
        Next::Wait(_) | Next::Idle => None,
    }
}

/// When the next row starts, with nothing else happening.
fn starts_at(pacer: &mut Pacer<u32>, mut now: At) -> (At, Key) {
    loop {
        match pacer.next(now) {
            Next::Start(key, _) => return (now, key),
            Next::Wait(at) => now = at,
            Next::Idle => panic!("a row waits"),
        }
    }
}

/// Starts all that may start before `until`.
fn starts_until(pacer: &mut Pacer<u32>, mut now: At, until: At) -> Vec<Key> {
    let mut keys = Vec::new();
    while now < until {
        match pacer.next(now) {
            Next::Start(key, _) => keys.push(key),
            Next::Wait(at) => now = at,
            Next::Idle => break,
        }
    }
    keys
}

#[test]
fn the_thirty_first_waits_a_second_after_the_first_answer() {
    let mut pacer = pacer();
    for chat in 1..=31 {
        pacer
            .enqueue(
                Lane::Reminder,
                Target::Message(chat),
                Duration::ZERO,
                0,
                Duration::ZERO,
            )
            .unwrap();
    }
    let keys = starts_until(&mut pacer, Duration::ZERO, 5 * SECOND);
    assert_eq!(keys.len(), 30);
    assert_eq!(
        pacer.next(5 * SECOND),
        Next::Idle,
        "all are in flight: only an answer helps"
    );
    pacer.answered(keys[7], 5 * SECOND);
    assert_eq!(pacer.next(5 * SECOND), Next::Wait(6 * SECOND));
    assert!(started(&mut pacer, 6 * SECOND).is_some());
}

#[test]
fn a_chat_that_must_wait_blocks_no_other() {
    let mut pacer = pacer();
    for (chat, item) in [(1, 10), (1, 11), (2, 20)] {
        pacer
            .enqueue(
                Lane::Interactive,
                Target::Message(chat),
                Duration::ZERO,
                item,
                Duration::ZERO,
            )
            .unwrap();
    }
    let (first, item) = started(&mut pacer, Duration::ZERO).unwrap();
    assert_eq!(item, 10);
    assert_eq!(started(&mut pacer, Duration::ZERO).unwrap().1, 20);
    assert_eq!(
        started(&mut pacer, 9 * SECOND),
        None,
        "one in flight per chat"
    );
    pacer.answered(first, 9 * SECOND);
    assert_eq!(pacer.next(9 * SECOND), Next::Wait(10 * SECOND));
    assert_eq!(started(&mut pacer, 10 * SECOND).unwrap().1, 11);
}

#[test]
fn a_group_gets_twenty_a_minute() {
    let mut pacer = pacer();
    let mut now = Duration::ZERO;
    for item in 0..21 {
        pacer
            .enqueue(Lane::Broadcast, Target::Message(-5), now, item, now)
            .unwrap();
    }
    let mut first_answer = None;
    for _ in 0..20 {
        let (key, _) = started(&mut pacer, now).unwrap();
        pacer.answered(key, now);
        first_answer.get_or_insert(now);
        now += SECOND;
    }
    assert_eq!(pacer.next(now), Next::Wait(first_answer.unwrap() + MINUTE));
}

#[test]
fn a_row_does_not_start_before_its_instant() {
    let mut pacer = pacer();
    pacer
        .enqueue(
            Lane::Reminder,
            Target::Message(1),
            40 * MS,
            1,
            Duration::ZERO,
        )
        .unwrap();
    assert_eq!(pacer.next(39 * MS), Next::Wait(40 * MS));
    assert_eq!(started(&mut pacer, 40 * MS).unwrap().1, 1);
}

#[test]
fn an_urgent_notice_lifts_the_slow_one_before_it_but_does_not_overtake_it() {
    let mut pacer = pacer();
    pacer
        .enqueue(
            Lane::Broadcast,
            Target::Message(1),
            Duration::ZERO,
            1,
            Duration::ZERO,
        )
        .unwrap();
    pacer
        .enqueue(
            Lane::Reminder,
            Target::Message(2),
            Duration::ZERO,
            2,
            Duration::ZERO,
        )
        .unwrap();
    pacer
        .enqueue(
            Lane::Interactive,
            Target::Message(1),
            Duration::ZERO,
            3,
            Duration::ZERO,
        )
        .unwrap();
    assert_eq!(started(&mut pacer, Duration::ZERO).unwrap().1, 1);
    assert_eq!(started(&mut pacer, Duration::ZERO).unwrap().1, 2);
}

#[test]
fn freezes_hold_a_chat_or_everything() {
    let mut pacer = pacer();
    pacer
        .enqueue(
            Lane::Conversation,
            Target::Message(1),
            Duration::ZERO,
            1,
            Duration::ZERO,
        )
        .unwrap();
    pacer
        .enqueue(
            Lane::Conversation,
            Target::Message(2),
            Duration::ZERO,
            2,
            Duration::ZERO,
        )
        .unwrap();
    pacer.limited(1, 3 * SECOND, Duration::ZERO);
    assert_eq!(started(&mut pacer, Duration::ZERO).unwrap().1, 2);
    pacer.freeze_bot(4 * SECOND);
    assert_eq!(pacer.next(3 * SECOND), Next::Wait(4 * SECOND));
    assert_eq!(started(&mut pacer, 4 * SECOND).unwrap().1, 1);
}

#[test]
fn what_was_not_written_gives_its_slot_back() {
    let mut pacer = pacer();
    pacer
        .enqueue(
            Lane::Reminder,
            Target::Message(1),
            Duration::ZERO,
            1,
            Duration::ZERO,
        )
        .unwrap();
    pacer
        .enqueue(
            Lane::Reminder,
            Target::Message(1),
            Duration::ZERO,
            2,
            Duration::ZERO,
        )
        .unwrap();
    let (key, _) = started(&mut pacer, Duration::ZERO).unwrap();
    pacer.unused(key, Duration::ZERO);
    assert_eq!(started(&mut pacer, Duration::ZERO).unwrap().1, 2);
}

#[test]
fn a_row_taken_back_never_starts_and_a_full_lane_refuses() {
    let mut pacer = owning(Limits {
        waiting_per_lane: 1,
        ..Limits::default()
    });
    let key = pacer
        .enqueue(
            Lane::Reminder,
            Target::Message(1),
            Duration::ZERO,
            1,
            Duration::ZERO,
        )
        .unwrap();
    let refused = pacer.enqueue(
        Lane::Reminder,
        Target::Message(2),
        Duration::ZERO,
        2,
        Duration::ZERO,
    );
    assert_eq!(refused, Err(Full));
    assert_eq!(pacer.remove(key, Duration::ZERO), Some(1));
    assert_eq!(pacer.remove(key, Duration::ZERO), None);
    assert_eq!(pacer.next(SECOND), Next::Idle);
    assert_eq!(pacer.waiting(Lane::Reminder), 0);
}

#[test]
fn after_a_dead_predecessor_it_is_silent_for_a_second_and_for_a_minute_in_groups() {
    let mut pacer = pacer();
    pacer.silence(SECOND);
    pacer
        .enqueue(
            Lane::Reminder,
            Target::Message(1),
            Duration::ZERO,
            1,
            SECOND,
        )
        .unwrap();
    pacer
        .enqueue(
            Lane::Reminder,
            Target::Message(-1),
            Duration::ZERO,
            2,
            SECOND,
        )
        .unwrap();
    assert_eq!(pacer.next(SECOND), Next::Wait(2 * SECOND));
    assert_eq!(started(&mut pacer, 2 * SECOND).unwrap().1, 1);
    assert_eq!(pacer.next(60 * SECOND), Next::Wait(61 * SECOND));
}

#[test]
fn an_edit_counts_for_the_token_and_not_for_its_chat() {
    let mut pacer = pacer();
    let edit = Target::Edit(-1);
    for _ in 0..31 {
        pacer
            .enqueue(Lane::Conversation, edit, Duration::ZERO, 1, Duration::ZERO)
            .unwrap();
        if let Some((key, _)) = started(&mut pacer, Duration::ZERO) {
            pacer.answered(key, Duration::ZERO);
        }
    }
    assert_eq!(pacer.waiting(Lane::Conversation), 1, "thirty of one chat");
    assert_eq!(pacer.next(Duration::ZERO), Next::Wait(SECOND));
    // A 429 holds both.
    pacer.limited(-1, 5 * SECOND, SECOND);
    assert_eq!(pacer.next(SECOND), Next::Wait(5 * SECOND));
}

#[test]
fn chats_are_forgotten_when_nothing_about_them_matters() {
    let mut pacer = pacer();
    for chat in [1, -1] {
        pacer
            .enqueue(
                Lane::Reminder,
                Target::Message(chat),
                Duration::ZERO,
                1,
                Duration::ZERO,
            )
            .unwrap();
        let (key, _) = started(&mut pacer, Duration::ZERO).unwrap();
        pacer.answered(key, Duration::ZERO);
    }
    assert_eq!(pacer.next(SECOND), Next::Wait(MINUTE));
    assert_eq!(pacer.chats.len(), 1);
    assert_eq!(pacer.next(MINUTE), Next::Idle);
    assert!(pacer.chats.is_empty());
}

/// A message to be sent: when it comes, where it goes, how long it takes until the server
/// counts it, and how long from then to the answer.
#[derive(Debug, Clone)]
struct Arrival {
    at: At,
    chat: i64,
    lane: Lane,
    out: Duration,
    back: Duration,
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let lane = prop::sample::select(vec![
        Lane::Conversation,
        Lane::Interactive,
        Lane::Reminder,
        Lane::Broadcast,
    ]);
    let latency = prop_oneof![8 => 0_u64..80, 2 => 0_u64..4_000];
    let arrival = (0_u64..6_000, -3_i64..60, lane, latency, 0.0_f64..=1.0);
    let arrival = arrival.prop_map(|(at, chat, lane, latency, counted)| Arrival {
        at: Duration::from_millis(at),
        chat: if chat == 0 { 60 } else { chat },
        lane,
        out: Duration::from_millis(latency).mul_f64(counted),
        back: Duration::from_millis(latency).mul_f64(1.0 - counted),
    });
    prop::collection::vec(arrival, 1..250)
}

/// Runs the arrivals through a pacer; answers when the server counted each.
fn simulate(arrivals: &[Arrival]) -> Vec<(At, i64)> {
    let mut pacer = owning(Limits::default());
    let mut counted = Vec::new();
    let mut answers = BinaryHeap::new();
    let mut next_arrival = 0;
    let mut wake = None;
    let mut sorted: Vec<_> = arrivals.iter().enumerate().collect();
    sorted.sort_by_key(|(_, arrival)| arrival.at);
    loop {
        let arrival = sorted.get(next_arrival).map(|(_, arrival)| arrival.at);
        let answer = answers.peek().map(|Reverse((at, _, _))| *at);
        let Some(now) = [arrival, answer, wake].into_iter().flatten().min() else {
            return counted;
        };
        while let Some((index, arrival)) = sorted.get(next_arrival).filter(|(_, a)| a.at <= now) {
            pacer
                .enqueue(
                    arrival.lane,
                    Target::Message(arrival.chat),
                    now,
                    *index,
                    now,
                )
                .unwrap();
            next_arrival += 1;
        }
        while answers.peek().is_some_and(|Reverse((at, _, _))| *at <= now) {
            let Reverse((_, key, _)) = answers.pop().unwrap();
            pacer.answered(key, now);
        }
        wake = loop {
            match pacer.next(now) {
                Next::Start(key, index) => {
                    let sent = &arrivals[index];
                    counted.push((now + sent.out, sent.chat));
                    answers.push(Reverse((now + sent.out + sent.back, key, index)));
                }
                Next::Wait(at) => break Some(at),
                Next::Idle => break None,
            }
        };
    }
}

/// True when some window of `length` (its end excluded) holds more than `limit`.
fn breaks(times: &mut [At], limit: usize, length: Duration) -> bool {
    times.sort();
    times
        .windows(limit + 1)
        .any(|window| window[limit] < window[0] + length)
}

fn check(arrivals: &[Arrival]) -> Result<(), TestCaseError> {
    let counted = simulate(arrivals);
    prop_assert_eq!(counted.len(), arrivals.len(), "every row starts in the end");
    let mut all: Vec<_> = counted.iter().map(|(at, _)| *at).collect();
    prop_assert!(!breaks(&mut all, 30, SECOND), "30 a second");
    for chat in arrivals.iter().map(|arrival| arrival.chat) {
        let of_chat = counted.iter().filter(|(_, to)| *to == chat);
        let mut times: Vec<_> = of_chat.map(|(at, _)| *at).collect();
        prop_assert!(!breaks(&mut times, 1, SECOND), "one a second to {}", chat);
        if chat < 0 {
            prop_assert!(!breaks(&mut times, 20, MINUTE), "20 a minute to {}", chat);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_latency_breaks_a_limit_as_the_server_counts_it(arrivals in arrivals()) {
        check(&arrivals)?;
    }
}
