//! What a lesson is after what was decided.

use jiff::{SignedDuration, Timestamp};

use super::{Action, unsuitable};
use crate::{
    availability::{calendar::saturating, slots::Bookable},
    errors::Error,
    ids::{BookingId, LessonId, UserId},
    lessons::{
        Acting, Booking, BookingStatus, Lesson, LessonStatus, Notices, OfGroup, OfSeries, Role,
        changes::{Change, Changed, Kind},
    },
    teachers::Teacher,
};

/// How long a person keeps a time while deciding.
pub const HOLD_FOR: SignedDuration = SignedDuration::from_mins(5);
/// How long a teacher may take to decide about a request.
pub const REQUEST_FOR: SignedDuration = SignedDuration::from_hours(12);

/// What an action that was [checked](super::check) makes of a lesson.
#[must_use]
pub fn apply(lesson: &Lesson, by: Acting, action: &Action, now: Timestamp) -> Changed {
    applied(Next::of(lesson, Some(by), now), lesson, by, action, now)
}

/// What an action makes of a lesson when it is done to the whole series, which tells of it.
#[must_use]
pub fn apply_with_series(lesson: &Lesson, by: Acting, action: &Action, now: Timestamp) -> Changed {
    let next = Next::of(lesson, Some(by), now).with_series();
    applied(next, lesson, by, action, now)
}

fn applied(
    mut next: Next<'_>,
    lesson: &Lesson,
    by: Acting,
    action: &Action,
    now: Timestamp,
) -> Changed {
    match action {
        Action::Confirm => {
            next.schedule(LessonStatus::Scheduled, None);
            next.seats(BookingStatus::Confirmed);
            next.finish(Kind::Confirmed)
        }
        Action::Decline { reason } => {
            next.end(LessonStatus::Declined, by.user, reason);
            next.seats(BookingStatus::Canceled);
            next.finish(Kind::Declined)
        }
        Action::Move { time } => {
            let expire = lesson.expire_time.map(|old| old.min(time.during.start));
            next.schedule(lesson.status, expire);
            next.time(*time);
            next.finish(Kind::Moved)
        }
        Action::Update { notes, meeting_url } => {
            if let Some(notes) = notes {
                next.after.notes.clone_from(notes);
            }
            if let Some(url) = meeting_url
                .as_ref()
                .filter(|url| **url != lesson.meeting_url)
            {
                next.schedule(lesson.status, lesson.expire_time);
                next.after.meeting_url.clone_from(url);
            }
            next.finish(Kind::Updated)
        }
        Action::Cancel { reason } => {
            next.end(LessonStatus::Canceled, by.user, reason);
            next.seats(if is_late(lesson, by, now) {
                BookingStatus::LateCanceled
            } else {
                BookingStatus::Canceled
            });
            next.finish(Kind::Canceled)
        }
        Action::Attendance { booking, status } => {
            next.seat(*booking, *status);
            next.finish(Kind::Attendance)
        }
    }
}

/// A student's cancellation of what was settled, later than the teacher allows.
fn is_late(lesson: &Lesson, by: Acting, now: Timestamp) -> bool {
    by.role == Role::Student
        && lesson.status == LessonStatus::Scheduled
        && lesson.time.during.start.duration_since(now) < lesson.notices.cancel
}

/// What time makes of a hold or a request that has run out.
#[must_use]
pub fn lapse(lesson: &Lesson, now: Timestamp) -> Changed {
    let mut next = Next::of(lesson, None, now);
    next.schedule(LessonStatus::Lapsed, None);
    next.seats(BookingStatus::Canceled);
    next.finish(Kind::Lapsed)
}

/// How a lesson begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// With a student who keeps the time.
    Hold,
    /// With a student who asks for it.
    Request,
    /// At once.
    Book,
}

impl Beginning {
    /// How a booking by somebody in that role begins.
    #[must_use]
    pub fn of_booking(role: Role, teacher: &Teacher) -> Self {
        match role {
            Role::Student if teacher.policies.requires_approval => Self::Request,
            Role::Student | Role::Teacher | Role::Admin | Role::System => Self::Book,
        }
    }

    fn status(self) -> LessonStatus {
        match self {
            Self::Hold => LessonStatus::Held,
            Self::Request => LessonStatus::Requested,
            Self::Book => LessonStatus::Scheduled,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Hold => Kind::Held,
            Self::Request => Kind::Requested,
            Self::Book => Kind::Booked,
        }
    }

    fn seat(self) -> BookingStatus {
        match self {
            Self::Hold | Self::Request => BookingStatus::Pending,
            Self::Book => BookingStatus::Confirmed,
        }
    }

    /// Nothing waits longer than until its start.
    fn expire_time(self, now: Timestamp, start: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Hold => Some(saturating(now, HOLD_FOR).min(start)),
            Self::Request => Some(saturating(now, REQUEST_FOR).min(start)),
            Self::Book => None,
        }
    }
}

/// A lesson to be made.
#[derive(Debug)]
pub struct New<'a> {
    /// Its id.
    pub id: LessonId,
    /// Who teaches.
    pub teacher: &'a Teacher,
    /// Who comes.
    pub seats: Vec<NewSeat>,
    /// The group it is for; `None`: one student's.
    pub group: Option<OfGroup>,
    /// How many may sit in it; 1 of one student's.
    pub capacity: i16,
    /// Of a group's lesson: who is in the group joins by themselves.
    pub open_seats: bool,
    /// The series that makes it, and tells of it.
    pub series: Option<OfSeries>,
    /// When.
    pub time: Bookable,
    /// May be empty.
    pub notes: String,
    /// May be empty.
    pub meeting_url: String,
}

/// A seat to be taken.
#[derive(Debug, Clone)]
pub struct NewSeat {
    /// Its id.
    pub id: BookingId,
    /// Who comes.
    pub student: UserId,
    /// The student's name.
    pub name: String,
}

impl NewSeat {
    fn taken(self, status: BookingStatus, role: Role, with_series: bool) -> Booking {
        Booking {
            id: self.id,
            student_id: self.student,
            student_name: self.name,
            status,
            version: 1,
            reconfirm_expire_time: None,
            changed_role: role,
            with_series,
        }
    }
}

/// Makes a lesson.
#[must_use]
pub fn begin(new: New<'_>, by: Acting, beginning: Beginning, now: Timestamp) -> Changed {
    let with_series = new.series.is_some();
    let seats = new.seats.into_iter();
    let seats = seats.map(|seat| seat.taken(beginning.seat(), by.role, with_series));
    let mut lesson = Lesson {
        id: new.id,
        teacher_id: new.teacher.id,
        teacher_name: new.teacher.display_name.clone(),
        notices: Notices {
            cancel: new.teacher.policies.cancel_notice,
            reschedule: new.teacher.policies.reschedule_notice,
        },
        time: new.time,
        status: beginning.status(),
        version: 1,
        schedule_version: 1,
        changed_role: by.role,
        expire_time: beginning.expire_time(now, new.time.during.start),
        canceled_by: None,
        cancel_reason: String::new(),
        notes: new.notes,
        meeting_url: new.meeting_url,
        group: new.group,
        capacity: new.capacity,
        open_seats: new.open_seats,
        seats_taken: 0,
        series: new.series,
        with_series,
        create_time: now,
        bookings: seats.collect(),
    };
    // By id, as they are read.
    lesson.bookings.sort_unstable_by_key(|seat| seat.id);
    lesson.seats_taken = lesson.count_taken();
    let change = Change {
        lesson: lesson.id,
        version: 1,
        kind: beginning.kind(),
        actor: Some(by.user),
        role: by.role,
        time: now,
        during: lesson.time.during,
        previous: None,
        booking: None,
        booking_status: None,
    };
    Changed {
        tell: beginning != Beginning::Hold,
        lesson,
        change,
    }
}

/// Makes a hold the booking that its student decided on.
///
/// # Errors
///
/// What became of the hold instead.
pub fn convert(
    hold: &Lesson,
    by: Acting,
    beginning: Beginning,
    notes: &str,
    now: Timestamp,
) -> Result<Changed, Error> {
    match hold.status {
        LessonStatus::Held if !hold.has_run_out(now) => {}
        LessonStatus::Held | LessonStatus::Lapsed => return Err(Error::LessonLapsed),
        LessonStatus::Canceled | LessonStatus::Declined => return Err(Error::LessonCanceled),
        LessonStatus::Requested | LessonStatus::Scheduled => return Err(unsuitable(hold)),
    }
    let mut next = Next::of(hold, Some(by), now);
    let start = hold.time.during.start;
    next.schedule(beginning.status(), beginning.expire_time(now, start));
    notes.clone_into(&mut next.after.notes);
    if beginning.seat() != BookingStatus::Pending {
        next.seats(beginning.seat());
    }
    Ok(next.finish(beginning.kind()))
}

/// A lesson, read with all its seats, on its way to its next version.
#[derive(Debug)]
pub struct Next<'a> {
    before: &'a Lesson,
    after: Lesson,
    change: Change,
    with_series: bool,
}

impl<'a> Next<'a> {
    /// By somebody; `None`: by time.
    #[must_use]
    pub fn of(before: &'a Lesson, by: Option<Acting>, now: Timestamp) -> Self {
        let mut after = before.clone();
        after.version += 1;
        let change = Change {
            lesson: before.id,
            version: after.version,
            kind: Kind::Updated,
            actor: by.map(|by| by.user),
            role: by.map_or(Role::System, |by| by.role),
            time: now,
            during: before.time.during,
            previous: None,
            booking: None,
            booking_status: None,
        };
        Self {
            before,
            after,
            change,
            with_series: false,
        }
    }

    /// What happens is done to the whole series, or to all seats of a student in it.
    #[must_use]
    pub fn with_series(mut self) -> Self {
        self.with_series = true;
        self
    }

    /// A change of time, place or status.
    pub fn schedule(&mut self, status: LessonStatus, expire_time: Option<Timestamp>) {
        self.after.status = status;
        self.after.expire_time = expire_time;
        self.after.schedule_version += 1;
        self.after.changed_role = self.change.role;
        self.after.with_series = self.with_series;
    }

    fn end(&mut self, status: LessonStatus, by: UserId, reason: &str) {
        self.schedule(status, None);
        self.after.canceled_by = Some(by);
        reason.clone_into(&mut self.after.cancel_reason);
    }

    /// Another time; what becomes of the schedule is said beside it.
    pub fn time(&mut self, time: Bookable) {
        self.after.time = time;
    }

    /// All seats whose students are yet to come become this. One that was not taken with the
    /// series is not given up with it: its student may be told nothing of the series.
    fn seats(&mut self, status: BookingStatus) {
        let (role, with_series) = (self.change.role, self.with_series);
        let seats = self.after.bookings.iter_mut();
        for seat in seats.filter(|seat| seat.is_living()) {
            seat.status = status;
            seat.version += 1;
            seat.reconfirm_expire_time = None;
            seat.changed_role = role;
            seat.with_series &= with_series;
        }
        self.change.booking_status = Some(status);
    }

    /// What became of one seat, whoever says so: its student took or gave up nothing.
    fn seat(&mut self, booking: BookingId, status: BookingStatus) {
        let seats = self.after.bookings.iter_mut();
        for seat in seats.filter(|seat| seat.id == booking) {
            seat.status = status;
            seat.version += 1;
        }
        self.change.booking = Some(booking);
        self.change.booking_status = Some(status);
    }

    /// One seat is taken or given up: the change is of it alone. One that is kept stays one
    /// that was taken with the series, or was not.
    pub fn seat_becomes(&mut self, booking: BookingId, status: BookingStatus) {
        let (role, with_series) = (self.change.role, self.with_series);
        self.seat(booking, status);
        let seats = self.after.bookings.iter_mut();
        for seat in seats.filter(|seat| seat.id == booking) {
            seat.reconfirm_expire_time = None;
            seat.changed_role = role;
            seat.with_series = with_series || seat.is_living() && seat.with_series;
        }
    }

    /// A seat is to be reconfirmed until `expire_time` (`None`: need not be any more),
    /// because the lesson moves: the change is still of the whole lesson.
    pub fn reconfirm(&mut self, booking: BookingId, expire_time: Option<Timestamp>) {
        let seats = self.after.bookings.iter_mut();
        for seat in seats.filter(|seat| seat.id == booking) {
            seat.status = match expire_time {
                Some(_) => BookingStatus::Reconfirm,
                None => BookingStatus::Confirmed,
            };
            seat.version += 1;
            seat.reconfirm_expire_time = expire_time;
        }
    }

    /// Somebody takes a seat: the change is of it alone, and of kind
    /// [`Kind::Joined`]: who [records](crate::lessons::recording::record) it inserts the seat.
    pub fn join(&mut self, seat: NewSeat) {
        let (role, with_series) = (self.change.role, self.with_series);
        self.change.booking = Some(seat.id);
        self.change.booking_status = Some(BookingStatus::Confirmed);
        let seat = seat.taken(BookingStatus::Confirmed, role, with_series);
        self.after.bookings.push(seat);
        self.after.bookings.sort_unstable_by_key(|seat| seat.id);
    }

    /// The lesson after all of it, and the line of its history.
    #[must_use]
    pub fn finish(mut self, kind: Kind) -> Changed {
        self.change.kind = kind;
        self.change.during = self.after.time.during;
        self.after.seats_taken = self.after.count_taken();
        if kind == Kind::Moved {
            self.change.previous = Some(self.before.time.during);
        }
        if !kind.tells_of_seats() {
            self.change.booking_status = None;
        }
        // What was only held was never told of, so its end is not either.
        let was_told = self.before.status != LessonStatus::Held;
        let is_settled = matches!(
            self.after.status,
            LessonStatus::Requested | LessonStatus::Scheduled
        );
        Changed {
            // Every version, so that buttons are drawn for the one there is; who came is
            // nobody's news, and there is nothing left to press.
            tell: kind != Kind::Attendance && (was_told || is_settled),
            lesson: self.after,
            change: self.change,
        }
    }
}
