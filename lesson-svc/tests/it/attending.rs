//! Who came, and who did not.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        BookingStatus, HoldSlotRequest, Lesson, LessonChangeKind, LessonStatus,
        RecordAttendanceRequest, TeacherPolicies,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use BookingStatus::{Attended, Canceled, Confirmed, LateCanceled, NoShow, Pending};

use crate::{
    steps::{cancel, history},
    support::{World, at, fields, metadata, new_id, reason, seconds, wire},
};

/// Says what became of a lesson's only seat.
async fn record(
    world: &World,
    by: Uuid,
    lesson: &Lesson,
    status: BookingStatus,
) -> Result<Lesson, Status> {
    let request = RecordAttendanceRequest {
        lesson_id: lesson.id.clone(),
        expected_version: lesson.version,
        booking_id: lesson.bookings[0].id.clone(),
        status: status.into(),
    };
    let mut lessons = world.lessons();
    let answer = lessons.record_attendance(acting(request, by)).await?;
    Ok(answer.into_inner().lesson.unwrap())
}

fn seat(lesson: &Lesson) -> (BookingStatus, i64) {
    (lesson.bookings[0].status(), lesson.bookings[0].version)
}

/// A teacher, a student, and their lesson at noon of the third day.
async fn booked(pool: PgPool) -> (World, Uuid, Uuid, Lesson) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    let student = world.student(2).await;
    let lesson = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    (world, teacher, student, lesson.unwrap())
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_came_is_said_once_the_lesson_has_begun_and_may_be_corrected(pool: PgPool) {
    let (world, teacher, student, lesson) = booked(pool).await;
    world.clock.set(at("2026-06-03T11:59:59Z"));
    for status in [Attended, NoShow] {
        let early = record(&world, teacher, &lesson, status).await;
        assert_eq!(reason(early), ErrorReason::LessonNotStarted);
    }
    world.clock.set(at("2026-06-03T12:00:00Z"));
    let rows = world.outbox_rows().await;
    let came = record(&world, teacher, &lesson, Attended).await.unwrap();
    assert_eq!(seat(&came), (Attended, 2));
    assert_eq!((came.version, came.schedule_version), (2, 1));
    assert_eq!(came.status(), LessonStatus::Scheduled);
    let same = record(&world, teacher, &came, Attended).await.unwrap();
    assert_eq!(same, came, "nothing changed");
    let corrected = record(&world, teacher, &came, NoShow).await.unwrap();
    assert_eq!(seat(&corrected), (NoShow, 3));
    assert_eq!((corrected.version, corrected.schedule_version), (3, 1));
    let repeated = record(&world, teacher, &lesson, Attended).await.unwrap();
    assert_eq!(repeated, corrected, "the first request again");
    assert_eq!(world.outbox_rows().await, rows, "nobody's plan changes");
    let lines = history(&world, student, &lesson).await;
    let lines: Vec<_> = lines
        .iter()
        .map(|line| (line.kind(), line.booking_status()))
        .collect();
    let attendance = LessonChangeKind::Attendance;
    assert_eq!(lines[1..], [(attendance, Attended), (attendance, NoShow)]);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_late_cancellation_is_excused_and_counted_again(pool: PgPool) {
    let (world, teacher, student, lesson) = booked(pool).await;
    world.clock.set(at("2026-06-03T10:00:00Z"));
    let off = cancel(&world, student, &lesson.id, 1, "").await.unwrap();
    assert_eq!(seat(&off), (LateCanceled, 2));
    let excused = record(&world, teacher, &off, Canceled).await.unwrap();
    assert_eq!(seat(&excused), (Canceled, 3));
    assert_eq!((excused.version, excused.schedule_version), (3, 2));
    assert_eq!(excused.status(), LessonStatus::Canceled);
    let counted = record(&world, teacher, &excused, LateCanceled).await;
    let counted = counted.unwrap();
    assert_eq!(seat(&counted), (LateCanceled, 4));
    world.clock.set(at("2026-06-03T13:00:00Z"));
    for status in [Attended, NoShow] {
        let refused = record(&world, teacher, &counted, status).await;
        assert_eq!(reason(refused), ErrorReason::LessonCanceled);
    }
    world.stop().await;
}

/// Only what history shows as late can be counted as late again.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn what_a_student_gave_up_in_time_is_never_late(pool: PgPool) {
    let (world, teacher, student, lesson) = booked(pool).await;
    let in_time = cancel(&world, student, &lesson.id, 1, "").await.unwrap();
    assert_eq!(seat(&in_time), (Canceled, 2));
    let policies = TeacherPolicies {
        min_notice: Some(seconds(0)),
        requires_approval: true,
        ..TeacherPolicies::default()
    };
    let approving = world.teacher_with(3, "Boris", policies).await;
    let hold = HoldSlotRequest {
        request_id: new_id(),
        teacher_id: teacher.to_string(),
        start_time: Some(wire("2026-06-03T15:00:00Z")),
        lesson_duration: None,
    };
    world.clock.set(at("2026-06-03T11:59:00Z"));
    let held = world.lessons().hold_slot(acting(hold, student)).await;
    let held = held.unwrap().into_inner().lesson.unwrap();
    let let_go = cancel(&world, student, &held.id, 1, "").await.unwrap();
    for (by, given_up) in [(teacher, in_time), (teacher, let_go)] {
        let counted = record(&world, by, &given_up, LateCanceled).await;
        assert_eq!(reason(counted), ErrorReason::LessonStatusUnsuitable);
    }
    let request = world.book(student, approving, "2026-06-03T14:00:00Z").await;
    let request = request.unwrap();
    let withdrawn = cancel(&world, student, &request.id, 1, "").await;
    let counted = record(&world, approving, &withdrawn.unwrap(), LateCanceled).await;
    assert_eq!(reason(counted), ErrorReason::LessonStatusUnsuitable);
    world.stop().await;
}

/// Scenario 7: who came is in the lesson until it ends.
#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn who_came_has_no_other_lesson_until_this_one_ends(pool: PgPool) {
    let (world, teacher, student, lesson) = booked(pool).await;
    let boris = world.teacher(3, "Boris").await;
    world.clock.set(at("2026-06-03T12:01:00Z"));
    let came = record(&world, teacher, &lesson, Attended).await.unwrap();
    let during = "2026-06-03T12:30:00Z";
    let offered = world.slots(boris, Some(student), during, "2026-06-03T13:30:00Z");
    assert_eq!(offered.await, ["2026-06-03T13:00:00Z"]);
    let second = world.book(student, boris, during).await;
    assert_eq!(reason(second), ErrorReason::StudentBusy);
    let seats =
        "INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time)
        SELECT gen_random_uuid(), id, $1, during, 'confirmed', create_time FROM lesson.lessons
        WHERE teacher_id = $2";
    let other = world.student(4).await;
    world.book(other, boris, during).await.unwrap();
    let refused = sqlx::query(seats).bind(student).bind(boris);
    let refused = refused.execute(&world.pool).await.unwrap_err();
    let constraint = refused
        .as_database_error()
        .and_then(|error| error.constraint());
    assert_eq!(constraint, Some("bookings_student_no_overlap"));
    // Who stayed away is free, and then came after all only if the time is still theirs.
    let clara = world.teacher(5, "Clara").await;
    let away = record(&world, teacher, &came, NoShow).await.unwrap();
    world.book(student, clara, during).await.unwrap();
    let came_after_all = record(&world, teacher, &away, Attended).await;
    assert_eq!(reason(came_after_all), ErrorReason::StudentBusy);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn only_a_seat_that_its_student_gave_up_is_late(pool: PgPool) {
    let (world, teacher, student, lesson) = booked(pool).await;
    let other = world.book(student, teacher, "2026-06-03T15:00:00Z").await;
    let other = other.unwrap();
    world.clock.set(at("2026-06-03T14:00:00Z"));
    for status in [LateCanceled, Canceled] {
        let refused = record(&world, teacher, &lesson, status).await;
        assert_eq!(
            metadata(refused.as_ref().unwrap_err(), "status"),
            "scheduled"
        );
        assert_eq!(reason(refused), ErrorReason::LessonStatusUnsuitable);
    }
    let off = cancel(&world, teacher, &other.id, 1, "").await.unwrap();
    for status in [LateCanceled, Canceled] {
        let refused = record(&world, teacher, &off, status).await;
        assert_eq!(reason(refused), ErrorReason::LessonStatusUnsuitable);
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn nothing_is_recorded_of_a_request(pool: PgPool) {
    let world = World::start(pool).await;
    let policies = TeacherPolicies {
        requires_approval: true,
        ..TeacherPolicies::default()
    };
    let teacher = world.teacher_with(1, "Anna", policies).await;
    let student = world.student(2).await;
    let asked = world.book(student, teacher, "2026-06-03T12:00:00Z").await;
    let asked = asked.unwrap();
    for status in [Attended, NoShow, LateCanceled, Canceled] {
        let refused = record(&world, teacher, &asked, status).await;
        assert_eq!(
            metadata(refused.as_ref().unwrap_err(), "status"),
            "requested"
        );
        assert_eq!(reason(refused), ErrorReason::LessonStatusUnsuitable);
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn only_the_teacher_and_admins_say_who_came(pool: PgPool) {
    let (world, teacher, student, lesson) = booked(pool).await;
    let (stranger, admin) = (world.teacher(3, "Boris").await, world.admin(9).await);
    world.clock.set(at("2026-06-03T13:00:00Z"));
    let by_student = record(&world, student, &lesson, Attended).await;
    assert_eq!(reason(by_student), ErrorReason::TeacherOnly);
    let by_stranger = record(&world, stranger, &lesson, Attended).await;
    assert_eq!(reason(by_stranger), ErrorReason::LessonNotFound);
    let by_admin = record(&world, admin, &lesson, NoShow).await.unwrap();
    assert_eq!(seat(&by_admin), (NoShow, 2));
    let stale = record(&world, teacher, &lesson, Attended).await;
    assert_eq!(reason(stale), ErrorReason::VersionStale);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_seat_of_another_lesson_is_not_found(pool: PgPool) {
    let (world, teacher, student, mut lesson) = booked(pool).await;
    let other = world.book(student, teacher, "2026-06-04T12:00:00Z").await;
    world.clock.set(at("2026-06-05T13:00:00Z"));
    for booking in [other.unwrap().bookings[0].id.clone(), new_id()] {
        lesson.bookings[0].id = booking;
        let refused = record(&world, teacher, &lesson, Attended).await;
        assert_eq!(reason(refused), ErrorReason::BookingNotFound);
    }
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn all_faults_of_a_record_are_told_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Anna").await;
    for status in [0, Confirmed.into(), Pending.into(), 99] {
        let wrong = RecordAttendanceRequest {
            lesson_id: "7".to_owned(),
            expected_version: -1,
            booking_id: "8".to_owned(),
            status,
        };
        let mut lessons = world.lessons();
        let refused = lessons.record_attendance(acting(wrong, teacher)).await;
        assert_eq!(
            fields(refused),
            ["booking_id", "expected_version", "lesson_id", "status"]
        );
    }
    world.stop().await;
}
