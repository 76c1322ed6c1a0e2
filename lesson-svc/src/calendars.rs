//! Lessons in calendars outside: feeds behind secret links
//! (docs/decisions/0018-calendar-feeds-hold-lessons-not-rules.md).

pub mod feeds;
pub mod grpc;
pub mod store;

use jiff::Timestamp;
use olm_proto::lesson::v1 as pb;

use crate::{
    availability::slots::Stretch,
    ids::{FeedId, LessonId, UserId},
    lessons::LessonStatus,
    users::Language,
};

/// A secret link to a person's lessons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The feed's id.
    pub id: FeedId,
    /// When it was made.
    pub create_time: Timestamp,
    /// When it was revoked.
    pub revoke_time: Option<Timestamp>,
}

/// In whose language and zone a calendar is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub user: UserId,
    /// Their language.
    pub language: Language,
    /// Their zone, IANA name.
    pub time_zone: String,
}

/// A lesson in somebody's calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The lesson.
    pub lesson: LessonId,
    /// From when to when.
    pub during: Stretch,
    /// The lesson's.
    pub status: LessonStatus,
    /// What waits lapses then.
    pub expire_time: Option<Timestamp>,
    /// The lesson's; raised by time, place and status.
    pub schedule_version: i64,
    /// The reader's seats in it; `None` when they have none.
    pub seats: Option<Seats>,
    /// When it changed last for the reader.
    pub update_time: Timestamp,
    /// Whether the reader teaches it.
    pub teaches: bool,
    /// The teacher's name, or the one student's; may be empty.
    pub counterpart: String,
    /// Of a group's lesson; otherwise empty.
    pub group_title: String,
    /// May be empty.
    pub meeting_url: String,
}

/// A student's seats in one lesson, those that were given up included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seats {
    /// The sum of their versions.
    pub versions: i64,
    /// One of them keeps its place.
    pub living: bool,
    /// That one is to be confirmed anew.
    pub reconfirm: bool,
}

impl Entry {
    /// SEQUENCE (RFC 5545, 3.8.7.4): never falls, and rises with whatever the reader's
    /// calendar shows.
    #[must_use]
    pub fn sequence(&self) -> i64 {
        // A first seat is there with the entry.
        let seats = self.seats.map_or(0, |seats| seats.versions - 1);
        self.schedule_version - 1 + seats
    }

    /// STATUS, for the reader.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> pb::CalendarEntryState {
        let has_run_out = self.expire_time.is_some_and(|expire| expire <= now);
        let comes = self.teaches || self.seats.is_some_and(|seats| seats.living);
        match self.status {
            LessonStatus::Scheduled if !comes => pb::CalendarEntryState::Canceled,
            LessonStatus::Scheduled if self.seats.is_some_and(|seats| seats.reconfirm) => {
                pb::CalendarEntryState::Tentative
            }
            LessonStatus::Scheduled => pb::CalendarEntryState::Confirmed,
            LessonStatus::Held | LessonStatus::Requested if comes && !has_run_out => {
                pb::CalendarEntryState::Tentative
            }
            LessonStatus::Held
            | LessonStatus::Requested
            | LessonStatus::Canceled
            | LessonStatus::Declined
            | LessonStatus::Lapsed => pb::CalendarEntryState::Canceled,
        }
    }

    /// The contract's message.
    #[must_use]
    pub fn into_message(self, now: Timestamp) -> pb::CalendarEntry {
        pb::CalendarEntry {
            lesson_id: self.lesson.to_string(),
            sequence: self.sequence(),
            start_time: Some(olm_proto::timestamp(self.during.start)),
            end_time: Some(olm_proto::timestamp(self.during.end)),
            state: self.state(now).into(),
            update_time: Some(olm_proto::timestamp(self.update_time)),
            teaches: self.teaches,
            counterpart_name: self.counterpart,
            group_title: self.group_title,
            meeting_url: self.meeting_url,
        }
    }
}

impl From<Feed> for pb::CalendarFeed {
    fn from(feed: Feed) -> Self {
        Self {
            id: feed.id.to_string(),
            create_time: Some(olm_proto::timestamp(feed.create_time)),
            revoke_time: feed.revoke_time.map(olm_proto::timestamp),
        }
    }
}

#[cfg(test)]
mod tests {
    use pb::CalendarEntryState::{Canceled, Confirmed, Tentative};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn entry(status: LessonStatus, seats: Option<Seats>) -> Entry {
        Entry {
            lesson: LessonId(uuid::Uuid::from_u128(1)),
            during: Stretch {
                start: at("2026-06-01T12:00:00Z"),
                end: at("2026-06-01T13:00:00Z"),
            },
            status,
            expire_time: (status == LessonStatus::Requested).then(|| at("2026-06-01T10:00:00Z")),
            schedule_version: 3,
            seats,
            update_time: at("2026-05-01T00:00:00Z"),
            teaches: seats.is_none(),
            counterpart: String::new(),
            group_title: String::new(),
            meeting_url: String::new(),
        }
    }

    #[test]
    fn an_entry_stands_as_the_readers_own_seat_does() {
        let seats = |living, reconfirm| {
            Some(Seats {
                versions: 2,
                living,
                reconfirm,
            })
        };
        let now = at("2026-06-01T09:00:00Z");
        for (status, seats, state) in [
            (LessonStatus::Scheduled, None, Confirmed),
            (LessonStatus::Scheduled, seats(true, false), Confirmed),
            (LessonStatus::Scheduled, seats(true, true), Tentative),
            (LessonStatus::Scheduled, seats(false, false), Canceled),
            (LessonStatus::Requested, seats(true, false), Tentative),
            (LessonStatus::Requested, None, Tentative),
            (LessonStatus::Canceled, None, Canceled),
            (LessonStatus::Declined, seats(false, false), Canceled),
            (LessonStatus::Lapsed, None, Canceled),
        ] {
            assert_eq!(
                entry(status, seats).state(now),
                state,
                "{status:?} {seats:?}"
            );
        }
        let requested = entry(LessonStatus::Requested, None);
        assert_eq!(requested.state(at("2026-06-01T10:00:00Z")), Canceled);
    }

    #[test]
    fn a_sequence_begins_at_0_and_counts_lesson_and_own_seats() {
        let mut first = entry(LessonStatus::Scheduled, None);
        first.schedule_version = 1;
        assert_eq!(first.sequence(), 0);
        let seat = |versions| {
            Some(Seats {
                versions,
                living: true,
                reconfirm: false,
            })
        };
        first.seats = seat(1);
        assert_eq!(first.sequence(), 0);
        first.seats = seat(2);
        assert_eq!(first.sequence(), 1);
        first.schedule_version = 4;
        assert_eq!(first.sequence(), 4);
    }
}
