//! Forgetting people (scenario 25).

use jiff::SignedDuration;
use olm_proto::notify::v1::{
    CreateNotificationRequest, EraseRecipientRequest, GetRecipientRequest, LessonNoticeKind,
    LessonRole, LessonSnapshot, NotWritten, Refused, outcome::Kind,
};
use sqlx::PgPool;
use tonic::Code;
use uuid::Uuid;

use crate::support::{
    Gateway, Service, attempt, canceled, changed, custom, id, lesson, notice, now, person, start,
    state, told,
};

async fn erase(service: &Service, user: Uuid) -> i32 {
    let request = EraseRecipientRequest {
        user_id: user.to_string(),
        version: 7,
    };
    let erased = service.recipients().erase_recipient(request).await;
    erased.unwrap().into_inner().canceled_notifications
}

/// Whatever is kept of a person besides ids, times and states.
async fn words_left(pool: &PgPool, user: Uuid) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT word FROM (
             SELECT encode(d.content, 'escape') FROM notify.notification_details d
             JOIN notify.notifications n ON n.id = d.notification_id WHERE n.user_id = $1
             UNION ALL
             SELECT d.failure FROM notify.notification_details d
             JOIN notify.notifications n ON n.id = d.notification_id WHERE n.user_id = $1
             UNION ALL
             SELECT a.detail FROM notify.attempts a
             JOIN notify.notifications n ON n.id = a.notification_id WHERE n.user_id = $1
             UNION ALL
             SELECT display_name || coalesce(chat_id::text, '') || muted_kinds::text
             FROM notify.recipients WHERE user_id = $1
         ) words (word) WHERE word NOT IN ('', '{}')",
    )
    .bind(user)
    .fetch_all(pool)
    .await
    .unwrap()
}

fn refused() -> Kind {
    Kind::Refused(Refused {
        code: 400,
        description: "Boris: bad request".to_owned(),
        bad_content: true,
        bad_markup: false,
    })
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn an_erased_person_is_forgotten_and_what_waited_for_them_is_cancelled(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(student, "Boris", 12)).await;
    let failed = service.tell(student, "what failed").await;
    let deliver = gateway.deliver().await;
    gateway.answer(attempt(&deliver), refused()).await;
    let sent = service.tell(student, "what was sent").await;
    gateway.send().await;
    let sending = service.tell(student, "what is out").await;
    let out = gateway.deliver().await;
    assert_eq!(id(&out), sending);
    let begins = now(&pool).await + SignedDuration::from_hours(48);
    let booked = lesson(teacher, student, begins);
    service.sync(booked.clone()).await;
    let confirmation = gateway.deliver().await;
    let later = CreateNotificationRequest {
        due_time: Some(olm_proto::timestamp(begins)),
        ..custom(student, "what waits")
    };
    let waits = service.tell_with(later).await;
    assert!(!words_left(&pool, student).await.is_empty());

    // The reminder and the custom one.
    assert_eq!(erase(&service, student).await, 2);
    assert_eq!(words_left(&pool, student).await, [""; 0]);
    for (row, kept) in [(failed, "failed"), (sent, "sent"), (waits, "canceled")] {
        assert_eq!(state(&pool, row).await, kept);
    }
    // What is out is not begun again, whatever becomes of it, and no word is kept.
    let unwritten = Kind::NotWritten(NotWritten {
        cause: "no connection to Boris".to_owned(),
        retry_after: None,
    });
    gateway.answer(attempt(&out), unwritten).await;
    gateway.answer(attempt(&confirmation), refused()).await;
    assert_eq!(state(&pool, sending).await, "failed");
    assert_eq!(words_left(&pool, student).await, [""; 0]);
    // A repeat finds nothing more to do.
    assert_eq!(erase(&service, student).await, 0);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn nothing_late_revives_an_erased_person(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(teacher, "Anna", 11)).await;
    // Before anything else was heard of them.
    assert_eq!(erase(&service, student).await, 0);
    let mut late = person(student, "Boris", 12);
    late.version = 100;
    service.put(late).await;
    let begins = now(&pool).await + SignedDuration::from_hours(48);
    let booked = lesson(teacher, student, begins);
    service.sync(booked.clone()).await;
    assert_eq!(told(&pool, student).await, []);
    assert_eq!(words_left(&pool, student).await, [""; 0]);
    let get = GetRecipientRequest {
        user_id: student.to_string(),
    };
    let status = service.recipients().get_recipient(get).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let create = service
        .notifications("gateway-rest")
        .create_notification(custom(student, "hello"))
        .await;
    assert_eq!(create.unwrap_err().code(), Code::NotFound);

    // The other side is told, without a name.
    let deliver = gateway.send().await;
    assert_eq!(deliver.chat_id, 11);
    assert_eq!(notice(&deliver).counterpart_name, "");
    service.sync(canceled(&booked)).await;
    let deliver = gateway.send().await;
    assert_eq!(notice(&deliver).kind(), LessonNoticeKind::Canceled);
    assert_eq!(notice(&deliver).counterpart_name, "");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn an_erasure_of_nobody_in_particular_is_refused(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let wrong = EraseRecipientRequest {
        user_id: "7".to_owned(),
        version: 0,
    };
    let status = service
        .recipients()
        .erase_recipient(wrong)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    for field in ["user_id", "version"] {
        assert!(status.message().contains(field), "{status:?}");
    }
}

/// How many values of the schema hold these words, whatever column they are in.
async fn kept(pool: &PgPool, words: &str) -> i64 {
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text
         FROM information_schema.columns
         WHERE table_schema = 'notify' AND data_type IN ('text', 'bytea', 'ARRAY')
           AND table_name <> '_sqlx_migrations'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(columns.len() > 10, "{columns:?}");
    let mut kept = 0;
    for (table, column, kind) in columns {
        let text = match kind.as_str() {
            "bytea" => format!("encode({column}, 'escape')"),
            _ => format!("{column}::text"),
        };
        let query = format!("SELECT count(*) FROM notify.{table} WHERE position($1 IN {text}) > 0");
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .bind(words)
            .fetch_one(pool)
            .await
            .unwrap();
        kept += found;
    }
    kept
}

const LINK: &str = "https://meet.example/anna-only";

/// A teacher and a student who write with the bot.
async fn people(service: &Service) -> (Uuid, Uuid) {
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(teacher, "Anna", 11)).await;
    service.put(person(student, "Boris", 12)).await;
    (teacher, student)
}

/// A lesson of theirs the day after tomorrow.
async fn book(pool: &PgPool, service: &Service, teacher: Uuid, student: Uuid) -> LessonSnapshot {
    let begins = now(pool).await + SignedDuration::from_hours(48);
    let mut booked = lesson(teacher, student, begins);
    LINK.clone_into(&mut booked.meeting_url);
    service.sync(booked.clone()).await;
    booked
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_reason_is_forgotten_with_who_gave_it_before_and_after_it_is_told(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = people(&service).await;
    let lesson = book(&pool, &service, teacher, student).await;
    let second = book(&pool, &service, teacher, student).await;
    gateway.send().await;
    gateway.send().await;
    gateway.send().await;
    gateway.send().await;
    let mut off = canceled(&lesson);
    off.cancel_reason = "down with the flu".to_owned();
    // Told, and waiting for a gateway.
    service.sync(off.clone()).await;
    gateway.send().await;
    gateway.leave(&pool).await;
    let mut second = canceled(&second);
    second.cancel_reason.clone_from(&off.cancel_reason);
    service.sync(second.clone()).await;
    assert!(kept(&pool, "the flu").await >= 4);

    erase(&service, student).await;
    assert_eq!(kept(&pool, "the flu").await, 0);
    // What was on its way brings nothing back.
    for late in [&mut off, &mut second] {
        late.version += 1;
        late.schedule_version += 1;
        service.sync(late.clone()).await;
    }
    assert_eq!(kept(&pool, "the flu").await, 0);
    // The teacher keeps their own link, and is told of what waited.
    assert!(kept(&pool, LINK).await > 0);
    let mut gateway = Gateway::ready(&service).await;
    let deliver = gateway.send().await;
    assert_eq!(deliver.chat_id, 11);
    assert_eq!(notice(&deliver).kind(), LessonNoticeKind::Canceled);
    assert_eq!(notice(&deliver).cancel_reason, "");
    gateway.nothing_comes(&service, teacher).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_teachers_link_is_forgotten_with_them(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (teacher, student) = people(&service).await;
    let lesson = book(&pool, &service, teacher, student).await;
    assert!(kept(&pool, LINK).await >= 5);
    erase(&service, teacher).await;
    assert_eq!(kept(&pool, LINK).await, 0);
    // What was on its way brings nothing back, and announces no other place.
    let mut late = changed(&lesson, LessonRole::Teacher);
    late.cancel_reason = "moved abroad".to_owned();
    service.sync(late).await;
    assert_eq!(kept(&pool, LINK).await, 0);
    assert_eq!(kept(&pool, "moved abroad").await, 0);
    let told = told(&pool, student).await;
    assert!(
        told.iter().all(|(kind, _)| kind != "place_changed"),
        "{told:?}"
    );
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_an_erased_person_gave_as_a_reason_is_forgotten_with_them(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::ready(&service).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(teacher, "Anna", 11)).await;
    let begins = now(&pool).await + SignedDuration::from_hours(48);
    let booked = lesson(teacher, student, begins);
    service.sync(booked.clone()).await;
    gateway.send().await;
    let off = canceled(&booked);
    service.sync(off.clone()).await;
    let told = gateway.send().await;
    assert_eq!(notice(&told).cancel_reason, "ill");
    // Days later.
    sqlx::query("UPDATE notify.lessons SET start_at = start_at - interval '3 days', end_at = end_at - interval '3 days'")
        .execute(&pool)
        .await
        .unwrap();
    erase(&service, student).await;
    let kept: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM notify.lessons WHERE position('ill' IN encode(snapshot, 'escape')) > 0)
              + (SELECT count(*) FROM notify.notification_details
                 WHERE position('ill' IN encode(content, 'escape')) > 0)",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(kept, 0);
    // That it is known stays: neither a repeat nor a later version tells it again.
    service.sync(off.clone()).await;
    let mut later = off;
    later.version += 1;
    later.schedule_version += 1;
    service.sync(later).await;
    gateway.nothing_comes(&service, teacher).await;
}
