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
        };
        message(language, id, &values)
    }
}
