//! What a change of a series does to each of its occurrences: decided, nothing is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use jiff::Timestamp;
use service_kit::status::Violations;
use sqlx::PgConnection;

use crate::{
    availability::{slots::Stretch, stretches::Stretches},
    errors::Error,
    groups,
    ids::LessonId,
    lessons::{Acting, Lesson, rules},
    series::{
        Decided, Kept, Learner, Occurrence, Pattern, Series,
        ahead::Ahead,
        busy::span,
        change::Change,
        deciding::{Busy, Decision},
        reading::end_count,
    },
    students,
    teachers::Teacher,
};

/// What becomes of a series.
#[derive(Debug)]
pub struct Plan {
    /// The first occurrence that it is about.
    pub from: i16,
    /// When its occurrences are from then on.
    pub pattern: Pattern,
    /// How many it has.
    pub count: i16,
    /// Whether they are at other times than before.
    pub retimed: bool,
    /// What can be done about those that would move or be booked, by start.
    pub decisions: Vec<Decision>,
    /// The lessons that would move, by the number of their occurrence.
    pub movers: BTreeMap<i16, Lesson>,
    /// The lessons that have their own time, by start.
    pub own_time: Vec<Lesson>,
    /// The lessons that go on, moved or not, by start.
    pub going_on: Vec<Lesson>,
    /// The lessons that would be cancelled, by start.
    pub off: Vec<Lesson>,
    /// What was decided from that occurrence on.
    pub kept: Vec<Kept>,
    /// The calendar that it was decided by; `None` when there was nothing to decide.
    pub busy: Option<Busy>,
}

impl Plan {
    /// Decides what a change does.
    ///
    /// # Errors
    ///
    /// What stands against the whole of it, or the database's error.
    pub async fn make(
        conn: &mut PgConnection,
        series: &Series,
        teacher: &Teacher,
        ahead: &Ahead,
        (change, by): (&Change, Acting),
        now: Timestamp,
    ) -> Result<Self, Error> {
        let from = ahead.start(&mut *conn, series, change.from, now).await?;
        let pattern = change.pattern(&series.pattern)?;
        let count = count_of(series, change, &pattern, from)?;
        check_starts(&pattern, ahead, from..count, now)?;
        let kept = ahead.kept.iter().filter(|kept| kept.ordinal >= from);
        let mut plan = Self {
            from,
            retimed: false,
            pattern,
            count,
            decisions: Vec::new(),
            movers: BTreeMap::new(),
            own_time: Vec::new(),
            going_on: Vec::new(),
            off: Vec::new(),
            kept: kept.copied().collect(),
            busy: None,
        };
        plan.sort(series, ahead, change, now);
        let refusal = refusal(&mut *conn, series, teacher, by).await?;
        let open = plan.open(series, refusal.is_none(), now);
        let is_new = |next: &Occurrence| plan.mover(next.ordinal).is_none();
        if let Some(refusal) = refusal.filter(|_| open.iter().any(is_new)) {
            return Err(refusal);
        }
        plan.decide(conn, series, teacher, open, now).await?;
        Ok(plan)
    }

    /// The lesson that would move to an occurrence.
    #[must_use]
    pub fn mover(&self, ordinal: i16) -> Option<&Lesson> {
        self.movers.get(&ordinal)
    }

    /// Which lessons move, which have their own time, and which are off. A change of the time
    /// is one for all from there on, also for those that an earlier one left where they were.
    fn sort(&mut self, series: &Series, ahead: &Ahead, change: &Change, now: Timestamp) {
        for (ordinal, lesson) in ahead.from(self.from) {
            if ordinal >= self.count {
                self.off.push(lesson.clone());
                continue;
            }
            self.going_on.push(lesson.clone());
            let during = lesson.time.during;
            let original = lesson.series.map(|series| series.original_start);
            if original != Some(during.start) {
                self.own_time.push(lesson.clone());
            } else if change.is_of_time() && self.place(ordinal) != Some(during) {
                self.movers.insert(ordinal, lesson.clone());
            }
        }
        let mut skipped = self.kept.iter().filter(|kept| match kept.decided {
            Decided::Skipped { .. } => kept.ordinal < self.count && kept.original_start > now,
            Decided::Booked(_) => false,
        });
        let elsewhere = |kept: &Kept| {
            let there = self.place(kept.ordinal).map(|there| there.start);
            there != Some(kept.original_start)
        };
        self.retimed = self.pattern != series.pattern
            || !self.movers.is_empty()
            || (change.is_of_time() && skipped.any(elsewhere));
    }

    /// Where an occurrence is to be.
    fn place(&self, ordinal: i16) -> Option<Stretch> {
        let there = self.pattern.occurrence(ordinal);
        there.map(|there| there.during)
    }

    /// The occurrences that are to be decided: of lessons that move; at other times also of
    /// those that were skipped, when they may be booked, or undecided; and those that the
    /// series has more than before.
    fn open(&self, series: &Series, admitted: bool, now: Timestamp) -> Vec<Occurrence> {
        let is_open = |ordinal: i16| {
            let kept = self.kept.iter().find(|kept| kept.ordinal == ordinal);
            match kept.map(|kept| kept.decided) {
                Some(Decided::Booked(_)) => self.movers.contains_key(&ordinal),
                Some(Decided::Skipped { .. }) => {
                    admitted && self.retimed && kept.is_some_and(|kept| kept.original_start > now)
                }
                None => self.retimed || ordinal >= series.occurrence_count,
            }
        };
        self.pattern
            .occurrences(self.from, self.count)
            .filter(|occurrence| is_open(occurrence.ordinal))
            .collect()
    }

    async fn decide(
        &mut self,
        conn: &mut PgConnection,
        series: &Series,
        teacher: &Teacher,
        open: Vec<Occurrence>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(within) = span(&open) else {
            return Ok(());
        };
        let moving: Vec<LessonId> = self.movers.values().map(|lesson| lesson.id).collect();
        let busy = Busy::read(conn, teacher, &series.learner, within, &moving, now).await?;
        self.decisions = self.settle(&busy, &open, now);
        self.busy = Some(busy);
        Ok(())
    }

    /// Decides until it is settled: a lesson that cannot move stays where it is, and may stand
    /// in the way of another one there.
    fn settle(&self, busy: &Busy, open: &[Occurrence], now: Timestamp) -> Vec<Decision> {
        let mut staying: Vec<Stretch> = Vec::new();
        loop {
            let stretches: Stretches = staying.iter().copied().collect();
            let decisions = busy.decide(open.iter().copied(), &stretches, now);
            let against = decisions
                .iter()
                .filter(|decision| decision.conflict.is_some());
            let stay: Vec<_> = against
                .filter_map(|decision| self.mover(decision.occurrence.ordinal))
                .map(|lesson| lesson.time.during)
                .collect();
            // What stays goes on staying: it only becomes more, and ends.
            if stay.iter().all(|during| staying.contains(during)) {
                return decisions;
            }
            staying.extend(stay);
        }
    }
}

/// Refuses a pattern that puts an occurrence where one is that the change is not about: each
/// start is one occurrence.
fn check_starts(
    pattern: &Pattern,
    ahead: &Ahead,
    changed: Range<i16>,
    now: Timestamp,
) -> Result<(), Error> {
    let fixed = ahead
        .kept
        .iter()
        .filter(|kept| kept.ordinal < changed.start || kept.original_start <= now);
    let fixed: BTreeSet<_> = fixed
        .map(|kept| (kept.original_start, kept.ordinal))
        .collect();
    let mut starts = pattern.occurrences(changed.start, changed.end);
    let meets = starts.any(|next| {
        let start = next.during.start;
        let mut there = fixed.range((start, i16::MIN)..=(start, i16::MAX));
        there.any(|(_, ordinal)| *ordinal != next.ordinal)
    });
    let mut violations = Violations::default();
    violations.require(
        !meets,
        "change",
        "puts an occurrence where the one before it is",
    );
    Ok(violations.check()?)
}

/// What stands against booking anything more of a series: whom it is for is no student of
/// the teacher any more, or is dissolved.
async fn refusal(
    conn: &mut PgConnection,
    series: &Series,
    teacher: &Teacher,
    by: Acting,
) -> Result<Option<Error>, Error> {
    match &series.learner {
        Learner::Student { id, .. } => {
            let is_student = students::store::is_student(conn, teacher.id, *id).await?;
            Ok(rules::admit(by.role, teacher, is_student).err())
        }
        Learner::Group { id, .. } => {
            let group = groups::store::find(conn, None, *id).await?;
            let lives = group.is_some_and(|group| group.delete_time.is_none());
            Ok((!lives).then_some(Error::GroupNotFound))
        }
    }
}

/// How many occurrences the series has after a change.
fn count_of(series: &Series, change: &Change, pattern: &Pattern, from: i16) -> Result<i16, Error> {
    let Some(end) = change.end else {
        return Ok(series.occurrence_count);
    };
    let mut violations = Violations::default();
    let count = end_count(&mut violations, "change", pattern, end);
    if violations.is_empty() {
        violations.require(
            count > from,
            "change",
            "ends before the lesson from which on it holds",
        );
    }
    violations.check()?;
    Ok(count)
}
