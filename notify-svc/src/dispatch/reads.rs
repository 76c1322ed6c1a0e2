//! The reads of a dispatcher that run beside it.

use tokio::{task::JoinHandle, time::Instant};

use super::{
    prompt::{Prompt, PromptAsk},
    reading::{Ask, Reading},
};

/// A read, while it runs.
pub(super) type Running<T> = Option<JoinHandle<sqlx::Result<T>>>;

/// The reads of a dispatcher: of everything, and between those of what people wait for.
pub(super) struct Reads {
    pub(super) all: Reading,
    pub(super) all_running: Running<Ask>,
    pub(super) prompt: Prompt,
    pub(super) prompt_running: Running<PromptAsk>,
}

impl Reads {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            all: Reading::new(now),
            all_running: None,
            prompt: Prompt::new(now),
            prompt_running: None,
        }
    }
}

/// What a read that runs came to; waits for ever when none does.
pub(super) async fn ended<T>(read: &mut Running<T>) -> sqlx::Result<T> {
    let Some(running) = read else {
        return std::future::pending().await;
    };
    let ended = running.await;
    *read = None;
    // It panicked, which was logged by its hook.
    ended.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}
