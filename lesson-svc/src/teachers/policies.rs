//! What a teacher allows; bounds and defaults are the contract's `TeacherPolicies`.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use olm_proto::lesson::v1 as pb;
use service_kit::status::Violations;

use crate::{
    availability::slots::{Bookable, Stretch, Unbookable},
    errors::check_text,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const DURATION_S: RangeInclusive<i64> = 5 * MINUTE..=8 * HOUR;
const NOTICE_S: RangeInclusive<i64> = 0..=30 * DAY;
const MOST_DURATIONS: usize = 5;
const MOST_LESSONS_A_DAY: i32 = 48;
const MOST_SUBJECTS: usize = 20;
/// The longest subject, in characters.
pub const LONGEST_SUBJECT: usize = 64;

/// What a teacher allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    /// The lengths a lesson may have; never empty, the first is taken when nobody says.
    pub lesson_durations: Vec<SignedDuration>,
    /// Lessons begin at multiples of this from the beginning of an interval.
    pub slot_step: SignedDuration,
    /// Kept free before each lesson.
    pub buffer_before: SignedDuration,
    /// Kept free after each lesson.
    pub buffer_after: SignedDuration,
    /// A lesson is booked at least this long before it starts.
    pub min_notice: SignedDuration,
    /// A lesson is booked at most this long before it starts.
    pub booking_horizon: SignedDuration,
    /// At most this many lessons begin on one day of the availability's zone.
    pub daily_lesson_limit: Option<i16>,
    /// A booking is a request that the teacher decides about.
    pub requires_approval: bool,
    /// A student who cancels later than this before the start cancels late.
    pub cancel_notice: SignedDuration,
    /// A student moves a lesson at least this long before its start.
    pub reschedule_notice: SignedDuration,
    /// Whether people who are not the teacher's students yet may book.
    pub accepting_students: bool,
    /// What is taught, as the teacher writes it.
    pub subjects: Vec<String>,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            lesson_durations: vec![SignedDuration::from_secs(HOUR)],
            slot_step: SignedDuration::from_secs(30 * MINUTE),
            buffer_before: SignedDuration::ZERO,
            buffer_after: SignedDuration::ZERO,
            min_notice: SignedDuration::from_secs(2 * HOUR),
            booking_horizon: SignedDuration::from_secs(60 * DAY),
            daily_lesson_limit: None,
            requires_approval: false,
            cancel_notice: SignedDuration::from_secs(DAY),
            reschedule_notice: SignedDuration::from_secs(DAY),
            accepting_students: true,
            subjects: Vec::new(),
        }
    }
}

impl Policies {
    /// Reads policies; unset fields take their default, wrong ones are recorded under
    /// `policies.<name>`.
    pub fn read(message: Option<&pb::TeacherPolicies>, violations: &mut Violations) -> Self {
        let default = Self::default();
        let Some(message) = message else {
            return default;
        };
        let daily_lesson_limit = read_limit(message.daily_lesson_limit, violations);
        let lesson_durations = read_durations(&message.lesson_durations, violations);
        let subjects = read_subjects(&message.subjects, violations);
        let mut read = |name: &str, given: Option<&prost_types::Duration>, default, range| {
            let Some(given) = given else { return default };
            check_span(given, range).unwrap_or_else(|text| {
                violations.add(format!("policies.{name}"), text);
                default
            })
        };
        macro_rules! span {
            ($name:ident, $range:expr) => {
                read(
                    stringify!($name),
                    message.$name.as_ref(),
                    default.$name,
                    $range,
                )
            };
        }
        Self {
            lesson_durations: lesson_durations.unwrap_or(default.lesson_durations),
            slot_step: span!(slot_step, DURATION_S),
            buffer_before: span!(buffer_before, 0..=4 * HOUR),
            buffer_after: span!(buffer_after, 0..=4 * HOUR),
            min_notice: span!(min_notice, NOTICE_S),
            booking_horizon: span!(booking_horizon, HOUR..=366 * DAY),
            daily_lesson_limit,
            requires_approval: message.requires_approval,
            cancel_notice: span!(cancel_notice, NOTICE_S),
            reschedule_notice: span!(reschedule_notice, NOTICE_S),
            accepting_students: message.accepting_students.unwrap_or(true),
            subjects,
        }
    }

    /// The length that is taken when nobody says.
    #[must_use]
    pub fn usual_duration(&self) -> SignedDuration {
        let first = self.lesson_durations.first();
        first.copied().unwrap_or(SignedDuration::from_secs(HOUR))
    }

    /// The longest length offered.
    #[must_use]
    pub fn longest_duration(&self) -> SignedDuration {
        let longest = self.lesson_durations.iter().max();
        longest.copied().unwrap_or(SignedDuration::from_secs(HOUR))
    }

    /// The length a lesson gets of which a request says `wanted`.
    ///
    /// # Errors
    ///
    /// [`Unbookable::DurationNotOffered`].
    pub fn offered_duration(
        &self,
        wanted: Option<SignedDuration>,
    ) -> Result<SignedDuration, Unbookable> {
        let wanted = wanted.unwrap_or_else(|| self.usual_duration());
        if self.lesson_durations.contains(&wanted) {
            Ok(wanted)
        } else {
            Err(Unbookable::DurationNotOffered {
                offered: self.lesson_durations.clone(),
            })
        }
    }

    /// The same for a lesson that is moved: it keeps its length, also when the teacher offers
    /// that to nobody any more.
    pub fn offer_also(&mut self, length: SignedDuration) {
        if !self.lesson_durations.contains(&length) {
            self.lesson_durations.push(length);
        }
    }

    /// The lesson of that length that would start at `start`, with the buffers; `None`
    /// at the end of time.
    #[must_use]
    pub fn lesson_at(&self, start: Timestamp, duration: SignedDuration) -> Option<Bookable> {
        let end = start.checked_add(duration).ok()?;
        Some(Bookable {
            during: Stretch { start, end },
            blocked: Stretch {
                start: start.checked_sub(self.buffer_before).ok()?,
                end: end.checked_add(self.buffer_after).ok()?,
            },
        })
    }

    /// The subjects as they are searched.
    #[must_use]
    pub fn subject_keys(&self) -> Vec<String> {
        self.subjects
            .iter()
            .map(|subject| subject_key(subject))
            .collect()
    }

    /// As the contract has it.
    #[must_use]
    pub fn to_message(&self) -> pb::TeacherPolicies {
        let duration = |span| Some(olm_proto::duration(span));
        let durations = self.lesson_durations.iter().copied();
        pb::TeacherPolicies {
            lesson_durations: durations.map(olm_proto::duration).collect(),
            slot_step: duration(self.slot_step),
            buffer_before: duration(self.buffer_before),
            buffer_after: duration(self.buffer_after),
            min_notice: duration(self.min_notice),
            booking_horizon: duration(self.booking_horizon),
            daily_lesson_limit: self.daily_lesson_limit.map_or(0, i32::from),
            requires_approval: self.requires_approval,
            cancel_notice: duration(self.cancel_notice),
            reschedule_notice: duration(self.reschedule_notice),
            accepting_students: Some(self.accepting_students),
            subjects: self.subjects.clone(),
        }
    }
}

/// A subject as it is searched: any case, no space around it.
#[must_use]
pub fn subject_key(subject: &str) -> String {
    subject.trim().to_lowercase()
}

fn read_limit(given: i32, violations: &mut Violations) -> Option<i16> {
    violations.require(
        (0..=MOST_LESSONS_A_DAY).contains(&given),
        "policies.daily_lesson_limit",
        format!("is {given}, not between 0 and {MOST_LESSONS_A_DAY}"),
    );
    i16::try_from(given).ok().filter(|limit| *limit > 0)
}

fn read_durations(
    given: &[prost_types::Duration],
    violations: &mut Violations,
) -> Option<Vec<SignedDuration>> {
    let field = "policies.lesson_durations";
    violations.require(
        given.len() <= MOST_DURATIONS,
        field,
        format!("has {} lengths, at most {MOST_DURATIONS}", given.len()),
    );
    let mut durations = Vec::new();
    for (index, duration) in given.iter().take(MOST_DURATIONS).enumerate() {
        let field = format!("{field}[{index}]");
        match check_span(duration, DURATION_S) {
            Ok(duration) if durations.contains(&duration) => {
                violations.add(field, "is there twice");
            }
            Ok(duration) => durations.push(duration),
            Err(text) => violations.add(field, text),
        }
    }
    (!durations.is_empty()).then_some(durations)
}

fn read_subjects(given: &[String], violations: &mut Violations) -> Vec<String> {
    let field = "policies.subjects";
    violations.require(
        given.len() <= MOST_SUBJECTS,
        field,
        format!("has {} subjects, at most {MOST_SUBJECTS}", given.len()),
    );
    let mut subjects: Vec<String> = Vec::new();
    for (index, subject) in given.iter().take(MOST_SUBJECTS).enumerate() {
        let field = format!("{field}[{index}]");
        let subject = subject.trim();
        check_text(violations, &field, subject, LONGEST_SUBJECT);
        violations.require(!subject.is_empty(), &field, "is empty");
        let key = subject_key(subject);
        let twice = subjects.iter().any(|other| subject_key(other) == key);
        violations.require(!twice, &field, "is there twice");
        subjects.push(subject.to_owned());
    }
    subjects
}

/// The length of a lesson as a request names it; `None` when it is unset, or wrong and
/// recorded.
pub fn read_duration(
    field: &str,
    given: Option<&prost_types::Duration>,
    violations: &mut Violations,
) -> Option<SignedDuration> {
    match check_span(given?, DURATION_S) {
        Ok(duration) => Some(duration),
        Err(text) => {
            violations.add(field, text);
            None
        }
    }
}

/// A span of whole seconds within `range` (seconds), or what is wrong with it.
///
/// # Errors
///
/// A text for people.
pub fn check_span(
    given: &prost_types::Duration,
    range: RangeInclusive<i64>,
) -> Result<SignedDuration, String> {
    let span = olm_proto::span(given).ok_or("is not a duration")?;
    if span.subsec_nanos() != 0 {
        return Err("is not a whole number of seconds".to_owned());
    }
    if !range.contains(&span.as_secs()) {
        return Err(format!(
            "is {} s, not between {} s and {} s",
            span.as_secs(),
            range.start(),
            range.end()
        ));
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: i64) -> prost_types::Duration {
        prost_types::Duration { seconds, nanos: 0 }
    }

    #[test]
    fn unset_policies_take_their_defaults() {
        let mut violations = Violations::default();
        let read = Policies::read(Some(&pb::TeacherPolicies::default()), &mut violations);
        assert_eq!(read, Policies::default());
        assert!(violations.is_empty());
    }

    #[test]
    fn every_wrong_policy_is_named() {
        let mut violations = Violations::default();
        let message = pb::TeacherPolicies {
            lesson_durations: vec![seconds(299), seconds(300), seconds(300)],
            slot_step: Some(seconds(8 * HOUR + 1)),
            buffer_before: Some(seconds(-1)),
            buffer_after: Some(prost_types::Duration {
                seconds: 1,
                nanos: -1,
            }),
            min_notice: Some(prost_types::Duration {
                seconds: 1,
                nanos: 1,
            }),
            booking_horizon: Some(seconds(i64::MAX)),
            daily_lesson_limit: 49,
            cancel_notice: Some(seconds(-1)),
            reschedule_notice: Some(seconds(30 * DAY + 1)),
            subjects: vec!["English".to_owned(), " english ".to_owned(), " ".to_owned()],
            ..pb::TeacherPolicies::default()
        };
        Policies::read(Some(&message), &mut violations);
        let status = violations.check().unwrap_err().into_status("olm.lesson");
        for name in [
            "lesson_durations[0]",
            "lesson_durations[2]",
            "slot_step",
            "buffer_before",
            "buffer_after",
            "min_notice",
            "booking_horizon",
            "daily_lesson_limit",
            "cancel_notice",
            "reschedule_notice",
            "subjects[1]",
            "subjects[2]",
        ] {
            assert!(
                status.message().contains(&format!("policies.{name}")),
                "{name}"
            );
        }
    }

    #[test]
    fn the_bounds_themselves_are_allowed() {
        let mut violations = Violations::default();
        let message = pb::TeacherPolicies {
            lesson_durations: vec![seconds(5 * MINUTE), seconds(8 * HOUR)],
            slot_step: Some(seconds(8 * HOUR)),
            buffer_before: Some(seconds(0)),
            buffer_after: Some(seconds(4 * HOUR)),
            min_notice: Some(seconds(0)),
            booking_horizon: Some(seconds(366 * DAY)),
            daily_lesson_limit: MOST_LESSONS_A_DAY,
            requires_approval: true,
            cancel_notice: Some(seconds(0)),
            reschedule_notice: Some(seconds(30 * DAY)),
            accepting_students: Some(false),
            subjects: vec!["English".to_owned()],
        };
        let read = Policies::read(Some(&message), &mut violations);
        assert!(violations.is_empty());
        assert_eq!(read.to_message(), message);
    }
}
