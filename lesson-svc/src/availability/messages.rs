//! Hours from and to the contract's messages.

use jiff::civil::{Date, Weekday};
use olm_proto::lesson::v1 as pb;
use service_kit::status::Violations;

use super::{
    DateOverride, END_OF_DAY, Interval, MAX_INTERVALS, MAX_RULES, TimeOff, WeeklyRule,
    format_minute, parse_date, parse_minute,
};

/// Reads the rules; everything wrong with each of them is recorded.
pub(super) fn read_rules(given: &[pb::WeeklyRule], violations: &mut Violations) -> Vec<WeeklyRule> {
    violations.require(
        given.len() <= MAX_RULES,
        "rules",
        format!("has {} rules, at most {MAX_RULES}", given.len()),
    );
    let mut rules: Vec<(usize, WeeklyRule)> = Vec::new();
    for (index, rule) in given.iter().take(MAX_RULES).enumerate() {
        let field = format!("rules[{index}]");
        let Some(rule) = read_rule(rule, &field, violations) else {
            continue;
        };
        match rules.iter().find(|(_, other)| other.overlaps(&rule)) {
            Some((other, _)) => violations.add(field, format!("overlaps rules[{other}]")),
            None => rules.push((index, rule)),
        }
    }
    rules.into_iter().map(|(_, rule)| rule).collect()
}

fn read_rule(
    rule: &pb::WeeklyRule,
    field: &str,
    violations: &mut Violations,
) -> Option<WeeklyRule> {
    let weekday = i8::try_from(rule.day_of_week).ok();
    let weekday = weekday.and_then(|day| Weekday::from_monday_one_offset(day).ok());
    violations.require(
        weekday.is_some(),
        &format!("{field}.day_of_week"),
        "is not 1 (Monday) to 7 (Sunday)",
    );
    let interval = read_interval(
        &rule.start_time_of_day,
        &rule.end_time_of_day,
        field,
        violations,
    );
    let first_date = read_bound(&rule.first_date, &format!("{field}.first_date"), violations);
    let last_date = read_bound(&rule.last_date, &format!("{field}.last_date"), violations);
    let ordered = first_date
        .zip(last_date)
        .is_none_or(|(first, last)| first <= last);
    violations.require(
        ordered,
        &format!("{field}.last_date"),
        "is before first_date",
    );
    ordered.then_some(())?;
    Some(WeeklyRule {
        weekday: weekday?,
        interval: interval?,
        first_date,
        last_date,
    })
}

fn read_bound(text: &str, field: &str, violations: &mut Violations) -> Option<Date> {
    if text.is_empty() {
        return None;
    }
    read_date(text, field, violations)
}

/// Reads a date; a wrong one is recorded.
pub(super) fn read_date(text: &str, field: &str, violations: &mut Violations) -> Option<Date> {
    let date = parse_date(text);
    violations.require(
        date.is_some(),
        field,
        "is not YYYY-MM-DD of the years 1970 to 9999",
    );
    date
}

fn read_interval(
    start: &str,
    end: &str,
    field: &str,
    violations: &mut Violations,
) -> Option<Interval> {
    let (start, end) = (parse_minute(start, false), parse_minute(end, true));
    violations.require(
        start.is_some(),
        &format!("{field}.start_time_of_day"),
        "is not HH:MM, 00:00 to 23:59",
    );
    violations.require(
        end.is_some(),
        &format!("{field}.end_time_of_day"),
        "is not HH:MM, 00:00 to 24:00",
    );
    let (start_minute, end_minute) = (start?, end?);
    let next_day = if end_minute > start_minute {
        0
    } else {
        END_OF_DAY
    };
    Some(Interval {
        start_minute,
        end_minute: end_minute + next_day,
    })
}

/// Reads an override; everything wrong with it is recorded. The intervals that are
/// right are there even when the date is not.
pub(super) fn read_override(
    given: Option<&pb::DateOverride>,
    violations: &mut Violations,
) -> (Option<Date>, Vec<Interval>) {
    let Some(given) = given else {
        violations.add("date_override", "is missing");
        return (None, Vec::new());
    };
    let date = read_date(&given.date, "date_override.date", violations);
    let field = "date_override.intervals";
    violations.require(
        given.intervals.len() <= MAX_INTERVALS,
        field,
        format!(
            "has {} intervals, at most {MAX_INTERVALS}",
            given.intervals.len()
        ),
    );
    let mut intervals: Vec<(usize, Interval)> = Vec::new();
    for (index, interval) in given.intervals.iter().take(MAX_INTERVALS).enumerate() {
        let (start, end) = (&interval.start_time_of_day, &interval.end_time_of_day);
        let own = format!("{field}[{index}]");
        let Some(interval) = read_interval(start, end, &own, violations) else {
            continue;
        };
        let overlapped = |(_, other): &&(usize, Interval)| other.overlaps(interval, 0);
        match intervals.iter().find(overlapped) {
            Some((other, _)) => violations.add(own, format!("overlaps intervals[{other}]")),
            None => intervals.push((index, interval)),
        }
    }
    let mut intervals: Vec<_> = intervals
        .into_iter()
        .map(|(_, interval)| interval)
        .collect();
    intervals.sort_unstable();
    (date, intervals)
}

/// A rule as the contract has it.
pub(super) fn rule_message(rule: &WeeklyRule) -> pb::WeeklyRule {
    let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
    pb::WeeklyRule {
        day_of_week: rule.weekday.to_monday_one_offset().into(),
        start_time_of_day: format_minute(rule.interval.start_minute),
        end_time_of_day: format_minute(rule.interval.end_minute),
        first_date: date(rule.first_date),
        last_date: date(rule.last_date),
    }
}

/// An override as the contract has it.
pub(super) fn override_message(given: &DateOverride) -> pb::DateOverride {
    let interval = |interval: &Interval| pb::TimeInterval {
        start_time_of_day: format_minute(interval.start_minute),
        end_time_of_day: format_minute(interval.end_minute),
    };
    pb::DateOverride {
        date: given.date.to_string(),
        intervals: given.intervals.iter().map(interval).collect(),
    }
}

/// Time off as the contract has it, with its note: for the teacher only.
pub(super) fn time_off_message(off: TimeOff) -> pb::TimeOff {
    pb::TimeOff {
        id: off.id.to_string(),
        start_time: Some(olm_proto::timestamp(off.during.start)),
        end_time: Some(olm_proto::timestamp(off.during.end)),
        note: off.note,
    }
}
