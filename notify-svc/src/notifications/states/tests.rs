//! Each edge by name, then every reachable standing in a small world.

use std::collections::HashSet;

use super::*;

const BACKOFF: Backoff = Backoff {
    shortest: Duration::from_millis(100),
    longest: Duration::from_mins(1),
    counted_spread: Duration::from_mins(10),
};

fn standing(state: State) -> Standing {
    Standing {
        state,
        attempt_no: i32::from(state != State::Pending),
        counted: 0,
        returned: 0,
        resent: false,
        stop: false,
        policy: UncertainPolicy::Resend,
        expired: false,
        plain: false,
        proved: false,
    }
}

fn outcomes() -> [Outcome; 9] {
    let text = || "words".to_owned();
    [
        Outcome::Sent { message_id: 7 },
        Outcome::NotWritten {
            cause: text(),
            retry_after: Duration::ZERO,
        },
        Outcome::Limited {
            retry_after: Duration::from_secs(3),
        },
        Outcome::ChatGone {
            description: text(),
        },
        Outcome::Refused {
            code: 400,
            description: text(),
            bad_content: false,
            bad_markup: false,
        },
        Outcome::Refused {
            code: 400,
            description: text(),
            bad_content: true,
            bad_markup: false,
        },
        Outcome::Ambiguous { cause: text() },
        Outcome::Moved { chat_id: -100 },
        Outcome::Refused {
            code: 400,
            description: text(),
            bad_content: false,
            bad_markup: true,
        },
    ]
}

fn result(now: &Standing, outcome: &Outcome) -> Option<Change> {
    let event = Event::Outcome {
        attempt_no: now.attempt_no,
        outcome,
    };
    after(now, &event, &BACKOFF, 0.0)
}

#[test]
fn each_outcome_of_a_begun_row_leads_where_the_table_says() {
    let ends: Vec<_> = outcomes()
        .iter()
        .map(|outcome| {
            result(&standing(State::Sending), outcome)
                .unwrap()
                .standing
                .state
        })
        .collect();
    assert_eq!(
        ends,
        [
            State::Sent,
            State::Pending,
            State::Pending,
            State::Failed,
            State::Pending,
            State::Failed,
            State::Uncertain,
            State::Pending,
            State::Pending,
        ]
    );
}

#[test]
fn broken_markup_is_sent_once_more_without_it_at_once_and_then_fails() {
    let broken = &outcomes()[8];
    let first = result(&standing(State::Sending), broken).unwrap();
    assert_eq!((first.standing.plain, first.standing.counted), (true, 0));
    assert_eq!(first.wait, Some(Duration::ZERO));
    let plain = Standing {
        state: State::Sending,
        ..first.standing
    };
    let second = result(&plain, broken).unwrap();
    assert_eq!(second.standing.state, State::Failed);
}

#[test]
fn a_moved_chat_is_tried_at_once_uncounted_and_a_circle_of_them_ever_more_rarely() {
    let moved = &outcomes()[7];
    let first = result(&standing(State::Sending), moved).unwrap();
    assert_eq!(first.wait, Some(Duration::ZERO));
    assert_eq!(first.standing.counted, 0);
    let again = Standing {
        state: State::Sending,
        ..first.standing
    };
    let second = result(&again, moved).unwrap();
    assert!(second.wait.unwrap() > Duration::ZERO);
}

#[test]
fn proof_of_the_first_copy_while_the_second_is_out_ends_it_as_sent_whatever_becomes_of_that() {
    let out = Standing {
        resent: true,
        attempt_no: 2,
        ..standing(State::Sending)
    };
    let event = Event::Outcome {
        attempt_no: 1,
        outcome: &outcomes()[0],
    };
    let proved = after(&out, &event, &BACKOFF, 0.0).unwrap().standing;
    assert_eq!((proved.state, proved.proved), (State::Sending, true));
    assert_eq!(after(&proved, &event, &BACKOFF, 0.0), None);
    for outcome in &outcomes() {
        let end = result(&proved, outcome).unwrap().standing.state;
        assert_eq!(end, State::Sent, "{outcome:?}");
    }
    let silent = after(&proved, &Event::Silence, &BACKOFF, 0.0).unwrap();
    assert_eq!(silent.standing.state, State::Sent);
}

#[test]
fn what_was_in_flight_before_a_restore_is_unconfirmed_and_nothing_else_changes() {
    for state in State::ALL {
        let change = after(&standing(state), &Event::Restored, &BACKOFF, 0.0);
        let in_flight = matches!(state, State::Sending | State::Uncertain);
        assert_eq!(
            change.map(|change| change.standing.state),
            in_flight.then_some(State::Unconfirmed)
        );
    }
}

#[test]
fn a_stopped_row_never_returns_to_pending() {
    for state in [State::Sending, State::Uncertain] {
        let now = Standing {
            stop: true,
            ..standing(state)
        };
        for outcome in &outcomes() {
            if let Some(change) = result(&now, outcome) {
                assert_ne!(change.standing.state, State::Pending, "{outcome:?}");
            }
        }
        let resolved = after(&now, &Event::Resolve, &BACKOFF, 0.0);
        assert!(resolved.is_none_or(|change| change.standing.state == State::Unconfirmed));
    }
}

#[test]
fn the_third_refusal_fails_the_row_and_unwritten_attempts_are_not_counted() {
    let refused = &outcomes()[4];
    let mut now = standing(State::Sending);
    for expected in [State::Pending, State::Pending, State::Failed] {
        let unwritten = result(&now, &outcomes()[1]).unwrap().standing;
        assert_eq!(unwritten.counted, now.counted);
        now = Standing {
            state: State::Sending,
            ..result(&now, refused).unwrap().standing
        };
        let reached = if now.counted < MAX_COUNTED {
            State::Pending
        } else {
            State::Failed
        };
        assert_eq!(reached, expected);
    }
    assert_eq!(now.counted, MAX_COUNTED);
}

#[test]
fn refusals_are_spread_over_ten_minutes() {
    let first = result(&standing(State::Sending), &outcomes()[4]).unwrap();
    let second = result(
        &Standing {
            counted: 1,
            ..standing(State::Sending)
        },
        &outcomes()[4],
    )
    .unwrap();
    assert_eq!(
        first.wait.unwrap() + second.wait.unwrap(),
        Duration::from_mins(10)
    );
}

#[test]
fn unwritten_rows_wait_twice_as_long_each_time_up_to_a_minute() {
    let wait = |returned, asked| BACKOFF.uncounted(returned, Duration::from_secs(asked), 1.0);
    assert_eq!(wait(0, 0), Duration::from_millis(100));
    assert_eq!(wait(3, 0), Duration::from_millis(800));
    assert_eq!(wait(i16::MAX, 0), Duration::from_mins(1));
    assert!(wait(0, 7) >= Duration::from_secs(7));
}

#[test]
fn an_unknown_outcome_is_resent_once_and_then_stays_unknown() {
    let first = after(&standing(State::Uncertain), &Event::Resolve, &BACKOFF, 0.0).unwrap();
    assert_eq!(first.standing.state, State::Pending);
    assert!(first.standing.resent);
    let again = Standing {
        state: State::Uncertain,
        ..first.standing
    };
    let second = after(&again, &Event::Resolve, &BACKOFF, 0.0).unwrap();
    assert_eq!(second.standing.state, State::Unconfirmed);
}

#[test]
fn an_unknown_outcome_is_not_resent_when_held_or_expired() {
    let uncertain = standing(State::Uncertain);
    for now in [
        Standing {
            policy: UncertainPolicy::Hold,
            ..uncertain
        },
        Standing {
            expired: true,
            ..uncertain
        },
    ] {
        let change = after(&now, &Event::Resolve, &BACKOFF, 0.0).unwrap();
        assert_eq!(change.standing.state, State::Unconfirmed);
    }
}

#[test]
fn a_late_success_turns_unconfirmed_into_sent_and_no_other_end() {
    let sent = &outcomes()[0];
    for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
        let change = result(&standing(state), sent);
        assert_eq!(
            change.map(|change| change.standing.state),
            (state == State::Unconfirmed).then_some(State::Sent),
            "{state:?}"
        );
    }
}

#[test]
fn a_success_of_the_first_copy_makes_its_resend_needless() {
    let waiting = Standing {
        resent: true,
        attempt_no: 1,
        ..standing(State::Pending)
    };
    let change = result(&waiting, &outcomes()[0]).unwrap();
    assert_eq!(change.standing.state, State::Sent);
}

#[test]
fn a_word_on_an_attempt_that_never_was_changes_nothing() {
    let now = standing(State::Sending);
    for attempt_no in [-1, 0, 2] {
        for outcome in &outcomes() {
            let event = Event::Outcome {
                attempt_no,
                outcome,
            };
            assert_eq!(after(&now, &event, &BACKOFF, 0.0), None);
        }
    }
}

#[test]
fn a_repeated_cancellation_changes_nothing() {
    for state in State::ALL {
        let Some(first) = after(&standing(state), &Event::Cancel, &BACKOFF, 0.0) else {
            continue;
        };
        let second = after(&first.standing, &Event::Cancel, &BACKOFF, 0.0);
        assert_eq!(second, None, "{state:?}");
    }
}

#[test]
fn only_what_waits_and_cannot_have_arrived_gets_another_time_and_nothing_else_changes() {
    let mut states = Vec::new();
    for state in State::ALL {
        let now = standing(state);
        let Some(change) = after(&now, &Event::Reschedule, &BACKOFF, 0.0) else {
            continue;
        };
        assert_eq!((change.standing, change.failure), (now, None));
        states.push(state);
    }
    assert_eq!(states, [State::Pending]);
    let waiting = standing(State::Pending);
    let resent = Standing {
        resent: true,
        attempt_no: 1,
        ..waiting
    };
    let missed = Standing {
        expired: true,
        ..waiting
    };
    for now in [resent, missed] {
        assert_eq!(after(&now, &Event::Reschedule, &BACKOFF, 0.0), None);
    }
}

/// Begin, as the store's statement does it.
fn begun(now: &Standing) -> Option<Standing> {
    (now.state == State::Pending && !now.stop && !now.expired).then(|| Standing {
        state: State::Sending,
        attempt_no: now.attempt_no + 1,
        ..*now
    })
}

#[test]
fn whatever_happens_the_invariants_hold() {
    let outcomes = outcomes();
    let mut seen = HashSet::new();
    let mut open = vec![
        (standing(State::Pending), 0_u8),
        (
            Standing {
                policy: UncertainPolicy::Hold,
                ..standing(State::Pending)
            },
            0,
        ),
    ];
    // A world of six attempts; `unknown` counts attempts that may have left a copy.
    while let Some((now, unknown)) = open.pop() {
        if now.attempt_no > 6 || !seen.insert((format!("{now:?}"), unknown)) {
            continue;
        }
        assert!(unknown <= 2, "more than two copies: {now:?}");
        assert!(now.counted <= MAX_COUNTED);
        assert!(!(now.stop && now.state == State::Pending), "{now:?}");
        let again = matches!(now.state, State::Pending | State::Uncertain);
        assert!(!(now.proved && again), "a third copy: {now:?}");
        let denied = matches!(now.state, State::Failed | State::Canceled | State::Expired);
        assert!(!(denied && unknown > 0), "a copy is denied: {now:?}");
        if let Some(next) = begun(&now) {
            open.push((next, unknown));
        }
        open.push((
            Standing {
                expired: true,
                ..now
            },
            unknown,
        ));
        let mut events = vec![
            Event::Silence,
            Event::Resolve,
            Event::Cancel,
            Event::Reschedule,
            Event::Expire,
            Event::Unreachable,
            Event::Restored,
            Event::Outcome {
                attempt_no: now.attempt_no - 1,
                outcome: &outcomes[0],
            },
        ];
        events.extend(outcomes.iter().map(|outcome| Event::Outcome {
            attempt_no: now.attempt_no,
            outcome,
        }));
        for event in events {
            let Some(change) = after(&now, &event, &BACKOFF, 0.5) else {
                continue;
            };
            let next = change.standing;
            assert!(
                !now.state.is_terminal()
                    || (now.state == State::Unconfirmed && next.state == State::Sent),
                "left {now:?} by {event:?}"
            );
            assert_eq!(change.wait.is_some(), next.state == State::Pending);
            let unknown = match (now.state, next.state, next.resent) {
                (State::Sending, State::Uncertain, _) => unknown + 1,
                // The last attempt is known not to have left a copy.
                (State::Uncertain, State::Pending, _) if event != Event::Resolve => unknown - 1,
                (State::Uncertain, State::Failed, _) => unknown - 1,
                (State::Pending, State::Pending, false) => 0,
                _ => unknown,
            };
            open.push((next, unknown));
        }
    }
    assert!(seen.len() > 50, "the world is too small: {}", seen.len());
}
