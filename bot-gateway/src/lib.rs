//! bot-gateway.
pub mod journal;
pub mod pacer;
pub mod telegram;
