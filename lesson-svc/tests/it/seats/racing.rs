//! Many who want the last place at once, through two replicas.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AcceptInvitationRequest, AddGroupMemberRequest, CreateInvitationRequest, JoinLessonRequest,
        group_service_client::GroupServiceClient,
        invitation_service_client::InvitationServiceClient,
        lesson_service_client::LessonServiceClient,
    },
};
use service_kit::grpc::client::{Backend, acting};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tonic::Status;
use uuid::Uuid;

use crate::{
    steps::{book_group, gather, gathering, group, join},
    support::{NO_NOTIFY, Service, World, metadata, new_id, reason},
};

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

    async fn count(&self, what: &str) -> i64 {
        let query = format!("SELECT count(*) FROM lesson.{what}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }
}

/// How many got in; all others were refused with `expected`, and told of how many there are.
async fn winners(
    calls: Vec<JoinHandle<Result<bool, Status>>>,
    expected: ErrorReason,
    capacity: &str,
) -> usize {
    let mut won = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(joined) => {
                assert!(joined);
                won += 1;
            }
            Err(refused) => {
                assert_eq!(metadata(&refused, "capacity"), capacity, "{refused:?}");
                assert_eq!(reason(Err::<(), _>(refused)), expected);
            }
        }
    }
    won
}

/// Scenario 9.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn of_ten_who_want_the_last_seat_at_once_one_gets_it(pool: PgPool) {
    let race = Race::start(pool).await;
    let teacher = race.world.teacher(1, "Anna").await;
    let (made, people) = gather(&race.world, teacher, 12, 11).await;
    let mut rounds = 0;
    let first: jiff::civil::Date = "2026-06-02".parse().unwrap();
    for day in first.series(jiff::Span::new().days(1)).take(50) {
        for hour in ["09", "11", "13", "15"] {
            let start = format!("{day}T{hour}:00:00Z");
            let request = gathering(teacher, &made, &start, 2);
            let lesson = book_group(&race.world, teacher, request).await.unwrap();
            let lesson = lesson.lesson.unwrap();
            join(&race.world, people[10], &lesson).await.unwrap();
            let calls = people[..10].iter().enumerate().map(|(caller, student)| {
                let mut lessons = LessonServiceClient::new(race.backend(caller));
                let request = JoinLessonRequest {
                    lesson_id: lesson.id.clone(),
                };
                let request = acting(request, *student);
                tokio::spawn(async move {
                    let answer = lessons.join_lesson(request).await?;
                    Ok(answer.into_inner().joined)
                })
            });
            let calls = calls.collect();
            assert_eq!(winners(calls, ErrorReason::LessonFull, "2").await, 1);
            rounds += 1;
        }
    }
    assert_eq!(rounds, 200);
    assert_eq!(race.count("bookings WHERE status = 'confirmed'").await, 400);
    assert_eq!(race.count("lessons WHERE seats_taken = 2").await, 200);
    // One line of history and one message to notify-svc for each that got in.
    assert_eq!(
        race.count("lesson_changes WHERE kind = 'joined'").await,
        400
    );
    assert_eq!(race.count("outbox WHERE kind = 'lesson'").await, 600);
    race.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn of_ten_who_open_one_link_at_once_one_gets_the_groups_last_place(pool: PgPool) {
    let race = Race::start(pool).await;
    let teacher = race.world.teacher(1, "Anna").await;
    let (first, members) = gather(&race.world, teacher, 2, 1).await;
    assert_eq!(first.capacity, 2);
    let mut people = Vec::new();
    for telegram_id in 10..20 {
        people.push(race.world.student(telegram_id).await);
    }
    for round in 0..20 {
        let made = group(&race.world, teacher, 2).await;
        crate::steps::put(&race.world, teacher, &made, members[0])
            .await
            .unwrap();
        let start = format!("2026-06-{:02}T12:00:00Z", 2 + round);
        let request = gathering(teacher, &made, &start, 0);
        book_group(&race.world, teacher, request).await.unwrap();
        let request = CreateInvitationRequest {
            request_id: new_id(),
            max_uses: 10,
            group_id: made.id.clone(),
            ..CreateInvitationRequest::default()
        };
        let mut client = race.world.invitations();
        let token = client.create_invitation(acting(request, teacher)).await;
        let token = token.unwrap().into_inner().token;
        let calls = people.iter().enumerate().map(|(caller, person)| {
            let mut client = InvitationServiceClient::new(race.backend(caller));
            let request = AcceptInvitationRequest {
                token: token.clone(),
            };
            let request = acting(request, *person);
            tokio::spawn(async move {
                let answer = client.accept_invitation(request).await?;
                Ok(answer.into_inner().joined)
            })
        });
        let calls = calls.collect();
        assert_eq!(winners(calls, ErrorReason::GroupFull, "2").await, 1);
    }
    assert_eq!(race.count("groups WHERE member_count = 2").await, 20);
    assert_eq!(race.count("invitations WHERE uses = 1").await, 21);
    assert_eq!(race.count("lessons WHERE seats_taken = 2").await, 20);
    race.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_comes_while_a_lesson_is_booked_sits_in_it_and_nobody_waits_forever(pool: PgPool) {
    let race = Race::start(pool).await;
    let teacher = race.world.teacher(1, "Anna").await;
    let mut people = Vec::new();
    for telegram_id in 10..14 {
        let student = race.world.student(telegram_id).await;
        race.world.befriend(teacher, student).await;
        people.push(student);
    }
    for round in 0..10 {
        let made = group(&race.world, teacher, 5).await;
        let start = format!("2026-06-{:02}T12:00:00Z", 2 + round);
        let mut lessons = LessonServiceClient::new(race.backend(round));
        let request = acting(gathering(teacher, &made, &start, 0), teacher);
        let booked = tokio::spawn(async move { lessons.book_lesson(request).await });
        let calls = people.iter().enumerate().map(|(caller, student)| {
            let mut groups = GroupServiceClient::new(race.backend(caller));
            let request = AddGroupMemberRequest {
                group_id: made.id.clone(),
                student_id: student.to_string(),
            };
            let request = acting(request, teacher);
            tokio::spawn(async move { groups.add_group_member(request).await })
        });
        for call in calls.collect::<Vec<_>>() {
            assert!(call.await.unwrap().unwrap().into_inner().joined);
        }
        let booked = match booked.await.unwrap() {
            Ok(booked) => booked.into_inner().lesson.unwrap(),
            // Others came each time that it looked: said politely, and safe to repeat.
            Err(refused) => {
                assert_eq!(reason(Err::<(), _>(refused)), ErrorReason::Unavailable);
                let request = gathering(teacher, &made, &start, 0);
                let booked = book_group(&race.world, teacher, request).await.unwrap();
                booked.lesson.unwrap()
            }
        };
        let lesson: Uuid = booked.id.parse().unwrap();
        let seats = format!("bookings WHERE lesson_id = '{lesson}' AND status = 'confirmed'");
        assert_eq!(race.count(&seats).await, 4);
    }
    race.stop().await;
}
