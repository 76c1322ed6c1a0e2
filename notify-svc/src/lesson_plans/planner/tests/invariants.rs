//! The rules over random lessons, wishes and histories.

use proptest::prelude::*;

use super::*;

/// A change of the schedule, or of wishes.
#[derive(Debug, Clone)]
enum Step {
    Move(i64),
    Place(u8),
    Wishes(Reader),
    /// Minutes pass; what was due is sent.
    Pass(i64),
    Cancel,
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

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (-300_i64..300).prop_map(Step::Move),
        1 => (0_u8..3).prop_map(Step::Place),
        2 => wishes().prop_map(Step::Wishes),
        3 => (1_i64..700).prop_map(Step::Pass),
        1 => Just(Step::Cancel),
    ]
}

/// A lesson and its student, with a store that does what plans say.
struct Story {
    lesson: Snapshot,
    reader: Reader,
    now: Timestamp,
    told: Vec<Told>,
}

impl Story {
    fn begin(reader: Reader, minutes_before: i64) -> Self {
        Self {
            lesson: lesson(),
            reader,
            now: start() - minutes_before.minutes(),
            told: Vec::new(),
        }
    }

    fn plan(&self) -> Vec<Planned> {
        let readers = [self.reader.clone()];
        plan(&self.lesson, &readers, &self.told, self.now)
    }

    /// Plans, checks what holds for every plan, and stores it.
    fn reconcile(&mut self) -> Result<(), TestCaseError> {
        let planned = self.plan();
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
        }
        self.told.retain(|told| {
            told.state != State::Pending || planned.iter().any(|row| row.key == told.key)
        });
        for row in told(&planned, self.now, |_| State::Pending) {
            match self.told.iter_mut().find(|told| told.key == row.key) {
                Some(known) if known.state == State::Pending => {
                    known.due = if row.key.kind == Kind::Reminder {
                        row.due
                    } else {
                        known.due
                    };
                    known.notice = row.notice;
                }
                Some(_) => {}
                None => self.told.push(row),
            }
        }
        prop_assert_eq!(&planned, &self.plan(), "planned again it is the same");
        let mut instants: Vec<_> = self.live_reminders().map(|told| told.due).collect();
        instants.sort_unstable();
        instants.dedup();
        prop_assert_eq!(instants.len(), self.live_reminders().count());
        Ok(())
    }

    fn live_reminders(&self) -> impl Iterator<Item = &Told> {
        self.told
            .iter()
            .filter(|told| told.key.kind == Kind::Reminder && told.state == State::Pending)
    }

    /// Sends what is due, in order; each says nothing that contradicts what was said.
    fn send(&mut self, learned: &mut Option<Timestamp>) -> Result<(), TestCaseError> {
        let mut due: Vec<_> = self
            .told
            .iter_mut()
            .filter(|told| told.state == State::Pending && told.due <= self.now)
            .collect();
        due.sort_by_key(|told| (told.due, told.key));
        for told in due {
            if told.key.kind == Kind::Reminder && self.lesson.start <= self.now {
                told.state = State::Expired;
                continue;
            }
            told.state = State::Sent;
            if told.key.kind == Kind::Moved {
                let from = told.notice.previous_start_time.as_ref();
                let from = from.and_then(olm_proto::instant);
                prop_assert!(
                    learned.is_none() || from == *learned,
                    "moved from elsewhere"
                );
            }
            *learned = told.start();
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn whatever_happens_plans_are_stable_and_nothing_contradicts_itself(
        first in wishes(),
        minutes_before in 1_i64..3000,
        steps in prop::collection::vec(step(), 0..12),
    ) {
        let mut story = Story::begin(first, minutes_before);
        let mut learned = None;
        story.reconcile()?;
        for step in steps {
            match step {
                Step::Move(minutes) if minutes != 0 => story.lesson = moved(&story.lesson, minutes),
                Step::Move(_) => {}
                Step::Place(place) => {
                    let meeting_url = format!("https://meet.example/{place}");
                    story.lesson = Snapshot {
                        meeting_url,
                        ..changed(&story.lesson, LessonRole::Teacher)
                    };
                }
                Step::Wishes(wishes) => story.reader = wishes,
                Step::Pass(minutes) => {
                    story.now += minutes.minutes();
                    story.send(&mut learned)?;
                }
                Step::Cancel => {
                    story.lesson = Snapshot {
                        state: LessonState::Canceled,
                        ..changed(&story.lesson, LessonRole::Student)
                    };
                    story.reconcile()?;
                    prop_assert_eq!(story.live_reminders().count(), 0);
                    break;
                }
            }
            story.reconcile()?;
        }
    }

    #[test]
    fn a_change_of_leads_never_leaves_a_reader_without_a_reminder(
        before in prop::collection::vec(1_i64..300, 1..4),
        after in prop::collection::vec(1_i64..300, 1..4),
        minutes_before in 1_i64..300,
    ) {
        let mut story = Story::begin(reader(STUDENT, &before), 400);
        story.reconcile()?;
        story.now = start() - minutes_before.minutes();
        story.send(&mut None)?;
        let waited = story.live_reminders().count() > 0;
        story.reader = reader(STUDENT, &after);
        story.reconcile()?;
        let waits = story.live_reminders().count() > 0;
        let had_one = story.told.iter().any(|told| {
            told.key.kind == Kind::Reminder && told.state == State::Sent
                && after.iter().any(|lead| lead * 60 == told.key.lead_s)
        });
        prop_assert!(!waited || waits || had_one);
    }
}
