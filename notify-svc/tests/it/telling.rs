//! What people are told of a lesson as it changes, and in their quiet hours.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, Unit, tz::TimeZone};
use olm_proto::notify::v1::{
    Deliver, LessonNoticeKind, LessonRole, LessonSnapshot, LessonState, Limited,
    ListNotificationsRequest, NotificationState, QuietHours, Recipient, SeatSnapshot,
    outcome::Kind,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{
    Gateway, Service, attempt, canceled, changed, eventually, id, lesson, moved, notice, now,
    person, reminders, rows, seconds, sent, start, state, told,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A teacher and a student who write with the bot.
async fn people(service: &Service) -> (Uuid, Uuid) {
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(teacher, "Anna", 11)).await;
    service.put(person(student, "Boris", 12)).await;
    (teacher, student)
}

/// The next two rows, the teacher's first.
async fn both(gateway: &mut Gateway) -> [Deliver; 2] {
    let mut delivers = [gateway.send().await, gateway.send().await];
    delivers.sort_by_key(|deliver| deliver.chat_id);
    assert_eq!(delivers.each_ref().map(|deliver| deliver.chat_id), [11, 12]);
    delivers
}

fn kinds(delivers: &[Deliver]) -> Vec<LessonNoticeKind> {
    delivers
        .iter()
        .map(|deliver| notice(deliver).kind())
        .collect()
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_moved_lesson_is_told_once_to_each_and_reminded_of_at_its_new_time(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = people(&service).await;
    let first = now(&pool).await + HOUR * 48;
    let booked = lesson(teacher, student, first);
    service.sync(booked.clone()).await;
    both(&mut gateway).await;

    let later = moved(&booked, HOUR * 2);
    service.sync(later.clone()).await;
    for deliver in both(&mut gateway).await {
        let read = notice(&deliver);
        assert_eq!(read.kind(), LessonNoticeKind::Moved);
        assert_eq!(read.previous_start_time, booked.start_time);
        assert_eq!(read.previous_end_time, booked.end_time);
        assert_eq!(read.start_time, later.start_time);
        assert_eq!(read.changed_by(), LessonRole::Teacher);
    }
    for person in [teacher, student] {
        let due = reminders(&pool, person).await;
        assert_eq!(due.len(), 1);
        assert_eq!(millis(due[0]), millis(first + HOUR));
    }
    gateway.nothing_comes(&service, student).await;
}

/// PostgreSQL keeps microseconds; a lesson's start here has nanoseconds.
fn millis(instant: Timestamp) -> Timestamp {
    instant.round(Unit::Millisecond).unwrap()
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn moving_there_and_back_unsent_leaves_one_reminder_and_says_nothing(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = people(&service).await;
    let first = now(&pool).await + HOUR * 48;
    let booked = lesson(teacher, student, first);
    service.sync(booked.clone()).await;
    both(&mut gateway).await;
    gateway.leave(&pool).await;

    let there = moved(&booked, HOUR * 2);
    service.sync(there.clone()).await;
    let waiting = rows(&[
        ("booked", "sent"),
        ("moved", "pending"),
        ("reminder", "canceled"),
        ("reminder", "pending"),
    ]);
    assert_eq!(told(&pool, student).await, waiting);
    service.sync(moved(&there, -HOUR * 2)).await;
    for person in [teacher, student] {
        let due = reminders(&pool, person).await;
        assert_eq!(due.len(), 1);
        assert_eq!(millis(due[0]), millis(first - HOUR));
    }
    let mut gateway = Gateway::ready(&service).await;
    gateway.nothing_comes(&service, student).await;
    gateway.nothing_comes(&service, teacher).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn moving_back_what_may_have_been_told_is_told_too(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = people(&service).await;
    let booked = lesson(teacher, student, now(&pool).await + HOUR * 48);
    service.sync(booked.clone()).await;
    both(&mut gateway).await;
    let there = moved(&booked, HOUR * 2);
    service.sync(there.clone()).await;
    let out = [gateway.deliver().await, gateway.deliver().await];
    service.sync(moved(&there, -HOUR * 2)).await;
    for deliver in &out {
        gateway.answer(attempt(deliver), sent(1)).await;
    }
    for deliver in both(&mut gateway).await {
        let read = notice(&deliver);
        assert_eq!(read.kind(), LessonNoticeKind::Moved);
        assert_eq!(read.previous_start_time, there.start_time);
        assert_eq!(read.start_time, booked.start_time);
    }
    assert_eq!(reminders(&pool, student).await.len(), 1);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_lesson_moved_before_its_booking_was_sent_is_booked_at_the_new_time(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (teacher, student) = people(&service).await;
    let booked = lesson(teacher, student, now(&pool).await + HOUR * 48);
    service.sync(booked.clone()).await;
    let later = moved(&booked, HOUR * 2);
    service.sync(later.clone()).await;
    let mut gateway = Gateway::ready(&service).await;
    let delivers = both(&mut gateway).await;
    assert_eq!(kinds(&delivers), [LessonNoticeKind::Booked; 2]);
    assert_eq!(notice(&delivers[0]).start_time, later.start_time);
    gateway.nothing_comes(&service, student).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_request_and_its_confirmation_are_one_message_each(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = people(&service).await;
    let begins = now(&pool).await + HOUR * 48;
    let asked = LessonSnapshot {
        state: LessonState::Requested.into(),
        expire_time: Some(olm_proto::timestamp(begins - HOUR * 36)),
        ..lesson(teacher, student, begins)
    };
    service.sync(asked.clone()).await;
    let delivers = both(&mut gateway).await;
    assert_eq!(kinds(&delivers), [LessonNoticeKind::Requested; 2]);
    assert_eq!(notice(&delivers[0]).expire_time, asked.expire_time);
    assert_eq!(reminders(&pool, student).await, []);

    let confirmed = LessonSnapshot {
        state: LessonState::Scheduled.into(),
        ..changed(&asked, LessonRole::Teacher)
    };
    service.sync(confirmed).await;
    let deliver = gateway.send().await;
    assert_eq!(deliver.chat_id, 12);
    assert_eq!(notice(&deliver).kind(), LessonNoticeKind::Confirmed);
    assert!(notice(&deliver).reminder_follows);
    gateway.nothing_comes(&service, teacher).await;
    assert_eq!(reminders(&pool, teacher).await.len(), 1);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_reminder_of_a_lesson_cancelled_before_begin_never_comes(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = people(&service).await;
    let begins = now(&pool).await + HOUR + SignedDuration::from_secs(5);
    let booked = lesson(teacher, student, begins);
    service.sync(booked.clone()).await;
    both(&mut gateway).await;
    service.sync(canceled(&booked)).await;
    let delivers = both(&mut gateway).await;
    assert_eq!(kinds(&delivers), [LessonNoticeKind::Canceled; 2]);
    let expected = rows(&[
        ("booked", "sent"),
        ("canceled", "sent"),
        ("reminder", "canceled"),
    ]);
    let mut seen = told(&pool, student).await;
    seen.sort_unstable();
    assert_eq!(seen, expected);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_reminder_begun_before_the_cancellation_is_never_begun_again_and_comes_first(
    pool: PgPool,
) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(student, "Boris", 12)).await;
    let begins = now(&pool).await + HOUR + SignedDuration::from_secs(4);
    let booked = lesson(teacher, student, begins);
    service.sync(booked.clone()).await;
    gateway.send().await;
    let reminder = gateway.deliver().await;
    assert_eq!(notice(&reminder).kind(), LessonNoticeKind::Reminder);
    service.sync(canceled(&booked)).await;
    // Its copy may be out: the cancellation follows it.
    let cancellation = gateway.deliver().await;
    assert_eq!(notice(&cancellation).kind(), LessonNoticeKind::Canceled);
    let limited = Kind::Limited(Limited {
        retry_after: Some(seconds(0)),
    });
    gateway.answer(attempt(&reminder), limited).await;
    gateway.answer(attempt(&cancellation), sent(2)).await;
    assert_eq!(state(&pool, id(&reminder)).await, "failed");
    gateway.nothing_comes(&service, student).await;
    let stopped: bool = sqlx::query_scalar("SELECT stop FROM notify.notifications WHERE id = $1")
        .bind(id(&reminder))
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(stopped, "the record says that it was cancelled too late");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn booked_35_minutes_ahead_the_confirmation_says_that_no_reminder_comes(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = people(&service).await;
    let begins = now(&pool).await + SignedDuration::from_mins(35);
    service.sync(lesson(teacher, student, begins)).await;
    for deliver in both(&mut gateway).await {
        assert!(!notice(&deliver).reminder_follows);
    }
    assert_eq!(told(&pool, student).await, rows(&[("booked", "sent")]));
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn after_three_hours_away_reminders_come_at_once_unless_their_lesson_began(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(student, "Boris", 12)).await;
    let present = now(&pool).await;
    let begun = lesson(teacher, student, present + HOUR * 2);
    let ahead = lesson(teacher, student, present + HOUR * 3 + HOUR / 2);
    for lesson in [&begun, &ahead] {
        service.sync(lesson.clone()).await;
        gateway.send().await;
    }
    gateway.leave(&pool).await;
    assert!(service.stop().await);
    // Three hours pass.
    sqlx::raw_sql(
        "UPDATE notify.notifications SET due_at = due_at - interval '3 hours',
             next_at = next_at - interval '3 hours', expires_at = expires_at - interval '3 hours';
         UPDATE notify.lessons SET start_at = start_at - interval '3 hours',
             end_at = end_at - interval '3 hours'",
    )
    .execute(&pool)
    .await
    .unwrap();
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let reminder = gateway.send().await;
    assert_eq!(notice(&reminder).lesson_id, ahead.lesson_id);
    assert!(
        reminder.due_in.unwrap().seconds < -1_700,
        "half an hour late"
    );
    let of_begun = || async {
        let state: String = sqlx::query_scalar(
            "SELECT n.state FROM notify.notifications n
             JOIN notify.notification_details d ON d.notification_id = n.id
             WHERE d.lesson_id = $1 AND d.kind = 'reminder' AND n.user_id = $2",
        )
        .bind(Uuid::parse_str(&begun.lesson_id).unwrap())
        .bind(student)
        .fetch_one(&pool)
        .await
        .unwrap();
        state
    };
    eventually("expired".to_owned(), of_begun).await;
    gateway.nothing_comes(&service, student).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_joining_student_re_announces_nothing_to_the_others(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = people(&service).await;
    let joining = Uuid::new_v4();
    service.put(person(joining, "Vera", 13)).await;
    let booked = lesson(teacher, student, now(&pool).await + HOUR * 48);
    service.sync(booked.clone()).await;
    both(&mut gateway).await;
    let before = (told(&pool, student).await, told(&pool, teacher).await);
    let mut joined = booked.clone();
    joined.version += 1;
    joined.seats.push(SeatSnapshot {
        booking_id: Uuid::new_v4().to_string(),
        student_id: joining.to_string(),
        ..SeatSnapshot::default()
    });
    service.sync(joined).await;
    let deliver = gateway.send().await;
    assert_eq!(deliver.chat_id, 13);
    assert_eq!(notice(&deliver).kind(), LessonNoticeKind::Booked);
    gateway.nothing_comes(&service, student).await;
    let after = told(&pool, student).await;
    assert_eq!(after[..1], before.0[..1]);
    assert_eq!(told(&pool, teacher).await, before.1);
}

/// Quiet hours in UTC around an instant.
fn quiet(around: Timestamp, minutes_before: i64, minutes_after: i64) -> QuietHours {
    let minute = |by: i64| {
        let at = around + SignedDuration::from_mins(by);
        let time = at.to_zoned(TimeZone::UTC).time();
        i32::from(time.hour()) * 60 + i32::from(time.minute())
    };
    QuietHours {
        start_minute: minute(-minutes_before),
        end_minute: minute(minutes_after),
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_reminder_in_quiet_hours_comes_before_them_and_moves_with_the_wish(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    let begins = now(&pool).await + HOUR * 48;
    let reminded = begins - HOUR;
    let wishes = |version, quiet_hours| Recipient {
        version,
        time_zone: "UTC".to_owned(),
        quiet_hours,
        ..person(student, "Boris", 12)
    };
    service.put(wishes(1, Some(quiet(reminded, 30, 30)))).await;
    service.sync(lesson(teacher, student, begins)).await;
    let minute = reminded.as_second().div_euclid(60) * 60;
    let before = Timestamp::from_second(minute - 31 * 60).unwrap();
    assert_eq!(reminders(&pool, student).await, [before]);
    service.put(wishes(2, None)).await;
    let due = reminders(&pool, student).await;
    assert_eq!(
        due.iter().map(|due| millis(*due)).collect::<Vec<_>>(),
        [millis(reminded)]
    );
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn booked_in_quiet_hours_all_is_silent_but_the_reminder(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    let present = now(&pool).await;
    let asleep = Recipient {
        time_zone: "UTC".to_owned(),
        quiet_hours: Some(quiet(present, 60, 60)),
        ..person(student, "Boris", 12)
    };
    service.put(asleep).await;
    let begins = present + HOUR + SignedDuration::from_secs(4);
    service.sync(lesson(teacher, student, begins)).await;
    let booked = gateway.send().await;
    assert_eq!(notice(&booked).kind(), LessonNoticeKind::Booked);
    assert!(booked.silent);
    let reminder = gateway.send().await;
    assert_eq!(notice(&reminder).kind(), LessonNoticeKind::Reminder);
    assert!(notice(&reminder).urgent && !reminder.silent);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_is_muted_is_not_told_and_what_follows_from_it_is(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    let wishes = |version, muted: &[LessonNoticeKind]| Recipient {
        version,
        muted_kinds: muted.iter().map(|kind| (*kind).into()).collect(),
        ..person(student, "Boris", 12)
    };
    let muted = [LessonNoticeKind::Booked, LessonNoticeKind::Reminder];
    service.put(wishes(1, &muted)).await;
    let booked = lesson(teacher, student, now(&pool).await + HOUR * 48);
    service.sync(booked.clone()).await;
    gateway.nothing_comes(&service, student).await;
    assert_eq!(reminders(&pool, student).await, []);

    let later = moved(&booked, HOUR);
    service.sync(later.clone()).await;
    let deliver = gateway.send().await;
    assert_eq!(notice(&deliver).kind(), LessonNoticeKind::Moved);
    assert_eq!(notice(&deliver).previous_start_time, booked.start_time);
    // Hearing of bookings again does not bring the old one.
    service.put(wishes(2, &[])).await;
    gateway.nothing_comes(&service, student).await;
    assert_eq!(reminders(&pool, student).await.len(), 1);
    service.sync(canceled(&later)).await;
    let deliver = gateway.send().await;
    assert_eq!(notice(&deliver).kind(), LessonNoticeKind::Canceled);

    let list = ListNotificationsRequest {
        states: vec![NotificationState::Canceled.into()],
        ..ListNotificationsRequest::default()
    };
    let listed = service
        .notifications_of(student)
        .list_notifications(list)
        .await;
    let listed = listed.unwrap().into_inner().notifications;
    let muted = listed.iter().find(|row| row.kind == "booked").unwrap();
    assert_eq!(muted.failure, "not wanted by its reader");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn moves_and_wishes_at_once_on_two_replicas_leave_one_reminder_each(pool: PgPool) {
    let replicas = [start(&pool, &[]).await, start(&pool, &[]).await].map(Arc::new);
    let (teacher, student) = people(&replicas[0]).await;
    let begins = now(&pool).await + HOUR * 48;
    let mut latest = lesson(teacher, student, begins);
    replicas[0].sync(latest.clone()).await;
    let mut tasks = Vec::new();
    for round in 0..20_i64 {
        latest = moved(&latest, SignedDuration::from_mins(10));
        let syncing = Arc::clone(&replicas[0]);
        let snapshot = latest.clone();
        tasks.push(tokio::spawn(async move { syncing.sync(snapshot).await }));
        for (user, chat_id) in [(teacher, 11), (student, 12)] {
            let wishes = Recipient {
                version: round + 2,
                reminder_leads: vec![seconds(3600 + 60 * round)],
                ..person(user, "Somebody", chat_id)
            };
            let putting = Arc::clone(&replicas[1]);
            tasks.push(tokio::spawn(async move { putting.put(wishes).await }));
        }
    }
    for task in tasks {
        assert!(task.await.unwrap() > 0);
    }
    let due = begins + SignedDuration::from_mins(200) - SignedDuration::from_mins(60 + 19);
    for user in [teacher, student] {
        let waiting = reminders(&pool, user).await;
        assert_eq!(waiting.len(), 1, "{waiting:?}");
        assert_eq!(millis(waiting[0]), millis(due));
    }
    let mut gateway = Gateway::ready(&replicas[1]).await;
    let delivers = both(&mut gateway).await;
    assert_eq!(kinds(&delivers), [LessonNoticeKind::Booked; 2]);
    gateway.nothing_comes(&replicas[0], student).await;
}
