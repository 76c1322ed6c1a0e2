//! One token, more than one holder.

use super::*;

#[test]
fn after_a_takeover_known_groups_are_silent_too_and_five_a_second_are_left() {
    let mut pacer = pacer();
    let group = Target::Message(-1);
    for item in [1, 2] {
        pacer
            .enqueue(Lane::Reminder, group, Duration::ZERO, item, Duration::ZERO)
            .unwrap();
    }
    let (key, _) = started(&mut pacer, Duration::ZERO).unwrap();
    pacer.answered(key, Duration::ZERO);
    pacer.owned(2, Former::SILENT, SECOND);
    assert_eq!(pacer.next(SECOND), Next::Wait(61 * SECOND));
    for chat in 1..=40 {
        pacer
            .enqueue(Lane::Broadcast, Target::Message(chat), SECOND, 0, SECOND)
            .unwrap();
    }
    assert_eq!(pacer.next(SECOND), Next::Wait(2 * SECOND), "silence");
    let keys = starts_until(&mut pacer, 2 * SECOND, 3 * SECOND);
    assert_eq!(keys.len(), 25);
}

#[test]
fn after_an_owner_that_said_nothing_of_it_a_second_is_waited_out() {
    let mut pacer = pacer();
    pacer.owned(3, Former::UNKNOWN, SECOND);
    for chat in [-1, 1] {
        let target = Target::Message(chat);
        pacer
            .enqueue(Lane::Reminder, target, SECOND, 0, SECOND)
            .unwrap();
    }
    let (at, key) = starts_at(&mut pacer, SECOND);
    assert_eq!((key.target, at), (Target::Message(1), 2 * SECOND));
    pacer.answered(key, at);
    let (at, key) = starts_at(&mut pacer, at);
    assert_eq!((key.target, at), (Target::Message(-1), 61 * SECOND));
}

#[test]
fn whoever_does_not_own_the_bot_sends_five_a_second() {
    let mut pacer = Pacer::new(Limits::default());
    for chat in 1..=40 {
        let target = Target::Message(chat);
        pacer
            .enqueue(
                Lane::Conversation,
                target,
                Duration::ZERO,
                0,
                Duration::ZERO,
            )
            .unwrap();
    }
    let keys = starts_until(&mut pacer, Duration::ZERO, SECOND);
    assert_eq!(keys.len(), 5);
    for key in keys {
        pacer.answered(key, SECOND);
    }
    assert_eq!(pacer.next(SECOND), Next::Wait(2 * SECOND));
    // Ours: the rest of the limit is there at once.
    pacer.owned_until(9 * SECOND);
    let now = SECOND + MS;
    assert_eq!(starts_until(&mut pacer, now, 2 * SECOND).len(), 25);
}

#[test]
fn who_follows_an_heir_keeps_five_free_and_waits_out_what_the_heir_had_left_to_wait() {
    const GROUP: i64 = -5;
    let mut heir = pacer();
    heir.owned(2, Former::SILENT, SECOND);
    heir.freeze_bot(3 * SECOND);
    let left = heir.spent(SECOND + 500 * MS).later(100 * MS);
    assert_eq!(
        (left.free_in, left.groups_free_in),
        (1_400 * MS, 59_400 * MS)
    );

    let mut next = pacer();
    let now = 9 * SECOND;
    next.inherit(&left, now);
    next.owned(2, Former::HEIR, now);
    for chat in (1..=40).chain([GROUP]) {
        next.enqueue(Lane::Reminder, Target::Message(chat), now, 0, now)
            .unwrap();
    }
    let free = now + left.free_in;
    assert_eq!(next.next(now), Next::Wait(free));
    let keys = starts_until(&mut next, free, free + SECOND);
    assert_eq!(keys.len(), 25);
    for key in keys {
        next.answered(key, free);
    }
    for key in starts_until(&mut next, free + SECOND, free + 2 * SECOND) {
        next.answered(key, free + SECOND);
    }
    let (at, key) = starts_at(&mut next, free + 2 * SECOND);
    assert_eq!(
        (key.target, at),
        (Target::Message(GROUP), now + left.groups_free_in)
    );
}

#[test]
fn who_follows_an_heir_that_waited_it_out_waits_no_more() {
    let mut heir = pacer();
    heir.owned(2, Former::SILENT, SECOND);
    send(&mut heir, 1..=5, 2 * SECOND);
    let mut next = pacer();
    let now = 9 * SECOND;
    next.inherit(&heir.spent(2 * SECOND + 101 * MS), now);
    next.owned(2, Former::HEIR, now);
    for chat in 101..=140 {
        next.enqueue(Lane::Reminder, Target::Message(chat), now, 0, now)
            .unwrap();
    }
    assert_eq!(starts_until(&mut next, now, now + 850 * MS).len(), 20);
}

/// A message to each chat that may go at once, answered a millisecond later.
fn send(pacer: &mut Pacer<u32>, chats: impl Iterator<Item = i64>, now: At) {
    for chat in chats {
        pacer
            .enqueue(Lane::Reminder, Target::Message(chat), now, 0, now)
            .unwrap();
        let (key, _) = started(pacer, now).unwrap();
        pacer.answered(key, now + MS);
    }
}

#[test]
fn two_owners_in_order_keep_the_limit_as_if_they_were_one() {
    let mut first = pacer();
    send(&mut first, 1..=18, SECOND);
    let spent = first.spent(SECOND + 101 * MS).later(50 * MS);
    assert_eq!(spent.answered, [150 * MS; 18]);

    // Its clock began at another time.
    let mut second = pacer();
    let now = 9 * SECOND;
    second.inherit(&spent, now);
    second.owned(2, Former::TOLD, now);
    for chat in 101..=140 {
        second
            .enqueue(Lane::Reminder, Target::Message(chat), now, 0, now)
            .unwrap();
    }
    let until = now + 850 * MS;
    assert_eq!(starts_until(&mut second, now, until).len(), 12);
    assert!(started(&mut second, until).is_some());
}

#[test]
fn a_chat_and_a_group_are_as_free_as_the_owner_before_left_them() {
    const GROUP: i64 = -5;
    let mut first = pacer();
    let each = SECOND + MS;
    for turn in 0..20 {
        send(&mut first, [GROUP].into_iter(), turn * each);
    }
    let ended = 20 * each;
    send(&mut first, [7].into_iter(), ended);
    first.limited(8, ended + 40 * SECOND, ended);

    let mut second = pacer();
    let now = 100 * SECOND;
    second.inherit(&first.spent(ended + 500 * MS), now);
    second.owned(2, Former::TOLD, now);
    for chat in [7, 8, GROUP] {
        second
            .enqueue(Lane::Reminder, Target::Message(chat), now, 0, now)
            .unwrap();
    }
    // A second after its answer; a minute after the first of twenty; when the 429 is over.
    let free_in = [(7, 501 * MS), (GROUP, 39_481 * MS), (8, 39_500 * MS)];
    for (chat, free_in) in free_in {
        let (at, key) = starts_at(&mut second, now);
        assert_eq!((key.target, at), (Target::Message(chat), now + free_in));
        second.answered(key, at);
    }
}

#[test]
fn what_is_out_counts_as_answered_now() {
    let mut first = pacer();
    first
        .enqueue(Lane::Reminder, Target::Message(7), SECOND, 0, SECOND)
        .unwrap();
    started(&mut first, SECOND).unwrap();
    let chat = SpentChat {
        chat: 7,
        free_in: SECOND,
        answered: Vec::new(),
    };
    let spent = Spent {
        answered: vec![Duration::ZERO],
        chats: vec![chat],
        free_in: Duration::ZERO,
        groups_free_in: Duration::ZERO,
    };
    assert_eq!(first.spent(3 * SECOND), spent);
}
