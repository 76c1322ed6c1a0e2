//! Who changed what in a lesson, and when.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        ActorRole, BookingStatus, Lesson, LessonChange, LessonChangeKind, ListLessonChangesRequest,
        ListLessonChangesResponse, RecordAttendanceRequest, TeacherPolicies, UpdateLessonRequest,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    steps::{cancel, history, hold, shift},
    support::{World, at, fields, reason, until, wire},
};

type Line = (i64, LessonChangeKind, ActorRole, String);

fn line(change: &LessonChange) -> Line {
    let actor = change.actor_id.clone();
    (change.version, change.kind(), change.actor_role(), actor)
}

async fn page(
    world: &World,
    viewer: Uuid,
    lesson: &Lesson,
    page_token: &str,
) -> Result<ListLessonChangesResponse, Status> {
    let request = ListLessonChangesRequest {
        lesson_id: lesson.id.clone(),
        page_size: 2,
        page_token: page_token.to_owned(),
    };
    let mut lessons = world.lessons();
    let answer = lessons.list_lesson_changes(acting(request, viewer)).await?;
    Ok(answer.into_inner())
}

/// A lesson of the third day that was booked, moved, linked, moved back by the teacher,
/// and attended.
async fn eventful(world: &World, teacher: Uuid, student: Uuid) -> Lesson {
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    world.clock.set(at("2026-06-01T01:00:00Z"));
    let moved = shift(world, student, &lesson.unwrap(), "2026-06-04T12:00:00Z").await;
    let update = UpdateLessonRequest {
        lesson_id: moved.unwrap().id,
        expected_version: 2,
        notes: Some("p. 7".to_owned()),
        meeting_url: None,
    };
    let mut lessons = world.lessons();
    let updated = lessons.update_lesson(acting(update, teacher)).await;
    let updated = updated.unwrap().into_inner().lesson.unwrap();
    let back = shift(world, teacher, &updated, "2026-06-03T12:00:00Z").await;
    let back = back.unwrap();
    world.clock.set(at("2026-06-03T12:30:00Z"));
    let record = RecordAttendanceRequest {
        lesson_id: back.id,
        expected_version: 4,
        booking_id: back.bookings[0].id.clone(),
        status: BookingStatus::Attended.into(),
    };
    let attended = lessons.record_attendance(acting(record, teacher)).await;
    attended.unwrap().into_inner().lesson.unwrap()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_history_is_complete_and_in_order_for_all_who_take_part(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, admin) = (world.student(2).await, world.admin(9).await);
    let lesson = eventful(&world, teacher, student).await;
    let changes = history(&world, teacher, &lesson).await;
    let (by_student, by_teacher) = (ActorRole::Student, ActorRole::Teacher);
    let lines: Vec<_> = changes.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            (1, LessonChangeKind::Booked, by_student, student.to_string()),
            (2, LessonChangeKind::Moved, by_student, student.to_string()),
            (
                3,
                LessonChangeKind::Updated,
                by_teacher,
                teacher.to_string()
            ),
            (4, LessonChangeKind::Moved, by_teacher, teacher.to_string()),
            (
                5,
                LessonChangeKind::Attendance,
                by_teacher,
                teacher.to_string()
            ),
        ]
    );
    let (old, new) = (wire("2026-06-03T12:00:00Z"), wire("2026-06-04T12:00:00Z"));
    let starts = changes.iter().map(|change| change.start_time.unwrap());
    assert!(starts.eq([old, new, new, old, old]));
    let previous = changes.iter().map(|change| change.previous_start_time);
    assert!(previous.eq([None, Some(old), None, Some(new), None]));
    assert_eq!(changes[0].change_time, Some(wire("2026-06-01T00:00:00Z")));
    assert_eq!(changes[4].change_time, Some(wire("2026-06-03T12:30:00Z")));
    assert_eq!(changes[4].booking_status(), BookingStatus::Attended);
    for viewer in [student, admin] {
        assert_eq!(history(&world, viewer, &lesson).await, changes);
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_history_is_read_page_after_page(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = eventful(&world, teacher, student).await;
    let first = page(&world, student, &lesson, "").await.unwrap();
    let second = page(&world, student, &lesson, &first.next_page_token).await;
    let second = second.unwrap();
    let third = page(&world, student, &lesson, &second.next_page_token).await;
    let third = third.unwrap();
    assert_eq!(third.next_page_token, "");
    let pages = [first.changes, second.changes, third.changes];
    assert_eq!(pages.each_ref().map(Vec::len), [2, 2, 1]);
    assert_eq!(pages.concat(), history(&world, student, &lesson).await);
    let others = page(&world, teacher, &lesson, &first.next_page_token).await;
    assert_eq!(reason(others), ErrorReason::PageTokenInvalid);
    let other = world.book(student, teacher, "2026-06-05T12:00:00Z").await;
    let others = page(&world, student, &other.unwrap(), &second.next_page_token).await;
    assert_eq!(reason(others), ErrorReason::PageTokenInvalid);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn nobody_lets_a_hold_or_a_request_lapse_but_time(pool: PgPool) {
    let world = World::start(pool).await;
    let anna = world.teacher(1, "Anna").await;
    let policies = TeacherPolicies {
        requires_approval: true,
        ..TeacherPolicies::default()
    };
    let boris = world.teacher_with(3, "Boris", policies).await;
    let student = world.student(2).await;
    let asked = world.book(student, boris, "2026-06-03T15:00:00Z").await;
    let kept = hold(&world, student, anna, "2026-06-03T12:00:00Z").await;
    world.clock.set(at("2026-06-01T12:00:00Z"));
    for lesson in [kept, asked.unwrap()] {
        until("the lesson lapses", || async {
            history(&world, student, &lesson).await.len() == 2
        })
        .await;
        let change = history(&world, student, &lesson).await.pop().unwrap();
        let lapsed = LessonChangeKind::Lapsed;
        assert_eq!(line(&change), (2, lapsed, ActorRole::System, String::new()));
        assert_eq!(change.change_time, Some(wire("2026-06-01T12:00:00Z")));
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_cancellation_says_what_became_of_the_seat(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-01T12:00:00Z").await;
    let lesson = lesson.unwrap();
    cancel(&world, student, &lesson.id, 1, "ill").await.unwrap();
    let change = history(&world, teacher, &lesson).await.pop().unwrap();
    assert_eq!(change.kind(), LessonChangeKind::Canceled);
    assert_eq!(change.booking_status(), BookingStatus::LateCanceled);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn strangers_see_no_history_and_all_faults_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, stranger) = (world.student(2).await, world.student(3).await);
    let lesson = world.book(student, teacher, "2026-06-01T12:00:00Z").await;
    let refused = page(&world, stranger, &lesson.unwrap(), "").await;
    assert_eq!(reason(refused), ErrorReason::LessonNotFound);
    let wrong = ListLessonChangesRequest {
        lesson_id: "7".to_owned(),
        page_size: -1,
        page_token: String::new(),
    };
    let mut lessons = world.lessons();
    let refused = lessons.list_lesson_changes(acting(wrong, student)).await;
    assert_eq!(fields(refused), ["lesson_id", "page_size"]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_student_reads_nothing_of_what_became_of_others_seats(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let (student, second) = (world.student(2).await, world.student(3).await);
    let lesson = eventful(&world, teacher, student).await;
    let id = Uuid::new_v4();
    for statement in [
        "INSERT INTO lesson.groups (id, teacher_id, title, capacity, create_time)
         SELECT $1, teacher_id, 'Chess', 2, now() FROM lesson.lessons WHERE $2::uuid IS NOT NULL",
        "UPDATE lesson.lessons SET group_id = $1, capacity = 2 WHERE $2::uuid IS NOT NULL",
        "INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time)
         SELECT $1, id, $2, during, 'confirmed', now() FROM lesson.lessons",
    ] {
        let statement = sqlx::query(statement).bind(id).bind(second);
        statement.execute(&world.pool).await.unwrap();
    }
    let attendance = async |viewer| {
        let seen = history(&world, viewer, &lesson).await;
        let attendance = LessonChangeKind::Attendance;
        let others = seen.iter().filter(|change| change.kind() != attendance);
        (
            others.count(),
            seen.iter().any(|change| change.kind() == attendance),
        )
    };
    assert_eq!(attendance(teacher).await, (4, true));
    assert_eq!(attendance(student).await, (4, true));
    assert_eq!(attendance(second).await, (4, false));
    world.stop().await;
}
