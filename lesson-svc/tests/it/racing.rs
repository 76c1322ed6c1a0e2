//! Many who ask at once, through two replicas.

use std::collections::HashSet;

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        BookLessonRequest, HoldSlotRequest, Lesson, LessonStatus,
        lesson_service_client::LessonServiceClient,
    },
};
use service_kit::{
    grpc::client::{Backend, acting},
    status,
};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tonic::Status;
use uuid::Uuid;

use crate::support::{NO_NOTIFY, Service, World, booking, metadata, new_id, reason, wire};

const NOON: &str = "2026-06-02T12:00:00Z";

/// Two replicas on one database.
struct Race {
    world: World,
    replica: Service,
}

impl Race {
    async fn start(pool: PgPool) -> Self {
        let world = World::start(pool).await;
        let replica = Service::start(&world.pool, world.clock.clone(), NO_NOTIFY).await;
        Self { world, replica }
    }

    async fn stop(self) {
        self.replica.stop().await;
        self.world.stop().await;
    }

    /// Even callers ask one replica, odd callers the other.
    fn backend(&self, caller: usize) -> Backend {
        let service = [&self.world.service, &self.replica][caller % 2];
        service.backend.clone()
    }

    fn book(&self, caller: usize, student: Uuid, request: BookLessonRequest) -> Call {
        let mut lessons = LessonServiceClient::new(self.backend(caller));
        tokio::spawn(async move {
            let answer = lessons.book_lesson(acting(request, student)).await?;
            Ok(answer.into_inner().lesson.unwrap())
        })
    }

    fn hold(&self, caller: usize, student: Uuid, teacher: Uuid, start: &str) -> Call {
        let request = HoldSlotRequest {
            request_id: new_id(),
            teacher_id: teacher.to_string(),
            start_time: Some(wire(start)),
            lesson_duration: None,
        };
        let mut lessons = LessonServiceClient::new(self.backend(caller));
        tokio::spawn(async move {
            let answer = lessons.hold_slot(acting(request, student)).await?;
            Ok(answer.into_inner().lesson.unwrap())
        })
    }

    async fn count(&self, what: &str) -> i64 {
        let query = format!("SELECT count(*) FROM lesson.{what}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }

    async fn told(&self) -> i64 {
        self.count("outbox WHERE kind = 'lesson'").await
    }
}

type Call = JoinHandle<Result<Lesson, Status>>;

async fn answers(calls: Vec<Call>) -> Vec<Result<Lesson, Status>> {
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

/// The refusals of a race with one winner.
fn losers(answers: Vec<Result<Lesson, Status>>) -> Vec<Status> {
    let asked = answers.len();
    let refused: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert_eq!(asked - refused.len(), 1, "one wins: {refused:?}");
    refused
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn of_twenty_overlapping_bookings_one_wins_and_the_others_are_offered_three_others(
    pool: PgPool,
) {
    let race = Race::start(pool).await;
    let teacher = race.world.teacher(1, "Anna").await;
    let mut students = Vec::new();
    for telegram_id in 100..120 {
        students.push(race.world.student(telegram_id).await);
    }
    let mut rounds = 0;
    let first: jiff::civil::Date = "2026-06-02".parse().unwrap();
    for day in first.series(jiff::Span::new().days(1)).take(50) {
        for hour in ["09", "11", "13", "15"] {
            let calls = students.iter().enumerate().map(|(caller, student)| {
                let minute = if caller % 3 == 0 { "00" } else { "30" };
                let start = format!("{day}T{hour}:{minute}:00Z");
                race.book(caller, *student, booking(teacher, &start))
            });
            for refused in losers(answers(calls.collect()).await) {
                assert_eq!(
                    status::reason(&refused),
                    Some(ErrorReason::SlotTaken),
                    "{refused:?}"
                );
                let alternatives = metadata(&refused, "alternatives");
                assert_eq!(alternatives.split(',').count(), 3, "{alternatives}");
            }
            rounds += 1;
            assert_eq!(race.count("lessons").await, rounds);
            assert_eq!(race.told().await, rounds);
        }
    }
    assert_eq!(rounds, 200);
    race.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn racing_repeats_make_one_lesson_and_another_body_none(pool: PgPool) {
    let race = Race::start(pool).await;
    let teacher = race.world.teacher(1, "Anna").await;
    let student = race.world.student(2).await;
    let request = booking(teacher, NOON);
    let calls = (0..10).map(|caller| race.book(caller, student, request.clone()));
    let answers = answers(calls.collect()).await;
    let lessons: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(lessons.iter().all(|lesson| *lesson == lessons[0]));
    assert_eq!((race.count("lessons").await, race.told().await), (1, 1));
    let other_body = BookLessonRequest {
        notes: "another".to_owned(),
        ..request
    };
    let refused = race.book(0, student, other_body).await.unwrap();
    assert_eq!(reason(refused), ErrorReason::RequestIdReused);
    race.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn of_racing_bodies_under_one_request_id_one_wins(pool: PgPool) {
    let race = Race::start(pool).await;
    let teacher = race.world.teacher(1, "Anna").await;
    let student = race.world.student(2).await;
    for round in 2..12 {
        let request = booking(teacher, &format!("2026-06-{round:02}T12:00:00Z"));
        let other_body = BookLessonRequest {
            start_time: Some(wire(&format!("2026-06-{round:02}T15:00:00Z"))),
            ..request.clone()
        };
        let calls = (0..10).map(|caller| {
            let request = if caller < 5 { &request } else { &other_body };
            race.book(caller, student, request.clone())
        });
        let mut made = HashSet::new();
        let mut refused = 0;
        for answer in answers(calls.collect()).await {
            if let Ok(lesson) = answer {
                made.insert(lesson.id);
            } else {
                assert_eq!(reason(answer), ErrorReason::RequestIdReused);
                refused += 1;
            }
        }
        assert_eq!((made.len(), refused), (1, 5));
    }
    race.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_teaches_and_learns_is_never_in_two_lessons(pool: PgPool) {
    let race = Race::start(pool).await;
    let anna = race.world.teacher(1, "Anna").await;
    // Learns from Anna and teaches.
    let boris = race.world.teacher(2, "Boris").await;
    let student = race.world.student(3).await;
    for round in 0..30 {
        let day = 2 + round;
        let month = if day <= 30 { "06" } else { "07" };
        let day = (day - 1) % 30 + 1;
        let start = format!("2026-{month}-{day:02}T10:00:00Z");
        let overlapping = format!("2026-{month}-{day:02}T10:30:00Z");
        let calls = if round % 3 == 0 {
            vec![
                race.hold(round, boris, anna, &start),
                race.book(round + 1, student, booking(boris, &overlapping)),
            ]
        } else {
            vec![
                race.book(round, boris, booking(anna, &start)),
                race.book(round + 1, student, booking(boris, &overlapping)),
            ]
        };
        let refused = losers(answers(calls).await);
        let reason = status::reason(&refused[0]).unwrap();
        assert!(
            matches!(reason, ErrorReason::SlotTaken | ErrorReason::StudentBusy),
            "{refused:?}"
        );
    }
    race.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn teachers_who_learn_from_each_other_at_once_neither_meet_twice_nor_wait_forever(
    pool: PgPool,
) {
    let race = Race::start(pool).await;
    let ring = [
        race.world.teacher(1, "Anna").await,
        race.world.teacher(2, "Boris").await,
        race.world.teacher(3, "Clara").await,
    ];
    for day in 2..17 {
        let start = format!("2026-06-{day:02}T10:00:00Z");
        let calls = (0..3).map(|n| race.book(n, ring[n], booking(ring[(n + 1) % 3], &start)));
        for refused in losers(answers(calls.collect()).await) {
            let reason = status::reason(&refused).unwrap();
            assert!(
                matches!(reason, ErrorReason::SlotTaken | ErrorReason::StudentBusy),
                "{refused:?}"
            );
        }
    }
    race.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn of_a_racing_hold_and_booking_one_wins(pool: PgPool) {
    let race = Race::start(pool).await;
    let teacher = race.world.teacher(1, "Anna").await;
    let (student, other) = (race.world.student(2).await, race.world.student(3).await);
    for day in 2..17 {
        let start = format!("2026-06-{day:02}T12:00:00Z");
        let overlapping = format!("2026-06-{day:02}T12:30:00Z");
        let calls = vec![
            race.hold(day, student, teacher, &start),
            race.book(day + 1, other, booking(teacher, &overlapping)),
        ];
        for refused in losers(answers(calls).await) {
            assert_eq!(status::reason(&refused), Some(ErrorReason::SlotTaken));
        }
    }
    race.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_hold_becomes_one_lesson_however_often_it_is_booked_at_once(pool: PgPool) {
    let race = Race::start(pool).await;
    let teacher = race.world.teacher(1, "Anna").await;
    let student = race.world.student(2).await;
    for day in 2..12 {
        let start = format!("2026-06-{day:02}T12:00:00Z");
        let held = race.hold(day, student, teacher, &start).await.unwrap();
        let held = held.unwrap();
        let before = race.told().await;
        let calls = (0..4).map(|caller| {
            let request = BookLessonRequest {
                held_lesson_id: held.id.clone(),
                ..booking(teacher, &start)
            };
            race.book(caller, student, request)
        });
        let mut answers = answers(calls.collect()).await;
        answers.sort_by_key(Result::is_err);
        let booked = answers[0].as_ref().unwrap();
        assert_eq!(
            (&booked.id, booked.status()),
            (&held.id, LessonStatus::Scheduled)
        );
        for refused in losers(answers) {
            assert_eq!(
                status::reason(&refused),
                Some(ErrorReason::LessonStatusUnsuitable)
            );
        }
        assert_eq!(race.told().await, before + 1);
    }
    race.stop().await;
}
