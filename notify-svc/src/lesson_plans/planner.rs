//! What to tell whom about a lesson, and when: one pure function that serves every
//! trigger. The store reconciles the rows that exist with the rows it answers, by key
//! (docs/architecture.md, "Planning").

use std::{collections::BTreeSet, fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use olm_proto::notify::v1::{Content, LessonNotice, LessonRole, LessonState, content};
use uuid::Uuid;

use super::{Seat, Snapshot};
use crate::{
    notifications::{
        Kind, Lane,
        planned::{self, Due, Row},
        states::State,
    },
    recipients::QuietHours,
};

mod ending;
mod reminders;
mod seats;
mod telling;

use telling::Telling;

/// Somebody of the lesson, with the settings planning depends on. People whose
/// settings are not known yet have no leads: their reminders are planned when they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub user_id: Uuid,
    /// How long before a lesson they want to be reminded; none: not at all.
    pub leads: Vec<SignedDuration>,
    /// When reminders are not to come.
    pub quiet_hours: Option<QuietHours>,
    /// On whose clocks.
    pub time_zone: TimeZone,
    /// What they do not want to be told.
    pub muted: BTreeSet<Kind>,
}

/// Whose seat or lesson a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A student's seat.
    Booking(Uuid),
    /// The teacher's lesson.
    Lesson(Uuid),
}

/// What makes a planned notification the same one in every plan: what it is about, not
/// when it was planned. The schedule version is raised by time, place and status, so a
/// student who joins re-announces nothing to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What it tells.
    pub kind: Kind,
    /// About what.
    pub subject: Subject,
    /// Of which schedule.
    pub schedule_version: i64,
    /// Reminders: how long before, in seconds; otherwise 0.
    pub lead_s: i64,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (of, id) = match self.subject {
            Subject::Booking(id) => ("booking", id),
            Subject::Lesson(id) => ("lesson", id),
        };
        let kind = self.kind.as_str();
        write!(f, "{kind}/{of}/{id}/{}", self.schedule_version)?;
        if self.lead_s > 0 {
            write!(f, "/{}", self.lead_s)?;
        }
        Ok(())
    }
}

/// A stored key that this version did not write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the key of a planned notification")]
pub struct KeyUnknown(String);

impl FromStr for Key {
    type Err = KeyUnknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || KeyUnknown(text.to_owned());
        let mut parts = text.split('/');
        let mut part = || parts.next().ok_or_else(unknown);
        let kind = Kind::parse(part()?).ok_or_else(unknown)?;
        let of = part()?;
        let id = part()?.parse().map_err(|_| unknown())?;
        let subject = match of {
            "booking" => Subject::Booking(id),
            "lesson" => Subject::Lesson(id),
            _ => return Err(unknown()),
        };
        let schedule_version = part()?.parse().map_err(|_| unknown())?;
        let lead_s = match parts.next() {
            Some(lead) => lead.parse().map_err(|_| unknown())?,
            None => 0,
        };
        Ok(Self {
            kind,
            subject,
            schedule_version,
            lead_s,
        })
    }
}

/// A planned notification that exists and holds its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Which one.
    pub key: Key,
    /// Whom.
    pub user_id: Uuid,
    /// Where it stands.
    pub state: State,
    /// A copy may be out although it is pending again.
    pub resent: bool,
    /// When it was, or is, to be sent.
    pub due: Timestamp,
    /// Its reader cannot be reached now.
    pub gone: bool,
    /// What it says; without times when its reader was erased.
    pub notice: LessonNotice,
}

impl Told {
    /// Whether the reader knows what it says, or may.
    fn reached(&self) -> bool {
        planned::reached(self.state, self.resent)
    }

    /// Whether it is neither changed nor replaced, only stopped.
    fn in_flight(&self) -> bool {
        planned::in_flight(self.state, self.resent)
    }

    /// The lesson's start that it names.
    fn start(&self) -> Option<Timestamp> {
        self.notice.start_time.as_ref().and_then(olm_proto::instant)
    }
}

/// A notification that should exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Which one.
    pub key: Key,
    /// Whom.
    pub user_id: Uuid,
    /// In which lane.
    pub lane: Lane,
    /// When.
    pub due: Due,
    /// When it is pointless to begin; `None`: 24 hours after it is due.
    pub expires_at: Option<Timestamp>,
    /// What it says, without names.
    pub content: Content,
    /// Whose name is joined when it is sent.
    pub counterpart_id: Option<Uuid>,
}

impl From<Planned> for Row {
    fn from(planned: Planned) -> Self {
        Self {
            kind: planned.key.kind,
            key: planned.key.to_string(),
            user_id: planned.user_id,
            lane: planned.lane,
            due: planned.due,
            expires_at: planned.expires_at,
            content: planned.content,
            counterpart_id: planned.counterpart_id,
        }
    }
}

/// The rows that should exist for `readers`, given what everybody was told.
///
/// - What is new, at once: a request to both sides; its decision to the student; a
///   booking, a move and another place to both sides, each against what the reader
///   learned last; a cancellation to whoever knew of the lesson (OLM-3), and to a
///   student who may have seen elsewhere what was to be announced to them.
/// - A reminder at each of the reader's leads that is still ahead, before their quiet
///   hours where it would fall into them; one whose instant passed while it waited
///   stays, so that it is sent late rather than lost; so does one that is being sent.
/// - To the teacher: which student Telegram does not reach, and which one left a group.
/// - To a student whose lesson moved onto another one of theirs: whether they come.
///
/// What was done with the whole series is told of the series (`series_plans`): here it is
/// planned as [`Due::Never`], so that it counts as known.
///
/// What a reader muted is planned as [`Due::Never`].
#[must_use]
pub fn plan(
    snapshot: &Snapshot,
    readers: &[Reader],
    told: &[Told],
    now: Timestamp,
) -> Vec<Planned> {
    let mut planned = Vec::new();
    for part in parts(snapshot) {
        let Some(reader) = readers.iter().find(|reader| reader.user_id == part.user_id) else {
            continue;
        };
        let telling = Telling::new(snapshot, part, reader, told, now);
        let mut rows = telling.rows();
        for row in &mut rows {
            if reader.muted.contains(&row.key.kind) {
                row.due = Due::Never;
            }
        }
        planned.extend(rows);
    }
    planned
}

/// One person's part in a lesson.
struct Part {
    user_id: Uuid,
    subject: Subject,
    role: LessonRole,
    counterpart_id: Option<Uuid>,
    canceled: bool,
    /// A student's.
    seat: Option<Seat>,
}

fn parts(snapshot: &Snapshot) -> impl Iterator<Item = Part> + '_ {
    let taken: Vec<_> = snapshot
        .seats
        .iter()
        .filter(|seat| !seat.canceled)
        .collect();
    // A name can be joined when there is exactly one other side; a group has a title.
    let counterpart = match (snapshot.seats.as_slice(), taken.as_slice()) {
        _ if snapshot.of_group => None,
        ([only], _) => Some(only.student_id),
        (_, [only]) => Some(only.student_id),
        _ => None,
    };
    let teacher = Part {
        user_id: snapshot.teacher_id,
        subject: Subject::Lesson(snapshot.lesson_id),
        role: LessonRole::Teacher,
        counterpart_id: counterpart,
        canceled: taken.is_empty() && !snapshot.of_group,
        seat: None,
    };
    let students = snapshot.seats.iter().map(|seat| Part {
        user_id: seat.student_id,
        subject: Subject::Booking(seat.booking_id),
        role: LessonRole::Student,
        counterpart_id: Some(snapshot.teacher_id),
        canceled: seat.canceled,
        seat: Some(*seat),
    });
    students.chain([teacher])
}

#[cfg(test)]
mod tests;
