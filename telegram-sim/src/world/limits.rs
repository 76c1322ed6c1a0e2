//! Telegram's sending limits as sliding windows over receipts.

use std::collections::{HashMap, VecDeque};

use crate::{Limits, clock::Moment};

const SECOND_US: u64 = 1_000_000;
const MINUTE_US: u64 = 60 * SECOND_US;
/// Windows of quiet chats are dropped when there are more than this.
const MAX_QUIET_CHATS: usize = 10_000;

/// What one bot has sent lately.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    token: Window,
    chats: HashMap<i64, Window>,
}

/// What a call counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// Writes a message: counts for the token.
    Write,
    /// Sends a new message: counts for the token, its chat and, if it is one, its group.
    Send,
    /// Counts for nothing.
    Nothing,
}

impl Pace {
    /// Seconds the caller must wait, or `None` when the call may go on; then it has been counted for
    /// the token, whatever comes of it.
    pub fn admit(
        &mut self,
        limits: Limits,
        counts: Counts,
        chat: Option<i64>,
        now: Moment,
    ) -> Option<u32> {
        if counts == Counts::Nothing {
            return None;
        }
        let now_us = now.mono_us;
        let mut wait = self
            .token
            .wait(now_us, SECOND_US, limits.per_token_per_second);
        if let (Counts::Send, Some(chat)) = (counts, chat)
            && let Some(window) = self.chats.get_mut(&chat)
        {
            let per_chat = window.wait(now_us, SECOND_US, limits.per_chat_per_second);
            let per_group = if chat < 0 {
                window.wait(now_us, MINUTE_US, limits.per_group_per_minute)
            } else {
                None
            };
            wait = wait.max(per_chat).max(per_group);
        }
        if wait.is_none() {
            self.token.record(now_us, SECOND_US);
        }
        wait
    }

    /// Counts a message that was accepted into a chat.
    pub fn sent(&mut self, chat: i64, now: Moment) {
        let keep = if chat < 0 { MINUTE_US } else { SECOND_US };
        self.chats
            .entry(chat)
            .or_default()
            .record(now.mono_us, keep);
        if self.chats.len() > MAX_QUIET_CHATS {
            self.chats
                .retain(|_, window| window.newest() + MINUTE_US > now.mono_us);
        }
    }
}

#[derive(Debug, Default)]
struct Window {
    receipts: VecDeque<u64>,
}

impl Window {
    /// Whole seconds, at least 1, until there is room for one more; `None` when there is.
    fn wait(&self, now_us: u64, span_us: u64, most: u32) -> Option<u32> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if most == 0 || self.receipts.len() < most {
            return None;
        }
        // Room comes when the receipt `most` places from the end leaves the window.
        let leaves = self.receipts.get(self.receipts.len() - most)? + span_us;
        let left_us = leaves.checked_sub(now_us).filter(|left| *left > 0)?;
        u32::try_from(left_us.div_ceil(SECOND_US)).ok()
    }

    fn record(&mut self, now_us: u64, keep_us: u64) {
        self.receipts.push_back(now_us);
        while self
            .receipts
            .front()
            .is_some_and(|oldest| oldest + keep_us <= now_us)
        {
            self.receipts.pop_front();
        }
    }

    fn newest(&self) -> u64 {
        self.receipts.back().copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment {
            unix_us: 0,
            mono_us: ms * 1000,
        }
    }

    fn send(pace: &mut Pace, chat: i64, ms: u64) -> Option<u32> {
        let wait = pace.admit(Limits::TELEGRAM, Counts::Send, Some(chat), at(ms));
        if wait.is_none() {
            pace.sent(chat, at(ms));
        }
        wait
    }

    #[test]
    fn a_chat_takes_one_message_per_second() {
        let mut pace = Pace::default();
        assert_eq!(send(&mut pace, 7, 0), None);
        assert_eq!(send(&mut pace, 7, 999), Some(1));
        assert_eq!(send(&mut pace, 8, 999), None);
        assert_eq!(send(&mut pace, 7, 1000), None);
    }

    #[test]
    fn a_token_sends_thirty_messages_in_any_second() {
        let mut pace = Pace::default();
        for chat in 0..30 {
            assert_eq!(send(&mut pace, 100 + chat, 500), None);
        }
        assert_eq!(send(&mut pace, 200, 1499), Some(1));
        assert_eq!(send(&mut pace, 200, 1500), None);
    }

    #[test]
    fn a_group_takes_twenty_messages_per_minute() {
        let mut pace = Pace::default();
        for second in 0..20 {
            assert_eq!(send(&mut pace, -5, second * 1000), None);
        }
        assert_eq!(send(&mut pace, -5, 20_000), Some(40));
        assert_eq!(send(&mut pace, -5, 60_000), None);
    }

    #[test]
    fn edits_count_for_the_token_only() {
        let mut pace = Pace::default();
        for _ in 0..30 {
            let wait = pace.admit(Limits::TELEGRAM, Counts::Write, Some(7), at(0));
            assert_eq!(wait, None);
        }
        let refused = pace.admit(Limits::TELEGRAM, Counts::Write, Some(7), at(1));
        assert_eq!(refused, Some(1));
        let free = pace.admit(Limits::TELEGRAM, Counts::Nothing, Some(7), at(1));
        assert_eq!(free, None);
    }

    #[test]
    fn limits_can_be_switched_off() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            assert_eq!(pace.admit(Limits::OFF, Counts::Send, Some(7), at(0)), None);
            pace.sent(7, at(0));
        }
    }
}
