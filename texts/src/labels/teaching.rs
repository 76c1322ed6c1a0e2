//! What stands on a teacher's buttons.

use crate::{
    Language,
    bundle::{Values, message},
};

/// What stands on a button of the teachers' part; no markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeachingLabel<'a> {
    /// Opens the day; also below the text field.
    Agenda,
    /// Shows what is before.
    Earlier {
        /// As [`crate::day_short`] gives it.
        day: &'a str,
    },
    /// Shows what is after.
    Later {
        /// As [`crate::day_short`] gives it.
        day: &'a str,
    },
    /// Shows the present day.
    Today,
    /// Shows the whole week.
    Week,
    /// Opens the time off.
    TimeOff,
    /// Opens the invitations.
    Invite,
    /// Opens a lesson.
    Lesson {
        /// When it begins.
        time: &'a str,
        /// Who comes.
        name: &'a str,
    },
    /// Back to where the reader came from.
    Back,
    /// Moves a lesson.
    Move,
    /// Yes, move it.
    MoveYes,
    /// Cancels a lesson, asking why.
    Cancel,
    /// The student of a lesson came.
    Attended,
    /// The student of a lesson did not come.
    NoShow,
    /// A student of a group came.
    SeatAttended {
        /// The student.
        name: &'a str,
    },
    /// A student of a group did not come.
    SeatNoShow {
        /// The student.
        name: &'a str,
    },
    /// A usual reason; also what the student reads, in their language (see [`crate::reason`]).
    Reason {
        /// From 1 to [`TeachingLabel::REASONS`].
        number: u8,
    },
    /// A reason in the reader's own words.
    OwnWords,
    /// No reason.
    WithoutReason,
    /// Do not cancel it.
    Keep,
    /// The rest of the present day is off.
    NotToday,
    /// The next day is off.
    NotTomorrow,
    /// Chooses the first and the last day off.
    FromTo,
    /// Writes the days off.
    TypeDays,
    /// Takes days off back.
    Remove {
        /// As [`crate::days`] gives them.
        days: &'a str,
    },
    /// These days are off.
    DaysYes,
    /// Cancels all lessons in the days off, asking before.
    CancelAll {
        /// How many.
        count: i64,
    },
    /// Yes, cancel them all.
    CancelAllYes,
    /// An invitation for a student.
    InviteStudent,
    /// An invitation into a group.
    InviteGroup {
        /// The group's title.
        title: &'a str,
    },
    /// Lists the open invitations.
    OpenInvitations,
    /// Takes an invitation back.
    Revoke,
    /// Takes an invitation of the list back.
    RevokeNumber {
        /// Its number in the list.
        number: i64,
    },
}

impl TeachingLabel<'_> {
    /// How many usual reasons there are.
    pub const REASONS: u8 = 3;

    /// The label's text.
    #[must_use]
    pub fn text(self, language: Language) -> String {
        let values = Values::default();
        let (id, values) = match self {
            Self::Agenda => ("teaching-label-agenda", values),
            Self::Earlier { day } => ("teaching-label-earlier", values.raw("day", day)),
            Self::Later { day } => ("teaching-label-later", values.raw("day", day)),
            Self::Today => ("teaching-label-today", values),
            Self::Week => ("teaching-label-week", values),
            Self::TimeOff => ("teaching-label-time-off", values),
            Self::Invite => ("teaching-label-invite", values),
            Self::Lesson { time, name } => (
                "teaching-label-lesson",
                values.raw("time", time).raw("name", name),
            ),
            Self::Back => ("teaching-label-back", values),
            Self::Move => ("teaching-label-move", values),
            Self::MoveYes => ("teaching-label-move-yes", values),
            Self::Cancel => ("teaching-label-cancel", values),
            Self::Attended => ("teaching-label-attended", values),
            Self::NoShow => ("teaching-label-no-show", values),
            Self::SeatAttended { name } => {
                ("teaching-label-seat-attended", values.raw("name", name))
            }
            Self::SeatNoShow { name } => ("teaching-label-seat-no-show", values.raw("name", name)),
            Self::Reason { number } => (
                "teaching-label-reason",
                values.number("number", i64::from(number)),
            ),
            Self::OwnWords => ("teaching-label-own-words", values),
            Self::WithoutReason => ("teaching-label-without-reason", values),
            Self::Keep => ("teaching-label-keep", values),
            Self::NotToday => ("teaching-label-not-today", values),
            Self::NotTomorrow => ("teaching-label-not-tomorrow", values),
            Self::FromTo => ("teaching-label-from-to", values),
            Self::TypeDays => ("teaching-label-type-days", values),
            Self::Remove { days } => ("teaching-label-remove", values.raw("days", days)),
            Self::DaysYes => ("teaching-label-days-yes", values),
            Self::CancelAll { count } => {
                ("teaching-label-cancel-all", values.number("count", count))
            }
            Self::CancelAllYes => ("teaching-label-cancel-all-yes", values),
            Self::InviteStudent => ("teaching-label-invite-student", values),
            Self::InviteGroup { title } => {
                ("teaching-label-invite-group", values.raw("title", title))
            }
            Self::OpenInvitations => ("teaching-label-open-invitations", values),
            Self::Revoke => ("teaching-label-revoke", values),
            Self::RevokeNumber { number } => (
                "teaching-label-revoke-number",
                values.number("number", number),
            ),
        };
        message(language, id, &values)
    }
}
