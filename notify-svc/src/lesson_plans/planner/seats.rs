//! What a teacher is told of single seats.

use super::{
    Due, Key, Kind, Lane, LessonNotice, LessonRole, LessonState, Planned, State, Subject,
    telling::Telling,
};

impl Telling<'_> {
    /// To the teacher, once per seat and schedule: what was due to its student about
    /// this lesson could not be delivered.
    pub(super) fn unreachable_students(&self) -> impl Iterator<Item = Planned> + '_ {
        let ahead = self.snapshot.start > self.now;
        let own_doing = self.snapshot.changed_by == LessonRole::Student;
        let off = self.snapshot.state == LessonState::Canceled;
        let seats = self.snapshot.seats.iter().filter(move |seat| {
            // Who gave it up themselves need not be told.
            let left = self.snapshot.of_group && seat.was_left();
            ahead && !left && !(own_doing && (off || seat.canceled))
        });
        seats.filter_map(|seat| {
            let subject = Subject::Booking(seat.booking_id);
            let schedule_version = self.snapshot.schedule_version;
            let failed = self.all_told.iter().any(|told| {
                told.user_id == seat.student_id
                    && told.key.subject == subject
                    && told.key.schedule_version == schedule_version
                    && told.state == State::Failed
                    && told.gone
            });
            if !failed {
                return None;
            }
            let key = Key {
                kind: Kind::StudentUnreachable,
                subject,
                schedule_version,
                lead_s: 0,
            };
            let state = if seat.canceled {
                LessonState::Canceled
            } else {
                self.snapshot.state
            };
            let notice = LessonNotice {
                state: state.into(),
                no_counterpart: false,
                ..self.notice(Kind::StudentUnreachable)
            };
            let mut planned = self.planned(key, Lane::Interactive, Due::AtOnce, notice);
            planned.counterpart_id = Some(seat.student_id);
            planned.expires_at = Some(self.snapshot.start);
            Some(planned)
        })
    }

    /// To the teacher of a group's lesson that is ahead: who gave up their seat, or did not
    /// say in time that they come; once a seat, whatever becomes of the lesson's schedule.
    /// Who came back did not leave, and who left the whole series is told of with it.
    pub(super) fn students_left(&self) -> impl Iterator<Item = Planned> + '_ {
        let snapshot = self.snapshot;
        let tells = snapshot.of_group
            && snapshot.state == LessonState::Scheduled
            && snapshot.start > self.now;
        let seats = snapshot.seats.iter().filter(move |seat| {
            let left = match seat.changed_by {
                LessonRole::Student | LessonRole::Unspecified => seat.canceled,
                LessonRole::Teacher | LessonRole::Admin => false,
            };
            let is_theirs = |other: &super::Seat| other.student_id == seat.student_id;
            let mut taken = snapshot.seats.iter().filter(|other| !other.canceled);
            tells && left && !taken.any(is_theirs)
        });
        seats.map(|seat| {
            let subject = Subject::Booking(seat.booking_id);
            let told = self.all_told.iter().find(|told| {
                told.user_id == self.part.user_id
                    && told.key.kind == Kind::StudentLeft
                    && told.key.subject == subject
            });
            let key = told.map_or(
                Key {
                    kind: Kind::StudentLeft,
                    subject,
                    schedule_version: snapshot.schedule_version,
                    lead_s: 0,
                },
                |told| told.key,
            );
            let due = if seat.with_series {
                Due::Never
            } else {
                Due::AtOnce
            };
            let notice = LessonNotice {
                changed_by: seat.changed_by.into(),
                no_counterpart: false,
                ..self.notice(Kind::StudentLeft)
            };
            let mut planned = self.planned(key, Lane::Interactive, due, notice);
            planned.counterpart_id = Some(seat.student_id);
            planned.expires_at = Some(snapshot.start);
            planned
        })
    }
}
