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
    pacer.owned(true, SECOND);
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
fn an_owner_that_leaves_waits_until_half_of_the_limit_is_free() {
    let mut pacer = pacer();
    for chat in 1..=16 {
        let target = Target::Message(chat);
        pacer
            .enqueue(Lane::Reminder, target, Duration::ZERO, 0, Duration::ZERO)
            .unwrap();
    }
    assert_eq!(pacer.handed_over_at(Duration::ZERO), Some(Duration::ZERO));
    let mut keys = Vec::new();
    while let Some((key, _)) = started(&mut pacer, Duration::ZERO) {
        keys.push(key);
    }
    assert_eq!(pacer.handed_over_at(MS), None, "an answer must tell");
    pacer.answered(keys[0], 2 * MS);
    assert_eq!(pacer.handed_over_at(3 * MS), Some(2 * MS + SECOND));
    pacer.unused(keys[1], 3 * MS);
    assert_eq!(pacer.handed_over_at(3 * MS), Some(3 * MS));
}
