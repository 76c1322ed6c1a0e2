//! What one person is told when a lesson, a request or their seat ends.

use super::{
    Due, Kind, Lane, LessonNotice, LessonRole, LessonState, Planned, Seat, Told, telling::Telling,
};

impl Telling<'_> {
    /// That the lesson is off, or their seat in it: to whoever knew of it, and to a
    /// student who came by it on another way than our messages.
    pub(super) fn cancellation(&self) -> Option<Planned> {
        let kind = self.end();
        let key = self.key(kind, 0);
        let tells = match self.learned(self.snapshot.schedule_version) {
            // A seat may have ended under a schedule before this one.
            Some(told) if told.key.kind.ends() && told.in_flight() => {
                return Some(self.again(told));
            }
            Some(told) => !told.key.kind.ends(),
            None => self.may_count_on_it(),
        };
        let late = kind == Kind::SeatFreed && self.snapshot.start <= self.now;
        if (!tells || late) && !self.has(key) {
            return None;
        }
        let goes_on = self.part.seat.is_some() && self.snapshot.state == LessonState::Scheduled;
        let notice = LessonNotice {
            changed_by: self.ended_by().into(),
            cancel_reason: self.snapshot.cancel_reason.clone(),
            request: self.was_a_request(),
            state: if goes_on {
                LessonState::Scheduled.into()
            } else {
                LessonState::Unspecified.into()
            },
            ..self.notice(kind)
        };
        let due = if self.ends_silently() {
            Due::Never
        } else {
            Due::AtOnce
        };
        Some(self.planned(key, Lane::Interactive, due, notice))
    }

    /// A seat in a group's lesson that takes place without it.
    fn seat_given_up(&self) -> Option<Seat> {
        let on = self.snapshot.of_group && self.snapshot.state == LessonState::Scheduled;
        self.part.seat.filter(|seat| on && seat.canceled)
    }

    /// As what an end is told.
    fn end(&self) -> Kind {
        match self.seat_given_up() {
            Some(seat) if seat.changed_by == LessonRole::Unspecified => Kind::SeatFreed,
            Some(_) | None => Kind::Canceled,
        }
    }

    fn ended_by(&self) -> LessonRole {
        self.seat_given_up()
            .map_or(self.snapshot.changed_by, |seat| seat.changed_by)
    }

    /// Whether a student gave up their seat in a group's lesson.
    fn left(&self) -> bool {
        self.snapshot.of_group && self.part.seat.is_some_and(|seat| seat.was_left())
    }

    /// Whether its reader need not hear of an end: they left, or the series tells of it.
    fn ends_silently(&self) -> bool {
        match self.part.seat {
            Some(seat) if seat.canceled => seat.with_series || self.left(),
            Some(_) | None => self.with_series(),
        }
    }

    /// Whether what is cancelled was never accepted. What the first cancellation said of
    /// it stays, for the rows that it stands on go with it.
    fn was_a_request(&self) -> bool {
        let of = |kinds: &[Kind]| {
            let found = self.told.iter().find(|told| kinds.contains(&told.key.kind));
            found.map(|told| &told.notice)
        };
        match of(&[Kind::Canceled]) {
            Some(canceled) => canceled.request,
            None => {
                of(&[Kind::Requested]).is_some()
                    && of(&[Kind::Booked, Kind::Confirmed, Kind::Reminder]).is_none()
            }
        }
    }

    /// Whether a student whom no message reached may come all the same: something was
    /// announced to them, they did not give it up themselves, and it is not over.
    fn may_count_on_it(&self) -> bool {
        let gave_up =
            |told: &&Told| told.key.kind.ends() && told.notice.changed_by() == LessonRole::Student;
        self.part.role == LessonRole::Student
            && self.snapshot.end > self.now
            && self.ended_by() != LessonRole::Student
            && !self.left()
            && self
                .told
                .iter()
                .any(|told| told.key.kind.announces() || told.key.kind.ends())
            && !self.told.iter().any(gave_up)
    }

    /// What became of a request: to its student always, for they wait for it; that it
    /// was declined not to its teacher, who did so.
    pub(super) fn ending(&self, kind: Kind) -> Option<Planned> {
        if kind == Kind::Declined && self.part.role == LessonRole::Teacher {
            return None;
        }
        let key = self.key(kind, 0);
        let over = self.snapshot.end <= self.now;
        let ended_before = self
            .learned(self.snapshot.schedule_version - 1)
            .is_some_and(|told| told.key.kind.ends());
        if ended_before || over && !self.has(key) {
            return None;
        }
        let notice = LessonNotice {
            changed_by: self.snapshot.changed_by.into(),
            cancel_reason: self.snapshot.cancel_reason.clone(),
            ..self.notice(kind)
        };
        Some(self.planned(key, Lane::Interactive, Due::AtOnce, notice))
    }
}
