//! What is said of an attempt after another one was begun.

use olm_proto::notify::v1::NotificationState;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    CLIENT, CONTRADICTS, NOT_FOUND, begin, failed, next, polled, polled_by, refusal, sent, tell_of,
};
use crate::support::{BOT, Service, state};

/// A row that one poller has had for too long and another one was given since.
async fn given_twice(pool: &PgPool, service: &Service, user: Uuid) -> Uuid {
    let told = service.tell(user, "hello").await;
    assert_eq!(next(service).await.notification.unwrap().attempt_no, 1);
    sqlx::query("UPDATE notify.notifications SET begun_at = begun_at - interval '10 minutes'")
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(next(service).await.notification.unwrap().attempt_no, 2);
    told
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_late_failure_changes_nothing_of_the_attempt_after_it(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    let told = given_twice(&pool, &service, user).await;
    for _ in 0..2 {
        let late = tell_of(&service, CLIENT, told, 1, failed("timeout")).await;
        let late = late.unwrap();
        assert_eq!(
            (late.state(), late.attempt_no, late.counted_attempts),
            (NotificationState::Sending, 2, 0)
        );
    }
    let ended = tell_of(&service, CLIENT, told, 2, sent()).await.unwrap();
    assert_eq!(ended.state(), NotificationState::Sent);
    // No third.
    assert_eq!(begin(&service).await, []);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_failure_that_comes_after_another_attempt_sent_it_is_a_contradiction(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    let told = given_twice(&pool, &service, user).await;
    tell_of(&service, CLIENT, told, 2, sent()).await.unwrap();
    for _ in 0..2 {
        let late = tell_of(&service, CLIENT, told, 1, failed("timeout")).await;
        assert_eq!(refusal(late), CONTRADICTS);
    }
    assert_eq!(state(&pool, told).await, "sent");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_late_word_that_an_earlier_attempt_was_sent_proves_it(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    let told = given_twice(&pool, &service, user).await;
    tell_of(&service, CLIENT, told, 1, sent()).await.unwrap();
    let ended = tell_of(&service, CLIENT, told, 2, failed("timeout")).await;
    assert_eq!(ended.unwrap().state(), NotificationState::Sent);
    assert_eq!(begin(&service).await, []);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn two_copies_that_arrived_contradict_nothing(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    let told = given_twice(&pool, &service, user).await;
    for attempt in [2, 1, 1] {
        let ended = tell_of(&service, CLIENT, told, attempt, sent()).await;
        assert_eq!(ended.unwrap().state(), NotificationState::Sent);
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn of_an_attempt_that_never_was_or_is_anothers_nothing_is_heard(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    polled_by(&pool, BOT + 1, "stranger").await;
    let told = service.tell(user, "hello").await;
    next(&service).await;
    let never = tell_of(&service, CLIENT, told, 2, sent()).await;
    assert_eq!(refusal(never), CONTRADICTS);
    let anothers = tell_of(&service, "stranger", told, 1, sent()).await;
    assert_eq!(refusal(anothers), NOT_FOUND);
    assert_eq!(state(&pool, told).await, "sending");
}
