//! Refusals as gRPC statuses: one `ErrorInfo` with a documented reason, all field
//! faults in one `BadRequest`, `RetryInfo` where a retry helps.

use std::{collections::HashMap, error::Error, fmt::Write as _, time::Duration};

use olm_proto::common::v1::ErrorReason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// A call that is refused, before it becomes a [`Status`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: Code,
    reason: ErrorReason,
    text: String,
    violations: Vec<(String, String)>,
    retry_after: Option<Duration>,
    metadata: HashMap<String, String>,
}

impl Refusal {
    /// A refusal with its reason and a text for people.
    #[must_use]
    pub fn new(code: Code, reason: ErrorReason, text: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            text: text.into(),
            violations: Vec::new(),
            retry_after: None,
            metadata: HashMap::new(),
        }
    }

    /// Says when a repeat may succeed.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Adds a fact for programs, such as `current_version`.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Names the fields at fault.
    #[must_use]
    pub fn violations(mut self, violations: Vec<(String, String)>) -> Self {
        self.violations = violations;
        self
    }

    /// The status on the wire; `domain` is `olm.<service>`.
    #[must_use]
    pub fn into_status(self, domain: &str) -> Status {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason_name(self.reason), domain, self.metadata);
        for (field, text) in self.violations {
            details.add_bad_request_violation(field, text);
        }
        if self.retry_after.is_some() {
            details.set_retry_info(self.retry_after);
        }
        Status::with_error_details(self.code, self.text, details)
    }
}

/// The reason's name on the wire: the enum's, without its prefix.
#[must_use]
pub fn reason_name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// The reason a status carries; `None` when it carries none of ours.
#[must_use]
pub fn reason(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info()?;
    ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
}

/// Collects every fault of a request before it is refused.
#[derive(Debug, Default)]
pub struct Violations(Vec<(String, String)>);

impl Violations {
    /// Records that `field` (its path in the request) is wrong; `text` says how.
    pub fn add(&mut self, field: impl Into<String>, text: impl Into<String>) {
        self.0.push((field.into(), text.into()));
    }

    /// Records `text` unless `holds`.
    pub fn require(&mut self, holds: bool, field: &str, text: impl Into<String>) {
        if !holds {
            self.add(field, text);
        }
    }

    /// Parses a UUID field; the nil UUID stands in for one that is wrong.
    pub fn uuid(&mut self, field: &str, text: &str) -> uuid::Uuid {
        match uuid::Uuid::try_parse(text) {
            Ok(id) if !id.is_nil() => id,
            _ => {
                self.add(field, "is not a UUID");
                uuid::Uuid::nil()
            }
        }
    }

    /// True when nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends collecting.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` with all faults, when there are any.
    pub fn check(self) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut text = String::from("the request is not valid");
        for (index, (field, fault)) in self.0.iter().enumerate() {
            let separator = if index == 0 { ": " } else { "; " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{field} {fault}");
        }
        Err(
            Refusal::new(Code::InvalidArgument, ErrorReason::InvalidFields, text)
                .violations(self.0),
        )
    }
}

/// `INTERNAL` for a fault of ours: the cause chain is logged here, once; the caller
/// sees an opaque text.
#[must_use]
pub fn internal(domain: &str, error: &dyn Error) -> Status {
    tracing::error!(error = %chain(error), "internal error");
    Refusal::new(
        Code::Internal,
        ErrorReason::Internal,
        "an internal error happened; it is in the log under this trace",
    )
    .into_status(domain)
}

/// `UNAVAILABLE` because something we need is away: logged once, safe to repeat.
#[must_use]
pub fn unavailable(domain: &str, error: &dyn Error) -> Status {
    tracing::warn!(error = %chain(error), "unavailable");
    Refusal::new(
        Code::Unavailable,
        ErrorReason::Unavailable,
        "the service cannot do this right now; repeat the same call",
    )
    .retry_after(Duration::from_secs(1))
    .into_status(domain)
}

/// An error with its causes, on one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_all_faults_and_its_reason() {
        let mut violations = Violations::default();
        violations.uuid("lesson_id", "7");
        violations.require(false, "reason", "is longer than 500 characters");
        let status = violations.check().unwrap_err().into_status("olm.test");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason(&status), Some(ErrorReason::InvalidFields));
        let details = status.get_error_details();
        let fields: Vec<_> = details
            .bad_request()
            .unwrap()
            .field_violations
            .iter()
            .map(|violation| violation.field.as_str())
            .collect();
        assert_eq!(fields, ["lesson_id", "reason"]);
    }

    #[test]
    fn the_callers_text_of_an_internal_error_tells_nothing_of_the_cause() {
        let status = internal("olm.test", &std::io::Error::other("password is hunter2"));
        assert!(!status.message().contains("hunter2"));
        assert_eq!(reason(&status), Some(ErrorReason::Internal));
    }
}
