//! Who may see: every RPC as somebody who must not.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        BookLessonRequest, CancelLessonRequest, CreateTeacherRequest, GetAvailabilityRequest,
        GetLessonRequest, GetTeacherRequest, GetUserRequest, ListLessonsRequest, ListSlotsRequest,
        SearchTeachersRequest, SetWeeklyRulesRequest, TeacherPolicies, UpdateSettingsRequest,
        UpdateTeacherRequest,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{World, booking, new_id, reason};

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn every_rpc_answers_not_found_to_somebody_who_is_not_registered(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap()
        .id;
    let nobody = Uuid::from_u128(7);
    let teacher_id = teacher.to_string();
    let (mut users, mut teachers) = (world.users(), world.teachers());
    let (mut availability, mut lessons) = (world.availability(), world.lessons());
    let user = ErrorReason::UserNotFound;

    let request = GetUserRequest {
        user_id: student.to_string(),
    };
    assert_eq!(reason(users.get_user(acting(request, nobody)).await), user);
    let request = GetUserRequest {
        user_id: nobody.to_string(),
    };
    assert_eq!(reason(users.get_user(acting(request, nobody)).await), user);
    let request = UpdateSettingsRequest {
        expected_version: 1,
        ..UpdateSettingsRequest::default()
    };
    assert_eq!(
        reason(users.update_settings(acting(request, nobody)).await),
        user
    );

    let request = CreateTeacherRequest {
        request_id: new_id(),
        policies: None,
    };
    assert_eq!(
        reason(teachers.create_teacher(acting(request, nobody)).await),
        user
    );
    let request = GetTeacherRequest {
        teacher_id: teacher_id.clone(),
    };
    assert_eq!(
        reason(teachers.get_teacher(acting(request, nobody)).await),
        user
    );
    let request = UpdateTeacherRequest {
        policies: Some(TeacherPolicies::default()),
        expected_version: 1,
    };
    assert_eq!(
        reason(teachers.update_teacher(acting(request, nobody)).await),
        user
    );
    let request = SearchTeachersRequest::default();
    assert_eq!(
        reason(teachers.search_teachers(acting(request, nobody)).await),
        user
    );

    let request = GetAvailabilityRequest {
        teacher_id: teacher_id.clone(),
    };
    assert_eq!(
        reason(availability.get_availability(acting(request, nobody)).await),
        user
    );
    let request = SetWeeklyRulesRequest {
        time_zone: "UTC".to_owned(),
        rules: Vec::new(),
        expected_version: 1,
    };
    assert_eq!(
        reason(availability.set_weekly_rules(acting(request, nobody)).await),
        user
    );
    let request = ListSlotsRequest {
        teacher_id,
        ..ListSlotsRequest::default()
    };
    assert_eq!(
        reason(availability.list_slots(acting(request, nobody)).await),
        user
    );

    let request: BookLessonRequest = booking(teacher, "2026-06-01T14:00:00Z");
    assert_eq!(
        reason(lessons.book_lesson(acting(request, nobody)).await),
        user
    );
    let request = ListLessonsRequest::default();
    assert_eq!(
        reason(lessons.list_lessons(acting(request, nobody)).await),
        user
    );
    let request = GetLessonRequest {
        lesson_id: lesson.clone(),
    };
    assert_eq!(
        reason(lessons.get_lesson(acting(request, nobody)).await),
        user
    );
    let request = CancelLessonRequest {
        lesson_id: lesson,
        expected_version: 1,
        reason: String::new(),
    };
    assert_eq!(
        reason(lessons.cancel_lesson(acting(request, nobody)).await),
        user
    );
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_lesson_is_not_found_by_those_who_do_not_take_part(pool: PgPool) {
    let world = World::start(pool).await;
    let (teacher, other_teacher) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    let (student, other) = (world.student(3).await, world.student(4).await);
    let lesson = world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    let get = |viewer: Uuid| {
        let mut client = world.lessons();
        let request = acting(
            GetLessonRequest {
                lesson_id: lesson.id.clone(),
            },
            viewer,
        );
        async move { client.get_lesson(request).await }
    };
    for participant in [teacher, student] {
        assert_eq!(
            get(participant).await.unwrap().into_inner().lesson.unwrap(),
            lesson
        );
    }
    for stranger in [other_teacher, other] {
        assert_eq!(reason(get(stranger).await), ErrorReason::LessonNotFound);
        let request = CancelLessonRequest {
            lesson_id: lesson.id.clone(),
            expected_version: 1,
            reason: String::new(),
        };
        let canceled = world
            .lessons()
            .cancel_lesson(acting(request, stranger))
            .await;
        assert_eq!(reason(canceled), ErrorReason::LessonNotFound);
        let listed = world
            .lessons()
            .list_lessons(acting(ListLessonsRequest::default(), stranger))
            .await;
        assert!(listed.unwrap().into_inner().lessons.is_empty());
    }
    world.stop().await;
}

/// Lessons have one seat as yet; the queries are ready for more.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_student_sees_only_their_own_seat(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, second) = (world.student(2).await, world.student(3).await);
    let lesson = world
        .book(student, teacher, "2026-06-01T12:00:00Z")
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time)
         SELECT $1, id, $2, during, 'confirmed', now() FROM lesson.lessons",
    )
    .bind(Uuid::new_v4())
    .bind(second)
    .execute(&world.pool)
    .await
    .unwrap();
    let seats = |viewer: Uuid| {
        let mut client = world.lessons();
        let request = acting(
            GetLessonRequest {
                lesson_id: lesson.id.clone(),
            },
            viewer,
        );
        async move {
            client
                .get_lesson(request)
                .await
                .unwrap()
                .into_inner()
                .lesson
                .unwrap()
                .bookings
        }
    };
    assert_eq!(seats(teacher).await.len(), 2);
    for viewer in [student, second] {
        let own = seats(viewer).await;
        assert_eq!(
            (own.len(), own[0].student_id.as_str()),
            (1, viewer.to_string().as_str())
        );
    }
    world.stop().await;
}
