//! What a teacher learns of a lesson's notices.

use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{
        LessonSnapshot, ListLessonDeliveriesRequest, NotificationState, StudentDeliveries,
    },
};
use service_kit::status::reason;
use sqlx::PgPool;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::support::{Gateway, Service, attempt, canceled, lesson, now, person, sent, start};

/// A teacher, a student, and a lesson of theirs in two days that the service knows of.
struct School {
    service: Service,
    teacher: Uuid,
    student: Uuid,
    begins: Timestamp,
    planned: LessonSnapshot,
}

impl School {
    async fn new(pool: &PgPool) -> Self {
        let service = start(pool, &[]).await;
        let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
        service.put(person(teacher, "Anna", 11)).await;
        service.put(person(student, "Boris", 12)).await;
        let begins = now(pool).await + SignedDuration::from_hours(48);
        let planned = lesson(teacher, student, begins);
        service.sync(planned.clone()).await;
        Self {
            service,
            teacher,
            student,
            begins,
            planned,
        }
    }
}

async fn deliveries(
    service: &Service,
    reader: Uuid,
    lesson_id: &str,
) -> Result<Vec<StudentDeliveries>, Status> {
    let request = ListLessonDeliveriesRequest {
        lesson_id: lesson_id.to_owned(),
    };
    let mut client = service.notifications_of(reader);
    let answer = client.list_lesson_deliveries(request).await?;
    Ok(answer.into_inner().students)
}

/// What was told, as kind and state.
fn told(student: &StudentDeliveries) -> Vec<(&str, NotificationState)> {
    let told = student.deliveries.iter();
    told.map(|delivery| (delivery.kind.as_str(), delivery.state()))
        .collect()
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_teacher_learns_what_reached_the_student_and_that_the_bot_is_blocked(pool: PgPool) {
    let School {
        service,
        teacher,
        student,
        begins,
        planned,
    } = School::new(&pool).await;
    let before = deliveries(&service, teacher, &planned.lesson_id)
        .await
        .unwrap();
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].student_id, student.to_string());
    assert!(before[0].reachable);
    let waits = NotificationState::Pending;
    assert_eq!(told(&before[0]), [("booked", waits), ("reminder", waits)]);

    let mut gateway = Gateway::ready(&service).await;
    for _ in 0..2 {
        let deliver = gateway.deliver().await;
        let outcome = if deliver.chat_id == 12 {
            crate::reaching::gone()
        } else {
            sent(1)
        };
        gateway.answer(attempt(&deliver), outcome).await;
    }
    let after = deliveries(&service, teacher, &planned.lesson_id)
        .await
        .unwrap();
    assert!(!after[0].reachable);
    let failed = NotificationState::Failed;
    assert_eq!(told(&after[0]), [("booked", failed), ("reminder", waits)]);
    let reminder = &after[0].deliveries[1];
    let due = olm_proto::instant(&reminder.due_time.unwrap()).unwrap();
    assert_eq!(due, begins - SignedDuration::from_hours(1));
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn nobody_but_the_teacher_learns_it(pool: PgPool) {
    let School {
        service,
        teacher,
        student,
        planned,
        ..
    } = School::new(&pool).await;
    let unknown = Uuid::new_v4().to_string();
    for (reader, lesson_id) in [
        (student, &planned.lesson_id),
        (Uuid::new_v4(), &planned.lesson_id),
        (teacher, &unknown),
    ] {
        let refused = deliveries(&service, reader, lesson_id).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        assert_eq!(reason(&refused), Some(ErrorReason::LessonNotFound));
    }
    let malformed = deliveries(&service, teacher, "7").await.unwrap_err();
    assert_eq!(malformed.code(), Code::InvalidArgument);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_server_that_speaks_for_itself_learns_it_of_every_lesson(pool: PgPool) {
    let School {
        service,
        student,
        planned,
        ..
    } = School::new(&pool).await;
    let mut client = service.notifications("gateway-rest");
    let ask = |lesson_id: &str| ListLessonDeliveriesRequest {
        lesson_id: lesson_id.to_owned(),
    };
    let answer = client.list_lesson_deliveries(ask(&planned.lesson_id)).await;
    let students = answer.unwrap().into_inner().students;
    assert_eq!(students.len(), 1);
    assert_eq!(students[0].student_id, student.to_string());
    let unknown = Uuid::new_v4().to_string();
    let refused = client.list_lesson_deliveries(ask(&unknown)).await;
    let refused = refused.unwrap_err();
    assert_eq!(reason(&refused), Some(ErrorReason::LessonNotFound));
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_was_cancelled_unsent_is_left_out(pool: PgPool) {
    let School {
        service,
        teacher,
        planned,
        ..
    } = School::new(&pool).await;
    service.sync(canceled(&planned)).await;
    let after = deliveries(&service, teacher, &planned.lesson_id)
        .await
        .unwrap();
    let reminders = told(&after[0])
        .into_iter()
        .filter(|(kind, _)| *kind == "reminder");
    assert_eq!(reminders.count(), 0);
}
