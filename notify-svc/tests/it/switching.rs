//! What an operator switches: sending as a whole, and how a bot is served.

use notify_svc::dispatch::store::{self, Epoch};
use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{
        Bot, BotMode, CreateNotificationRequest, GetSendingRequest, ListBotsRequest, Own, Sending,
        SendingOffReason, SetBotModeRequest, SetSendingRequest, SetSendingResponse,
        dispatch_request::Message as Say, dispatch_response::Message as Heard,
    },
};
use service_kit::status::reason;
use sqlx::PgPool;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::support::{
    BOT, Gateway, Service, custom, eventually, id, listening, now, person, start, state,
};

async fn sending(service: &Service) -> Sending {
    let mut operator = service.delivery("operator");
    let found = operator.get_sending(GetSendingRequest {}).await.unwrap();
    found.into_inner().sending.unwrap()
}

async fn switch(service: &Service, enabled: bool) -> SetSendingResponse {
    let mut operator = service.delivery("operator");
    let switched = operator.set_sending(SetSendingRequest { enabled }).await;
    switched.unwrap().into_inner()
}

async fn set_mode(
    service: &Service,
    bot_id: i64,
    mode: BotMode,
    client: &str,
) -> Result<Bot, Status> {
    let request = SetBotModeRequest {
        bot_id,
        mode: mode.into(),
        client: client.to_owned(),
    };
    let set = service.delivery("operator").set_bot_mode(request).await?;
    Ok(set.into_inner().bot.unwrap())
}

async fn reader(service: &Service) -> Uuid {
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    user
}

/// Whether the present owner could begin this fresh row.
async fn may_begin(pool: &PgPool, row: Uuid) -> bool {
    let (gateway_id, epoch): (Uuid, i64) =
        sqlx::query_as("SELECT gateway_id, epoch FROM notify.owners")
            .fetch_one(pool)
            .await
            .unwrap();
    let owner = Epoch {
        bot_id: BOT,
        gateway_id,
        epoch,
    };
    let mut conn = pool.acquire().await.unwrap();
    let begun = store::begin(&mut conn, owner, &[row], &[1]).await.unwrap();
    begun.is_some()
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn switched_off_nothing_is_begun_and_switched_on_all_that_waited_comes(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    let off = switch(&service, false).await.sending.unwrap();
    assert_eq!(off.off_reason(), SendingOffReason::Operator);
    assert_eq!(sending(&service).await, off);
    let waits = service.tell(user, "waits").await;
    assert!(!may_begin(&pool, waits).await);
    // What is pointless later expires all the same.
    let soon = now(&pool).await + jiff::SignedDuration::from_secs(5);
    let short = CreateNotificationRequest {
        expire_time: Some(olm_proto::timestamp(soon)),
        ..custom(user, "short")
    };
    let short = service.tell_with(short).await;
    eventually("expired".to_owned(), || state(&pool, short)).await;
    assert_eq!(state(&pool, waits).await, "pending");

    let on = switch(&service, true).await;
    assert_eq!((on.expired_count, on.unconfirmed_count), (0, 0));
    assert!(on.sending.unwrap().enabled);
    assert_eq!(id(&gateway.send().await), waits);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn in_a_restored_copy_nothing_is_sent_until_told_and_nothing_is_replayed(pool: PgPool) {
    let original = start(&pool, &[]).await;
    let user = reader(&original).await;
    let mut gateway = Gateway::ready(&original).await;
    let begun = original.tell(user, "begun").await;
    assert_eq!(id(&gateway.deliver().await), begun);
    gateway.leave(&pool).await;
    let due = original.tell(user, "due").await;
    let later = now(&pool).await + jiff::SignedDuration::from_hours(1);
    let ahead = CreateNotificationRequest {
        due_time: Some(olm_proto::timestamp(later)),
        ..custom(user, "ahead")
    };
    let ahead = original.tell_with(ahead).await;
    assert!(sending(&original).await.enabled);
    assert!(original.stop().await);
    sqlx::query("UPDATE notify.sending SET database = 'the original'")
        .execute(&pool)
        .await
        .unwrap();

    let copy = start(&pool, &[]).await;
    let off = sending(&copy).await;
    assert_eq!(off.off_reason(), SendingOffReason::Restored);
    let mut gateway = Gateway::ready(&copy).await;
    assert!(!may_begin(&pool, due).await);
    // An operator's "off" does not make it an ordinary pause.
    let still = switch(&copy, false).await.sending.unwrap();
    assert_eq!(still, off);
    let fresh = copy.tell(user, "fresh").await;
    let on = switch(&copy, true).await;
    assert_eq!((on.expired_count, on.unconfirmed_count), (1, 1));
    assert_eq!(state(&pool, due).await, "expired");
    assert_eq!(state(&pool, begun).await, "unconfirmed");
    assert_eq!(state(&pool, ahead).await, "pending");
    assert_eq!(id(&gateway.send().await), fresh);

    // It is the original now.
    assert!(copy.stop().await);
    let again = start(&pool, &[]).await;
    assert!(sending(&again).await.enabled);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_polled_bot_is_no_gateways_until_it_streams_again(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    eventually(1, || listening(&pool)).await;
    gateway.settle().await;
    let polled = set_mode(&service, BOT, BotMode::Polling, "bot-py")
        .await
        .unwrap();
    assert_eq!(polled.mode(), BotMode::Polling);
    assert_eq!(polled.client, "bot-py");
    assert_eq!((polled.gateway_id.as_str(), polled.epoch), ("", 2));
    let waits = service.tell(user, "for the client").await;
    assert!(!may_begin(&pool, waits).await);
    gateway.renew(1_001).await;
    assert!(matches!(gateway.hear().await, Some(Heard::NotOwned(_))));
    gateway.say(Say::Own(Own { bot_id: BOT })).await;
    let Some(Heard::NotOwned(refused)) = gateway.hear().await else {
        panic!("a polled bot is owned");
    };
    assert_eq!(refused.retry_after.unwrap().seconds, 30);

    let streamed = set_mode(&service, BOT, BotMode::Stream, "").await.unwrap();
    assert_eq!((streamed.mode(), streamed.due_count), (BotMode::Stream, 1));
    // Who polled may have sent a moment ago.
    let owned = gateway.own().await;
    assert!(owned.taken_over);
    gateway.credit(10).await;
    assert_eq!(id(&gateway.send().await), waits);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_client_polls_for_one_bot_and_every_fault_is_told_at_once(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let polling = BotMode::Polling;
    set_mode(&service, 1, polling, "bot-py").await.unwrap();
    let taken = set_mode(&service, 2, polling, "bot-py").await.unwrap_err();
    assert_eq!(taken.code(), Code::FailedPrecondition);
    assert_eq!(reason(&taken), Some(ErrorReason::ClientPollsAnotherBot));
    // Again the same is no fault, and another client may take the bot over.
    for client in ["bot-py", "bot-js"] {
        let bot = set_mode(&service, 1, polling, client).await.unwrap();
        assert_eq!(bot.client, client);
    }
    set_mode(&service, 2, polling, "bot-py").await.unwrap();

    for (bot_id, mode, client, faults) in [
        (0, BotMode::Unspecified, "", ["bot_id", "mode"]),
        (-1, polling, "", ["bot_id", "client"]),
        (0, polling, "Not A Name", ["bot_id", "client"]),
        (0, BotMode::Stream, "bot-py", ["bot_id", "client"]),
    ] {
        let refused = set_mode(&service, bot_id, mode, client).await.unwrap_err();
        for field in faults {
            assert!(refused.message().contains(field), "{field}: {refused:?}");
        }
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn bots_are_listed_with_who_serves_them_and_what_waits(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = reader(&service).await;
    let mut gateway = Gateway::ready(&service).await;
    service.tell(user, "out").await;
    gateway.deliver().await;
    // Nobody serves this one.
    let orphan = Uuid::new_v4();
    let elsewhere = olm_proto::notify::v1::Recipient {
        bot_id: 7,
        ..person(orphan, "Vera", 13)
    };
    service.put(elsewhere).await;
    service.tell(orphan, "waits").await;
    set_mode(&service, 9, BotMode::Polling, "bot-py")
        .await
        .unwrap();
    let mut operator = service.delivery("operator");
    let listed = operator.list_bots(ListBotsRequest {}).await;
    let bots = listed.unwrap().into_inner().bots;
    let seen: Vec<_> = bots
        .iter()
        .map(|bot| (bot.bot_id, bot.mode(), bot.due_count, bot.sending_count))
        .collect();
    assert_eq!(
        seen,
        [
            (7, BotMode::Stream, 1, 0),
            (9, BotMode::Polling, 0, 0),
            (BOT, BotMode::Stream, 0, 1)
        ]
    );
    assert!(bots[0].gateway_id.is_empty() && !bots[2].gateway_id.is_empty());
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn only_operators_switch_anything(pool: PgPool) {
    let service = start(&pool, &[]).await;
    for caller in ["gateway-rest", "bot-gateway", "lesson-svc"] {
        let refused = service
            .delivery(caller)
            .set_sending(SetSendingRequest { enabled: false })
            .await;
        assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    }
    assert!(sending(&service).await.enabled);
}
