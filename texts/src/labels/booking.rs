//! What stands on the buttons of finding a teacher, of the calendar and of booking.

use crate::{
    Language,
    bundle::{Values, message},
};

/// What stands on a button; no markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookingLabel<'a> {
    /// One of the reader's own teachers.
    OwnTeacher {
        /// The name.
        name: &'a str,
    },
    /// Shows the list of teachers.
    Teachers,
    /// The length of a lesson.
    Length {
        /// Its minutes.
        minutes: i64,
        /// Whether it is the one that is shown.
        chosen: bool,
    },
    /// A day with free times.
    Day {
        /// Of the month.
        day: i8,
    },
    /// A day without.
    NoDay,
    /// To what is before.
    Earlier,
    /// To what comes after.
    Later,
    /// The next day with free times.
    NextFree {
        /// As [`crate::day_short`] gives it.
        day: &'a str,
    },
    /// From a day back to its week.
    ToWeek,
    /// Books the time that is kept.
    Book,
    /// Asks the teacher for it.
    Request,
    /// Lets it go.
    AnotherTime,
    /// Looks for another time for a lesson.
    Move,
    /// Moves it.
    MoveYes,
    /// To what was before.
    Back,
    /// To the reader's lessons.
    Lessons,
    /// To a lesson's details.
    Details,
    /// A lesson of the reader's.
    Lesson {
        /// As [`crate::moment_short`] gives it.
        time: &'a str,
        /// The other side's name.
        name: &'a str,
        /// Whether something about it is open still.
        open: bool,
    },
    /// To the lessons of the reader's groups.
    OpenLessons,
    /// Takes a seat in the lesson that is shown.
    Join,
    /// Takes a seat in a lesson.
    JoinAt {
        /// As [`crate::moment_short`] gives it.
        time: &'a str,
        /// The group's title.
        group: &'a str,
    },
    /// Opens a lesson as a new entry of a calendar.
    ToCalendar,
    /// The reader comes.
    Come,
}

impl BookingLabel<'_> {
    /// The label's text.
    #[must_use]
    pub fn text(self, language: Language) -> String {
        let values = Values::default();
        let (id, values) = match self {
            Self::OwnTeacher { name } => ("booking-label-own-teacher", values.raw("name", name)),
            Self::Teachers => ("booking-label-teachers", values),
            Self::Length { minutes, chosen } => {
                let id = if chosen {
                    "booking-label-length-chosen"
                } else {
                    "booking-label-length"
                };
                (id, values.number("minutes", minutes))
            }
            Self::Day { day } => ("booking-label-day", values.number("day", i64::from(day))),
            Self::NoDay => ("booking-label-no-day", values),
            Self::Earlier => ("booking-label-earlier", values),
            Self::Later => ("booking-label-later", values),
            Self::NextFree { day } => ("booking-label-next-free", values.raw("day", day)),
            Self::ToWeek => ("booking-label-to-week", values),
            Self::Book => ("booking-label-book", values),
            Self::Request => ("booking-label-request", values),
            Self::AnotherTime => ("booking-label-another-time", values),
            Self::Move => ("booking-label-move", values),
            Self::MoveYes => ("booking-label-move-yes", values),
            Self::Back => ("booking-label-back", values),
            Self::Lessons => ("booking-label-lessons", values),
            Self::Details => ("booking-label-details", values),
            Self::Lesson { time, name, open } => {
                let id = if open {
                    "booking-label-lesson-open"
                } else {
                    "booking-label-lesson"
                };
                (id, values.raw("time", time).raw("name", name))
            }
            Self::OpenLessons => ("booking-label-open-lessons", values),
            Self::Join => ("booking-label-join", values),
            Self::JoinAt { time, group } => {
                let values = values.raw("time", time).raw("group", group);
                ("booking-label-join-at", values)
            }
            Self::ToCalendar => ("booking-label-to-calendar", values),
            Self::Come => ("booking-label-come", values),
        };
        message(language, id, &values)
    }
}
