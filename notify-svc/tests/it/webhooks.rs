//! Clients are told how their notifications ended (CNS-5).

use std::{collections::BTreeMap, time::Duration};

use notify_svc::webhooks::store;
use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{
        Ambiguous, CancelNotificationRequest, CreateNotificationRequest, GetWebhookKeyRequest,
        Refused, UncertainPolicy, outcome::Kind,
    },
};
use serde_json::Value;
use service_kit::status::reason;
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{
    Gateway, Post, Receiver, Reply, Service, attempt, custom, eventually, id, now, person, sent,
    start, state,
};

const KEY: (&str, &str) = ("WEBHOOK_KEY", "0123456789abcdef0123456789abcdef");
const LOOPBACK: (&str, &str) = ("WEBHOOK_PRIVATE_NETWORKS", "127.0.0.1/32");

/// A service that may post to 127.0.0.1, and somebody to write to.
async fn started(pool: &PgPool) -> (Service, Uuid) {
    let service = start(pool, &[KEY, LOOPBACK]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    (service, user)
}

fn told_at(user: Uuid, url: &str) -> CreateNotificationRequest {
    CreateNotificationRequest {
        client: "crm".to_owned(),
        webhook_url: url.to_owned(),
        ..custom(user, "hello")
    }
}

/// One that is cancelled at once: the shortest way to an end.
async fn canceled(service: &Service, user: Uuid, url: &str) -> Uuid {
    let due = jiff::SignedDuration::from_hours(1);
    let due = service_kit::clock::Clock::now(&service_kit::clock::SystemClock) + due;
    let told = service
        .tell_with(CreateNotificationRequest {
            due_time: Some(olm_proto::timestamp(due)),
            ..told_at(user, url)
        })
        .await;
    let request = CancelNotificationRequest {
        notification_id: told.to_string(),
        client: "crm".to_owned(),
    };
    let mut client = service.notifications("gateway-rest");
    client.cancel_notification(request).await.unwrap();
    told
}

/// Failed posts of a notification's end, whether it is told no more, and whether another
/// post is to come.
async fn tries(pool: &PgPool, id: Uuid) -> (i16, bool, bool) {
    sqlx::query_as(
        "SELECT tries, given_up, due_at IS NOT NULL FROM notify.webhooks
         WHERE notification_id = $1",
    )
    .bind(id)
    .fetch_one(pool)
    .await
    .unwrap()
}

const TOLD: (i16, bool, bool) = (0, false, false);
const FAILED_ONCE: (i16, bool, bool) = (1, false, true);

/// Lets the wait for the next post be over.
async fn wait_is_over(pool: &PgPool) {
    sqlx::query(
        "UPDATE notify.webhooks SET due_at = clock_timestamp() WHERE due_at > clock_timestamp()",
    )
    .execute(pool)
    .await
    .unwrap();
}

async fn key(service: &Service) -> String {
    let request = GetWebhookKeyRequest {
        client: "crm".to_owned(),
    };
    let answer = service
        .notifications("gateway-rest")
        .get_webhook_key(request)
        .await;
    answer.unwrap().into_inner().key
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn every_end_is_told_once_and_signed(pool: PgPool) {
    let (service, user) = started(&pool).await;
    let receiver = Receiver::start().await;
    let key = key(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let arrived = service.tell_with(told_at(user, &receiver.url)).await;
    assert_eq!(id(&gateway.send().await), arrived);
    receiver.has(1).await;
    let refused = service.tell_with(told_at(user, &receiver.url)).await;
    let outcome = Kind::Refused(Refused {
        code: 400,
        description: "Bad Request: no".to_owned(),
        bad_content: true,
        bad_markup: false,
    });
    let deliver = gateway.deliver().await;
    gateway.answer(attempt(&deliver), outcome).await;
    receiver.has(2).await;
    let dropped = canceled(&service, user, &receiver.url).await;
    receiver.has(3).await;
    gateway.leave(&pool).await;
    let late = service
        .tell_with(CreateNotificationRequest {
            expire_time: Some(olm_proto::timestamp(
                now(&pool).await + jiff::SignedDuration::from_secs(5),
            )),
            ..told_at(user, &receiver.url)
        })
        .await;
    let ends = [
        (arrived, "sent"),
        (refused, "failed"),
        (dropped, "canceled"),
        (late, "expired"),
    ];
    for (post, (id, state)) in receiver.has(ends.len()).await.iter().zip(ends) {
        assert!(post.is_signed_with(&key));
        assert_eq!(post.header("webhook-id"), format!("{id}-{state}"));
        assert_eq!(post.header("content-type"), "application/json");
        let body = post.json();
        assert_eq!(body["type"], format!("notification.{state}"));
        assert_eq!(body["data"]["id"], id.to_string());
        assert_eq!(body["data"]["state"], state);
        assert_eq!(body["timestamp"], body["data"]["state_time"]);
        eventually(TOLD, || tries(&pool, id)).await;
    }
    let bodies: Vec<_> = receiver.posts().iter().map(Post::json).collect();
    assert_eq!(bodies[0]["data"]["telegram_message_id"], 7);
    assert_eq!(bodies[0]["data"]["failure"], Value::Null);
    assert_eq!(bodies[1]["data"]["failure"], "Bad Request: no");
    // Who names no webhook is told nothing.
    let silent = canceled(&service, user, "").await;
    assert_eq!(state(&pool, silent).await, "canceled");
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM notify.webhooks")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(rows, 4);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_becomes_sent_after_all_is_told_again(pool: PgPool) {
    let (service, user) = started(&pool).await;
    let receiver = Receiver::start().await;
    let mut gateway = Gateway::ready(&service).await;
    let told = service
        .tell_with(CreateNotificationRequest {
            uncertain_policy: UncertainPolicy::Hold.into(),
            ..told_at(user, &receiver.url)
        })
        .await;
    let deliver = gateway.deliver().await;
    let lost = Kind::Ambiguous(Ambiguous {
        cause: "timeout".to_owned(),
    });
    gateway.answer(attempt(&deliver), lost).await;
    receiver.has(1).await;
    gateway.answer(attempt(&deliver), sent(8)).await;
    let posts = receiver.has(2).await;
    let ids: Vec<_> = posts.iter().map(|post| post.header("webhook-id")).collect();
    assert_eq!(ids, [format!("{told}-unconfirmed"), format!("{told}-sent")]);
    eventually(TOLD, || tries(&pool, told)).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_a_client_does_not_take_is_told_again_and_after_eight_posts_no_more(pool: PgPool) {
    let (service, user) = started(&pool).await;
    let receiver = Receiver::start().await;
    for code in [500, 404, 302, 503, 400, 429, 301, 500] {
        receiver.reply(Reply::Status(code));
    }
    let told = canceled(&service, user, &receiver.url).await;
    for failed in 1..=7 {
        eventually((failed, false, true), || tries(&pool, told)).await;
        // Not before its time.
        let waits: bool = sqlx::query_scalar(
            "SELECT due_at > clock_timestamp() + interval '1 second' FROM notify.webhooks",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        assert!(waits);
        wait_is_over(&pool).await;
    }
    eventually((7, true, false), || tries(&pool, told)).await;
    let posts = receiver.has(8).await;
    let first = posts[0].header("webhook-id");
    assert!(posts.iter().all(|post| post.header("webhook-id") == first));
    assert!(posts.iter().all(|post| post.body == posts[0].body));
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn who_says_gone_is_told_no_more(pool: PgPool) {
    let (service, user) = started(&pool).await;
    let receiver = Receiver::start().await;
    receiver.reply(Reply::Status(410));
    let told = canceled(&service, user, &receiver.url).await;
    eventually((0, true, false), || tries(&pool, told)).await;
    assert_eq!(receiver.posts().len(), 1);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn an_end_is_told_again_when_nobody_wrote_down_that_it_was_told(pool: PgPool) {
    let (service, user) = started(&pool).await;
    let receiver = Receiver::at("127.0.0.1").await;
    let told = canceled(&service, user, &receiver.url).await;
    receiver.has(1).await;
    // The replica ends between the post and the commit.
    assert!(service.stop().await);
    assert_eq!(tries(&pool, told).await, (0, false, true));
    receiver.open();
    wait_is_over(&pool).await;
    let _second = start(&pool, &[KEY, LOOPBACK]).await;
    let posts = receiver.has(2).await;
    assert_eq!(posts[0].header("webhook-id"), posts[1].header("webhook-id"));
    eventually(TOLD, || tries(&pool, told)).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn two_redirects_are_followed_and_a_fourth_is_not(pool: PgPool) {
    let (service, user) = started(&pool).await;
    let key = key(&service).await;
    let receiver = Receiver::start().await;
    receiver.reply(Reply::Redirect(307, "/second".to_owned()));
    receiver.reply(Reply::Redirect(
        308,
        receiver.url.replace("/hook", "/third"),
    ));
    let told = canceled(&service, user, &receiver.url).await;
    eventually(TOLD, || tries(&pool, told)).await;
    let posts = receiver.posts();
    let paths: Vec<_> = posts.iter().map(|post| post.path.as_str()).collect();
    assert_eq!(paths, ["/hook", "/second", "/third"]);
    assert!(posts.iter().all(|post| post.is_signed_with(&key)));
    for _ in 0..9 {
        receiver.reply(Reply::Redirect(307, "/again".to_owned()));
    }
    let told = canceled(&service, user, &receiver.url).await;
    eventually(FAILED_ONCE, || tries(&pool, told)).await;
    assert_eq!(receiver.posts().len(), 3 + 4);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn nobody_is_led_into_a_private_network(pool: PgPool) {
    let (service, user) = started(&pool).await;
    let public = Receiver::start().await;
    let private = Receiver::at("127.0.0.2").await;
    private.open();
    for location in [
        private.url.clone(),
        // Looked up, it is allowed as 127.0.0.1 only; and no user is sent anywhere.
        format!("http://a:b@127.0.0.1:{}/", public.port),
        "ftp://127.0.0.1/".to_owned(),
        "http://[::1]/".to_owned(),
    ] {
        public.reply(Reply::Redirect(307, location));
        let told = canceled(&service, user, &public.url).await;
        eventually(FAILED_ONCE, || tries(&pool, told)).await;
    }
    assert_eq!(public.posts().len(), 4);
    assert_eq!(private.posts().len(), 0);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_name_that_stands_for_a_private_address_is_not_posted_to(pool: PgPool) {
    let networks = ("WEBHOOK_PRIVATE_NETWORKS", "127.0.0.2/32");
    let service = start(&pool, &[KEY, networks]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let receiver = Receiver::start().await;
    let by_name = format!("http://localhost:{}/hook", receiver.port);
    let told = canceled(&service, user, &by_name).await;
    eventually(FAILED_ONCE, || tries(&pool, told)).await;
    assert_eq!(receiver.posts().len(), 0);
    // It is the rule that keeps it away, not the name.
    assert!(service.stop().await);
    let _allowed = start(&pool, &[KEY, LOOPBACK]).await;
    wait_is_over(&pool).await;
    receiver.has(1).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_slow_client_gets_four_posts_at_once_and_holds_up_nobody(pool: PgPool) {
    let (service, user) = started(&pool).await;
    let slow = Receiver::at("127.0.0.1").await;
    let quick = Receiver::start().await;
    for _ in 0..10 {
        canceled(&service, user, &slow.url).await;
    }
    slow.has_at_least(4).await;
    let told = canceled(&service, user, &quick.url).await;
    eventually(TOLD, || tries(&pool, told)).await;
    // One ends, one more begins.
    slow.let_one();
    slow.has_at_least(5).await;
    slow.open();
    let untold = || async {
        let rows: i64 =
            sqlx::query_scalar("SELECT count(*) FROM notify.webhooks WHERE due_at IS NOT NULL")
                .fetch_one(&pool)
                .await
                .unwrap();
        rows
    };
    eventually(0, untold).await;
    assert_eq!(slow.most(), 4);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn an_address_that_cannot_be_told_at_is_refused_with_every_fault(pool: PgPool) {
    let service = start(&pool, &[KEY]).await;
    let refused = async |service: &Service, url: &str| {
        let request = CreateNotificationRequest {
            text: String::new(),
            ..told_at(Uuid::new_v4(), url)
        };
        let mut client = service.notifications("gateway-rest");
        let status = client.create_notification(request).await.unwrap_err();
        assert_eq!(reason(&status), Some(ErrorReason::InvalidFields));
        status.message().to_owned()
    };
    let told = refused(&service, "http://a@192.168.0.1/#x").await;
    for words in [
        "text is empty",
        "https",
        "user",
        "fragment",
        "private network",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let keyless = start(&pool, &[]).await;
    let told = refused(&keyless, "https://crm.example/").await;
    assert!(told.contains("no key"), "{told}");
    let mut client = keyless.notifications("gateway-rest");
    let answer = client
        .get_webhook_key(GetWebhookKeyRequest::default())
        .await;
    assert_eq!(reason(&answer.unwrap_err()), Some(ErrorReason::WebhooksOff));
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_restored_copy_tells_nobody_until_it_is_the_one_that_counts(pool: PgPool) {
    let (service, user) = started(&pool).await;
    let told = service
        .tell_with(told_at(user, "http://127.0.0.1:9/"))
        .await;
    assert!(service.stop().await);
    // However it ends.
    sqlx::query("UPDATE notify.notifications SET state = 'expired', state_at = now()")
        .execute(&pool)
        .await
        .unwrap();
    for (off_reason, claimed) in [(Some("restored"), 0), (Some("operator"), 1), (None, 1)] {
        sqlx::query("UPDATE notify.sending SET enabled = $1 IS NULL, off_reason = $1")
            .bind(off_reason)
            .execute(&pool)
            .await
            .unwrap();
        let mut conn = pool.acquire().await.unwrap();
        let none = BTreeMap::new();
        let found = store::claim(&mut conn, &none, "", 32, Duration::ZERO).await;
        let ids: Vec<_> = found.unwrap().iter().map(|of| of.ended.id).collect();
        assert_eq!(ids, vec![told; claimed], "{off_reason:?}");
    }
}
