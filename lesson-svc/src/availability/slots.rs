//! What can be booked, and why not: one function, [`Offer::bookable`], that both
//! listing slots and booking ask. No IO, and time is a parameter.
//!
//! Wall clock becomes instants by the rules of RFC 5545 (3.3.5): at a fold the first
//! instant counts, in a gap the offset before it. Between the instants of a rule's
//! start and end, time is absolute: a doubled hour holds slots at distinct instants,
//! and a skipped hour holds none.

use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};

use super::{WeeklyHours, WeeklyRule, time_of_minute};
use crate::teachers::Policies;

/// A stretch of time, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// The first instant in it.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
}

impl Stretch {
    /// True when both share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// Why a start cannot be booked. The first that applies, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unbookable {
    /// Sooner than the minimum notice, or past.
    TooSoon,
    /// Beyond the booking horizon.
    TooFar,
    /// The teacher does not work during all of the lesson.
    OutsideAvailability,
    /// The teacher works, but lessons begin at other minutes.
    OffGrid,
    /// The teacher gives no lessons of this length.
    DurationNotOffered,
    /// The teacher gives no more lessons on this day.
    DailyLimitReached,
    /// Another lesson of the teacher, with its buffers, takes the time.
    SlotTaken,
    /// The student has another lesson at this time.
    StudentBusy,
}

/// All that decides what can be booked with one teacher, for one stretch of time.
#[derive(Debug)]
pub struct Offer<'a> {
    /// What the teacher allows.
    pub policies: &'a Policies,
    /// When the teacher works, from [`open_intervals`], for a window that covers the
    /// starts asked about.
    pub open: &'a OpenTime,
    /// The teacher's lessons with their buffers, by start, none overlapping.
    pub teacher_busy: &'a [Stretch],
    /// The student's lessons, by start, none overlapping; empty when nobody asks.
    pub student_busy: &'a [Stretch],
    /// The current instant.
    pub now: Timestamp,
}

/// A lesson that can be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bookable {
    /// The lesson itself.
    pub during: Stretch,
    /// The lesson with its buffers.
    pub blocked: Stretch,
}

impl Offer<'_> {
    /// Decides about one start. Offered is bookable: [`Offer::slots`] asks the same.
    ///
    /// # Errors
    ///
    /// The first reason that stands against it.
    pub fn bookable(
        &self,
        start: Timestamp,
        duration: SignedDuration,
    ) -> Result<Bookable, Unbookable> {
        if !self.policies.lesson_durations.contains(&duration) {
            return Err(Unbookable::DurationNotOffered);
        }
        let ahead = start.duration_since(self.now);
        if ahead < self.policies.min_notice.max(SignedDuration::ZERO) {
            return Err(Unbookable::TooSoon);
        }
        if ahead > self.policies.booking_horizon {
            return Err(Unbookable::TooFar);
        }
        let Some(lesson) = self.policies.lesson_at(start, duration) else {
            return Err(Unbookable::TooFar);
        };
        if !self.open.covers(&lesson.during) {
            return Err(Unbookable::OutsideAvailability);
        }
        if !self.open.on_grid(start, self.policies.slot_step) {
            return Err(Unbookable::OffGrid);
        }
        if overlaps_any(&lesson.blocked, self.teacher_busy) {
            return Err(Unbookable::SlotTaken);
        }
        if overlaps_any(&lesson.during, self.student_busy) {
            return Err(Unbookable::StudentBusy);
        }
        Ok(lesson)
    }

    /// Decides about a start for those whom the policies do not bind: the teacher and
    /// admins. Such a lesson takes no buffers of its own.
    ///
    /// # Errors
    ///
    /// [`Unbookable::TooSoon`] for the past, or the lesson that stands against it.
    pub fn free(&self, start: Timestamp, duration: SignedDuration) -> Result<Bookable, Unbookable> {
        if start <= self.now {
            return Err(Unbookable::TooSoon);
        }
        let end = start
            .checked_add(duration)
            .map_err(|_| Unbookable::TooFar)?;
        let during = Stretch { start, end };
        if overlaps_any(&during, self.teacher_busy) {
            return Err(Unbookable::SlotTaken);
        }
        if overlaps_any(&during, self.student_busy) {
            return Err(Unbookable::StudentBusy);
        }
        Ok(Bookable {
            during,
            blocked: during,
        })
    }

    /// Every bookable lesson of that length that starts in `window`, by start.
    pub fn slots(
        &self,
        window: Stretch,
        duration: SignedDuration,
    ) -> impl Iterator<Item = Bookable> {
        self.open
            .grid(window, self.policies.slot_step)
            .into_iter()
            .filter_map(move |start| self.bookable(start, duration).ok())
    }
}

/// Busy stretches are by start and do not overlap, so they are by end as well.
fn overlaps_any(stretch: &Stretch, busy: &[Stretch]) -> bool {
    let first = busy.partition_point(|other| other.end <= stretch.start);
    busy.get(first).is_some_and(|other| other.overlaps(stretch))
}

/// When a teacher works within a window, as instants.
#[derive(Debug, Default)]
pub struct OpenTime {
    /// One per rule and date, by start: each begins a grid of its own.
    intervals: Vec<Stretch>,
    /// The same with those that touch joined: a lesson may run from one into the
    /// next, over midnight for example.
    joined: Vec<Stretch>,
}

impl OpenTime {
    fn covers(&self, stretch: &Stretch) -> bool {
        let after = self
            .joined
            .partition_point(|open| open.start <= stretch.start);
        self.joined[..after]
            .last()
            .is_some_and(|open| stretch.end <= open.end)
    }

    /// A start belongs to the interval it lies in; intervals do not overlap.
    fn on_grid(&self, start: Timestamp, step: SignedDuration) -> bool {
        let after = self.intervals.partition_point(|open| open.start <= start);
        self.intervals[..after].last().is_some_and(|open| {
            start < open.end && start.duration_since(open.start).as_nanos() % step.as_nanos() == 0
        })
    }

    /// Every grid point within `window`, by instant, each once.
    fn grid(&self, window: Stretch, step: SignedDuration) -> Vec<Timestamp> {
        let mut points = Vec::new();
        for open in self.intervals.iter().filter(|open| open.overlaps(&window)) {
            let mut point = first_point(open.start, step, window.start);
            while let Some(start) = point.filter(|start| *start < open.end && *start < window.end) {
                points.push(start);
                point = start.checked_add(step).ok();
            }
        }
        points.sort_unstable();
        points.dedup();
        points
    }
}

/// The first of `origin`, `origin + step`, … that is not before `from`.
fn first_point(origin: Timestamp, step: SignedDuration, from: Timestamp) -> Option<Timestamp> {
    let behind = from.duration_since(origin);
    if behind <= SignedDuration::ZERO {
        return Some(origin);
    }
    let (behind, step) = (behind.as_nanos(), step.as_nanos());
    let ahead = (behind + step - 1) / step * step;
    origin
        .checked_add(SignedDuration::from_nanos_i128(ahead))
        .ok()
}

/// The teacher's open time around `window`: whole days, and one more on both sides,
/// so that the answer for a start does not depend on the window it is asked in.
#[must_use]
pub fn open_intervals(hours: &WeeklyHours, window: Stretch) -> OpenTime {
    let first = hours.zone.to_datetime(window.start).date();
    let last = hours.zone.to_datetime(window.end).date();
    let first = first.saturating_sub(2.days());
    let last = last.saturating_add(2.days());
    let mut intervals = Vec::new();
    let mut date = first;
    while date <= last {
        let rules = hours.rules.iter();
        intervals.extend(
            rules
                .filter(|rule| rule.weekday() == Some(date.weekday()))
                .filter_map(|rule| interval(&hours.zone, date, *rule)),
        );
        let Ok(next) = date.tomorrow() else { break };
        date = next;
    }
    intervals.sort_unstable();
    let mut joined: Vec<Stretch> = Vec::new();
    for open in &intervals {
        match joined.last_mut() {
            Some(last) if open.start <= last.end => last.end = last.end.max(open.end),
            _ => joined.push(*open),
        }
    }
    OpenTime { intervals, joined }
}

/// A rule on a date; `None` when nothing of it exists there.
fn interval(zone: &TimeZone, date: Date, rule: WeeklyRule) -> Option<Stretch> {
    let start = date.to_datetime(time_of_minute(rule.start_minute)?);
    let end = match time_of_minute(rule.end_minute) {
        Some(time) => date.to_datetime(time),
        None => date
            .tomorrow()
            .ok()?
            .to_datetime(jiff::civil::Time::midnight()),
    };
    let (start, end) = (start_instant(zone, start)?, end_instant(zone, end)?);
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

#[cfg(test)]
#[path = "slots/tests.rs"]
mod tests;
