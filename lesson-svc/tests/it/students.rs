//! Who learns from whom, and teachers who stop.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AcceptInvitationRequest, CancelLessonRequest, CreateInvitationRequest,
        CreateTeacherRequest, DeleteTeacherRequest, GetTeacherRequest, GetUserRequest,
        ListMyTeachersRequest, ListSlotsRequest, ListStudentsRequest, ListStudentsResponse,
        RemoveStudentRequest, SearchTeachersRequest, StudentOrigin, TeacherPolicies, User,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::support::{World, fields, id, metadata, new_id, reason};

async fn students(
    world: &World,
    teacher: Uuid,
    page_size: i32,
    page_token: &str,
) -> Result<ListStudentsResponse, Status> {
    let request = ListStudentsRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let mut client = world.teachers();
    let answer = client.list_students(acting(request, teacher));
    Ok(answer.await?.into_inner())
}

async fn my_teachers(world: &World, student: Uuid) -> Vec<String> {
    let request = acting(ListMyTeachersRequest::default(), student);
    let answer = world.teachers().list_my_teachers(request).await.unwrap();
    let teachers = answer.into_inner().teachers.into_iter();
    teachers.map(|teacher| teacher.display_name).collect()
}

async fn remove(world: &World, teacher: Uuid, student: Uuid) -> Result<(), Status> {
    let request = RemoveStudentRequest {
        student_id: student.to_string(),
    };
    let mut client = world.teachers();
    let answer = client.remove_student(acting(request, teacher));
    answer.await.map(|_| ())
}

async fn stop_teaching(world: &World, teacher: Uuid, expected_version: i64) -> Result<(), Status> {
    let request = DeleteTeacherRequest { expected_version };
    let mut client = world.teachers();
    let answer = client.delete_teacher(acting(request, teacher));
    answer.await.map(|_| ())
}

async fn see(world: &World, viewer: Uuid, user: Uuid) -> Result<User, Status> {
    let request = GetUserRequest {
        user_id: user.to_string(),
    };
    let answer = world.users().get_user(acting(request, viewer)).await?;
    Ok(answer.into_inner().user.unwrap())
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_teachers_students_are_listed_by_name_page_after_page(pool: PgPool) {
    let world = World::start(pool).await;
    let (anna, boris) = (
        world.teacher(1, "Anna").await,
        world.teacher(2, "Boris").await,
    );
    for (telegram_id, name) in (10..).zip(["Zoe", "adam", "Мария", "Eve"]) {
        let student = id(&world.person(telegram_id, name).await);
        world.befriend(anna, student).await;
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let page = students(&world, anna, 3, &token).await.unwrap();
        seen.extend(page.students);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let names: Vec<_> = seen.iter().map(|one| one.display_name.as_str()).collect();
    assert_eq!(names, ["adam", "Eve", "Zoe", "Мария"]);
    assert_eq!(seen[0].origin(), StudentOrigin::Invitation);
    assert_eq!(seen[0].time_zone, "UTC");
    assert!(seen[0].create_time.is_some());
    assert_eq!(
        students(&world, boris, 0, "").await.unwrap().students,
        [],
        "another teacher's are not theirs"
    );
    let token = students(&world, anna, 1, "").await.unwrap().next_page_token;
    assert_eq!(
        reason(students(&world, boris, 1, &token).await),
        ErrorReason::PageTokenInvalid
    );
    assert_eq!(fields(students(&world, anna, -1, "").await), ["page_size"]);
    let student = world.student(10).await;
    assert_eq!(
        reason(students(&world, student, 0, "").await),
        ErrorReason::NotATeacher
    );
    world.befriend(boris, student).await;
    assert_eq!(my_teachers(&world, student).await, ["Anna", "Boris"]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_relation_that_ended_begins_again(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, stranger) = (world.student(2).await, world.student(3).await);
    world.befriend(teacher, student).await;
    let seen = see(&world, teacher, student).await.unwrap();
    assert_eq!(seen.display_name, "Student");
    assert_eq!(
        seen,
        User {
            id: student.to_string(),
            display_name: "Student".to_owned(),
            time_zone: "UTC".to_owned(),
            ..User::default()
        },
        "nothing else is a teacher's business"
    );
    assert!(see(&world, student, teacher).await.unwrap().is_teacher);
    for _ in 0..2 {
        remove(&world, teacher, student).await.unwrap();
    }
    assert_eq!(my_teachers(&world, student).await, [""; 0]);
    assert_eq!(
        reason(see(&world, teacher, student).await),
        ErrorReason::UserNotFound
    );
    assert_eq!(
        reason(remove(&world, teacher, stranger).await),
        ErrorReason::UserNotFound
    );
    assert_eq!(
        reason(remove(&world, student, teacher).await),
        ErrorReason::NotATeacher
    );
    let wrong = RemoveStudentRequest::default();
    let wrong = world
        .teachers()
        .remove_student(acting(wrong, teacher))
        .await;
    assert_eq!(fields(wrong), ["student_id"]);
    world.befriend(teacher, student).await;
    assert_eq!(my_teachers(&world, student).await, ["Anna"]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_stopped_teaching_is_no_teacher_for_anybody(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    world.befriend(teacher, student).await;
    let invite = CreateInvitationRequest {
        request_id: new_id(),
        ..CreateInvitationRequest::default()
    };
    let mut invitations = world.invitations();
    let open = invitations.create_invitation(acting(invite, teacher)).await;
    let token = open.unwrap().into_inner().token;
    let wrong = stop_teaching(&world, teacher, 0).await;
    assert_eq!(fields(wrong), ["expected_version"]);
    let stale = stop_teaching(&world, teacher, 2).await;
    assert_eq!(
        metadata(stale.as_ref().unwrap_err(), "current_version"),
        "1"
    );
    assert_eq!(reason(stale), ErrorReason::VersionStale);
    stop_teaching(&world, teacher, 1).await.unwrap();

    let teacher_id = teacher.to_string();
    let gone = ErrorReason::TeacherNotFound;
    let get = GetTeacherRequest {
        teacher_id: teacher_id.clone(),
    };
    let mut teachers = world.teachers();
    assert_eq!(
        reason(teachers.get_teacher(acting(get, student)).await),
        gone
    );
    let slots = ListSlotsRequest {
        teacher_id,
        ..ListSlotsRequest::default()
    };
    let slots = world
        .availability()
        .list_slots(acting(slots, student))
        .await;
    assert_eq!(reason(slots), gone);
    let booked = world.book(student, teacher, "2026-06-02T09:00:00Z").await;
    assert_eq!(reason(booked), gone);
    let search = SearchTeachersRequest::default();
    let found = teachers.search_teachers(acting(search, student)).await;
    assert_eq!(found.unwrap().into_inner().teachers, []);
    assert_eq!(my_teachers(&world, student).await, [""; 0]);
    let accept = AcceptInvitationRequest {
        token: token.clone(),
    };
    let other = world.student(3).await;
    let accepted = invitations.accept_invitation(acting(accept, other)).await;
    assert_eq!(reason(accepted), ErrorReason::InvitationNotFound);
    assert!(!see(&world, teacher, teacher).await.unwrap().is_teacher);
    assert_eq!(
        reason(stop_teaching(&world, teacher, 2).await),
        ErrorReason::NotATeacher
    );

    let again = CreateTeacherRequest {
        request_id: new_id(),
        policies: Some(TeacherPolicies {
            subjects: vec!["Chess".to_owned()],
            ..TeacherPolicies::default()
        }),
    };
    let again = teachers.create_teacher(acting(again, teacher)).await;
    let again = again.unwrap().into_inner().teacher.unwrap();
    assert_eq!(
        (again.version, again.policies.unwrap().subjects.len()),
        (3, 1)
    );
    assert_eq!(
        my_teachers(&world, student).await,
        ["Anna"],
        "what was is kept"
    );
    let accept = AcceptInvitationRequest { token };
    let accepted = invitations.accept_invitation(acting(accept, other)).await;
    assert_eq!(reason(accepted), ErrorReason::InvitationRevoked);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn nobody_stops_teaching_while_lessons_are_ahead(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-02T09:00:00Z").await;
    assert_eq!(
        reason(stop_teaching(&world, teacher, 1).await),
        ErrorReason::LessonsAhead
    );
    let cancel = CancelLessonRequest {
        lesson_id: lesson.unwrap().id,
        expected_version: 1,
        ..CancelLessonRequest::default()
    };
    let canceled = world.lessons().cancel_lesson(acting(cancel, teacher)).await;
    canceled.unwrap();
    stop_teaching(&world, teacher, 1).await.unwrap();
    world.stop().await;
}
