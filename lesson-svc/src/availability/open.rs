//! From wall clock to instants: when a teacher works.
//!
//! Wall clock becomes instants by the rules of RFC 5545 (3.3.5): at a fold the first
//! instant counts, in a gap the offset before it. Between the instants of an interval's
//! start and end, time is absolute: a doubled hour holds slots at distinct instants,
//! and a skipped hour holds none.

use std::collections::HashMap;

use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};

use super::{
    Hours, Interval,
    stretches::{Stretch, Stretches, seek},
    wall_clock,
};

/// When a teacher works within a window, as instants.
#[derive(Debug, Default)]
pub struct OpenTime {
    /// By start, no two sharing an instant.
    grids: Vec<Grid>,
    /// What the intervals cover: a lesson may run from one into the next, over
    /// midnight for example.
    open: Stretches,
    /// What time off takes of it.
    off: Stretches,
}

/// Lessons begin at whole steps from `origin`, the start of an interval, within `part`:
/// what of the interval no earlier one covers. Weekly rules never overlap, but the
/// night of a weekly rule may run into the hours of the next date's override; the
/// earlier interval then keeps its grid to its end, and the later goes on with its own.
#[derive(Debug)]
struct Grid {
    origin: Timestamp,
    part: Stretch,
}

/// Where the last search in each list of an [`OpenTime`] ended.
#[derive(Debug, Default)]
pub struct Place {
    grid: usize,
    open: usize,
    off: usize,
}

impl OpenTime {
    /// A teacher's open time around `window`: whole days, and two more on both sides,
    /// so that the answer for a start does not depend on the window it is asked in.
    #[must_use]
    pub fn around(hours: &Hours, window: Stretch) -> Self {
        let mut intervals = intervals(hours, window);
        intervals.sort_unstable();
        let mut grids = Vec::with_capacity(intervals.len());
        let mut covered = Timestamp::MIN;
        for interval in &intervals {
            let part = Stretch {
                start: interval.start.max(covered),
                end: interval.end,
            };
            if part.start < part.end {
                grids.push(Grid {
                    origin: interval.start,
                    part,
                });
            }
            covered = covered.max(interval.end);
        }
        Self {
            grids,
            open: intervals.into_iter().collect(),
            off: hours.time_off.iter().copied().collect(),
        }
    }

    /// True when the teacher works during all of `stretch`.
    #[must_use]
    pub fn covers(&self, stretch: &Stretch, near: &mut Place) -> bool {
        self.open.cover(stretch, &mut near.open) && !self.off.overlap(stretch, &mut near.off)
    }

    /// True when lessons begin at `start`.
    #[must_use]
    pub fn on_grid(&self, start: Timestamp, step: SignedDuration, near: &mut Place) -> bool {
        let grid = seek(&self.grids, &mut near.grid, |grid| grid.part.end <= start);
        grid.is_some_and(|grid| {
            let behind = start.duration_since(grid.origin);
            grid.part.start <= start
                && behind.subsec_nanos() == 0
                && behind.as_secs().checked_rem(step.as_secs()) == Some(0)
        })
    }

    /// Every start within `window` that is on a grid, by instant, each once.
    pub fn starts(&self, window: Stretch, step: SignedDuration) -> impl Iterator<Item = Timestamp> {
        let first = self
            .grids
            .partition_point(|grid| grid.part.end <= window.start);
        self.grids[first..]
            .iter()
            .take_while(move |grid| grid.part.start < window.end)
            .flat_map(move |grid| {
                let (from, until) = (
                    grid.part.start.max(window.start),
                    grid.part.end.min(window.end),
                );
                let first = first_start(grid.origin, step, from);
                std::iter::successors(first, move |start| start.checked_add(step).ok())
                    .take_while(move |start| *start < until)
            })
    }
}

/// The first of `origin`, `origin + step`, … that is not before `from`; `None` for a
/// step that leads nowhere.
fn first_start(origin: Timestamp, step: SignedDuration, from: Timestamp) -> Option<Timestamp> {
    if step <= SignedDuration::ZERO {
        return None;
    }
    let behind = from.duration_since(origin).max(SignedDuration::ZERO);
    let (behind, step) = (behind.as_nanos(), step.as_nanos());
    let ahead = (behind + step - 1) / step * step;
    origin
        .checked_add(SignedDuration::from_nanos_i128(ahead))
        .ok()
}

/// The dates whose intervals decide about starts within `window`.
#[must_use]
pub fn dates_around(zone: &TimeZone, window: Stretch) -> (Date, Date) {
    let date = |instant| zone.to_datetime(instant).date();
    (
        date(window.start).saturating_sub(2.days()),
        date(window.end).saturating_add(2.days()),
    )
}

/// Every interval that begins on the dates around `window`, as instants.
fn intervals(hours: &Hours, window: Stretch) -> Vec<Stretch> {
    let (mut date, last) = dates_around(&hours.zone, window);
    let overrides: HashMap<Date, &[Interval]> = hours
        .overrides
        .iter()
        .map(|other| (other.date, other.intervals.as_slice()))
        .collect();
    let mut found = Vec::new();
    while date <= last {
        let instants = |interval: &Interval| instants(&hours.zone, date, *interval);
        if let Some(intervals) = overrides.get(&date) {
            found.extend(intervals.iter().filter_map(instants));
        } else {
            let rules = hours.rules.iter().filter(|rule| rule.begins_on(date));
            found.extend(rules.filter_map(|rule| instants(&rule.interval)));
        }
        let Ok(next) = date.tomorrow() else { break };
        date = next;
    }
    found
}

/// An interval of a date; `None` when nothing of it exists there.
fn instants(zone: &TimeZone, date: Date, interval: Interval) -> Option<Stretch> {
    let start = start_instant(zone, wall_clock(date, interval.start_minute)?)?;
    let end = end_instant(zone, wall_clock(date, interval.end_minute)?)?;
    (start < end).then_some(Stretch { start, end })
}

fn start_instant(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(wall).compatible().ok()
}

/// Like a start, except in a gap: RFC 5545 would move an end past the gap, to wall
/// clock times at which the teacher no longer works, so it ends where the gap begins.
fn end_instant(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(wall);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            zone.following(before)
                .next()
                .map(|change| change.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
            ambiguous.compatible().ok()
        }
    }
}
