//! A lesson as its reader sees it, and what they can do about it.

use jiff::Timestamp;
use olm_proto::lesson::v1::{Booking as Seat, BookingStatus, Lesson, LessonStatus};
use serde_json::Value;
use texts::{BookingLabel, Label, Screen, TeachingNote};
use uuid::Uuid;

use super::{
    super::{Answer, Reader, button, keyboard},
    press,
};
use crate::{
    buttons::{Booking, Button, Purpose},
    replies::Reply,
};

/// Whether a lesson takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Standing {
    /// It does, or its status is one that this bot does not know.
    Ahead,
    /// Its teacher has not decided.
    Requested,
    /// Only kept.
    Held,
    /// It does not; what to say of it.
    Off(Screen<'static>),
}

impl Standing {
    pub(in super::super) fn of(status: LessonStatus) -> Self {
        match status {
            LessonStatus::Scheduled | LessonStatus::Unspecified => Self::Ahead,
            LessonStatus::Requested => Self::Requested,
            LessonStatus::Held => Self::Held,
            LessonStatus::Canceled => Self::Off(Screen::AlreadyCanceled),
            LessonStatus::Declined => Self::Off(Screen::AlreadyDeclined),
            LessonStatus::Lapsed => Self::Off(Screen::Lapsed),
        }
    }
}

/// Whether the reader sits in a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnSeat {
    /// They do not.
    None,
    /// They do.
    Taken,
    /// The lesson moved onto another one of theirs, and they have not said whether they come.
    Asks,
}

/// A lesson as its reader sees it.
#[derive(Debug)]
pub(in super::super) struct Line {
    pub(in super::super) id: Uuid,
    pub(in super::super) version: i64,
    pub(in super::super) standing: Standing,
    pub(in super::super) teacher: Uuid,
    pub(in super::super) start: Timestamp,
    pub(in super::super) end: Timestamp,
    pub(in super::super) teaching: bool,
    /// Of a group's lesson: others' seats change its version, and a student gives up their
    /// own.
    pub(in super::super) of_group: bool,
    /// The seat of a reader who does not teach it.
    pub(super) own: OwnSeat,
    /// The other side's name, or the group's title.
    pub(in super::super) name: String,
    pub(in super::super) when: String,
    pub(super) when_short: String,
    /// Of a group's lesson: how many more may.
    pub(super) seats_left: i32,
}

impl Line {
    /// `None` when the lesson lacks what every lesson has.
    pub(in super::super) fn new(reader: &Reader, lesson: &Lesson) -> Option<Self> {
        let start = olm_proto::instant(lesson.start_time.as_ref()?)?;
        let end = olm_proto::instant(lesson.end_time.as_ref()?)?;
        let teacher = Uuid::try_parse(&lesson.teacher_id).ok()?;
        let teaching = teacher == reader.id;
        let of_group = !lesson.group_id.is_empty();
        let reader_id = reader.id.to_string();
        let mut seats = lesson.bookings.iter();
        let own = match seats.find(|seat| seat.student_id == reader_id && !gave_up(seat)) {
            None => OwnSeat::None,
            Some(seat) if seat.status() == BookingStatus::Reconfirm => OwnSeat::Asks,
            Some(_) => OwnSeat::Taken,
        };
        let name = if teaching && of_group {
            lesson.group_title.clone()
        } else if teaching {
            students(reader, lesson)
        } else {
            texts::person_name(&lesson.teacher_name, reader.language)
        };
        Some(Self {
            id: Uuid::try_parse(&lesson.id).ok()?,
            version: lesson.version,
            standing: Standing::of(lesson.status()),
            teacher,
            start,
            end,
            teaching,
            of_group,
            own,
            seats_left: lesson.capacity.saturating_sub(lesson.seats_taken).max(0),
            name,
            when: reader.lesson_time(start, end),
            when_short: reader.moment_short(start),
        })
    }

    pub(in super::super) fn cancel_button(&self, reader: &Reader) -> Value {
        let ask = Button::AskCancel {
            lesson: self.id,
            version: self.version,
        };
        let label = Label::Cancel {
            time: &self.when_short,
        };
        button(&label.text(reader.language), ask)
    }

    /// What the reader can do about it.
    pub(in super::super) fn buttons(&self, reader: &Reader) -> Vec<Value> {
        if self.own == OwnSeat::Asks && self.standing == Standing::Ahead {
            self.seat_buttons(reader)
        } else if self.teaching && self.standing == Standing::Requested {
            self.decide_buttons(reader)
        } else if self.teaching || self.of_group || self.standing == Standing::Held {
            vec![self.cancel_button(reader)]
        } else {
            vec![self.move_button(reader), self.cancel_button(reader)]
        }
    }

    pub(super) fn move_button(&self, reader: &Reader) -> Value {
        let (lesson, version) = (self.id, self.version);
        let of = Purpose::Move { lesson, version };
        press(
            reader,
            BookingLabel::Move,
            Booking::Week { of, monday: None },
        )
    }

    /// To the lesson's details.
    pub(super) fn details_button(&self, reader: &Reader) -> Value {
        let label = BookingLabel::Lesson {
            time: &self.when_short,
            name: &self.name,
            open: self.own == OwnSeat::Asks || self.standing != Standing::Ahead,
        };
        press(reader, label, Booking::Lesson { lesson: self.id })
    }

    pub(super) fn html(&self, reader: &Reader) -> String {
        let (name, when) = (self.name.as_str(), self.when.as_str());
        let screen = if self.teaching && self.of_group {
            Screen::LessonWithGroup { name, when }
        } else if self.teaching {
            Screen::LessonWithStudent { name, when }
        } else {
            Screen::LessonWithTeacher { name, when }
        };
        self.marked(reader, screen.html(reader.language))
    }

    /// What is said of it, and that it is not sure yet.
    pub(in super::super) fn marked(&self, reader: &Reader, line: String) -> String {
        let language = reader.language;
        let mark = match self.standing {
            Standing::Requested if self.teaching => TeachingNote::MarkRequested.html(language),
            Standing::Requested => Screen::LineRequested.html(language),
            Standing::Held if self.teaching => TeachingNote::MarkHeld.html(language),
            Standing::Held => Screen::LineHeld.html(language),
            Standing::Ahead if self.own == OwnSeat::Asks => Screen::LineReconfirm.html(language),
            Standing::Ahead | Standing::Off(_) => return line,
        };
        format!("{line} ({mark})")
    }
}

/// Who comes; of a lesson that is off, who was to come.
pub(in super::super) fn students(reader: &Reader, lesson: &Lesson) -> String {
    let all_gave_up = lesson.bookings.iter().all(gave_up);
    let seats = lesson.bookings.iter();
    let seats = seats.filter(|seat| all_gave_up || !gave_up(seat));
    let names = seats.map(|seat| texts::person_name(&seat.student_name, reader.language));
    names.collect::<Vec<_>>().join(", ")
}

fn gave_up(seat: &Seat) -> bool {
    match seat.status() {
        BookingStatus::Canceled | BookingStatus::LateCanceled => true,
        BookingStatus::Unspecified
        | BookingStatus::Confirmed
        | BookingStatus::Pending
        | BookingStatus::Reconfirm
        | BookingStatus::Attended
        | BookingStatus::NoShow => false,
    }
}

/// "Changed, now …", with buttons for the lesson as it is now.
pub(in super::super) fn changed(reader: &Reader, line: &Line) -> Answer {
    let screen = Screen::Changed {
        name: &line.name,
        when: &line.when,
    };
    Answer::Here(Reply::new(
        screen.html(reader.language),
        keyboard(&[line.buttons(reader)]),
    ))
}
