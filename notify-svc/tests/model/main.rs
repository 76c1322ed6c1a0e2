//! The protocol between database, gateways and Telegram, explored in every order its
//! steps can happen in. States and edges are the service's own (`states::after`); the
//! model adds what is around them: Begin, streams that break, journals, crashes, takeovers,
//! requests that arrive late. Configurations are small: what goes wrong with many rows
//! goes wrong with one or two.

mod protocol;
mod steps;

use notify_svc::notifications::states::{State, UncertainPolicy};
use protocol::{Protocol, Row, World};
use stateright::{Checker as _, Model as _, Property};

/// What must hold in every state that can be reached.
pub(crate) fn invariants() -> Vec<Property<Protocol>> {
    vec![
        Property::always("I1: sent is in the ledger", |_, world: &World| {
            world
                .rows
                .iter()
                .all(|row| row.standing.state != State::Sent || row.copies > 0)
        }),
        Property::always(
            "I1: what is in the ledger has no other end",
            |_, world: &World| {
                let denies =
                    |state| matches!(state, State::Failed | State::Canceled | State::Expired);
                world
                    .rows
                    .iter()
                    .all(|row| !denies(row.standing.state) || row.copies == 0)
            },
        ),
        Property::always(
            "I2: at most two copies, the second counted, never of a held one",
            |_, world: &World| {
                world.rows.iter().all(|row| match row.standing.policy {
                    UncertainPolicy::Resend => {
                        row.copies < 2 || row.copies == 2 && row.standing.resent
                    }
                    UncertainPolicy::Hold => row.copies < 2,
                })
            },
        ),
        Property::always(
            "I2: no second copy where the outcome was knowable",
            |_, world: &World| world.rows.iter().all(|row| row.copies < 2 || row.hidden),
        ),
        Property::always("I3: only the owner writes", |_, world: &World| {
            !world.foreign_write
        }),
        Property::always("I5: nothing is sent after CANCELED", |_, world: &World| {
            world.rows.iter().all(|row| !row.sent_after_canceled)
        }),
        Property::always(
            "RESCHEDULED: nothing is begun before the new time",
            |_, world: &World| world.rows.iter().all(|row| !row.begun_early),
        ),
        Property::always("I7: an end is an end", |_, world: &World| {
            world.rows.iter().all(|row| !row.reopened)
        }),
    ]
}

/// That the model does what the invariants are about.
pub(crate) fn possibilities() -> Vec<Property<Protocol>> {
    vec![
        Property::sometimes("sent", |_, world: &World| world.some(State::Sent)),
        Property::sometimes("twice", |_, world: &World| {
            world.rows.iter().any(|row| row.copies == 2)
        }),
        Property::sometimes("unconfirmed", |_, world: &World| {
            world.some(State::Unconfirmed)
        }),
        Property::sometimes("canceled", |_, world: &World| world.some(State::Canceled)),
        Property::sometimes("failed", |_, world: &World| world.some(State::Failed)),
        Property::sometimes("expired", |_, world: &World| world.some(State::Expired)),
        Property::sometimes("sent after a move", |_, world: &World| {
            let moved = |row: &Row| row.version > 0 && row.standing.state == State::Sent;
            world.rows.iter().any(moved)
        }),
    ]
}

fn explore(protocol: Protocol) {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    println!(
        "{} states, {} of them new, depth {}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
}

#[test]
fn one_notification_two_gateways_two_crashes() {
    explore(Protocol {
        policies: vec![UncertainPolicy::Resend],
        crashes: 2,
        attempts: 2,
        partitions: 0,
        moves: 0,
    });
}

#[test]
fn one_held_notification_two_gateways_two_crashes() {
    explore(Protocol {
        policies: vec![UncertainPolicy::Hold],
        crashes: 2,
        attempts: 2,
        partitions: 1,
        moves: 0,
    });
}

#[test]
fn two_notifications_two_gateways() {
    explore(Protocol {
        policies: vec![UncertainPolicy::Resend, UncertainPolicy::Hold],
        crashes: 0,
        attempts: 1,
        partitions: 0,
        moves: 0,
    });
}

#[test]
fn one_notification_two_gateways_two_crashes_and_a_partition() {
    explore(Protocol {
        policies: vec![UncertainPolicy::Resend],
        crashes: 2,
        attempts: 2,
        partitions: 1,
        moves: 0,
    });
}

#[test]
fn one_notification_that_is_moved_two_gateways_a_crash() {
    explore(Protocol {
        policies: vec![UncertainPolicy::Resend],
        crashes: 1,
        attempts: 2,
        partitions: 0,
        moves: 1,
    });
}
