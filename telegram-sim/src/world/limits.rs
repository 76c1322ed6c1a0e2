//! Telegram's sending limits as sliding windows over receipts.

use std::collections::{HashMap, VecDeque};

use crate::{
    Limits,
    api::{BotFigures, LimitKind, Violation},
    clock::Moment,
};

const SECOND_US: u64 = 1_000_000;
const MINUTE_US: u64 = 60 * SECOND_US;
/// Windows of quiet chats are dropped when there are more than this.
const MAX_QUIET_CHATS: usize = 10_000;
/// Who breaks a limit again within this time of the last wait's end waits twice as long.
const REMEMBERED_US: u64 = MINUTE_US;
/// The longest wait that repetition leads to, in seconds. Telegram does not document its own.
const LONGEST_WAIT: u32 = 64;

/// What one bot has sent lately.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    token: Window,
    chats: HashMap<i64, Window>,
    /// Of the last time quiet chats were dropped.
    kept: usize,
    figures: BotFigures,
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

/// Why a call may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFast {
    /// Whole seconds, at least 1.
    pub wait: u32,
    pub violation: Violation,
}

impl Pace {
    /// Refuses a call that breaks a limit, and whatever comes before the wait it was told is over.
    /// One that may go on has been counted for the token, whatever comes of it.
    pub fn admit(
        &mut self,
        limits: Limits,
        counts: Counts,
        chat: Option<i64>,
        now: Moment,
    ) -> Result<(), TooFast> {
        if counts == Counts::Nothing {
            return Ok(());
        }
        let now_us = now.mono_us;
        let token = (SECOND_US, limits.per_token_per_second, LimitKind::Token);
        let mut refused = self.token.check(now_us, &[token]);
        if let (Counts::Send, Some(chat)) = (counts, chat)
            && let Some(window) = self.chats.get_mut(&chat)
        {
            let each = (SECOND_US, limits.per_chat_per_second, LimitKind::Chat);
            let group = (MINUTE_US, limits.per_group_per_minute, LimitKind::Group);
            let both = [each, group];
            let by_chat = window.check(now_us, if chat < 0 { &both } else { &both[..1] });
            refused = [refused, by_chat]
                .into_iter()
                .flatten()
                .max_by_key(|too_fast| too_fast.wait);
        }
        if let Some(too_fast) = refused {
            self.count(too_fast.violation);
            return Err(too_fast);
        }
        if limits.per_token_per_second > 0 {
            self.token.record(now_us, SECOND_US);
            let busy = u32::try_from(self.token.receipts.len()).unwrap_or(u32::MAX);
            self.figures.busiest_second = self.figures.busiest_second.max(busy);
        }
        Ok(())
    }

    /// Counts a message that was accepted into a chat.
    pub fn sent(&mut self, limits: Limits, chat: i64, now: Moment) {
        self.figures.sent += 1;
        let is_limited =
            limits.per_chat_per_second > 0 || chat < 0 && limits.per_group_per_minute > 0;
        if !is_limited {
            return;
        }
        let keep = if chat < 0 { MINUTE_US } else { SECOND_US };
        self.chats
            .entry(chat)
            .or_default()
            .record(now.mono_us, keep);
        // Not at each message while many chats are busy: when their number has doubled.
        if self.chats.len() > MAX_QUIET_CHATS.max(2 * self.kept) {
            self.chats
                .retain(|_, window| window.matters_until() > now.mono_us);
            self.kept = self.chats.len();
        }
    }

    /// Forgets what was sent and who was told to wait; not the figures.
    pub fn forgive(&mut self) {
        *self = Self {
            figures: self.figures,
            ..Self::default()
        };
    }

    /// How the bot has kept to the limits.
    pub fn figures(&self, bot_id: i64) -> BotFigures {
        BotFigures {
            bot_id,
            ..self.figures
        }
    }

    fn count(&mut self, violation: Violation) {
        let by_limit = match violation.limit {
            LimitKind::Token => &mut self.figures.over_token,
            LimitKind::Chat => &mut self.figures.over_chat,
            LimitKind::Group => &mut self.figures.over_group,
        };
        *by_limit += 1;
        self.figures.early += u64::from(violation.early);
    }
}

#[derive(Debug, Default)]
struct Window {
    receipts: VecDeque<u64>,
    /// The end of the wait that was told last, and for which limit.
    frozen: Option<(u64, LimitKind)>,
    /// Waits told in a row, each within [`REMEMBERED_US`] of the end of the one before.
    strikes: u32,
}

/// A span in microseconds, how many it may hold (0: any number), and what that is.
type Rule = (u64, u32, LimitKind);

impl Window {
    fn check(&mut self, now_us: u64, rules: &[Rule]) -> Option<TooFast> {
        let rules = rules.iter().filter(|(_, most, _)| *most > 0);
        // Without any limit nobody is told to wait.
        rules.clone().next()?;
        if let Some((until_us, limit)) = self.frozen
            && let Some(left_us) = until_us.checked_sub(now_us).filter(|left| *left > 0)
        {
            return Some(TooFast {
                wait: whole_seconds(left_us),
                violation: Violation { limit, early: true },
            });
        }
        let (wait, limit) = rules
            .filter_map(|(span_us, most, limit)| {
                Some((self.wait(now_us, *span_us, *most)?, *limit))
            })
            .max_by_key(|(wait, _)| *wait)?;
        let is_repeated = self
            .frozen
            .is_some_and(|(until_us, _)| now_us < until_us + REMEMBERED_US);
        self.strikes = if is_repeated { self.strikes + 1 } else { 0 };
        let grown = 2_u32.saturating_pow(self.strikes).min(LONGEST_WAIT);
        let wait = wait.max(grown);
        self.frozen = Some((now_us + u64::from(wait) * SECOND_US, limit));
        Some(TooFast {
            wait,
            violation: Violation {
                limit,
                early: false,
            },
        })
    }

    /// Whole seconds, at least 1, until there is room for one more; `None` when there is.
    fn wait(&self, now_us: u64, span_us: u64, most: u32) -> Option<u32> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if self.receipts.len() < most {
            return None;
        }
        // Room comes when the receipt `most` places from the end leaves the window.
        let leaves = self.receipts.get(self.receipts.len() - most)? + span_us;
        let left_us = leaves.checked_sub(now_us).filter(|left| *left > 0)?;
        Some(whole_seconds(left_us))
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

    /// Until when anything of it can refuse a call or lengthen a wait.
    fn matters_until(&self) -> u64 {
        let newest = self.receipts.back().copied().unwrap_or(0) + MINUTE_US;
        let frozen = self
            .frozen
            .map_or(0, |(until_us, _)| until_us + REMEMBERED_US);
        newest.max(frozen)
    }
}

fn whole_seconds(us: u64) -> u32 {
    u32::try_from(us.div_ceil(SECOND_US)).unwrap_or(u32::MAX)
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

    /// The wait that was told, if any.
    fn send(pace: &mut Pace, chat: i64, ms: u64) -> Option<u32> {
        let refused = pace.admit(Limits::TELEGRAM, Counts::Send, Some(chat), at(ms));
        if refused.is_ok() {
            pace.sent(Limits::TELEGRAM, chat, at(ms));
        }
        refused.err().map(|too_fast| too_fast.wait)
    }

    #[test]
    fn a_chat_takes_one_message_per_second() {
        let mut pace = Pace::default();
        assert_eq!(send(&mut pace, 7, 0), None);
        assert_eq!(send(&mut pace, 7, 999), Some(1));
        assert_eq!(send(&mut pace, 8, 999), None);
        assert_eq!(send(&mut pace, 8, 1999), None);
        assert_eq!(pace.figures(1).over_chat, 1);
        assert_eq!(pace.figures(1).sent, 3);
    }

    #[test]
    fn who_does_not_wait_as_told_is_refused_and_who_repeats_it_waits_longer() {
        let mut pace = Pace::default();
        assert_eq!(send(&mut pace, 7, 0), None);
        assert_eq!(send(&mut pace, 7, 500), Some(1));
        assert_eq!(
            send(&mut pace, 7, 1499),
            Some(1),
            "before the told second is over"
        );
        assert_eq!(pace.figures(1).early, 1);
        assert_eq!(send(&mut pace, 7, 1500), None);
        assert_eq!(send(&mut pace, 7, 1600), Some(2), "the second in a row");
        assert_eq!(send(&mut pace, 7, 3600), None);
        assert_eq!(send(&mut pace, 7, 3601), Some(4));
        assert_eq!(send(&mut pace, 7, 7601), None);
        // Forgiven a minute after the last wait was over.
        assert_eq!(send(&mut pace, 7, 67_601), None);
        assert_eq!(send(&mut pace, 7, 67_602), Some(1));
        assert_eq!(
            send(&mut pace, 8, 67_602),
            None,
            "another chat never waited"
        );
    }

    #[test]
    fn many_busy_chats_are_kept_and_quiet_ones_are_dropped() {
        let mut pace = Pace::default();
        let limits = Limits {
            per_token_per_second: 0,
            ..Limits::TELEGRAM
        };
        for chat in 1..=30_000 {
            pace.sent(limits, chat, at(0));
        }
        assert_eq!(pace.chats.len(), 30_000);
        for chat in 30_001..=50_000 {
            pace.sent(limits, chat, at(120_000));
        }
        assert!(pace.chats.len() <= 20_000, "{}", pace.chats.len());
        assert!(pace.chats.contains_key(&50_000));
    }

    #[test]
    fn a_token_sends_thirty_messages_in_any_second() {
        let mut pace = Pace::default();
        for chat in 0..30 {
            assert_eq!(send(&mut pace, 100 + chat, 500), None);
        }
        assert_eq!(pace.figures(1).busiest_second, 30);
        assert_eq!(send(&mut pace, 200, 1499), Some(1));
        assert_eq!(pace.figures(1).over_token, 1);
        assert_eq!(send(&mut pace, 200, 2499), None);
    }

    #[test]
    fn a_group_takes_twenty_messages_per_minute() {
        let mut pace = Pace::default();
        for second in 0..20 {
            assert_eq!(send(&mut pace, -5, second * 1000), None);
        }
        assert_eq!(send(&mut pace, -5, 20_000), Some(40));
        assert_eq!(pace.figures(1).over_group, 1);
        assert_eq!(send(&mut pace, -5, 60_000), None);
    }

    #[test]
    fn edits_count_for_the_token_only() {
        let mut pace = Pace::default();
        for _ in 0..30 {
            let admitted = pace.admit(Limits::TELEGRAM, Counts::Write, Some(7), at(0));
            assert_eq!(admitted, Ok(()));
        }
        let refused = pace.admit(Limits::TELEGRAM, Counts::Write, Some(7), at(1));
        assert_eq!(refused.map_err(|it| it.wait), Err(1));
        let free = pace.admit(Limits::TELEGRAM, Counts::Nothing, Some(7), at(1));
        assert_eq!(free, Ok(()));
    }

    #[test]
    fn who_is_forgiven_begins_anew_with_the_same_figures() {
        let mut pace = Pace::default();
        for wait in [None, Some(1), Some(1)] {
            assert_eq!(send(&mut pace, 7, 0), wait);
        }
        pace.forgive();
        assert_eq!(send(&mut pace, 7, 0), None);
        assert_eq!(send(&mut pace, 7, 0), Some(1), "no repetition");
        let figures = pace.figures(1);
        assert_eq!((figures.sent, figures.over_chat), (2, 3));
        assert_eq!(figures.early, 1);
    }

    #[test]
    fn limits_can_be_switched_off() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            let admitted = pace.admit(Limits::OFF, Counts::Send, Some(7), at(0));
            assert_eq!(admitted, Ok(()));
            pace.sent(Limits::OFF, 7, at(0));
        }
        assert_eq!((pace.figures(1).sent, pace.chats.len()), (100, 0));
    }
}
