//! Chats, or a whole bot, that Telegram takes nothing for.

use std::collections::HashMap;

use tokio::time::Instant;

/// Chats remembered as frozen: more than a bot can be told about in the time it takes to
/// be told to stop.
pub(super) const MAX_FROZEN: usize = 10_000;

/// What Telegram does not take for now.
#[derive(Debug, Default)]
pub(super) struct Frozen {
    bot: Option<Instant>,
    pub(super) chats: HashMap<i64, Instant>,
}

impl Frozen {
    pub(super) fn freeze(&mut self, chat_id: i64, until: Instant, now: Instant) {
        if chat_id == 0 {
            self.bot = self.bot.max(Some(until));
            return;
        }
        if self.chats.len() >= MAX_FROZEN {
            self.chats.retain(|_, until| *until > now);
        }
        if self.chats.len() < MAX_FROZEN {
            let frozen = self.chats.entry(chat_id).or_insert(until);
            *frozen = until.max(*frozen);
        }
    }

    /// When a row due at `due` may go to a chat.
    pub(super) fn ready(&self, due: Instant, chat_id: i64) -> Instant {
        let chat = self.chats.get(&chat_id).copied();
        self.bot.max(chat).map_or(due, |until| until.max(due))
    }

    pub(super) fn forget_over(&mut self, now: Instant) {
        self.bot = self.bot.filter(|until| *until > now);
        self.chats.retain(|_, until| *until > now);
    }
}
