//! lesson-svc: people and their settings, availability, lessons and seats. It owns the
//! schema `lesson`, and tells notify-svc of every change through its outbox.

pub mod actors;
pub mod availability;
pub mod calendars;
pub mod config;
pub mod errors;
pub mod groups;
pub mod ids;
pub mod invitations;
pub mod lessons;
pub mod outbox;
pub mod requests;
pub mod retrying;
pub mod series;
pub mod state;
pub mod students;
pub mod teachers;
pub mod users;
pub mod watching;
pub mod zones;

mod run;

pub use config::Config;
pub use run::{RunError, run};

/// The migrations of schema `lesson`, as of this build.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/lesson");
