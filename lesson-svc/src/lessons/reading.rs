//! Fields that requests of `LessonService` share.

use jiff::{SignedDuration, Timestamp};
use service_kit::status::Violations;
use url::Url;

use super::{LONGEST_NOTES, LONGEST_URL};
use crate::{
    errors::{check_text, read_instant},
    ids::LessonId,
    teachers::check_span,
};

/// Lessons last from 5 minutes to 8 hours.
const DURATION_S: std::ops::RangeInclusive<i64> = 300..=28_800;

/// The lesson and the version that was read.
pub fn target(violations: &mut Violations, lesson_id: &str, version: i64) -> LessonId {
    violations.require(version > 0, "expected_version", "is not more than 0");
    LessonId(violations.uuid("lesson_id", lesson_id))
}

/// The start of a lesson: there, and a whole second.
pub fn start(violations: &mut Violations, given: Option<&prost_types::Timestamp>) -> Timestamp {
    let field = "start_time";
    violations.require(given.is_some(), field, "is missing");
    let start = read_instant(violations, field, given).unwrap_or_default();
    let whole = start.subsec_nanosecond() == 0;
    violations.require(whole, field, "is not a whole second");
    start
}

/// The length of a lesson; may be unset.
pub fn duration(
    violations: &mut Violations,
    given: Option<&prost_types::Duration>,
) -> Option<SignedDuration> {
    match check_span(given?, DURATION_S) {
        Ok(duration) => Some(duration),
        Err(text) => {
            violations.add("lesson_duration", text);
            None
        }
    }
}

/// What both sides should know.
pub fn notes(violations: &mut Violations, notes: &str) {
    check_text(violations, "notes", notes, LONGEST_NOTES);
}

/// A meeting link as the URL standard spells it; empty stays empty.
pub fn meeting_url(violations: &mut Violations, given: &str) -> String {
    let field = "meeting_url";
    if given.is_empty() {
        return String::new();
    }
    // The URL standard would drop or encode them without a word.
    let has_control = given.contains(char::is_control);
    violations.require(!has_control, field, "contains a control character");
    let Ok(url) = Url::parse(given) else {
        violations.add(field, "is not a URL");
        return String::new();
    };
    violations.require(url.scheme() == "https", field, "is not an https URL");
    let has_user = !url.username().is_empty() || url.password().is_some();
    violations.require(!has_user, field, "names a user or a password");
    let spelled = String::from(url);
    violations.require(
        spelled.chars().count() <= LONGEST_URL,
        field,
        format!("is longer than {LONGEST_URL} characters"),
    );
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_https_without_users() {
        for (given, expected) in [
            ("", ""),
            (
                "https://meet.example/a?b=c#d",
                "https://meet.example/a?b=c#d",
            ),
            ("https://Meet.Example", "https://meet.example/"),
            (
                "https://meet.example/урок",
                "https://meet.example/%D1%83%D1%80%D0%BE%D0%BA",
            ),
        ] {
            let mut violations = Violations::default();
            assert_eq!(meeting_url(&mut violations, given), expected);
            assert!(violations.is_empty(), "{given}");
        }
        let long = format!("https://meet.example/{}", "я".repeat(200));
        for wrong in [
            "http://meet.example",
            "javascript:alert(1)",
            "meet.example",
            "https://",
            "https://anna@meet.example",
            "https://anna:secret@meet.example",
            "https://meet.example\0",
            long.as_str(),
        ] {
            let mut violations = Violations::default();
            meeting_url(&mut violations, wrong);
            assert!(!violations.is_empty(), "{wrong}");
        }
    }
}
