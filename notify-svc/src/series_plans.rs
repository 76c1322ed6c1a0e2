//! Series as a whole: snapshots in, one notification a person and change out
//! (docs/decisions/0015).

use jiff::{SignedDuration, Timestamp};
use olm_proto::notify::v1 as wire;
use olm_proto::notify::v1::{LessonRole, SeriesSnapshot};
use service_kit::status::Violations;
use uuid::Uuid;

pub mod planner;
pub mod store;
pub mod syncing;

/// A series at one version, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Which series.
    pub series_id: Uuid,
    /// Orders snapshots.
    pub version: i64,
    /// Raised by pattern, place, end and status; part of every key.
    pub schedule_version: i64,
    /// Who teaches.
    pub teacher_id: Uuid,
    /// Who is in it.
    pub student_ids: Vec<Uuid>,
    /// Of a group's; otherwise empty.
    pub group_title: String,
    /// When and where.
    pub plan: Plan,
    /// Nothing of it is ahead any more, because it was cancelled.
    pub canceled: bool,
    /// Who made the last change of its schedule.
    pub changed_by: LessonRole,
    /// May be empty.
    pub cancel_reason: String,
    /// The first start that the last cancellation took away.
    pub canceled_from: Option<Timestamp>,
    /// Starts ahead that could not be booked when their time came.
    pub unbooked: Vec<Timestamp>,
    /// For whom the hour shifts soon.
    pub shifts: Vec<Shift>,
    /// Who left its group with this version.
    pub left: Option<Uuid>,
}

/// When and where a series takes place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// IANA name of the zone whose wall clock it keeps.
    pub time_zone: String,
    /// ISO 8601: 1 Monday … 7 Sunday.
    pub day_of_week: i32,
    /// "HH:MM".
    pub start_time_of_day: String,
    /// Of a lesson; more than zero.
    pub length: SignedDuration,
    /// 1 to 52.
    pub every_weeks: i32,
    /// May be empty.
    pub meeting_url: String,
    /// When its next lesson starts; `None`: none is ahead.
    pub first: Option<Timestamp>,
    /// When its last one starts.
    pub last: Option<Timestamp>,
    /// How many are ahead.
    pub lesson_count: i32,
}

/// One reader's clock shows another hour at a series' lessons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// Whose.
    pub user_id: Uuid,
    /// The first lesson at the new hour.
    pub start: Timestamp,
    /// One before it, at the old hour.
    pub previous: Timestamp,
}

/// Takes out of a snapshot what the erased gave: a teacher's link and what they called
/// the group, and a reason when it was theirs.
pub fn forget(wire: &mut SeriesSnapshot, erased: impl Fn(Uuid) -> bool) {
    let erased = |id: &str| id.parse().is_ok_and(&erased);
    let teacher = erased(&wire.teacher_id);
    let reason = match wire.changed_by() {
        LessonRole::Teacher => teacher,
        LessonRole::Student => wire.student_ids.iter().any(|id| erased(id)),
        LessonRole::Admin | LessonRole::Unspecified => false,
    };
    if teacher {
        wire.group_title.clear();
        if let Some(plan) = &mut wire.plan {
            plan.meeting_url.clear();
        }
    }
    if reason {
        wire.cancel_reason.clear();
    }
}

/// Students of a series (olm.lesson.v1.Group.capacity).
const MAX_STUDENTS: usize = 50;
/// Occurrences that were not booked.
const MAX_UNBOOKED: usize = 50;
/// Characters of a group's title.
const MAX_TITLE: usize = 128;
/// Characters of a reason, and of a link.
const MAX_TEXT: usize = 1000;

impl Snapshot {
    /// Everyone in the series, each once.
    #[must_use]
    pub fn people(&self) -> Vec<Uuid> {
        let mut people: Vec<_> = self.student_ids.clone();
        people.push(self.teacher_id);
        people.sort_unstable();
        people.dedup();
        people
    }

    /// Checks a snapshot from the wire; every fault goes to `violations`. The answer
    /// means something only when there are none.
    pub fn parse(wire: &SeriesSnapshot, violations: &mut Violations) -> Self {
        let series_id = violations.uuid("series.series_id", &wire.series_id);
        let teacher_id = violations.uuid("series.teacher_id", &wire.teacher_id);
        let students = wire.student_ids.iter().take(MAX_STUDENTS).enumerate();
        let student_ids = students
            .map(|(at, id)| violations.uuid(&format!("series.student_ids[{at}]"), id))
            .collect();
        violations.require(
            wire.student_ids.len() <= MAX_STUDENTS,
            "series.student_ids",
            "are more than 50",
        );
        violations.require(wire.version > 0, "series.version", "is not more than 0");
        violations.require(
            wire.schedule_version > 0,
            "series.schedule_version",
            "is not more than 0",
        );
        let mut text = |field: &str, text: &str, most: usize| {
            let long = format!("is longer than {most} characters");
            violations.require(text.chars().count() <= most, field, long);
        };
        text("series.group_title", &wire.group_title, MAX_TITLE);
        text("series.cancel_reason", &wire.cancel_reason, MAX_TEXT);
        Self {
            series_id,
            version: wire.version,
            schedule_version: wire.schedule_version,
            teacher_id,
            student_ids,
            group_title: wire.group_title.clone(),
            plan: parse_plan(&wire.plan.clone().unwrap_or_default(), violations),
            canceled: wire.canceled,
            changed_by: wire.changed_by(),
            cancel_reason: wire.cancel_reason.clone(),
            canceled_from: wire
                .canceled_from_time
                .as_ref()
                .and_then(olm_proto::instant),
            unbooked: parse_unbooked(&wire.unbooked_start_times, violations),
            shifts: parse_shifts(&wire.clock_shifts, violations),
            left: (!wire.left_student_id.is_empty())
                .then(|| violations.uuid("series.left_student_id", &wire.left_student_id)),
        }
    }
}

fn parse_plan(wire: &wire::SeriesPlan, violations: &mut Violations) -> Plan {
    let length = wire.lesson_duration.as_ref().and_then(olm_proto::span);
    let length = length.filter(SignedDuration::is_positive);
    violations.require(
        length.is_some(),
        "series.plan.lesson_duration",
        "is not more than zero",
    );
    violations.require(
        (1..=7).contains(&wire.day_of_week),
        "series.plan.day_of_week",
        "is not 1 to 7",
    );
    violations.require(
        wire.every_weeks > 0,
        "series.plan.every_weeks",
        "is not more than 0",
    );
    violations.require(
        wire.meeting_url.chars().count() <= MAX_TEXT,
        "series.plan.meeting_url",
        "is longer than 1000 characters",
    );
    for (field, text) in [
        ("series.plan.time_zone", &wire.time_zone),
        ("series.plan.start_time_of_day", &wire.start_time_of_day),
    ] {
        violations.require(!text.is_empty(), field, "is empty");
    }
    let instant = |time: Option<&prost_types::Timestamp>| time.and_then(olm_proto::instant);
    Plan {
        time_zone: wire.time_zone.clone(),
        day_of_week: wire.day_of_week,
        start_time_of_day: wire.start_time_of_day.clone(),
        length: length.unwrap_or_default(),
        every_weeks: wire.every_weeks,
        meeting_url: wire.meeting_url.clone(),
        first: instant(wire.first_start_time.as_ref()),
        last: instant(wire.last_start_time.as_ref()),
        lesson_count: wire.lesson_count,
    }
}

fn parse_unbooked(wire: &[prost_types::Timestamp], violations: &mut Violations) -> Vec<Timestamp> {
    violations.require(
        wire.len() <= MAX_UNBOOKED,
        "series.unbooked_start_times",
        "are more than 50",
    );
    let mut starts = Vec::new();
    for (at, start) in wire.iter().take(MAX_UNBOOKED).enumerate() {
        match olm_proto::instant(start) {
            Some(start) => starts.push(start),
            None => violations.add(
                format!("series.unbooked_start_times[{at}]"),
                "is not an instant",
            ),
        }
    }
    starts
}

fn parse_shifts(wire: &[wire::ClockShift], violations: &mut Violations) -> Vec<Shift> {
    // One a person, the teacher too.
    violations.require(
        wire.len() <= MAX_STUDENTS + 1,
        "series.clock_shifts",
        "are more than 51",
    );
    let mut shifts = Vec::new();
    for (at, shift) in wire.iter().take(MAX_STUDENTS + 1).enumerate() {
        let field = format!("series.clock_shifts[{at}]");
        let user_id = violations.uuid(&format!("{field}.user_id"), &shift.user_id);
        let start = shift.start_time.as_ref().and_then(olm_proto::instant);
        let previous = shift.previous_start_time.as_ref();
        let previous = previous.and_then(olm_proto::instant);
        match start.zip(previous) {
            Some((start, previous)) => shifts.push(Shift {
                user_id,
                start,
                previous,
            }),
            None => violations.add(field, "has not two instants"),
        }
    }
    shifts
}
