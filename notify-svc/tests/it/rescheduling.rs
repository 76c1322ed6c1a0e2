//! Another time for a notification that a client created.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{
        Ambiguous, CancelNotificationRequest, CreateNotificationRequest, NotWritten, Notification,
        NotificationState, RescheduleNotificationRequest, RescheduleNotificationResponse,
        RescheduleOutcome, outcome::Kind,
    },
    timestamp,
};
use service_kit::status::reason;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tonic::Status;
use uuid::Uuid;

use crate::support::{
    Gateway, Service, attempt, custom, eventually, id, lesson, listening, now, person, sent, start,
    state,
};

fn to(id: Uuid, due: Timestamp) -> RescheduleNotificationRequest {
    RescheduleNotificationRequest {
        notification_id: id.to_string(),
        client: String::new(),
        due_time: Some(timestamp(due)),
        expire_time: None,
    }
}

async fn ask(
    service: &Service,
    caller: &'static str,
    request: RescheduleNotificationRequest,
) -> Result<RescheduleNotificationResponse, Status> {
    let mut client = service.notifications(caller);
    let answer = client.reschedule_notification(request).await?;
    Ok(answer.into_inner())
}

/// What it achieved, and how the notification stands.
async fn reschedule(
    service: &Service,
    request: RescheduleNotificationRequest,
) -> (RescheduleOutcome, Notification) {
    let answer = ask(service, "gateway-rest", request).await.unwrap();
    (answer.outcome(), answer.notification.unwrap())
}

async fn reader(service: &Service) -> Uuid {
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    user
}

async fn tell_at(service: &Service, user: Uuid, due: Timestamp) -> Uuid {
    let request = CreateNotificationRequest {
        due_time: Some(timestamp(due)),
        ..custom(user, "hello")
    };
    service.tell_with(request).await
}

async fn version(pool: &PgPool, id: Uuid) -> i64 {
    sqlx::query_scalar("SELECT version FROM notify.notifications WHERE id = $1")
        .bind(id)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_is_moved_earlier_comes_then_whichever_replica_is_asked(pool: PgPool) {
    // No sweep: only a wake-up can bring it.
    let slow = [("SWEEP_INTERVAL", "60")];
    let (here, there) = (start(&pool, &slow).await, start(&pool, &slow).await);
    eventually(2, || listening(&pool)).await;
    let user = reader(&here).await;
    let mut gateway = Gateway::ready(&here).await;
    for replica in [&here, &there] {
        let due = now(&pool).await + SignedDuration::from_hours(1);
        let told = tell_at(&here, user, due).await;
        let soon = now(&pool).await;
        let (outcome, moved) = reschedule(replica, to(told, soon)).await;
        assert_eq!(outcome, RescheduleOutcome::Rescheduled);
        assert_eq!(moved.state(), NotificationState::Pending);
        assert_eq!(moved.due_time, Some(timestamp(soon)));
        let deliver = gateway.send().await;
        assert_eq!((id(&deliver), attempt(&deliver).attempt_no), (told, 1));
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_is_moved_later_is_not_begun_at_its_former_time(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let due = now(&pool).await + SignedDuration::from_millis(800);
    let moved = tell_at(&service, user, due).await;
    let kept = tell_at(&service, user, due).await;
    let later = due + SignedDuration::from_hours(1);
    let (outcome, seen) = reschedule(&service, to(moved, later)).await;
    assert_eq!(outcome, RescheduleOutcome::Rescheduled);
    assert_eq!(seen.due_time, Some(timestamp(later)));
    let expires = later + SignedDuration::from_hours(24);
    assert_eq!(seen.expire_time, Some(timestamp(expires)));
    assert_eq!(id(&gateway.send().await), kept);
    gateway.nothing_comes(&service, user).await;
    assert_eq!(state(&pool, moved).await, "pending");
}

/// Asks for another time of all of them.
fn ask_at_once(
    service: &Service,
    told: &[Uuid],
    later: Timestamp,
) -> Vec<JoinHandle<(Uuid, RescheduleOutcome)>> {
    let ask = |told: &Uuid| {
        let (mut client, told) = (service.notifications("gateway-rest"), *told);
        tokio::spawn(async move {
            let answer = client.reschedule_notification(to(told, later)).await;
            (told, answer.unwrap().into_inner().outcome())
        })
    };
    told.iter().map(ask).collect()
}

/// Each reschedule and its Begin come in either order; what is answered is what happens.
#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_row_is_either_begun_and_too_late_to_move_or_moved_and_not_begun(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::connect(&service, Uuid::new_v4()).await;
    gateway.own().await;
    gateway.report(Vec::new()).await;
    let due = now(&pool).await;
    let later = due + SignedDuration::from_hours(1);
    let mut told = Vec::new();
    for chat_id in 0..60 {
        let user = Uuid::new_v4();
        service.put(person(user, "Boris", 100 + chat_id)).await;
        told.push(tell_at(&service, user, due).await);
    }
    // At least one of each.
    let (outcome, _) = reschedule(&service, to(told[0], later)).await;
    assert_eq!(outcome, RescheduleOutcome::Rescheduled);
    gateway.credit(1).await;
    let first = id(&gateway.deliver().await);
    let asked = ask_at_once(&service, &told[1..], later);
    for cumulative in 2..=60 {
        gateway.credit(cumulative).await;
        tokio::task::yield_now().await;
    }
    let (mut moved, mut late) = (BTreeSet::from([told[0]]), BTreeSet::new());
    for asked in asked {
        let (told, outcome) = asked.await.unwrap();
        match outcome {
            RescheduleOutcome::Rescheduled => assert!(moved.insert(told)),
            RescheduleOutcome::TooLate => assert!(late.insert(told)),
            RescheduleOutcome::Unspecified | RescheduleOutcome::AlreadySent => {
                panic!("{outcome:?}")
            }
        }
    }
    let mut begun = BTreeSet::from([first]);
    while begun.len() < late.len() {
        let deliver = gateway.deliver().await;
        assert_eq!(attempt(&deliver).attempt_no, 1);
        begun.insert(id(&deliver));
    }
    assert_eq!(begun, late);
    // What is due now comes before anything that is not.
    let probe = Uuid::new_v4();
    service.put(person(probe, "Vera", 99)).await;
    gateway.nothing_comes(&service, probe).await;
    let waiting: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM notify.notifications
         WHERE state = 'pending' AND attempt_no = 0 AND due_at = next_at
           AND due_at > now() + interval '50 minutes'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(BTreeSet::from_iter(waiting), moved);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_repeat_is_answered_alike_and_changes_nothing(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let due = now(&pool).await + SignedDuration::from_hours(2);
    let told = tell_at(&service, user, due).await;
    // A fraction that PostgreSQL does not keep.
    let request = RescheduleNotificationRequest {
        expire_time: Some(timestamp(due + SignedDuration::new(3600, 1))),
        ..to(told, due + SignedDuration::new(60, 1))
    };
    let first = reschedule(&service, request.clone()).await;
    assert_eq!(first.0, RescheduleOutcome::Rescheduled);
    let moved = version(&pool, told).await;
    assert_eq!(reschedule(&service, request.clone()).await, first);
    assert_eq!(version(&pool, told).await, moved);
    // There and back.
    let back = reschedule(&service, to(told, due)).await;
    assert_eq!(back.1.due_time, Some(timestamp(due)));
    assert_eq!(version(&pool, told).await, moved + 1);
    // At the edge of what can be told apart.
    let brief = RescheduleNotificationRequest {
        expire_time: Some(timestamp(due + SignedDuration::from_nanos(1))),
        ..to(told, due)
    };
    let (outcome, _) = reschedule(&service, brief).await;
    assert_eq!(outcome, RescheduleOutcome::Rescheduled);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_is_begun_or_has_ended_keeps_its_time_and_says_so(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let later = now(&pool).await + SignedDuration::from_hours(1);
    let told = service.tell(user, "hello").await;
    let begun = gateway.deliver().await;
    let before = version(&pool, told).await;
    let (outcome, seen) = reschedule(&service, to(told, later)).await;
    assert_eq!(outcome, RescheduleOutcome::TooLate);
    assert_eq!(seen.state(), NotificationState::Sending);
    assert!(!seen.stop_requested && seen.due_time != Some(timestamp(later)));
    gateway.answer(attempt(&begun), sent(1)).await;
    let (outcome, seen) = reschedule(&service, to(told, later)).await;
    assert_eq!(outcome, RescheduleOutcome::AlreadySent);
    assert_eq!(seen.state(), NotificationState::Sent);
    assert_eq!(version(&pool, told).await, before + 1);

    let dropped = tell_at(&service, user, later).await;
    let request = CancelNotificationRequest {
        notification_id: dropped.to_string(),
        client: String::new(),
    };
    let mut client = service.notifications("gateway-rest");
    client.cancel_notification(request).await.unwrap();
    let (outcome, seen) = reschedule(&service, to(dropped, later)).await;
    assert_eq!(outcome, RescheduleOutcome::TooLate);
    assert_eq!(seen.state(), NotificationState::Canceled);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_was_not_written_can_be_moved_and_what_may_have_arrived_cannot(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::connect(&service, Uuid::new_v4()).await;
    gateway.own().await;
    gateway.report(Vec::new()).await;
    let later = now(&pool).await + SignedDuration::from_hours(1);
    let ambiguous = Kind::Ambiguous(Ambiguous {
        cause: "timeout".to_owned(),
    });
    let not_written = Kind::NotWritten(NotWritten {
        cause: "no connection".to_owned(),
        retry_after: None,
    });
    for (cumulative, became, outcome) in [
        (1, not_written, RescheduleOutcome::Rescheduled),
        (2, ambiguous, RescheduleOutcome::TooLate),
    ] {
        let told = service.tell(user, "hello").await;
        // For its first attempt only.
        gateway.credit(cumulative).await;
        let begun = gateway.deliver().await;
        gateway.answer(attempt(&begun), became).await;
        eventually("pending".to_owned(), || state(&pool, told)).await;
        let (answered, seen) = reschedule(&service, to(told, later)).await;
        assert_eq!(answered, outcome);
        let moved = outcome == RescheduleOutcome::Rescheduled;
        assert_eq!(seen.due_time == Some(timestamp(later)), moved);
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn nobody_moves_what_another_created_or_a_lessons_notice(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(teacher, "Anna", 11)).await;
    service.put(person(student, "Boris", 12)).await;
    let begins = now(&pool).await + SignedDuration::from_hours(48);
    service.sync(lesson(teacher, student, begins)).await;
    let reminder: Uuid = sqlx::query_scalar(
        "SELECT notification_id FROM notify.notification_details WHERE kind = 'reminder' LIMIT 1",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let told = tell_at(&service, student, begins).await;
    let other = RescheduleNotificationRequest {
        client: "other".to_owned(),
        ..to(told, begins)
    };
    for (caller, request) in [
        ("gateway-rest", other),
        ("operator", to(told, begins)),
        ("gateway-rest", to(reminder, begins)),
        ("operator", to(reminder, begins)),
        ("gateway-rest", to(Uuid::new_v4(), begins)),
    ] {
        let status = ask(&service, caller, request).await.unwrap_err();
        assert_eq!(reason(&status), Some(ErrorReason::NotificationNotFound));
    }
    assert_eq!(version(&pool, told).await, 1);
    assert_eq!(version(&pool, reminder).await, 1);
    for caller in ["lesson-svc", "bot-gateway"] {
        let status = ask(&service, caller, to(told, begins)).await.unwrap_err();
        assert_eq!(reason(&status), Some(ErrorReason::CallerNotPermitted));
    }
    let mut person = service.notifications_of(student);
    let status = person.reschedule_notification(to(told, begins)).await;
    assert_eq!(
        reason(&status.unwrap_err()),
        Some(ErrorReason::ActingUserNotPermitted)
    );
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn every_fault_of_a_new_time_is_told_at_once(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let now = now(&pool).await;
    let in_hours = |hours| Some(timestamp(now + SignedDuration::from_hours(hours)));
    let wrong = RescheduleNotificationRequest {
        notification_id: "7".to_owned(),
        client: "Shouting".to_owned(),
        due_time: in_hours(367 * 24),
        expire_time: in_hours(1),
    };
    let service = &service;
    let told = |request| async move {
        let status = ask(service, "gateway-rest", request).await.unwrap_err();
        assert_eq!(reason(&status), Some(ErrorReason::InvalidFields));
        status.message().to_owned()
    };
    let message = told(wrong).await;
    for field in ["notification_id", "client", "due_time", "expire_time"] {
        assert!(message.contains(field), "{field}: {message}");
    }
    let good = to(Uuid::new_v4(), now);
    for (request, fault) in [
        (
            RescheduleNotificationRequest {
                due_time: None,
                ..good.clone()
            },
            "due_time is required",
        ),
        (
            RescheduleNotificationRequest {
                due_time: in_hours(-1),
                ..good.clone()
            },
            "due_time is more than 5 minutes past",
        ),
        (
            RescheduleNotificationRequest {
                expire_time: in_hours(31 * 24),
                ..good
            },
            "expire_time is more than 30 days after due_time",
        ),
    ] {
        let message = told(request).await;
        assert!(message.contains(fault), "{fault}: {message}");
    }
}
