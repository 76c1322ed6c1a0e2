//! `NotificationService` as its clients see it.

use jiff::SignedDuration;
use notify_svc::notifications::{
    requests::{NewNotification, To as Whom},
    states::UncertainPolicy,
    store::{self, Creator},
};
use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{
        CancelNotificationRequest, CreateNotificationRequest, GetNotificationRequest,
        ListNotificationsRequest, NotificationState, create_notification_request::Recipient as To,
    },
};
use service_kit::status::reason;
use sqlx::PgPool;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::support::{Service, custom, eventually, now, person, start, state};

async fn refused(service: &Service, request: CreateNotificationRequest) -> Status {
    let mut client = service.notifications("gateway-rest");
    client.create_notification(request).await.unwrap_err()
}

fn get(id: &str) -> GetNotificationRequest {
    GetNotificationRequest {
        notification_id: id.to_owned(),
        client: String::new(),
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_repeated_request_makes_one_notification_and_another_body_is_refused(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let request = custom(user, "hello");
    let mut client = service.notifications("gateway-rest");
    let first = client
        .create_notification(request.clone())
        .await
        .unwrap()
        .into_inner();
    let second = client
        .create_notification(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert!(first.created && !second.created);
    assert_eq!(first.notification, second.notification);
    let other = CreateNotificationRequest {
        text: "goodbye".to_owned(),
        ..request.clone()
    };
    let status = refused(&service, other).await;
    assert_eq!(reason(&status), Some(ErrorReason::RequestIdReused));
    // Another client's request of the same id is another request.
    let other_client = CreateNotificationRequest {
        client: "school-7".to_owned(),
        ..request
    };
    let third = client
        .create_notification(other_client)
        .await
        .unwrap()
        .into_inner();
    assert!(third.created);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn the_same_request_twenty_times_at_once_makes_one_notification(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let request = custom(user, "hello");
    let calls = (0..20).map(|_| {
        let (mut client, request) = (service.notifications("gateway-rest"), request.clone());
        tokio::spawn(async move {
            client
                .create_notification(request)
                .await
                .unwrap()
                .into_inner()
        })
    });
    let mut created = 0;
    for call in calls.collect::<Vec<_>>() {
        created += usize::from(call.await.unwrap().created);
    }
    assert_eq!(created, 1);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_telegram_user_is_found_by_their_private_chat(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let to = |telegram_user_id| CreateNotificationRequest {
        recipient: Some(To::TelegramUserId(telegram_user_id)),
        ..custom(user, "hello")
    };
    let mut client = service.notifications("gateway-rest");
    let created = client
        .create_notification(to(12))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        created.notification.unwrap().recipient_user_id,
        user.to_string()
    );
    for unknown in [to(13), custom(Uuid::new_v4(), "hello")] {
        let status = refused(&service, unknown).await;
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(reason(&status), Some(ErrorReason::RecipientNotFound));
    }
}

/// Who has only just joined may be told of to the client before they are told of here.
#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_request_refused_for_an_unknown_person_is_taken_when_it_is_repeated(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    let request = custom(user, "hello");
    let status = refused(&service, request.clone()).await;
    assert_eq!(reason(&status), Some(ErrorReason::RecipientNotFound));
    service.put(person(user, "Boris", 12)).await;
    let mut client = service.notifications("gateway-rest");
    let created = client.create_notification(request).await.unwrap();
    assert!(created.into_inner().created);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn every_fault_of_a_request_is_told_at_once(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let now = now(&pool).await;
    let wrong = CreateNotificationRequest {
        request_id: "7".to_owned(),
        client: "Shouting".to_owned(),
        recipient: Some(To::TelegramUserId(-1)),
        text: " \n".to_owned(),
        due_time: Some(olm_proto::timestamp(
            now + SignedDuration::from_hours(24 * 36_500),
        )),
        expire_time: Some(olm_proto::timestamp(now)),
        uncertain_policy: 0,
        webhook_url: String::new(),
    };
    let status = refused(&service, wrong).await;
    assert_eq!(reason(&status), Some(ErrorReason::InvalidFields));
    for field in [
        "request_id",
        "client",
        "telegram_user_id",
        "text",
        "due_time",
        "expire_time",
    ] {
        assert!(status.message().contains(field), "{field}: {status:?}");
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn texts_and_times_out_of_range_are_refused(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let now = now(&pool).await;
    let at = |seconds| {
        Some(olm_proto::timestamp(
            now + SignedDuration::from_secs(seconds),
        ))
    };
    let good = custom(user, "hello");
    let wrong = [
        CreateNotificationRequest {
            text: String::new(),
            ..good.clone()
        },
        // Each is two UTF-16 code units.
        CreateNotificationRequest {
            text: "😀".repeat(2049),
            ..good.clone()
        },
        CreateNotificationRequest {
            text: "a\0b".to_owned(),
            ..good.clone()
        },
        CreateNotificationRequest {
            due_time: at(-600),
            ..good.clone()
        },
        CreateNotificationRequest {
            due_time: at(367 * 86_400),
            ..good.clone()
        },
        CreateNotificationRequest {
            expire_time: at(31 * 86_400),
            ..good.clone()
        },
        CreateNotificationRequest {
            due_time: Some(prost_types::Timestamp {
                seconds: i64::MAX,
                nanos: -1,
            }),
            ..good.clone()
        },
        CreateNotificationRequest {
            recipient: None,
            ..good.clone()
        },
        CreateNotificationRequest {
            recipient: Some(To::UserId("x".to_owned())),
            ..good.clone()
        },
        CreateNotificationRequest {
            recipient: Some(To::TelegramUserId(0)),
            ..good.clone()
        },
    ];
    for request in wrong {
        let status = refused(&service, request.clone()).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{request:?}");
    }
    let longest = CreateNotificationRequest {
        text: "😀".repeat(2048),
        ..good
    };
    service.tell_with(longest).await;
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_stranger_sees_no_notification(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (user, stranger) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(user, "Boris", 12)).await;
    let id = service.tell(user, "hello").await.to_string();
    let mine = service
        .notifications("gateway-rest")
        .get_notification(get(&id))
        .await
        .unwrap();
    assert_eq!(
        mine.into_inner().notification.unwrap().state(),
        NotificationState::Pending
    );
    let addressed = service
        .notifications_of(user)
        .get_notification(get(&id))
        .await;
    assert!(addressed.is_ok());

    let other_client = GetNotificationRequest {
        client: "other".to_owned(),
        ..get(&id)
    };
    for status in [
        service
            .notifications_of(stranger)
            .get_notification(get(&id))
            .await
            .unwrap_err(),
        service
            .notifications("operator")
            .get_notification(get(&id))
            .await
            .unwrap_err(),
        service
            .notifications("gateway-rest")
            .get_notification(other_client)
            .await
            .unwrap_err(),
        service
            .notifications("operator")
            .cancel_notification(CancelNotificationRequest {
                notification_id: id.clone(),
                client: String::new(),
            })
            .await
            .unwrap_err(),
    ] {
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(reason(&status), Some(ErrorReason::NotificationNotFound));
    }
    let list = service
        .notifications_of(stranger)
        .list_notifications(ListNotificationsRequest::default())
        .await;
    assert_eq!(list.unwrap().into_inner().notifications, []);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn lists_are_paged_without_repeating_or_hiding(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let due = now(&pool).await + SignedDuration::from_hours(1);
    let mut made = Vec::new();
    for at in 0..5 {
        let due = due + SignedDuration::from_mins(at / 2);
        let request = CreateNotificationRequest {
            due_time: Some(olm_proto::timestamp(due)),
            ..custom(user, "hello")
        };
        made.push(service.tell_with(request).await.to_string());
    }
    for mut client in [
        service.notifications("gateway-rest"),
        service.notifications_of(user),
    ] {
        let mut seen = Vec::new();
        let mut page = ListNotificationsRequest {
            page_size: 2,
            ..Default::default()
        };
        loop {
            let answer = client
                .list_notifications(page.clone())
                .await
                .unwrap()
                .into_inner();
            assert!(answer.notifications.len() <= 2);
            seen.extend(
                answer
                    .notifications
                    .into_iter()
                    .map(|row| (row.due_time.unwrap().seconds, row.id)),
            );
            page.page_token = answer.next_page_token;
            if page.page_token.is_empty() {
                break;
            }
        }
        assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "{seen:?}");
        let mut ids: Vec<_> = seen.into_iter().map(|(_, id)| id).collect();
        ids.sort_unstable();
        made.sort_unstable();
        assert_eq!(ids, made);
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_page_token_of_another_list_is_refused(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    for _ in 0..2 {
        service.tell(user, "hello").await;
    }
    let mut client = service.notifications("gateway-rest");
    let request = ListNotificationsRequest {
        page_size: 1,
        ..Default::default()
    };
    let token = client
        .list_notifications(request.clone())
        .await
        .unwrap()
        .into_inner()
        .next_page_token;
    assert!(!token.is_empty());
    let other = ListNotificationsRequest {
        states: vec![NotificationState::Sent.into()],
        page_token: token,
        ..request.clone()
    };
    let status = client.list_notifications(other).await.unwrap_err();
    assert_eq!(reason(&status), Some(ErrorReason::PageTokenInvalid));
    let negative = ListNotificationsRequest {
        page_size: -1,
        states: vec![99],
        ..request
    };
    let status = client.list_notifications(negative).await.unwrap_err();
    assert_eq!(reason(&status), Some(ErrorReason::InvalidFields));
    assert!(status.message().contains("page_size") && status.message().contains("states[0]"));
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_caller_without_permission_is_refused(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let request = custom(Uuid::new_v4(), "hello");
    let status = service
        .notifications("lesson-svc")
        .create_notification(request)
        .await;
    assert_eq!(
        reason(&status.unwrap_err()),
        Some(ErrorReason::CallerNotPermitted)
    );
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn an_expiry_that_passes_on_the_way_to_the_database_expires_it(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let new = NewNotification {
        creator: Creator {
            caller: "operator".to_owned(),
            client: String::new(),
        },
        request_id: Uuid::new_v4(),
        body_hash: vec![0; 32],
        to: Whom::User(user),
        content: Vec::new(),
        due_at: None,
        expires_at: Some(now(&pool).await - SignedDuration::from_millis(1)),
        policy: UncertainPolicy::Resend,
        webhook: None,
    };
    let mut conn = pool.acquire().await.unwrap();
    let told = store::insert(&mut conn, &new, user, "").await.unwrap();
    let told = told.unwrap();
    eventually("expired".to_owned(), || state(&pool, told)).await;
}
