//! What one person is told of a lesson, reminders apart.

use super::{
    Content, Due, Key, Kind, Lane, LessonNotice, LessonRole, LessonState, Part, Planned, Reader,
    Snapshot, Timestamp, Told, content,
};

/// Planning for one person.
pub(super) struct Telling<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) part: Part,
    pub(super) reader: &'a Reader,
    /// What this person was told in this part.
    pub(super) told: Vec<&'a Told>,
    /// What everybody was told.
    pub(super) all_told: &'a [Told],
    pub(super) now: Timestamp,
}

/// What is announced at once.
struct News {
    kind: Kind,
    due: Due,
    /// Where the lesson was, as far as the reader knows.
    previous: Option<LessonNotice>,
}

impl News {
    fn of(kind: Kind) -> Self {
        Self {
            kind,
            due: Due::AtOnce,
            previous: None,
        }
    }
}

/// When the lesson is, by a notice.
fn times(notice: &LessonNotice) -> [Option<prost_types::Timestamp>; 2] {
    [notice.start_time, notice.end_time]
}

impl<'a> Telling<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        part: Part,
        reader: &'a Reader,
        told: &'a [Told],
        now: Timestamp,
    ) -> Self {
        let mine = |told: &&Told| told.user_id == part.user_id && told.key.subject == part.subject;
        Self {
            told: told.iter().filter(mine).collect(),
            all_told: told,
            snapshot,
            part,
            reader,
            now,
        }
    }

    /// Every row that should exist.
    pub(super) fn rows(&self) -> Vec<Planned> {
        let mut rows = match self.snapshot.state {
            LessonState::Declined => self.ending(Kind::Declined).into_iter().collect(),
            LessonState::Lapsed => self.ending(Kind::Lapsed).into_iter().collect(),
            LessonState::Canceled => self.cancellation().into_iter().collect(),
            LessonState::Requested | LessonState::Scheduled | LessonState::Unspecified => {
                self.taking_place()
            }
        };
        if self.part.role == LessonRole::Teacher {
            rows.extend(self.unreachable_students());
            rows.extend(self.students_left());
        }
        rows
    }

    fn taking_place(&self) -> Vec<Planned> {
        if self.part.canceled {
            return self.cancellation().into_iter().collect();
        }
        let reminders = if self.snapshot.state == LessonState::Requested || self.asked().is_some() {
            Vec::new()
        } else {
            self.reminders()
        };
        let announcement = self.announcement(!reminders.is_empty());
        announcement.into_iter().chain(reminders).collect()
    }

    /// Until when a student whose seat clashes with another lesson of theirs is asked
    /// whether they come.
    fn asked(&self) -> Option<Timestamp> {
        self.part.seat.and_then(|seat| seat.reconfirm)
    }

    /// Whether the last change of the lesson is told with its series. A seat that was
    /// not taken with the series may be somebody's who is told nothing of the series.
    pub(super) fn with_series(&self) -> bool {
        self.snapshot.with_series && self.part.seat.is_none_or(|seat| seat.with_series)
    }

    pub(super) fn key(&self, kind: Kind, lead_s: i64) -> Key {
        Key {
            kind,
            subject: self.part.subject,
            schedule_version: self.snapshot.schedule_version,
            lead_s,
        }
    }

    pub(super) fn has(&self, key: Key) -> bool {
        self.told.iter().any(|told| told.key == key)
    }

    pub(super) fn planned(&self, key: Key, lane: Lane, due: Due, notice: LessonNotice) -> Planned {
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

    pub(super) fn notice(&self, kind: Kind) -> LessonNotice {
        LessonNotice {
            kind: kind.notice().into(),
            lesson_id: self.snapshot.lesson_id.to_string(),
            lesson_version: self.snapshot.version,
            start_time: Some(olm_proto::timestamp(self.snapshot.start)),
            end_time: Some(olm_proto::timestamp(self.snapshot.end)),
            reader_role: self.part.role.into(),
            meeting_url: self.snapshot.meeting_url.clone(),
            no_counterpart: self.part.counterpart_id.is_none(),
            group_title: self.snapshot.group_title.clone(),
            ..LessonNotice::default()
        }
    }

    /// What the reader learned last, of schedules up to this one.
    pub(super) fn learned(&self, schedule_version: i64) -> Option<&'a Told> {
        let reached = self.told.iter().filter(|told| {
            told.reached()
                && told.key.schedule_version <= schedule_version
                // An end has no words any more when who gave its reason was erased.
                && (told.key.kind.ends() || told.notice.start_time.is_some())
        });
        // An end is the last word on its schedule.
        let order = |told: &&Told| (told.key.schedule_version, told.key.kind.ends());
        reached.copied().max_by_key(order)
    }

    /// As [`Self::learned`], when that was that the lesson takes place.
    fn known(&self, schedule_version: i64) -> Option<&'a Told> {
        self.learned(schedule_version)
            .filter(|told| !told.key.kind.ends())
    }

    fn announcement(&self, reminder_follows: bool) -> Option<Planned> {
        let this = self.snapshot.schedule_version;
        let news = |told: &&&Told| {
            told.key.kind.announces()
                && told.key.schedule_version == this
                && (told.key.kind == Kind::Reconfirm || self.asked().is_none())
        };
        if let Some(told) = self.told.iter().filter(news).find(|told| told.reached()) {
            return Some(self.again(told));
        }
        let news = self.told_with_series(self.news(self.known(this - 1))?);
        let key = self.key(news.kind, 0);
        // Of a lesson that is over there is nothing to say; what waits stays.
        if self.snapshot.end <= self.now && !self.has(key) {
            return None;
        }
        let mut notice = self.notice(news.kind);
        match news.kind {
            Kind::Booked | Kind::Confirmed => notice.reminder_follows = reminder_follows,
            Kind::Moved | Kind::PlaceChanged => {
                notice.changed_by = self.author(news.kind).into();
                notice.request = self.snapshot.state == LessonState::Requested;
            }
            Kind::Requested
            | Kind::Custom
            | Kind::Reminder
            | Kind::Canceled
            | Kind::Declined
            | Kind::Lapsed
            | Kind::StudentUnreachable
            | Kind::Reconfirm
            | Kind::SeatFreed
            | Kind::StudentLeft
            | Kind::SeriesBooked
            | Kind::SeriesChanged
            | Kind::SeriesCanceled
            | Kind::SeriesSkipped
            | Kind::ClockShifts => {}
        }
        if let Some(previous) = news.previous {
            notice.previous_start_time = previous.start_time;
            notice.previous_end_time = previous.end_time;
        }
        let lapses = match self.snapshot.state {
            LessonState::Requested => self.snapshot.expires_at,
            LessonState::Scheduled
            | LessonState::Unspecified
            | LessonState::Canceled
            | LessonState::Declined
            | LessonState::Lapsed => self.asked(),
        };
        notice.expire_time = lapses.map(olm_proto::timestamp);
        let mut planned = self.planned(key, Lane::Interactive, news.due, notice);
        planned.expires_at = lapses;
        Some(planned)
    }

    /// What was done with the whole series is known of it. What is asked of one student is
    /// not, nor that they are no longer asked, nor what they answered themselves.
    fn told_with_series(&self, mut news: News) -> News {
        let this = self.snapshot.schedule_version;
        let was_asked = |told: &Told| told.key.kind == Kind::Reconfirm;
        let answered = self
            .told
            .iter()
            .any(|told| was_asked(told) && told.key.schedule_version == this);
        let asked_before = self.known(this - 1).is_some_and(was_asked);
        let silent = self.with_series() && !asked_before || answered;
        if silent && news.kind != Kind::Reconfirm {
            news.due = Due::Never;
        }
        news
    }

    /// Who made a change that is told: whoever made this schedule, unless it was made
    /// before and had not reached the reader yet; unspecified when that is not known.
    fn author(&self, kind: Kind) -> LessonRole {
        let this = self.snapshot.schedule_version;
        let now = self.notice(kind);
        let same = |told: &Told| {
            if kind == Kind::Moved {
                times(&now) == times(&told.notice)
            } else {
                now.meeting_url == told.notice.meeting_url
            }
        };
        let of = |version| {
            self.told.iter().filter(move |told| {
                told.key.schedule_version == version && told.notice.start_time.is_some()
            })
        };
        let as_told = of(this)
            .chain(of(this - 1))
            .find(|told| told.key.kind == kind && same(told));
        match as_told {
            Some(told) => told.notice.changed_by(),
            None if of(this - 1).any(|told| !same(told)) => self.snapshot.changed_by,
            None => LessonRole::Unspecified,
        }
    }

    /// What was told, as it was.
    pub(super) fn again(&self, told: &Told) -> Planned {
        let notice = LessonNotice {
            lesson_version: self.snapshot.version,
            ..told.notice.clone()
        };
        self.planned(told.key, Lane::Interactive, Due::AtOnce, notice)
    }

    /// What this schedule is to somebody who learned `known` of the ones before.
    fn news(&self, known: Option<&Told>) -> Option<News> {
        if self.asked().is_some() {
            return Some(self.question(known));
        }
        let Some(known) = known else {
            return Some(News::of(match self.snapshot.state {
                LessonState::Requested => Kind::Requested,
                LessonState::Scheduled
                | LessonState::Unspecified
                | LessonState::Canceled
                | LessonState::Declined
                | LessonState::Lapsed => Kind::Booked,
            }));
        };
        let change = self.change(known);
        if self.snapshot.state == LessonState::Requested {
            return match self.part.role {
                // Decided from the message, so it asks again.
                LessonRole::Teacher => change.map(|_| News::of(Kind::Requested)),
                LessonRole::Student | LessonRole::Admin | LessonRole::Unspecified => change,
            };
        }
        if !self.knows_a_request_only() {
            return change;
        }
        match self.part.role {
            LessonRole::Student => Some(News::of(Kind::Confirmed)),
            LessonRole::Teacher | LessonRole::Admin | LessonRole::Unspecified => {
                self.decided(change)
            }
        }
    }

    /// What a teacher who knows of a request is told of its confirmation: nothing when
    /// it was their own.
    fn decided(&self, change: Option<News>) -> Option<News> {
        let untold = self.told.iter().any(|told| told.key.kind == Kind::Booked);
        if untold {
            return Some(News::of(Kind::Booked));
        }
        change.or_else(|| {
            let mut news = News::of(Kind::Booked);
            if self.snapshot.changed_by != LessonRole::Admin {
                news.due = Due::Never;
            }
            Some(news)
        })
    }

    /// Whether everything the reader learned is that the lesson is asked for.
    fn knows_a_request_only(&self) -> bool {
        let this = self.snapshot.schedule_version;
        let reached = || {
            self.told
                .iter()
                .filter(|told| told.reached() && told.key.schedule_version < this)
        };
        reached().any(|told| told.key.kind == Kind::Requested)
            && !reached().any(|told| {
                matches!(
                    told.key.kind,
                    Kind::Booked | Kind::Confirmed | Kind::Reminder
                )
            })
    }

    /// Whether they come to a lesson that was elsewhere in time as far as they know.
    fn question(&self, known: Option<&Told>) -> News {
        let same = |told: &Told| times(&self.notice(told.key.kind)) == times(&told.notice);
        let previous = known.map(|told| {
            let asked = told.key.kind == Kind::Reconfirm && same(told);
            let mut notice = told.notice.clone();
            if asked {
                notice.start_time = told.notice.previous_start_time;
                notice.end_time = told.notice.previous_end_time;
            }
            notice
        });
        News {
            previous,
            ..News::of(Kind::Reconfirm)
        }
    }

    fn change(&self, known: &Told) -> Option<News> {
        let now = self.notice(known.key.kind);
        if times(&now) != times(&known.notice) {
            return Some(News {
                previous: Some(known.notice.clone()),
                ..News::of(Kind::Moved)
            });
        }
        (now.meeting_url != known.notice.meeting_url).then(|| News::of(Kind::PlaceChanged))
    }
}
