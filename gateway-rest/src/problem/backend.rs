//! A service's status as an HTTP problem. A refusal that carries a reason of the
//! contract is passed on; what we did wrong, or what broke on the way, is not the
//! client's fault and is told as ours.

use std::{borrow::Cow, collections::HashMap, error::Error, time::Duration};

use ::http::StatusCode;
use olm_proto::common::v1::ErrorReason;
use service_kit::status::{chain, reason};
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::{ErrorDetails, ErrorInfo, StatusExt as _};

use super::{FieldFault, Problem, ProblemBody, Reason};

/// Every service's error domain begins so.
const OUR_DOMAINS: &str = "olm.";

/// When a repeat is suggested where the service suggests nothing.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        match details.error_info() {
            Some(info) if info.domain.starts_with(OUR_DOMAINS) => refused(&status, &details, info),
            Some(_) | None => broken(&status),
        }
    }
}

/// A refusal in the contract's words.
fn refused(status: &Status, details: &ErrorDetails, info: &ErrorInfo) -> Problem {
    let known = reason(status);
    let http = known.map_or_else(|| status_of_code(status.code()), status_of_reason);
    if known.is_some() && http == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(
            code = ?status.code(),
            reason = info.reason,
            domain = info.domain,
            "a service refused this gateway itself: check its key and its version"
        );
        return Problem::internal();
    }
    if http.is_server_error() {
        tracing::warn!(
            code = ?status.code(),
            reason = info.reason,
            domain = info.domain,
            "a service failed"
        );
    }
    if http == StatusCode::INTERNAL_SERVER_ERROR {
        return Problem::internal();
    }
    let mut problem = Problem::named(
        http,
        // A newer service may know reasons that this gateway does not.
        known.map_or_else(
            || Cow::Owned(info.reason.clone()),
            |known| Cow::Borrowed(Reason::Contract(known).name()),
        ),
        status.message(),
    );
    problem.retry_after = details
        .retry_info()
        .and_then(|info| info.retry_delay)
        .or((http == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER));
    let body = &mut problem.body;
    if let Some(bad) = details.bad_request() {
        let faults = bad.field_violations.iter().map(|fault| FieldFault {
            field: fault.field.clone(),
            text: fault.description.clone(),
        });
        body.violations.extend(faults);
    }
    add_facts(body, &info.metadata);
    if !body.violations.is_empty() {
        body.describe();
    }
    problem
}

/// A call that ended without a word of ours: the connection, a proxy, a deadline.
fn broken(status: &Status) -> Problem {
    let cause = status.source().map(chain);
    let cause = cause.as_deref().unwrap_or(status.message());
    if is_timeout(status) {
        tracing::warn!(cause, "a service did not answer in time");
        return Problem::timed_out();
    }
    // A transport error has a source; what came over the wire has none.
    if status.code() == Code::Unavailable || status.source().is_some() {
        tracing::warn!(cause, "a service cannot be reached");
        return Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Reason::Contract(ErrorReason::Unavailable),
            "a service behind this gateway cannot be reached; repeat the same request",
        )
        .retry_after(RETRY_AFTER);
    }
    tracing::error!(code = ?status.code(), cause, "a service failed without a reason");
    Problem::internal()
}

fn is_timeout(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    status.code() == Code::DeadlineExceeded
}

/// The HTTP status for a reason of the contract. 500 is for what says that this gateway,
/// not its client, did wrong: its own key, its own permissions, its own idea of the
/// contract.
fn status_of_reason(reason: ErrorReason) -> StatusCode {
    match reason {
        ErrorReason::ServiceKeyMissing
        | ErrorReason::ServiceKeyRefused
        | ErrorReason::CallerNotPermitted
        | ErrorReason::ActingUserNotPermitted
        | ErrorReason::ActingUserMissing
        | ErrorReason::ActingUserMalformed
        | ErrorReason::MessageMalformed
        | ErrorReason::MethodUnknown
        | ErrorReason::Internal
        | ErrorReason::Unspecified => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorReason::InvalidFields
        | ErrorReason::PageTokenInvalid
        | ErrorReason::CursorInvalid => StatusCode::BAD_REQUEST,
        ErrorReason::AdminOnly | ErrorReason::TeacherOnly => StatusCode::FORBIDDEN,
        ErrorReason::UserNotFound
        | ErrorReason::TeacherNotFound
        | ErrorReason::LessonNotFound
        | ErrorReason::NotificationNotFound
        | ErrorReason::RecipientNotFound
        | ErrorReason::InvitationNotFound
        | ErrorReason::TimeOffNotFound
        | ErrorReason::BookingNotFound
        | ErrorReason::SeriesNotFound
        | ErrorReason::GroupNotFound
        | ErrorReason::CalendarFeedNotFound => StatusCode::NOT_FOUND,
        ErrorReason::SlotTaken
        | ErrorReason::StudentBusy
        | ErrorReason::OutsideAvailability
        | ErrorReason::OffGrid
        | ErrorReason::TooSoon
        | ErrorReason::TooFar
        | ErrorReason::LessonStarted
        | ErrorReason::LessonCanceled
        | ErrorReason::SelfBooking
        | ErrorReason::NotATeacher
        | ErrorReason::DailyLimitReached
        | ErrorReason::DurationNotOffered
        | ErrorReason::NotAcceptingStudents
        | ErrorReason::RescheduleTooLate
        | ErrorReason::LessonLapsed
        | ErrorReason::LessonStatusUnsuitable
        | ErrorReason::LessonNotStarted
        | ErrorReason::LessonsAhead
        | ErrorReason::NotAStudent
        | ErrorReason::RulesZoneNeeded
        | ErrorReason::SeriesConflicts
        | ErrorReason::SeriesEnded
        | ErrorReason::GroupFull
        | ErrorReason::LessonFull
        | ErrorReason::ReconfirmTooLate
        // Not 410: what is gone is the invitation, not the path that takes its token.
        | ErrorReason::InvitationExpired
        | ErrorReason::InvitationRevoked
        | ErrorReason::InvitationUsedUp
        | ErrorReason::SelfInvitation
        | ErrorReason::NoPolledBot
        | ErrorReason::NotificationStateUnsuitable
        | ErrorReason::ClientPollsAnotherBot
        | ErrorReason::WebhooksOff
        // Not 429: waiting does not help, removing something does.
        | ErrorReason::LimitReached => StatusCode::CONFLICT,
        // `expected_version` comes from If-Match only.
        ErrorReason::VersionStale => StatusCode::PRECONDITION_FAILED,
        ErrorReason::MessageTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorReason::RequestIdReused => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorReason::Unavailable
        | ErrorReason::TooManyWatchers
        | ErrorReason::WatcherTooSlow => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The HTTP status for a reason newer than this gateway.
fn status_of_code(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists
        | Code::Aborted
        | Code::FailedPrecondition
        | Code::ResourceExhausted => StatusCode::CONFLICT,
        Code::Unavailable | Code::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Ok | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// The facts for programs that a refusal carries.
fn add_facts(body: &mut ProblemBody, facts: &HashMap<String, String>) {
    let list = |name: &str| {
        let list = facts.get(name).map_or("", String::as_str).split(',');
        list.filter(|item| !item.is_empty())
    };
    let number = |name: &str| facts.get(name).and_then(|number| number.parse().ok());
    body.alternatives
        .extend(list("alternatives").map(str::to_owned));
    body.durations_s
        .extend(list("durations_s").filter_map(|item| item.parse::<i64>().ok()));
    body.current_version = number("current_version");
    body.notice_s = number("notice_s");
    body.limit = number("limit");
    body.conflict_count = number("conflict_count");
    body.conflict_starts
        .extend(list("starts").map(str::to_owned));
    body.capacity = number("capacity");
    body.group_title = facts.get("group_title").cloned();
    body.fault_count = number("fault_count");
    body.rules_time_zone = facts.get("rules_time_zone").cloned();
    body.notification_state = facts.get("state").cloned();
    body.lesson_status = facts.get("status").map(|status| {
        let status = status.strip_prefix("LESSON_STATUS_").unwrap_or(status);
        status.to_ascii_lowercase()
    });
}

#[cfg(test)]
mod tests {
    use service_kit::status::{Refusal, Violations};

    use super::*;

    fn problem(code: Code, reason: ErrorReason) -> Problem {
        Refusal::new(code, reason, "text of the service")
            .into_status("olm.lesson")
            .into()
    }

    #[test]
    fn refusals_keep_their_reason_and_get_its_http_status() {
        use ErrorReason as R;
        for (code, reason, http) in [
            (Code::InvalidArgument, R::InvalidFields, 400),
            (Code::NotFound, R::LessonNotFound, 404),
            (Code::AlreadyExists, R::RequestIdReused, 422),
            (Code::Aborted, R::VersionStale, 412),
            (Code::PermissionDenied, R::AdminOnly, 403),
            (Code::FailedPrecondition, R::InvitationExpired, 409),
            (Code::ResourceExhausted, R::LimitReached, 409),
            (Code::FailedPrecondition, R::SlotTaken, 409),
            (Code::ResourceExhausted, R::MessageTooLarge, 413),
            (Code::Unavailable, R::Unavailable, 503),
        ] {
            let problem = problem(code, reason);
            assert_eq!(problem.status.as_u16(), http, "{code:?}");
            assert_eq!(problem.body.reason, Reason::Contract(reason).name());
            assert_eq!(problem.body.detail, "text of the service");
        }
    }

    #[test]
    fn a_refusal_of_the_gateway_itself_is_an_opaque_500() {
        use ErrorReason as R;
        for (code, reason) in [
            (Code::Unauthenticated, R::ServiceKeyMissing),
            (Code::PermissionDenied, R::ServiceKeyRefused),
            (Code::PermissionDenied, R::CallerNotPermitted),
            (Code::PermissionDenied, R::ActingUserNotPermitted),
            (Code::Unimplemented, R::MethodUnknown),
            (Code::InvalidArgument, R::MessageMalformed),
            (Code::Internal, R::Internal),
        ] {
            let problem = problem(code, reason);
            assert_eq!(problem.status.as_u16(), 500, "{reason:?}");
            assert_eq!(problem.body.reason, "INTERNAL");
            assert!(!problem.body.detail.contains("text of the service"));
        }
    }

    #[test]
    fn what_a_refusal_carries_for_programs_is_passed_on() {
        let refusal = Refusal::new(
            Code::FailedPrecondition,
            ErrorReason::LessonStatusUnsuitable,
            "it is not",
        );
        let problem = Problem::from(
            refusal
                .metadata("status", "LESSON_STATUS_SCHEDULED")
                .metadata("durations_s", "1800,3600")
                .metadata("notice_s", "86400")
                .metadata("rules_time_zone", "Europe/Berlin")
                .metadata("limit", "20")
                .metadata("current_version", "not a number")
                .into_status("olm.lesson"),
        );
        let body = problem.body;
        assert_eq!(body.lesson_status.as_deref(), Some("scheduled"));
        assert_eq!(body.durations_s, [1800, 3600]);
        assert_eq!((body.notice_s, body.limit), (Some(86400), Some(20)));
        assert_eq!(body.rules_time_zone.as_deref(), Some("Europe/Berlin"));
        assert_eq!(body.current_version, None);
        assert!(body.alternatives.is_empty());
    }

    #[test]
    fn faults_that_a_service_only_counted_are_counted_in_the_endpoints_words_too() {
        let mut violations = Violations::default();
        for index in 0..40 {
            violations.add(format!("policies.leads[{index}]"), "is wrong");
        }
        let status = violations.check().unwrap_err().into_status("olm.lesson");
        let problem = Problem::from(status).renamed(&[("policies", "")]);
        let body = problem.body;
        assert_eq!((body.violations.len(), body.fault_count), (32, Some(40)));
        assert!(
            body.detail
                .starts_with("the request is not valid: leads[0] is wrong; "),
            "{}",
            body.detail
        );
        assert!(body.detail.ends_with("; … and 8 more"), "{}", body.detail);
    }

    #[test]
    fn a_status_without_a_reason_of_ours_is_never_the_clients_fault() {
        let denied = Problem::from(Status::permission_denied("a proxy says no"));
        assert_eq!(denied.status.as_u16(), 500);
        let away = Problem::from(Status::unavailable("connection refused"));
        assert_eq!(away.status.as_u16(), 503);
        assert_eq!(away.retry_after, Some(RETRY_AFTER));
        let late = Problem::from(Status::deadline_exceeded("late"));
        assert_eq!(late.status.as_u16(), 504);
    }

    #[test]
    fn a_reason_newer_than_this_gateway_is_passed_on() {
        let mut details = ErrorDetails::new();
        details.set_error_info("QUOTA_USED_UP", "olm.lesson", []);
        let status = Status::with_error_details(Code::FailedPrecondition, "no more", details);
        let problem = Problem::from(status);
        assert_eq!(problem.status.as_u16(), 409);
        assert_eq!(problem.body.reason, "QUOTA_USED_UP");
        assert_eq!(problem.body.kind, "/problems/quota-used-up");
        assert_eq!(problem.body.title, "Quota used up");
    }
}
