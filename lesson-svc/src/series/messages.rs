//! Series as the contract has them.

use jiff::{Timestamp, tz::TimeZone};
use olm_proto::lesson::v1 as pb;

use super::{
    Conflict, Decided, Kept, Learner, Pattern, Series, Standing, Status,
    deciding::{Clock, Decision, Marks, marks},
};
use crate::{actors::Actor, availability::format_minute, ids::UserId};

impl From<Conflict> for pb::OccurrenceConflict {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::Past => Self::Past,
            Conflict::TeacherBusy => Self::TeacherBusy,
            Conflict::StudentBusy => Self::StudentBusy,
            Conflict::TimeOff => Self::TimeOff,
        }
    }
}

impl Series {
    /// The series as somebody sees it at `now`: what was skipped is for its teacher.
    #[must_use]
    pub fn to_message(&self, standing: &Standing, viewer: Actor, now: Timestamp) -> pb::Series {
        let state = match self.status {
            Status::Canceled => pb::SeriesState::Canceled,
            Status::Running if self.has_ended(standing, now) => pb::SeriesState::Ended,
            Status::Running => pb::SeriesState::Running,
        };
        let (student_id, student_name, group_id, group_title) = match &self.learner {
            Learner::Student { id, name } => {
                (id.to_string(), name.clone(), String::new(), String::new())
            }
            Learner::Group { id, title, .. } => {
                (String::new(), String::new(), id.to_string(), title.clone())
            }
        };
        let sees_all = viewer.admin || viewer.user == self.teacher_id;
        let skipped = standing.skipped.iter().filter(|_| sees_all);
        let last = Some(self.occurrence_count - 1).filter(|last| *last >= 0);
        let last = last.and_then(|last| self.pattern.date(last));
        pb::Series {
            id: self.id.to_string(),
            teacher_id: self.teacher_id.to_string(),
            teacher_name: self.teacher_name.clone(),
            student_id,
            student_name,
            group_id,
            group_title,
            pattern: Some(self.pattern_message()),
            occurrence_count: self.occurrence_count.into(),
            last_date: last.map(|last| last.to_string()).unwrap_or_default(),
            state: state.into(),
            version: self.version,
            create_time: Some(olm_proto::timestamp(self.create_time)),
            next_start_time: standing.next_start.map(olm_proto::timestamp),
            skipped: skipped.filter_map(skipped_message).collect(),
            cancel_reason: self.cancel_reason.clone(),
        }
    }

    fn pattern_message(&self) -> pb::SeriesPattern {
        pb::SeriesPattern {
            time_zone: self.pattern.zone_name().to_owned(),
            first_date: self.pattern.first_date.to_string(),
            start_time_of_day: format_minute(self.pattern.start_minute),
            lesson_duration: Some(olm_proto::duration(self.pattern.duration)),
            every_weeks: self.pattern.every_weeks.into(),
            meeting_url: self.meeting_url.clone(),
            notes: self.notes.clone(),
        }
    }
}

fn skipped_message(kept: &Kept) -> Option<pb::SkippedOccurrence> {
    match kept.decided {
        Decided::Booked(_) => None,
        Decided::Skipped { conflict, unasked } => Some(pb::SkippedOccurrence {
            ordinal: kept.ordinal.into(),
            start_time: Some(olm_proto::timestamp(kept.original_start)),
            conflict: pb::OccurrenceConflict::from(conflict).into(),
            unasked,
        }),
    }
}

/// Whose clocks a preview looks at.
#[derive(Debug)]
pub struct Viewing {
    /// The viewer's own.
    pub viewer: TimeZone,
    /// Of the teacher and the students.
    pub people: Vec<Clock>,
    /// Who teaches.
    pub teacher: UserId,
}

impl Viewing {
    /// An occurrence as a preview shows it, and the students whose hour shifts with it.
    #[must_use]
    pub fn occurrence(
        &self,
        pattern: &Pattern,
        decision: &Decision,
    ) -> (pb::PreviewedOccurrence, Vec<UserId>) {
        let marks = marks(pattern, &decision.occurrence, &self.people);
        let during = decision.occurrence.during;
        let conflict = decision.conflict.map(pb::OccurrenceConflict::from);
        let lesson = decision.conflicting.map(|lesson| lesson.to_string());
        let message = pb::PreviewedOccurrence {
            ordinal: decision.occurrence.ordinal.into(),
            start_time: Some(olm_proto::timestamp(during.start)),
            end_time: Some(olm_proto::timestamp(during.end)),
            local_start_time: local(&pattern.zone, during.start),
            viewer_local_start_time: local(&self.viewer, during.start),
            conflict: conflict.unwrap_or_default().into(),
            conflicting_lesson_id: lesson.unwrap_or_default(),
            busy_student_ids: decision.busy.iter().map(UserId::to_string).collect(),
            clock_marks: self.marks(&marks).map(Into::into).collect(),
            outside_hours: decision.outside_hours,
            lesson_id: String::new(),
            previous_start_time: None,
        };
        let students = marks
            .shifted
            .into_iter()
            .filter(|user| *user != self.teacher);
        (message, students.collect())
    }

    fn marks(&self, marks: &Marks) -> impl Iterator<Item = pb::ClockMark> {
        let teacher = marks.shifted.contains(&self.teacher);
        let student = marks.shifted.iter().any(|user| *user != self.teacher);
        [
            (marks.gap, pb::ClockMark::Gap),
            (marks.fold, pb::ClockMark::Fold),
            (
                marks.series_clock_changed,
                pb::ClockMark::SeriesClockChanged,
            ),
            (teacher, pb::ClockMark::TeacherTimeShifts),
            (student, pb::ClockMark::StudentTimeShifts),
        ]
        .into_iter()
        .filter_map(|(holds, mark)| holds.then_some(mark))
    }
}

/// What a clock of that zone shows, with its offset (RFC 3339).
fn local(zone: &TimeZone, instant: Timestamp) -> String {
    instant
        .display_with_offset(zone.to_offset(instant))
        .to_string()
}
