//! Changes as they happen, for those who watch.

pub mod grpc;
