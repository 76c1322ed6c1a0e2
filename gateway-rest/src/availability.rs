//! When teachers work, as clients see it.

pub(crate) mod http;
pub(crate) mod time_off;

use olm_proto::lesson::v1 as pb;
use serde::{Deserialize, Serialize};
use service_kit::status::Violations;
use utoipa::ToSchema;

use self::time_off::TimeOff;
use crate::json::{Object, given, whole};
use crate::{etag::Versioned, fields, problem::Problem};

/// The end of a day as a time of day.
const END_OF_DAY: &str = "24:00";
/// The latest time of day at which an interval begins.
const LAST_START: &str = "23:59";

/// When a teacher works, as wall clock in a zone, so that a weekly hour stays that hour
/// across clock changes. Time off is the same instants for everybody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Availability {
    #[schema(format = "uuid")]
    teacher_id: String,
    /// IANA name; the zone of every rule and override. Empty before the first rules.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    rules: Vec<WeeklyRule>,
    /// Raised by every change of rules, overrides or time off; 0 before the first; see
    /// `If-Match`.
    version: i64,
    /// By date, from yesterday on.
    overrides: Vec<DateOverride>,
    /// By start, what is not over.
    time_off: Vec<TimeOff>,
}

/// One interval that begins on one weekday, without its end.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WeeklyRule {
    /// ISO 8601: 1 Monday … 7 Sunday.
    day_of_week: i32,
    #[schema(example = "09:00")]
    start: String,
    /// `24:00` is the end of the day. An end that is not after the start is the next
    /// day's.
    #[schema(example = "17:00")]
    end: String,
    /// The first date the interval may begin on; absent: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "date")]
    first_date: Option<String>,
    /// The last date the interval may begin on; absent: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "date")]
    last_date: Option<String>,
}

/// Other hours on one date, in place of the weekly ones.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DateOverride {
    #[schema(format = "date")]
    date: String,
    /// None: a day off.
    intervals: Vec<Interval>,
}

/// One interval of a date, without its end.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Interval {
    #[schema(example = "09:00")]
    start: String,
    /// As of a weekly rule.
    #[schema(example = "17:00")]
    end: String,
}

/// A teacher's weekly hours.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWeeklyRules {
    /// IANA name.
    #[schema(value_type = String, min_length = 1, example = "Europe/Berlin")]
    pub(crate) time_zone: Option<String>,
    /// No two that share a date and a minute, overnight ones included.
    #[schema(value_type = Vec<NewWeeklyRule>, max_items = 50)]
    pub(crate) rules: Option<Vec<Object<NewWeeklyRule>>>,
}

/// One interval that begins on one weekday, without its end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWeeklyRule {
    /// ISO 8601: 1 Monday … 7 Sunday.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 7)]
    day_of_week: i32,
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "09:00")]
    start: String,
    /// `24:00` is the end of the day. An end that is not after the start is the next
    /// day's.
    #[schema(pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", example = "17:00")]
    end: String,
    /// The first date the interval may begin on; default: no bound.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, format = "date")]
    first_date: Option<String>,
    /// The last date the interval may begin on; default: no bound.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, format = "date")]
    last_date: Option<String>,
}

/// Other hours on one date, in place of the weekly ones.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOverride {
    /// No two that overlap; none: a day off.
    #[schema(value_type = Vec<NewInterval>, max_items = 10)]
    pub(crate) intervals: Option<Vec<Object<NewInterval>>>,
}

/// One interval of a date, without its end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInterval {
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "09:00")]
    start: String,
    /// As of a weekly rule.
    #[schema(pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", example = "17:00")]
    end: String,
}

impl NewWeeklyRule {
    /// The rule for the service; its faults are recorded under `field`.
    fn read(self, violations: &mut Violations, field: &str) -> pb::WeeklyRule {
        let (start, end) = (self.start, self.end);
        check_interval(violations, field, &start, &end);
        let mut date = |name: &str, text: Option<String>| {
            fields::optional_date(violations, &format!("{field}.{name}"), text.as_deref())
        };
        pb::WeeklyRule {
            day_of_week: self.day_of_week,
            start_time_of_day: start,
            end_time_of_day: end,
            first_date: date("first_date", self.first_date),
            last_date: date("last_date", self.last_date),
        }
    }
}

impl NewInterval {
    /// The interval for the service; its faults are recorded under `field`.
    fn read(self, violations: &mut Violations, field: &str) -> pb::TimeInterval {
        check_interval(violations, field, &self.start, &self.end);
        pb::TimeInterval {
            start_time_of_day: self.start,
            end_time_of_day: self.end,
        }
    }
}

fn check_interval(violations: &mut Violations, field: &str, start: &str, end: &str) {
    fields::time_of_day(violations, &format!("{field}.start"), start, LAST_START);
    fields::time_of_day(violations, &format!("{field}.end"), end, END_OF_DAY);
}

impl Versioned for Availability {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

impl Availability {
    /// The availability in a service's answer.
    ///
    /// # Errors
    ///
    /// When there is none, or time off in it has no times.
    pub(crate) fn from_answer(availability: Option<pb::Availability>) -> Result<Self, Problem> {
        let Some(availability) = availability else {
            return Err(Problem::bad_answer("an answer without its availability"));
        };
        let time_off = availability.time_off.into_iter().map(Some);
        let rules = availability.rules.into_iter().map(WeeklyRule::from);
        let overrides = availability.overrides.into_iter().map(DateOverride::from);
        Ok(Self {
            teacher_id: availability.teacher_id,
            time_zone: availability.time_zone,
            rules: rules.collect(),
            version: availability.version,
            overrides: overrides.collect(),
            time_off: time_off
                .map(TimeOff::from_answer)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<pb::WeeklyRule> for WeeklyRule {
    fn from(rule: pb::WeeklyRule) -> Self {
        let bound = |date: String| Some(date).filter(|date| !date.is_empty());
        Self {
            day_of_week: rule.day_of_week,
            start: rule.start_time_of_day,
            end: rule.end_time_of_day,
            first_date: bound(rule.first_date),
            last_date: bound(rule.last_date),
        }
    }
}

impl From<pb::DateOverride> for DateOverride {
    fn from(date_override: pb::DateOverride) -> Self {
        let intervals = date_override.intervals.into_iter();
        let intervals = intervals.map(|interval| Interval {
            start: interval.start_time_of_day,
            end: interval.end_time_of_day,
        });
        Self {
            date: date_override.date,
            intervals: intervals.collect(),
        }
    }
}
