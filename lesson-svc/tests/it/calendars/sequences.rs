//! SEQUENCE (RFC 5545, 3.8.7.4) over histories that nobody thought of.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, ToSpan as _, Unit, tz::TimeZone};
use olm_proto::lesson::v1::{
    ConfirmLessonRequest, DeclineLessonRequest, Group, Lesson, TeacherPolicies, UpdateLessonRequest,
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use service_kit::{clock::Clock as _, grpc::client::acting};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use super::{feed, read};
use crate::{
    steps::{
        book_group, cancel, gather, gathering, get, join, leave, put, reconfirm, shift, take_out,
    },
    support::{World, seconds},
};

/// What somebody does to the group's lesson, or to the single one.
#[derive(Debug, Clone, Copy)]
enum Step {
    Join(usize),
    Leave(usize),
    Reconfirm(usize),
    TakeOut(usize),
    PutBack(usize),
    /// To another hour of the same day, by the teacher.
    Move(i32),
    Link(u8),
    Cancel,
    /// Books with another teacher at that hour, so that a move clashes.
    Elsewhere(usize, i32),
    /// Of the single lesson; by the teacher or the student.
    MoveSingle(bool, i32),
    Decide(bool),
    CancelSingle(bool),
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (who, hour) = (0..3_usize, 9..17_i32);
    let step = prop_oneof![
        3 => who.clone().prop_map(Step::Join),
        3 => who.clone().prop_map(Step::Leave),
        2 => who.clone().prop_map(Step::Reconfirm),
        1 => who.clone().prop_map(Step::TakeOut),
        2 => who.clone().prop_map(Step::PutBack),
        4 => hour.clone().prop_map(Step::Move),
        2 => any::<u8>().prop_map(Step::Link),
        1 => Just(Step::Cancel),
        2 => (who, hour.clone()).prop_map(|(who, hour)| Step::Elsewhere(who, hour)),
        3 => (any::<bool>(), hour).prop_map(|(teacher, hour)| Step::MoveSingle(teacher, hour)),
        3 => any::<bool>().prop_map(Step::Decide),
        1 => any::<bool>().prop_map(Step::CancelSingle),
        2 => (1..15_i64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 25)
}

/// What a calendar shows of a lesson.
type Shown = (
    Option<prost_types::Timestamp>,
    Option<prost_types::Timestamp>,
    i32,
    String,
);

/// What a feed showed last of each lesson: its SEQUENCE, and the rest.
type Last = HashMap<String, (i64, Shown)>;

struct Play {
    world: World,
    teacher: Uuid,
    other_teacher: Uuid,
    group: Group,
    people: Vec<Uuid>,
    /// Each one's link, and what it showed last.
    feeds: Vec<(String, Last)>,
    day: Timestamp,
    of_group: Lesson,
    single: Lesson,
}

impl Play {
    async fn begin(pool: PgPool) -> Self {
        let world = World::start(pool).await;
        let policies = TeacherPolicies {
            requires_approval: true,
            min_notice: Some(seconds(0)),
            reschedule_notice: Some(seconds(0)),
            ..TeacherPolicies::default()
        };
        let teacher = world.teacher_with(1, "Anna", policies).await;
        let other_teacher = world.teacher(2, "Boris").await;
        let (group, people) = gather(&world, teacher, 3, 3).await;
        let mut feeds = Vec::new();
        for person in people.iter().chain([&teacher]) {
            feeds.push((feed(&world, *person).await.unwrap().1, HashMap::new()));
        }
        Self {
            world,
            teacher,
            other_teacher,
            group,
            people,
            feeds,
            day: Timestamp::UNIX_EPOCH,
            of_group: Lesson::default(),
            single: Lesson::default(),
        }
    }

    /// An hour of the day that is played.
    fn at(&self, hour: i32) -> String {
        (self.day + hour.hours()).to_string()
    }

    /// Books both lessons on a new day, three days ahead.
    async fn new_day(&mut self) {
        let day = self.world.clock.now() + SignedDuration::from_hours(72);
        let day = day.to_zoned(TimeZone::UTC).start_of_day().unwrap();
        self.day = day.timestamp().round(Unit::Hour).unwrap();
        for student in self.people.clone() {
            // Refused for those who are still in it.
            let _ = put(&self.world, self.teacher, &self.group, student).await;
        }
        let request = gathering(self.teacher, &self.group, &self.at(12), 0);
        let booked = book_group(&self.world, self.teacher, request).await;
        self.of_group = booked.unwrap().lesson.unwrap();
        let booked = self
            .world
            .book(self.people[0], self.teacher, &self.at(17))
            .await;
        self.single = booked.unwrap();
    }

    async fn take(&self, step: Step) -> Result<(), Status> {
        let (world, teacher) = (&self.world, self.teacher);
        let of_group = get(world, teacher, &self.of_group).await?;
        let single = get(world, teacher, &self.single).await?;
        let by = |teacher_does: bool| {
            if teacher_does {
                teacher
            } else {
                self.people[0]
            }
        };
        match step {
            Step::Join(who) => join(world, self.people[who], &of_group).await.map(drop),
            Step::Leave(who) => {
                let student = self.people[who];
                leave(world, student, &of_group, None).await.map(drop)
            }
            Step::Reconfirm(who) => {
                let student = self.people[who];
                reconfirm(world, student, &of_group).await.map(drop)
            }
            Step::TakeOut(who) => take_out(world, teacher, &self.group, self.people[who])
                .await
                .map(drop),
            Step::PutBack(who) => put(world, teacher, &self.group, self.people[who])
                .await
                .map(drop),
            Step::Move(hour) => shift(world, teacher, &of_group, &self.at(hour))
                .await
                .map(drop),
            Step::Link(number) => {
                let request = UpdateLessonRequest {
                    lesson_id: of_group.id,
                    expected_version: of_group.version,
                    notes: None,
                    meeting_url: Some(format!("https://meet.example/{number}")),
                };
                let mut lessons = world.lessons();
                lessons
                    .update_lesson(acting(request, teacher))
                    .await
                    .map(drop)
            }
            Step::Cancel => cancel(world, teacher, &of_group.id, of_group.version, "")
                .await
                .map(drop),
            Step::Elsewhere(who, hour) => {
                let start = self.at(hour);
                world
                    .book(self.people[who], self.other_teacher, &start)
                    .await
                    .map(drop)
            }
            Step::MoveSingle(teacher_does, hour) => {
                shift(world, by(teacher_does), &single, &self.at(hour))
                    .await
                    .map(drop)
            }
            Step::Decide(yes) => self.decide(single, yes).await,
            Step::CancelSingle(teacher_does) => {
                cancel(world, by(teacher_does), &single.id, single.version, "")
                    .await
                    .map(drop)
            }
            Step::Wait(hours) => {
                world.clock.advance(SignedDuration::from_hours(hours));
                Ok(())
            }
        }
    }

    async fn decide(&self, single: Lesson, yes: bool) -> Result<(), Status> {
        let mut lessons = self.world.lessons();
        let (lesson_id, expected_version) = (single.id, single.version);
        if yes {
            let request = ConfirmLessonRequest {
                lesson_id,
                expected_version,
            };
            let answer = lessons.confirm_lesson(acting(request, self.teacher));
            return answer.await.map(drop);
        }
        let request = DeclineLessonRequest {
            lesson_id,
            expected_version,
            reason: String::new(),
        };
        let answer = lessons.decline_lesson(acting(request, self.teacher));
        answer.await.map(drop)
    }

    /// Reads every calendar; answers how many lessons are shown otherwise than before.
    async fn look(&mut self, after: &str, in_time: bool) -> usize {
        let mut others = 0;
        for (token, known) in &mut self.feeds {
            for entry in read(&self.world, token).await.unwrap().entries {
                let shown = (
                    entry.start_time,
                    entry.end_time,
                    entry.state,
                    entry.meeting_url,
                );
                let (lesson, sequence) = (entry.lesson_id, entry.sequence);
                if let Some((before, was)) = known.get(&lesson) {
                    assert!(
                        sequence >= *before,
                        "fell from {before} to {sequence} {after}"
                    );
                    if *was != shown {
                        others += 1;
                        let silent = sequence == *before && !in_time;
                        assert!(
                            !silent,
                            "still {sequence}, {was:?} became {shown:?} {after}"
                        );
                    }
                }
                known.insert(lesson, (sequence, shown));
            }
        }
        others
    }
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn whatever_happens_a_sequence_never_falls_and_rises_with_what_is_shown(pool: PgPool) {
    let mut play = Play::begin(pool).await;
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let (mut done, mut shown) = (0, 0);
    for _ in 0..6 {
        play.new_day().await;
        play.look("on a new day", true).await;
        let steps = steps().new_tree(&mut runner).unwrap().current();
        for (number, step) in steps.iter().enumerate() {
            // What the rules refuse changes nothing.
            done += usize::from(play.take(*step).await.is_ok());
            let after = format!("after {:?}", &steps[..=number]);
            // Time alone ends what waits; what is written of it comes later.
            shown += play.look(&after, matches!(step, Step::Wait(_))).await;
        }
    }
    assert!(done > 60 && shown > 60, "{done} steps, {shown} changes");
    play.world.stop().await;
}
