//! Fields of bodies and queries, read so that every fault of a request is told at
//! once. What the services check themselves is not checked here.

use std::str::FromStr;

use jiff::Timestamp;
use service_kit::status::Violations;

/// A UUID that must be given, in the form the services take.
pub(crate) fn uuid(violations: &mut Violations, field: &str, text: Option<&str>) -> String {
    match text {
        Some(text) => violations.uuid(field, text).to_string(),
        None => missing(violations, field),
    }
}

/// A value that must be given; its default stands in for one that is not.
pub(crate) fn required<T: Default>(
    violations: &mut Violations,
    field: &str,
    value: Option<T>,
) -> T {
    value.unwrap_or_else(|| missing(violations, field))
}

/// An instant that may be absent.
pub(crate) fn instant(
    violations: &mut Violations,
    field: &str,
    text: Option<&str>,
) -> Option<Timestamp> {
    let text = text?;
    let instant = text.parse().ok();
    if instant.is_none() {
        violations.add(
            field,
            "is not an RFC 3339 time with its offset, such as 2026-01-16T12:00:00Z \
             (in a query, + is written %2B)",
        );
    }
    instant
}

/// An instant that must be given.
pub(crate) fn required_instant(
    violations: &mut Violations,
    field: &str,
    text: Option<&str>,
) -> Option<Timestamp> {
    if text.is_none() {
        violations.add(field, "is required");
    }
    instant(violations, field, text)
}

/// A query's number or truth value; its default when absent.
pub(crate) fn plain<T: FromStr + Default>(
    violations: &mut Violations,
    field: &str,
    text: Option<&str>,
    what: &str,
) -> T {
    let Some(text) = text else {
        return T::default();
    };
    text.parse().unwrap_or_else(|_| {
        violations.add(field, format!("is not {what}"));
        T::default()
    })
}

fn missing<T: Default>(violations: &mut Violations, field: &str) -> T {
    violations.add(field, "is required");
    T::default()
}
