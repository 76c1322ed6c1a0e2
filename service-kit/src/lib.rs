//! What all four binaries need and no domain knows: configuration, clock,
//! shutdown, telemetry, metrics, errors, gRPC servers and channels, service keys, health,
//! a database pool, paging. A closed list; no domain type, no query of a domain.

pub mod clock;
pub mod config;
#[cfg(feature = "database")]
pub mod database;
pub mod grpc;
pub mod health;
pub mod keys;
pub mod metrics;
pub mod paging;
pub mod shutdown;
pub mod status;
pub mod telemetry;
