//! Lessons in calendars outside: feeds behind secret links.

pub mod grpc;
