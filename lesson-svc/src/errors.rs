//! What can go wrong, and the one place where it becomes a gRPC status.

use jiff::Timestamp;
use olm_proto::common::v1::ErrorReason;
use service_kit::{
    paging::InvalidToken,
    status::{self, Refusal, Violations},
};
use tonic::{Code, Status};

use crate::availability::slots::Unbookable;

/// The domain of this service's errors.
pub const DOMAIN: &str = "olm.lesson";

/// Why a call is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields are wrong; all of them are named.
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
    /// The lesson was cancelled before.
    #[error("the lesson was cancelled before")]
    LessonCanceled,
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
            _ => Self::Database(error),
        }
    }

    /// True when the database undid the transaction because of a concurrent one
    /// (`serialization_failure`, `deadlock_detected`): worth one repeat.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(error) if matches!(sqlstate(error).as_deref(), Some("40001" | "40P01")))
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
        use Code::{Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound};
        let text = error.to_string();
        let refusal = match error {
            Error::Invalid(refusal) => refusal,
            Error::PageToken(_) => {
                Refusal::new(InvalidArgument, ErrorReason::PageTokenInvalid, text)
            }
            Error::UserNotFound => Refusal::new(NotFound, ErrorReason::UserNotFound, text),
            Error::TeacherNotFound => Refusal::new(NotFound, ErrorReason::TeacherNotFound, text),
            Error::LessonNotFound => Refusal::new(NotFound, ErrorReason::LessonNotFound, text),
            Error::NotATeacher => Refusal::new(FailedPrecondition, ErrorReason::NotATeacher, text),
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
            } => unbookable(reason, &alternatives),
            Error::SelfBooking => Refusal::new(FailedPrecondition, ErrorReason::SelfBooking, text),
            Error::LessonStarted => {
                Refusal::new(FailedPrecondition, ErrorReason::LessonStarted, text)
            }
            Error::LessonCanceled => {
                Refusal::new(FailedPrecondition, ErrorReason::LessonCanceled, text)
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

fn unbookable(reason: Unbookable, alternatives: &[Timestamp]) -> Refusal {
    let (reason, text) = match reason {
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
    if reason != ErrorReason::SlotTaken {
        return refusal;
    }
    let alternatives: Vec<_> = alternatives.iter().map(Timestamp::to_string).collect();
    refusal.metadata("alternatives", alternatives.join(","))
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
mod tests {
    use super::*;

    #[test]
    fn a_taken_slot_names_its_alternatives() {
        use tonic_types::StatusExt as _;
        let first: Timestamp = "2026-06-01T09:00:00Z".parse().unwrap();
        let second: Timestamp = "2026-06-01T10:00:00Z".parse().unwrap();
        let status = Status::from(Error::Unbookable {
            reason: Unbookable::SlotTaken,
            alternatives: vec![first, second],
        });
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.domain, DOMAIN);
        assert_eq!(
            info.metadata["alternatives"],
            "2026-06-01T09:00:00Z,2026-06-01T10:00:00Z"
        );
    }

    #[test]
    fn a_database_that_is_away_is_unavailable_and_says_when_to_repeat() {
        use tonic_types::StatusExt as _;
        let status = Status::from(Error::from(sqlx::Error::PoolTimedOut));
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.get_details_retry_info().is_some());
        let status = Status::from(Error::from(sqlx::Error::RowNotFound));
        assert_eq!(status.code(), Code::Internal);
    }

    #[test]
    fn instants_the_database_cannot_store_are_refused() {
        for seconds in [-1, i64::MAX, i64::MIN, 253_402_300_800] {
            let mut violations = Violations::default();
            let given = prost_types::Timestamp { seconds, nanos: 0 };
            assert_eq!(
                read_instant(&mut violations, "start_time", Some(&given)),
                None
            );
            assert!(!violations.is_empty(), "{seconds}");
        }
    }
}
