//! Begin, push, results: the path of one row.

use olm_proto::notify::v1::{
    Ambiguous, CancelNotificationRequest, CancelOutcome, ChatGone, ChatSeen,
    CreateNotificationRequest, Limited, NotWritten, Recipient, Refused, UncertainPolicy,
    dispatch_request::Message as Say, dispatch_response::Message as Heard, outcome::Kind,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{
    BOT, Gateway, Service, attempt, custom, eventually, id, now, person, seconds, sent, start,
    state,
};

async fn cancel(service: &Service, id: Uuid) -> CancelOutcome {
    let request = CancelNotificationRequest {
        notification_id: id.to_string(),
        client: String::new(),
    };
    let answer = service
        .notifications("gateway-rest")
        .cancel_notification(request)
        .await;
    answer.unwrap().into_inner().outcome()
}

async fn reader(service: &Service) -> Uuid {
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    user
}

fn ambiguous() -> Kind {
    Kind::Ambiguous(Ambiguous {
        cause: "timeout".to_owned(),
    })
}

fn not_written() -> Kind {
    Kind::NotWritten(NotWritten {
        cause: "no connection".to_owned(),
        retry_after: None,
    })
}

fn refused(bad_content: bool) -> Kind {
    Kind::Refused(Refused {
        code: 400,
        description: "Bad Request".to_owned(),
        bad_content,
        bad_markup: false,
    })
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_row_is_begun_in_the_database_before_it_is_pushed(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    for no in 0..20 {
        let told = service.tell(user, "hello").await;
        let deliver = gateway.deliver().await;
        assert_eq!(id(&deliver), told);
        let begun: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM notify.notifications n JOIN notify.attempts a
             ON a.notification_id = n.id AND a.attempt_no = n.attempt_no
             WHERE n.id = $1 AND n.state = 'sending' AND a.outcome IS NULL",
        )
        .bind(told)
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(begun, 1);
        gateway.answer(attempt(&deliver), sent(no)).await;
        assert_eq!(state(&pool, told).await, "sent");
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_is_cancelled_before_begin_is_never_pushed(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::connect(&service, Uuid::new_v4()).await;
    gateway.own().await;
    let due = now(&pool).await + jiff::SignedDuration::from_millis(800);
    let soon = |text: &str| CreateNotificationRequest {
        due_time: Some(olm_proto::timestamp(due)),
        ..custom(user, text)
    };
    let dropped = service.tell_with(soon("dropped")).await;
    let kept = service.tell_with(soon("kept")).await;
    assert_eq!(cancel(&service, dropped).await, CancelOutcome::Canceled);
    assert_eq!(cancel(&service, dropped).await, CancelOutcome::Canceled);
    // Begun at the earliest now.
    gateway.credit(100).await;
    assert_eq!(id(&gateway.send().await), kept);
    assert_eq!(state(&pool, dropped).await, "canceled");
    assert_eq!(cancel(&service, kept).await, CancelOutcome::AlreadySent);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_is_cancelled_after_begin_is_too_late_and_never_begun_again(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    for (outcome, end) in [
        (not_written(), "failed"),
        (
            Kind::Limited(Limited {
                retry_after: Some(seconds(0)),
            }),
            "failed",
        ),
        (ambiguous(), "unconfirmed"),
        (sent(1), "sent"),
    ] {
        let told = service.tell(user, "hello").await;
        let deliver = gateway.deliver().await;
        assert_eq!(cancel(&service, told).await, CancelOutcome::TooLate);
        gateway.answer(attempt(&deliver), outcome).await;
        eventually(end.to_owned(), || state(&pool, told)).await;
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn an_ambiguous_outcome_is_resent_once_and_then_unconfirmed(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let told = service.tell(user, "hello").await;
    let first = gateway.deliver().await;
    gateway.answer(attempt(&first), ambiguous()).await;
    let second = gateway.deliver().await;
    assert_eq!(id(&second), told);
    assert_eq!(attempt(&second).attempt_no, 2);
    gateway.answer(attempt(&second), ambiguous()).await;
    eventually("unconfirmed".to_owned(), || state(&pool, told)).await;
    // A late word of the second attempt still counts, and once.
    gateway.answer(attempt(&second), sent(8)).await;
    assert_eq!(state(&pool, told).await, "sent");
    gateway.answer(attempt(&second), refused(true)).await;
    assert_eq!(state(&pool, told).await, "sent");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_held_message_is_not_resent(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let held = CreateNotificationRequest {
        uncertain_policy: UncertainPolicy::Hold.into(),
        webhook_url: String::new(),
        ..custom(user, "once at most")
    };
    let told = service.tell_with(held).await;
    let deliver = gateway.deliver().await;
    gateway.answer(attempt(&deliver), ambiguous()).await;
    eventually("unconfirmed".to_owned(), || state(&pool, told)).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn an_unwritten_row_comes_again_uncounted_and_a_refused_one_three_times(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let told = service.tell(user, "hello").await;
    for outcome in [
        not_written(),
        not_written(),
        refused(false),
        not_written(),
        refused(false),
    ] {
        let deliver = gateway.deliver().await;
        gateway.answer(attempt(&deliver), outcome).await;
    }
    let last = gateway.deliver().await;
    assert_eq!(attempt(&last).attempt_no, 6);
    gateway.answer(attempt(&last), refused(false)).await;
    assert_eq!(state(&pool, told).await, "failed");
    let counted: i16 = sqlx::query_scalar("SELECT counted FROM notify.notifications")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(counted, 3);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_was_given_back_comes_again_in_the_order_it_fell_due_and_before_what_is_younger(
    pool: PgPool,
) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let limited = Kind::Limited(Limited {
        retry_after: Some(seconds(1)),
    });
    for outcome in [limited, not_written()] {
        let mut told = Vec::new();
        for text in ["one", "two", "three"] {
            told.push(service.tell(user, text).await);
        }
        let [first, second] = [gateway.deliver().await, gateway.deliver().await];
        // The one behind is known first, and may go sooner.
        gateway.answer(attempt(&second), not_written()).await;
        gateway.answer(attempt(&first), outcome).await;
        let mut came = Vec::new();
        for no in 0..3 {
            let deliver = gateway.deliver().await;
            came.push(id(&deliver));
            gateway.answer(attempt(&deliver), sent(no)).await;
        }
        assert_eq!(came, told);
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_comes_again_in_minutes_holds_up_nobody(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    service.tell(user, "first").await;
    let first = gateway.deliver().await;
    let later = Kind::NotWritten(NotWritten {
        cause: "no connection".to_owned(),
        retry_after: Some(seconds(120)),
    });
    gateway.answer(attempt(&first), later).await;
    let second = service.tell(user, "second").await;
    assert_eq!(id(&gateway.send().await), second);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_row_that_comes_back_follows_its_person_to_another_bot(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let told = service.tell(user, "hello").await;
    let deliver = gateway.deliver().await;
    let moved = Recipient {
        version: 2,
        bot_id: BOT + 1,
        ..person(user, "Boris", 12)
    };
    service.put(moved).await;
    gateway.answer(attempt(&deliver), not_written()).await;
    assert_eq!(state(&pool, told).await, "pending");
    let bot: i64 = sqlx::query_scalar("SELECT bot_id FROM notify.notifications WHERE id = $1")
        .bind(told)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(bot, BOT + 1);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn bad_content_fails_at_once(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let told = service.tell(user, "hello").await;
    let deliver = gateway.deliver().await;
    gateway.answer(attempt(&deliver), refused(true)).await;
    assert_eq!(state(&pool, told).await, "failed");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn who_blocked_the_bot_costs_one_attempt_until_heard_of_again(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let first = service.tell(user, "one").await;
    let deliver = gateway.deliver().await;
    let gone = Kind::ChatGone(ChatGone {
        description: "Forbidden: bot was blocked by the user".to_owned(),
    });
    gateway.answer(attempt(&deliver), gone).await;
    assert_eq!(state(&pool, first).await, "failed");
    let second = service.tell(user, "two").await;
    eventually("failed".to_owned(), || state(&pool, second)).await;
    let attempts: i64 = sqlx::query_scalar("SELECT count(*) FROM notify.attempts")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(attempts, 1);

    gateway
        .say(Say::ChatSeen(ChatSeen {
            bot_id: BOT,
            chat_id: 12,
        }))
        .await;
    // Handled in order: when the renewal is answered, the chat is open.
    gateway.renew(2).await;
    while let Some(heard) = gateway.hear().await {
        if matches!(heard, Heard::Renewed(renewed) if renewed.renewal == 2) {
            break;
        }
    }
    let third = service.tell(user, "three").await;
    assert_eq!(id(&gateway.send().await), third);
    assert_eq!(state(&pool, second).await, "failed");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_is_not_begun_in_time_expires(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let expires = now(&pool).await + jiff::SignedDuration::from_secs(5);
    let request = CreateNotificationRequest {
        expire_time: Some(olm_proto::timestamp(expires)),
        ..custom(user, "while it is fresh")
    };
    let told = service.tell_with(request).await;
    assert_eq!(state(&pool, told).await, "pending");
    eventually("expired".to_owned(), || state(&pool, told)).await;
    let mut gateway = Gateway::ready(&service).await;
    let fresh = service.tell(user, "fresh").await;
    assert_eq!(id(&gateway.deliver().await), fresh);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_begun_row_that_nothing_is_heard_of_becomes_uncertain(pool: PgPool) {
    let service = start(&pool, &[("SILENCE", "0.2")]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let told = service.tell(user, "hello").await;
    let first = gateway.deliver().await;
    // Silence, then the one resend.
    let second = gateway.deliver().await;
    assert_eq!((id(&first), id(&second)), (told, told));
    eventually("unconfirmed".to_owned(), || state(&pool, told)).await;
    gateway.answer(attempt(&first), sent(1)).await;
    assert_eq!(state(&pool, told).await, "sent");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn no_more_is_pushed_than_credit_and_two_a_chat_allow(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let other = Uuid::new_v4();
    service.put(person(other, "Vera", 13)).await;
    let mut gateway = Gateway::ready(&service).await;
    for text in ["one", "two", "three"] {
        service.tell(user, text).await;
    }
    let mut out = vec![gateway.deliver().await, gateway.deliver().await];
    let elsewhere = service.tell(other, "elsewhere").await;
    let third = gateway.deliver().await;
    assert_eq!(id(&third), elsewhere, "a third row of one chat is out");
    gateway.answer(attempt(&out.remove(0)), sent(1)).await;
    assert_eq!(gateway.deliver().await.chat_id, 12);
}
