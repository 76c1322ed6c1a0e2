//! A Telegram Bot API server for development, tests and benchmarks.
//!
//! It speaks the Bot API at `/bot<TOKEN>/<method>`, enforces Telegram's sending limits, keeps a
//! ledger of what it was asked and what it answered, injects faults, and shows a chat page in the
//! browser where a person plays the Telegram user. Tests start it with [`run`] on a free port and
//! steer it with [`client::SimClient`].
//!
//! It lives in memory and forgets everything when it stops. An optimised build takes some 50,000
//! messages per second of one core (8 connections, pipelined), so that what is measured is not it.
//!
//! # Where it differs from Telegram
//! - Limits are plain sliding windows measured at receipt. Telegram documents only "about" 30
//!   messages per second per token, 1 per second per chat and 20 per minute per group; which methods
//!   count is not documented. Here every method that writes a message counts for the token, only
//!   `sendMessage` counts for the chat and the group, and nothing else counts. Whatever comes before
//!   a told `retry_after` is over is refused, and breaking a limit again within a minute doubles the
//!   wait (up to 64 s). `/sim/figures` counts per bot what broke which limit; each ledger entry says
//!   it of itself.
//! - `parse_mode` is `HTML` or absent; Markdown is refused as unsupported.
//! - A webhook may also be at `http://` on this machine. Updates of one chat are posted in their
//!   order, those of several side by side; what the bot answers in the body is not read, and a
//!   failed post is tried again after 0.1 s, twice as long each time, up to 30 s.
//! - Pictures (`sendPhoto`) are PNG, uploaded or sent before; the last 200 are kept.
//! - A callback query can be answered for one minute, see [`Config::callback_lifetime`].
//! - Bots see every message of their groups (privacy mode off).

pub mod api;
mod bot_api;
pub mod client;
mod clock;
mod config;
mod control;
mod page;
mod server;
mod webhooks;
mod world;

pub use config::{Config, ConfigFault, Limits};
pub use server::run;
