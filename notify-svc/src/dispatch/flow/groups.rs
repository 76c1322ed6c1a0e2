//! When a group may get its next message. A row that only waits for that at the gateway
//! would keep the credit of others: it stays here until it can be sent when it arrives.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

/// Telegram's limit (OLM-8): so many messages in any minute.
const PER_MINUTE: usize = 20;
const MINUTE: Duration = Duration::from_mins(1);
/// Between two messages to one chat.
const GAP: Duration = Duration::from_secs(1);
/// So much earlier a row is begun: the gateway keeps the exact time.
const AHEAD: Duration = Duration::from_millis(100);
/// Groups remembered; beyond them those that rest are forgotten, and the gateway waits.
const MAX_GROUPS: usize = 10_000;

/// The messages of the last minute, by group.
#[derive(Debug, Default)]
pub(super) struct Groups(HashMap<i64, VecDeque<Instant>>);

impl Groups {
    /// A message to this group was answered; the next one may be begun at this instant.
    pub(super) fn sent(&mut self, chat_id: i64, now: Instant) -> Instant {
        if self.0.len() >= MAX_GROUPS {
            let is_recent = |sent: &VecDeque<Instant>| {
                sent.back()
                    .is_some_and(|last| now.duration_since(*last) < MINUTE)
            };
            self.0.retain(|_, sent| is_recent(sent));
        }
        if self.0.len() >= MAX_GROUPS && !self.0.contains_key(&chat_id) {
            return now + GAP - AHEAD;
        }
        let sent = self.0.entry(chat_id).or_default();
        sent.push_back(now);
        while sent.len() > PER_MINUTE {
            sent.pop_front();
        }
        let gap = now + GAP;
        let free = match sent.front() {
            Some(oldest) if sent.len() == PER_MINUTE => gap.max(*oldest + MINUTE),
            Some(_) | None => gap,
        };
        free - AHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_gets_one_a_second_and_the_twenty_first_a_minute_after_the_first() {
        let start = Instant::now();
        let mut groups = Groups::default();
        for second in 0..19 {
            let now = start + Duration::from_secs(second);
            assert_eq!(groups.sent(-5, now), now + GAP - AHEAD);
        }
        let now = start + Duration::from_secs(19);
        assert_eq!(groups.sent(-5, now), start + MINUTE - AHEAD);
        assert_eq!(groups.sent(-6, now), now + GAP - AHEAD);
        let later = start + MINUTE;
        assert_eq!(groups.sent(-5, later), later + GAP - AHEAD);
    }
}
