//! Many rows of one chat or one sender hold up nobody else's.

use std::time::Duration;

use jiff::SignedDuration;
use notify_svc::dispatch::upcoming::list_interactive;
use olm_proto::notify::v1::{Credit, Lane, dispatch_request::Message as Say};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{BOT, Gateway, Service, id, lesson, now, person, start};

/// More than a dispatcher reads of a lane at once.
const MANY: i32 = 1_200;

async fn reader(service: &Service, chat_id: i64) -> Uuid {
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", chat_id)).await;
    user
}

/// Rows that have been due for a minute, each to one of these people in turn.
async fn pile(pool: &PgPool, people: &[Uuid], lane: i16, sender: i64) {
    sqlx::query(
        "WITH rows AS (
             INSERT INTO notify.notifications
                 (id, user_id, bot_id, lane, sender, due_at, next_at, expires_at)
             SELECT gen_random_uuid(), ($1::uuid[])[1 + n % cardinality($1)], $2, $3, $4,
                    t.due_at, t.due_at, now() + interval '1 hour'
             FROM generate_series(1, $5) n
             CROSS JOIN LATERAL (
                 SELECT now() - interval '1 minute' + n * interval '1 millisecond' AS due_at) t
             RETURNING id
         )
         INSERT INTO notify.notification_details (notification_id, kind, content, caller)
         SELECT id, 'custom', '', 'operator' FROM rows",
    )
    .bind(people)
    .bind(BOT)
    .bind(lane)
    .bind(sender)
    .bind(MANY)
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn more_for_one_person_than_is_read_at_once_holds_up_nobody(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (hoarder, other) = (reader(&service, 12).await, reader(&service, 13).await);
    for lane in [Lane::Reminder, Lane::Broadcast] {
        pile(
            &pool,
            &[hoarder],
            i16::try_from(i32::from(lane)).unwrap(),
            7,
        )
        .await;
    }
    let mut gateway = Gateway::ready(&service).await;
    let mut chats = vec![
        gateway.deliver().await.chat_id,
        gateway.deliver().await.chat_id,
    ];
    pile_one(&pool, other).await;
    chats.push(gateway.deliver().await.chat_id);
    assert_eq!(chats, [12, 12, 13]);
}

/// One reminder, due after all the others.
async fn pile_one(pool: &PgPool, user: Uuid) {
    sqlx::query(
        "WITH row AS (
             INSERT INTO notify.notifications
                 (id, user_id, bot_id, lane, due_at, next_at, expires_at)
             VALUES (gen_random_uuid(), $1, $2, 3, now(), now(), now() + interval '1 hour')
             RETURNING id
         )
         INSERT INTO notify.notification_details (notification_id, kind, content, caller)
         SELECT id, 'custom', '', 'operator' FROM row",
    )
    .bind(user)
    .bind(BOT)
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn the_broadcasts_of_one_sender_leave_every_second_turn_to_another(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut people = Vec::new();
    for chat in 1..=20 {
        people.push(reader(&service, chat).await);
    }
    let lane = i16::try_from(i32::from(Lane::Broadcast)).unwrap();
    pile(&pool, &people, lane, 7).await;
    let late = [reader(&service, 101).await, reader(&service, 102).await];
    let mut few = Vec::new();
    for user in late {
        few.push(service.tell(user, "few").await);
    }
    let mut gateway = Gateway::connect(&service, Uuid::new_v4()).await;
    gateway.own().await;
    let credit = Credit {
        bot_id: BOT,
        lane: Lane::Broadcast.into(),
        cumulative: 5,
    };
    gateway.say(Say::Credit(credit)).await;
    let mut told = Vec::new();
    for _ in 0..5 {
        told.push(id(&gateway.deliver().await));
    }
    assert!(few.iter().all(|row| told.contains(row)), "{told:?}");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_people_wait_for_is_read_without_all_else_that_is_due(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (teacher, student) = (reader(&service, 11).await, reader(&service, 12).await);
    let reminder = i16::try_from(i32::from(Lane::Reminder)).unwrap();
    pile(&pool, &[student], reminder, 7).await;
    let begins = now(&pool).await + SignedDuration::from_hours(48);
    service.sync(lesson(teacher, student, begins)).await;
    let read = async |apart: &[Uuid], most: i64| {
        let mut conn = pool.acquire().await.unwrap();
        let horizon = Duration::from_secs(5);
        let rows = list_interactive(&mut conn, BOT, horizon, apart, most).await;
        let mut chats: Vec<_> = rows.unwrap().iter().map(|row| row.chat_id).collect();
        chats.sort_unstable();
        chats
    };
    let change = async |statement: &'static str| {
        sqlx::query(statement)
            .bind(student)
            .execute(&pool)
            .await
            .unwrap();
    };
    assert_eq!(read(&[], 10).await, [11, 12]);
    assert_eq!(read(&[student], 10).await, [11], "who is read apart");
    assert_eq!(read(&[], 1).await.len(), 1);
    change(
        "UPDATE notify.notifications SET next_at = next_at - interval '1 minute'
         WHERE user_id = $1 AND lane = 2",
    )
    .await;
    assert_eq!(read(&[], 10).await, [11], "what waited for long is known");
    change("UPDATE notify.recipients SET unreachable_since = now() WHERE user_id <> $1").await;
    assert_eq!(read(&[], 10).await, [0; 0]);
}
