//! The whole system on one machine: a private PostgreSQL, the four services and
//! telegram-sim as real processes, and the story a user lives through. The tests
//! here and the developer's commands (`cargo xtask up`) run the same code.

pub mod chaos;
pub mod events;
pub mod keys;
pub mod nginx;
pub mod otlp;
pub mod people;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod program;
pub mod stack;
pub mod story;
pub mod system;
pub mod talk;

/// Anything that can go wrong around the processes; shown to a developer.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
