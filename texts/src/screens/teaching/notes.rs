//! What is said to a teacher without any values in it.

use crate::{
    Language,
    bundle::{Values, message},
};

/// Words of the teachers' part; no markup but their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeachingNote {
    /// The reader does not teach.
    NotTeaching,
    /// No lessons in what is shown.
    Free,
    /// After a line: waits for the reader's decision.
    MarkRequested,
    /// After a line: a student keeps the time while deciding.
    MarkHeld,
    /// After a line: it is over, and who came is not said.
    MarkUnrecorded,
    /// A student keeps the time while deciding.
    Held,
    /// It has begun and is not over.
    Running,
    /// It is over.
    Over,
    /// It was cancelled.
    Canceled,
    /// The request was declined.
    Declined,
    /// The request, or the hold, ran out.
    Lapsed,
    /// Below the lesson: what the reader may say of who came.
    AttendanceHint,
    /// Who came is written down.
    AttendanceKept,
    /// The lesson has not begun, so nobody can have come.
    NotBegun,
    /// A button was drawn for an older version; the lesson as it is now follows.
    Changed,
    /// Nothing more can be changed.
    TooLate,
    /// Asks for a reason in the reader's own words.
    OwnWords,
    /// The reason is longer than 500 characters.
    ReasonTooLong,
    /// No free time in the days shown.
    MoveNowhere,
    /// Another lesson takes that time.
    MoveTaken,
    /// The student has another lesson then.
    MoveBusy,
    /// That time has passed.
    MovePast,
    /// Asks which days are free of lessons, as text.
    TypeDays,
    /// The days that were typed cannot be read.
    DaysUnclear,
    /// The days have passed, or lie more than three years ahead, or are more than a year.
    DaysUnsuitable,
    /// There is as much time off as there may be.
    TooMuchTimeOff,
    /// The hours of work changed meanwhile; they follow as they are now.
    CalendarChanged,
    /// "Today" was another day when the button was drawn; the time off follows.
    OtherDay,
    /// Nobody answered whether a lesson is cancelled; it follows.
    CancelUnknown,
    /// The time off is gone; what is left follows.
    TimeOffRemoved,
    /// There is no such time off any more.
    NoTimeOff,
    /// No time off ahead.
    NoneAhead,
    /// No lesson lies in the time off.
    NoLessonsInIt,
    /// Whom to invite.
    InviteWhom,
    /// Nobody is invited just now.
    NoInvitations,
    /// The invitation is taken back.
    InvitationRevoked,
    /// There is no such invitation, or it invites nobody any more.
    InvitationGone,
    /// There are as many open invitations as there may be.
    TooManyInvitations,
    /// The group was dissolved.
    NoGroup,
    /// The group is full.
    GroupFull,
    /// notify-svc cannot be asked what was delivered.
    DeliveriesUnknown,
}

impl TeachingNote {
    /// The words, as Telegram's HTML.
    #[must_use]
    pub fn html(self, language: Language) -> String {
        message(language, self.id(), &Values::default())
    }

    fn id(self) -> &'static str {
        match self {
            Self::NotTeaching => "teaching-not-teaching",
            Self::Free => "teaching-free",
            Self::MarkRequested => "teaching-mark-requested",
            Self::MarkHeld => "teaching-mark-held",
            Self::MarkUnrecorded => "teaching-mark-unrecorded",
            Self::Held => "teaching-held",
            Self::Running => "teaching-running",
            Self::Over => "teaching-over",
            Self::Canceled => "teaching-canceled",
            Self::Declined => "teaching-declined",
            Self::Lapsed => "teaching-lapsed",
            Self::AttendanceHint => "teaching-attendance-hint",
            Self::AttendanceKept => "teaching-attendance-kept",
            Self::NotBegun => "teaching-not-begun",
            Self::Changed => "teaching-changed",
            Self::TooLate => "teaching-too-late",
            Self::OwnWords => "teaching-own-words",
            Self::ReasonTooLong => "teaching-reason-too-long",
            Self::MoveNowhere => "teaching-move-nowhere",
            Self::MoveTaken => "teaching-move-taken",
            Self::MoveBusy => "teaching-move-busy",
            Self::MovePast => "teaching-move-past",
            Self::TypeDays => "teaching-type-days",
            Self::DaysUnclear => "teaching-days-unclear",
            Self::DaysUnsuitable => "teaching-days-unsuitable",
            Self::TooMuchTimeOff => "teaching-too-much-time-off",
            Self::CalendarChanged => "teaching-calendar-changed",
            Self::OtherDay => "teaching-other-day",
            Self::CancelUnknown => "teaching-cancel-unknown",
            Self::TimeOffRemoved => "teaching-time-off-removed",
            Self::NoTimeOff => "teaching-no-time-off",
            Self::NoneAhead => "teaching-none-ahead",
            Self::NoLessonsInIt => "teaching-no-lessons-in-it",
            Self::InviteWhom => "teaching-invite-whom",
            Self::NoInvitations => "teaching-no-invitations",
            Self::InvitationRevoked => "teaching-invitation-revoked",
            Self::InvitationGone => "teaching-invitation-gone",
            Self::TooManyInvitations => "teaching-too-many-invitations",
            Self::NoGroup => "teaching-no-group",
            Self::GroupFull => "teaching-group-full",
            Self::DeliveriesUnknown => "teaching-deliveries-unknown",
        }
    }
}
