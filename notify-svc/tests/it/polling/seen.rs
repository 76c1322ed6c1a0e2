//! Who blocked a polled bot and came back.

use olm_proto::notify::v1::ReportChatSeenRequest;
use sqlx::PgPool;
use tonic::Status;

use super::{CLIENT, NO_BOT, failed, id, next, polled, polled_by, refusal, sent, tell};
use crate::support::{BOT, Service, eventually, state};

/// The chat of whom [`polled`] knows.
const CHAT: i64 = 12;

async fn seen(service: &Service, client: &str, chat_id: i64) -> Result<(), Status> {
    let request = ReportChatSeenRequest {
        client: client.to_owned(),
        chat_id,
    };
    service.polling().report_chat_seen(request).await.map(drop)
}

async fn is_reachable(pool: &PgPool) -> bool {
    sqlx::query_scalar("SELECT unreachable_since IS NULL FROM notify.recipients WHERE chat_id = $1")
        .bind(CHAT)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn who_blocked_the_bot_and_wrote_to_it_again_is_reached_again(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    polled_by(&pool, BOT + 1, "stranger").await;
    let told = service.tell(user, "hello").await;
    next(&service).await;
    let blocked = failed("Forbidden: bot was blocked by the user");
    tell(&service, CLIENT, told, blocked).await.unwrap();
    let lost = service.tell(user, "are you there?").await;
    eventually("failed".to_owned(), || state(&pool, lost)).await;

    // Neither by nobody, nor by who polls for another bot, nor in another chat.
    assert_eq!(refusal(seen(&service, "nobody", CHAT).await), NO_BOT);
    seen(&service, "stranger", CHAT).await.unwrap();
    seen(&service, CLIENT, CHAT + 1).await.unwrap();
    assert!(!is_reachable(&pool).await);

    seen(&service, CLIENT, CHAT).await.unwrap();
    let back = service.tell(user, "welcome back").await;
    assert_eq!(id(&next(&service).await), back);
    tell(&service, CLIENT, back, sent()).await.unwrap();
    assert_eq!(state(&pool, back).await, "sent");
}
