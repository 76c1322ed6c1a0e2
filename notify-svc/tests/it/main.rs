//! notify-svc over real sockets and a real PostgreSQL, with a scripted gateway.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a panic is the failure that is reported"
)]

mod cancelling;
mod dispatching;
mod ending;
mod erasing;
mod figures;
mod following;
mod migrations;
mod notifications;
mod of_lesson;
mod owning;
mod planning;
mod polling;
mod reaching;
mod rescheduling;
mod retiring;
mod series;
mod sharing;
mod statistics;
mod support;
mod switching;
mod telling;
mod webhooks;
