//! lesson-svc: people and their settings, availability, lessons and seats.

pub mod availability;
pub mod teachers;
pub mod zones;
