//! Fields of bodies and queries, read so that every fault of a request is told at
//! once. What the services check themselves is not checked here.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp, civil::Date};
use olm_proto::{duration, span};
use service_kit::status::Violations;
use uuid::Uuid;

/// How long a UUID's text is (RFC 9562); its other spellings are not taken.
const UUID_LENGTH: usize = 36;

/// A UUID that must be given, in the form the services take.
pub(crate) fn uuid(violations: &mut Violations, field: &str, text: Option<&str>) -> String {
    match text {
        Some(text) => id(violations, field, text).to_string(),
        None => missing(violations, field),
    }
}

/// A UUID that may be absent: empty then, as the services take it.
pub(crate) fn optional_uuid(
    violations: &mut Violations,
    field: &str,
    text: Option<&str>,
) -> String {
    text.map_or_else(String::new, |text| id(violations, field, text).to_string())
}

/// A UUID; the nil UUID stands in for one that is wrong.
pub(crate) fn id(violations: &mut Violations, field: &str, text: &str) -> Uuid {
    let text = if text.len() == UUID_LENGTH { text } else { "" };
    violations.uuid(field, text)
}

/// A date, `YYYY-MM-DD`, passed on as it is.
pub(crate) fn date(violations: &mut Violations, field: &str, text: &str) -> String {
    let parsed: Option<Date> = text.parse().ok();
    if parsed.is_none_or(|date| date.to_string() != text) {
        violations.add(field, "is not a date, such as 2026-01-16");
    }
    text.to_owned()
}

/// A date that may be absent: empty then, as the services take it.
pub(crate) fn optional_date(
    violations: &mut Violations,
    field: &str,
    text: Option<&str>,
) -> String {
    text.map_or_else(String::new, |text| date(violations, field, text))
}

/// A time of day, `HH:MM`, passed on as it is; `24:00` only where a day may end.
pub(crate) fn time_of_day(violations: &mut Violations, field: &str, text: &str, most: &str) {
    let is_time = match text.as_bytes() {
        [b'0'..=b'1', b'0'..=b'9', b':', b'0'..=b'5', b'0'..=b'9']
        | [b'2', b'0'..=b'3', b':', b'0'..=b'5', b'0'..=b'9'] => true,
        _ => text == most,
    };
    violations.require(
        is_time,
        field,
        format!("is not a time of day, 00:00 to {most}"),
    );
}

/// A text that may be absent: empty, as the services answer it.
pub(crate) fn text(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Seconds as the services take them.
pub(crate) fn seconds(seconds: i64) -> prost_types::Duration {
    duration(SignedDuration::from_secs(seconds))
}

/// A service's duration in whole seconds; `None` when it is none.
pub(crate) fn whole_seconds(given: &prost_types::Duration) -> Option<i64> {
    span(given).map(|span| span.as_secs())
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
    optional(violations, field, text, what).unwrap_or_default()
}

/// A query's number or truth value that may be absent.
pub(crate) fn optional<T: FromStr>(
    violations: &mut Violations,
    field: &str,
    text: Option<&str>,
    what: &str,
) -> Option<T> {
    let value = text?.parse().ok();
    if value.is_none() {
        violations.add(field, format!("is not {what}"));
    }
    value
}

fn missing<T: Default>(violations: &mut Violations, field: &str) -> T {
    violations.add(field, "is required");
    T::default()
}
