//! What becomes of occurrences: the one function behind previews, creating, changing and the
//! job. No IO, and time is a parameter.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    Conflict,
    pattern::{Hour, Occurrence, Pattern, local_minute},
};
use crate::{
    availability::{
        open::{OpenTime, Place},
        slots::Stretch,
        stretches::{Stretches, seek},
    },
    ids::{LessonId, UserId},
    lessons::gathering::Gathering,
};

/// All that stands against occurrences, around a stretch of time.
#[derive(Debug)]
pub struct Busy {
    /// The teacher's lessons with their buffers, by start; no two overlap.
    pub lessons: Vec<(Stretch, LessonId)>,
    /// The time the teacher is in lessons of others.
    pub teacher_seats: Stretches,
    /// The time the one student is in lessons, in either role; empty of a group's.
    pub student: Stretches,
    /// The teacher's time off.
    pub off: Stretches,
    /// The dates whose overrides have no hours, in [`Self::hours_zone`].
    pub days_off: BTreeSet<Date>,
    /// The zone of the teacher's hours.
    pub hours_zone: TimeZone,
    /// When the teacher works.
    pub open: OpenTime,
    /// The members of the group; `None`: one student's.
    pub group: Option<Gathering>,
}

/// An occurrence, and what stands against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Which.
    pub occurrence: Occurrence,
    /// `None`: it can be booked.
    pub conflict: Option<Conflict>,
    /// The teacher's lesson that stands against it.
    pub conflicting: Option<LessonId>,
    /// The members of the group who have another lesson then, by id.
    pub busy: Vec<UserId>,
    /// It is outside the teacher's hours of work.
    pub outside_hours: bool,
}

impl Busy {
    /// What stands against an occurrence, and the teacher's lesson that does.
    fn against(
        &self,
        during: &Stretch,
        staying: &Stretches,
        now: Timestamp,
    ) -> Option<(Conflict, Option<LessonId>)> {
        if during.start <= now {
            return Some((Conflict::Past, None));
        }
        let ended = |(blocked, _): &(Stretch, LessonId)| blocked.end <= during.start;
        let lesson = seek(&self.lessons, &mut 0, ended);
        if let Some((_, id)) = lesson.filter(|(blocked, _)| blocked.overlaps(during)) {
            return Some((Conflict::TeacherBusy, Some(*id)));
        }
        if self.teacher_seats.overlap(during, &mut 0) || staying.overlap(during, &mut 0) {
            return Some((Conflict::TeacherBusy, None));
        }
        if self.student.overlap(during, &mut 0) {
            return Some((Conflict::StudentBusy, None));
        }
        let date = self.hours_zone.to_datetime(during.start).date();
        if self.off.overlap(during, &mut 0) || self.days_off.contains(&date) {
            return Some((Conflict::TimeOff, None));
        }
        None
    }

    /// Decides about occurrences. `staying` is the time of the series' own lessons that stay
    /// where they are.
    pub fn decide(
        &self,
        occurrences: impl IntoIterator<Item = Occurrence>,
        staying: &Stretches,
        now: Timestamp,
    ) -> Vec<Decision> {
        let decide = |occurrence: Occurrence| {
            let during = occurrence.during;
            let against = self.against(&during, staying, now);
            let group = self.group.as_ref();
            Decision {
                occurrence,
                conflict: against.map(|(conflict, _)| conflict),
                conflicting: against.and_then(|(_, lesson)| lesson),
                busy: group.map_or_else(Vec::new, |group| group.seats_for(during).busy),
                outside_hours: !self.open.covers(&during, &mut Place::default()),
            }
        };
        occurrences.into_iter().map(decide).collect()
    }
}

/// Somebody's clock.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Whose.
    pub user: UserId,
    /// Of the linked database.
    pub zone: TimeZone,
}

/// What clocks do to an occurrence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its hour is left out.
    pub gap: bool,
    /// Its hour is there twice.
    pub fold: bool,
    /// The series' clock changed since the occurrence before.
    pub series_clock_changed: bool,
    /// Whose hour is another than at the occurrence before.
    pub shifted: Vec<UserId>,
}

/// What clocks do to an occurrence for these people.
#[must_use]
pub fn marks(pattern: &Pattern, occurrence: &Occurrence, people: &[Clock]) -> Marks {
    let start = occurrence.during.start;
    let before = Some(occurrence.ordinal - 1).filter(|before| *before >= 0);
    let before = before.and_then(|before| pattern.occurrence(before));
    let before = before.map(|before| before.during.start);
    let shifted = people.iter().filter(|person| {
        before.is_some_and(|before| {
            local_minute(&person.zone, before) != local_minute(&person.zone, start)
        })
    });
    Marks {
        gap: occurrence.hour == Hour::Gap,
        fold: occurrence.hour == Hour::Fold,
        series_clock_changed: before
            .is_some_and(|before| pattern.zone.to_offset(before) != pattern.zone.to_offset(start)),
        shifted: shifted.map(|person| person.user).collect(),
    }
}

#[cfg(test)]
mod tests;
