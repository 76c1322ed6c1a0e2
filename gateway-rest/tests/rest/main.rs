//! gateway-rest over real sockets; behind it, services of the contract that the tests
//! play themselves.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is the failure that a test reports, in its helpers too"
)]

mod availability;
mod calendars;
mod callers;
mod conditions;
mod cors;
mod deliveries;
mod documents;
mod events;
mod fakes;
mod gateway;
mod groups;
mod health;
mod idempotency;
mod invitations;
mod lessons;
mod notifications;
mod operations;
mod people;
mod polling;
mod problems;
mod seats;
mod series;
mod slots;
mod stopping;
mod teachers;
mod traces;
mod waiting;
