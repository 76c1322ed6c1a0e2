//! Custom notifications (CNS-1).

use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{
        CreateNotificationRequest, GetNotificationRequest, GetWebhookKeyRequest, UncertainPolicy,
        create_notification_request::Recipient,
    },
    timestamp,
};
use serde_json::{Value, json};
use service_kit::status::Violations;

use crate::{
    fakes::{NOTIFICATION, STUDENT, at},
    gateway::{CRM_KEY, Gateway, Headers as _, fields, json, problem},
};

#[tokio::test]
async fn a_notification_is_accepted_on_behalf_of_the_client_that_calls() {
    let gateway = Gateway::start().await;
    let body = json!({
        "user_id": STUDENT,
        "text": "hello",
        "due_time": "2026-01-16T12:00:00Z",
        "expire_time": "2026-01-17T12:00:00Z",
        "on_uncertain": "hold",
        "webhook_url": "https://crm.example/hook",
    });
    let request = gateway.post("/api/v1/notifications", &body).key(CRM_KEY);
    let response = request.once("a").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 202);
    let location = response.headers()["location"].to_str().unwrap();
    assert_eq!(location, format!("/api/v1/notifications/{NOTIFICATION}"));
    let call = gateway.notify.only_call();
    assert_eq!(call.acting_user, None);
    let message = call.message::<CreateNotificationRequest>();
    assert_eq!(message.client, "crm");
    assert_eq!(
        message.recipient,
        Some(Recipient::UserId(STUDENT.to_owned()))
    );
    assert_eq!(message.text, "hello");
    assert_eq!(
        message.due_time,
        Some(timestamp(at("2026-01-16T12:00:00Z")))
    );
    assert_eq!(
        message.expire_time,
        Some(timestamp(at("2026-01-17T12:00:00Z")))
    );
    assert_eq!(message.uncertain_policy(), UncertainPolicy::Hold);
    assert_eq!(message.webhook_url, "https://crm.example/hook");
}

#[tokio::test]
async fn a_repeat_answers_the_same_although_the_notification_moved_on() {
    let gateway = Gateway::start().await;
    let body = json!({"telegram_user_id": 5, "text": "hello"});
    let request = || {
        gateway
            .post("/api/v1/notifications", &body)
            .key(CRM_KEY)
            .once("a")
    };
    let first = json(request(), 202).await;
    assert_eq!(first["id"], NOTIFICATION);
    assert_eq!(json(request(), 202).await, first);
    let other = json!({"telegram_user_id": 5, "text": "another text"});
    let request = gateway.post("/api/v1/notifications", &other).key(CRM_KEY);
    problem(request.once("a"), 422, "REQUEST_ID_REUSED").await;
}

#[tokio::test]
async fn a_notification_is_read_with_what_became_of_it() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/notifications/{NOTIFICATION}");
    let notification = json(gateway.get(&path).key(CRM_KEY), 200).await;
    assert_eq!(notification["state"], "sent");
    assert_eq!(notification["telegram_message_id"], 77);
    assert_eq!(notification["failure"], Value::Null);
    assert_eq!(
        gateway.notify.asked::<GetNotificationRequest>(),
        GetNotificationRequest {
            notification_id: NOTIFICATION.to_owned(),
            client: "crm".to_owned(),
        }
    );
}

#[tokio::test]
async fn send_message_is_queued_as_in_the_source_system() {
    let gateway = Gateway::start().await;
    let body = json!({
        "telegram_user_id": 5,
        "message": "hello",
        "scheduled_at": "2026-01-16T12:00:00Z",
    });
    let request = gateway.post("/send_message/", &body).key(CRM_KEY).once("a");
    assert_eq!(
        json(request, 202).await,
        json!({"id": NOTIFICATION, "status": "queued"})
    );
    let message = gateway.notify.asked::<CreateNotificationRequest>();
    assert_eq!(message.client, "crm");
    assert_eq!(message.recipient, Some(Recipient::TelegramUserId(5)));
    assert_eq!(message.text, "hello");
    assert_eq!(
        message.due_time,
        Some(timestamp(at("2026-01-16T12:00:00Z")))
    );
}

#[tokio::test]
async fn a_services_faults_are_told_by_the_names_of_the_endpoint() {
    let gateway = Gateway::start().await;
    let mut violations = Violations::default();
    violations.add("telegram_user_id", "is not more than 0");
    violations.add("text", "is longer than 4096 UTF-16 code units");
    violations.add("due_time", "is more than 366 days ahead");
    violations.add("expire_time", "is before due_time");
    gateway.notify.refuse(violations.check().unwrap_err());
    let body =
        json!({"telegram_user_id": -5, "message": "x", "scheduled_at": "2999-01-01T00:00:00Z"});
    let request = gateway.post("/send_message/", &body).key(CRM_KEY).once("a");
    let problem = problem(request, 400, "INVALID_FIELDS").await;
    let names = ["telegram_user_id", "message", "scheduled_at", "expire_time"];
    assert_eq!(fields(&problem), names);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("message is longer than 4096"), "{detail}");
    assert!(!detail.contains("due_time"), "{detail}");
}

#[tokio::test]
async fn somebody_who_never_started_the_bot_is_not_found() {
    let gateway = Gateway::start().await;
    gateway.notify.refuse(service_kit::status::Refusal::new(
        tonic::Code::NotFound,
        ErrorReason::RecipientNotFound,
        "nobody with this id has started the bot",
    ));
    let body = json!({"telegram_user_id": 5, "message": "hello"});
    let request = gateway.post("/send_message/", &body).key(CRM_KEY).once("a");
    problem(request, 404, "RECIPIENT_NOT_FOUND").await;
}

#[tokio::test]
async fn a_client_reads_the_key_of_its_own_webhooks() {
    let gateway = Gateway::start().await;
    let answer = json(gateway.get("/api/v1/webhook-key").key(CRM_KEY), 200).await;
    assert_eq!(answer, json!({"key": "whsec_a2V5"}));
    let asked = gateway.notify.asked::<GetWebhookKeyRequest>();
    assert_eq!(asked.client, "crm");
    gateway.notify.refuse(service_kit::status::Refusal::new(
        tonic::Code::FailedPrecondition,
        ErrorReason::WebhooksOff,
        "this installation posts no webhooks",
    ));
    let request = gateway.get("/api/v1/webhook-key").key(CRM_KEY);
    problem(request, 409, "WEBHOOKS_OFF").await;
}

#[tokio::test]
async fn an_empty_address_of_a_webhook_is_none() {
    let gateway = Gateway::start().await;
    let body = json!({"telegram_user_id": 5, "text": "hello", "webhook_url": ""});
    let request = gateway.post("/api/v1/notifications", &body).key(CRM_KEY);
    let faults = problem(request.once("a"), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["webhook_url"]);
    assert!(gateway.notify.calls().is_empty());
}
