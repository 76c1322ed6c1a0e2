//! What a bot keeps of a chat between two updates.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// What the person was asked, so that the next text is the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Question {
    /// Which zone?
    Zone,
}

/// One chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChatMemory {
    /// The message with the buttons of the conversation: only the last one keeps them.
    pub(crate) screen: Option<i32>,
    /// What was asked last, unless something else was done since.
    pub(crate) question: Option<Question>,
}

/// What is kept of every chat of one bot; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    chats: Arc<Mutex<HashMap<i64, ChatMemory>>>,
}

impl Memory {
    /// What is kept of a chat.
    pub(crate) async fn chat(&self, chat: i64) -> ChatMemory {
        let chats = self.chats.lock().unwrap_or_else(PoisonError::into_inner);
        chats.get(&chat).cloned().unwrap_or_default()
    }

    /// Keeps it, in place of what was.
    pub(crate) async fn keep(&self, chat: i64, memory: ChatMemory) {
        let mut chats = self.chats.lock().unwrap_or_else(PoisonError::into_inner);
        chats.insert(chat, memory);
    }
}
