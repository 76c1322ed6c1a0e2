//! Notifications that a client takes back, moves, lists and counts.

use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{
        CancelNotificationRequest, CancelNotificationResponse, CancelOutcome, GetStatisticsRequest,
        ListNotificationsRequest, NotificationState, RescheduleNotificationRequest,
        RescheduleNotificationResponse, RescheduleOutcome,
    },
    timestamp,
};
use serde_json::json;
use service_kit::status::{Refusal, Violations};
use tonic::Code;

use crate::{
    fakes::{NOTIFICATION, STUDENT, a_notification, at},
    gateway::{CRM_KEY, Gateway, Headers as _, fields, json, problem},
};

fn path(action: &str) -> String {
    format!("/api/v1/notifications/{NOTIFICATION}/{action}")
}

#[tokio::test]
async fn a_client_cancels_its_notification() {
    let gateway = Gateway::start().await;
    let request = gateway.bare(reqwest::Method::POST, &path("cancel"));
    let canceled = json(request.key(CRM_KEY), 200).await;
    assert_eq!(
        (&canceled["id"], &canceled["state"]),
        (&json!(NOTIFICATION), &json!("canceled"))
    );
    let call = gateway.notify.only_call();
    assert_eq!(call.acting_user, None);
    let asked = call.message::<CancelNotificationRequest>();
    assert_eq!(asked.notification_id, NOTIFICATION);
    assert_eq!(asked.client, "crm");
}

#[tokio::test]
async fn a_client_moves_its_notification() {
    let gateway = Gateway::start().await;
    let body = json!({"due_time": "2026-01-16T12:00:00Z", "expire_time": "2026-01-17T12:00:00Z"});
    let request = || gateway.post(&path("reschedule"), &body).key(CRM_KEY);
    let moved = json(request(), 200).await;
    assert_eq!(
        (&moved["state"], &moved["due_time"]),
        (&json!("pending"), &json!("2026-01-16T12:00:00Z"))
    );
    let call = gateway.notify.only_call();
    assert_eq!(call.acting_user, None);
    assert_eq!(
        call.message::<RescheduleNotificationRequest>(),
        RescheduleNotificationRequest {
            notification_id: NOTIFICATION.to_owned(),
            client: "crm".to_owned(),
            due_time: Some(timestamp(at("2026-01-16T12:00:00Z"))),
            expire_time: Some(timestamp(at("2026-01-17T12:00:00Z"))),
        }
    );
    assert_eq!(json(request(), 200).await, moved);
}

#[tokio::test]
async fn what_is_begun_or_sent_is_a_conflict_that_tells_the_state() {
    let gateway = Gateway::start().await;
    for (canceled, moved, state, reason, told) in [
        (
            CancelOutcome::TooLate,
            RescheduleOutcome::TooLate,
            NotificationState::Sending,
            "TOO_LATE",
            "sending",
        ),
        (
            CancelOutcome::AlreadySent,
            RescheduleOutcome::AlreadySent,
            NotificationState::Sent,
            "ALREADY_SENT",
            "sent",
        ),
    ] {
        gateway.notify.answer(CancelNotificationResponse {
            outcome: canceled.into(),
            notification: Some(a_notification(state)),
        });
        gateway.notify.answer(RescheduleNotificationResponse {
            outcome: moved.into(),
            notification: Some(a_notification(state)),
        });
        let cancel = gateway.bare(reqwest::Method::POST, &path("cancel"));
        let body = json!({"due_time": "2026-01-16T12:00:00Z"});
        let reschedule = gateway.post(&path("reschedule"), &body);
        for request in [cancel, reschedule] {
            let problem = problem(request.key(CRM_KEY), 409, reason).await;
            assert_eq!(problem["notification_state"], told);
        }
    }
}

#[tokio::test]
async fn an_outcome_that_the_contract_does_not_have_is_our_fault() {
    let gateway = Gateway::start().await;
    gateway.notify.answer(CancelNotificationResponse {
        outcome: CancelOutcome::TooLate.into(),
        notification: None,
    });
    gateway.notify.answer(RescheduleNotificationResponse {
        outcome: 99,
        notification: None,
    });
    let cancel = gateway.bare(reqwest::Method::POST, &path("cancel"));
    let body = json!({"due_time": "2026-01-16T12:00:00Z"});
    let reschedule = gateway.post(&path("reschedule"), &body);
    for request in [cancel, reschedule] {
        problem(request.key(CRM_KEY), 500, "INTERNAL").await;
    }
}

#[tokio::test]
async fn what_the_caller_did_not_create_is_not_found() {
    let gateway = Gateway::start().await;
    gateway.notify.refuse(Refusal::new(
        Code::NotFound,
        ErrorReason::NotificationNotFound,
        "no such notification",
    ));
    let cancel = gateway.bare(reqwest::Method::POST, &path("cancel"));
    let body = json!({"due_time": "2026-01-16T12:00:00Z"});
    let reschedule = gateway.post(&path("reschedule"), &body);
    for request in [cancel, reschedule] {
        problem(request.key(CRM_KEY), 404, "NOTIFICATION_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn every_fault_of_a_new_time_is_named_here_and_by_the_service() {
    let gateway = Gateway::start().await;
    let request = |body| gateway.post(&path("reschedule"), &body).key(CRM_KEY);
    for (body, names) in [
        (json!({}), &["due_time"][..]),
        (
            json!({"due_time": "soon", "expire_time": "later"}),
            &["due_time", "expire_time"],
        ),
    ] {
        let faults = problem(request(body), 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), names);
    }
    assert!(gateway.notify.calls().is_empty());
    let mut violations = Violations::default();
    violations.add("due_time", "is more than 366 days ahead");
    violations.add("expire_time", "is not after due_time");
    gateway.notify.refuse(violations.check().unwrap_err());
    let far = json!({"due_time": "2999-01-01T00:00:00Z"});
    let faults = problem(request(far), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["due_time", "expire_time"]);
}

#[tokio::test]
async fn notifications_are_listed_in_pages_for_the_client_or_a_person() {
    let gateway = Gateway::start().await;
    let list = || gateway.get("/api/v1/notifications?page_size=7&page_token=next");
    let page = json(list().key(CRM_KEY), 200).await;
    assert_eq!(page["notifications"][0]["id"], NOTIFICATION);
    assert_eq!(page["next_page_token"], "more");
    json(list().student(), 200).await;
    let calls = gateway.notify.calls();
    let asked = calls[0].message::<ListNotificationsRequest>();
    assert_eq!(
        asked,
        ListNotificationsRequest {
            client: "crm".to_owned(),
            states: Vec::new(),
            page_size: 7,
            page_token: "next".to_owned(),
        }
    );
    assert_eq!(calls[0].acting_user, None);
    let person = calls[1].acting_user.map(|user| user.to_string());
    assert_eq!(person.as_deref(), Some(STUDENT));
}

#[tokio::test]
async fn notifications_are_counted_in_a_window() {
    let gateway = Gateway::start().await;
    let path = "/api/v1/notifications/statistics";
    let query = "from=2025-12-17T12:00:00Z&to=2026-01-16T12:00:00Z";
    let request = gateway.get(&format!("{path}?{query}"));
    assert_eq!(
        json(request.key(CRM_KEY), 200).await,
        json!({
            "from": "2025-12-17T12:00:00Z",
            "to": "2026-01-16T12:00:00Z",
            "counts": [{"kind": "custom", "state": "sent", "count": 12}],
        })
    );
    assert_eq!(
        gateway.notify.asked::<GetStatisticsRequest>(),
        GetStatisticsRequest {
            client: "crm".to_owned(),
            start_time: Some(timestamp(at("2025-12-17T12:00:00Z"))),
            end_time: Some(timestamp(at("2026-01-16T12:00:00Z"))),
        }
    );
    let request = gateway.get(&format!("{path}?from=x&to=y")).key(CRM_KEY);
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["from", "to"]);
    let mut violations = Violations::default();
    violations.add("end_time", "is more than 92 days after start_time");
    gateway.notify.refuse(violations.check().unwrap_err());
    let faults = problem(gateway.get(path).key(CRM_KEY), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["to"]);
    let detail = faults["detail"].as_str().unwrap();
    assert!(detail.contains("92 days after from"), "{detail}");
}

#[tokio::test]
async fn what_is_the_callers_own_is_not_for_people() {
    let gateway = Gateway::start().await;
    let body = json!({"due_time": "2026-01-16T12:00:00Z"});
    for request in [
        gateway.bare(reqwest::Method::POST, &path("cancel")),
        gateway.post(&path("reschedule"), &body),
        gateway.get("/api/v1/notifications/statistics"),
    ] {
        problem(request.student(), 403, "ACTING_USER_NOT_PERMITTED").await;
    }
    assert!(gateway.notify.calls().is_empty());
}
