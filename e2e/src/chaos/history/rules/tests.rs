//! Each rule finds what it is for, and nothing in a good history.

use telegram_sim::api::LimitKind;

use super::super::{Canceled, Owner, Row, Transition, marked};
use super::*;

const SECOND: i64 = 1_000_000;
const ID: Uuid = Uuid::from_u128(1);
const GATEWAY: Uuid = Uuid::from_u128(70);

/// One notification, begun at 10 s by the owner, in the chat at 10.1 s, sent.
fn good() -> History {
    let mut history = History::default();
    add(&mut history, 1, ID, 10 * SECOND);
    history.owners.push(Owner {
        gateway_id: GATEWAY,
        since_us: 0,
    });
    history
}

fn add(history: &mut History, number: u64, id: Uuid, due_us: i64) {
    let wanted = Wanted {
        id,
        chat_id: 5,
        client: "",
        hold: false,
        due_us,
        accepted_us: 9 * SECOND,
    };
    history.known.wanted.insert(number, wanted);
    let row = Row {
        chat_id: 5,
        state: "sent".to_owned(),
        resent: false,
    };
    history.rows.insert(id, row);
    history.attempts.push(attempt(id, 1, due_us));
    for (before, after, attempt_no) in [
        (None, "pending", 0),
        (Some("pending"), "sending", 1),
        (Some("sending"), "sent", 1),
    ] {
        history.transitions.push(Transition {
            id,
            before: before.map(str::to_owned),
            after: after.to_owned(),
            attempt_no,
        });
    }
    history.copies.push(copy(number, due_us + SECOND / 10));
}

fn attempt(id: Uuid, number: i32, begun_us: i64) -> Attempt {
    Attempt {
        id,
        number,
        gateway_id: GATEWAY,
        begun_us,
        outcome: Some("sent".to_owned()),
        ended_us: Some(begun_us + SECOND / 5),
    }
}

fn copy(number: u64, received_us: i64) -> Copy {
    Copy {
        seq: received_us.unsigned_abs(),
        text: marked(number),
        chat_id: 5,
        received_us,
        accepted: true,
        answer_hidden: false,
        refused: false,
        retry_after_us: None,
        violation: None,
    }
}

fn row(history: &mut History) -> &mut Row {
    history.rows.get_mut(&ID).unwrap()
}

/// Which invariants a changed history breaks.
fn broken(change: impl FnOnce(&mut History)) -> Vec<&'static str> {
    let mut history = good();
    change(&mut history);
    check(&history).iter().map(|it| it.invariant).collect()
}

/// Begun and sent once more, ten seconds later.
fn again(history: &mut History) {
    history.attempts.push(attempt(ID, 2, 20 * SECOND));
    history.copies.push(copy(1, 20 * SECOND + 1));
}

fn hidden(history: &mut History) {
    history.windows.push(Window {
        name: "it".to_owned(),
        from_us: 10 * SECOND,
        until_us: 12 * SECOND,
        hides_outcomes: true,
        delays_requests: false,
    });
}

#[test]
fn a_good_history_breaks_nothing() {
    assert_eq!(broken(|_| {}), [""; 0]);
}

#[test]
fn a_notification_that_nobody_knows_any_more_is_lost() {
    assert_eq!(broken(|it| it.rows.clear()), ["lost"]);
    let pending = |it: &mut History| {
        row(it).state = "pending".to_owned();
        it.copies.clear();
    };
    assert_eq!(broken(pending), ["lost"]);
}

#[test]
fn sent_and_in_the_ledger_go_together() {
    assert_eq!(broken(|it| it.copies.clear()), ["I1"]);
    for state in ["failed", "canceled", "expired", "uncertain"] {
        let broken = broken(|it| row(it).state = state.to_owned());
        assert_eq!(broken, ["I1"], "{state}");
    }
    assert_eq!(
        broken(|it| row(it).state = "unconfirmed".to_owned()),
        [""; 0]
    );
}

#[test]
fn a_second_copy_is_counted_and_had_its_reason() {
    assert_eq!(broken(again), ["I2"], "not counted");
    let counted = |it: &mut History| {
        again(it);
        row(it).resent = true;
    };
    assert_eq!(broken(counted), ["I2"], "no reason");
    let because_of_a_fault = |it: &mut History| {
        counted(it);
        hidden(it);
    };
    assert_eq!(broken(because_of_a_fault), [""; 0]);
    let because_of_telegram = |it: &mut History| {
        counted(it);
        it.copies[0].answer_hidden = true;
    };
    assert_eq!(broken(because_of_telegram), [""; 0]);
    let held = |it: &mut History| {
        because_of_a_fault(it);
        it.known.wanted.get_mut(&1).unwrap().hold = true;
    };
    assert_eq!(broken(held), ["I2"]);
    let third = |it: &mut History| {
        because_of_a_fault(it);
        it.attempts.push(attempt(ID, 3, 30 * SECOND));
        it.copies.push(copy(1, 30 * SECOND + 1));
    };
    assert_eq!(broken(third), ["I2"]);
}

#[test]
fn nothing_is_written_that_was_not_begun() {
    assert_eq!(broken(|it| it.attempts.clear()), ["I3"]);
    let early = |it: &mut History| it.copies[0].received_us = 9 * SECOND;
    assert_eq!(broken(early), ["I3"]);
    // A request that Telegram refused counts too.
    let twice = |it: &mut History| {
        it.copies.push(Copy {
            accepted: false,
            ..copy(1, 11 * SECOND)
        });
    };
    assert_eq!(broken(twice), ["I3", "I3"]);
}

#[test]
fn nothing_stale_is_written_and_nothing_by_who_does_not_own_the_bot() {
    let late = |it: &mut History| it.copies[0].received_us = 17 * SECOND;
    assert_eq!(broken(late), ["I3"]);
    let delayed = |it: &mut History| {
        late(it);
        hidden(it);
        it.windows[0].delays_requests = true;
    };
    assert_eq!(broken(delayed), [""; 0]);
    let taken_over = |it: &mut History| {
        it.copies[0].received_us = 14 * SECOND;
        it.owners.push(Owner {
            gateway_id: Uuid::from_u128(71),
            since_us: 12 * SECOND,
        });
    };
    assert_eq!(broken(taken_over), ["I3"]);
}

#[test]
fn limits_and_told_waits_are_kept() {
    let violation = Violation {
        limit: LimitKind::Group,
        early: false,
    };
    assert_eq!(
        broken(|it| it.copies[0].violation = Some(violation)),
        ["I4"]
    );
    let limited = |until: i64| {
        move |it: &mut History| {
            it.copies[0].accepted = false;
            it.copies[0].retry_after_us = Some(3 * SECOND);
            it.attempts.push(attempt(ID, 2, until));
            it.copies.push(copy(1, until));
        }
    };
    assert_eq!(broken(limited(12 * SECOND)), ["I4"]);
    assert_eq!(broken(limited(14 * SECOND)), [""; 0]);
}

#[test]
fn what_was_canceled_is_never_begun_again() {
    let canceled = |it: &mut History| {
        it.known.canceled.push(Canceled {
            id: ID,
            bound: true,
            answered_us: 9 * SECOND,
        });
        row(it).state = "canceled".to_owned();
        it.copies.clear();
    };
    assert_eq!(broken(canceled), ["I5"], "begun after the answer");
    let in_time = |it: &mut History| {
        canceled(it);
        it.attempts.clear();
    };
    assert_eq!(broken(in_time), [""; 0]);
    let sent = |it: &mut History| {
        in_time(it);
        row(it).state = "sent".to_owned();
    };
    assert_eq!(broken(sent), ["I1", "I5"]);
}

#[test]
fn a_chat_reads_in_the_order_things_fell_due() {
    let second = Uuid::from_u128(2);
    let in_order = |it: &mut History| add(it, 2, second, 14 * SECOND);
    assert_eq!(broken(in_order), [""; 0]);
    let swapped = |it: &mut History| {
        in_order(it);
        let first = it.copies.remove(0);
        it.copies.push(Copy {
            received_us: 15 * SECOND,
            seq: 15_000_000,
            ..first
        });
    };
    assert_eq!(broken(swapped), ["I6"]);
}

#[test]
fn what_came_back_uncounted_keeps_its_place_and_what_was_begun_before_that_was_known_may_pass() {
    let tried_again = |outcome: &'static str, known_us: i64| {
        move |it: &mut History| {
            add(it, 2, Uuid::from_u128(2), 14 * SECOND);
            it.attempts[0].outcome = Some(outcome.to_owned());
            it.attempts[0].ended_us = Some(known_us);
            it.attempts.push(attempt(ID, 2, 15 * SECOND));
            let first = it.copies.remove(0);
            it.copies.push(Copy {
                received_us: 15 * SECOND,
                seq: 15_000_000,
                ..first
            });
        }
    };
    for outcome in ["limited", "not_written", "moved"] {
        let known = broken(tried_again(outcome, 12 * SECOND));
        assert_eq!(known, ["I6"], "{outcome}");
        let unknown = broken(tried_again(outcome, 13 * SECOND + SECOND / 2));
        assert_eq!(unknown, [""; 0], "{outcome}");
    }
    for outcome in ["refused", "ambiguous"] {
        let lost_its_place = broken(tried_again(outcome, 12 * SECOND));
        assert_eq!(lost_its_place, [""; 0], "{outcome}");
    }
}

/// Not in the ledger, and ended so.
fn absent(state: &'static str) -> impl Fn(&mut History) {
    move |it| {
        it.copies.clear();
        row(it).state = state.to_owned();
    }
}

/// Cancelled too late.
fn stopped(it: &mut History) {
    it.known.canceled.push(Canceled {
        id: ID,
        bound: false,
        answered_us: 11 * SECOND,
    });
}

#[test]
fn what_failed_without_a_refusal_or_a_clients_wish_is_lost() {
    let failed = absent("failed");
    assert_eq!(broken(&failed), ["lost"]);
    let wished = |it: &mut History| {
        failed(it);
        stopped(it);
    };
    assert_eq!(broken(wished), [""; 0]);
    let answered = |refused: bool| {
        let failed = &failed;
        move |it: &mut History| {
            failed(it);
            it.copies.push(Copy {
                accepted: false,
                refused,
                ..copy(1, 10 * SECOND + 1)
            });
        }
    };
    assert_eq!(broken(answered(true)), [""; 0]);
    assert_eq!(broken(answered(false)), ["lost"]);
}

#[test]
fn what_is_canceled_and_nobody_asked_for_that_is_lost() {
    let canceled = absent("canceled");
    assert_eq!(broken(&canceled), ["lost"]);
    let wished = |it: &mut History| {
        canceled(it);
        stopped(it);
    };
    assert_eq!(broken(wished), [""; 0]);
}

#[test]
fn what_expired_is_lost_even_if_its_client_thought_better() {
    let expired = absent("expired");
    assert_eq!(broken(&expired), ["lost"]);
    let wished = |it: &mut History| {
        expired(it);
        stopped(it);
    };
    assert_eq!(broken(wished), ["lost"]);
}

#[test]
fn what_is_unconfirmed_and_absent_was_held_resent_or_stopped_or_is_lost() {
    let unconfirmed = absent("unconfirmed");
    assert_eq!(broken(&unconfirmed), ["lost"]);
    let held = |it: &mut History| {
        unconfirmed(it);
        it.known.wanted.get_mut(&1).unwrap().hold = true;
    };
    assert_eq!(broken(held), [""; 0]);
    let resent = |it: &mut History| {
        unconfirmed(it);
        row(it).resent = true;
    };
    assert_eq!(broken(resent), [""; 0]);
    let wished = |it: &mut History| {
        unconfirmed(it);
        stopped(it);
    };
    assert_eq!(broken(wished), [""; 0]);
}

#[test]
fn an_end_is_an_end_unless_it_was_unconfirmed() {
    let and_then = |before: &'static str, after: &'static str| {
        move |it: &mut History| {
            it.transitions.push(Transition {
                id: ID,
                before: Some(before.to_owned()),
                after: after.to_owned(),
                attempt_no: 1,
            });
        }
    };
    assert_eq!(broken(and_then("sent", "pending")), ["I7"]);
    assert_eq!(broken(and_then("unconfirmed", "pending")), ["I7"]);
    assert_eq!(broken(and_then("unconfirmed", "sent")), [""; 0]);
    let back = |it: &mut History| it.transitions[2].attempt_no = 0;
    assert_eq!(broken(back), ["I7"]);
}
