//! Streams that end, replicas that go, and replicas that help each other.

use olm_proto::notify::v1::{
    Own, dispatch_request::Message as Say, dispatch_response::Message as Heard,
};
use sqlx::PgPool;
use tonic::Code;
use uuid::Uuid;

use crate::support::{
    BOT, Gateway, attempt, eventually, id, listening, person, sent, start, state,
};

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_replica_drains_finishes_what_is_out_and_ends_under_an_open_stream(pool: PgPool) {
    // Ending at the deadline would be far too late.
    let service = start(&pool, &[("DRAIN", "300")]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let mut gateway = Gateway::ready(&service).await;
    let told = service.tell(user, "hello").await;
    let deliver = gateway.deliver().await;
    service.shutdown.stop();
    assert!(matches!(gateway.hear().await, Some(Heard::Drain(_))));
    gateway.answer(attempt(&deliver), sent(1)).await;
    assert_eq!(state(&pool, told).await, "sent");
    assert!(gateway.end().await.is_ok());
    assert!(service.stop().await);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_replica_ends_in_time_when_what_is_out_is_never_answered(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let mut gateway = Gateway::ready(&service).await;
    let told = service.tell(user, "hello").await;
    gateway.deliver().await;
    assert!(service.stop().await);
    assert!(gateway.end().await.is_ok());
    assert_eq!(state(&pool, told).await, "sending");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_row_accepted_by_one_replica_is_pushed_by_the_other(pool: PgPool) {
    // With a slow sweep only the wake-up can be prompt.
    let slow = [("SWEEP_INTERVAL", "60")];
    let accepting = start(&pool, &slow).await;
    let dispatching = start(&pool, &slow).await;
    let user = Uuid::new_v4();
    accepting.put(person(user, "Boris", 12)).await;
    eventually(2, || listening(&pool)).await;
    let mut gateway = Gateway::ready(&dispatching).await;
    for _ in 0..3 {
        let told = accepting.tell(user, "hello").await;
        assert_eq!(id(&gateway.send().await), told);
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn after_a_drain_the_gateway_goes_on_with_another_replica(pool: PgPool) {
    let leaving = start(&pool, &[]).await;
    let staying = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    staying.put(person(user, "Boris", 12)).await;
    let gateway_id = Uuid::new_v4();
    let mut gateway = Gateway::connect(&leaving, gateway_id).await;
    gateway.own().await;
    gateway.credit(10).await;
    leaving.shutdown.stop();
    assert!(matches!(gateway.hear().await, Some(Heard::Drain(_))));
    let mut gateway = Gateway::connect(&staying, gateway_id).await;
    gateway.own().await;
    gateway.credit(10).await;
    let told = staying.tell(user, "hello").await;
    assert_eq!(id(&gateway.send().await), told);
    assert!(leaving.stop().await);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn the_database_may_go_and_come_back_under_an_open_stream(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let mut gateway = Gateway::ready(&service).await;
    // A row that comes proves that the journal's report was stored: losing the database
    // under that would cost the bot.
    service.tell(user, "hello").await;
    gateway.send().await;
    for _ in 0..3 {
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'notify'",
        )
        .execute(&pool)
        .await
        .unwrap();
        gateway.renew(1).await;
        let mut client = service.notifications("gateway-rest");
        let request = crate::support::custom(user, "hello");
        // The idempotency key makes the repeat safe.
        let created = loop {
            match client.create_notification(request.clone()).await {
                Ok(created) => break created.into_inner().notification.unwrap().id,
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
            }
        };
        let deliver = gateway.send().await;
        assert_eq!(id(&deliver).to_string(), created);
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_stream_that_breaks_the_order_is_refused(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut gateway = Gateway::connect(&service, Uuid::nil()).await;
    let status = gateway.end().await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let mut gateway = Gateway::connect(&service, Uuid::new_v4()).await;
    gateway.say(Say::Own(Own { bot_id: -BOT })).await;
    let status = gateway.end().await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}
