//! Writing what a change of a series does.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::PgConnection;

use super::planning::Plan;
use crate::{
    availability::{
        slots::{Bookable, Stretch},
        store::busy::{self, Asked},
        stretches::Stretches,
    },
    errors::Error,
    ids::{LessonId, SeriesId, UserId},
    lessons::{
        Acting, Lesson,
        changes::Changed,
        lapsing, recording,
        rules::{self, Action, Next},
        seats,
        store::Way,
    },
    series::{
        Kept, LastChange, Series,
        busy::span,
        canceling::canceled_from,
        change::Change,
        creating::skip,
        deciding::Decision,
        materialising::{self, Maker, horizon, is_near},
        store, telling,
    },
    state::State,
    teachers::Teacher,
};

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// What became of lessons, in order.
    pub changed: Vec<Changed>,
    /// The lessons that stayed where they were, by start.
    pub kept: Vec<LessonId>,
    /// Whether the series changed.
    pub written: bool,
}

impl Done {
    /// The lessons of the series that changed, each once, by start.
    #[must_use]
    pub fn changed_ids(&self, series: SeriesId) -> Vec<String> {
        let changed = self.changed.iter().map(|changed| &changed.lesson);
        let own = changed.filter(|lesson| lesson.series.is_some_and(|of| of.id == series));
        let last: BTreeMap<_, _> = own.map(|lesson| (lesson.id, lesson.time.during)).collect();
        let mut ids: Vec<_> = last.into_iter().map(|(id, during)| (during, id)).collect();
        ids.sort_unstable();
        ids.iter().map(|(_, id)| id.to_string()).collect()
    }
}

/// Clears the way of all that a change may move or book: what has run out there lapses.
///
/// # Errors
///
/// When the database fails.
pub async fn clear(
    conn: &mut PgConnection,
    series: &Series,
    teacher: &Teacher,
    students: &[UserId],
    change: &Change,
    now: Timestamp,
) -> Result<Vec<Changed>, Error> {
    let pattern = change.pattern(&series.pattern)?;
    let all: Vec<_> = pattern
        .occurrences(0, super::super::pattern::MOST_OCCURRENCES)
        .collect();
    let Some(within) = span(&all) else {
        return Ok(Vec::new());
    };
    let way = Way {
        teacher: teacher.id,
        students,
        within,
        holds: false,
    };
    lapsing::clear(conn, way, now).await
}

/// Who writes what.
#[derive(Debug)]
pub struct Writer<'a> {
    /// For ids.
    pub state: &'a State,
    /// The series' teacher.
    pub teacher: &'a Teacher,
    /// What is to be done.
    pub plan: &'a Plan,
    /// Who does it.
    pub by: Acting,
    /// The current instant.
    pub now: Timestamp,
}

impl Writer<'_> {
    /// Does what was planned to a locked series.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn write(
        &self,
        conn: &mut PgConnection,
        series: &mut Series,
        change: &Change,
        body_hash: &[u8],
    ) -> Result<Done, Error> {
        let before = series.clone();
        let gone = self.gone(&before);
        self.describe(series, change);
        if *series
            == (Series {
                described_by: series.described_by,
                ..before.clone()
            })
            && !self.plan.retimed
        {
            return Ok(Done::default());
        }
        let mut done = Done {
            written: true,
            ..Done::default()
        };
        done.changed.extend(self.cancel(&mut *conn).await?);
        let moved = self.move_all(&mut *conn).await?;
        let places = self
            .describe_lessons(&mut *conn, &moved, series, &before)
            .await?;
        done.changed.extend(moved);
        done.changed.extend(places);
        store::occurrences::delete_off(&mut *conn, series.id, before.occurrence_count).await?;
        self.shift(&mut *conn, series.id).await?;
        done.changed.extend(self.book(&mut *conn, series).await?);
        done.kept = self.staying();
        self.finish(conn, series, &before, gone, body_hash).await?;
        Ok(done)
    }

    /// When the first lesson starts that a sooner end takes away.
    fn gone(&self, before: &Series) -> Option<Timestamp> {
        let ahead = crate::series::ahead::Ahead {
            kept: self.plan.kept.clone(),
            lessons: self.plan.off.clone(),
        };
        let sooner = self.plan.count < before.occurrence_count;
        sooner
            .then(|| canceled_from(before, &ahead, self.plan.count))
            .flatten()
    }

    /// The series as it is to be, all but its versions.
    fn describe(&self, series: &mut Series, change: &Change) {
        let before = series.occurrence_count;
        series.pattern = self.plan.pattern.clone();
        series.occurrence_count = self.plan.count;
        if let Some(url) = &change.meeting_url {
            series.meeting_url.clone_from(url);
        }
        if let Some(notes) = &change.notes {
            series.notes.clone_from(notes);
        }
        if change.meeting_url.is_some() || change.notes.is_some() {
            series.describe(self.by);
        }
        let near = horizon(self.teacher);
        let next = series.next_ordinal.min(series.occurrence_count);
        // What was undecided and stays at its time is the job's, however near it came.
        if !self.plan.retimed && next < before {
            series.next_ordinal = next;
            return;
        }
        let pattern = &series.pattern;
        let decided = pattern
            .occurrences(next, series.occurrence_count)
            .take_while(|next| is_near(next, near, self.now))
            .last();
        series.next_ordinal = decided.map_or(next, |last| last.ordinal + 1);
    }

    async fn cancel(&self, conn: &mut PgConnection) -> Result<Vec<Changed>, Error> {
        let off = Action::Cancel {
            reason: String::new(),
        };
        let lessons = self.plan.off.iter();
        let changed: Vec<_> = lessons
            .map(|lesson| rules::apply_with_series(lesson, self.by, &off, self.now))
            .collect();
        recording::record(conn, &changed, self.now).await?;
        Ok(changed)
    }

    /// The moves that nothing stands against, in an order in which no lesson is ever where
    /// another one still is: those to a later time from the last on, then those to a sooner
    /// one from the first on.
    fn moves(&self) -> Vec<(&Lesson, Stretch)> {
        let free = self
            .plan
            .decisions
            .iter()
            .filter(|decision| decision.conflict.is_none());
        let moves = free.filter_map(|decision| {
            let lesson = self.plan.mover(decision.occurrence.ordinal)?;
            Some((lesson, decision.occurrence.during))
        });
        let moves = moves.filter(|(lesson, during)| lesson.time.during != *during);
        let (later, sooner) = moves
            .partition::<Vec<_>, _>(|(lesson, during)| during.start > lesson.time.during.start);
        later.into_iter().rev().chain(sooner).collect()
    }

    async fn move_all(&self, conn: &mut PgConnection) -> Result<Vec<Changed>, Error> {
        let moves = self.moves();
        let busy = self.busy(&mut *conn, &moves).await?;
        let mut changed = Vec::new();
        for (lesson, during) in moves {
            let there = self.moved(lesson, during, &busy);
            recording::record(&mut *conn, std::slice::from_ref(&there), self.now).await?;
            changed.push(there);
        }
        Ok(changed)
    }

    /// When those who have seats in a group's lessons that move are in other lessons.
    async fn busy(
        &self,
        conn: &mut PgConnection,
        moves: &[(&Lesson, Stretch)],
    ) -> Result<BTreeMap<UserId, Stretches>, Error> {
        let grouped = moves.iter().filter(|(lesson, _)| lesson.group.is_some());
        let seats = grouped.clone().flat_map(|(lesson, _)| &lesson.bookings);
        let living = seats.filter(|seat| seat.is_living());
        let mut students: Vec<_> = living.map(|seat| seat.student_id).collect();
        students.sort_unstable();
        students.dedup();
        let starts = grouped.clone().map(|(_, during)| during.start).min();
        let ends = grouped.map(|(_, during)| during.end).max();
        let Some((start, end)) = starts.zip(ends) else {
            return Ok(BTreeMap::new());
        };
        let moving: Vec<_> = moves.iter().map(|(lesson, _)| lesson.id).collect();
        let asked = Asked {
            within: Stretch { start, end },
            except: &moving,
            without_holds_of: None,
            now: self.now,
        };
        let busy = busy::list_of_many(conn, &students, asked)
            .await?
            .into_iter();
        Ok(busy
            .map(|(student, times)| (student, times.into_iter().collect()))
            .collect())
    }

    /// A lesson at another time; whoever of a group has another lesson then is asked.
    fn moved(
        &self,
        lesson: &Lesson,
        during: Stretch,
        busy: &BTreeMap<UserId, Stretches>,
    ) -> Changed {
        let next = Next::of(lesson, Some(self.by), self.now).with_series();
        // As all lessons that teachers place, without buffers of its own.
        let time = Bookable {
            during,
            blocked: during,
        };
        let clashes = |student| {
            let times = busy.get(&student);
            times.is_some_and(|times| times.overlap(&during, &mut 0))
        };
        seats::rules::moved(next, lesson, time, clashes, self.now)
    }

    /// Writes place and notes into the lessons that go on, moved or not.
    async fn describe_lessons(
        &self,
        conn: &mut PgConnection,
        moved: &[Changed],
        series: &Series,
        before: &Series,
    ) -> Result<Vec<Changed>, Error> {
        let url = (series.meeting_url != before.meeting_url).then(|| series.meeting_url.clone());
        let notes = (series.notes != before.notes).then(|| series.notes.clone());
        let lessons = self.plan.going_on.iter().map(|lesson| {
            let moved = moved.iter().find(|moved| moved.lesson.id == lesson.id);
            moved.map_or(lesson, |moved| &moved.lesson)
        });
        let lessons = lessons.filter(|lesson| {
            url.as_ref().is_some_and(|url| *url != lesson.meeting_url)
                || notes.as_ref().is_some_and(|notes| *notes != lesson.notes)
        });
        let action = Action::Update {
            notes: notes.clone(),
            meeting_url: url.clone(),
        };
        let changed: Vec<_> = lessons
            .map(|lesson| rules::apply_with_series(lesson, self.by, &action, self.now))
            .collect();
        recording::record(conn, &changed, self.now).await?;
        Ok(changed)
    }

    /// Where the pattern has those that were decided, from now on.
    async fn shift(&self, conn: &mut PgConnection, id: SeriesId) -> Result<(), Error> {
        if !self.plan.retimed {
            return Ok(());
        }
        let kept = self
            .plan
            .kept
            .iter()
            .filter(|kept| kept.ordinal < self.plan.count && kept.original_start > self.now);
        let shifted = kept.filter_map(|kept| {
            let occurrence = self.plan.pattern.occurrence(kept.ordinal)?;
            Some(Kept {
                original_start: occurrence.during.start,
                ..*kept
            })
        });
        store::occurrences::put(conn, id, &shifted.collect::<Vec<_>>()).await
    }

    /// Books what was decided anew and is near, and says of the rest what stands against it.
    async fn book(&self, conn: &mut PgConnection, series: &Series) -> Result<Vec<Changed>, Error> {
        let decisions = self.plan.decisions.iter();
        let new: Vec<Decision> = decisions
            .filter(|decision| self.plan.mover(decision.occurrence.ordinal).is_none())
            .cloned()
            .collect();
        let maker = Maker {
            clock: &*self.state.clock,
            series,
            teacher: self.teacher,
            group: self.plan.busy.as_ref().and_then(|busy| busy.group.as_ref()),
            by: self.by,
            now: self.now,
        };
        let booked = materialising::book(&mut *conn, &maker, &new).await?;
        let skipped: Vec<_> = new
            .iter()
            .filter_map(|decision| skip(decision, false))
            .collect();
        store::occurrences::put(&mut *conn, series.id, &skipped).await?;
        let free = new.iter().filter(|decision| decision.conflict.is_none());
        let far = free.map(|decision| decision.occurrence.ordinal);
        let far: Vec<_> = far
            .filter(|ordinal| *ordinal >= series.next_ordinal)
            .collect();
        store::occurrences::delete_skipped(conn, series.id, &far).await?;
        Ok(booked)
    }

    /// The lessons that stay where they are, by start.
    fn staying(&self) -> Vec<LessonId> {
        let against = self
            .plan
            .decisions
            .iter()
            .filter(|decision| decision.conflict.is_some());
        let stuck = against.filter_map(|decision| self.plan.mover(decision.occurrence.ordinal));
        let own = self.plan.own_time.iter().filter(|_| self.plan.retimed);
        let mut staying: Vec<_> = stuck
            .chain(own)
            .map(|lesson| (lesson.time.during.start, lesson.id))
            .collect();
        staying.sort_unstable();
        staying.into_iter().map(|(_, id)| id).collect()
    }

    async fn finish(
        &self,
        conn: &mut PgConnection,
        series: &mut Series,
        before: &Series,
        gone: Option<Timestamp>,
        body_hash: &[u8],
    ) -> Result<(), Error> {
        let scheduled = self.plan.retimed
            || series.occurrence_count != before.occurrence_count
            || series.meeting_url != before.meeting_url;
        series.version += 1;
        series.change = LastChange {
            role: self.by.role,
            by: Some(self.by.user),
            hash: Some(body_hash.to_vec()),
        };
        // Its words are of whoever made the change before.
        series.cancel_reason.clear();
        if scheduled {
            series.schedule_version += 1;
            series.told_version += 1;
            series.canceled_from = gone;
        }
        series.rearm(horizon(self.teacher));
        let at_another_hour = self.plan.retimed;
        if at_another_hour {
            // What is told of the change says the hour.
            store::clocks::delete_of_series(&mut *conn, series.id).await?;
        }
        let later = series.occurrence_count > before.occurrence_count;
        let check = (at_another_hour || later).then_some(self.now);
        store::update(&mut *conn, series, check).await?;
        if scheduled {
            telling::tell(conn, series, self.now).await?;
        }
        Ok(())
    }
}
