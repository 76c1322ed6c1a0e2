//! How many notifications there are, and where they stand.

use jiff::SignedDuration;
use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{
        CreateNotificationRequest, GetStatisticsRequest, Lane, NotificationCount,
        NotificationState as State,
    },
    timestamp,
};
use service_kit::status::reason;
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Gateway, Service, custom, lesson, now, person, start};

async fn counted(
    service: &Service,
    caller: &'static str,
    request: GetStatisticsRequest,
) -> Vec<NotificationCount> {
    let mut client = service.notifications(caller);
    let answer = client.get_statistics(request).await;
    answer.unwrap().into_inner().counts
}

fn of(client: &str) -> GetStatisticsRequest {
    GetStatisticsRequest {
        client: client.to_owned(),
        ..GetStatisticsRequest::default()
    }
}

fn count(kind: &str, lane: Lane, state: State, count: i64) -> NotificationCount {
    NotificationCount {
        kind: kind.to_owned(),
        lane: lane.into(),
        state: state.into(),
        count,
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_client_counts_its_own_and_the_operator_everybodys(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let (teacher, student) = (Uuid::new_v4(), Uuid::new_v4());
    service.put(person(teacher, "Anna", 11)).await;
    service.put(person(student, "Boris", 12)).await;
    let mut gateway = Gateway::ready(&service).await;
    service.tell(student, "now").await;
    gateway.send().await;
    let later = now(&pool).await + SignedDuration::from_hours(48);
    for client in ["", "", "crm"] {
        let request = CreateNotificationRequest {
            client: client.to_owned(),
            due_time: Some(timestamp(later)),
            ..custom(student, "later")
        };
        service.tell_with(request).await;
    }
    let own = [
        count("custom", Lane::Broadcast, State::Pending, 2),
        count("custom", Lane::Broadcast, State::Sent, 1),
    ];
    assert_eq!(counted(&service, "gateway-rest", of("")).await, own);
    let crm = [count("custom", Lane::Broadcast, State::Pending, 1)];
    assert_eq!(counted(&service, "gateway-rest", of("crm")).await, crm);
    assert_eq!(counted(&service, "operator", of("crm")).await, []);

    gateway.leave(&pool).await;
    service.sync(lesson(teacher, student, later)).await;
    let all = [
        count("booked", Lane::Interactive, State::Pending, 2),
        count("custom", Lane::Broadcast, State::Pending, 3),
        count("custom", Lane::Broadcast, State::Sent, 1),
        count("reminder", Lane::Reminder, State::Pending, 2),
    ];
    assert_eq!(counted(&service, "operator", of("")).await, all);
    assert_eq!(counted(&service, "gateway-rest", of("")).await, own);
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn what_was_created_in_the_window_counts_its_start_included(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let user = Uuid::new_v4();
    service.put(person(user, "Boris", 12)).await;
    let mut gateway = Gateway::ready(&service).await;
    let present = now(&pool).await;
    let days = |days: i64| timestamp(present - SignedDuration::from_hours(24 * days));
    for age in [20, 40, 60] {
        let told = service.tell(user, "hello").await;
        gateway.send().await;
        sqlx::query(
            "UPDATE notify.notification_details SET created_at = $2 WHERE notification_id = $1",
        )
        .bind(told)
        .bind(jiff_sqlx::Timestamp::from(
            present - SignedDuration::from_hours(24 * age),
        ))
        .execute(&pool)
        .await
        .unwrap();
    }
    for caller in ["gateway-rest", "operator"] {
        for (start_time, end_time, expected) in [
            (None, None, 1),
            (Some(days(60)), None, 3),
            (Some(days(60)), Some(days(20)), 2),
            (None, Some(days(20)), 1),
            (Some(days(92)), Some(days(0)), 3),
        ] {
            // Those of the gateway are not the operator's own: it sees everybody's.
            let request = GetStatisticsRequest {
                client: String::new(),
                start_time,
                end_time,
            };
            let counts = counted(&service, caller, request).await;
            let sent = [count("custom", Lane::Broadcast, State::Sent, expected)];
            assert_eq!(counts, sent, "{start_time:?} to {end_time:?}");
        }
    }
}

#[sqlx::test(migrator = "notify_svc::MIGRATOR")]
async fn a_window_that_is_none_or_too_long_is_refused(pool: PgPool) {
    let service = start(&pool, &[]).await;
    let present = now(&pool).await;
    let hours = |hours| Some(timestamp(present + SignedDuration::from_hours(hours)));
    let long = prost_types::Timestamp {
        seconds: -300_000_000_000,
        nanos: 0,
    };
    for (start_time, end_time, faults) in [
        (
            hours(0),
            hours(0),
            &["end_time is not after start_time"][..],
        ),
        (
            hours(-92 * 24 - 1),
            hours(0),
            &["end_time is more than 92 days after start_time"],
        ),
        (
            Some(long),
            None,
            &["start_time is before 1970", "end_time is more than 92 days"],
        ),
        (
            Some(prost_types::Timestamp {
                seconds: 0,
                nanos: -1,
            }),
            None,
            &["start_time is not an instant"],
        ),
    ] {
        let request = GetStatisticsRequest {
            client: "Shouting".to_owned(),
            start_time,
            end_time,
        };
        let mut client = service.notifications("gateway-rest");
        let status = client.get_statistics(request).await.unwrap_err();
        assert_eq!(reason(&status), Some(ErrorReason::InvalidFields));
        for fault in faults.iter().chain(&["client"]) {
            assert!(status.message().contains(fault), "{fault}: {status:?}");
        }
    }
    let mut client = service.notifications("bot-gateway");
    let status = client.get_statistics(of("")).await.unwrap_err();
    assert_eq!(reason(&status), Some(ErrorReason::CallerNotPermitted));
}
