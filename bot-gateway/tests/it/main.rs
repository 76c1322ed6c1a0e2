//! The gateway through its edges: telegram-sim on one side, stand-ins for lesson-svc
//! and notify-svc on the other, all over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "tests: a panic is the failure they report"
)]

mod booking;
mod conversation;
mod cut_off;
mod delivery;
mod handing_over;
mod lessons;
mod notify;
mod once;
mod outcomes;
mod own_lessons;
mod owning;
mod requests;
mod seats;
mod settings;
mod several;
mod stage;
mod teaching;
mod throttle;
mod webhook;
mod wire;
