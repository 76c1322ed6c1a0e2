//! Every error as problem+json (RFC 9457), with the contract's reason for programs.

mod backend;
pub(crate) mod http;
mod naming;

use std::{borrow::Cow, time::Duration};

use ::http::StatusCode;
use olm_proto::{common::v1::ErrorReason, notify::v1::Notification};
use serde::Serialize;
use service_kit::status::{Violations, describe, reason_name};
use utoipa::ToSchema;

/// A request that is refused or failed.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    retry_after: Option<Duration>,
    challenge: Option<&'static str>,
    body: Box<ProblemBody>,
}

/// What went wrong (RFC 9457). `reason` is for programs and stays; the texts are for
/// people and may change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// One URI for each reason.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/problems/slot-taken")]
    kind: String,
    /// The reason in words.
    #[schema(example = "Slot taken")]
    title: String,
    /// The HTTP status.
    #[schema(example = 409)]
    status: u16,
    /// What is wrong with this request.
    #[schema(example = "another lesson of the teacher takes this time")]
    detail: String,
    /// One of the contract's error reasons, or of this gateway's own: `ROUTE_UNKNOWN`,
    /// `METHOD_NOT_ALLOWED`, `MEDIA_TYPE_UNSUPPORTED`, `IDEMPOTENCY_KEY_MISSING`,
    /// `IDEMPOTENCY_KEY_MALFORMED`, `PRECONDITION_REQUIRED`, `IF_MATCH_MALFORMED`,
    /// `TOO_LATE`, `ALREADY_SENT`, `TIMED_OUT`, `OVERLOADED`.
    #[schema(example = "SLOT_TAKEN")]
    reason: Cow<'static, str>,
    /// The fields at fault, when fields are: the first 32 at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    violations: Vec<FieldFault>,
    /// `INVALID_FIELDS` with more faults than `violations` names: how many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    fault_count: Option<i64>,
    /// Finds this request in logs and traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736", nullable = false)]
    trace_id: Option<String>,
    /// `SLOT_TAKEN`: up to three other starts that were free.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, value_type = Vec<jiff::Timestamp>)]
    alternatives: Vec<String>,
    /// `VERSION_STALE`: the version to read before deciding again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    current_version: Option<i64>,
    /// `DURATION_NOT_OFFERED`: the lengths the teacher offers, in seconds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    durations_s: Vec<i64>,
    /// `RESCHEDULE_TOO_LATE`: how long before a lesson it can be moved, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    notice_s: Option<i64>,
    /// `LESSON_STATUS_UNSUITABLE`: the status the lesson has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "scheduled")]
    lesson_status: Option<String>,
    /// `NOTIFICATION_STATE_UNSUITABLE`, `TOO_LATE`, `ALREADY_SENT`: the state the
    /// notification has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "sent")]
    notification_state: Option<String>,
    /// `RULES_ZONE_NEEDED`: the zone of the teacher's hours, IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rules_time_zone: Option<String>,
    /// `LIMIT_REACHED`: how many there may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limit: Option<i64>,
    /// `SERIES_CONFLICTS`: how many occurrences something stands against.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    conflict_count: Option<i64>,
    /// `SERIES_CONFLICTS`: the starts of the first 20 of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, value_type = Vec<jiff::Timestamp>)]
    conflict_starts: Vec<String>,
    /// `GROUP_FULL`, `LESSON_FULL`: how many there may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    capacity: Option<i64>,
    /// `GROUP_FULL`: which group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    group_title: Option<String>,
}

/// One field that is wrong, and how.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldFault {
    /// The field's name in the request.
    #[schema(example = "start_time")]
    field: String,
    /// What is wrong with it.
    #[schema(example = "is required")]
    text: String,
}

/// Why a request is refused, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// As the contract documents it.
    Contract(ErrorReason),
    /// Status 404: Nothing is served under this path.
    RouteUnknown,
    /// Status 405: The path is served, but not with this method; see `Allow`.
    MethodNotAllowed,
    /// Status 415: The body is not declared as JSON.
    MediaTypeUnsupported,
    /// Status 400: A creating request without `Idempotency-Key`.
    IdempotencyKeyMissing,
    /// Status 400: `Idempotency-Key` is not one value of 1 to 255 visible ASCII characters.
    IdempotencyKeyMalformed,
    /// Status 428: A change without `If-Match`.
    PreconditionRequired,
    /// Status 400: `If-Match` is not one strong tag of a version.
    IfMatchMalformed,
    /// Status 409: Sending the notification had begun, or it ended another way.
    TooLate,
    /// Status 409: Telegram has accepted the notification.
    AlreadySent,
    /// Status 504: No answer in time; whether the request was carried out is unknown, and a
    /// repeat (with the same key) is safe.
    TimedOut,
    /// Status 503: This replica works on as many requests as it can.
    Overloaded,
}

impl Reason {
    /// The reason's name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Contract(reason) => reason_name(reason),
            Self::RouteUnknown => "ROUTE_UNKNOWN",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::MediaTypeUnsupported => "MEDIA_TYPE_UNSUPPORTED",
            Self::IdempotencyKeyMissing => "IDEMPOTENCY_KEY_MISSING",
            Self::IdempotencyKeyMalformed => "IDEMPOTENCY_KEY_MALFORMED",
            Self::PreconditionRequired => "PRECONDITION_REQUIRED",
            Self::IfMatchMalformed => "IF_MATCH_MALFORMED",
            Self::TooLate => "TOO_LATE",
            Self::AlreadySent => "ALREADY_SENT",
            Self::TimedOut => "TIMED_OUT",
            Self::Overloaded => "OVERLOADED",
        }
    }
}

impl Problem {
    /// A refusal of this gateway's own.
    pub(crate) fn new(status: StatusCode, reason: Reason, detail: impl Into<String>) -> Self {
        Self::named(status, Cow::Borrowed(reason.name()), detail)
    }

    fn named(status: StatusCode, reason: Cow<'static, str>, detail: impl Into<String>) -> Self {
        let words = reason.to_ascii_lowercase();
        let mut title = words.replace('_', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self {
            status,
            retry_after: None,
            challenge: None,
            body: Box::new(ProblemBody {
                kind: format!("/problems/{}", words.replace('_', "-")),
                title,
                status: status.as_u16(),
                detail: detail.into(),
                reason,
                violations: Vec::new(),
                fault_count: None,
                trace_id: None,
                alternatives: Vec::new(),
                current_version: None,
                durations_s: Vec::new(),
                notice_s: None,
                lesson_status: None,
                notification_state: None,
                rules_time_zone: None,
                limit: None,
                conflict_count: None,
                conflict_starts: Vec::new(),
                capacity: None,
                group_title: None,
            }),
        }
    }

    /// A request with wrong fields.
    pub(crate) fn invalid(violations: Violations) -> Self {
        match violations.check() {
            Err(refusal) => Self::from(refusal.into_status("olm.gateway")),
            Ok(()) => Self::internal(),
        }
    }

    /// A fault of ours. The cause is logged where it is found, never shown.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            Reason::Contract(ErrorReason::Internal),
            "an internal error happened; it is in the log under this trace",
        )
    }

    /// A service answered what the contract does not allow.
    pub(crate) fn bad_answer(what: &'static str) -> Self {
        tracing::error!(error = what, "a service's answer breaks the contract");
        Self::internal()
    }

    /// No answer in time.
    pub(crate) fn timed_out() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            Reason::TimedOut,
            "no answer came in time; whether the request was carried out is unknown, and \
             repeating it unchanged is safe",
        )
    }

    /// A notification is not as it was wanted, and where it stands instead.
    pub(crate) fn of_notification(
        reason: Reason,
        detail: &str,
        notification: Option<&Notification>,
    ) -> Self {
        let Some(notification) = notification else {
            return Self::bad_answer("an answer without its notification");
        };
        let mut problem = Self::new(StatusCode::CONFLICT, reason, detail);
        let state = notification.state().as_str_name();
        let state = state.strip_prefix("NOTIFICATION_STATE_").unwrap_or(state);
        problem.body.notification_state = Some(state.to_ascii_lowercase());
        problem
    }

    /// Says when a repeat may succeed.
    pub(crate) fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Says what a caller must prove, for `WWW-Authenticate`.
    pub(crate) fn challenge(mut self, challenge: &'static str) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// Calls the services' fields by the names this endpoint gives them.
    pub(crate) fn renamed(mut self, names: &[(&str, &str)]) -> Self {
        if self.body.violations.is_empty() {
            return self;
        }
        for FieldFault { field, text } in &mut self.body.violations {
            *field = naming::field(field, names);
            *text = naming::text(text, names);
        }
        self.body.describe();
        self
    }
}

impl ProblemBody {
    /// Tells the faults in `detail`, for people who read only that.
    fn describe(&mut self) {
        let faults = self.violations.iter();
        let faults = faults.map(|fault| (&*fault.field, &*fault.text));
        let count = self
            .fault_count
            .and_then(|count| usize::try_from(count).ok());
        let more = count.map_or(0, |count| count.saturating_sub(self.violations.len()));
        self.detail = describe(faults, more);
    }
}
