//! gRPC as every service speaks it: the server stack and the channels between
//! services.

pub mod client;
pub mod policy;
pub mod server;
pub mod tls;

mod observed;

/// Metadata with the caller's key (OLM-1).
pub const SERVICE_KEY: &str = "x-service-key";
/// Metadata with the id of the person a call speaks for.
pub const ACTING_USER: &str = "x-acting-user";
