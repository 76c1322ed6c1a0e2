//! What to tell whom about a lesson, and when: one pure function that serves every
//! trigger. The store reconciles the rows that exist with the rows it answers, by key
//! (docs/architecture.md, "Planning").

use std::{collections::BTreeSet, fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use olm_proto::notify::v1::{
    Content, LessonNotice, LessonNoticeKind, LessonRole, LessonState, content,
};
use uuid::Uuid;

use super::Snapshot;
use crate::notifications::{Kind, Lane, states::State};

/// Somebody of the lesson, with the settings planning depends on. People whose
/// settings are not known yet have no leads: their reminders are planned when they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub user_id: Uuid,
    /// How long before a lesson they want to be reminded; none: not at all.
    pub leads: Vec<SignedDuration>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Which one.
    pub key: Key,
    /// Whom.
    pub user_id: Uuid,
    /// Where it stands.
    pub state: State,
    /// A copy may be out although it is pending again.
    pub resent: bool,
}

impl Told {
    /// Whether the reader has it, will have it, or may have it.
    fn reached(&self) -> bool {
        match self.state {
            State::Sending | State::Sent | State::Uncertain | State::Unconfirmed => true,
            State::Pending => self.resent,
            State::Failed | State::Canceled | State::Expired => false,
        }
    }
}

/// When a notification is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// As soon as it is planned; planning it again does not move it.
    AtOnce,
    /// At this instant.
    At(Timestamp),
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

/// The rows that should exist for `readers`, given what they were told.
///
/// - Confirmation at once to each student with a live seat, and to the teacher (OLM-3).
/// - A reminder at each of the reader's leads that is still ahead; one whose instant
///   passed while it waited stays, so that it is sent late rather than lost.
/// - Cancellation at once to whoever was, or may have been, told of the booking.
#[must_use]
pub fn plan(
    snapshot: &Snapshot,
    readers: &[Reader],
    told: &[Told],
    now: Timestamp,
) -> Vec<Planned> {
    let mut planned = Vec::new();
    if snapshot.state == LessonState::Requested {
        return planned;
    }
    for part in parts(snapshot) {
        let Some(reader) = readers.iter().find(|reader| reader.user_id == part.user_id) else {
            continue;
        };
        let told: Vec<_> = told
            .iter()
            .filter(|told| told.user_id == part.user_id && told.key.subject == part.subject)
            .copied()
            .collect();
        let telling = Telling {
            snapshot,
            part,
            told,
            now,
        };
        if telling.part.canceled {
            planned.extend(telling.cancellation());
        } else {
            let reminders = telling.reminders(&reader.leads);
            planned.extend(telling.confirmation(!reminders.is_empty()));
            planned.extend(reminders);
        }
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
}

fn parts(snapshot: &Snapshot) -> impl Iterator<Item = Part> + '_ {
    let taken: Vec<_> = snapshot
        .seats
        .iter()
        .filter(|seat| !seat.canceled)
        .collect();
    // A name can be joined when there is exactly one other side.
    let counterpart = match (snapshot.seats.as_slice(), taken.as_slice()) {
        ([only], _) => Some(only.student_id),
        (_, [only]) => Some(only.student_id),
        _ => None,
    };
    let teacher = Part {
        user_id: snapshot.teacher_id,
        subject: Subject::Lesson(snapshot.lesson_id),
        role: LessonRole::Teacher,
        counterpart_id: counterpart,
        canceled: off(snapshot) || taken.is_empty(),
    };
    let students = snapshot.seats.iter().map(|seat| Part {
        user_id: seat.student_id,
        subject: Subject::Booking(seat.booking_id),
        role: LessonRole::Student,
        counterpart_id: Some(snapshot.teacher_id),
        canceled: off(snapshot) || seat.canceled,
    });
    students.chain([teacher])
}

fn off(snapshot: &Snapshot) -> bool {
    match snapshot.state {
        LessonState::Canceled | LessonState::Declined | LessonState::Lapsed => true,
        LessonState::Requested | LessonState::Scheduled | LessonState::Unspecified => false,
    }
}

/// Planning for one person.
struct Telling<'a> {
    snapshot: &'a Snapshot,
    part: Part,
    told: Vec<Told>,
    now: Timestamp,
}

impl Telling<'_> {
    fn key(&self, kind: Kind, lead_s: i64) -> Key {
        Key {
            kind,
            subject: self.part.subject,
            schedule_version: self.snapshot.schedule_version,
            lead_s,
        }
    }

    fn has(&self, key: Key) -> bool {
        self.told.iter().any(|told| told.key == key)
    }

    fn planned(&self, key: Key, lane: Lane, due: Due, notice: LessonNotice) -> Planned {
        Planned {
            key,
            user_id: self.part.user_id,
            lane,
            due,
            expires_at: None,
            content: Content {
                kind: Some(content::Kind::LessonNotice(notice)),
            },
            counterpart_id: self.part.counterpart_id,
        }
    }

    fn notice(&self, kind: LessonNoticeKind) -> LessonNotice {
        LessonNotice {
            kind: kind.into(),
            lesson_id: self.snapshot.lesson_id.to_string(),
            lesson_version: self.snapshot.version,
            start_time: Some(olm_proto::timestamp(self.snapshot.start)),
            end_time: Some(olm_proto::timestamp(self.snapshot.end)),
            reader_role: self.part.role.into(),
            meeting_url: self.snapshot.meeting_url.clone(),
            ..LessonNotice::default()
        }
    }

    fn confirmation(&self, reminder_follows: bool) -> Option<Planned> {
        let key = self.key(Kind::Booked, 0);
        // Of a lesson that is over there is nothing to confirm; what waits stays.
        if self.snapshot.end <= self.now && !self.has(key) {
            return None;
        }
        let notice = LessonNotice {
            reminder_follows,
            ..self.notice(LessonNoticeKind::Booked)
        };
        Some(self.planned(key, Lane::Interactive, Due::AtOnce, notice))
    }

    fn cancellation(&self) -> Option<Planned> {
        let key = self.key(Kind::Canceled, 0);
        let knows_of_it = self
            .told
            .iter()
            .any(|told| matches!(told.key.kind, Kind::Booked | Kind::Reminder) && told.reached());
        if !knows_of_it && !self.has(key) {
            return None;
        }
        let notice = LessonNotice {
            changed_by: self.snapshot.changed_by.into(),
            cancel_reason: self.snapshot.cancel_reason.clone(),
            ..self.notice(LessonNoticeKind::Canceled)
        };
        Some(self.planned(key, Lane::Interactive, Due::AtOnce, notice))
    }

    fn reminders(&self, leads: &[SignedDuration]) -> Vec<Planned> {
        let wanted: BTreeSet<i64> = leads
            .iter()
            .map(SignedDuration::as_secs)
            .filter(|lead_s| {
                self.reminder_at(*lead_s).is_some_and(|at| at > self.now)
                    || self.has(self.key(Kind::Reminder, *lead_s))
            })
            .collect();
        let kept = (wanted.is_empty() && !leads.is_empty())
            .then(|| self.last_reminder())
            .flatten();
        wanted
            .into_iter()
            .chain(kept)
            .filter_map(|lead_s| self.reminder(lead_s))
            .collect()
    }

    /// The next reminder that waits under former preferences: changing them so that
    /// every new lead is past must not take the last one away. (No leads at all is
    /// a wish for none.)
    fn last_reminder(&self) -> Option<i64> {
        let of_this_schedule = self.told.iter().filter(|told| {
            told.key.kind == Kind::Reminder
                && told.key.schedule_version == self.snapshot.schedule_version
        });
        of_this_schedule
            .filter(|told| told.state == State::Pending)
            .map(|told| told.key.lead_s)
            .max()
    }

    fn reminder(&self, lead_s: i64) -> Option<Planned> {
        let key = self.key(Kind::Reminder, lead_s);
        let at = self.reminder_at(lead_s)?;
        let notice = self.notice(LessonNoticeKind::Reminder);
        let mut planned = self.planned(key, Lane::Reminder, Due::At(at), notice);
        planned.expires_at = Some(self.snapshot.start);
        Some(planned)
    }

    /// Leads are durations: 24 hours before a lesson is 24 hours, on any day.
    fn reminder_at(&self, lead_s: i64) -> Option<Timestamp> {
        let lead = SignedDuration::from_secs(lead_s);
        self.snapshot.start.checked_sub(lead).ok()
    }
}

#[cfg(test)]
mod tests;
