//! Who may send a bot's notifications, and what a new owner is asked.

use std::time::Duration;

use jiff::SignedDuration;
use notify_svc::dispatch::{
    owners::{self, Claim, Owning},
    store::{self, Epoch},
};
use olm_proto::notify::v1::{
    CreateNotificationRequest, JournalEntry, NotWritten, Outcome, Own, Spent, SpentChat, Writing,
    dispatch_request::Message as Say, dispatch_response::Message as Heard,
    journal_entry::Knowledge,
};
use service_kit::clock::{Clock as _, SystemClock};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{
    BOT, Gateway, attempt, custom, eventually, id, listening, person, sent, start, state,
};

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_stale_epoch_begins_nothing(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let told = service.tell(user, "hello").await;
    let mut conn = pool.acquire().await.unwrap();
    let gateway_id = Uuid::new_v4();
    let ttl = Duration::from_mins(1);
    let claim = || Claim {
        bot_id: BOT,
        gateway_id,
        stream_id: Uuid::new_v4(),
    };
    let owned = |epoch| Owning::Owned {
        epoch,
        taken_over: false,
        spent: None,
    };
    let first = owners::own(&mut conn, claim(), ttl).await.unwrap();
    let second = owners::own(&mut conn, claim(), ttl).await.unwrap();
    assert_eq!((first, second), (owned(1), owned(2)));
    let begin = |epoch| Epoch {
        bot_id: BOT,
        gateway_id,
        epoch,
    };
    let stale = store::begin(&mut conn, begin(1), &[told], &[1])
        .await
        .unwrap();
    assert!(stale.is_none());
    assert_eq!(state(&pool, told).await, "pending");
    let other_version = store::begin(&mut conn, begin(2), &[told], &[9])
        .await
        .unwrap();
    assert!(other_version.unwrap().begun.is_empty());
    let current = store::begin(&mut conn, begin(2), &[told], &[1])
        .await
        .unwrap();
    assert_eq!(current.unwrap().begun.len(), 1);
    let again = store::begin(&mut conn, begin(2), &[told], &[1])
        .await
        .unwrap();
    assert!(again.unwrap().begun.is_empty());
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn an_owner_that_ran_out_begins_nothing_until_it_renews(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let mut gateway = Gateway::ready(&service).await;
    sqlx::query("UPDATE notify.owners SET expires_at = now() - interval '1 second'")
        .execute(&pool)
        .await
        .unwrap();
    let told = service.tell(user, "hello").await;
    let mut conn = pool.acquire().await.unwrap();
    let owner: (Uuid,) = sqlx::query_as("SELECT gateway_id FROM notify.owners")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let ran_out = Epoch {
        bot_id: BOT,
        gateway_id: owner.0,
        epoch: 1,
    };
    let begun = store::begin(&mut conn, ran_out, &[told], &[1])
        .await
        .unwrap();
    assert!(begun.is_none());
    assert_eq!(state(&pool, told).await, "pending");
    gateway.renew(1).await;
    assert!(matches!(gateway.hear().await, Some(Heard::Renewed(renewed)) if renewed.renewal == 1));
    let deliver = gateway.deliver().await;
    assert_eq!(id(&deliver), told);
    assert_eq!(deliver.last_renewal, 1);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_second_gateway_waits_until_the_first_released_or_ran_out(pool: PgPool) {
    let service = start(&pool, &[("OWNER_TTL", "3")]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let mut first = Gateway::connect(&service, Uuid::new_v4()).await;
    let mut second = Gateway::connect(&service, Uuid::new_v4()).await;
    assert_eq!(first.own().await.epoch, 1);
    second.say(Say::Own(Own { bot_id: BOT })).await;
    let Some(Heard::NotOwned(refused)) = second.hear().await else {
        panic!("two owners");
    };
    let retry_after = olm_proto::span(&refused.retry_after.unwrap()).unwrap();
    assert!(retry_after <= jiff::SignedDuration::from_secs(3));
    // The first falls silent.
    let owned = loop {
        second.say(Say::Own(Own { bot_id: BOT })).await;
        match second.hear().await {
            Some(Heard::Owned(owned)) => break owned,
            Some(Heard::NotOwned(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(owned.epoch, 2);
    first.renew(1).await;
    assert!(matches!(first.hear().await, Some(Heard::NotOwned(_))));

    second.release_having(Some(Spent::default())).await;
    assert!(first.own_when_free().await.epoch > 2);
    first.credit(10).await;
    let told = service.tell(user, "hello").await;
    assert_eq!(id(&first.deliver().await), told);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn who_waits_at_another_replica_hears_of_a_release_and_of_what_was_used(pool: PgPool) {
    let (one, other) = (start(&pool, &[]).await, start(&pool, &[]).await);
    let mut first = Gateway::ready(&one).await;
    let mut second = Gateway::connect(&other, Uuid::new_v4()).await;
    second.say(Say::Own(Own { bot_id: BOT })).await;
    assert!(matches!(second.hear().await, Some(Heard::NotOwned(_))));
    let chat = SpentChat {
        chat_id: -5,
        free_in: Some(olm_proto::duration(SignedDuration::from_millis(700))),
        answered_ago: vec![olm_proto::duration(SignedDuration::from_secs(3))],
    };
    let spent = Spent {
        answered_ago: vec![prost_types::Duration::default()],
        chats: vec![chat],
        groups_free_in: Some(olm_proto::duration(SignedDuration::from_secs(9))),
        ..Spent::default()
    };
    first.release_having(Some(spent.clone())).await;
    let owned = second.own_when_free().await;
    assert_eq!(owned.spent.as_ref(), Some(&spent));
    // Said once: who has it counts for itself.
    second.report(Vec::new()).await;
    second.settle().await;
    assert_eq!(second.own().await.spent, None);
    // What is too large to keep is left out.
    first.say(Say::Own(Own { bot_id: BOT })).await;
    assert!(matches!(first.hear().await, Some(Heard::NotOwned(_))));
    let large = Spent {
        answered_ago: vec![olm_proto::duration(SignedDuration::MAX); 5_000],
        ..Spent::default()
    };
    second.release_having(Some(large)).await;
    assert_eq!(first.own_when_free().await.spent, None);
    // It grows older while nobody has the bot.
    first.release_having(Some(spent)).await;
    let aged = || async {
        let aged = "UPDATE notify.owners SET released_at = released_at - interval '5 seconds'
                    WHERE spent IS NOT NULL";
        let done = sqlx::query(aged).execute(&pool).await.unwrap();
        done.rows_affected()
    };
    eventually(1, aged).await;
    let mut third = Gateway::connect(&one, Uuid::new_v4()).await;
    let ago = olm_proto::span(&third.own().await.spent_ago.unwrap()).unwrap();
    assert!(ago >= SignedDuration::from_secs(5), "{ago:?}");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_was_used_is_told_of_the_owner_right_before_only(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut first = Gateway::ready(&service).await;
    let spent = Spent {
        answered_ago: vec![prost_types::Duration::default()],
        ..Spent::default()
    };
    let mut second = Gateway::connect(&service, Uuid::new_v4()).await;
    second.say(Say::Own(Own { bot_id: BOT })).await;
    assert!(matches!(second.hear().await, Some(Heard::NotOwned(_))));
    first.release_having(Some(spent.clone())).await;
    let owned = second.own_when_free().await;
    assert_eq!(owned.spent.as_ref(), Some(&spent));
    assert!(owned.keeps_spent);
    second.release_having(Some(spent)).await;
    // Then somebody had it by a service that knows nothing of this.
    let others = || async {
        let others = "UPDATE notify.owners SET epoch = epoch + 2
                      WHERE spent IS NOT NULL AND expires_at = to_timestamp(0)";
        let done = sqlx::query(others).execute(&pool).await.unwrap();
        done.rows_affected()
    };
    eventually(1, others).await;
    assert_eq!(first.own().await.spent, None);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn who_waits_is_not_told_of_a_release_without_what_was_used(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut first = Gateway::ready(&service).await;
    eventually(1, || listening(&pool)).await;
    first.settle().await;
    let mut second = Gateway::connect(&service, Uuid::new_v4()).await;
    second.say(Say::Own(Own { bot_id: BOT })).await;
    assert!(matches!(second.hear().await, Some(Heard::NotOwned(_))));
    first.leave(&pool).await;
    // The answer is the next that is heard.
    assert_eq!(second.own().await.spent, None);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_newer_stream_of_the_same_gateway_replaces_the_older(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let gateway_id = Uuid::new_v4();
    let mut old = Gateway::connect(&service, gateway_id).await;
    old.own().await;
    old.credit(10).await;
    let mut new = Gateway::connect(&service, gateway_id).await;
    assert_eq!(new.own().await.epoch, 2);
    new.credit(10).await;
    let told = service.tell(user, "hello").await;
    assert_eq!(id(&new.deliver().await), told);
    old.renew(1).await;
    assert!(matches!(old.hear().await, Some(Heard::NotOwned(_))));
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_returning_gateway_tells_what_its_journal_knows_before_anything_is_pushed(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let gateway_id = Uuid::new_v4();
    let mut before = Gateway::connect(&service, gateway_id).await;
    before.own().await;
    before.credit(10).await;
    let mut out = Vec::new();
    for chat in 1..=3 {
        let user = Uuid::new_v4();
        service.put(person(user, "Somebody", chat)).await;
        service.tell(user, "hello").await;
        out.push(attempt(&before.deliver().await));
    }
    drop(before);

    let mut after = Gateway::connect(&service, gateway_id).await;
    let owned = after.own().await;
    assert_eq!(owned.in_flight, out);
    after.credit(10).await;
    let late = Uuid::new_v4();
    service.put(person(late, "Late", 4)).await;
    let late = service.tell(late, "after the journal").await;
    let entry = |at: usize, knowledge| JournalEntry {
        attempt: Some(out[at].clone()),
        knowledge: Some(knowledge),
    };
    let outcome = Outcome {
        kind: Some(sent(77)),
    };
    after
        .report(vec![
            entry(0, Knowledge::Outcome(outcome)),
            entry(1, Knowledge::Writing(Writing {})),
            entry(2, Knowledge::NotWritten(NotWritten::default())),
        ])
        .await;
    // The unwritten one and the one resend come again, and what waited.
    let mut again = Vec::new();
    for _ in 0..3 {
        let deliver = after.deliver().await;
        again.push((deliver.chat_id, attempt(&deliver).attempt_no));
        after.answer(attempt(&deliver), sent(1)).await;
    }
    again.sort_unstable();
    assert_eq!(again, [(2, 2), (3, 2), (4, 1)]);
    assert_eq!(state(&pool, late).await, "sent");
    let resent: Vec<(i64, bool)> = sqlx::query_as(
        "SELECT r.chat_id, n.resent FROM notify.notifications n
         JOIN notify.recipients r USING (user_id) ORDER BY r.chat_id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(resent, [(1, false), (2, true), (3, false), (4, false)]);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn while_the_journal_was_not_heard_nothing_is_pushed_or_resent(pool: PgPool) {
    let service = start(&pool, &[("SILENCE", "2")]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let gateway_id = Uuid::new_v4();
    let mut before = Gateway::connect(&service, gateway_id).await;
    before.own().await;
    before.credit(10).await;
    let told = service.tell(user, "hello").await;
    let written = before.deliver().await;
    sqlx::query("UPDATE notify.owners SET ready = false")
        .execute(&pool)
        .await
        .unwrap();
    drop(before);
    eventually("uncertain".to_owned(), || state(&pool, told)).await;

    // It was sent; the outcome was in the journal all the while.
    let mut after = Gateway::connect(&service, gateway_id).await;
    let owned = after.own().await;
    assert_eq!(owned.in_flight, [attempt(&written)]);
    after.credit(10).await;
    let entry = JournalEntry {
        attempt: Some(attempt(&written)),
        knowledge: Some(Knowledge::Outcome(Outcome {
            kind: Some(sent(5)),
        })),
    };
    after.report(vec![entry]).await;
    eventually("sent".to_owned(), || state(&pool, told)).await;
    let attempts: i32 = sqlx::query_scalar("SELECT attempt_no FROM notify.notifications")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(attempts, 1);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_result_of_another_gateways_attempt_is_forgotten(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let mut owner = Gateway::ready(&service).await;
    let told = service.tell(user, "hello").await;
    let deliver = owner.deliver().await;
    let mut stranger = Gateway::connect(&service, Uuid::new_v4()).await;
    stranger.answer(attempt(&deliver), sent(1)).await;
    assert_eq!(state(&pool, told).await, "sending");
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn who_takes_a_bot_from_another_that_did_not_release_it_is_told_so(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut first = Gateway::connect(&service, Uuid::new_v4()).await;
    assert!(!first.own().await.taken_over);
    sqlx::query("UPDATE notify.owners SET expires_at = now() - interval '1 second'")
        .execute(&pool)
        .await
        .unwrap();
    let heir = Uuid::new_v4();
    let mut second = Gateway::connect(&service, heir).await;
    assert!(second.own().await.taken_over);
    // Its next stream has to take the same care, and for no longer than a minute.
    let mut second = Gateway::connect(&service, heir).await;
    assert!(second.own().await.taken_over);
    sqlx::query("UPDATE notify.owners SET taken_over_at = now() - interval '61 seconds'")
        .execute(&pool)
        .await
        .unwrap();
    assert!(!second.own().await.taken_over);
    second.leave(&pool).await;
    let mut third = Gateway::connect(&service, Uuid::new_v4()).await;
    assert!(!third.own().await.taken_over);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn who_gets_a_bot_released_soon_after_a_takeover_is_told_of_it(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let mut first = Gateway::connect(&service, Uuid::new_v4()).await;
    first.own().await;
    sqlx::query("UPDATE notify.owners SET expires_at = now() - interval '1 second'")
        .execute(&pool)
        .await
        .unwrap();
    let mut heir = Gateway::connect(&service, Uuid::new_v4()).await;
    assert!(heir.own().await.taken_over);
    heir.leave(&pool).await;
    // What the first one wrote last may still count against the limit.
    let mut third = Gateway::connect(&service, Uuid::new_v4()).await;
    assert!(third.own().await.taken_over);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_begin_that_commits_after_it_failed_is_taken_back(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let [one, other] = [Uuid::new_v4(), Uuid::new_v4()];
    service.put(person(one, "Boris", 12)).await;
    service.put(person(other, "Olga", 13)).await;
    let mut gateway = Gateway::ready(&service).await;
    // A sequence remembers what its transaction does not.
    sqlx::raw_sql(
        "CREATE SEQUENCE notify.failed;
         CREATE FUNCTION notify.fail() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM nextval('notify.failed'); RAISE EXCEPTION 'no'; END $$;
         CREATE TRIGGER fail BEFORE INSERT ON notify.attempts
             FOR EACH ROW EXECUTE FUNCTION notify.fail();",
    )
    .execute(&pool)
    .await
    .unwrap();
    let told = service.tell(one, "hello").await;
    let failed = || async {
        let failed: bool = sqlx::query_scalar("SELECT is_called FROM notify.failed")
            .fetch_one(&pool)
            .await
            .unwrap();
        failed
    };
    eventually(true, failed).await;
    sqlx::raw_sql("DROP TRIGGER fail ON notify.attempts")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(id(&gateway.deliver().await), told);

    // Begins succeed again, and only now one of before does what it was asked for.
    let in_an_hour = SystemClock.now() + SignedDuration::from_hours(1);
    let late = CreateNotificationRequest {
        due_time: Some(olm_proto::timestamp(in_an_hour)),
        ..custom(other, "late")
    };
    let late = service.tell_with(late).await;
    let mut conn = pool.acquire().await.unwrap();
    let (gateway_id, epoch) = sqlx::query_as("SELECT gateway_id, epoch FROM notify.owners")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let owner = Epoch {
        bot_id: BOT,
        gateway_id,
        epoch,
    };
    let begun = store::begin(&mut conn, owner, &[late], &[1]).await.unwrap();
    assert_eq!(begun.unwrap().begun.len(), 1);
    eventually("pending".to_owned(), || state(&pool, late)).await;
    // What was pushed is not taken for it.
    assert_eq!(state(&pool, told).await, "sending");
}
