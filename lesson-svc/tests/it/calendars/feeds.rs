//! Feeds behind secret links.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        CalendarFeed, CreateCalendarFeedRequest, ListCalendarFeedsRequest,
        RevokeCalendarFeedRequest,
    },
};
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use super::{feed, read};
use crate::{
    support::{World, fields, metadata, new_id, reason},
    telemetry::{lines_with, record},
};

async fn list(world: &World, user: Uuid) -> Vec<CalendarFeed> {
    let mut client = world.calendars();
    let listed = client.list_calendar_feeds(acting(ListCalendarFeedsRequest {}, user));
    listed.await.unwrap().into_inner().feeds
}

async fn revoke(world: &World, user: Uuid, id: &str) -> Result<CalendarFeed, Status> {
    let request = RevokeCalendarFeedRequest {
        feed_id: id.to_owned(),
    };
    let mut client = world.calendars();
    let revoked = client.revoke_calendar_feed(acting(request, user)).await?;
    Ok(revoked.into_inner().feed.unwrap())
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_feed_is_read_by_its_token_until_it_is_revoked(pool: PgPool) {
    let world = World::start(pool).await;
    let (user, other) = (world.student(1).await, world.student(2).await);
    let (made, token) = feed(&world, user).await.unwrap();
    assert_eq!(token.len(), 43);
    let calendar = read(&world, &token).await.unwrap();
    assert_eq!((&*calendar.language, &*calendar.time_zone), ("en", "UTC"));
    assert_eq!(list(&world, user).await, std::slice::from_ref(&made));
    let stranger = revoke(&world, other, &made.id).await;
    assert_eq!(reason(stranger), ErrorReason::CalendarFeedNotFound);
    let revoked = revoke(&world, user, &made.id).await.unwrap();
    assert!(revoked.revoke_time.is_some());
    let gone = read(&world, &token).await;
    assert_eq!(reason(gone), ErrorReason::CalendarFeedNotFound);
    assert_eq!(list(&world, user).await, []);
    let repeat = revoke(&world, user, &made.id).await.unwrap();
    assert_eq!(repeat, revoked);
    let unknown = read(&world, "nobody was given this").await;
    assert_eq!(reason(unknown), ErrorReason::CalendarFeedNotFound);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_repeat_answers_the_same_feed_with_the_same_token(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let user = world.student(1).await;
    let request = CreateCalendarFeedRequest {
        request_id: new_id(),
    };
    let mut client = world.calendars();
    let first = client.create_calendar_feed(acting(request.clone(), user));
    let first = first.await.unwrap().into_inner();
    let again = client.create_calendar_feed(acting(request, user));
    assert_eq!(again.await.unwrap().into_inner(), first);
    let no_id = CreateCalendarFeedRequest::default();
    let refused = client.create_calendar_feed(acting(no_id, user)).await;
    assert_eq!(fields(refused), ["request_id"]);
    let stored: Vec<u8> = sqlx::query_scalar("SELECT token_hash FROM lesson.calendar_feeds")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_ne!(stored, first.token.as_bytes(), "only its hash is kept");
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_person_has_five_feeds_however_many_are_asked_for_at_once(pool: PgPool) {
    let world = World::start(pool).await;
    let user = world.student(1).await;
    let made = futures_of(&world, user, 9).await;
    let refused: Vec<_> = made.iter().filter_map(|made| made.as_ref().err()).collect();
    assert_eq!(refused.len(), 4);
    for status in refused {
        assert_eq!(metadata(status, "limit"), "5");
        let reason = service_kit::status::reason(status);
        assert_eq!(reason, Some(ErrorReason::LimitReached));
    }
    let first = made.into_iter().find_map(Result::ok).unwrap().0;
    revoke(&world, user, &first.id).await.unwrap();
    assert!(feed(&world, user).await.is_ok(), "one is free again");
    world.stop().await;
}

/// So many feeds asked for at once.
async fn futures_of(
    world: &World,
    user: Uuid,
    count: usize,
) -> Vec<Result<(CalendarFeed, String), Status>> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let mut client = world.calendars();
            let request = CreateCalendarFeedRequest {
                request_id: new_id(),
            };
            tokio::spawn(async move {
                let made = client.create_calendar_feed(acting(request, user)).await?;
                let made = made.into_inner();
                Ok((made.feed.unwrap(), made.token))
            })
        })
        .collect();
    let mut made = Vec::new();
    for task in tasks {
        made.push(task.await.unwrap());
    }
    made
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn an_erased_persons_feeds_are_gone(pool: PgPool) {
    let world = World::start(pool.clone()).await;
    let user = world.student(1).await;
    let (_, token) = feed(&world, user).await.unwrap();
    world.erase(user).await.unwrap();
    let gone = read(&world, &token).await;
    assert_eq!(reason(gone), ErrorReason::CalendarFeedNotFound);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM lesson.calendar_feeds")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
    world.stop().await;
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn no_token_of_a_feed_is_logged(pool: PgPool) {
    record();
    let world = World::start(pool).await;
    let user = world.student(1).await;
    let (made, token) = feed(&world, user).await.unwrap();
    read(&world, &token).await.unwrap();
    revoke(&world, user, &made.id).await.unwrap();
    for event in ["calendar_feed_created", "calendar_feed_revoked"] {
        let told = lines_with(&made.id).into_iter();
        let told = told.filter(|line| line["fields"]["event"] == event);
        assert_eq!(told.count(), 1, "{event}");
    }
    assert!(lines_with(&token).is_empty());
    world.stop().await;
}
