//! Screens of finding a teacher, of the calendar and of booking. Most are lines: a screen is
//! put together from those that apply.

use crate::{
    Language,
    bundle::{Values, message},
};

/// What the bot shows to whoever books; texts come out as Telegram's HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookingScreen<'a> {
    /// Above a list of teachers.
    Teachers,
    /// Nobody teaches yet.
    NoTeachers,
    /// Above the teachers that were found.
    Found {
        /// How many are listed.
        count: usize,
        /// Whether there are more.
        more: bool,
    },
    /// Nobody was found.
    FoundNone,
    /// A teacher's name, as a title.
    Teacher {
        /// The name.
        name: &'a str,
    },
    /// What the teacher teaches.
    Subjects {
        /// Comma separated.
        subjects: &'a str,
    },
    /// What the teacher says of themselves.
    About {
        /// As they wrote it.
        about: &'a str,
    },
    /// In which zone times are shown; both zones have the same time.
    Zone {
        /// As [`crate::zone_name`] gives it.
        zone: &'a str,
    },
    /// The two clocks of a moment.
    Clocks {
        /// The reader's clock.
        here: &'a str,
        /// The reader's zone.
        zone: &'a str,
        /// The teacher's clock.
        there: &'a str,
        /// The teacher's zone.
        teacher_zone: &'a str,
        /// Whether the moment is now.
        is_now: bool,
    },
    /// Above a week with free times.
    Week {
        /// As [`crate::week_title`] gives it.
        week: &'a str,
        /// How long a lesson is.
        minutes: i64,
    },
    /// Above a week without.
    WeekEmpty {
        /// The week.
        week: &'a str,
    },
    /// Nothing is free as far as the teacher can be booked.
    NothingFree,
    /// Above the times of a day.
    Day {
        /// As [`crate::day`] gives it.
        day: &'a str,
        /// How long a lesson is.
        minutes: i64,
    },
    /// Above a day without any.
    DayEmpty {
        /// The day.
        day: &'a str,
    },
    /// Asks before booking.
    BookAsk {
        /// The teacher's name.
        name: &'a str,
        /// As [`crate::lesson_time`] gives it.
        when: &'a str,
        /// How long the lesson is.
        minutes: i64,
    },
    /// The lesson's time on the teacher's clock.
    Elsewhere {
        /// As [`crate::lesson_time_elsewhere`] gives it.
        when: &'a str,
    },
    /// Until when cancelling costs nothing.
    CancelFreeUntil {
        /// As [`crate::moment_short`] gives it.
        moment: &'a str,
    },
    /// It costs nothing as long as the lesson has not begun.
    CancelFree,
    /// It is too late for that.
    CancelLate {
        /// How long before, as [`crate::notice_span`] gives it.
        notice: &'a str,
    },
    /// The teacher answers requests.
    Approves,
    /// For how long the time is kept.
    Kept {
        /// From now.
        minutes: i64,
    },
    /// The booking is done.
    Booked {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// The teacher decides about the booking.
    Requested {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// Somebody was faster.
    SlotTaken {
        /// How many other times are offered below.
        alternatives: usize,
    },
    /// The student has another lesson then.
    Busy,
    /// The teacher does not offer this time any more.
    NotOffered,
    /// Inside the teacher's minimum notice, or past.
    TooSoon,
    /// Beyond the teacher's horizon.
    TooFar,
    /// A teacher cannot be their own student.
    SelfBooking,
    /// Only the teacher's own students may book.
    NotAccepting,
    /// The teacher's day is full.
    DayFull,
    /// As many of the student's requests wait as may.
    NotPossible,
    /// Above the calendar, when a lesson is to be moved.
    MoveTitle {
        /// The other side's name.
        name: &'a str,
        /// The lesson's time now.
        when: &'a str,
    },
    /// Asks before moving.
    MoveAsk {
        /// The other side's name.
        name: &'a str,
        /// The lesson's time now.
        when: &'a str,
        /// The new one.
        to: &'a str,
    },
    /// The lesson is moved.
    Moved {
        /// The other side's name.
        name: &'a str,
        /// The lesson's time now.
        when: &'a str,
    },
    /// It is too late to move it.
    MoveTooLate {
        /// How long before, as [`crate::notice_span`] gives it.
        notice: &'a str,
    },
    /// Only its teacher moves a group's lesson.
    MoveOfGroup,
    /// After a lesson that was cancelled: it was late.
    WasLate,
    /// Above a lesson's details.
    Lesson {
        /// The lesson's time.
        when: &'a str,
    },
    /// Of a lesson: who teaches it.
    WithTeacher {
        /// The name.
        name: &'a str,
    },
    /// Of a lesson: its group.
    OfGroup {
        /// The group's title.
        group: &'a str,
    },
    /// Of a group's lesson: who sits in it.
    Seats {
        /// How many do.
        taken: i64,
        /// How many may.
        capacity: i64,
    },
    /// Of a lesson: where it takes place.
    Place {
        /// The link.
        url: &'a str,
    },
    /// Of a lesson: what both sides should know.
    Notes {
        /// As they were written.
        notes: &'a str,
    },
    /// Of a lesson: it takes place.
    Stands,
    /// Of a request: until when the teacher may answer.
    WaitsUntil {
        /// As [`crate::moment_short`] gives it.
        moment: &'a str,
    },
    /// Of a group's lesson at a new time: until when the reader may answer.
    AsksUntil {
        /// As [`crate::moment_short`] gives it.
        moment: &'a str,
    },
    /// Of a group's lesson: no seat is left.
    Full,
    /// Of a group's lesson: the reader has none.
    NoSeatYet,
    /// Of a group's lesson: nobody can join it any more.
    NotJoinable,
    /// Above the lessons of the reader's groups.
    OpenLessons,
    /// There are none.
    NoOpenLessons,
    /// One of them.
    OpenLesson {
        /// The group's title.
        group: &'a str,
        /// The lesson's time.
        when: &'a str,
        /// Seats that are left.
        left: i64,
    },
    /// The reader has a seat now.
    Joined {
        /// The group's title.
        group: &'a str,
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// After an invitation into a group: its lessons in which the reader has no seat.
    MissedLessons {
        /// How many.
        count: usize,
    },
    /// The reader comes.
    SeeYou {
        /// The lesson's time.
        when: &'a str,
    },
}

impl BookingScreen<'_> {
    /// The screen's text, as Telegram's HTML.
    #[must_use]
    pub fn html(self, language: Language) -> String {
        message(language, self.id(), &self.values())
    }

    fn id(self) -> &'static str {
        match self {
            Self::Teachers => "booking-teachers",
            Self::NoTeachers => "booking-no-teachers",
            Self::Found { more: false, .. } => "booking-found",
            Self::Found { more: true, .. } => "booking-found-more",
            Self::FoundNone => "booking-found-none",
            Self::Teacher { .. } => "booking-teacher",
            Self::Subjects { .. } => "booking-subjects",
            Self::About { .. } => "booking-about",
            Self::Zone { .. } => "booking-zone",
            Self::Clocks { is_now: true, .. } => "booking-clocks-now",
            Self::Clocks { is_now: false, .. } => "booking-clocks-then",
            Self::Week { .. } => "booking-week",
            Self::WeekEmpty { .. } => "booking-week-empty",
            Self::NothingFree => "booking-nothing-free",
            Self::Day { .. } => "booking-day",
            Self::DayEmpty { .. } => "booking-day-empty",
            Self::BookAsk { .. } => "booking-ask",
            Self::Elsewhere { .. } => "booking-elsewhere",
            Self::CancelFreeUntil { .. } => "booking-cancel-free-until",
            Self::CancelFree => "booking-cancel-free",
            Self::CancelLate { .. } => "booking-cancel-late",
            Self::Approves => "booking-approves",
            Self::Kept { .. } => "booking-kept",
            Self::Booked { .. } => "booking-booked",
            Self::Requested { .. } => "booking-requested",
            Self::SlotTaken { .. } => "booking-slot-taken",
            Self::Busy => "booking-busy",
            Self::NotOffered => "booking-not-offered",
            Self::TooSoon => "booking-too-soon",
            Self::TooFar => "booking-too-far",
            Self::SelfBooking => "booking-self",
            Self::NotAccepting => "booking-not-accepting",
            Self::DayFull => "booking-day-full",
            Self::NotPossible => "booking-not-possible",
            Self::MoveTitle { .. } => "booking-move-title",
            Self::MoveAsk { .. } => "booking-move-ask",
            Self::Moved { .. } => "booking-moved",
            Self::MoveTooLate { .. } => "booking-move-too-late",
            Self::MoveOfGroup => "booking-move-of-group",
            Self::WasLate => "booking-was-late",
            Self::Lesson { .. } => "booking-lesson",
            Self::WithTeacher { .. } => "booking-with-teacher",
            Self::OfGroup { .. } => "booking-of-group",
            Self::Seats { .. } => "booking-seats",
            Self::Place { .. } => "booking-place",
            Self::Notes { .. } => "booking-notes",
            Self::Stands => "booking-stands",
            Self::WaitsUntil { .. } => "booking-waits-until",
            Self::AsksUntil { .. } => "booking-asks-until",
            Self::Full => "booking-full",
            Self::NoSeatYet => "booking-no-seat-yet",
            Self::NotJoinable => "booking-not-joinable",
            Self::OpenLessons => "booking-open-lessons",
            Self::NoOpenLessons => "booking-no-open-lessons",
            Self::OpenLesson { .. } => "booking-open-lesson",
            Self::Joined { .. } => "booking-joined",
            Self::MissedLessons { .. } => "booking-missed-lessons",
            Self::SeeYou { .. } => "booking-see-you",
        }
    }

    fn values(self) -> Values<'static> {
        let values = Values::default();
        match self {
            Self::Found { count, .. } | Self::MissedLessons { count } => {
                values.number("count", number(count))
            }
            Self::SlotTaken { alternatives } => values.number("alternatives", number(alternatives)),
            Self::Teacher { name } | Self::WithTeacher { name } => values.html("name", name),
            Self::OfGroup { group } => values.html("group", group),
            Self::Seats { taken, capacity } => {
                values.number("taken", taken).number("capacity", capacity)
            }
            Self::Place { url } => values.html("url", url),
            Self::Notes { notes } => values.html("notes", notes),
            Self::OpenLesson { group, when, left } => values
                .html("group", group)
                .html("when", when)
                .number("left", left),
            Self::Joined { group, name, when } => values
                .html("group", group)
                .html("name", name)
                .html("when", when),
            Self::Subjects { subjects } => values.html("subjects", subjects),
            Self::About { about } => values.html("about", about),
            Self::Zone { zone } => values.html("zone", zone),
            Self::Clocks {
                here,
                zone,
                there,
                teacher_zone,
                is_now: _,
            } => values
                .html("here", here)
                .html("zone", zone)
                .html("there", there)
                .html("teacher-zone", teacher_zone),
            Self::Week { week, minutes } => values.html("week", week).number("minutes", minutes),
            Self::WeekEmpty { week } => values.html("week", week),
            Self::Day { day, minutes } => values.html("day", day).number("minutes", minutes),
            Self::DayEmpty { day } => values.html("day", day),
            Self::BookAsk {
                name,
                when,
                minutes,
            } => values
                .html("name", name)
                .html("when", when)
                .number("minutes", minutes),
            Self::Booked { name, when }
            | Self::Requested { name, when }
            | Self::MoveTitle { name, when }
            | Self::Moved { name, when } => values.html("name", name).html("when", when),
            Self::MoveAsk { name, when, to } => {
                values.html("name", name).html("when", when).html("to", to)
            }
            Self::Elsewhere { when } | Self::Lesson { when } | Self::SeeYou { when } => {
                values.html("when", when)
            }
            Self::CancelFreeUntil { moment }
            | Self::WaitsUntil { moment }
            | Self::AsksUntil { moment } => values.html("moment", moment),
            Self::CancelLate { notice } | Self::MoveTooLate { notice } => {
                values.html("notice", notice)
            }
            Self::Kept { minutes } => values.number("minutes", minutes),
            Self::Teachers
            | Self::NoTeachers
            | Self::FoundNone
            | Self::NothingFree
            | Self::CancelFree
            | Self::Approves
            | Self::Busy
            | Self::NotOffered
            | Self::TooSoon
            | Self::TooFar
            | Self::SelfBooking
            | Self::NotAccepting
            | Self::DayFull
            | Self::NotPossible
            | Self::MoveOfGroup
            | Self::WasLate
            | Self::Stands
            | Self::Full
            | Self::NoSeatYet
            | Self::NotJoinable
            | Self::OpenLessons
            | Self::NoOpenLessons => values,
        }
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_counted_with_the_right_plural() {
        let found = |count, more| BookingScreen::Found { count, more }.html(Language::Ru);
        assert!(found(2, false).contains("2 преподавателя"));
        assert!(found(20, true).contains("20"));
    }

    #[test]
    fn the_name_of_a_teacher_cannot_break_the_markup() {
        let title = BookingScreen::Teacher {
            name: "Мария <3"
        }
        .html(Language::Ru);
        assert_eq!(title, "<b>Мария &lt;3</b>");
    }
}
