//! What is taken when, by whom and how much.

use super::{frozen::MAX_FROZEN, *};

fn row(id: u128, lane: Lane, chat_id: i64, in_ms: i64) -> Upcoming {
    Upcoming {
        id: Uuid::from_u128(id),
        version: 1,
        user_id: Uuid::from_u128(chat_id.unsigned_abs().into()),
        lane: lane.number(),
        sender: 0,
        share: 100,
        chat_id,
        in_us: in_ms * 1000,
        due_us: in_ms * 1000,
        back: false,
    }
}

fn ids(taken: &[Candidate]) -> Vec<u128> {
    taken.iter().map(|row| row.id.as_u128()).collect()
}

fn attempt(id: u128) -> AttemptRef {
    AttemptRef {
        notification_id: Uuid::from_u128(id),
        attempt_no: 1,
    }
}

#[test]
fn nothing_is_taken_without_credit_and_no_more_than_it() {
    let now = Instant::now();
    let mut flow = Flow::default();
    let rows: Vec<_> = (1..=3).map(|id| row(id, Lane::Reminder, 1, -1)).collect();
    flow.load(&rows, now);
    assert!(flow.take(now, 10, now).is_empty());
    assert_eq!(flow.next_due(), None);
    flow.credit(Lane::Reminder, 1, Instant::now());
    assert_eq!(flow.take(now, 10, now).len(), 1);
    assert!(flow.take(now, 10, now).is_empty());
}

#[test]
fn earlier_lanes_go_first_and_in_a_lane_earlier_rows() {
    let now = Instant::now();
    let mut flow = Flow::default();
    for lane in Lane::ALL {
        flow.credit(lane, 10, Instant::now());
    }
    let rows = [
        row(1, Lane::Broadcast, 1, -50),
        row(2, Lane::Interactive, 2, -1),
        row(3, Lane::Interactive, 3, -9),
        row(4, Lane::Reminder, 4, 1000),
    ];
    flow.load(&rows, now);
    assert_eq!(ids(&flow.take(now, 10, now)), [3, 2, 1]);
    assert_eq!(flow.next_due(), Some(now + Duration::from_secs(1)));
}

#[test]
fn two_rows_of_a_chat_are_out_at_once_and_a_third_when_one_is_finished() {
    let now = Instant::now();
    let mut flow = Flow::default();
    flow.credit(Lane::Interactive, 10, Instant::now());
    let rows: Vec<_> = (1..=4)
        .map(|id| row(id, Lane::Interactive, if id < 4 { 7 } else { 8 }, -1))
        .collect();
    flow.load(&rows, now);
    let taken = flow.take(now, 10, now);
    assert_eq!(ids(&taken), [1, 2, 4]);
    for id in [1, 2, 4] {
        flow.began(attempt(id));
    }
    flow.finished(attempt(1));
    assert_eq!(ids(&flow.take(now, 10, now)), [3]);
}

#[test]
fn a_groups_next_row_takes_no_credit_while_the_group_rests() {
    let now = Instant::now();
    let mut flow = Flow::default();
    flow.credit(Lane::Broadcast, 10, now);
    let rows: Vec<_> = (1..=3).map(|id| row(id, Lane::Broadcast, -7, -1)).collect();
    flow.load(&rows, now);
    assert_eq!(ids(&flow.take(now, 10, now)), [1], "one at a time");
    flow.began(attempt(1));
    flow.sent(attempt(1), now);
    assert!(flow.take(now, 10, now).is_empty());
    let rested = flow.next_due().unwrap();
    assert!(rested > now && rested < now + Duration::from_secs(1));
    assert_eq!(ids(&flow.take(rested, 10, rested)), [2]);
}

#[test]
fn a_row_that_was_not_begun_gives_its_place_back() {
    let now = Instant::now();
    let mut flow = Flow::default();
    flow.credit(Lane::Interactive, 1, Instant::now());
    flow.load(&[row(1, Lane::Interactive, 7, -1)], now);
    let taken = flow.take(now, 10, now);
    flow.not_begun(taken[0]);
    assert!(flow.is_idle());
    flow.load(&[row(2, Lane::Interactive, 7, -1)], now);
    assert_eq!(ids(&flow.take(now, 10, now)), [2]);
}

#[test]
fn what_is_out_is_not_loaded_again_and_what_was_late_is_counted_once() {
    let now = Instant::now();
    let mut flow = Flow::default();
    flow.credit(Lane::Interactive, 1, Instant::now());
    let rows = [
        row(1, Lane::Interactive, 7, -1),
        row(2, Lane::Interactive, 8, -1),
    ];
    assert_eq!(flow.load(&rows, now).missed, 2);
    assert_eq!(ids(&flow.take(now, 10, now)), [1]);
    assert_eq!(flow.load(&rows, now).missed, 0);
    flow.began(attempt(1));
    assert_eq!(flow.out(), HashSet::from([attempt(1)]));
    assert_eq!(flow.load(&rows, now).missed, 0);
    flow.credit(Lane::Interactive, 2, Instant::now());
    assert_eq!(ids(&flow.take(now, 10, now)), [2]);
}

#[test]
fn a_result_of_an_older_attempt_does_not_free_the_chat() {
    let now = Instant::now();
    let mut flow = Flow::default();
    flow.credit(Lane::Interactive, 1, Instant::now());
    flow.load(&[row(1, Lane::Interactive, 7, -1)], now);
    flow.take(now, 10, now);
    flow.began(AttemptRef {
        attempt_no: 2,
        ..attempt(1)
    });
    flow.finished(attempt(1));
    assert!(!flow.is_idle());
    flow.forget_silent(Duration::ZERO, now + Duration::from_millis(1));
    assert!(flow.is_idle());
}

#[test]
fn a_frozen_chat_waits_and_holds_up_no_other_and_a_frozen_bot_everything() {
    let now = Instant::now();
    let mut flow = Flow::default();
    flow.credit(Lane::Interactive, 10, Instant::now());
    let rows = [
        row(1, Lane::Interactive, 7, -5),
        row(2, Lane::Interactive, 8, -1),
        row(3, Lane::Interactive, 9, -1),
    ];
    flow.load(&rows, now);
    let thawed = now + Duration::from_secs(3);
    flow.freeze(7, thawed, now);
    assert_eq!(ids(&flow.take(now, 1, now)), [2]);
    let later = now + Duration::from_secs(9);
    flow.freeze(0, later, now);
    assert!(flow.take(now, 10, now).is_empty());
    assert_eq!(flow.next_due(), Some(later));
    // A shorter word does not undo a longer one.
    flow.freeze(0, thawed, now);
    assert!(flow.take(thawed, 10, now).is_empty());
    assert_eq!(ids(&flow.take(later, 10, now)), [1, 3]);
}

#[test]
fn chats_are_forgotten_when_their_freeze_is_over_and_never_too_many_are_kept() {
    let now = Instant::now();
    let mut flow = Flow::default();
    let soon = now + Duration::from_secs(1);
    for chat in 1..=20_000 {
        flow.freeze(chat, soon, now);
    }
    assert_eq!(flow.frozen.chats.len(), MAX_FROZEN);
    flow.freeze(-1, soon + Duration::from_secs(1), soon);
    assert_eq!(flow.frozen.chats.len(), 1);
    flow.load(&[], soon + Duration::from_secs(1));
    assert_eq!(flow.frozen.chats.len(), 0);
}

fn broadcast(id: u128, sender: i64, chat_id: i64) -> Upcoming {
    Upcoming {
        sender,
        ..row(
            id,
            Lane::Broadcast,
            chat_id,
            -1_000 + i64::try_from(id).unwrap(),
        )
    }
}

#[test]
fn the_few_broadcasts_of_one_sender_do_not_wait_for_the_many_of_another() {
    let now = Instant::now();
    let mut flow = Flow::default();
    let chat = |id: u128| i64::try_from(id).unwrap();
    let many: Vec<_> = (1..=40).map(|id| broadcast(id, 1, chat(id))).collect();
    flow.load(&many, now);
    flow.credit(Lane::Broadcast, 10, now);
    assert_eq!(flow.take(now, 100, now).len(), 10);
    // Another one comes; credit comes one by one, and each time what waits is read anew.
    let few: Vec<_> = (101..=103).map(|id| broadcast(id, 2, chat(id))).collect();
    let mut left: Vec<_> = many[10..].iter().chain(&few).copied().collect();
    let mut order = Vec::new();
    for cumulative in 11..=20 {
        flow.load(&left, now);
        flow.credit(Lane::Broadcast, cumulative, now);
        let taken = ids(&flow.take(now, 1, now));
        left.retain(|row| row.id.as_u128() != taken[0]);
        order.extend(taken);
    }
    let places: Vec<_> = (101..=103)
        .map(|id| order.iter().position(|taken| *taken == id).unwrap())
        .collect();
    assert!(places[2] < 7, "they waited too long: {order:?}");
    assert_eq!(order.iter().filter(|id| **id <= 40).count(), 7);
}

#[test]
fn who_fills_a_read_with_one_chat_is_read_apart_until_the_chat_has_few() {
    let now = Instant::now();
    let mut flow = Flow::default();
    let of_chat = |chat, rows: std::ops::Range<u128>, share| -> Vec<_> {
        rows.map(|id| Upcoming {
            share,
            ..row(id, Lane::Reminder, chat, -5)
        })
        .collect()
    };
    let user = Uuid::from_u128(7);
    let crowded = Crowded(vec![(Lane::Reminder, user)]);
    // As many as fit were read: others may be hidden.
    let mut rows = of_chat(7, 0..98, 100);
    rows.extend(of_chat(8, 200..202, 100));
    assert_eq!(flow.load(&rows, now).crowded, crowded);
    // Fewer than fit: nobody is.
    assert_eq!(flow.load(&rows[..99], now).crowded, Crowded::default());
    // Read apart, as long as it fills its own share.
    let mut rows = of_chat(7, 0..10, 0);
    rows.extend(of_chat(8, 200..202, 100));
    assert_eq!(flow.load(&rows, now).crowded, crowded);
    assert_eq!(flow.load(&rows[1..], now).crowded, Crowded::default());
}

#[test]
fn more_is_wanted_when_half_of_a_full_read_is_taken() {
    let now = Instant::now();
    let mut flow = Flow::default();
    flow.credit(Lane::Reminder, 100, now);
    let rows: Vec<_> = (1..=100)
        .map(|id| row(id, Lane::Reminder, i64::try_from(id).unwrap(), -1))
        .collect();
    flow.load(&rows[..99], now);
    flow.take(now, 99, now);
    assert!(!flow.wants_more(), "there is no more");
    let mut flow = Flow::default();
    flow.credit(Lane::Reminder, 100, now);
    flow.load(&rows, now);
    flow.take(now, 49, now);
    assert!(!flow.wants_more());
    flow.take(now, 1, now);
    assert!(flow.wants_more());
}

#[test]
fn what_waits_only_for_credit_is_timed() {
    let now = Instant::now();
    let later = now + Duration::from_secs(2);
    let mut flow = Flow::default();
    flow.load(&[row(1, Lane::Reminder, 7, -1)], now);
    flow.take(now, 10, now);
    flow.take(later, 10, later);
    let starved = flow.credit(Lane::Reminder, 1, later);
    assert_eq!(starved, Duration::from_secs(2));
    assert_eq!(flow.credit(Lane::Reminder, 2, later), Duration::ZERO);
}

#[test]
fn what_did_not_fit_into_a_read_was_not_missed() {
    let now = Instant::now();
    let mut flow = Flow::default();
    let rows: Vec<_> = (1..=150)
        .map(|id| row(id, Lane::Reminder, i64::try_from(id).unwrap(), -1))
        .collect();
    flow.load(&rows[..100], now);
    assert_eq!(flow.load(&rows[50..], now).missed, 0);
    flow.load(&rows[..50], now);
    assert_eq!(flow.load(&rows[..60], now).missed, 10);
}

#[test]
fn what_people_wait_for_is_added_to_what_waits_and_known_rows_are_replaced() {
    let now = Instant::now();
    let mut flow = Flow::default();
    for lane in Lane::ALL {
        flow.credit(lane, 10, now);
    }
    flow.load(
        &[
            row(1, Lane::Interactive, 1, 5_000),
            row(2, Lane::Interactive, 2, -1),
            row(3, Lane::Reminder, 3, -1),
        ],
        now,
    );
    assert_eq!(ids(&flow.take(now, 1, now)), [2]);
    // Read before the second one was taken; the first one was brought forward.
    let sooner = Upcoming {
        version: 2,
        ..row(1, Lane::Interactive, 1, -2)
    };
    let added = [
        sooner,
        row(2, Lane::Interactive, 2, -1),
        row(4, Lane::Interactive, 4, -1),
    ];
    flow.add(&added, now);
    let taken = flow.take(now, 10, now);
    assert_eq!(ids(&taken), [1, 4, 3]);
    assert_eq!(taken[0].version, 2);
    assert_eq!(flow.next_due(), None, "the first one waits no second time");
}

/// What a row of the flow was told to wait, and its next version.
fn back(id: u128, wait: Duration) -> Back {
    Back {
        attempt: attempt(id),
        version: 3,
        wait,
    }
}

/// A flow with credit, in which two rows of chat 7 are out and a third one waits.
fn with_two_out(now: Instant) -> Flow {
    let mut flow = Flow::default();
    for lane in Lane::ALL {
        flow.credit(lane, 100, now);
    }
    let rows =
        [(30, -30), (20, -20), (10, -10)].map(|(id, in_ms)| row(id, Lane::Reminder, 7, in_ms));
    flow.load(&rows, now);
    assert_eq!(ids(&flow.take(now, 10, now)), [30, 20]);
    flow.began(attempt(30));
    flow.began(attempt(20));
    flow
}

#[test]
fn rows_that_come_back_go_one_by_one_before_what_fell_due_after_them() {
    let now = Instant::now();
    let mut flow = with_two_out(now);
    let second = Duration::from_secs(1);
    // The one behind comes back first, and is to be tried first: what becomes of the one
    // before it may be on its way.
    flow.came_back(back(20, second), now);
    assert!(flow.take(now + second, 10, now).is_empty());
    assert_eq!(flow.next_due(), None);
    flow.came_back(back(30, second * 2), now);
    assert!(flow.take(now + second, 10, now).is_empty());
    assert_eq!(flow.next_due(), Some(now + second * 2));
    let later = now + second * 2;
    for id in [30, 20] {
        let taken = flow.take(later, 10, later);
        assert_eq!(ids(&taken), [id]);
        assert_eq!(taken[0].version, 3);
        assert_eq!(
            flow.next_due(),
            None,
            "the next one waits for what comes of it"
        );
        flow.began(attempt(id));
        flow.sent(attempt(id), later);
    }
    assert_eq!(ids(&flow.take(later, 10, later)), [10]);
    assert_eq!(flow.order.len(), 0);
}

#[test]
fn what_came_back_is_kept_wherever_a_read_ends_and_what_was_read_before_it_did_is_passed_over() {
    let now = Instant::now();
    let mut flow = with_two_out(now);
    flow.sent(attempt(20), now);
    flow.came_back(back(30, Duration::from_secs(9)), now);
    let third = row(10, Lane::Reminder, 7, -10);
    flow.load(&[third], now);
    assert!(
        flow.take(now, 10, now).is_empty(),
        "it waits for the first one"
    );
    // Read when the first one was still to be begun.
    flow.load(&[row(30, Lane::Reminder, 7, -30), third], now);
    assert!(flow.take(now, 10, now).is_empty());
    // Read after somebody had brought it forward.
    let sooner = Upcoming {
        version: 4,
        ..row(30, Lane::Reminder, 7, -30)
    };
    flow.load(&[sooner, third], now);
    let taken = flow.take(now, 10, now);
    assert_eq!(ids(&taken), [30]);
    assert_eq!(taken[0].version, 4);
    // It was cancelled: nothing is to wait for.
    flow.not_begun(taken[0]);
    assert_eq!(ids(&flow.take(now, 10, now)), [10]);
}

#[test]
fn what_came_back_holds_up_no_other_chat_sender_or_lane_and_nobody_for_more_than_a_minute() {
    let now = Instant::now();
    let mut flow = with_two_out(now);
    flow.came_back(back(30, Duration::from_mins(1)), now);
    let others = [
        row(1, Lane::Reminder, 8, -5),
        row(2, Lane::Interactive, 7, -4),
        Upcoming {
            sender: 5,
            ..row(3, Lane::Reminder, 9, -3)
        },
        // Due before it, and known only now.
        row(4, Lane::Reminder, 7, -40),
    ];
    flow.load(&others, now);
    flow.sent(attempt(20), now);
    assert_eq!(ids(&flow.take(now, 10, now)), [2, 4, 1, 3]);
    let mut flow = with_two_out(now);
    flow.came_back(back(30, Duration::from_secs(61)), now);
    assert_eq!(ids(&flow.take(now, 10, now)), [10]);
}

#[test]
fn a_dispatcher_that_never_saw_it_out_keeps_the_place_of_what_came_back() {
    let now = Instant::now();
    let mut flow = Flow::default();
    flow.credit(Lane::Reminder, 10, now);
    let first = Upcoming {
        due_us: -90_000,
        back: true,
        ..row(1, Lane::Reminder, 7, 700)
    };
    flow.load(&[first, row(2, Lane::Reminder, 7, -10)], now);
    assert!(flow.take(now, 10, now).is_empty());
    let later = flow.next_due().unwrap();
    assert_eq!(later, now + Duration::from_millis(700));
    assert_eq!(ids(&flow.take(later, 10, later)), [1]);
    flow.forget_silent(Duration::ZERO, later + Duration::from_millis(1));
    assert_eq!(ids(&flow.take(later, 10, later)), [2]);
}

#[test]
fn a_row_that_comes_back_ahead_of_its_instant_is_begun_no_earlier_for_it() {
    let now = Instant::now();
    let mut flow = Flow::default();
    flow.credit(Lane::Reminder, 10, now);
    flow.load(&[row(1, Lane::Reminder, 7, 900)], now);
    let due = now + Duration::from_millis(900);
    assert_eq!(ids(&flow.take(due, 10, now)), [1]);
    flow.began(attempt(1));
    flow.came_back(back(1, Duration::ZERO), now);
    assert_eq!(flow.next_due(), Some(due));
}

#[test]
fn who_only_waits_for_what_came_back_is_read_apart_when_a_read_is_full() {
    let now = Instant::now();
    let mut flow = Flow::default();
    let first = Upcoming {
        back: true,
        ..row(1, Lane::Reminder, 7, 900)
    };
    let behind = |share| Upcoming {
        share,
        due_us: 950_000,
        ..row(2, Lane::Reminder, 7, -5)
    };
    let other = row(3, Lane::Reminder, 8, -5);
    let crowded = Crowded(vec![(Lane::Reminder, Uuid::from_u128(7))]);
    let all = flow.load(&[first, behind(100), other], now);
    assert_eq!(all.crowded, Crowded::default());
    let full = [first, behind(100), other].map(|row| Upcoming { share: 3, ..row });
    assert_eq!(flow.load(&full, now).crowded, crowded);
    // As long as it waits.
    assert_eq!(flow.load(&[behind(0), other], now).crowded, crowded);
}
