//! What a teacher reads in the bot of their lessons.

mod inviting;
mod notes;
mod time_off;

use crate::{
    Language,
    bundle::{Values, message},
};

pub use inviting::InvitingScreen;
pub use notes::TeachingNote;
pub use time_off::TimeOffScreen;

/// A screen of the teachers' part, or a part of one; texts come out as Telegram's HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeachingScreen<'a> {
    /// Above the lessons of a day.
    Day {
        /// As [`crate::day`] gives it.
        day: &'a str,
        /// The reader's zone.
        zone: &'a str,
        /// Whether it is the present day.
        today: bool,
    },
    /// Above the lessons of a week.
    Week {
        /// As [`crate::days`] gives them.
        days: &'a str,
        /// The reader's zone.
        zone: &'a str,
    },
    /// Above the lessons of one day of a week.
    DayOfWeek {
        /// As [`crate::day`] gives it.
        day: &'a str,
    },
    /// A lesson of one student.
    Line {
        /// As [`crate::hours`] gives them.
        hours: &'a str,
        /// Who comes.
        name: &'a str,
    },
    /// A group's lesson.
    GroupLine {
        /// As [`crate::hours`] gives them.
        hours: &'a str,
        /// The group's title.
        name: &'a str,
        /// Seats taken.
        taken: i64,
        /// Seats there are.
        capacity: i64,
    },
    /// Below the lessons: so many are not shown.
    More {
        /// How many.
        count: i64,
    },
    /// A lesson's details.
    Lesson {
        /// The student's name, or the group's title.
        name: &'a str,
        /// As [`crate::lesson_time`] gives it.
        when: &'a str,
    },
    /// How full a group's lesson is.
    Seats {
        /// Seats taken.
        taken: i64,
        /// Seats there are.
        capacity: i64,
    },
    /// The student's clock is another.
    StudentTime {
        /// As [`crate::moment_short`] gives it.
        time: &'a str,
        /// The student's zone.
        zone: &'a str,
    },
    /// The request waits for the reader.
    Requested {
        /// When it lapses, as [`crate::moment_short`] gives it.
        until: &'a str,
    },
    /// The reason that was given.
    Reason {
        /// In its giver's words.
        reason: &'a str,
    },
    /// Where it takes place.
    Place {
        /// A URL.
        url: &'a str,
    },
    /// What both sides should know.
    Notes {
        /// In their writer's words.
        notes: &'a str,
    },
    /// A student of the lesson.
    Seat {
        /// The student's name.
        name: &'a str,
        /// Whether they come.
        state: SeatState,
    },
    /// Asks why a request is declined.
    DeclineAsk {
        /// Whose.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// Asks whether and why a lesson is cancelled.
    CancelAsk {
        /// Whose.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// The lesson is cancelled.
    CancelDone {
        /// Whose.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// The request is declined.
    DeclineDone {
        /// Whose.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// Above the days that a lesson can be moved to.
    MoveDays {
        /// Whose.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
        /// The week shown, as [`crate::days`] gives it.
        days: &'a str,
    },
    /// Above the times of a day.
    MoveTimes {
        /// Whose.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
        /// As [`crate::day`] gives it.
        day: &'a str,
    },
    /// Asks before moving.
    MoveAsk {
        /// Whose.
        name: &'a str,
        /// The time now.
        from: &'a str,
        /// The time to come.
        to: &'a str,
    },
    /// What became of a reminder.
    Delivery {
        /// The student's name, where there are several.
        name: Option<&'a str>,
        /// What became of it.
        state: DeliveryState,
        /// When that was, or will be, as [`crate::moment_short`] gives it.
        time: &'a str,
    },
    /// A student whom nothing reaches.
    Unreachable {
        /// The student's name, where there are several.
        name: Option<&'a str>,
    },
    /// The lesson is at its new time.
    Moved {
        /// Whose.
        name: &'a str,
        /// The new time.
        when: &'a str,
    },
}

/// What is known of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatState {
    /// The student comes, or nobody said whether they came.
    Coming,
    /// The student was asked whether they come to a new time.
    Asked,
    /// The student came.
    Attended,
    /// The student did not come.
    NoShow,
    /// The student gave the seat up.
    GivenUp,
    /// The student gave the seat up late.
    GivenUpLate,
}

impl SeatState {
    fn word(self) -> &'static str {
        match self {
            Self::Coming => "coming",
            Self::Asked => "asked",
            Self::Attended => "attended",
            Self::NoShow => "absent",
            Self::GivenUp => "left",
            Self::GivenUpLate => "late",
        }
    }
}

/// What became of a message to a student.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It will be sent.
    Pending,
    /// Telegram took it.
    Sent,
    /// The student blocked the bot.
    Blocked,
    /// It was not sent, for another reason.
    Failed,
    /// Telegram left open whether it took it.
    Unsure,
}

impl DeliveryState {
    fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::Unsure => "unsure",
        }
    }
}

impl TeachingScreen<'_> {
    /// The text, as Telegram's HTML.
    #[must_use]
    pub fn html(self, language: Language) -> String {
        let (id, values) = self.message();
        message(language, id, &values)
    }

    fn message(self) -> (&'static str, Values<'static>) {
        let values = Values::default();
        match self {
            Self::Day { day, zone, today } => ("teaching-day", of_day(day, zone, today)),
            Self::Week { days, zone } => {
                let values = values.html("days", days).html("zone", zone);
                ("teaching-week", values)
            }
            Self::DayOfWeek { day } => ("teaching-day-of-week", values.html("day", day)),
            Self::Line { hours, name } => ("teaching-line", line(hours, name)),
            Self::GroupLine {
                hours,
                name,
                taken,
                capacity,
            } => {
                let values = seats(taken, capacity).raw("hours", hours);
                ("teaching-group-line", values.html("name", name))
            }
            Self::More { count } => ("teaching-more", values.number("count", count)),
            Self::Seats { taken, capacity } => ("teaching-seats", seats(taken, capacity)),
            Self::StudentTime { time, zone } => (
                "teaching-student-time",
                values.html("time", time).html("zone", zone),
            ),
            Self::Requested { until } => ("teaching-requested", values.html("until", until)),
            Self::Reason { reason } => ("teaching-reason", values.html("reason", reason)),
            Self::Place { url } => ("teaching-place", values.html("url", url)),
            Self::Notes { notes } => ("teaching-notes", values.html("notes", notes)),
            Self::Seat { name, state } => {
                let values = values.html("name", name).raw("state", state.word());
                ("teaching-seat", values)
            }
            Self::MoveDays { name, when, days } => {
                let values = of_lesson(name, when);
                ("teaching-move-days", values.html("days", days))
            }
            Self::MoveTimes { name, when, day } => {
                let values = of_lesson(name, when);
                ("teaching-move-times", values.html("day", day))
            }
            Self::MoveAsk { name, from, to } => (
                "teaching-move-ask",
                values.html("name", name).html("from", from).html("to", to),
            ),
            Self::Delivery { name, state, time } => delivery(name, state, time),
            Self::Unreachable { name: None } => ("teaching-unreachable", values),
            Self::Unreachable { name: Some(name) } => {
                ("teaching-unreachable-of", values.html("name", name))
            }
            Self::Lesson { name, when } => ("teaching-lesson", of_lesson(name, when)),
            Self::DeclineAsk { name, when } => ("teaching-decline-ask", of_lesson(name, when)),
            Self::CancelAsk { name, when } => ("teaching-cancel-ask", of_lesson(name, when)),
            Self::CancelDone { name, when } => ("teaching-cancel-done", of_lesson(name, when)),
            Self::DeclineDone { name, when } => ("teaching-decline-done", of_lesson(name, when)),
            Self::Moved { name, when } => ("teaching-moved", of_lesson(name, when)),
        }
    }
}

fn delivery(
    name: Option<&str>,
    state: DeliveryState,
    time: &str,
) -> (&'static str, Values<'static>) {
    let values = Values::default().raw("state", state.word());
    let values = values.html("time", time);
    match name {
        None => ("teaching-delivery", values),
        Some(name) => ("teaching-delivery-of", values.html("name", name)),
    }
}

fn of_day(day: &str, zone: &str, today: bool) -> Values<'static> {
    let when = if today { "today" } else { "other" };
    let values = Values::default().html("day", day).html("zone", zone);
    values.raw("when", when)
}

fn line(hours: &str, name: &str) -> Values<'static> {
    Values::default().raw("hours", hours).html("name", name)
}

fn seats(taken: i64, capacity: i64) -> Values<'static> {
    let values = Values::default().number("taken", taken);
    values.number("capacity", capacity)
}

fn of_lesson(name: &str, when: &str) -> Values<'static> {
    Values::default().html("name", name).html("when", when)
}
