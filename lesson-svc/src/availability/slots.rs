//! What can be booked, and why not: one function, [`Offer::bookable`], that both
//! listing slots and booking ask. No IO, and time is a parameter.

use jiff::{SignedDuration, Timestamp};

use super::{
    days::LessonDays,
    open::{OpenTime, Place},
    stretches::Stretches,
};
use crate::teachers::Policies;

pub use super::stretches::Stretch;

/// Why a start cannot be booked. The first that applies, in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unbookable {
    /// The teacher gives no lessons of this length.
    DurationNotOffered {
        /// The lengths the teacher gives.
        offered: Vec<SignedDuration>,
    },
    /// Sooner than the minimum notice, or past.
    TooSoon,
    /// Beyond the booking horizon.
    TooFar,
    /// The teacher does not work, or is off, during some of the lesson.
    OutsideAvailability,
    /// The teacher works, but lessons begin at other minutes.
    OffGrid,
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
    /// When the teacher works, around a window that holds the starts asked about.
    pub open: &'a OpenTime,
    /// The teacher's lessons by day, around the same window; looked at when the
    /// policies have a daily limit.
    pub days: &'a LessonDays,
    /// The time the teacher's lessons take, with their buffers, and the time the
    /// teacher is in lessons of others.
    pub teacher_busy: &'a Stretches,
    /// The time the student is in lessons, as a student or as a teacher; empty when
    /// nobody asks.
    pub student_busy: &'a Stretches,
    /// The current instant.
    pub now: Timestamp,
}

/// The time of a lesson: one that can be booked, or one that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bookable {
    /// The lesson itself.
    pub during: Stretch,
    /// The lesson with its buffers.
    pub blocked: Stretch,
}

/// Where the last search in each list ended: starts that are asked about in order are
/// found without searching from the beginning each time.
#[derive(Debug, Default)]
struct Places {
    open: Place,
    day: usize,
    teacher: usize,
    student: usize,
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
        let duration = self.policies.offered_duration(Some(duration))?;
        self.decide(start, duration, &mut Places::default())
    }

    fn decide(
        &self,
        start: Timestamp,
        duration: SignedDuration,
        near: &mut Places,
    ) -> Result<Bookable, Unbookable> {
        let policies = self.policies;
        let ahead = start.duration_since(self.now);
        if ahead < policies.min_notice.max(SignedDuration::ZERO) {
            return Err(Unbookable::TooSoon);
        }
        if ahead > policies.booking_horizon {
            return Err(Unbookable::TooFar);
        }
        let Some(lesson) = policies.lesson_at(start, duration) else {
            return Err(Unbookable::TooFar);
        };
        if !self.open.covers(&lesson.during, &mut near.open) {
            return Err(Unbookable::OutsideAvailability);
        }
        if !self.open.on_grid(start, policies.slot_step, &mut near.open) {
            return Err(Unbookable::OffGrid);
        }
        let limit = policies.daily_lesson_limit;
        if limit.is_some_and(|limit| self.days.is_full(start, limit, &mut near.day)) {
            return Err(Unbookable::DailyLimitReached);
        }
        self.check_busy(&lesson, near)?;
        Ok(lesson)
    }

    fn check_busy(&self, lesson: &Bookable, near: &mut Places) -> Result<(), Unbookable> {
        let (teacher, student) = (self.teacher_busy, self.student_busy);
        if teacher.overlap(&lesson.blocked, &mut near.teacher) {
            return Err(Unbookable::SlotTaken);
        }
        if student.overlap(&lesson.during, &mut near.student) {
            return Err(Unbookable::StudentBusy);
        }
        Ok(())
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
        let lesson = Bookable {
            during,
            blocked: during,
        };
        self.check_busy(&lesson, &mut Places::default())?;
        Ok(lesson)
    }

    /// Every bookable lesson of that length that starts in `window`, by start; found as
    /// they are asked for.
    pub fn slots(
        &self,
        window: Stretch,
        duration: SignedDuration,
    ) -> impl Iterator<Item = Bookable> {
        let mut near = Places::default();
        let offered = self.policies.offered_duration(Some(duration)).ok();
        offered
            .into_iter()
            .flat_map(move |_| self.open.starts(window, self.policies.slot_step))
            .filter_map(move |start| self.decide(start, duration, &mut near).ok())
    }
}

#[cfg(test)]
mod tests;
