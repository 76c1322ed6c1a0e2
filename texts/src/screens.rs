//! The bot's screens.

pub(crate) mod booking;
mod settings;
mod teaching;

use crate::{
    Language,
    bundle::{Values, message},
};

pub use settings::{SettingsNow, SettingsScreen, StatusNow, ZoneNow};
pub use teaching::{
    DeliveryState, InvitingScreen, SeatState, TeachingNote, TeachingScreen, TimeOffScreen,
};

/// What the bot shows; texts come out as Telegram's HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen<'a> {
    /// The answer to what the bot does not understand.
    Unknown,
    /// Refused for a reason that has no words of its own.
    NotPossible,
    /// Above the list of lessons.
    Lessons,
    /// No lesson ahead.
    NoLessons,
    /// A line of the list, seen by the student.
    LessonWithTeacher {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// A line of the list, seen by the teacher.
    LessonWithStudent {
        /// The student's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// After a line: the teacher has not decided.
    LineRequested,
    /// After a line: kept while the student decides.
    LineHeld,
    /// Asks before cancelling.
    CancelAsk {
        /// The other side's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// The lesson is cancelled.
    Canceled {
        /// The other side's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// Asks a student before they withdraw a request.
    WithdrawAsk {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// They withdrew it.
    Withdrawn {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// Asks a student whether a time need not be kept any more.
    LetGoAsk {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// It is not.
    LetGo {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// A button was drawn for an older version of the lesson.
    Changed {
        /// The other side's name.
        name: &'a str,
        /// The lesson's time now.
        when: &'a str,
    },
    /// It was cancelled before.
    AlreadyCanceled,
    /// The request was declined before.
    AlreadyDeclined,
    /// The request, or the hold, ran out.
    Lapsed,
    /// The teacher confirmed the request.
    Confirmed {
        /// The student's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// An invitation was accepted.
    Invited {
        /// The reader's name.
        name: &'a str,
        /// Who invited.
        teacher: &'a str,
    },
    /// An invitation of a teacher whose student the reader is already.
    StudentAlready {
        /// Who invited.
        teacher: &'a str,
    },
    /// No such invitation.
    InvitationUnknown,
    /// The invitation has run out.
    InvitationExpired,
    /// The teacher took it back.
    InvitationRevoked,
    /// Others accepted it.
    InvitationUsedUp,
    /// The group it leads into is full.
    InvitationGroupFull {
        /// The group's title; empty: not known.
        group: &'a str,
    },
    /// A teacher opened their own invitation.
    SelfInvitation,
    /// It has begun.
    AlreadyBegun,
    /// There is no such lesson for this reader.
    NoLesson,
    /// A student comes to the new time of a group's lesson.
    SeatKept {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// Asks a student before they give up their seat.
    LeaveAsk {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// They gave it up.
    SeatLeft {
        /// The teacher's name.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// They have another lesson at the new time still.
    SeatBusy,
    /// They did not say in time that they come.
    SeatGone,
    /// They have no seat in it any more.
    NoSeat,
    /// After a line: the reader has not said whether they come.
    LineReconfirm,
    /// A line of the list, seen by a group's teacher.
    LessonWithGroup {
        /// The group's title.
        name: &'a str,
        /// The lesson's time.
        when: &'a str,
    },
    /// A button that means nothing any more.
    OldButton,
    /// Somebody asks for more than the bot answers in a minute.
    TooManyRequests {
        /// How long it will not answer.
        seconds: i64,
    },
    /// server 1 cannot be reached (OLM-5).
    Unavailable,
    /// After an answer: server 1 cannot be reached, and this was read before (OLM-5).
    Stale {
        /// When it was read.
        when: &'a str,
    },
    /// server 1 cannot be reached: nothing was changed.
    NotDone,
    /// server 1 did not answer: whether something was changed is not known.
    OutcomeUnknown,
    /// It was done, but server 1 cannot be reached to show what came of it.
    DoneUnshown,
    /// A fault of ours.
    Failed,
}

impl Screen<'_> {
    /// The screen's text, as Telegram's HTML.
    #[must_use]
    pub fn html(self, language: Language) -> String {
        message(language, self.id(), &self.values())
    }

    fn id(self) -> &'static str {
        match self {
            Self::Unknown => "screen-unknown",
            Self::NotPossible => "screen-not-possible",
            Self::Lessons => "screen-lessons",
            Self::NoLessons => "screen-no-lessons",
            Self::LessonWithTeacher { .. } => "screen-lesson-with-teacher",
            Self::LessonWithStudent { .. } => "screen-lesson-with-student",
            Self::LineRequested => "screen-line-requested",
            Self::LineHeld => "screen-line-held",
            Self::CancelAsk { .. } => "screen-cancel-ask",
            Self::Canceled { .. } => "screen-canceled",
            Self::WithdrawAsk { .. } => "screen-withdraw-ask",
            Self::Withdrawn { .. } => "screen-withdrawn",
            Self::LetGoAsk { .. } => "screen-let-go-ask",
            Self::LetGo { .. } => "screen-let-go",
            Self::Changed { .. } => "screen-changed",
            Self::AlreadyCanceled => "screen-already-canceled",
            Self::AlreadyDeclined => "screen-already-declined",
            Self::Lapsed => "screen-lapsed",
            Self::Confirmed { .. } => "screen-confirmed",
            Self::Invited { .. } => "screen-invited",
            Self::StudentAlready { .. } => "screen-student-already",
            Self::InvitationUnknown => "screen-invitation-unknown",
            Self::InvitationExpired => "screen-invitation-expired",
            Self::InvitationRevoked => "screen-invitation-revoked",
            Self::InvitationUsedUp => "screen-invitation-used-up",
            Self::InvitationGroupFull { .. } => "screen-invitation-group-full",
            Self::SelfInvitation => "screen-self-invitation",
            Self::AlreadyBegun => "screen-already-begun",
            Self::NoLesson => "screen-no-lesson",
            Self::SeatKept { .. } => "screen-seat-kept",
            Self::LeaveAsk { .. } => "screen-leave-ask",
            Self::SeatLeft { .. } => "screen-seat-left",
            Self::SeatBusy => "screen-seat-busy",
            Self::SeatGone => "screen-seat-gone",
            Self::NoSeat => "screen-no-seat",
            Self::LineReconfirm => "screen-line-reconfirm",
            Self::LessonWithGroup { .. } => "screen-lesson-with-group",
            Self::OldButton => "screen-old-button",
            Self::TooManyRequests { .. } => "screen-too-many-requests",
            Self::Unavailable => "screen-unavailable",
            Self::Stale { .. } => "screen-stale",
            Self::NotDone => "screen-not-done",
            Self::OutcomeUnknown => "screen-outcome-unknown",
            Self::DoneUnshown => "screen-done-unshown",
            Self::Failed => "screen-failed",
        }
    }

    fn values(self) -> Values<'static> {
        let values = Values::default();
        match self {
            Self::Stale { when } => values.html("when", when),
            Self::TooManyRequests { seconds } => values.number("seconds", seconds),
            Self::Invited { name, teacher } => values.html("name", name).html("teacher", teacher),
            Self::StudentAlready { teacher } => values.html("teacher", teacher),
            Self::InvitationGroupFull { group } => values
                .html("group", group)
                .number("has-group", i64::from(!group.is_empty())),
            Self::Confirmed { name, when }
            | Self::LessonWithTeacher { name, when }
            | Self::LessonWithStudent { name, when }
            | Self::LessonWithGroup { name, when }
            | Self::SeatKept { name, when }
            | Self::LeaveAsk { name, when }
            | Self::SeatLeft { name, when }
            | Self::CancelAsk { name, when }
            | Self::Canceled { name, when }
            | Self::WithdrawAsk { name, when }
            | Self::Withdrawn { name, when }
            | Self::LetGoAsk { name, when }
            | Self::LetGo { name, when }
            | Self::Changed { name, when } => values.html("name", name).html("when", when),
            Self::Unknown
            | Self::NotPossible
            | Self::LineRequested
            | Self::LineHeld
            | Self::LineReconfirm
            | Self::SeatBusy
            | Self::SeatGone
            | Self::NoSeat
            | Self::AlreadyDeclined
            | Self::Lapsed
            | Self::InvitationUnknown
            | Self::InvitationExpired
            | Self::InvitationRevoked
            | Self::InvitationUsedUp
            | Self::SelfInvitation
            | Self::Lessons
            | Self::NoLessons
            | Self::AlreadyCanceled
            | Self::AlreadyBegun
            | Self::NoLesson
            | Self::OldButton
            | Self::Unavailable
            | Self::NotDone
            | Self::OutcomeUnknown
            | Self::DoneUnshown
            | Self::Failed => values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_markup_is_greeted_as_it_is_written() {
        let screen = Screen::Invited {
            name: "<i>A&B</i>",
            teacher: "C",
        };
        let text = screen.html(Language::Ru);
        assert!(text.contains("&lt;i&gt;A&amp;B&lt;/i&gt;! 👋"), "{text}");
    }
}
