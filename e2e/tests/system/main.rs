//! Tests that need more of the machine than PostgreSQL: `cargo xtask test --system` installs it
//! and runs them.

mod backup;
mod monitoring;
mod proxy;
