use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        CreateTeacherRequest, GetTeacherRequest, SearchTeachersRequest, SearchTeachersResponse,
        Teacher, TeacherPolicies, UpdateTeacherRequest,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, fields, id, metadata, new_id, reason, seconds, until, waiting};

async fn create(
    world: &World,
    user: Uuid,
    request: CreateTeacherRequest,
) -> Result<Teacher, Status> {
    let answer = world
        .teachers()
        .create_teacher(acting(request, user))
        .await?;
    Ok(answer.into_inner().teacher.unwrap())
}

async fn update(
    world: &World,
    user: Uuid,
    request: UpdateTeacherRequest,
) -> Result<Teacher, Status> {
    let answer = world
        .teachers()
        .update_teacher(acting(request, user))
        .await?;
    Ok(answer.into_inner().teacher.unwrap())
}

async fn search(
    world: &World,
    viewer: Uuid,
    query: &str,
    page_size: i32,
    token: &str,
) -> Result<SearchTeachersResponse, Status> {
    let request = SearchTeachersRequest {
        query: query.to_owned(),
        page_size,
        page_token: token.to_owned(),
        ..SearchTeachersRequest::default()
    };
    Ok(world
        .teachers()
        .search_teachers(acting(request, viewer))
        .await?
        .into_inner())
}

/// In lower case, because teachers whose names differ only by case are by id.
fn names_of(teachers: Vec<Teacher>) -> Vec<String> {
    let name = |teacher: Teacher| teacher.display_name.to_lowercase();
    teachers.into_iter().map(name).collect()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_person_becomes_a_teacher_once(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = id(&world.person(1, "Anna").await);
    let request = CreateTeacherRequest {
        request_id: new_id(),
        policies: None,
    };
    let teacher = create(&world, anna, request.clone()).await.unwrap();
    let policies = teacher.policies.unwrap();
    assert_eq!(policies.lesson_durations, [seconds(3600)]);
    assert_eq!(policies.slot_step, Some(seconds(1800)));
    assert_eq!(policies.min_notice, Some(seconds(7200)));
    assert_eq!(policies.booking_horizon, Some(seconds(60 * 86_400)));
    assert_eq!((teacher.id, teacher.version), (anna.to_string(), 1));
    assert_eq!(
        create(&world, anna, request.clone()).await.unwrap().version,
        1
    );
    let other = CreateTeacherRequest {
        policies: Some(TeacherPolicies {
            slot_step: Some(seconds(900)),
            ..TeacherPolicies::default()
        }),
        ..request
    };
    assert_eq!(
        reason(create(&world, anna, other.clone()).await),
        ErrorReason::RequestIdReused
    );
    let again = CreateTeacherRequest {
        request_id: new_id(),
        ..other
    };
    let stays = create(&world, anna, again).await.unwrap();
    assert_eq!(
        stays.policies.unwrap().slot_step,
        Some(seconds(1800)),
        "a teacher stays as they are"
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn policies_are_replaced_only_from_the_version_that_was_read(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let request = UpdateTeacherRequest {
        policies: Some(TeacherPolicies {
            buffer_after: Some(seconds(600)),
            ..TeacherPolicies::default()
        }),
        expected_version: 1,
    };
    let updated = update(&world, teacher, request.clone()).await.unwrap();
    assert_eq!(updated.version, 2);
    assert_eq!(
        updated.policies.unwrap().min_notice,
        Some(seconds(7200)),
        "unset takes its default"
    );
    let stale = update(&world, teacher, request).await;
    assert_eq!(
        metadata(stale.as_ref().unwrap_err(), "current_version"),
        "2"
    );
    assert_eq!(reason(stale), ErrorReason::VersionStale);
    let student = world.student(2).await;
    let request = UpdateTeacherRequest {
        policies: Some(TeacherPolicies::default()),
        expected_version: 1,
    };
    assert_eq!(
        reason(update(&world, student, request).await),
        ErrorReason::NotATeacher
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_policies_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = id(&world.person(1, "Anna").await);
    let policies = TeacherPolicies {
        lesson_durations: vec![seconds(0)],
        buffer_before: Some(seconds(-1)),
        booking_horizon: Some(seconds(367 * 86_400)),
        ..TeacherPolicies::default()
    };
    let request = CreateTeacherRequest {
        request_id: "7".to_owned(),
        policies: Some(policies),
    };
    assert_eq!(
        fields(create(&world, anna, request).await),
        [
            "policies.booking_horizon",
            "policies.buffer_before",
            "policies.lesson_durations[0]",
            "request_id"
        ]
    );
    let request = UpdateTeacherRequest {
        policies: None,
        expected_version: 0,
    };
    assert_eq!(
        fields(update(&world, anna, request).await),
        ["expected_version", "policies"]
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn teachers_are_found_by_part_of_a_name_page_after_page(pool: PgPool) {
    let world = World::start(pool).await;
    let names = ["boris", "Anna", "anna", "Clara 100%", "Анна"];
    for (telegram_id, name) in (1..).zip(names) {
        world.teacher(telegram_id, name).await;
    }
    let viewer = world.student(99).await;
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let page = search(&world, viewer, "", 2, &token).await.unwrap();
        assert!(page.teachers.len() <= 2);
        seen.extend(names_of(page.teachers));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["anna", "anna", "boris", "clara 100%", "анна"]);
    for (query, found) in [
        ("NN", &["anna", "anna"][..]),
        ("0%", &["clara 100%"]),
        ("_", &[]),
    ] {
        let page = search(&world, viewer, query, 0, "").await.unwrap();
        assert_eq!(names_of(page.teachers), found, "{query}");
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_page_token_is_good_only_for_its_query(pool: PgPool) {
    let world = World::start(pool).await;
    for telegram_id in 1..=3 {
        world.teacher(telegram_id, "Anna").await;
    }
    let (viewer, other) = (world.student(98).await, world.student(99).await);
    let token = search(&world, viewer, "", 1, "")
        .await
        .unwrap()
        .next_page_token;
    assert!(
        search(&world, viewer, "", 2, &token).await.is_ok(),
        "another size is fine"
    );
    assert_eq!(
        reason(search(&world, viewer, "a", 1, &token).await),
        ErrorReason::PageTokenInvalid
    );
    assert_eq!(
        reason(search(&world, other, "", 1, &token).await),
        ErrorReason::PageTokenInvalid
    );
    assert_eq!(
        reason(search(&world, viewer, "", 1, "!").await),
        ErrorReason::PageTokenInvalid
    );
    let wrong = search(&world, viewer, &"x".repeat(65), -1, "").await;
    assert_eq!(fields(wrong), ["page_size", "query"]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn every_registered_person_may_look_at_a_teacher(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let get = |id: Uuid| {
        acting(
            GetTeacherRequest {
                teacher_id: id.to_string(),
            },
            student,
        )
    };
    let seen = world
        .teachers()
        .get_teacher(get(teacher))
        .await
        .unwrap()
        .into_inner()
        .teacher
        .unwrap();
    assert_eq!(
        (seen.display_name.as_str(), seen.time_zone.as_str()),
        ("Anna", "UTC")
    );
    assert_eq!(
        reason(world.teachers().get_teacher(get(student)).await),
        ErrorReason::TeacherNotFound
    );
    world.stop().await;
}

/// A student's booking holds the student, and the teacher that the student is; one who
/// came about meanwhile would be booked at the same time.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_is_just_booking_becomes_a_teacher_afterwards(pool: PgPool) {
    let world = World::start(pool).await;
    let person = world.student(1).await;
    let mut booking = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM lesson.users WHERE id = $1 FOR NO KEY UPDATE")
        .bind(person)
        .execute(&mut *booking)
        .await
        .unwrap();
    let mut teachers = world.teachers();
    let request = CreateTeacherRequest {
        request_id: new_id(),
        policies: None,
    };
    let creating =
        tokio::spawn(async move { teachers.create_teacher(acting(request, person)).await });
    until("it waits or is done", || async {
        creating.is_finished() || waiting(&world.pool).await > 0
    })
    .await;
    assert!(!creating.is_finished(), "it did not wait");
    booking.commit().await.unwrap();
    creating.await.unwrap().unwrap();
    world.stop().await;
}
