//! What one person is told of a lesson, reminders apart.

use super::{
    Content, Due, Key, Kind, Lane, LessonNotice, LessonRole, LessonState, Part, Planned, Reader,
    Snapshot, State, Subject, Timestamp, Told, content,
};

/// Planning for one person.
pub(super) struct Telling<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) part: Part,
    pub(super) reader: &'a Reader,
    /// What this person was told in this part.
    pub(super) told: Vec<&'a Told>,
    /// What everybody was told.
    all_told: &'a [Told],
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
        }
        rows
    }

    fn taking_place(&self) -> Vec<Planned> {
        if self.part.canceled {
            return self.cancellation().into_iter().collect();
        }
        let reminders = if self.snapshot.state == LessonState::Requested {
            Vec::new()
        } else {
            self.reminders()
        };
        let announcement = self.announcement(!reminders.is_empty());
        announcement.into_iter().chain(reminders).collect()
    }

    pub(super) fn key(&self, kind: Kind, lead_s: i64) -> Key {
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
            ..LessonNotice::default()
        }
    }

    /// What the reader learned last, of schedules up to this one.
    fn learned(&self, schedule_version: i64) -> Option<&'a Told> {
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
        let news = |told: &&&Told| told.key.kind.announces() && told.key.schedule_version == this;
        if let Some(told) = self.told.iter().filter(news).find(|told| told.reached()) {
            return Some(self.again(told));
        }
        let news = self.news(self.known(this - 1))?;
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
            | Kind::StudentUnreachable => {}
        }
        if let Some(previous) = news.previous {
            notice.previous_start_time = previous.start_time;
            notice.previous_end_time = previous.end_time;
        }
        let lapses = self
            .snapshot
            .expires_at
            .filter(|_| self.snapshot.state == LessonState::Requested);
        notice.expire_time = lapses.map(olm_proto::timestamp);
        let mut planned = self.planned(key, Lane::Interactive, news.due, notice);
        planned.expires_at = lapses;
        Some(planned)
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

    /// That the lesson is off: to whoever knew of it, and to a student who came by it on
    /// another way than our messages.
    fn cancellation(&self) -> Option<Planned> {
        let key = self.key(Kind::Canceled, 0);
        let tells = match self.learned(self.snapshot.schedule_version) {
            Some(told) => !told.key.kind.ends(),
            None => self.may_count_on_it(),
        };
        if !tells && !self.has(key) {
            return None;
        }
        let notice = LessonNotice {
            changed_by: self.snapshot.changed_by.into(),
            cancel_reason: self.snapshot.cancel_reason.clone(),
            request: self.was_a_request(),
            ..self.notice(Kind::Canceled)
        };
        Some(self.planned(key, Lane::Interactive, Due::AtOnce, notice))
    }

    /// Whether what is cancelled was never accepted. What the first cancellation said of
    /// it stays, for the rows that it stands on go with it.
    fn was_a_request(&self) -> bool {
        let of = |kinds: &[Kind]| {
            let found = self.told.iter().find(|told| kinds.contains(&told.key.kind));
            found.map(|told| &told.notice)
        };
        match of(&[Kind::Canceled]) {
            Some(canceled) => canceled.request,
            None => {
                of(&[Kind::Requested]).is_some()
                    && of(&[Kind::Booked, Kind::Confirmed, Kind::Reminder]).is_none()
            }
        }
    }

    /// Whether a student whom no message reached may come all the same: something was
    /// announced to them, they did not give it up themselves, and it is not over.
    fn may_count_on_it(&self) -> bool {
        let gave_up =
            |told: &&Told| told.key.kind.ends() && told.notice.changed_by() == LessonRole::Student;
        self.part.role == LessonRole::Student
            && self.snapshot.end > self.now
            && self.snapshot.changed_by != LessonRole::Student
            && self
                .told
                .iter()
                .any(|told| told.key.kind.announces() || told.key.kind.ends())
            && !self.told.iter().any(gave_up)
    }

    /// What became of a request: to its student always, for they wait for it; that it
    /// was declined not to its teacher, who did so.
    fn ending(&self, kind: Kind) -> Option<Planned> {
        if kind == Kind::Declined && self.part.role == LessonRole::Teacher {
            return None;
        }
        let key = self.key(kind, 0);
        let over = self.snapshot.end <= self.now;
        let ended_before = self
            .learned(self.snapshot.schedule_version - 1)
            .is_some_and(|told| told.key.kind.ends());
        if ended_before || over && !self.has(key) {
            return None;
        }
        let notice = LessonNotice {
            changed_by: self.snapshot.changed_by.into(),
            cancel_reason: self.snapshot.cancel_reason.clone(),
            ..self.notice(kind)
        };
        Some(self.planned(key, Lane::Interactive, Due::AtOnce, notice))
    }

    /// To the teacher, once per seat and schedule: what was due to its student about
    /// this lesson could not be delivered.
    fn unreachable_students(&self) -> impl Iterator<Item = Planned> + '_ {
        let ahead = self.snapshot.start > self.now;
        let own_doing = self.snapshot.changed_by == LessonRole::Student;
        let off = self.snapshot.state == LessonState::Canceled;
        let seats = self.snapshot.seats.iter().filter(move |seat| {
            // Who gave it up themselves need not be told.
            ahead && !(own_doing && (off || seat.canceled))
        });
        seats.filter_map(|seat| {
            let subject = Subject::Booking(seat.booking_id);
            let schedule_version = self.snapshot.schedule_version;
            let failed = self.all_told.iter().any(|told| {
                told.user_id == seat.student_id
                    && told.key.subject == subject
                    && told.key.schedule_version == schedule_version
                    && told.state == State::Failed
                    && told.gone
            });
            if !failed {
                return None;
            }
            let key = Key {
                kind: Kind::StudentUnreachable,
                subject,
                schedule_version,
                lead_s: 0,
            };
            let state = if seat.canceled {
                LessonState::Canceled
            } else {
                self.snapshot.state
            };
            let notice = LessonNotice {
                state: state.into(),
                no_counterpart: false,
                ..self.notice(Kind::StudentUnreachable)
            };
            let mut planned = self.planned(key, Lane::Interactive, Due::AtOnce, notice);
            planned.counterpart_id = Some(seat.student_id);
            planned.expires_at = Some(self.snapshot.start);
            Some(planned)
        })
    }
}
