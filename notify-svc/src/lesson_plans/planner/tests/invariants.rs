//! The rules over random lessons, wishes and histories.

use proptest::prelude::*;

use super::*;

/// A change of the schedule, or of wishes, or of what was told.
#[derive(Debug, Clone)]
enum Step {
    Move(i64, LessonRole),
    Place(u8, LessonRole),
    /// A request is accepted.
    Accept(LessonRole),
    Wishes(Reader),
    /// Minutes pass; what was due is begun.
    Pass(i64, Fate),
    /// What was begun goes on.
    Settle(Fate),
    /// Alone, or with its series.
    Cancel(LessonRole, bool),
    /// The series moves it.
    Series(i64),
    /// It moves onto another lesson of its student.
    Clash(i64),
    /// They come all the same.
    Answer,
    /// Somebody else takes a seat, or gives it up.
    Join,
    /// The seat ends and the lesson goes on: by somebody, by time, with the series.
    End(LessonRole, bool),
}

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Sent,
    Sending,
    Uncertain,
    Failed,
    /// A second copy is allowed.
    Resent,
    /// Nothing was written; to be tried again.
    Returned,
}

fn wishes() -> impl Strategy<Value = Reader> {
    let leads = prop::collection::vec(1_i64..1600, 0..4);
    let quiet = prop::option::of((0_i16..1440, 0_i16..1440));
    // Moves, places and cancellations cannot be muted (olm.lesson.v1.MutedKinds).
    let kinds = vec![Kind::Booked, Kind::Reminder, Kind::StudentUnreachable];
    let muted = prop::collection::btree_set(prop::sample::select(kinds), 0..3);
    (leads, quiet, muted).prop_map(|(leads, quiet, muted)| Reader {
        quiet_hours: quiet.and_then(|(start, end)| QuietHours::new(start, end)),
        muted,
        ..reader(STUDENT, &leads)
    })
}

fn author() -> impl Strategy<Value = LessonRole> {
    prop::sample::select(vec![
        LessonRole::Student,
        LessonRole::Teacher,
        LessonRole::Admin,
    ])
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Sent),
        1 => Just(Fate::Sending),
        1 => Just(Fate::Uncertain),
        1 => Just(Fate::Failed),
        1 => Just(Fate::Resent),
        1 => Just(Fate::Returned),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (-300_i64..300, author()).prop_map(|(minutes, by)| Step::Move(minutes, by)),
        1 => (0_u8..3, author()).prop_map(|(place, by)| Step::Place(place, by)),
        1 => author().prop_map(Step::Accept),
        2 => wishes().prop_map(Step::Wishes),
        3 => (1_i64..700, fate()).prop_map(|(minutes, fate)| Step::Pass(minutes, fate)),
        2 => fate().prop_map(Step::Settle),
        1 => (author(), any::<bool>()).prop_map(|(by, series)| Step::Cancel(by, series)),
        2 => (-300_i64..300).prop_map(Step::Series),
        2 => (-300_i64..300).prop_map(Step::Clash),
        2 => Just(Step::Answer),
        1 => Just(Step::Join),
        1 => (seat_author(), any::<bool>()).prop_map(|(by, series)| Step::End(by, series)),
    ]
}

fn seat_author() -> impl Strategy<Value = LessonRole> {
    prop_oneof![author(), Just(LessonRole::Unspecified)]
}

/// A lesson and one of its people, with a store that does what plans say.
struct Story {
    lesson: Snapshot,
    /// Who made the last move.
    moved_by: LessonRole,
    reader: Reader,
    now: Timestamp,
    told: Vec<Told>,
    /// Rows in flight that may not be begun again.
    stopped: BTreeSet<Key>,
    /// The start that the reader learned last.
    learned: Option<Timestamp>,
    /// Every attempt arrived so far.
    all_arrived: bool,
}

impl Story {
    fn begin(lesson: Snapshot, reader: Reader, minutes_before: i64) -> Self {
        Self {
            lesson,
            moved_by: LessonRole::Unspecified,
            reader,
            now: start() - minutes_before.minutes(),
            told: Vec::new(),
            stopped: BTreeSet::new(),
            learned: None,
            all_arrived: true,
        }
    }

    fn plan(&self) -> Vec<Planned> {
        let readers = [self.reader.clone()];
        plan(&self.lesson, &readers, &self.told, self.now)
    }

    /// Plans, checks what holds for every plan, and stores it.
    fn reconcile(&mut self) -> Result<(), TestCaseError> {
        let planned = self.plan();
        self.check(&planned)?;
        self.store(&planned);
        let stored = self.told.clone();
        self.store(&self.plan());
        prop_assert_eq!(stored, self.told.clone(), "planned again it is the same");
        let mut instants: Vec<_> = self.live_reminders().map(|told| told.due).collect();
        instants.sort_unstable();
        instants.dedup();
        prop_assert_eq!(instants.len(), self.live_reminders().count());
        Ok(())
    }

    fn check(&self, planned: &[Planned]) -> Result<(), TestCaseError> {
        for (at, row) in planned.iter().enumerate() {
            let twice = planned[..at].iter().any(|other| other.key == row.key);
            prop_assert!(!twice, "{:?} twice", row.key);
            let muted = self.reader.muted.contains(&row.key.kind);
            prop_assert!(!muted || row.due == Due::Never);
            if let Due::At(at) = row.due {
                let known = self
                    .told
                    .iter()
                    .find(|told| told.start() == Some(self.lesson.start) && told.due == at);
                prop_assert!(at < self.lesson.start);
                prop_assert!(at > self.now || known.is_some(), "a new reminder is ahead");
            }
            if row.key.kind == Kind::Moved {
                let by = notice(row).changed_by();
                let right = by == self.moved_by || by == LessonRole::Unspecified;
                prop_assert!(right, "{by:?} did not move it");
            }
        }
        let reminds = self.lesson.state == LessonState::Scheduled
            && !self.reader.leads.is_empty()
            && (self.reader.user_id == TEACHER
                || !self.seat().canceled && self.seat().reconfirm.is_none())
            && !self.reader.muted.contains(&Kind::Reminder);
        for told in self.told.iter().filter(|told| reminds && told.in_flight()) {
            let kept = told.key.kind != Kind::Reminder
                || told.start() != Some(self.lesson.start)
                || planned.iter().any(|row| row.key == told.key);
            prop_assert!(kept, "{:?} is in flight and not wanted", told.key);
        }
        Ok(())
    }

    fn store(&mut self, planned: &[Planned]) {
        let wanted = |key: Key| {
            planned
                .iter()
                .any(|row| row.key == key && row.due != Due::Never)
        };
        self.told.retain_mut(|told| {
            if wanted(told.key) || told.state.is_terminal() {
                return true;
            }
            if told.state != State::Pending {
                self.stopped.insert(told.key);
            } else if told.resent {
                told.state = State::Unconfirmed;
            }
            told.state != State::Pending
        });
        for row in told(planned, self.now, |_| State::Pending) {
            match self.told.iter_mut().find(|told| told.key == row.key) {
                Some(known) if known.state == State::Pending => {
                    if row.key.kind == Kind::Reminder {
                        known.due = row.due;
                    }
                    known.notice = row.notice;
                }
                Some(_) => {}
                None => {
                    if row.state == State::Canceled {
                        self.learned = row.start();
                    }
                    self.told.push(row);
                }
            }
        }
    }

    fn seat(&self) -> &Seat {
        &self.lesson.seats[0]
    }

    /// Whether the reader counts on the lesson because of what we told them.
    fn counts_on_it(&self) -> bool {
        let reached = self.told.iter().filter(|told| told.reached());
        let last = reached.max_by_key(|told| (told.key.schedule_version, told.key.kind.ends()));
        last.is_some_and(|told| !told.key.kind.ends())
    }

    /// The lesson, or the reader's seat in it, ended: who counted on it learns so here,
    /// from its series, or did it themselves.
    fn learns_the_end(&mut self, elsewhere: bool) -> Result<(), TestCaseError> {
        let counted = self.counts_on_it();
        self.reconcile()?;
        let ends = |told: &&Told| told.key.kind.ends();
        let end = self.told.iter().find(ends);
        let said = end.is_some_and(|told| told.state != State::Canceled);
        prop_assert!(
            !counted || end.is_some(),
            "they are not told that it is off"
        );
        prop_assert!(
            !counted || said != elsewhere,
            "told {said}, of it elsewhere {elsewhere}"
        );
        prop_assert_eq!(self.live_reminders().count(), 0);
        Ok(())
    }

    fn live_reminders(&self) -> impl Iterator<Item = &Told> {
        self.told
            .iter()
            .filter(|told| told.key.kind == Kind::Reminder && told.state == State::Pending)
    }

    /// Begins what is due, in order; each says nothing that contradicts what was said.
    fn send(&mut self, fate: Fate) -> Result<(), TestCaseError> {
        self.all_arrived &= fate == Fate::Sent;
        let mut due: Vec<_> = self
            .told
            .iter_mut()
            .filter(|told| told.state == State::Pending && told.due <= self.now)
            .collect();
        due.sort_by_key(|told| (told.due, told.key));
        for told in due {
            let asks_late = told.key.kind == Kind::Reconfirm && self.lesson.start <= self.now;
            if asks_late || told.key.kind == Kind::Reminder && self.lesson.start <= self.now {
                told.state = State::Expired;
                continue;
            }
            if told.key.kind == Kind::Moved && self.all_arrived {
                let from = told.notice.previous_start_time.as_ref();
                let from = from.and_then(olm_proto::instant);
                prop_assert!(
                    self.learned.is_none() || from == self.learned,
                    "moved from elsewhere"
                );
            }
            self.learned = told.start();
            befall(told, fate, false);
        }
        Ok(())
    }

    fn settle(&mut self, fate: Fate) {
        for told in self.told.iter_mut().filter(|told| told.in_flight()) {
            self.all_arrived &= fate == Fate::Sent;
            befall(told, fate, self.stopped.contains(&told.key));
        }
    }

    /// False when that was the lesson's end.
    fn take(&mut self, step: Step) -> Result<bool, TestCaseError> {
        match step {
            Step::Move(0, _) | Step::Series(0) | Step::Clash(0) => {}
            Step::Move(minutes, by) => {
                self.moved_by = by;
                self.lesson = Snapshot {
                    changed_by: by,
                    with_series: false,
                    ..moved(&self.lesson, minutes)
                };
                self.lesson.seats[0].reconfirm = None;
            }
            Step::Place(place, by) => {
                let meeting_url = format!("https://meet.example/{place}");
                self.lesson = Snapshot {
                    meeting_url,
                    with_series: false,
                    ..changed(&self.lesson, by)
                };
            }
            Step::Accept(by) if self.lesson.state == LessonState::Requested => {
                self.lesson = Snapshot {
                    state: LessonState::Scheduled,
                    expires_at: None,
                    with_series: false,
                    ..changed(&self.lesson, by)
                };
            }
            Step::Accept(_) => {}
            Step::Wishes(wishes) => {
                self.reader = Reader {
                    user_id: self.reader.user_id,
                    ..wishes
                };
            }
            Step::Pass(minutes, fate) => {
                self.now += minutes.minutes();
                self.send(fate)?;
            }
            Step::Settle(fate) => self.settle(fate),
            Step::Cancel(by, with_series) => {
                self.lesson = Snapshot {
                    state: LessonState::Canceled,
                    with_series,
                    ..changed(&self.lesson, by)
                };
                let seat = &mut self.lesson.seats[0];
                seat.canceled = true;
                seat.changed_by = by;
                seat.with_series &= with_series;
                let of_series = self.reader.user_id == TEACHER || seat.with_series;
                let left = self.lesson.of_group
                    && self.reader.user_id == STUDENT
                    && by == LessonRole::Student;
                self.learns_the_end(with_series && of_series || left)?;
                return Ok(false);
            }
            Step::Series(_) | Step::Clash(_) | Step::Answer | Step::Join | Step::End(..)
                if !self.lesson.of_group => {}
            Step::Series(minutes) => self.move_with_all(minutes, true),
            Step::Clash(minutes) => {
                self.move_with_all(minutes, false);
                self.lesson.seats[0].reconfirm = Some(self.lesson.start);
            }
            Step::Answer => {
                self.lesson.version += 1;
                self.lesson.seats[0].reconfirm = None;
                self.lesson.seats[0].changed_by = LessonRole::Student;
            }
            Step::Join => return self.join().map(|()| true),
            Step::End(by, with_series) => {
                self.lesson.version += 1;
                let seat = &mut self.lesson.seats[0];
                (seat.canceled, seat.reconfirm) = (true, None);
                (seat.changed_by, seat.with_series) = (by, with_series);
                if self.reader.user_id == TEACHER {
                    self.reconcile()?;
                } else if by != LessonRole::Unspecified || self.lesson.start > self.now {
                    self.learns_the_end(with_series || by == LessonRole::Student)?;
                }
                return Ok(false);
            }
        }
        self.reconcile()?;
        Ok(true)
    }

    fn move_with_all(&mut self, minutes: i64, with_series: bool) {
        self.moved_by = LessonRole::Teacher;
        self.lesson = Snapshot {
            changed_by: LessonRole::Teacher,
            with_series,
            ..moved(&self.lesson, minutes)
        };
        self.lesson.seats[0].reconfirm = None;
    }

    /// Somebody joins: the reader's keys and times stay (scenario 19).
    fn join(&mut self) -> Result<(), TestCaseError> {
        let keys = |planned: Vec<Planned>| {
            let rows = planned.into_iter();
            rows.map(|row| (row.key, row.due)).collect::<Vec<_>>()
        };
        let before = keys(self.plan());
        self.lesson.version += 1;
        self.lesson.seats.push(seat(Uuid::new_v4(), OTHER));
        prop_assert_eq!(before, keys(self.plan()));
        self.reconcile()
    }
}

/// What an attempt makes of its row (`notifications::states`).
fn befall(told: &mut Told, fate: Fate, stopped: bool) {
    told.state = match fate {
        Fate::Sent => State::Sent,
        Fate::Sending => State::Sending,
        Fate::Uncertain => State::Uncertain,
        Fate::Failed | Fate::Returned if told.resent => State::Unconfirmed,
        Fate::Failed => State::Failed,
        Fate::Resent if told.resent || stopped => State::Unconfirmed,
        Fate::Returned if stopped => State::Failed,
        Fate::Resent | Fate::Returned => State::Pending,
    };
    told.resent |= fate == Fate::Resent;
}

proptest! {
    #[test]
    fn whatever_happens_plans_are_stable_and_nothing_contradicts_itself(
        first in wishes(),
        user_id in prop::sample::select(vec![STUDENT, TEACHER]),
        asked in any::<bool>(),
        of_group in any::<bool>(),
        with_series in any::<(bool, bool)>(),
        minutes_before in 1_i64..3000,
        steps in prop::collection::vec(step(), 0..12),
    ) {
        // Nobody asks for a group's lesson.
        let mut lesson = if asked && !of_group { requested() } else { lesson() };
        lesson.of_group = of_group;
        lesson.with_series = with_series.0;
        lesson.seats[0].with_series = with_series.1;
        let reader = Reader { user_id, ..first };
        let mut story = Story::begin(lesson, reader, minutes_before);
        story.reconcile()?;
        for step in steps {
            if !story.take(step)? {
                break;
            }
        }
    }

    #[test]
    fn a_change_of_leads_never_leaves_a_reader_without_a_reminder(
        before in prop::collection::vec(1_i64..300, 1..4),
        after in prop::collection::vec(1_i64..300, 1..4),
        minutes_before in 1_i64..300,
        fate in fate(),
    ) {
        let mut story = Story::begin(lesson(), reader(STUDENT, &before), 400);
        story.reconcile()?;
        story.now = start() - minutes_before.minutes();
        story.send(fate)?;
        let waits = |story: &Story| {
            story.live_reminders().count() > 0
                || story.told.iter().any(|told| {
                    told.key.kind == Kind::Reminder
                        && told.in_flight()
                        && !story.stopped.contains(&told.key)
                })
        };
        let waited = waits(&story);
        story.reader = reader(STUDENT, &after);
        story.reconcile()?;
        let had_one = story.told.iter().any(|told| {
            told.key.kind == Kind::Reminder && told.reached()
                && after.iter().any(|lead| lead * 60 == told.key.lead_s)
        });
        prop_assert!(!waited || waits(&story) || had_one);
    }
}
