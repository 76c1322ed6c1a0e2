//! The one place where the simulator asks what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// One instant, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Wall clock, microseconds since 1970.
    pub unix_us: i64,
    /// Microseconds since the simulator started; never steps back.
    pub mono_us: u64,
}

impl Moment {
    /// Wall clock in whole seconds, as the Bot API counts dates.
    pub fn unix_seconds(self) -> i64 {
        self.unix_us.div_euclid(1_000_000)
    }
}

/// Wall and monotonic time since the simulator started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SimClock {
    origin: Instant,
}

impl SimClock {
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    pub fn now(&self) -> Moment {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the clock: the ledger is compared with the logs of other processes"
        )]
        let wall = SystemTime::now();
        let unix = wall.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Moment {
            unix_us: i64::try_from(unix.as_micros()).unwrap_or(i64::MAX),
            mono_us: u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }
}
