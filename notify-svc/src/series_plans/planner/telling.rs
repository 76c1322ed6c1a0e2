//! What one person is told of a series.

use jiff::{Span, Timestamp, tz::TimeZone};
use olm_proto::notify::v1::{LessonRole, SeriesNotice};
use uuid::Uuid;

use super::{Due, Key, Kind, Lane, Planned, Snapshot, State, Told};

/// Planning for one person.
pub(super) struct Telling<'a> {
    snapshot: &'a Snapshot,
    user_id: Uuid,
    role: LessonRole,
    /// False for somebody who was in it.
    takes_part: bool,
    /// What this person was told.
    told: Vec<&'a Told>,
    now: Timestamp,
}

/// What is announced at once.
struct News {
    kind: Kind,
    due: Due,
    notice: SeriesNotice,
}

fn instant(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    time.and_then(olm_proto::instant)
}

/// When the last lesson starts, as somebody who was told this knows.
fn last_of(told: &Told) -> Option<Timestamp> {
    if told.key.kind == Kind::SeriesCanceled {
        return instant(told.notice.previous_start_time.as_ref());
    }
    instant(told.notice.last_start_time.as_ref())
}

/// The first start after `now` by a pattern that somebody was told; `None` when that was
/// to end before.
fn next_of(told: &Told, now: Timestamp) -> Option<Timestamp> {
    let last = last_of(told);
    start_after(told, now).filter(|at| last.is_none_or(|last| *at <= last))
}

fn start_after(told: &Told, now: Timestamp) -> Option<Timestamp> {
    let notice = &told.notice;
    let start = instant(notice.start_time.as_ref())?;
    // What is named is the next lesson, or a later one that is off.
    if start > now && told.key.kind != Kind::SeriesCanceled {
        return Some(start);
    }
    let period_s = i64::from(notice.every_weeks.max(1)) * 7 * 24 * 3600;
    // A clock change may make a period shorter or longer.
    let first = (now.as_second() - start.as_second()).div_euclid(period_s) - 1;
    (first..first + 4)
        .filter_map(|n| nth_after(start, n, &notice.time_zone, notice.every_weeks))
        .find(|at| *at > now)
}

/// The start `n` lessons after `start` on the wall clock of a zone.
fn nth_after(start: Timestamp, n: i64, time_zone: &str, every_weeks: i32) -> Option<Timestamp> {
    let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
    let weeks = Span::new().try_weeks(n * i64::from(every_weeks.max(1)));
    let shown = start.to_zoned(zone.clone()).datetime();
    let shown = shown.checked_add(weeks.ok()?).ok()?;
    zone.to_ambiguous_timestamp(shown).compatible().ok()
}

impl<'a> Telling<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        user_id: Uuid,
        told: &'a [Told],
        now: Timestamp,
    ) -> Self {
        let teaches = user_id == snapshot.teacher_id;
        Self {
            snapshot,
            user_id,
            role: if teaches {
                LessonRole::Teacher
            } else {
                LessonRole::Student
            },
            takes_part: teaches || snapshot.student_ids.contains(&user_id),
            told: told
                .iter()
                .filter(|told| told.key.user_id == user_id)
                .collect(),
            now,
        }
    }

    /// Every row that should exist.
    pub(super) fn rows(&self) -> Vec<Planned> {
        let mut rows: Vec<_> = self.announcement().into_iter().collect();
        if self.takes_part && !self.snapshot.canceled {
            rows.extend(self.unbooked());
            rows.extend(self.shift());
            rows.extend(self.left());
        }
        rows
    }

    /// What the reader learned last of the whole.
    fn learned(&self) -> Option<&'a Told> {
        let reached = self.told.iter().filter(|told| {
            // An announcement without a start lost its words with its reader.
            told.announces() && told.reached() && told.notice.start_time.is_some()
        });
        reached.copied().max_by_key(|told| told.order())
    }

    fn announcement(&self) -> Option<Planned> {
        let Some(news) = self.news() else {
            // What is being sent ends as it began.
            let told = self.learned().filter(|told| told.in_flight())?;
            return Some(self.planned(told.key, Due::AtOnce, told.notice.clone()));
        };
        Some(self.planned(self.key(news.kind), news.due, news.notice))
    }

    /// What is new to the reader.
    fn news(&self) -> Option<News> {
        let known = self.learned().filter(|told| !told.ends());
        if self.snapshot.canceled || !self.takes_part {
            return self.end(known);
        }
        // Nothing is ahead.
        self.snapshot.plan.first?;
        let Some(known) = known else {
            return Some(self.booked());
        };
        // The last lesson moves by itself when it is not booked.
        if known.key.schedule_version >= self.snapshot.schedule_version {
            return None;
        }
        if self.differs(&known.notice) {
            return Some(self.changed(known));
        }
        let (last, known_last) = self.snapshot.plan.last.zip(last_of(known))?;
        match last.cmp(&known_last) {
            std::cmp::Ordering::Greater => Some(self.changed(known)),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Less => Some(self.shorter(last, known_last)),
        }
    }

    /// Whether hour, rhythm, length or place are not as a notice says.
    fn differs(&self, told: &SeriesNotice) -> bool {
        let plan = &self.snapshot.plan;
        let length = instant(told.start_time.as_ref())
            .zip(instant(told.end_time.as_ref()))
            .map(|(start, end)| end.duration_since(start));
        told.time_zone != plan.time_zone
            || told.day_of_week != plan.day_of_week
            || told.start_time_of_day != plan.start_time_of_day
            || told.every_weeks != plan.every_weeks
            || told.meeting_url != plan.meeting_url
            || length != Some(plan.length)
    }

    fn booked(&self) -> News {
        News {
            kind: Kind::SeriesBooked,
            due: Due::AtOnce,
            notice: self.ahead(Kind::SeriesBooked),
        }
    }

    fn changed(&self, known: &Told) -> News {
        // Of several changes nobody knows which one is told.
        let one = known.key.schedule_version + 1 == self.snapshot.schedule_version;
        let by = if one {
            self.snapshot.changed_by
        } else {
            LessonRole::Unspecified
        };
        let notice = SeriesNotice {
            previous_start_time: next_of(known, self.now).map(olm_proto::timestamp),
            changed_by: by.into(),
            ..self.ahead(Kind::SeriesChanged)
        };
        News {
            kind: Kind::SeriesChanged,
            due: Due::AtOnce,
            notice,
        }
    }

    /// Its end is off: `last` is the last lesson now, `known_last` the last that was.
    fn shorter(&self, last: Timestamp, known_last: Timestamp) -> News {
        let plan = &self.snapshot.plan;
        let from = self.snapshot.canceled_from.filter(|from| *from > last);
        // Some of what the last cancellation took away was given back.
        let next = || nth_after(last, 1, &plan.time_zone, plan.every_weeks);
        let from = from.or_else(next).unwrap_or(known_last);
        let notice = SeriesNotice {
            last_start_time: Some(olm_proto::timestamp(known_last)),
            previous_start_time: Some(olm_proto::timestamp(last)),
            ..self.off(from)
        };
        News {
            kind: Kind::SeriesCanceled,
            due: Due::AtOnce,
            notice,
        }
    }

    /// Nothing of it is left for the reader: to whoever knew of it, and to a student who
    /// may have seen elsewhere what was to be told to them. `None`: they know, or never
    /// knew.
    fn end(&self, known: Option<&Told>) -> Option<News> {
        let untold = || self.learned().is_none() && self.may_count_on_it();
        if known.is_none() && !untold() {
            return None;
        }
        let announced = || self.told.iter().copied().filter(|told| told.announces());
        let told = known.or_else(|| announced().max_by_key(|told| told.order()))?;
        let next = || {
            let waits = told
                .ends()
                .then(|| instant(told.notice.start_time.as_ref()));
            waits.unwrap_or_else(|| next_of(told, self.now))
        };
        // Taken out of its group, or gone: the series goes on.
        let goes_on = !self.snapshot.canceled;
        let from = if goes_on {
            next()?
        } else {
            self.snapshot.canceled_from.or_else(next)?
        };
        let last = last_of(told).or_else(|| instant(told.notice.last_start_time.as_ref()));
        let mut notice = SeriesNotice {
            last_start_time: last.map(olm_proto::timestamp),
            ..self.off(from)
        };
        let mut due = Due::AtOnce;
        if goes_on {
            notice.changed_by = LessonRole::Unspecified.into();
            notice.cancel_reason.clear();
            if self.snapshot.left == Some(self.user_id) {
                due = Due::Never;
            }
        }
        Some(News {
            kind: Kind::SeriesCanceled,
            due,
            notice,
        })
    }

    fn may_count_on_it(&self) -> bool {
        let own_doing = self.snapshot.left == Some(self.user_id)
            || self.snapshot.canceled && self.snapshot.changed_by == LessonRole::Student;
        self.role == LessonRole::Student
            && !own_doing
            && self.told.iter().any(|told| told.announces())
    }

    /// The key of an announcement that is new to the reader: that of one that did not
    /// reach them, if there is one.
    fn key(&self, kind: Kind) -> Key {
        let schedule_version = self.snapshot.schedule_version;
        let learned = self.learned().map(Told::order);
        let mine = || {
            self.told
                .iter()
                .filter(|told| told.announces() && told.key.schedule_version == schedule_version)
        };
        let unlearned = mine()
            .filter(|told| told.key.kind == kind && Some(told.order()) > learned)
            .max_by_key(|told| told.key.edition);
        if let Some(told) = unlearned {
            return told.key;
        }
        let again = mine().any(|told| told.reached());
        Key {
            kind,
            series_id: self.snapshot.series_id,
            user_id: self.user_id,
            schedule_version,
            start_s: None,
            edition: if again { self.snapshot.version } else { 0 },
        }
    }

    /// The key of what is told of one start, whatever schedule it was told under.
    fn key_of(&self, kind: Kind, start: Timestamp) -> Key {
        let start_s = Some(start.as_second());
        let known = self.told.iter().map(|told| told.key);
        let known = known.filter(|key| key.kind == kind && key.start_s == start_s);
        known.max().unwrap_or(Key {
            kind,
            series_id: self.snapshot.series_id,
            user_id: self.user_id,
            schedule_version: self.snapshot.schedule_version,
            start_s,
            edition: 0,
        })
    }

    /// To the teacher: which occurrences ahead were not booked, each once.
    fn unbooked(&self) -> impl Iterator<Item = Planned> + '_ {
        let teaches = self.role == LessonRole::Teacher;
        let starts = self.snapshot.unbooked.iter().copied();
        starts
            .filter(move |start| teaches && *start > self.now)
            .map(|start| {
                let kind = Kind::SeriesSkipped;
                let notice = self.starting(kind, start);
                let mut planned = self.planned(self.key_of(kind, start), Due::AtOnce, notice);
                planned.expires_at = Some(start);
                planned
            })
    }

    /// To whose clock shifts, once. In quiet hours it comes without a sound.
    fn shift(&self) -> Option<Planned> {
        let mut shifts = self.snapshot.shifts.iter();
        let mine = shifts.find(|shift| shift.user_id == self.user_id && shift.start > self.now)?;
        let notice = SeriesNotice {
            previous_start_time: Some(olm_proto::timestamp(mine.previous)),
            ..self.starting(Kind::ClockShifts, mine.start)
        };
        let key = self.key_of(Kind::ClockShifts, mine.start);
        let mut planned = self.planned(key, Due::AtOnce, notice);
        planned.lane = Lane::Reminder;
        planned.expires_at = Some(mine.start);
        Some(planned)
    }

    /// To the teacher: who left the group. What was told of one who left before stays.
    fn left(&self) -> Vec<Planned> {
        if self.role != LessonRole::Teacher {
            return Vec::new();
        }
        let mut rows: Vec<_> = self
            .told
            .iter()
            .filter(|told| told.key.kind == Kind::StudentLeft)
            .filter(|told| told.state == State::Pending || told.in_flight())
            .map(|told| Planned {
                counterpart_id: told.counterpart_id,
                ..self.planned(told.key, Due::AtOnce, told.notice.clone())
            })
            .collect();
        let key = Key {
            kind: Kind::StudentLeft,
            series_id: self.snapshot.series_id,
            user_id: self.user_id,
            schedule_version: self.snapshot.schedule_version,
            start_s: None,
            edition: self.snapshot.version,
        };
        let untold = self.told.iter().all(|told| told.key != key);
        let left = self.snapshot.left.zip(self.snapshot.plan.first);
        if let Some((student, next)) = left.filter(|_| untold) {
            let notice = SeriesNotice {
                changed_by: LessonRole::Student.into(),
                no_counterpart: false,
                ..self.starting(Kind::StudentLeft, next)
            };
            rows.push(Planned {
                counterpart_id: Some(student),
                ..self.planned(key, Due::AtOnce, notice)
            });
        }
        rows
    }

    fn planned(&self, key: Key, due: Due, notice: SeriesNotice) -> Planned {
        Planned {
            key,
            lane: Lane::Interactive,
            due,
            expires_at: None,
            notice,
            counterpart_id: self.counterpart(),
        }
    }

    /// The one other side; a group has a title instead.
    fn counterpart(&self) -> Option<Uuid> {
        if self.role == LessonRole::Student {
            return Some(self.snapshot.teacher_id);
        }
        match self.snapshot.student_ids.as_slice() {
            [only] if self.snapshot.group_title.is_empty() => Some(*only),
            _ => None,
        }
    }

    /// The whole of what is ahead.
    fn ahead(&self, kind: Kind) -> SeriesNotice {
        let plan = &self.snapshot.plan;
        SeriesNotice {
            last_start_time: plan.last.map(olm_proto::timestamp),
            lesson_count: plan.lesson_count,
            ..self.starting(kind, plan.first.unwrap_or_default())
        }
    }

    /// What is off from `from` on; how many lessons that are nobody says.
    fn off(&self, from: Timestamp) -> SeriesNotice {
        SeriesNotice {
            changed_by: self.snapshot.changed_by.into(),
            cancel_reason: self.snapshot.cancel_reason.clone(),
            ..self.starting(Kind::SeriesCanceled, from)
        }
    }

    fn starting(&self, kind: Kind, start: Timestamp) -> SeriesNotice {
        let plan = &self.snapshot.plan;
        let end = start.saturating_add(plan.length).unwrap_or(start);
        SeriesNotice {
            kind: kind.notice().into(),
            series_id: self.snapshot.series_id.to_string(),
            reader_role: self.role.into(),
            group_title: self.snapshot.group_title.clone(),
            time_zone: plan.time_zone.clone(),
            day_of_week: plan.day_of_week,
            start_time_of_day: plan.start_time_of_day.clone(),
            every_weeks: plan.every_weeks,
            start_time: Some(olm_proto::timestamp(start)),
            end_time: Some(olm_proto::timestamp(end)),
            meeting_url: plan.meeting_url.clone(),
            no_counterpart: self.counterpart().is_none(),
            ..SeriesNotice::default()
        }
    }
}
