//! What bots asked and what they were told, the newest calls only.

use std::{collections::VecDeque, sync::Arc};

use serde::{Serialize, Serializer};

use crate::{
    api::{LedgerEntry, LedgerQuery},
    clock::Moment,
};

const DEFAULT_LIMIT: usize = 1000;
const MAX_LIMIT: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Ledger {
    /// Shared with whoever is reading them: a page is made under the lock and written after it.
    entries: VecDeque<Arc<LedgerEntry>>,
    capacity: usize,
    last_seq: u64,
}

/// A [`crate::api::LedgerPage`] to be written out.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    #[serde(serialize_with = "each")]
    pub entries: Vec<Arc<LedgerEntry>>,
    pub last_seq: u64,
    pub first_kept_seq: u64,
}

fn each<S: Serializer>(entries: &[Arc<LedgerEntry>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(entries.iter().map(Arc::as_ref))
}

impl Ledger {
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            capacity: capacity.max(1),
            last_seq: 0,
        }
    }

    /// Adds a call and returns its number; the entry's own `seq` is ignored.
    pub fn add(&mut self, mut entry: LedgerEntry) -> u64 {
        self.last_seq += 1;
        entry.seq = self.last_seq;
        if self.entries.len() == self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back(Arc::new(entry));
        self.last_seq
    }

    /// Notes that the answer was handed to the connection.
    pub fn answered(&mut self, seq: u64, now: Moment) {
        let first = self.first_kept_seq();
        let entry = seq
            .checked_sub(first)
            .and_then(|place| usize::try_from(place).ok())
            .and_then(|place| self.entries.get_mut(place));
        if let Some(entry) = entry.map(Arc::make_mut) {
            entry.answered_unix_us = Some(now.unix_us);
            entry.answered_mono_us = Some(now.mono_us);
        }
    }

    pub fn page(&self, query: &LedgerQuery) -> Page {
        let since = query.since.unwrap_or(0);
        let first = self.first_kept_seq();
        // Numbers have no holes: skip straight to the first wanted entry.
        let skip = usize::try_from((since + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        let entries = self
            .entries
            .iter()
            .skip(skip)
            .filter(|entry| matches(entry, query))
            .take(query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT))
            .cloned()
            .collect();
        Page {
            entries,
            last_seq: self.last_seq,
            first_kept_seq: first,
        }
    }

    fn first_kept_seq(&self) -> u64 {
        self.entries
            .front()
            .map_or(self.last_seq + 1, |entry| entry.seq)
    }
}

fn matches(entry: &LedgerEntry, query: &LedgerQuery) -> bool {
    query.bot.is_none_or(|bot| entry.bot_id == bot)
        && query.chat.is_none_or(|chat| entry.chat_id == Some(chat))
        && query
            .method
            .as_ref()
            .is_none_or(|method| entry.method.eq_ignore_ascii_case(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(chat: i64) -> LedgerEntry {
        LedgerEntry {
            seq: 0,
            bot_id: 1,
            method: "sendMessage".to_owned(),
            chat_id: Some(chat),
            message_id: None,
            callback_query_id: None,
            text: None,
            reply_markup: None,
            silent: false,
            received_unix_us: 0,
            received_mono_us: 0,
            answered_unix_us: None,
            answered_mono_us: None,
            accepted: true,
            answer: None,
            fault: None,
            violation: None,
            traceparent: None,
        }
    }

    #[test]
    fn the_oldest_entries_are_dropped_and_the_numbers_go_on() {
        let mut ledger = Ledger::new(3);
        for chat in 1..=5 {
            ledger.add(entry(chat));
        }
        let page = ledger.page(&LedgerQuery::default());
        assert_eq!((page.first_kept_seq, page.last_seq), (3, 5));
        let seqs: Vec<u64> = page.entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, [3, 4, 5]);
        let newer = ledger.page(&LedgerQuery::default().since(4));
        assert_eq!(newer.entries.len(), 1);
    }

    #[test]
    fn an_answer_is_noted_on_its_own_entry() {
        let mut ledger = Ledger::new(2);
        for chat in 1..=3 {
            ledger.add(entry(chat));
        }
        let now = Moment {
            unix_us: 9,
            mono_us: 9,
        };
        ledger.answered(1, now);
        ledger.answered(3, now);
        let page = ledger.page(&LedgerQuery::default());
        let answered: Vec<bool> = page
            .entries
            .iter()
            .map(|entry| entry.answered_unix_us.is_some())
            .collect();
        assert_eq!(answered, [false, true]);
    }
}
