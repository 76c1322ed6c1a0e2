use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        CancelLessonRequest, Lesson, LessonStatus, ListLessonsRequest, ListLessonsResponse,
        TeacherPolicies, lesson_service_client::LessonServiceClient,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    steps::hold,
    support::{World, at, fields, new_id, reason, wire},
};

async fn list(
    world: &World,
    viewer: Uuid,
    request: ListLessonsRequest,
) -> Result<ListLessonsResponse, Status> {
    Ok(world
        .lessons()
        .list_lessons(acting(request, viewer))
        .await?
        .into_inner())
}

fn starts(lessons: &[Lesson]) -> Vec<String> {
    let start = |lesson: &Lesson| olm_proto::instant(&lesson.start_time.unwrap()).unwrap();
    lessons
        .iter()
        .map(|lesson| start(lesson).strftime("%H:%M").to_string())
        .collect()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn everybody_sees_their_own_lessons_as_teacher_and_as_student(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let student = world.student(3).await;
    world
        .book(student, anna, "2026-06-01T09:00:00Z")
        .await
        .unwrap();
    world
        .book(anna, boris, "2026-06-01T11:00:00Z")
        .await
        .unwrap();
    world
        .book(student, boris, "2026-06-01T14:00:00Z")
        .await
        .unwrap();
    let all = ListLessonsRequest::default;
    assert_eq!(
        starts(&list(&world, anna, all()).await.unwrap().lessons),
        ["09:00", "11:00"]
    );
    assert_eq!(
        starts(&list(&world, boris, all()).await.unwrap().lessons),
        ["11:00", "14:00"]
    );
    let seen = list(&world, student, all()).await.unwrap().lessons;
    assert_eq!(starts(&seen), ["09:00", "14:00"]);
    assert_eq!(
        (
            seen[0].teacher_name.as_str(),
            seen[0].bookings[0].student_name.as_str()
        ),
        ("Anna", "Student")
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_list_is_read_page_after_page_while_lessons_come_and_go(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    for hour in [9, 10, 12, 13, 14] {
        world
            .book(student, teacher, &format!("2026-06-01T{hour:02}:00:00Z"))
            .await
            .unwrap();
    }
    let page = |page_token: String| ListLessonsRequest {
        page_size: 2,
        page_token,
        ..ListLessonsRequest::default()
    };
    let first = list(&world, teacher, page(String::new())).await.unwrap();
    assert_eq!(starts(&first.lessons), ["09:00", "10:00"]);
    // One before and one after the place where the next page begins.
    world
        .book(student, teacher, "2026-06-01T11:00:00Z")
        .await
        .unwrap();
    let gone = CancelLessonRequest {
        lesson_id: first.lessons[1].id.clone(),
        expected_version: 1,
        reason: String::new(),
    };
    world
        .lessons()
        .cancel_lesson(acting(gone, student))
        .await
        .unwrap();
    let second = list(&world, teacher, page(first.next_page_token.clone()))
        .await
        .unwrap();
    assert_eq!(starts(&second.lessons), ["11:00", "12:00"]);
    let third = list(&world, teacher, page(second.next_page_token))
        .await
        .unwrap();
    assert_eq!(starts(&third.lessons), ["13:00", "14:00"]);
    assert_eq!(third.next_page_token, "");
    let other_filter = ListLessonsRequest {
        include_canceled: true,
        ..page(first.next_page_token.clone())
    };
    assert_eq!(
        reason(list(&world, teacher, other_filter).await),
        ErrorReason::PageTokenInvalid
    );
    let other_viewer = list(&world, student, page(first.next_page_token)).await;
    assert_eq!(reason(other_viewer), ErrorReason::PageTokenInvalid);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_list_holds_what_ends_after_its_start_and_begins_before_its_end(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let mut lessons = Vec::new();
    for hour in [9, 10, 11] {
        lessons.push(
            world
                .book(student, teacher, &format!("2026-06-01T{hour:02}:00:00Z"))
                .await
                .unwrap(),
        );
    }
    let window = |from: &str, until: &str| ListLessonsRequest {
        start_time: Some(wire(from)),
        end_time: Some(wire(until)),
        ..ListLessonsRequest::default()
    };
    let seen = list(
        &world,
        student,
        window("2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z"),
    )
    .await
    .unwrap();
    assert_eq!(starts(&seen.lessons), ["10:00"]);
    world.clock.set(at("2026-06-01T10:30:00Z"));
    let running = list(&world, student, ListLessonsRequest::default())
        .await
        .unwrap();
    assert_eq!(
        starts(&running.lessons),
        ["10:00", "11:00"],
        "a lesson under way is still there"
    );
    let cancel = CancelLessonRequest {
        lesson_id: lessons[2].id.clone(),
        expected_version: 1,
        reason: String::new(),
    };
    world
        .lessons()
        .cancel_lesson(acting(cancel, teacher))
        .await
        .unwrap();
    for viewer in [teacher, student] {
        let scheduled = list(&world, viewer, ListLessonsRequest::default())
            .await
            .unwrap();
        assert_eq!(starts(&scheduled.lessons), ["10:00"]);
        let all = ListLessonsRequest {
            include_canceled: true,
            ..ListLessonsRequest::default()
        };
        assert_eq!(
            starts(&list(&world, viewer, all).await.unwrap().lessons),
            ["10:00", "11:00"]
        );
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_a_list_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let student = world.student(2).await;
    let wrong = ListLessonsRequest {
        start_time: Some(prost_types::Timestamp {
            seconds: -1,
            nanos: 0,
        }),
        end_time: Some(wire("2026-05-01T00:00:00Z")),
        page_size: -1,
        user_id: "7".to_owned(),
        ..ListLessonsRequest::default()
    };
    assert_eq!(
        fields(list(&world, student, wrong).await),
        ["end_time", "page_size", "start_time", "user_id"]
    );
    let junk = ListLessonsRequest {
        page_token: "AAAA".to_owned(),
        ..ListLessonsRequest::default()
    };
    assert_eq!(
        reason(list(&world, student, junk).await),
        ErrorReason::PageTokenInvalid
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_waits_is_listed_until_it_has_run_out(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = world.teacher(1, "Anna").await;
    let policies = TeacherPolicies {
        requires_approval: true,
        ..TeacherPolicies::default()
    };
    let boris = world.teacher_with(3, "Boris", policies).await;
    let student = world.student(2).await;
    for (teacher, start) in [
        (boris, "2026-06-03T11:00:00Z"),
        (anna, "2026-06-03T13:00:00Z"),
    ] {
        world.book(student, teacher, start).await.unwrap();
    }
    hold(&world, student, anna, "2026-06-03T09:00:00Z").await;
    let (held, requested) = (LessonStatus::Held, LessonStatus::Requested);
    let (scheduled, lapsed) = (LessonStatus::Scheduled, LessonStatus::Lapsed);
    for (now, living, all) in [
        (
            "2026-06-01T00:04:59Z",
            vec![held, requested, scheduled],
            [held, requested, scheduled],
        ),
        (
            "2026-06-01T00:05:00Z",
            vec![requested, scheduled],
            [lapsed, requested, scheduled],
        ),
        (
            "2026-06-01T12:00:00Z",
            vec![scheduled],
            [lapsed, lapsed, scheduled],
        ),
    ] {
        world.clock.set(at(now));
        for (include_canceled, expected) in [(false, living), (true, all.to_vec())] {
            let request = ListLessonsRequest {
                include_canceled,
                ..ListLessonsRequest::default()
            };
            let seen = list(&world, student, request).await.unwrap().lessons;
            let statuses: Vec<_> = seen.iter().map(Lesson::status).collect();
            assert_eq!(statuses, expected, "{now}");
            let waits = |lesson: &Lesson| [held, requested].contains(&lesson.status());
            assert!(
                seen.iter()
                    .all(|lesson| lesson.expire_time.is_some() == waits(lesson))
            );
        }
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_has_run_out_is_not_living_before_anybody_wrote_it_down(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let kept = hold(&world, student, teacher, "2026-06-03T09:00:00Z").await;
    // Whoever would write it down passes over what is locked; reading does not wait.
    let mut lock = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM lesson.lessons WHERE id = $1 FOR UPDATE")
        .bind(kept.id.parse::<Uuid>().unwrap())
        .execute(&mut *lock)
        .await
        .unwrap();
    world.clock.set(at("2026-06-01T00:05:00Z"));
    let living = list(&world, student, ListLessonsRequest::default()).await;
    assert_eq!(living.unwrap().lessons, []);
    let all = ListLessonsRequest {
        include_canceled: true,
        ..ListLessonsRequest::default()
    };
    let seen = list(&world, teacher, all).await.unwrap().lessons;
    assert_eq!(
        (seen[0].status(), seen[0].version, seen[0].expire_time),
        (LessonStatus::Lapsed, 1, None),
        "as it will be written down"
    );
    lock.rollback().await.unwrap();
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn lessons_of_others_are_for_admins_and_for_no_bot(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, other) = (world.student(2).await, world.student(3).await);
    let admin = world.admin(9).await;
    for (who, start) in [
        (student, "2026-06-01T09:00:00Z"),
        (other, "2026-06-01T11:00:00Z"),
    ] {
        world.book(who, teacher, start).await.unwrap();
    }
    let of = |user: String| ListLessonsRequest {
        user_id: user,
        ..ListLessonsRequest::default()
    };
    let own = list(&world, student, of(student.to_string())).await;
    assert_eq!(starts(&own.unwrap().lessons), ["09:00"]);
    for (viewer, whose) in [(student, other), (student, teacher), (teacher, student)] {
        let refused = list(&world, viewer, of(whose.to_string())).await;
        assert_eq!(reason(refused), ErrorReason::AdminOnly);
    }
    for (whose, expected) in [(student, vec!["09:00"]), (teacher, vec!["09:00", "11:00"])] {
        let seen = list(&world, admin, of(whose.to_string())).await.unwrap();
        assert_eq!(starts(&seen.lessons), expected);
        assert!(seen.lessons.iter().all(|lesson| lesson.bookings.len() == 1));
    }
    let own = list(&world, admin, ListLessonsRequest::default()).await;
    assert_eq!(own.unwrap().lessons, [], "an admin's own");
    let nobody = list(&world, admin, of(new_id())).await;
    assert_eq!(reason(nobody), ErrorReason::UserNotFound);
    let mut by_bot = LessonServiceClient::new(world.service.as_bot());
    let refused = by_bot.list_lessons(acting(of(student.to_string()), admin));
    assert_eq!(reason(refused.await), ErrorReason::AdminOnly);
    world.stop().await;
}
