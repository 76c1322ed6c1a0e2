//! What a gateway says that changes where and when the next row goes: moved chats, freezes,
//! proofs that come late, broken markup.

use olm_proto::notify::v1::{
    Ambiguous, Frozen, GetRecipientRequest, Moved, NotWritten, Recipient, Refused,
    dispatch_request::Message as Say, outcome::Kind,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{BOT, Gateway, Service, attempt, id, person, seconds, sent, start, state};

const GROUP: i64 = -100;
const SUPERGROUP: i64 = -100_100;

async fn reader(service: &Service, chat_id: i64) -> Uuid {
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", chat_id)).await;
    user
}

async fn chat_of(service: &Service, user: Uuid) -> i64 {
    let request = GetRecipientRequest {
        user_id: user.to_string(),
    };
    let found = service.recipients().get_recipient(request).await.unwrap();
    found.into_inner().recipient.unwrap().chat_id
}

fn moved(chat_id: i64) -> Kind {
    Kind::Moved(Moved { chat_id })
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_moved_group_gets_its_message_in_the_new_chat_and_so_does_all_that_follows(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (one, other) = (reader(&service, GROUP).await, reader(&service, GROUP).await);
    let mut gateway = Gateway::ready(&service).await;
    let told = service.tell(one, "hello").await;
    let first = gateway.deliver().await;
    assert_eq!(first.chat_id, GROUP);
    gateway.answer(attempt(&first), moved(SUPERGROUP)).await;
    let second = gateway.send().await;
    assert_eq!((id(&second), second.chat_id), (told, SUPERGROUP));
    assert_eq!(state(&pool, told).await, "sent");
    let counted: i16 = sqlx::query_scalar("SELECT counted FROM notify.notifications")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(counted, 0);
    assert_eq!(chat_of(&service, other).await, SUPERGROUP);

    // lesson-svc goes on telling the former id.
    let renamed = Recipient {
        version: 2,
        ..person(one, "Boris the Second", GROUP)
    };
    service.put(renamed).await;
    service.tell(one, "again").await;
    assert_eq!(gateway.send().await.chat_id, SUPERGROUP);
    let late = reader(&service, GROUP).await;
    assert_eq!(chat_of(&service, late).await, SUPERGROUP);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn chats_that_move_twice_or_in_a_circle_are_followed_to_where_they_are(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service, GROUP).await;
    let mut gateway = Gateway::ready(&service).await;
    service.tell(user, "hello").await;
    for to in [-200, -300] {
        let deliver = gateway.deliver().await;
        gateway.answer(attempt(&deliver), moved(to)).await;
    }
    let third = gateway.deliver().await;
    assert_eq!(third.chat_id, -300);
    let late = reader(&service, GROUP).await;
    assert_eq!(chat_of(&service, late).await, -300);
    // Back to the first: where a chat is, it has not moved away from.
    gateway.answer(attempt(&third), moved(GROUP)).await;
    assert_eq!(gateway.send().await.chat_id, GROUP);
    for former in [GROUP, -200, -300] {
        let late = reader(&service, former).await;
        assert_eq!(chat_of(&service, late).await, GROUP);
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn who_gave_another_address_meanwhile_is_not_moved_with_the_group(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service, GROUP).await;
    let mut gateway = Gateway::ready(&service).await;
    service.tell(user, "hello").await;
    let deliver = gateway.deliver().await;
    let elsewhere = Recipient {
        version: 2,
        ..person(user, "Boris", 12)
    };
    service.put(elsewhere).await;
    gateway.answer(attempt(&deliver), moved(SUPERGROUP)).await;
    assert_eq!(gateway.send().await.chat_id, 12);
    assert_eq!(chat_of(&service, user).await, 12);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn nothing_is_begun_for_a_frozen_chat_and_all_else_goes_on(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (cold, warm) = (reader(&service, 12).await, reader(&service, 13).await);
    let mut gateway = Gateway::ready(&service).await;
    let frozen = Frozen {
        bot_id: BOT,
        chat_id: 12,
        duration: Some(seconds(3_600)),
    };
    gateway.say(Say::Frozen(frozen)).await;
    gateway.settle().await;
    let waits = service.tell(cold, "not now").await;
    gateway.nothing_comes(&service, warm).await;
    assert_eq!(state(&pool, waits).await, "pending");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn proof_of_the_first_copy_while_the_second_is_out_makes_no_third(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service, 12).await;
    let mut gateway = Gateway::ready(&service).await;
    let told = service.tell(user, "hello").await;
    let first = gateway.deliver().await;
    let lost = Kind::Ambiguous(Ambiguous {
        cause: "reset".to_owned(),
    });
    gateway.answer(attempt(&first), lost).await;
    let second = gateway.deliver().await;
    gateway.answer(attempt(&first), sent(5)).await;
    assert_eq!(state(&pool, told).await, "sending");
    let unwritten = Kind::NotWritten(NotWritten {
        cause: "no connection".to_owned(),
        retry_after: None,
    });
    gateway.answer(attempt(&second), unwritten).await;
    assert_eq!(state(&pool, told).await, "sent");
    let message: Option<i64> =
        sqlx::query_scalar("SELECT telegram_message_id FROM notify.notification_details")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(message, Some(5));
    gateway.nothing_comes(&service, user).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_text_whose_markup_telegram_cannot_read_comes_again_plain(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service, 12).await;
    let mut gateway = Gateway::ready(&service).await;
    let told = service.tell(user, "hello").await;
    let first = gateway.deliver().await;
    assert!(!first.plain);
    let broken = Kind::Refused(Refused {
        code: 400,
        description: "Bad Request: can't parse entities".to_owned(),
        bad_content: false,
        bad_markup: true,
    });
    gateway.answer(attempt(&first), broken).await;
    let second = gateway.send().await;
    assert_eq!((id(&second), second.plain), (told, true));
    assert_eq!(state(&pool, told).await, "sent");
}
