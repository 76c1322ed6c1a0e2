//! lesson-svc through its public API, over real sockets and a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is the failure that a test reports"
)]

mod admins;
mod attending;
mod availability;
mod booking;
mod calendars;
mod cancelling;
mod constraints;
mod erasing;
mod fake_notify;
mod groups;
mod histories;
mod holding;
mod invitations;
mod lapsing;
mod lists;
mod migrations;
mod moving;
mod placing;
mod plans;
mod process;
mod racing;
mod reconfirming;
mod relay;
mod requesting;
mod searching;
mod seats;
mod series;
mod settings;
mod steps;
mod strangers;
mod students;
mod support;
mod teachers;
mod telemetry;
mod updating;
mod users;
mod watching;
