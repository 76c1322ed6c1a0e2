//! What a teacher allows, as clients send and read it.

use olm_proto::lesson::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::{given, given_whole, given_wholes};
use crate::{
    fields::{seconds, whole_seconds},
    schemas,
};

/// What a teacher allows. Policies bind students; the teacher and admins are bound only
/// by what would overlap. What is left out takes the default named beside it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPolicies {
    #[serde(default, deserialize_with = "given_wholes")]
    #[schema(schema_with = schemas::lesson_durations)]
    pub(crate) lesson_durations_s: Option<Vec<i64>>,
    /// Lessons begin at multiples of this from the beginning of an interval of work;
    /// default 30 minutes.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 300, maximum = 28800, example = 1800)]
    pub(crate) slot_step_s: Option<i64>,
    /// Kept free before each lesson; default 0.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 0, maximum = 14400)]
    pub(crate) buffer_before_s: Option<i64>,
    /// Kept free after each lesson; default 0.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 0, maximum = 14400)]
    pub(crate) buffer_after_s: Option<i64>,
    /// A lesson is booked at least this long before it starts; default 2 hours.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 0, maximum = 2_592_000)]
    pub(crate) min_notice_s: Option<i64>,
    /// A lesson is booked at most this long before it starts; default 60 days.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 3600, maximum = 31_622_400)]
    pub(crate) booking_horizon_s: Option<i64>,
    /// At most this many lessons begin on one day of the teacher's hours; default 0: no
    /// limit.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 0, maximum = 48)]
    pub(crate) daily_lesson_limit: Option<i32>,
    /// A booking is a request that the teacher confirms or declines; default `false`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub(crate) requires_approval: Option<bool>,
    /// A student who cancels later than this before the start cancels late; default 24
    /// hours.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 0, maximum = 2_592_000)]
    pub(crate) cancel_notice_s: Option<i64>,
    /// A student moves a lesson at least this long before its start; default 24 hours.
    #[serde(default, deserialize_with = "given_whole")]
    #[schema(nullable = false, minimum = 0, maximum = 2_592_000)]
    pub(crate) reschedule_notice_s: Option<i64>,
    /// Whether people who are not the teacher's students yet may book; default `true`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    pub(crate) accepting_students: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = schemas::subjects)]
    pub(crate) subjects: Option<Vec<String>>,
}

/// What a teacher allows; see `NewPolicies` for what each means.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Policies {
    lesson_durations_s: Vec<i64>,
    slot_step_s: i64,
    buffer_before_s: i64,
    buffer_after_s: i64,
    min_notice_s: i64,
    booking_horizon_s: i64,
    /// 0: no limit.
    daily_lesson_limit: i32,
    requires_approval: bool,
    cancel_notice_s: i64,
    reschedule_notice_s: i64,
    accepting_students: bool,
    subjects: Vec<String>,
}

impl From<NewPolicies> for pb::TeacherPolicies {
    fn from(policies: NewPolicies) -> Self {
        let durations = policies.lesson_durations_s.unwrap_or_default();
        Self {
            lesson_durations: durations.into_iter().map(seconds).collect(),
            slot_step: policies.slot_step_s.map(seconds),
            buffer_before: policies.buffer_before_s.map(seconds),
            buffer_after: policies.buffer_after_s.map(seconds),
            min_notice: policies.min_notice_s.map(seconds),
            booking_horizon: policies.booking_horizon_s.map(seconds),
            daily_lesson_limit: policies.daily_lesson_limit.unwrap_or_default(),
            requires_approval: policies.requires_approval.unwrap_or_default(),
            cancel_notice: policies.cancel_notice_s.map(seconds),
            reschedule_notice: policies.reschedule_notice_s.map(seconds),
            accepting_students: policies.accepting_students,
            subjects: policies.subjects.unwrap_or_default(),
        }
    }
}

impl Policies {
    /// The policies in a service's answer; `None` when one is not told.
    pub(crate) fn from_answer(policies: pb::TeacherPolicies) -> Option<Self> {
        let told = |duration: Option<prost_types::Duration>| whole_seconds(&duration?);
        let durations = policies.lesson_durations.iter().map(whole_seconds);
        Some(Self {
            lesson_durations_s: durations.collect::<Option<_>>()?,
            slot_step_s: told(policies.slot_step)?,
            buffer_before_s: told(policies.buffer_before)?,
            buffer_after_s: told(policies.buffer_after)?,
            min_notice_s: told(policies.min_notice)?,
            booking_horizon_s: told(policies.booking_horizon)?,
            daily_lesson_limit: policies.daily_lesson_limit,
            requires_approval: policies.requires_approval,
            cancel_notice_s: told(policies.cancel_notice)?,
            reschedule_notice_s: told(policies.reschedule_notice)?,
            accepting_students: policies.accepting_students.unwrap_or(true),
            subjects: policies.subjects,
        })
    }
}
