//! Lessons as planning needs them: snapshots in, notifications out.

use jiff::Timestamp;
use olm_proto::notify::v1::{LessonRole, LessonSnapshot, LessonState, SeatSnapshot};
use service_kit::status::Violations;
use uuid::Uuid;

pub mod grpc;
pub mod planner;
pub mod replanning;
pub mod store;

/// A lesson at one version, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Which lesson.
    pub lesson_id: Uuid,
    /// Orders snapshots.
    pub version: i64,
    /// Raised by time, place and status; part of every key.
    pub schedule_version: i64,
    /// Where it stands.
    pub state: LessonState,
    /// Who made the last change of time, place or status; unspecified: time did.
    pub changed_by: LessonRole,
    /// May be empty.
    pub cancel_reason: String,
    /// May be empty.
    pub meeting_url: String,
    /// When a request lapses.
    pub expires_at: Option<Timestamp>,
    /// When it starts.
    pub start: Timestamp,
    /// When it ends; after `start`.
    pub end: Timestamp,
    /// Who teaches.
    pub teacher_id: Uuid,
    /// Who sits in it, or did.
    pub seats: Vec<Seat>,
    /// A group's: it may have any number of seats, and goes on without a student.
    pub of_group: bool,
    /// The group's; may be empty.
    pub group_title: String,
    /// The last change of time, place or status was made with the whole series, which
    /// tells of it.
    pub with_series: bool,
}

/// A student's seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// Which booking.
    pub booking_id: Uuid,
    /// Whose.
    pub student_id: Uuid,
    /// Given up.
    pub canceled: bool,
    /// Until when its student can say that they come, although the lesson moved onto
    /// another one of theirs; `None`: they need not.
    pub reconfirm: Option<Timestamp>,
    /// Who took it or gave it up; unspecified: time did.
    pub changed_by: LessonRole,
    /// It was taken, or given up, with all seats of a series, which tells of it.
    pub with_series: bool,
}

impl Seat {
    /// Of a group's lesson: its student gave it up.
    #[must_use]
    pub fn was_left(&self) -> bool {
        self.canceled && self.changed_by == LessonRole::Student
    }
}

/// Takes out of a snapshot what the erased gave: a teacher's link and what they called
/// the group, and a reason when it was theirs. Of a group's students any may have given it.
pub fn forget(wire: &mut LessonSnapshot, erased: impl Fn(Uuid) -> bool) {
    let erased = |id: &str| id.parse().is_ok_and(&erased);
    let teacher = erased(&wire.teacher_id);
    let reason = match wire.changed_by() {
        LessonRole::Teacher => teacher,
        LessonRole::Student => wire.seats.iter().any(|seat| erased(&seat.student_id)),
        LessonRole::Admin | LessonRole::Unspecified => false,
    };
    if teacher {
        wire.meeting_url.clear();
        wire.group_title.clear();
    }
    if reason {
        wire.cancel_reason.clear();
    }
}

/// More seats than any group has (a snapshot is one message and one transaction).
const MAX_SEATS: usize = 200;
/// Characters of a reason; Telegram's message holds it with room to spare.
const MAX_REASON: usize = 1000;
/// Characters of a link.
const MAX_URL: usize = 1000;
/// Characters of a group's title (olm.lesson.v1.Group).
const MAX_TITLE: usize = 128;

impl Snapshot {
    /// Everyone in the lesson, each once, in the order in which they are locked.
    #[must_use]
    pub fn people(&self) -> Vec<Uuid> {
        let mut people: Vec<_> = self
            .seats
            .iter()
            .map(|seat| seat.student_id)
            .chain([self.teacher_id])
            .collect();
        people.sort_unstable();
        people.dedup();
        people
    }

    /// Checks a snapshot from the wire; every fault goes to `violations`. The answer
    /// means something only when there are none.
    pub fn parse(wire: &LessonSnapshot, violations: &mut Violations) -> Self {
        let lesson_id = violations.uuid("lesson.lesson_id", &wire.lesson_id);
        let teacher_id = violations.uuid("lesson.teacher_id", &wire.teacher_id);
        let seats = wire.seats.iter().take(MAX_SEATS).enumerate();
        let seats = seats.map(|(at, seat)| parse_seat(at, seat, violations));
        let seats = seats.collect();
        let start = wire.start_time.as_ref().and_then(olm_proto::instant);
        let end = wire.end_time.as_ref().and_then(olm_proto::instant);
        violations.require(start.is_some(), "lesson.start_time", "is not an instant");
        violations.require(end.is_some(), "lesson.end_time", "is not an instant");
        violations.require(
            !matches!((start, end), (Some(start), Some(end)) if end <= start),
            "lesson.end_time",
            "is not after start_time",
        );
        violations.require(wire.version > 0, "lesson.version", "is not more than 0");
        violations.require(
            wire.schedule_version > 0,
            "lesson.schedule_version",
            "is not more than 0",
        );
        parse_group(wire, violations);
        violations.require(
            wire.cancel_reason.chars().count() <= MAX_REASON,
            "lesson.cancel_reason",
            "is longer than 1000 characters",
        );
        let expires_at = parse_state(wire, violations);
        Self {
            lesson_id,
            version: wire.version,
            schedule_version: wire.schedule_version,
            state: wire.state(),
            changed_by: wire.changed_by(),
            cancel_reason: wire.cancel_reason.clone(),
            meeting_url: wire.meeting_url.clone(),
            expires_at,
            start: start.unwrap_or_default(),
            end: end.unwrap_or_default(),
            teacher_id,
            seats,
            of_group: !wire.group_id.is_empty(),
            group_title: wire.group_title.clone(),
            with_series: wire.with_series,
        }
    }
}

fn parse_seat(at: usize, wire: &SeatSnapshot, violations: &mut Violations) -> Seat {
    let field = |name: &str| format!("lesson.seats[{at}].{name}");
    let expires = wire.reconfirm_expire_time.as_ref();
    let expires = expires.and_then(olm_proto::instant);
    violations.require(
        expires.is_some() || !wire.reconfirm,
        &field("reconfirm_expire_time"),
        "is not an instant beside a seat to be reconfirmed",
    );
    Seat {
        booking_id: violations.uuid(&field("booking_id"), &wire.booking_id),
        student_id: violations.uuid(&field("student_id"), &wire.student_id),
        canceled: wire.canceled,
        reconfirm: expires.filter(|_| wire.reconfirm),
        changed_by: wire.changed_by(),
        with_series: wire.with_series,
    }
}

/// Checks how many seats there are, and what is said of a group.
fn parse_group(wire: &LessonSnapshot, violations: &mut Violations) {
    let of_group = !wire.group_id.is_empty();
    if of_group {
        violations.uuid("lesson.group_id", &wire.group_id);
    }
    let fewest = usize::from(!of_group);
    violations.require(
        (fewest..=MAX_SEATS).contains(&wire.seats.len()),
        "lesson.seats",
        "are not 1 to 200, or at most 200 of a group's lesson",
    );
    violations.require(
        wire.group_title.chars().count() <= MAX_TITLE,
        "lesson.group_title",
        "is longer than 128 characters",
    );
}

/// Checks what depends on the lesson's state; answers when a request lapses.
fn parse_state(wire: &LessonSnapshot, violations: &mut Violations) -> Option<Timestamp> {
    violations.require(
        wire.state() != LessonState::Unspecified,
        "lesson.state",
        "is not a state of a lesson",
    );
    violations.require(
        wire.meeting_url.chars().count() <= MAX_URL,
        "lesson.meeting_url",
        "is longer than 1000 characters",
    );
    let expires_at = wire.expire_time.as_ref().and_then(olm_proto::instant);
    violations.require(
        expires_at.is_some() || wire.state() != LessonState::Requested,
        "lesson.expire_time",
        "is not an instant beside a request",
    );
    expires_at
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_snapshot_of_before_requests_is_refused_rather_than_misread() {
        let whole = LessonSnapshot {
            state: LessonState::Scheduled.into(),
            ..LessonSnapshot::default()
        };
        // What it said there: field 4, cancelled.
        let mut former = LessonSnapshot::default().encode_to_vec();
        former.extend([4 << 3, 1]);
        let former = LessonSnapshot::decode(former.as_slice()).unwrap();
        for (wire, refused) in [(whole, false), (former, true)] {
            let mut violations = Violations::default();
            parse_state(&wire, &mut violations);
            assert_eq!(!violations.is_empty(), refused, "{wire:?}");
        }
    }
}
