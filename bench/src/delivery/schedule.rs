//! What is due when, decided before anything begins.

use std::time::Duration;

use e2e::{Result, chaos::dice::Dice};
use service_kit::clock::{Clock as _, SystemClock};

use super::{Case, Contestant, Plan, Scenario, arena::Arena};

/// How often something happens that somebody is told of at once, during a burst: each time
/// two people are.
const EVENTS_PER_SECOND: u64 = 2;
/// The first event happens before the window and is not judged: services that run have booked
/// before.
const WARM_UP: Duration = Duration::from_secs(2);
/// More than a group may get in any window up to three minutes.
const PER_GROUP: u32 = 60;
/// People beside the groups, per second.
const BESIDE_PER_SECOND: u64 = 5;
/// What groups and people beside them are told, about.
pub(super) const ROWS_OF_GROUPS: u32 = 1_500;
/// After the last row is due: what is later counts as not sent.
const GRACE: Duration = Duration::from_secs(5);
/// Looking every 30 seconds, 50 rows at a time.
const SOURCE_GRACE: Duration = Duration::from_secs(35);

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    /// To whom.
    pub(super) chat: i64,
    /// When it is due, microseconds since 1970.
    pub(super) at_us: i64,
    /// Enqueued at that instant, to be sent at once, before what waits.
    pub(super) live: bool,
    /// Its lateness is what the scenario asks for.
    pub(super) watched: bool,
}

/// All messages of one measurement.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) items: Vec<Item>,
    /// When the first may be due, microseconds since 1970.
    pub(super) start_us: i64,
    /// How long is looked at, from the start.
    pub(super) watched: Duration,
    pub(super) limits: bool,
}

impl Schedule {
    /// Begins `lead` from now. The same round has the same instants for everybody.
    pub(super) fn new(plan: &Plan, arena: &Arena, case: Case, round: u32, lead: Duration) -> Self {
        let start_us = SystemClock.now().as_microsecond() + micros(lead);
        let mut dice = Dice::new(plan.window, round);
        let window_us = micros(plan.window());
        let mut within =
            || start_us + i64::try_from(dice.below(window_us.unsigned_abs())).unwrap_or(0);
        let people = 1..=i64::from(plan.burst);
        let mut watched = plan.window();
        let row = |chat, at_us, watched| Item {
            chat,
            at_us,
            live: false,
            watched,
        };
        let items = match case.scenario {
            Scenario::Precision => {
                watched += if case.contestant == Contestant::Source {
                    SOURCE_GRACE
                } else {
                    GRACE
                };
                let people = 1..=i64::from(plan.rows);
                people.map(|chat| row(chat, within(), true)).collect()
            }
            Scenario::Burst | Scenario::Throughput | Scenario::Idle => {
                people.map(|chat| row(chat, start_us, false)).collect()
            }
            Scenario::Interactive => {
                let events = EVENTS_PER_SECOND * plan.window.saturating_sub(1);
                let mut items: Vec<_> = people.map(|chat| row(chat, start_us, false)).collect();
                let mut pairs = Arena::pairs();
                let mut happens = |at_us| {
                    let pair = pairs.next().into_iter().flatten();
                    items.extend(pair.map(|chat| Item {
                        chat,
                        at_us,
                        live: true,
                        watched: true,
                    }));
                };
                happens(start_us - micros(WARM_UP));
                (0..events).for_each(|_| happens(within()));
                items
            }
            Scenario::Groups => {
                let groups = arena.groups.iter();
                let groups = groups.flat_map(|group| (0..PER_GROUP).map(|_| *group));
                let mut items: Vec<_> = groups.map(|chat| row(chat, start_us, false)).collect();
                let beside = i64::try_from(BESIDE_PER_SECOND * plan.window).unwrap_or(0);
                items.extend((1..=beside).map(|chat| row(chat, within(), true)));
                items
            }
        };
        Self {
            items,
            start_us,
            watched,
            limits: case.scenario.has_limits(),
        }
    }

    /// How many messages are judged.
    pub(super) fn expected(&self) -> u32 {
        let judged = self.items.iter().filter(|item| self.judges(item));
        u32::try_from(judged.count()).unwrap_or(u32::MAX)
    }

    /// Whether it is due within the window.
    pub(super) fn judges(&self, item: &Item) -> bool {
        item.at_us >= self.start_us
    }

    /// What is enqueued ahead, and what at its instant, in the order it is due.
    pub(super) fn parts(&self) -> (Vec<Item>, Vec<Item>) {
        let mut items = self.items.clone();
        items.sort_by_key(|item| item.at_us);
        items.into_iter().partition(|item| !item.live)
    }

    /// How long until it begins.
    ///
    /// # Errors
    ///
    /// When it has begun: enqueueing took too long.
    pub(super) fn until_start(&self) -> Result<Duration> {
        let left = self.start_us - SystemClock.now().as_microsecond();
        let left = u64::try_from(left).map_err(|_| "enqueueing took longer than expected")?;
        Ok(Duration::from_micros(left))
    }
}

/// A span in microseconds.
pub(super) fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
