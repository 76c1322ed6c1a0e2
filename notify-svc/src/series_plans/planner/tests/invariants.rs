//! The rules over random series, people and deliveries.

use proptest::prelude::*;

use super::*;

/// What happens to a series, or to what was told of it.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Another hour.
    Move(i8),
    /// Another end, in weeks from the first lesson.
    End(i64),
    /// Nothing that anybody has to know.
    Touch,
    Join,
    /// By themselves, or not.
    Leave(bool),
    /// Days pass.
    Pass(i64),
    Deliver(State),
    Cancel(LessonRole),
}

fn author() -> impl Strategy<Value = LessonRole> {
    prop::sample::select(vec![
        LessonRole::Student,
        LessonRole::Teacher,
        LessonRole::Admin,
    ])
}

fn step() -> impl Strategy<Value = Step> {
    let fates = vec![State::Sent, State::Sent, State::Failed, State::Sending];
    prop_oneof![
        2 => (10_i8..20).prop_map(Step::Move),
        2 => (1_i64..20).prop_map(Step::End),
        1 => Just(Step::Touch),
        2 => Just(Step::Join),
        2 => any::<bool>().prop_map(Step::Leave),
        1 => (1_i64..20).prop_map(Step::Pass),
        4 => prop::sample::select(fates).prop_map(Step::Deliver),
        1 => author().prop_map(Step::Cancel),
    ]
}

struct Story {
    series: Snapshot,
    told: Vec<Told>,
    now: Timestamp,
}

impl Story {
    fn plan(&self) -> Vec<Planned> {
        plan(&self.series, &readers(), &self.told, self.now)
    }

    fn reconcile(&mut self) -> Result<(), TestCaseError> {
        let planned = self.plan();
        for (at, row) in planned.iter().enumerate() {
            let twice = planned[..at].iter().any(|other| other.key == row.key);
            prop_assert!(!twice, "{:?} twice", row.key);
            let parsed = row.key.to_string().parse::<Key>();
            prop_assert_eq!(parsed, Ok(row.key));
        }
        self.told = stored(&self.told, &planned, State::Pending);
        let again = stored(&self.told, &self.plan(), State::Pending);
        prop_assert_eq!(&self.told, &again, "planned again it is the same");
        for person in [TEACHER, STUDENT, OTHER] {
            let waiting = |told: &&Told| told.state == State::Pending && told.announces();
            let mine = self.told.iter().filter(|told| told.key.user_id == person);
            prop_assert!(mine.filter(waiting).count() <= 1, "one message a person");
        }
        Ok(())
    }

    fn deliver(&mut self, fate: State) {
        for told in &mut self.told {
            if matches!(told.state, State::Pending | State::Sending) {
                told.state = fate;
            }
        }
    }

    fn learned(&self, person: Uuid) -> Option<&Told> {
        let mine = self.told.iter().filter(|told| told.key.user_id == person);
        mine.filter(|told| told.announces() && told.reached())
            .max_by_key(|told| told.order())
    }

    /// Everything arrived: whoever takes part knows the series as it is, and
    /// nobody else counts on it.
    fn check(&self) -> Result<(), TestCaseError> {
        let plan = &self.series.plan;
        for person in [TEACHER, STUDENT, OTHER] {
            let takes_part = person == TEACHER || self.series.student_ids.contains(&person);
            let mut mine = self.told.iter().filter(|told| told.key.user_id == person);
            let failed = mine.any(|told| told.state == State::Failed);
            let Some(learned) = self.learned(person).filter(|_| !failed) else {
                continue;
            };
            let notice = &learned.notice;
            let last =
                |at: &Option<prost_types::Timestamp>| at.as_ref().and_then(olm_proto::instant);
            let known_last = if learned.key.kind == Kind::SeriesCanceled {
                last(&notice.previous_start_time)
            } else {
                last(&notice.last_start_time)
            };
            if self.series.canceled || !takes_part {
                let over = known_last.is_some_and(|last| last <= self.now);
                prop_assert!(learned.ends() || over, "{learned:?} counts on it");
            } else if plan.first.is_some() {
                prop_assert!(!learned.ends(), "{learned:?} takes part");
                prop_assert_eq!(&notice.start_time_of_day, &plan.start_time_of_day);
                prop_assert_eq!(known_last, plan.last);
            }
        }
        Ok(())
    }

    fn take(&mut self, step: Step) {
        self.series.left = None;
        match step {
            Step::Move(hour) => {
                self.series = changed(&self.series);
                self.series.plan.start_time_of_day = format!("{hour}:00");
            }
            Step::End(weeks) => {
                let last = first() + (weeks * 168).hours();
                let before = self.series.plan.last;
                self.series = changed(&self.series);
                if before.is_some_and(|before| last < before) {
                    self.series.canceled_from = Some(last + 168.hours());
                }
                self.series.plan.last = Some(last);
            }
            Step::Touch => self.series = later(&self.series),
            Step::Join => {
                self.series = later(&self.series);
                self.series.student_ids = vec![STUDENT, OTHER];
            }
            Step::Leave(left) => {
                self.series = later(&self.series);
                let takes_part = self.series.student_ids.contains(&OTHER);
                self.series.left = Some(OTHER).filter(|_| left && takes_part);
                self.series.student_ids = vec![STUDENT];
            }
            Step::Pass(days) => self.now += (days * 24).hours(),
            Step::Deliver(fate) => self.deliver(fate),
            Step::Cancel(by) => self.series = canceled(&self.series, by),
        }
        if !self.series.canceled {
            let starts = (0_i64..30).map(|week| first() + (week * 168).hours());
            let mut ahead = starts.filter(|start| *start > self.now);
            let last = self.series.plan.last;
            self.series.plan.first = ahead
                .next()
                .filter(|start| last.is_some_and(|last| *start <= last));
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_plans_are_stable_and_everybody_knows_the_series_as_it_is(
        steps in prop::collection::vec(step(), 0..14),
    ) {
        let mut story = Story { series: group(), told: Vec::new(), now: now() };
        story.reconcile()?;
        for step in steps {
            let ends = matches!(step, Step::Cancel(_));
            story.take(step);
            story.reconcile()?;
            if ends {
                break;
            }
        }
        story.deliver(State::Sent);
        story.reconcile()?;
        story.deliver(State::Sent);
        story.check()?;
    }
}
