//! `Idempotency-Key` becomes the services' `request_id`.

use serde_json::json;

use crate::{
    fakes::{STUDENT, TEACHER},
    gateway::{CRM_KEY, Gateway, Headers as _, WEBSITE_KEY, json, problem},
};

fn booking() -> serde_json::Value {
    json!({"teacher_id": TEACHER, "start_time": "2026-01-16T12:00:00Z"})
}

fn request_ids(gateway: &Gateway) -> Vec<String> {
    let calls = gateway.lesson.calls().into_iter();
    let calls = calls.chain(gateway.notify.calls());
    calls
        .map(|call| {
            let message = call.reflect();
            let id = message.get_field_by_name("request_id").unwrap();
            id.as_str().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn a_repeat_is_the_same_request_whichever_replica_answers() {
    let (one, other) = (Gateway::start().await, Gateway::start().await);
    for gateway in [&one, &one, &other] {
        let request = gateway.post("/api/v1/lessons", &booking()).student();
        json(request.once("a"), 201).await;
    }
    let ids = [request_ids(&one), request_ids(&other)].concat();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn another_key_person_or_caller_is_another_request() {
    let gateway = Gateway::start().await;
    let book = || gateway.post("/api/v1/lessons", &booking());
    json(book().student().once("a"), 201).await;
    json(book().student().once("b"), 201).await;
    json(book().key(WEBSITE_KEY).user(TEACHER).once("a"), 201).await;
    let body = json!({"telegram_user_id": 5, "text": "hello"});
    for key in [WEBSITE_KEY, CRM_KEY] {
        let request = gateway.post("/api/v1/notifications", &body).key(key);
        json(request.once("a"), 202).await;
    }
    let mut ids = request_ids(&gateway);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5, "{ids:?}");
}

#[tokio::test]
async fn the_same_key_with_another_body_answers_422() {
    let gateway = Gateway::start().await;
    let request = gateway.post("/api/v1/lessons", &booking()).student();
    json(request.once("a"), 201).await;
    let other = json!({"teacher_id": STUDENT, "start_time": "2026-01-16T12:00:00Z"});
    let request = gateway.post("/api/v1/lessons", &other).student();
    problem(request.once("a"), 422, "REQUEST_ID_REUSED").await;
}

#[tokio::test]
async fn creating_without_a_key_is_refused() {
    let gateway = Gateway::start().await;
    let notification = json!({"telegram_user_id": 5, "text": "hello"});
    let message = json!({"telegram_user_id": 5, "message": "hello"});
    for request in [
        gateway.post("/api/v1/lessons", &booking()).student(),
        gateway
            .post("/api/v1/notifications", &notification)
            .key(CRM_KEY),
        gateway.post("/send_message/", &message).key(CRM_KEY),
    ] {
        problem(request, 400, "IDEMPOTENCY_KEY_MISSING").await;
    }
    assert!(request_ids(&gateway).is_empty());
}

#[tokio::test]
async fn a_key_is_one_value_of_visible_ascii() {
    let gateway = Gateway::start().await;
    let book = || gateway.post("/api/v1/lessons", &booking()).student();
    for bad in ["", "two words", "ключ", &"k".repeat(256)] {
        let request = book().header("Idempotency-Key", bad.as_bytes());
        problem(request, 400, "IDEMPOTENCY_KEY_MALFORMED").await;
    }
    let twice = book().once("a").once("b");
    problem(twice, 400, "IDEMPOTENCY_KEY_MALFORMED").await;
    json(book().once(&"k".repeat(255)), 201).await;
}
