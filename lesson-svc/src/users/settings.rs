//! What people set for themselves: when they are reminded, when they want quiet, what
//! they do not want to be told.

use jiff::SignedDuration;
use olm_proto::{
    lesson::v1 as pb,
    notify::v1::{self as notify, LessonNoticeKind},
};
use service_kit::status::Violations;

use crate::{
    availability::{format_minute, parse_minute},
    teachers::check_span,
};

const MOST_LEADS: usize = 5;
const SHORTEST_LEAD_S: i64 = 60;
const LONGEST_LEAD_S: i64 = 14 * 24 * 60 * 60;
/// The kinds that can be muted, no two equal.
const MOST_MUTED: usize = 11;
const KIND_PREFIX: &str = "LESSON_NOTICE_KIND_";

/// A stretch of every day in the person's zone, `[start, end)`, in minutes of the wall
/// clock; an end before the start is the next day's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// 0 to 1439.
    pub start_minute: i16,
    /// 0 to 1439, not the start.
    pub end_minute: i16,
}

impl QuietHours {
    /// Reads quiet hours; without times of day they are none any more. Everything wrong
    /// is recorded.
    pub fn read(given: &pb::QuietHours, violations: &mut Violations) -> Option<Self> {
        let (start, end) = (&given.start_time_of_day, &given.end_time_of_day);
        if start.is_empty() && end.is_empty() {
            return None;
        }
        let mut minute = |name: &str, text: &str| {
            let minute = parse_minute(text, false);
            let field = format!("quiet_hours.{name}");
            violations.require(minute.is_some(), &field, "is not HH:MM, 00:00 to 23:59");
            minute
        };
        let start_minute = minute("start_time_of_day", start);
        let end_minute = minute("end_time_of_day", end);
        let (start_minute, end_minute) = start_minute.zip(end_minute)?;
        violations.require(
            start_minute != end_minute,
            "quiet_hours.end_time_of_day",
            "is the start",
        );
        Some(Self {
            start_minute,
            end_minute,
        })
    }

    /// As the contract has it.
    #[must_use]
    pub fn to_message(self) -> pb::QuietHours {
        pb::QuietHours {
            start_time_of_day: format_minute(self.start_minute),
            end_time_of_day: format_minute(self.end_minute),
        }
    }

    /// As notify-svc is told.
    #[must_use]
    pub fn to_recipient(self) -> notify::QuietHours {
        notify::QuietHours {
            start_minute: self.start_minute.into(),
            end_minute: self.end_minute.into(),
        }
    }
}

/// The name of a kind of notice in the database: the contract's in lower case, without
/// its prefix.
#[must_use]
pub fn kind_name(kind: LessonNoticeKind) -> String {
    let name = kind.as_str_name();
    name.strip_prefix(KIND_PREFIX)
        .unwrap_or(name)
        .to_ascii_lowercase()
}

/// The kind of notice with this name.
#[must_use]
pub fn kind_from_name(name: &str) -> Option<LessonNoticeKind> {
    LessonNoticeKind::from_str_name(&format!("{KIND_PREFIX}{}", name.to_ascii_uppercase()))
}

/// Whether people may mute a kind of notice: who does not hear that a lesson is off, at
/// another time or elsewhere waits in vain.
fn is_mutable(kind: LessonNoticeKind) -> bool {
    match kind {
        LessonNoticeKind::Booked
        | LessonNoticeKind::Reminder
        | LessonNoticeKind::Requested
        | LessonNoticeKind::Confirmed
        | LessonNoticeKind::Declined
        | LessonNoticeKind::Lapsed
        | LessonNoticeKind::StudentUnreachable
        | LessonNoticeKind::StudentLeft
        | LessonNoticeKind::SeriesBooked
        | LessonNoticeKind::SeriesSkipped
        | LessonNoticeKind::ClockShifts => true,
        LessonNoticeKind::Unspecified
        | LessonNoticeKind::Canceled
        | LessonNoticeKind::Moved
        | LessonNoticeKind::PlaceChanged
        | LessonNoticeKind::Reconfirm
        | LessonNoticeKind::SeatFreed
        | LessonNoticeKind::SeriesChanged
        | LessonNoticeKind::SeriesCanceled => false,
    }
}

/// Reads muted kinds, sorted; everything wrong is recorded.
pub fn read_muted_kinds(given: &[i32], violations: &mut Violations) -> Vec<LessonNoticeKind> {
    let field = "muted_kinds.kinds";
    violations.require(
        given.len() <= MOST_MUTED,
        field,
        format!("has {} kinds, at most {MOST_MUTED}", given.len()),
    );
    let mut kinds = Vec::new();
    for (index, kind) in given.iter().take(MOST_MUTED).enumerate() {
        let field = format!("{field}[{index}]");
        match LessonNoticeKind::try_from(*kind) {
            Err(_) | Ok(LessonNoticeKind::Unspecified) => {
                violations.add(field, "is not a kind of notice");
            }
            Ok(kind) if !is_mutable(kind) => violations.add(field, "cannot be muted"),
            Ok(kind) if kinds.contains(&kind) => violations.add(field, "is there twice"),
            Ok(kind) => kinds.push(kind),
        }
    }
    kinds.sort_unstable();
    kinds
}

/// Reads reminder leads, sorted; everything wrong is recorded.
pub fn read_leads(
    given: &[prost_types::Duration],
    violations: &mut Violations,
) -> Vec<SignedDuration> {
    let field = "reminder_leads.leads";
    violations.require(
        given.len() <= MOST_LEADS,
        field,
        format!("has {} leads, at most {MOST_LEADS}", given.len()),
    );
    let mut leads = Vec::new();
    for (index, lead) in given.iter().take(MOST_LEADS).enumerate() {
        let field = format!("{field}[{index}]");
        match check_span(lead, SHORTEST_LEAD_S..=LONGEST_LEAD_S) {
            Ok(lead) if leads.contains(&lead) => violations.add(field, "is there twice"),
            Ok(lead) => leads.push(lead),
            Err(text) => violations.add(field, text),
        }
    }
    leads.sort_unstable();
    leads
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(violations: Violations) -> String {
        let refusal = violations.check().unwrap_err();
        refusal.into_status("olm.lesson").message().to_owned()
    }

    #[test]
    fn every_wrong_lead_is_named() {
        let lead = |seconds| prost_types::Duration { seconds, nanos: 0 };
        let leads = [59, 3600, 3600, LONGEST_LEAD_S + 1, 60, 61].map(lead);
        let mut violations = Violations::default();
        read_leads(&leads, &mut violations);
        let text = text(violations);
        for part in [
            "has 6 leads",
            "leads[0] is 59 s",
            "leads[2] is there twice",
            "leads[3]",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn what_people_must_hear_cannot_be_muted() {
        let mut violations = Violations::default();
        let given = [
            LessonNoticeKind::Canceled.into(),
            LessonNoticeKind::Moved.into(),
            LessonNoticeKind::PlaceChanged.into(),
            0,
            99,
            LessonNoticeKind::Booked.into(),
            LessonNoticeKind::Booked.into(),
        ];
        let read = read_muted_kinds(&given, &mut violations);
        assert_eq!(read, [LessonNoticeKind::Booked]);
        let text = text(violations);
        for part in [
            "kinds[0] cannot be muted",
            "kinds[1] cannot",
            "kinds[2] cannot",
            "kinds[3] is not a kind",
            "kinds[4] is not a kind",
            "kinds[6] is there twice",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn every_kind_that_can_be_muted_fits_and_survives_the_database() {
        let all: Vec<i32> = (1..100)
            .filter(|kind| LessonNoticeKind::try_from(*kind).is_ok_and(is_mutable))
            .collect();
        let mut violations = Violations::default();
        let read = read_muted_kinds(&all, &mut violations);
        assert!(violations.is_empty());
        assert_eq!(read.len(), all.len());
        for kind in read {
            assert_eq!(kind_from_name(&kind_name(kind)), Some(kind));
        }
        assert_eq!(kind_name(LessonNoticeKind::Reminder), "reminder");
    }

    #[test]
    fn quiet_hours_are_whole_or_none() {
        let given = |start: &str, end: &str| pb::QuietHours {
            start_time_of_day: start.to_owned(),
            end_time_of_day: end.to_owned(),
        };
        let mut violations = Violations::default();
        assert_eq!(QuietHours::read(&given("", ""), &mut violations), None);
        let night = QuietHours::read(&given("22:00", "08:00"), &mut violations).unwrap();
        assert_eq!((night.start_minute, night.end_minute), (1320, 480));
        assert_eq!(night.to_message(), given("22:00", "08:00"));
        assert!(violations.is_empty());
        for (start, end, fault) in [
            ("22:00", "", "quiet_hours.end_time_of_day is not HH:MM"),
            ("24:00", "08:00", "quiet_hours.start_time_of_day is not"),
            ("8:00", "9:00", "quiet_hours.end_time_of_day is not"),
            ("08:00", "08:00", "quiet_hours.end_time_of_day is the start"),
        ] {
            let mut violations = Violations::default();
            QuietHours::read(&given(start, end), &mut violations);
            let text = text(violations);
            assert!(text.contains(fault), "{fault} in {text}");
        }
    }
}
