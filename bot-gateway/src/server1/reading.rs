//! How long one update may read in all, so that a press is answered within a second however
//! many reads it takes (OLM-5). Pure.

use std::time::Duration;

use tokio::time::Instant;

/// What the reads of an update took so far. Reads at the same time count once.
#[derive(Debug, Default)]
pub(super) struct Reading {
    under_way: u32,
    /// When the first of those under way began, or the last time they were counted.
    since: Option<Instant>,
    spent: Duration,
    /// One took longer than a read that is none to worry of.
    was_slow: bool,
}

impl Reading {
    /// A read begins; answers how long it may take. `most` is what any read may.
    pub(super) fn begin(&mut self, now: Instant, most: Duration) -> Duration {
        let left = self.left(now, most);
        if self.under_way == 0 {
            self.since = Some(now);
        }
        self.under_way += 1;
        left
    }

    /// A read has ended.
    pub(super) fn end(&mut self, now: Instant, most: Duration) {
        let took = self.under_way_for(now);
        self.was_slow |= took >= quick(most);
        self.under_way = self.under_way.saturating_sub(1);
        if self.under_way == 0 {
            self.spent += took;
            self.since = None;
        }
    }

    /// What a read may take from now on. While all were quick there is time for one more that
    /// is; once one was slow, an eighth more than `most` has to do for all of them.
    pub(super) fn left(&self, now: Instant, most: Duration) -> Duration {
        let spent = self.spent + self.under_way_for(now);
        let left = (most + most / 8).saturating_sub(spent);
        let left = if self.was_slow {
            left
        } else {
            left.max(quick(most))
        };
        left.min(most)
    }

    fn under_way_for(&self, now: Instant) -> Duration {
        let since = self.since.unwrap_or(now);
        now.saturating_duration_since(since)
    }
}

/// What a read of a server that is well takes at most.
fn quick(most: Duration) -> Duration {
    most / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_millis(800);
    const MS: Duration = Duration::from_millis(1);

    /// Reads one after the other, each of which takes so long; answers what is left.
    fn after(reads: &[u32]) -> Duration {
        let (mut reading, mut now) = (Reading::default(), Instant::now());
        for lasts in reads {
            reading.begin(now, MOST);
            now += *lasts * MS;
            reading.end(now, MOST);
            // What is done in between is none of it.
            now += MOST;
        }
        reading.left(now, MOST)
    }

    #[test]
    fn all_reads_of_an_update_share_their_time_once_one_was_slow() {
        assert_eq!(after(&[]), MOST);
        assert_eq!(after(&[50]), MOST);
        assert_eq!(after(&[600]), 300 * MS);
        assert_eq!(after(&[600, 250]), 50 * MS);
        assert_eq!(after(&[600, 300]), Duration::ZERO);
        assert_eq!(after(&[800, 100]), Duration::ZERO);
    }

    #[test]
    fn quick_reads_may_be_many() {
        assert_eq!(after(&[100; 4]), 500 * MS);
        assert_eq!(after(&[100; 30]), 200 * MS, "one more that is quick");
        assert_eq!(
            after(&[[100; 30].as_slice(), &[200]].concat()),
            Duration::ZERO
        );
    }

    #[test]
    fn reads_at_the_same_time_count_once() {
        let (mut reading, now) = (Reading::default(), Instant::now());
        assert_eq!(reading.begin(now, MOST), MOST);
        assert_eq!(reading.begin(now + 100 * MS, MOST), MOST);
        reading.end(now + 400 * MS, MOST);
        reading.end(now + 500 * MS, MOST);
        assert_eq!(reading.left(now + 500 * MS, MOST), 400 * MS);
    }
}
