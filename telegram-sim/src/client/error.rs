//! What can go wrong between a test and the simulator.

use std::time::Duration;

/// Why the simulator did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// It could not be reached, or its answer could not be read.
    #[error("the simulator cannot be reached")]
    Unreachable(#[from] reqwest::Error),
    /// It refused.
    #[error("the simulator refused: {status} {error}")]
    Refused {
        /// 400 bad input, 404 no such thing, 409 not now.
        status: u16,
        /// Why, in words.
        error: String,
    },
    /// What was waited for did not come.
    #[error("nothing came within {within:?}; instead: {instead}")]
    Deadline {
        /// How long was waited.
        within: Duration,
        /// What was there at the end.
        instead: String,
    },
}
