//! Refusals as gRPC statuses: one `ErrorInfo` with a documented reason, the field
//! faults in one `BadRequest`, `RetryInfo` where a retry helps.

use std::{collections::HashMap, error::Error, fmt::Write as _, time::Duration};

use olm_proto::common::v1::ErrorReason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Faults that a refusal names; of the others it tells the number.
pub const MOST_FAULTS: usize = 32;
/// Bytes of all the faults that a refusal names. A status travels in HTTP/2 headers, of
/// which a peer takes 16 KiB in all by default: the faults are in them twice in base64,
/// and once with each byte as long as three.
const MOST_FAULT_BYTES: usize = 2_400;
/// Bytes of a field's path or of the text of its fault; either may quote the request.
const LONGEST_PART: usize = 256;
/// The fact that tells how many faults there are, when not all are named.
const FAULT_COUNT: &str = "fault_count";

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

/// Collects the faults of a request before it is refused: the first [`MOST_FAULTS`] of
/// them, and the number of the others.
#[derive(Debug, Default)]
pub struct Violations {
    named: Vec<(String, String)>,
    bytes: usize,
    unnamed: usize,
}

impl Violations {
    /// Records that `field` (its path in the request) is wrong; `text` says how.
    pub fn add(&mut self, field: impl Into<String>, text: impl Into<String>) {
        let (field, text) = (cut(field.into()), cut(text.into()));
        let bytes = self.bytes + field.len() + text.len();
        // The rest is left out from the first that is too much on, whatever its length.
        if self.unnamed > 0 || self.named.len() == MOST_FAULTS || bytes > MOST_FAULT_BYTES {
            self.unnamed += 1;
            return;
        }
        self.bytes = bytes;
        self.named.push((field, text));
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
        self.named.is_empty()
    }

    /// Ends collecting.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` with the faults, when there are any; when there are too many to
    /// name, their number is its fact `fault_count`.
    pub fn check(self) -> Result<(), Refusal> {
        if self.named.is_empty() {
            return Ok(());
        }
        let text = describe(
            self.named.iter().map(|(field, text)| (&**field, &**text)),
            self.unnamed,
        );
        let mut refusal = Refusal::new(Code::InvalidArgument, ErrorReason::InvalidFields, text);
        if self.unnamed > 0 {
            let count = self.named.len() + self.unnamed;
            refusal = refusal.metadata(FAULT_COUNT, count.to_string());
        }
        Err(refusal.violations(self.named))
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST_PART {
        text.truncate(text.floor_char_boundary(LONGEST_PART));
        text.push('…');
    }
    text
}

/// Faults in one sentence, for people who read only that: fields with what is wrong
/// about each, and how many more there are.
#[must_use]
pub fn describe<'a>(faults: impl IntoIterator<Item = (&'a str, &'a str)>, more: usize) -> String {
    let mut text = String::from("the request is not valid");
    for (index, (field, fault)) in faults.into_iter().enumerate() {
        let separator = if index == 0 { ": " } else { "; " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}{field} {fault}");
    }
    if more > 0 {
        let _ = write!(text, "; … and {more} more");
    }
    text
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

    /// What the headers of a status take, as HTTP/2 counts them (RFC 9113, 6.5.2).
    fn header_bytes(status: Status) -> usize {
        let response = status.into_http::<()>();
        let lines = response.headers().iter();
        lines
            .map(|(name, value)| name.as_str().len() + value.len() + 32)
            .sum()
    }

    #[test]
    fn of_many_faults_the_first_are_named_and_the_others_counted() {
        let mut violations = Violations::default();
        for index in 0..200 {
            violations.add(
                format!("rules[{index}].start_time_of_day"),
                "is not HH:MM, 00:00 to 23:59",
            );
        }
        let status = violations.check().unwrap_err().into_status("olm.test");
        let details = status.get_error_details();
        let named = &details.bad_request().unwrap().field_violations;
        assert_eq!(named.len(), MOST_FAULTS);
        assert_eq!(named[31].field, "rules[31].start_time_of_day");
        assert_eq!(details.error_info().unwrap().metadata["fault_count"], "200");
        assert!(status.message().ends_with("; … and 168 more"), "{status:?}");
        let bytes = header_bytes(status);
        assert!(bytes < 16 * 1024, "{bytes}");
    }

    #[test]
    fn faults_that_quote_the_request_stay_within_the_headers_a_peer_takes() {
        let mut violations = Violations::default();
        for _ in 0..50 {
            violations.add("я".repeat(50_000), "%".repeat(50_000));
        }
        let status = violations.check().unwrap_err().into_status("olm.test");
        let details = status.get_error_details();
        assert!(!details.bad_request().unwrap().field_violations.is_empty());
        assert_eq!(details.error_info().unwrap().metadata["fault_count"], "50");
        let bytes = header_bytes(status);
        assert!(bytes < 16 * 1024, "{bytes}");
    }

    #[test]
    fn when_all_faults_are_named_nothing_says_that_there_are_more() {
        let mut violations = Violations::default();
        for _ in 0..MOST_FAULTS {
            violations.add("field", "is wrong");
        }
        let status = violations.check().unwrap_err().into_status("olm.test");
        let details = status.get_error_details();
        assert_eq!(
            details.bad_request().unwrap().field_violations.len(),
            MOST_FAULTS
        );
        assert!(details.error_info().unwrap().metadata.is_empty());
        assert!(!status.message().contains("more"));
    }

    #[test]
    fn the_callers_text_of_an_internal_error_tells_nothing_of_the_cause() {
        let status = internal("olm.test", &std::io::Error::other("password is hunter2"));
        assert!(!status.message().contains("hunter2"));
        assert_eq!(reason(&status), Some(ErrorReason::Internal));
    }
}
