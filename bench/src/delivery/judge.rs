//! What the simulator's ledger says of one measurement, and what it cost.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use e2e::Result;
use telegram_sim::api::LedgerEntry;

use super::schedule::{Item, Schedule, micros};
use crate::processes;

/// CPU seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cost {
    /// Of those who send.
    pub(super) workers_s: f64,
    /// Of PostgreSQL.
    pub(super) database_s: f64,
}

impl Cost {
    /// Where nobody asks.
    pub(super) const NOTHING: Self = Self {
        workers_s: 0.0,
        database_s: 0.0,
    };

    /// So far, of these processes and of all that the postmaster has and had.
    pub(super) fn now(postmaster: u32, workers: &[u32]) -> Result<Self> {
        let mut own = Duration::ZERO;
        for worker in workers {
            own += processes::cpu(*worker)?;
        }
        Ok(Self {
            workers_s: own.as_secs_f64(),
            database_s: processes::family_cpu(postmaster)?.as_secs_f64(),
        })
    }

    pub(super) fn since(self, before: Self) -> Self {
        Self {
            workers_s: self.workers_s - before.workers_s,
            database_s: self.database_s - before.database_s,
        }
    }
}

/// What came of one measurement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figures {
    /// Messages that were to be sent.
    pub(super) expected: u32,
    /// Messages that arrived within the window.
    pub(super) sent: u32,
    /// Arrived once more.
    pub(super) copies: u32,
    /// Before they were due.
    pub(super) early: u32,
    /// Calls that the simulator answered with 429.
    pub(super) refused: u32,
    /// From due to arrival, of those that are asked for, sorted; milliseconds.
    pub(super) late_ms: Vec<f64>,
    /// Arrivals per second, until the last one or the window's end.
    pub(super) rate: f64,
    /// Of 30 a second over the window.
    pub(super) share: Option<f64>,
    pub(super) cost: Cost,
}

impl Figures {
    /// Holds the ledger against the schedule; what arrived in one chat is held against
    /// what was due there in the same order.
    pub(super) fn judge(schedule: &Schedule, entries: &[LedgerEntry], cost: Cost) -> Self {
        let mut due: HashMap<i64, VecDeque<Item>> = HashMap::new();
        let (ahead, live) = schedule.parts();
        for item in ahead.into_iter().chain(live) {
            due.entry(item.chat).or_default().push_back(item);
        }
        let end_us = schedule.start_us + micros(schedule.watched);
        let mut figures = Self {
            expected: schedule.expected(),
            sent: 0,
            copies: 0,
            early: 0,
            refused: 0,
            late_ms: Vec::new(),
            rate: 0.0,
            share: None,
            cost,
        };
        let mut last_us = schedule.start_us;
        for entry in entries {
            let is_429 = entry
                .answer
                .as_ref()
                .is_some_and(|answer| answer.status == 429);
            figures.refused += u32::from(is_429);
            if !entry.accepted || entry.received_unix_us >= end_us {
                continue;
            }
            let waiting = entry.chat_id.and_then(|chat| due.get_mut(&chat));
            let Some(item) = waiting.and_then(VecDeque::pop_front) else {
                figures.copies += 1;
                continue;
            };
            if !schedule.judges(&item) {
                continue;
            }
            figures.sent += 1;
            last_us = last_us.max(entry.received_unix_us);
            let late_us = entry.received_unix_us - item.at_us;
            figures.early += u32::from(late_us < 0);
            if item.watched {
                figures.late_ms.push(seconds(late_us) * 1000.0);
            }
        }
        figures.late_ms.sort_unstable_by(f64::total_cmp);
        let sent = f64::from(figures.sent);
        let span_s = if figures.sent == figures.expected {
            seconds(last_us - schedule.start_us).max(0.001)
        } else {
            schedule.watched.as_secs_f64()
        };
        figures.rate = sent / span_s;
        if schedule.limits {
            figures.share = Some(sent / (30.0 * schedule.watched.as_secs_f64()));
        }
        figures
    }

    /// Milliseconds that so many of a hundred came at most late; nearest rank.
    pub(super) fn late(&self, percent: usize) -> Option<f64> {
        let rank = (self.late_ms.len() * percent).div_ceil(100);
        self.late_ms.get(rank.checked_sub(1)?).copied()
    }

    /// Messages per CPU second of those who send, and of PostgreSQL with them.
    pub(super) fn per_cpu_second(&self) -> [f64; 2] {
        let sent = f64::from(self.sent);
        let Cost {
            workers_s,
            database_s,
        } = self.cost;
        [workers_s, workers_s + database_s].map(|cpu_s| sent / cpu_s.max(0.01))
    }
}

fn seconds(micros: i64) -> f64 {
    let span = Duration::from_micros(micros.unsigned_abs()).as_secs_f64();
    if micros < 0 { -span } else { span }
}

#[cfg(test)]
mod tests {
    use telegram_sim::api::LedgerAnswer;

    use super::*;

    fn entry(chat: i64, at_us: i64, status: u16) -> LedgerEntry {
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
            received_unix_us: at_us,
            received_mono_us: 0,
            answered_unix_us: None,
            answered_mono_us: None,
            accepted: status == 200,
            answer: Some(LedgerAnswer {
                status,
                message_id: None,
                description: None,
                retry_after: None,
            }),
            fault: None,
            violation: None,
            traceparent: None,
        }
    }

    #[test]
    fn the_ledger_decides_what_was_late_early_refused_or_sent_twice() {
        let item = |chat, at_us| Item {
            chat,
            at_us,
            live: false,
            watched: true,
        };
        let schedule = Schedule {
            items: vec![
                item(1, 1_000_000),
                item(2, 1_000_000),
                item(3, 1_000_000),
                item(4, 999_000),
            ],
            start_us: 1_000_000,
            watched: Duration::from_secs(2),
            limits: true,
        };
        let entries = [
            entry(4, 999_500, 200),
            entry(1, 1_004_000, 200),
            entry(2, 999_000, 200),
            entry(3, 1_500_000, 429),
            entry(1, 1_600_000, 200),
            entry(3, 9_000_000, 200),
        ];
        let cost = Cost {
            workers_s: 0.5,
            database_s: 1.5,
        };
        let figures = Figures::judge(&schedule, &entries, cost);
        assert_eq!(figures.expected, 3, "the fourth was due before the window");
        assert_eq!((figures.sent, figures.copies), (2, 1));
        assert_eq!((figures.early, figures.refused), (1, 1));
        assert_eq!(figures.late_ms, [-1.0, 4.0]);
        assert_eq!(figures.late(99), Some(4.0));
        assert!((figures.rate - 1.0).abs() < 1e-9, "{}", figures.rate);
        let [alone, all] = figures.per_cpu_second();
        assert!((alone - 4.0).abs() < 1e-9 && (all - 1.0).abs() < 1e-9);
        assert_eq!(figures.share, Some(2.0 / 60.0));
    }
}
