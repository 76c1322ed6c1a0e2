//! Many who want the last place at once, through two replicas.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AcceptInvitationRequest, AddGroupMemberRequest, CreateInvitationRequest, JoinLessonRequest,
        LeaveLessonRequest, RemoveGroupMemberRequest, RescheduleLessonRequest,
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
    support::{NO_NOTIFY, Service, World, booking, metadata, new_id, reason, wire},
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
                    start_time: None,
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

/// What may be answered to somebody who is one of many: never a fault of ours.
fn is_polite(reason: ErrorReason) -> bool {
    matches!(
        reason,
        ErrorReason::LessonFull
            | ErrorReason::VersionStale
            | ErrorReason::BookingNotFound
            | ErrorReason::StudentBusy
            | ErrorReason::SlotTaken
            | ErrorReason::GroupNotFound
            | ErrorReason::LessonNotFound
            | ErrorReason::Unavailable
    )
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn whatever_happens_at_once_seats_are_counted_and_every_version_has_its_line(pool: PgPool) {
    let race = Race::start(pool).await;
    let teacher = race.world.teacher(1, "Anna").await;
    let boris = race.world.teacher(2, "Boris").await;
    let (made, people) = gather(&race.world, teacher, 10, 6).await;
    for round in 0..15 {
        let day = format!("2026-06-{:02}", 2 + round);
        let request = gathering(teacher, &made, &format!("{day}T12:00:00Z"), 4);
        let lesson = book_group(&race.world, teacher, request).await.unwrap();
        let lesson = lesson.lesson.unwrap();
        join(&race.world, people[0], &lesson).await.unwrap();
        let mut calls: Vec<JoinHandle<Result<(), Status>>> = Vec::new();
        for (caller, student) in people.iter().enumerate() {
            let mut lessons = LessonServiceClient::new(race.backend(caller));
            let join = JoinLessonRequest {
                lesson_id: lesson.id.clone(),
                start_time: None,
            };
            let join = acting(join, *student);
            calls.push(tokio::spawn(async move {
                lessons.join_lesson(join).await.map(drop)
            }));
        }
        let mut lessons = LessonServiceClient::new(race.backend(round));
        let leave = LeaveLessonRequest {
            lesson_id: lesson.id.clone(),
            expected_version: 2,
            student_id: String::new(),
        };
        let leave = acting(leave, people[0]);
        calls.push(tokio::spawn(async move {
            lessons.leave_lesson(leave).await.map(drop)
        }));
        let mut lessons = LessonServiceClient::new(race.backend(round + 1));
        let shift = RescheduleLessonRequest {
            lesson_id: lesson.id.clone(),
            expected_version: 1,
            start_time: Some(wire(&format!("{day}T14:00:00Z"))),
        };
        let shift = acting(shift, teacher);
        calls.push(tokio::spawn(async move {
            lessons.reschedule_lesson(shift).await.map(drop)
        }));
        let mut lessons = LessonServiceClient::new(race.backend(round));
        let other = acting(booking(boris, &format!("{day}T14:30:00Z")), people[1]);
        calls.push(tokio::spawn(async move {
            lessons.book_lesson(other).await.map(drop)
        }));
        let mut groups = GroupServiceClient::new(race.backend(round + 1));
        let out = RemoveGroupMemberRequest {
            group_id: made.id.clone(),
            student_id: people[5].to_string(),
        };
        let out = acting(out, people[5]);
        calls.push(tokio::spawn(async move {
            groups.remove_group_member(out).await.map(drop)
        }));
        for call in calls {
            if let Err(refused) = call.await.unwrap() {
                let reason = reason(Err::<(), _>(refused));
                assert!(is_polite(reason), "{reason:?}");
            }
        }
        crate::steps::put(&race.world, teacher, &made, people[5])
            .await
            .unwrap();
    }
    let miscounted = "lessons l WHERE seats_taken <> (SELECT count(*) FROM lesson.bookings b
                      WHERE b.lesson_id = l.id AND b.status NOT IN ('canceled', 'late_canceled'))";
    assert_eq!(race.count(miscounted).await, 0);
    let lost = "lessons l WHERE version <> (SELECT count(*) FROM lesson.lesson_changes c
                WHERE c.lesson_id = l.id)";
    assert_eq!(race.count(lost).await, 0);
    let untold = "lessons l WHERE version <> (SELECT count(*) FROM lesson.outbox o
                  WHERE o.entity_id = l.id)";
    assert_eq!(race.count(untold).await, 0);
    let astray =
        "bookings b JOIN lesson.lessons l ON l.id = b.lesson_id WHERE b.during <> l.during";
    assert_eq!(race.count(astray).await, 0);
    assert!(race.count("lesson_changes WHERE kind = 'moved'").await > 0);
    assert!(race.count("lesson_changes WHERE kind = 'left'").await > 0);
    race.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_is_erased_while_the_group_is_busy_sits_nowhere_and_is_in_no_group(pool: PgPool) {
    let race = Race::start(pool).await;
    let teacher = race.world.teacher(1, "Anna").await;
    let (first, _) = gather(&race.world, teacher, 2, 0).await;
    assert_eq!(first.member_count, 0);
    for round in 0..10 {
        let made = group(&race.world, teacher, 3).await;
        let (leaver, other) = (
            race.world.student(100 + 2 * round).await,
            race.world.student(101 + 2 * round).await,
        );
        for student in [leaver, other] {
            race.world.befriend(teacher, student).await;
        }
        crate::steps::put(&race.world, teacher, &made, leaver)
            .await
            .unwrap();
        let day = format!("2026-06-{:02}", 2 + round);
        let open = gathering(teacher, &made, &format!("{day}T09:00:00Z"), 2);
        let open = book_group(&race.world, teacher, open).await.unwrap();
        let open = open.lesson.unwrap();
        let caller = usize::try_from(round).unwrap();
        let mut lessons = LessonServiceClient::new(race.backend(caller));
        let request = acting(
            gathering(teacher, &made, &format!("{day}T12:00:00Z"), 0),
            teacher,
        );
        let booked = tokio::spawn(async move { lessons.book_lesson(request).await.map(drop) });
        let mut lessons = LessonServiceClient::new(race.backend(caller + 1));
        let request = JoinLessonRequest {
            lesson_id: open.id.clone(),
            start_time: None,
        };
        let request = acting(request, leaver);
        let joined = tokio::spawn(async move { lessons.join_lesson(request).await.map(drop) });
        let mut groups = GroupServiceClient::new(race.backend(caller));
        let request = AddGroupMemberRequest {
            group_id: made.id.clone(),
            student_id: other.to_string(),
        };
        let request = acting(request, teacher);
        let added = tokio::spawn(async move { groups.add_group_member(request).await.map(drop) });
        let erased = race.world.erase(leaver).await;
        assert!(erased.is_ok(), "{erased:?}");
        for call in [booked, joined, added] {
            if let Err(refused) = call.await.unwrap() {
                let reason = reason(Err::<(), _>(refused));
                let gone = reason == ErrorReason::UserNotFound;
                assert!(gone || is_polite(reason), "{reason:?}");
            }
        }
        let left = format!("bookings WHERE student_id = '{leaver}' AND status = 'confirmed'");
        assert_eq!(race.count(&left).await, 0);
        let member = format!("group_members WHERE student_id = '{leaver}' AND end_time IS NULL");
        assert_eq!(race.count(&member).await, 0);
        let others = format!("group_members WHERE student_id = '{other}' AND end_time IS NULL");
        assert_eq!(race.count(&others).await, 1);
    }
    race.stop().await;
}
