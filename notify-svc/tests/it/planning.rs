//! What lessons and people make notify-svc tell whom.

use std::sync::Arc;

use jiff::SignedDuration;
use olm_proto::notify::v1::{
    GetRecipientRequest, Lane, LessonNoticeKind, LessonRole, PutRecipientRequest, QuietHours,
    Recipient,
};
use sqlx::PgPool;
use tonic::Code;
use uuid::Uuid;

use crate::support::{
    Gateway, canceled, eventually, lesson, notice, now, person, reminders, rows, seconds, start,
    told,
};

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_booking_is_confirmed_at_once_to_both_sides_in_their_own_settings(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(teacher, "Anna", 11)).await;
    let english = Recipient {
        language: "en".to_owned(),
        time_zone: "Asia/Tokyo".to_owned(),
        ..person(student, "Boris", 12)
    };
    service.put(english).await;
    let start = now(&pool).await + SignedDuration::from_hours(48);
    service.sync(lesson(teacher, student, start)).await;

    let mut delivers = [gateway.deliver().await, gateway.deliver().await];
    delivers.sort_by_key(|deliver| deliver.chat_id);
    let [to_teacher, to_student] = delivers;
    assert_eq!((to_teacher.chat_id, to_student.chat_id), (11, 12));
    assert_eq!(to_teacher.lane(), Lane::Interactive);
    assert_eq!(
        (to_teacher.language.as_str(), to_teacher.time_zone.as_str()),
        ("ru", "Europe/Berlin")
    );
    assert_eq!(
        (to_student.language.as_str(), to_student.time_zone.as_str()),
        ("en", "Asia/Tokyo")
    );
    let read = notice(&to_student);
    assert_eq!(read.kind(), LessonNoticeKind::Booked);
    assert_eq!(read.counterpart_name, "Anna");
    assert_eq!(notice(&to_teacher).counterpart_name, "Boris");
    assert!(read.reminder_follows);
    let expected = rows(&[("booked", "sending"), ("reminder", "pending")]);
    assert_eq!(told(&pool, student).await, expected);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_reminder_comes_at_its_instant_and_is_begun_just_before(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(student, "Boris", 12)).await;
    let start = now(&pool).await + SignedDuration::from_secs(3_604);
    service.sync(lesson(teacher, student, start)).await;
    assert_eq!(
        notice(&gateway.send().await).kind(),
        LessonNoticeKind::Booked
    );

    let reminder = gateway.deliver().await;
    let heard_at = now(&pool).await;
    assert_eq!(notice(&reminder).kind(), LessonNoticeKind::Reminder);
    let due_in = olm_proto::span(&reminder.due_in.unwrap()).unwrap();
    let due = start - SignedDuration::from_hours(1);
    assert!(
        heard_at + due_in >= due,
        "to be started {due_in:?} after {heard_at}, due {due}"
    );
    let early: bool = sqlx::query_scalar(
        "SELECT bool_or(begun_at < due_at - interval '0.1 second') FROM notify.notifications",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(!early, "a row was begun long before it was due");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_cancelled_lesson_is_cancelled_for_who_was_told_of_it(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    // The teacher has no Telegram: nothing was told there.
    let unaddressed = Recipient {
        bot_id: 0,
        chat_id: 0,
        ..person(teacher, "Anna", 11)
    };
    service.put(unaddressed).await;
    service.put(person(student, "Boris", 12)).await;
    let start = now(&pool).await + SignedDuration::from_hours(48);
    let booked = lesson(teacher, student, start);
    service.sync(booked.clone()).await;
    gateway.send().await;
    service.sync(canceled(&booked)).await;

    let cancellation = gateway.send().await;
    let read = notice(&cancellation);
    assert_eq!(read.kind(), LessonNoticeKind::Canceled);
    assert_eq!(
        (read.changed_by(), read.cancel_reason.as_str()),
        (LessonRole::Student, "ill")
    );
    let expected = rows(&[
        ("booked", "sent"),
        ("canceled", "sent"),
        ("reminder", "canceled"),
    ]);
    assert_eq!(told(&pool, student).await, expected);
    let expected = rows(&[("booked", "canceled"), ("reminder", "canceled")]);
    assert_eq!(told(&pool, teacher).await, expected);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn an_older_snapshot_and_a_repeat_change_nothing(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(student, "Boris", 12)).await;
    let start = now(&pool).await + SignedDuration::from_hours(48);
    let booked = lesson(teacher, student, start);
    assert_eq!(service.sync(canceled(&booked)).await, 2);
    assert_eq!(service.sync(booked.clone()).await, 2);
    assert_eq!(told(&pool, student).await, []);

    let other = lesson(teacher, student, start);
    service.sync(other.clone()).await;
    let once = told(&pool, student).await;
    assert_eq!(once.len(), 2);
    service.sync(other).await;
    assert_eq!(told(&pool, student).await, once);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_lesson_may_come_before_its_people(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    let start = now(&pool).await + SignedDuration::from_hours(48);
    service.sync(lesson(teacher, student, start)).await;
    assert_eq!(told(&pool, student).await, rows(&[("booked", "pending")]));
    let request = GetRecipientRequest {
        user_id: student.to_string(),
    };
    let stub = service.recipients().get_recipient(request).await;
    assert_eq!(stub.unwrap_err().code(), Code::NotFound);

    service.put(person(student, "Boris", 12)).await;
    let booked = gateway.deliver().await;
    assert_eq!(booked.chat_id, 12);
    assert!(notice(&booked).reminder_follows);
    let expected = rows(&[("booked", "sending"), ("reminder", "pending")]);
    assert_eq!(told(&pool, student).await, expected);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_was_planned_for_nobody_known_waits_to_be_planned_anew(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    let start = now(&pool).await + SignedDuration::from_hours(48);
    service.sync(lesson(teacher, student, start)).await;
    // Whoever plans anew has to wait.
    let mut planning = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM notify.lessons FOR UPDATE")
        .execute(&mut *planning)
        .await
        .unwrap();
    let known = async {
        let stored = "SELECT bot_id FROM notify.recipients WHERE user_id = $1";
        let bot_of = |sql| sqlx::query_scalar::<_, Option<i64>>(sql).bind(student);
        eventually(true, || async {
            bot_of(stored).fetch_one(&pool).await.unwrap().is_some()
        })
        .await;
        let addressed = "SELECT bot_id FROM notify.notifications WHERE user_id = $1";
        let bot = bot_of(addressed).fetch_one(&pool).await.unwrap();
        planning.commit().await.unwrap();
        bot
    };
    let (bot, _) = tokio::join!(known, service.put(person(student, "Boris", 12)));
    assert_eq!(bot, None);
    assert!(notice(&gateway.deliver().await).reminder_follows);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_changed_lead_moves_the_reminder_but_never_takes_the_last_one(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(student, "Boris", 12)).await;
    let start = now(&pool).await + SignedDuration::from_mins(90);
    service.sync(lesson(teacher, student, start)).await;
    let due = || async {
        let due: Vec<jiff_sqlx::Timestamp> = sqlx::query_scalar(
            "SELECT due_at FROM notify.notifications WHERE lane = 3 AND state = 'pending'",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        due.into_iter()
            .map(|due| (start - due.to_jiff()).get_seconds())
            .collect::<Vec<_>>()
    };
    let mut version = 1;
    for (lead, left) in [(1800, 1800), (7200, 1800), (3600, 3600), (1800, 1800)] {
        version += 1;
        let changed = Recipient {
            version,
            reminder_leads: vec![seconds(lead)],
            ..person(student, "Boris", 12)
        };
        assert_eq!(service.put(changed).await, version);
        assert_eq!(due().await, [left], "after a change to {lead} s");
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn an_older_version_of_a_person_is_ignored(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let student = Uuid::new_v4();
    let newer = Recipient {
        version: 5,
        quiet_hours: Some(QuietHours {
            start_minute: 1320,
            end_minute: 480,
        }),
        muted_kinds: vec![LessonNoticeKind::Lapsed.into()],
        ..person(student, "Boris", 12)
    };
    service.put(newer.clone()).await;
    assert_eq!(service.put(person(student, "Old", 13)).await, 5);
    let request = GetRecipientRequest {
        user_id: student.to_string(),
    };
    let stored = service
        .recipients()
        .get_recipient(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(stored.recipient, Some(newer));
    assert!(stored.reachable);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn every_fault_of_a_person_is_told_at_once(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let wrong = Recipient {
        user_id: "7".to_owned(),
        version: 0,
        display_name: String::new(),
        language: "de".to_owned(),
        time_zone: "Mars/Olympus".to_owned(),
        reminder_leads: vec![seconds(0)],
        bot_id: -1,
        chat_id: 0,
        quiet_hours: Some(QuietHours {
            start_minute: 60,
            end_minute: 60,
        }),
        muted_kinds: vec![0],
    };
    let request = PutRecipientRequest {
        recipient: Some(wrong),
    };
    let status = service
        .recipients()
        .put_recipient(request)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    for field in [
        "user_id",
        "version",
        "display_name",
        "language",
        "time_zone",
        "reminder_leads[0]",
        "bot_id",
        "chat_id",
        "quiet_hours",
        "muted_kinds[0]",
    ] {
        assert!(
            status.message().contains(&format!("recipient.{field}")),
            "{status:?}"
        );
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn plans_made_at_once_for_the_same_people_all_succeed(pool: PgPool) {
    let service = Arc::new(start(&pool, &[]).await);
    let mut gateway = Gateway::ready(&service).await;
    let people: Vec<_> = (0..4).map(|_| Uuid::new_v4()).collect();
    let start = now(&pool).await + SignedDuration::from_hours(48);
    let mut tasks = Vec::new();
    for round in 0..10_i64 {
        for (chat_id, (person_id, other)) in (1..).zip(people.iter().zip(people.iter().rev())) {
            // Teacher of one lesson, student of the other: locked in either order.
            let booked = lesson(*person_id, *other, start);
            let syncing = Arc::clone(&service);
            tasks.push(tokio::spawn(async move { syncing.sync(booked).await }));
            let changed = Recipient {
                version: round + 1,
                reminder_leads: vec![seconds(3600 + round)],
                ..person(*person_id, "Somebody", chat_id)
            };
            let putting = Arc::clone(&service);
            tasks.push(tokio::spawn(async move { putting.put(changed).await }));
        }
    }
    for task in tasks {
        assert!(task.await.unwrap() > 0);
    }
    // Every lesson's two confirmations arrive, and one reminder waits for each.
    for _ in 0..80 {
        gateway.send().await;
    }
    let waiting: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT count(*), count(DISTINCT (user_id, due_at)) FROM notify.notifications
         WHERE lane = 3 AND state = 'pending'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(waiting, [(80, 4)]);
}

/// How often lessons were put in the queue to be planned anew, and what is left there.
async fn queued(pool: &PgPool) -> (i64, i64) {
    sqlx::query_as(
        "SELECT coalesce(pg_sequence_last_value('notify.replans_id_seq'), 0),
                (SELECT count(*) FROM notify.replans)",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_new_name_or_language_plans_nothing_and_new_leads_all_lessons(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(teacher, "Anna", 11)).await;
    let begins = now(&pool).await + SignedDuration::from_hours(48);
    // More than are planned before the answer.
    for day in 0..30 {
        let at = begins + SignedDuration::from_hours(24 * day);
        service.sync(lesson(teacher, student, at)).await;
    }
    assert_eq!(queued(&pool).await, (0, 0));
    let renamed = Recipient {
        version: 2,
        language: "en".to_owned(),
        ..person(teacher, "Anna-Maria", 11)
    };
    service.put(renamed.clone()).await;
    assert_eq!(queued(&pool).await, (0, 0));

    let earlier = Recipient {
        version: 3,
        reminder_leads: vec![seconds(7200)],
        ..renamed
    };
    service.put(earlier).await;
    eventually((30, 0), || queued(&pool)).await;
    let due = reminders(&pool, teacher).await;
    assert_eq!(due.len(), 30);
    assert_eq!((begins - due[0]).get_seconds(), 7200);
}
