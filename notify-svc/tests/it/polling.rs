//! Bots in other languages: what is due is begun for the client that polls, and ends as
//! it says.

mod late;
mod seen;

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{
        BeginDueRequest, CancelNotificationRequest, CreateNotificationRequest, Notification,
        NotificationState, PolledFailed, PolledNotification, PolledSent, Recipient,
        ReportChatSeenRequest, ResolveNotificationRequest, UncertainPolicy, content::Kind,
        resolve_notification_request::Result as Told,
    },
};
use service_kit::status::reason;
use sqlx::PgPool;
use tokio::time::timeout;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::support::{
    BOT, Gateway, PATIENCE, Service, custom, eventually, id as pushed, lesson, now, person, start,
    state,
};

const CLIENT: &str = "snake";

/// Puts a bot into polling mode.
async fn polled_by(pool: &PgPool, bot_id: i64, client: &str) {
    sqlx::query("INSERT INTO notify.bots (bot_id, client) VALUES ($1, $2)")
        .bind(bot_id)
        .bind(client)
        .execute(pool)
        .await
        .unwrap();
}

/// A service whose only bot is polled, and somebody to write to.
async fn polled(pool: &PgPool, settings: &[(&str, &str)]) -> (Service, Uuid) {
    polled_by(pool, BOT, CLIENT).await;
    let service = start(pool, settings).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    (service, user)
}

async fn ask(
    service: &Service,
    client: &str,
    limit: i32,
) -> Result<Vec<PolledNotification>, Status> {
    let request = BeginDueRequest {
        client: client.to_owned(),
        limit,
    };
    let begun = service.polling().begin_due(request).await?;
    Ok(begun.into_inner().notifications)
}

async fn begin(service: &Service) -> Vec<PolledNotification> {
    ask(service, CLIENT, 0).await.unwrap()
}

/// The one row that is due, waited for.
async fn next(service: &Service) -> PolledNotification {
    let polled = timeout(PATIENCE, async {
        loop {
            let mut begun = begin(service).await;
            if let Some(first) = begun.pop() {
                assert_eq!(begun, []);
                return first;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    polled.await.expect("nothing falls due")
}

fn id(polled: &PolledNotification) -> Uuid {
    let notification = polled.notification.as_ref().unwrap();
    notification.id.parse().unwrap()
}

async fn tell(
    service: &Service,
    client: &str,
    id: Uuid,
    told: Told,
) -> Result<Notification, Status> {
    tell_of(service, client, id, 0, told).await
}

/// Of one attempt; 0: of the last.
async fn tell_of(
    service: &Service,
    client: &str,
    id: Uuid,
    attempt_no: i32,
    told: Told,
) -> Result<Notification, Status> {
    let request = ResolveNotificationRequest {
        client: client.to_owned(),
        notification_id: id.to_string(),
        attempt_no,
        result: Some(told),
    };
    let resolved = service.polling().resolve_notification(request).await?;
    Ok(resolved.into_inner().notification.unwrap())
}

fn sent() -> Told {
    Told::Sent(PolledSent {
        telegram_message_id: 9,
    })
}

fn failed(reason: &str) -> Told {
    Told::Failed(PolledFailed {
        reason: reason.to_owned(),
    })
}

fn refusal(answer: Result<impl std::fmt::Debug, Status>) -> (Code, ErrorReason) {
    let status = answer.unwrap_err();
    (status.code(), reason(&status).unwrap())
}

const NO_BOT: (Code, ErrorReason) = (Code::FailedPrecondition, ErrorReason::NoPolledBot);
const CONTRADICTS: (Code, ErrorReason) = (Code::Aborted, ErrorReason::NotificationStateUnsuitable);
const NOT_FOUND: (Code, ErrorReason) = (Code::NotFound, ErrorReason::NotificationNotFound);

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_is_due_is_begun_in_the_database_before_it_is_given_out(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    let later = now(&pool).await + jiff::SignedDuration::from_hours(1);
    service
        .tell_with(CreateNotificationRequest {
            due_time: Some(olm_proto::timestamp(later)),
            ..custom(user, "later")
        })
        .await;
    let told = service.tell(user, "hello").await;
    let begun = begin(&service).await;
    assert_eq!(begun.iter().map(id).collect::<Vec<_>>(), [told]);
    let polled = &begun[0];
    assert_eq!((polled.bot_id, polled.chat_id), (BOT, 12));
    assert_eq!(
        (polled.language.as_str(), polled.time_zone.as_str()),
        ("ru", "Europe/Berlin")
    );
    let content = polled.content.clone().unwrap().kind.unwrap();
    assert!(matches!(content, Kind::CustomText(text) if text.text == "hello"));
    let notification = polled.notification.as_ref().unwrap();
    assert_eq!(notification.state(), NotificationState::Sending);
    assert_eq!(
        (notification.attempt_no, notification.kind.as_str()),
        (1, "custom")
    );
    let logged: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM notify.notifications n JOIN notify.attempts a
         ON a.notification_id = n.id AND a.attempt_no = n.attempt_no
         WHERE n.id = $1 AND n.state = 'sending' AND a.outcome IS NULL AND a.bot_id = $2",
    )
    .bind(told)
    .bind(BOT)
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(logged, 1);
    assert_eq!(begin(&service).await, []);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn many_who_poll_at_once_get_every_row_once(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    let told = join_all((0..120).map(|_| service.tell(user, "hello"))).await;
    let mut given = Vec::new();
    while given.len() < told.len() {
        let rounds = join_all((0..6).map(|_| begin(&service))).await;
        assert!(rounds.iter().all(|rows| rows.len() <= 50));
        let more: Vec<_> = rounds.iter().flatten().map(id).collect();
        assert!(!more.is_empty(), "rows are left, and nobody gets them");
        given.extend(more);
    }
    let once: BTreeSet<_> = given.iter().copied().collect();
    assert_eq!(given.len(), once.len());
    assert_eq!(once, told.into_iter().collect());
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn the_most_urgent_lane_goes_first(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    for _ in 0..3 {
        service.tell(user, "hello").await;
    }
    let (teacher, start) = (
        Uuid::new_v4(),
        now(&pool).await + jiff::SignedDuration::from_hours(9),
    );
    service.put(person(teacher, "Anna", 11)).await;
    service.sync(lesson(teacher, user, start)).await;
    let kinds = |rows: &[PolledNotification]| -> Vec<String> {
        let of = |row: &PolledNotification| row.notification.as_ref().unwrap().kind.clone();
        rows.iter().map(of).collect()
    };
    let first = ask(&service, CLIENT, 3).await.unwrap();
    assert_eq!(kinds(&first), ["booked", "booked", "custom"]);
    let names: BTreeSet<_> = first[..2]
        .iter()
        .map(|row| {
            let Some(Kind::LessonNotice(notice)) = row.content.clone().unwrap().kind else {
                panic!("no notice");
            };
            notice.counterpart_name
        })
        .collect();
    assert_eq!(names, ["Anna".to_owned(), "Boris".to_owned()].into());
    assert_eq!(kinds(&begin(&service).await), ["custom", "custom"]);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_repeat_answers_the_same_and_a_contradiction_is_refused(pool: PgPool) {
    let (service, user) = polled(&pool, &[("REFUSED_SPREAD", "600")]).await;
    let one = service.tell(user, "one").await;
    let other = service.tell(user, "other").await;
    assert_eq!(begin(&service).await.len(), 2);
    let first = tell(&service, CLIENT, one, sent()).await.unwrap();
    assert_eq!(first.state(), NotificationState::Sent);
    assert_eq!(first.telegram_message_id, 9);
    assert_eq!(tell(&service, CLIENT, one, sent()).await.unwrap(), first);
    assert_eq!(
        refusal(tell(&service, CLIENT, one, failed("no")).await),
        CONTRADICTS
    );
    assert_eq!(state(&pool, one).await, "sent");
    // It waits for its next attempt.
    let first = tell(&service, CLIENT, other, failed("no")).await.unwrap();
    assert_eq!(
        (first.state(), first.counted_attempts),
        (NotificationState::Pending, 1)
    );
    assert_eq!(
        tell(&service, CLIENT, other, failed("no")).await.unwrap(),
        first
    );
    assert_eq!(
        refusal(tell(&service, CLIENT, other, sent()).await),
        CONTRADICTS
    );
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn of_two_who_contradict_each_other_at_once_one_is_heard(pool: PgPool) {
    let (service, user) = polled(&pool, &[("REFUSED_SPREAD", "600")]).await;
    for _ in 0..10 {
        let told = service.tell(user, "hello").await;
        assert_eq!(begin(&service).await.len(), 1);
        let (yes, no) = tokio::join!(
            tell(&service, CLIENT, told, sent()),
            tell(&service, CLIENT, told, failed("no")),
        );
        let expected = if yes.is_ok() { "sent" } else { "pending" };
        assert_ne!(yes.is_ok(), no.is_ok());
        assert_eq!(state(&pool, told).await, expected);
        assert_eq!(refusal(yes.and(no)), CONTRADICTS);
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn the_third_failure_is_the_last(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    let told = service.tell(user, "hello").await;
    for attempt in 1..=3 {
        let polled = next(&service).await;
        assert_eq!(polled.notification.unwrap().attempt_no, attempt);
        tell(&service, CLIENT, told, failed("timeout"))
            .await
            .unwrap();
    }
    assert_eq!(state(&pool, told).await, "failed");
    let again = tell(&service, CLIENT, told, failed("timeout"))
        .await
        .unwrap();
    assert_eq!(
        (again.counted_attempts, again.failure.as_str()),
        (3, "timeout")
    );
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_limit_is_waited_for_and_not_counted(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    let told = service.tell(user, "hello").await;
    for _ in 0..4 {
        next(&service).await;
        let limited = failed("Too Many Requests: retry after 0");
        let waits = tell(&service, CLIENT, told, limited).await.unwrap();
        assert_eq!(
            (waits.state(), waits.counted_attempts),
            (NotificationState::Pending, 0)
        );
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn who_blocked_the_bot_is_not_written_to_again(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    let told = service.tell(user, "hello").await;
    next(&service).await;
    let blocked = failed("Forbidden: bot was blocked by the user");
    let ended = tell(&service, CLIENT, told, blocked).await.unwrap();
    assert_eq!(ended.state(), NotificationState::Failed);
    assert_eq!(ended.counted_attempts, 0);
    let next = service.tell(user, "are you there?").await;
    eventually("failed".to_owned(), || state(&pool, next)).await;
    assert_eq!(begin(&service).await, []);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_nothing_is_said_of_is_given_out_once_more_and_then_unconfirmed(pool: PgPool) {
    let (service, user) = polled(&pool, &[("SILENCE", "0.3")]).await;
    let told = service.tell(user, "hello").await;
    assert!(!next(&service).await.notification.unwrap().resent);
    let again = next(&service).await;
    assert_eq!(id(&again), told);
    let again = again.notification.unwrap();
    assert_eq!((again.attempt_no, again.resent), (2, true));
    eventually("unconfirmed".to_owned(), || state(&pool, told)).await;
    assert_eq!(begin(&service).await, []);
    // Whether it did not arrive twice nobody knows any more; that it did counts.
    assert_eq!(
        refusal(tell(&service, CLIENT, told, failed("no")).await),
        CONTRADICTS
    );
    assert_eq!(
        refusal(tell(&service, CLIENT, told, failed("no")).await),
        CONTRADICTS
    );
    assert_eq!(state(&pool, told).await, "unconfirmed");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_late_word_that_it_was_sent_still_counts(pool: PgPool) {
    let (service, user) = polled(&pool, &[("SILENCE", "0.3")]).await;
    let told = service
        .tell_with(CreateNotificationRequest {
            uncertain_policy: UncertainPolicy::Hold.into(),
            ..custom(user, "hello")
        })
        .await;
    next(&service).await;
    eventually("unconfirmed".to_owned(), || state(&pool, told)).await;
    assert_eq!(begin(&service).await, []);
    let late = tell(&service, CLIENT, told, sent()).await.unwrap();
    assert_eq!(late.state(), NotificationState::Sent);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_is_cancelled_while_a_client_has_it_is_not_given_out_again(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    let told = service.tell(user, "hello").await;
    next(&service).await;
    let request = CancelNotificationRequest {
        notification_id: told.to_string(),
        client: String::new(),
    };
    let mut client = service.notifications("gateway-rest");
    client.cancel_notification(request).await.unwrap();
    tell(&service, CLIENT, told, failed("timeout"))
        .await
        .unwrap();
    assert_eq!(state(&pool, told).await, "failed");
    assert_eq!(begin(&service).await, []);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_client_sees_nothing_of_another_clients_bot(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    polled_by(&pool, BOT + 1, "stranger").await;
    let told = service.tell(user, "hello").await;
    assert_eq!(refusal(ask(&service, "nobody", 0).await), NO_BOT);
    assert_eq!(ask(&service, "stranger", 0).await.unwrap(), []);
    // Theirs, and not begun yet.
    assert_eq!(
        refusal(tell(&service, CLIENT, told, sent()).await),
        CONTRADICTS
    );
    assert_eq!(begin(&service).await.len(), 1);
    assert_eq!(
        refusal(tell(&service, "nobody", told, sent()).await),
        NO_BOT
    );
    assert_eq!(
        refusal(tell(&service, "stranger", told, sent()).await),
        NOT_FOUND
    );
    assert_eq!(
        refusal(tell(&service, CLIENT, Uuid::new_v4(), sent()).await),
        NOT_FOUND
    );
    assert_eq!(state(&pool, told).await, "sending");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn nothing_of_a_bot_that_streams_is_given_out(pool: PgPool) {
    polled_by(&pool, BOT + 1, CLIENT).await;
    let service = start(&pool, &[]).await;
    let (streamed, mine) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(streamed, "Boris", 12)).await;
    let of_my_bot = Recipient {
        bot_id: BOT + 1,
        ..person(mine, "Anna", 11)
    };
    service.put(of_my_bot).await;
    let theirs = service.tell(streamed, "hello").await;
    let told = service.tell(mine, "hello").await;
    assert_eq!(id(&next(&service).await), told);
    assert_eq!(begin(&service).await, []);
    assert_eq!(state(&pool, theirs).await, "pending");
    let mut gateway = Gateway::ready(&service).await;
    assert_eq!(pushed(&gateway.send().await), theirs);
    // A row for a stream's bot, once its client is gone.
    sqlx::query("UPDATE notify.bots SET client = NULL")
        .execute(&pool)
        .await
        .unwrap();
    let next = service.tell(mine, "hello").await;
    assert_eq!(refusal(ask(&service, CLIENT, 0).await), NO_BOT);
    assert_eq!(state(&pool, next).await, "pending");
    // What it was given it may still speak of.
    let word = tell(&service, CLIENT, told, sent()).await.unwrap();
    assert_eq!(word.state(), NotificationState::Sent);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn while_sending_is_off_nothing_is_begun(pool: PgPool) {
    let (service, user) = polled(&pool, &[]).await;
    let told = service.tell(user, "hello").await;
    let switch = |enabled: bool| {
        let reason = (!enabled).then_some("operator");
        sqlx::query("UPDATE notify.sending SET enabled = $1, off_reason = $2")
            .bind(enabled)
            .bind(reason)
            .execute(&pool)
    };
    switch(false).await.unwrap();
    assert_eq!(begin(&service).await, []);
    assert_eq!(state(&pool, told).await, "pending");
    switch(true).await.unwrap();
    assert_eq!(id(&next(&service).await), told);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn every_fault_of_a_poll_is_told_at_once(pool: PgPool) {
    let service = start(&pool, &[]).await;
    for (client, limit) in [("", 51), ("A", -1)] {
        let status = ask(&service, client, limit).await.unwrap_err();
        assert_eq!(reason(&status), Some(ErrorReason::InvalidFields));
        for field in ["client", "limit"] {
            assert!(status.message().contains(field), "{}", status.message());
        }
    }
    let request = ResolveNotificationRequest {
        attempt_no: -1,
        ..ResolveNotificationRequest::default()
    };
    let answer = service.polling().resolve_notification(request).await;
    let status = answer.unwrap_err();
    for field in ["client", "notification_id", "attempt_no", "result"] {
        assert!(status.message().contains(field), "{}", status.message());
    }
    let request = ReportChatSeenRequest::default();
    let status = service.polling().report_chat_seen(request).await;
    let status = status.unwrap_err();
    for field in ["client", "chat_id"] {
        assert!(status.message().contains(field), "{}", status.message());
    }
}
