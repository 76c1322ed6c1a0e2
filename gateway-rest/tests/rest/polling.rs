//! Bots in other languages over HTTP (OLM-3).

use olm_proto::{
    common::v1::ErrorReason,
    notify::v1::{
        BeginDueRequest, BeginDueResponse, Content, CustomText, LessonNotice, LessonNoticeKind,
        LessonRole, Notification, NotificationState, PolledFailed, PolledNotification, PolledSent,
        ReportChatSeenRequest, ResolveNotificationRequest, ResolveNotificationResponse,
        content::Kind, resolve_notification_request::Result as Told,
    },
    timestamp,
};
use serde_json::{Value, json};
use service_kit::status::Refusal;
use tonic::Code;

use crate::{
    fakes::{NOTIFICATION, a_notification, at},
    gateway::{CRM_KEY, Gateway, Headers as _, WEBSITE_KEY, fields, json, problem},
};

const PENDING: &str = "/internal/notifications/pending";

fn row(chat_id: i64, kind: Kind) -> PolledNotification {
    PolledNotification {
        notification: Some(Notification {
            attempt_no: 2,
            ..a_notification(NotificationState::Sending)
        }),
        bot_id: 1,
        chat_id,
        language: "en".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        content: Some(Content { kind: Some(kind) }),
        silent: chat_id < 0,
    }
}

#[tokio::test]
async fn a_bot_gets_what_is_due_as_text_in_the_readers_language_and_zone() {
    let gateway = Gateway::start().await;
    let start = |hour: &str| Some(timestamp(at(&format!("2026-01-16T{hour}:00:00Z"))));
    let reminder = LessonNotice {
        kind: LessonNoticeKind::Reminder.into(),
        start_time: start("13"),
        end_time: start("14"),
        reader_role: LessonRole::Student.into(),
        counterpart_name: "Anna & <Co>".to_owned(),
        ..LessonNotice::default()
    };
    let text = "1 < 2 &amp; <b>".to_owned();
    gateway.notify.answer(BeginDueResponse {
        notifications: vec![
            row(5, Kind::LessonNotice(reminder)),
            // Of this one nothing can be told; the others are.
            PolledNotification::default(),
            row(-5, Kind::CustomText(CustomText { text })),
        ],
    });
    let response = gateway.get(PENDING).key(CRM_KEY).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let answer: Value = response.json().await.unwrap();
    let [reminder, custom] = &answer["notifications"].as_array().unwrap()[..] else {
        panic!("{answer}");
    };
    let message = reminder["message"].as_str().unwrap();
    assert!(message.contains("Anna & <Co>"), "{message}");
    assert!(message.contains("14:00–15:00 (Berlin)"), "{message}");
    assert!(!message.contains("<b>"), "{message}");
    let expected = json!({
        "id": NOTIFICATION,
        "telegram_user_id": 5,
        "chat_id": 5,
        "message": message,
        "silent": false,
        "scheduled_at": "2026-01-16T12:00:00Z",
        "status": "pending",
        "state": "sending",
        "attempts": 2,
        "created_at": "2026-01-16T12:00:00Z",
    });
    assert_eq!(*reminder, expected);
    assert_eq!(custom["message"], "1 < 2 &amp; <b>");
    assert_eq!(
        (&custom["chat_id"], &custom["silent"]),
        (&json!(-5), &json!(true))
    );
    assert_eq!(custom["telegram_user_id"], Value::Null);
    assert_eq!(
        gateway.notify.asked::<BeginDueRequest>(),
        BeginDueRequest {
            client: "crm".to_owned(),
            limit: 0,
        }
    );
}

#[tokio::test]
async fn asking_for_the_headers_only_takes_nothing_from_the_queue() {
    let gateway = Gateway::start().await;
    let request = gateway.bare(reqwest::Method::HEAD, PENDING).key(CRM_KEY);
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(gateway.notify.calls().is_empty());
}

#[tokio::test]
async fn a_bot_says_what_became_of_a_notification() {
    let path = format!("/internal/notifications/{NOTIFICATION}");
    for (body, attempt_no, told) in [
        (
            json!({"status": "sent"}),
            0,
            Told::Sent(PolledSent {
                telegram_message_id: 0,
            }),
        ),
        (
            json!({"status": "sent", "telegram_message_id": 77.0, "reason": "fine"}),
            0,
            Told::Sent(PolledSent {
                telegram_message_id: 77,
            }),
        ),
        (
            json!({"status": "failed", "reason": "timeout", "attempts": 2}),
            2,
            Told::Failed(PolledFailed {
                reason: "timeout".to_owned(),
            }),
        ),
        (
            json!({"status": "failed"}),
            0,
            Told::Failed(PolledFailed {
                reason: String::new(),
            }),
        ),
    ] {
        let gateway = Gateway::start().await;
        let answer = json(gateway.patch(&path, &body).key(WEBSITE_KEY), 200).await;
        assert_eq!(answer["status"], "sent");
        assert_eq!(
            gateway.notify.asked::<ResolveNotificationRequest>(),
            ResolveNotificationRequest {
                client: "website".to_owned(),
                notification_id: NOTIFICATION.to_owned(),
                attempt_no,
                result: Some(told),
            }
        );
    }
}

#[tokio::test]
async fn every_state_is_shown_as_pending_sent_or_failed() {
    use NotificationState as S;
    let gateway = Gateway::start().await;
    let path = format!("/internal/notifications/{NOTIFICATION}");
    for (state, status, exact) in [
        (S::Pending, "pending", "pending"),
        (S::Sending, "pending", "sending"),
        (S::Uncertain, "pending", "uncertain"),
        (S::Sent, "sent", "sent"),
        (S::Failed, "failed", "failed"),
        (S::Unconfirmed, "failed", "unconfirmed"),
        (S::Canceled, "failed", "canceled"),
        (S::Expired, "failed", "expired"),
    ] {
        gateway.notify.answer(ResolveNotificationResponse {
            notification: Some(a_notification(state)),
        });
        let request = gateway.patch(&path, &json!({"status": "failed"}));
        let shown = json(request.key(CRM_KEY), 200).await;
        assert_eq!(
            (&shown["status"], &shown["state"]),
            (&json!(status), &json!(exact))
        );
    }
}

#[tokio::test]
async fn every_fault_of_a_result_is_told_at_once() {
    let gateway = Gateway::start().await;
    let path = format!("/internal/notifications/{NOTIFICATION}");
    let body = json!({"telegram_message_id": 0, "attempts": 0});
    let faults = problem(
        gateway.patch(&path, &body).key(CRM_KEY),
        400,
        "INVALID_FIELDS",
    )
    .await;
    assert_eq!(
        fields(&faults),
        ["telegram_message_id", "attempts", "status"]
    );
    let body = json!({"status": "pending"});
    let faults = problem(
        gateway.patch(&path, &body).key(CRM_KEY),
        400,
        "INVALID_FIELDS",
    )
    .await;
    assert_eq!(fields(&faults), ["status"]);
    assert!(gateway.notify.calls().is_empty());
}

#[tokio::test]
async fn what_cannot_be_is_a_conflict_that_names_the_state() {
    let gateway = Gateway::start().await;
    let path = format!("/internal/notifications/{NOTIFICATION}");
    let refused = |code, reason| Refusal::new(code, reason, "no");
    let unsuitable = refused(Code::Aborted, ErrorReason::NotificationStateUnsuitable);
    gateway.notify.refuse(unsuitable.metadata("state", "sent"));
    let request = gateway.patch(&path, &json!({"status": "failed"}));
    let answer = problem(request.key(CRM_KEY), 409, "NOTIFICATION_STATE_UNSUITABLE").await;
    assert_eq!(answer["notification_state"], "sent");
    gateway
        .notify
        .refuse(refused(Code::NotFound, ErrorReason::NotificationNotFound));
    let request = gateway.patch(&path, &json!({"status": "failed"}));
    problem(request.key(CRM_KEY), 404, "NOTIFICATION_NOT_FOUND").await;
    gateway
        .notify
        .refuse(refused(Code::FailedPrecondition, ErrorReason::NoPolledBot));
    problem(gateway.get(PENDING).key(CRM_KEY), 409, "NO_POLLED_BOT").await;
}

const SEEN: &str = "/internal/chats/seen";

#[tokio::test]
async fn a_bot_says_who_wrote_to_it() {
    for name in ["telegram_user_id", "chat_id"] {
        let gateway = Gateway::start().await;
        let request = gateway.post(SEEN, &json!({ name: 5 })).key(CRM_KEY);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 204);
        assert_eq!(
            gateway.notify.asked::<ReportChatSeenRequest>(),
            ReportChatSeenRequest {
                client: "crm".to_owned(),
                chat_id: 5,
            }
        );
    }
    let gateway = Gateway::start().await;
    for (body, field) in [
        (json!({}), "telegram_user_id"),
        (
            json!({"telegram_user_id": 5, "chat_id": 5}),
            "telegram_user_id",
        ),
        (json!({"telegram_user_id": 0}), "telegram_user_id"),
        (json!({"chat_id": -5}), "chat_id"),
    ] {
        let request = gateway.post(SEEN, &body).key(CRM_KEY);
        let faults = problem(request, 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), [field]);
    }
    assert!(gateway.notify.calls().is_empty());
}

#[tokio::test]
async fn who_polls_for_no_bot_says_nothing_of_its_chats() {
    let gateway = Gateway::start().await;
    let no_bot = Refusal::new(Code::FailedPrecondition, ErrorReason::NoPolledBot, "no");
    gateway.notify.refuse(no_bot);
    let request = gateway.post(SEEN, &json!({"chat_id": 5})).key(CRM_KEY);
    problem(request, 409, "NO_POLLED_BOT").await;
}
