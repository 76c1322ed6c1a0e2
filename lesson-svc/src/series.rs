//! Lessons at one wall-clock hour every n weeks.

pub mod grpc;
