//! People who teach, and what they allow.

pub mod grpc;
pub mod store;

use std::ops::RangeInclusive;

use jiff::SignedDuration;
use jiff::Timestamp;
use olm_proto::lesson::v1 as pb;
use service_kit::status::Violations;

use crate::{
    availability::slots::{Bookable, Stretch},
    ids::UserId,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What a teacher allows; bounds and defaults are the contract's `TeacherPolicies`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    /// Length of a lesson.
    pub lesson_duration: SignedDuration,
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
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            lesson_duration: SignedDuration::from_secs(HOUR),
            slot_step: SignedDuration::from_secs(30 * MINUTE),
            buffer_before: SignedDuration::ZERO,
            buffer_after: SignedDuration::ZERO,
            min_notice: SignedDuration::from_secs(2 * HOUR),
            booking_horizon: SignedDuration::from_secs(60 * DAY),
        }
    }
}

impl Policies {
    /// Reads policies; unset durations take their default, wrong ones are recorded
    /// under `policies.<name>`.
    pub fn read(message: Option<&pb::TeacherPolicies>, violations: &mut Violations) -> Self {
        let default = Self::default();
        let Some(message) = message else {
            return default;
        };
        let mut read = |name: &str, given: Option<&prost_types::Duration>, default, range| {
            let Some(given) = given else { return default };
            match check_span(given, range) {
                Ok(span) => span,
                Err(text) => {
                    violations.add(format!("policies.{name}"), text);
                    default
                }
            }
        };
        Self {
            lesson_duration: read(
                "lesson_duration",
                message.lesson_duration.as_ref(),
                default.lesson_duration,
                5 * MINUTE..=8 * HOUR,
            ),
            slot_step: read(
                "slot_step",
                message.slot_step.as_ref(),
                default.slot_step,
                5 * MINUTE..=8 * HOUR,
            ),
            buffer_before: read(
                "buffer_before",
                message.buffer_before.as_ref(),
                default.buffer_before,
                0..=4 * HOUR,
            ),
            buffer_after: read(
                "buffer_after",
                message.buffer_after.as_ref(),
                default.buffer_after,
                0..=4 * HOUR,
            ),
            min_notice: read(
                "min_notice",
                message.min_notice.as_ref(),
                default.min_notice,
                0..=30 * DAY,
            ),
            booking_horizon: read(
                "booking_horizon",
                message.booking_horizon.as_ref(),
                default.booking_horizon,
                HOUR..=366 * DAY,
            ),
        }
    }

    /// The lesson that would start at `start`; `None` at the end of time.
    #[must_use]
    pub fn lesson_at(&self, start: Timestamp) -> Option<Bookable> {
        let end = start.checked_add(self.lesson_duration).ok()?;
        Some(Bookable {
            during: Stretch { start, end },
            blocked: Stretch {
                start: start.checked_sub(self.buffer_before).ok()?,
                end: end.checked_add(self.buffer_after).ok()?,
            },
        })
    }

    /// As the contract has it.
    #[must_use]
    pub fn to_message(&self) -> pb::TeacherPolicies {
        let duration = |span| Some(olm_proto::duration(span));
        pb::TeacherPolicies {
            lesson_duration: duration(self.lesson_duration),
            slot_step: duration(self.slot_step),
            buffer_before: duration(self.buffer_before),
            buffer_after: duration(self.buffer_after),
            min_notice: duration(self.min_notice),
            booking_horizon: duration(self.booking_horizon),
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

/// A person who teaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Teacher {
    /// The same as the user's id.
    pub id: UserId,
    /// The user's name.
    pub display_name: String,
    /// The user's own zone, IANA name.
    pub time_zone: String,
    /// What the teacher allows.
    pub policies: Policies,
    /// Raised by every change of the policies.
    pub version: i64,
    /// When the person became a teacher.
    pub create_time: Timestamp,
}

impl From<Teacher> for pb::Teacher {
    fn from(teacher: Teacher) -> Self {
        Self {
            id: teacher.id.to_string(),
            policies: Some(teacher.policies.to_message()),
            display_name: teacher.display_name,
            time_zone: teacher.time_zone,
            version: teacher.version,
            create_time: Some(olm_proto::timestamp(teacher.create_time)),
        }
    }
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
            lesson_duration: Some(seconds(299)),
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
        };
        Policies::read(Some(&message), &mut violations);
        let status = violations.check().unwrap_err().into_status("olm.lesson");
        for name in [
            "lesson_duration",
            "slot_step",
            "buffer_before",
            "buffer_after",
            "min_notice",
            "booking_horizon",
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
            lesson_duration: Some(seconds(5 * MINUTE)),
            slot_step: Some(seconds(8 * HOUR)),
            buffer_before: Some(seconds(0)),
            buffer_after: Some(seconds(4 * HOUR)),
            min_notice: Some(seconds(0)),
            booking_horizon: Some(seconds(366 * DAY)),
        };
        let read = Policies::read(Some(&message), &mut violations);
        assert!(violations.is_empty());
        assert_eq!(read.to_message(), message);
    }
}
