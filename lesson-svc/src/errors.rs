//! What can go wrong, and the one place where it becomes a gRPC status.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use olm_proto::common::v1::ErrorReason;
use service_kit::{
    paging::InvalidToken,
    status::{self, Refusal, Violations},
};
use tonic::{Code, Status};

use crate::availability::slots::Unbookable;

/// The domain of this service's errors.
pub const DOMAIN: &str = "olm.lesson";

/// How many starts a refusal of a series names.
pub const MOST_CONFLICTS: usize = 20;
/// When a watcher who found no place may try again.
const WATCH_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Why a call is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields are wrong; the first of them are named.
    #[error("the request is not valid")]
    Invalid(Refusal),
    /// The page token is not one this query gave out.
    #[error(transparent)]
    PageToken(#[from] InvalidToken),
    /// No such user, or not one the viewer may see.
    #[error("no such user")]
    UserNotFound,
    /// No such teacher.
    #[error("no such teacher")]
    TeacherNotFound,
    /// No such lesson, or not one the viewer takes part in.
    #[error("no such lesson")]
    LessonNotFound,
    /// The acting user does not teach.
    #[error("the acting user is not a teacher")]
    NotATeacher,
    /// The `request_id` was used with another body.
    #[error("the request_id was used before with another body")]
    RequestIdReused,
    /// Somebody changed the resource meanwhile.
    #[error("the version is stale; it is {current} now")]
    VersionStale {
        /// The resource's version now.
        current: i64,
    },
    /// The start cannot be booked.
    #[error("the start cannot be booked: {reason:?}")]
    Unbookable {
        /// Why.
        reason: Unbookable,
        /// Starts that can be booked instead; only when the slot is taken.
        alternatives: Vec<Timestamp>,
    },
    /// A teacher cannot book a lesson with themselves.
    #[error("a teacher cannot book a lesson with themselves")]
    SelfBooking,
    /// The lesson has begun or is over.
    #[error("the lesson has begun")]
    LessonStarted,
    /// The lesson is off: cancelled or declined before.
    #[error("the lesson was cancelled before")]
    LessonCanceled,
    /// The hold or the request has run out.
    #[error("the hold or the request has run out")]
    LessonLapsed,
    /// The lesson is not in a state in which this can be done.
    #[error("this cannot be done with a lesson that is {status}")]
    LessonStatusUnsuitable {
        /// The lesson's status, as the database has it.
        status: &'static str,
    },
    /// The lesson has not begun.
    #[error("the lesson has not begun")]
    LessonNotStarted,
    /// Only the lesson's teacher or an admin may.
    #[error("only the lesson's teacher may do this")]
    TeacherOnly,
    /// The lesson has no such seat.
    #[error("the lesson has no such seat")]
    BookingNotFound,
    /// A student moves a lesson later than the teacher allows.
    #[error("it is too late for a student to move this lesson")]
    RescheduleTooLate {
        /// The teacher's reschedule notice.
        notice: SignedDuration,
    },
    /// The teacher takes no new students.
    #[error("the teacher takes no new students")]
    NotAcceptingStudents,
    /// The student is not the teacher's.
    #[error("this person is not a student of the teacher")]
    NotAStudent,
    /// The teacher has lessons ahead.
    #[error("lessons are ahead; cancel them first")]
    LessonsAhead,
    /// The teacher's hours of work are in another zone, and nobody said what becomes of
    /// them.
    #[error("the hours of work are in another zone: say whether they stay or move along")]
    RulesZoneNeeded {
        /// The zone of the hours, IANA name.
        rules_time_zone: String,
    },
    /// No such invitation.
    #[error("no such invitation")]
    InvitationNotFound,
    /// The invitation has run out.
    #[error("the invitation has run out")]
    InvitationExpired,
    /// The invitation was taken back.
    #[error("the invitation was taken back")]
    InvitationRevoked,
    /// As many as were invited have accepted.
    #[error("as many people as were invited have accepted")]
    InvitationUsedUp,
    /// A teacher cannot accept their own invitation.
    #[error("a teacher cannot accept their own invitation")]
    SelfInvitation,
    /// No such series, or not one the viewer may see.
    #[error("no such series")]
    SeriesNotFound,
    /// Something stands against occurrences of a series, and nothing was done.
    #[error("something stands against {count} of the occurrences")]
    SeriesConflicts {
        /// Against how many.
        count: usize,
        /// When they start, in order; the first [`MOST_CONFLICTS`] are told.
        starts: Vec<Timestamp>,
    },
    /// Nothing of the series is ahead.
    #[error("the series is over or was cancelled")]
    SeriesEnded,
    /// No such group, or not one the viewer teaches or is in.
    #[error("no such group")]
    GroupNotFound,
    /// As many as the group holds are in it.
    #[error("the group is full")]
    GroupFull {
        /// How many it holds; `None` when the database alone refused.
        capacity: Option<i16>,
        /// What it is called; empty likewise.
        title: String,
    },
    /// No seat is left.
    #[error("no seat is left in the lesson")]
    LessonFull {
        /// How many there are; `None` when the database alone refused.
        capacity: Option<i16>,
    },
    /// The seat was given up, because nobody said in time that its student comes.
    #[error("the time to reconfirm is over")]
    ReconfirmTooLate,
    /// The cursor is not one that was given out.
    #[error("the cursor is not one that was answered")]
    CursorInvalid,
    /// The watcher does not read, and nothing more is kept for it.
    #[error("the watcher did not read fast enough")]
    WatcherTooSlow,
    /// As many watch as this replica serves.
    #[error("as many watch as this replica serves")]
    TooManyWatchers,
    /// No such feed, of the acting user or of the token.
    #[error("no such calendar feed")]
    CalendarFeedNotFound,
    /// Other people are in it than those who were locked: worth another attempt.
    #[error("who takes part changed meanwhile")]
    PeopleChanged,
    /// No such time off of the acting teacher.
    #[error("no such time off")]
    TimeOffNotFound,
    /// Only admins may.
    #[error("only admins may do this")]
    AdminOnly,
    /// As many as one person may have are there.
    #[error("{what}: at most {limit}")]
    LimitReached {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The database failed or is away.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// What the database holds cannot be understood: a fault of ours.
    #[error("stored data is not what this build understands: {0}")]
    Corrupt(&'static str),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Invalid(refusal)
    }
}

impl From<Unbookable> for Error {
    fn from(reason: Unbookable) -> Self {
        Self::Unbookable {
            reason,
            alternatives: Vec::new(),
        }
    }
}

impl Error {
    /// The error of an insert, with the constraints that speak for a rule mapped by
    /// name: the database decides, whatever was checked before.
    #[must_use]
    pub fn of_insert(error: sqlx::Error) -> Self {
        let constraint = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::constraint);
        match constraint {
            Some("lessons_teacher_no_overlap") => Unbookable::SlotTaken.into(),
            Some("bookings_student_no_overlap") => Unbookable::StudentBusy.into(),
            Some("lessons_seats_within_capacity") => Self::LessonFull { capacity: None },
            Some("groups_members_within_capacity") => Self::GroupFull {
                capacity: None,
                title: String::new(),
            },
            _ => Self::Database(error),
        }
    }

    /// True when the database undid the transaction because of a concurrent one
    /// (`serialization_failure`, `deadlock_detected`), or other people were to be locked:
    /// worth a repeat.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        if let Self::Database(error) = self {
            return matches!(sqlstate(error).as_deref(), Some("40001" | "40P01"));
        }
        matches!(self, Self::PeopleChanged)
    }
}

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// True when the database is away or overloaded rather than the query wrong.
fn is_away(error: &sqlx::Error) -> bool {
    if let Some(code) = sqlstate(error) {
        // Connection exceptions, shutdown and start-up, too many connections, a
        // standby that is no primary (yet), timeouts and conflicts.
        return code.starts_with("08")
            || matches!(
                code.as_str(),
                "57P01"
                    | "57P02"
                    | "57P03"
                    | "57014"
                    | "53300"
                    | "25006"
                    | "40001"
                    | "40P01"
                    | "55P03"
            );
    }
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
    )
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        use Code::{
            Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound,
            PermissionDenied, ResourceExhausted,
        };
        let text = error.to_string();
        let precondition = |reason| Refusal::new(FailedPrecondition, reason, text.as_str());
        let not_found = |reason| Refusal::new(NotFound, reason, text.as_str());
        let denied = |reason| Refusal::new(PermissionDenied, reason, text.as_str());
        let refusal = match error {
            Error::Invalid(refusal) => refusal,
            Error::PageToken(_) => {
                Refusal::new(InvalidArgument, ErrorReason::PageTokenInvalid, text)
            }
            Error::UserNotFound => not_found(ErrorReason::UserNotFound),
            Error::TeacherNotFound => not_found(ErrorReason::TeacherNotFound),
            Error::LessonNotFound => not_found(ErrorReason::LessonNotFound),
            Error::BookingNotFound => not_found(ErrorReason::BookingNotFound),
            Error::InvitationNotFound => not_found(ErrorReason::InvitationNotFound),
            Error::TimeOffNotFound => not_found(ErrorReason::TimeOffNotFound),
            Error::SeriesNotFound => not_found(ErrorReason::SeriesNotFound),
            Error::GroupNotFound => not_found(ErrorReason::GroupNotFound),
            Error::CalendarFeedNotFound => not_found(ErrorReason::CalendarFeedNotFound),
            Error::SeriesConflicts { count, starts } => {
                let starts = starts.iter().take(MOST_CONFLICTS).map(Timestamp::to_string);
                precondition(ErrorReason::SeriesConflicts)
                    .metadata("conflict_count", count.to_string())
                    .metadata("starts", starts.collect::<Vec<_>>().join(","))
            }
            Error::SeriesEnded => precondition(ErrorReason::SeriesEnded),
            Error::GroupFull { capacity, title } => {
                let full = full(precondition(ErrorReason::GroupFull), capacity);
                if title.is_empty() {
                    full
                } else {
                    full.metadata("group_title", title)
                }
            }
            Error::LessonFull { capacity } => full(precondition(ErrorReason::LessonFull), capacity),
            Error::ReconfirmTooLate => precondition(ErrorReason::ReconfirmTooLate),
            Error::CursorInvalid => Refusal::new(InvalidArgument, ErrorReason::CursorInvalid, text),
            Error::WatcherTooSlow => {
                Refusal::new(ResourceExhausted, ErrorReason::WatcherTooSlow, text)
            }
            Error::TooManyWatchers => {
                Refusal::new(ResourceExhausted, ErrorReason::TooManyWatchers, text)
                    .retry_after(WATCH_AGAIN_AFTER)
            }
            error @ Error::PeopleChanged => return status::unavailable(DOMAIN, &error),
            Error::AdminOnly => denied(ErrorReason::AdminOnly),
            Error::TeacherOnly => denied(ErrorReason::TeacherOnly),
            Error::NotATeacher => precondition(ErrorReason::NotATeacher),
            Error::RequestIdReused => {
                Refusal::new(AlreadyExists, ErrorReason::RequestIdReused, text)
            }
            Error::VersionStale { current } => {
                Refusal::new(Aborted, ErrorReason::VersionStale, text)
                    .metadata("current_version", current.to_string())
            }
            Error::Unbookable {
                reason,
                alternatives,
            } => unbookable(&reason, &alternatives),
            Error::SelfBooking => precondition(ErrorReason::SelfBooking),
            Error::LessonStarted => precondition(ErrorReason::LessonStarted),
            Error::LessonCanceled => precondition(ErrorReason::LessonCanceled),
            Error::LessonLapsed => precondition(ErrorReason::LessonLapsed),
            Error::LessonNotStarted => precondition(ErrorReason::LessonNotStarted),
            Error::LessonStatusUnsuitable { status } => {
                precondition(ErrorReason::LessonStatusUnsuitable).metadata("status", status)
            }
            Error::RescheduleTooLate { notice } => precondition(ErrorReason::RescheduleTooLate)
                .metadata("notice_s", notice.as_secs().to_string()),
            Error::NotAcceptingStudents => precondition(ErrorReason::NotAcceptingStudents),
            Error::NotAStudent => precondition(ErrorReason::NotAStudent),
            Error::LessonsAhead => precondition(ErrorReason::LessonsAhead),
            Error::RulesZoneNeeded { rules_time_zone } => {
                precondition(ErrorReason::RulesZoneNeeded)
                    .metadata("rules_time_zone", rules_time_zone)
            }
            Error::InvitationExpired => precondition(ErrorReason::InvitationExpired),
            Error::InvitationRevoked => precondition(ErrorReason::InvitationRevoked),
            Error::InvitationUsedUp => precondition(ErrorReason::InvitationUsedUp),
            Error::SelfInvitation => precondition(ErrorReason::SelfInvitation),
            Error::LimitReached { limit, .. } => {
                Refusal::new(ResourceExhausted, ErrorReason::LimitReached, text)
                    .metadata("limit", limit.to_string())
            }
            Error::Database(error) if is_away(&error) => {
                return status::unavailable(DOMAIN, &error);
            }
            Error::Database(error) => return status::internal(DOMAIN, &error),
            error @ Error::Corrupt(_) => return status::internal(DOMAIN, &error),
        };
        refusal.into_status(DOMAIN)
    }
}

fn full(refusal: Refusal, capacity: Option<i16>) -> Refusal {
    match capacity {
        Some(capacity) => refusal.metadata("capacity", capacity.to_string()),
        None => refusal,
    }
}

fn unbookable(unbookable: &Unbookable, alternatives: &[Timestamp]) -> Refusal {
    let (reason, text) = match unbookable {
        Unbookable::TooSoon => (
            ErrorReason::TooSoon,
            "the start is past or sooner than the teacher's minimum notice",
        ),
        Unbookable::TooFar => (
            ErrorReason::TooFar,
            "the start is beyond the teacher's booking horizon",
        ),
        Unbookable::OutsideAvailability => (
            ErrorReason::OutsideAvailability,
            "the teacher does not work at this time",
        ),
        Unbookable::OffGrid => (
            ErrorReason::OffGrid,
            "lessons of this teacher begin at other minutes",
        ),
        Unbookable::DurationNotOffered { .. } => (
            ErrorReason::DurationNotOffered,
            "the teacher gives no lessons of this length",
        ),
        Unbookable::DailyLimitReached => (
            ErrorReason::DailyLimitReached,
            "the teacher gives no more lessons on this day",
        ),
        Unbookable::SlotTaken => (
            ErrorReason::SlotTaken,
            "another lesson of the teacher takes this time",
        ),
        Unbookable::StudentBusy => (
            ErrorReason::StudentBusy,
            "the student has another lesson at this time",
        ),
    };
    let refusal = Refusal::new(Code::FailedPrecondition, reason, text);
    let listed = |texts: Vec<String>| texts.join(",");
    match unbookable {
        Unbookable::SlotTaken => {
            let starts = alternatives.iter().map(Timestamp::to_string);
            refusal.metadata("alternatives", listed(starts.collect()))
        }
        Unbookable::DurationNotOffered { offered } => {
            let lengths = offered.iter().map(|length| length.as_secs().to_string());
            refusal.metadata("durations_s", listed(lengths.collect()))
        }
        Unbookable::TooSoon
        | Unbookable::TooFar
        | Unbookable::OutsideAvailability
        | Unbookable::OffGrid
        | Unbookable::DailyLimitReached
        | Unbookable::StudentBusy => refusal,
    }
}

/// Compares the version a caller read with the one there is.
///
/// # Errors
///
/// [`Error::VersionStale`] when they differ.
pub fn check_version(expected: i64, current: i64) -> Result<(), Error> {
    if expected == current {
        Ok(())
    } else {
        Err(Error::VersionStale { current })
    }
}

/// Records what is wrong with a text: longer than `most` characters, or with a NUL,
/// which PostgreSQL cannot store.
pub fn check_text(violations: &mut Violations, field: &str, text: &str, most: usize) {
    violations.require(
        text.chars().count() <= most,
        field,
        format!("is longer than {most} characters"),
    );
    violations.require(!text.contains('\0'), field, "contains a NUL character");
}

/// Reads an instant that may be unset; one that the database cannot store (before
/// 1970 or after 9999) is recorded.
pub fn read_instant(
    violations: &mut Violations,
    field: &str,
    given: Option<&prost_types::Timestamp>,
) -> Option<Timestamp> {
    let given = given?;
    let instant = olm_proto::instant(given).filter(|instant| *instant >= Timestamp::UNIX_EPOCH);
    violations.require(
        instant.is_some(),
        field,
        "is not an instant of the years 1970 to 9999",
    );
    instant
}

#[cfg(test)]
mod tests;
