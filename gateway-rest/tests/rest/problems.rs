//! Every refusal is problem+json, the router's own included.

use std::time::Duration;

use olm_proto::common::v1::ErrorReason;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use service_kit::status::Refusal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, Status};

use crate::{
    fakes::{LESSON, STUDENT, TEACHER},
    gateway::{CRM_KEY, Gateway, Headers as _, WEBSITE_KEY, fields, json, problem, problem_of},
};

fn raw(gateway: &Gateway, body: impl Into<reqwest::Body>) -> RequestBuilder {
    let request = gateway.bare(Method::POST, "/api/v1/lessons").student();
    let request = request.header("Content-Type", "application/json; charset=utf-8");
    request.once("a").body(body)
}

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    let gateway = Gateway::start().await;
    for path in ["/", "/api/v1/nothing", "/api/v2/lessons", "/send_message"] {
        problem(gateway.get(path), 404, "ROUTE_UNKNOWN").await;
    }
}

#[tokio::test]
async fn an_unserved_method_is_a_problem_that_tells_the_served_ones() {
    let gateway = Gateway::start().await;
    let request = gateway.bare(Method::DELETE, "/api/v1/lessons");
    let response = request.send().await.unwrap();
    let allow = response.headers()["allow"].to_str().unwrap().to_owned();
    let mut allow: Vec<_> = allow.split(',').collect();
    allow.sort_unstable();
    assert_eq!(allow, ["GET", "HEAD", "POST"]);
    problem_of(response, 405, "METHOD_NOT_ALLOWED").await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_a_problem() {
    let gateway = Gateway::start().await;
    for body in [
        &b""[..],
        b"{",
        b"{\"teacher_id\":\"x\"} and more",
        b"\xff\xfe",
        b"{\"teacher_id\": \"\xff\"}",
    ] {
        problem(raw(&gateway, body.to_vec()), 400, "MESSAGE_MALFORMED").await;
    }
    let deep = "[".repeat(10_000);
    let request = raw(&gateway, format!("{{\"teacher_id\":{deep}"));
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 400);
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_a_problem() {
    let gateway = Gateway::start().await;
    let post = || gateway.bare(Method::POST, "/api/v1/lessons").student();
    let body = json!({"teacher_id": TEACHER, "start_time": "2026-01-16T12:00:00Z"});
    problem(
        post().once("a").body(body.to_string()),
        415,
        "MEDIA_TYPE_UNSUPPORTED",
    )
    .await;
    let form = post().once("a").header("Content-Type", "text/plain");
    problem(form.body(body.to_string()), 415, "MEDIA_TYPE_UNSUPPORTED").await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_problem_however_it_is_sent() {
    let gateway = Gateway::with(&[("REST_BODY_LIMIT", "2048")]).await;
    let body = format!("{{\"teacher_id\":\"{}\"}}", "x".repeat(3000));
    problem(raw(&gateway, body.clone()), 413, "MESSAGE_TOO_LARGE").await;
    // In chunks, so that its length is not known before.
    let answer = chunked(&gateway, &body).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    assert!(gateway.lesson.calls().is_empty());
}

async fn chunked(gateway: &Gateway, body: &str) -> String {
    let mut peer = TcpStream::connect(gateway.address).await.unwrap();
    let request = format!(
        "POST /api/v1/lessons HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\
         X-Service-Key: {WEBSITE_KEY}\r\nX-Acting-User: {STUDENT}\r\nIdempotency-Key: a\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    peer.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn all_faults_of_a_body_are_told_at_once() {
    let gateway = Gateway::start().await;
    let faults = problem(raw(&gateway, "{}"), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["teacher_id", "start_time"]);
    for time in [
        "yesterday",
        "2026-01-16T12:00:00",
        "99999-01-01T00:00:00Z",
        "",
    ] {
        let body = json!({"teacher_id": "7", "start_time": time});
        let faults = problem(raw(&gateway, body.to_string()), 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), ["teacher_id", "start_time"], "{time}");
    }
    let body = json!({"user_id": "7", "due_time": "x", "expire_time": "y"});
    let request = gateway.post("/api/v1/notifications", &body).key(CRM_KEY);
    let faults = problem(request.once("a"), 400, "INVALID_FIELDS").await;
    let names = ["user_id", "text", "due_time", "expire_time"];
    assert_eq!(fields(&faults), names);
    assert!(gateway.lesson.calls().is_empty());
    assert!(gateway.notify.calls().is_empty());
}

#[tokio::test]
async fn a_wrong_type_or_an_unknown_field_is_named() {
    let gateway = Gateway::start().await;
    let body = r#"{"teacher_id": 5, "start_time": "2026-01-16T12:00:00Z"}"#;
    let faults = problem(raw(&gateway, body), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["teacher_id"]);
    let faults = problem(raw(&gateway, r#"{"teacher": "x"}"#), 400, "INVALID_FIELDS").await;
    assert!(faults["detail"].as_str().unwrap().contains("teacher"));
    let faults = problem(raw(&gateway, "[]"), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["body"]);
    let big = json!({"telegram_user_id": 1e30, "message": "hello"});
    let request = gateway.post("/send_message/", &big).key(CRM_KEY).once("a");
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["telegram_user_id"]);
}

#[tokio::test]
async fn a_recipient_is_given_once() {
    let gateway = Gateway::start().await;
    for body in [
        json!({"text": "hello"}),
        json!({"text": "hello", "user_id": TEACHER, "telegram_user_id": 5}),
    ] {
        let request = gateway.post("/api/v1/notifications", &body).key(CRM_KEY);
        let faults = problem(request.once("a"), 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), ["telegram_user_id"]);
    }
}

#[tokio::test]
async fn faults_of_a_query_and_of_a_path_are_named() {
    let gateway = Gateway::start().await;
    let request = gateway.get("/api/v1/lessons").student().query(&[
        ("from", "x"),
        ("to", "y"),
        ("include_canceled", "1"),
        ("page_size", "3000000000"),
    ]);
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    let names = ["from", "to", "include_canceled", "page_size"];
    assert_eq!(fields(&faults), names);
    for query in ["unknown=1", "from=a&from=b"] {
        let request = gateway.get(&format!("/api/v1/lessons?{query}")).student();
        let faults = problem(request, 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), ["query"], "{query}");
    }
    for path in ["/api/v1/lessons/7", "/api/v1/lessons/%ff"] {
        let faults = problem(gateway.get(path).student(), 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), ["id"], "{path}");
    }
}

#[tokio::test]
async fn a_service_that_is_unavailable_answers_503_with_the_time_to_wait() {
    let gateway = Gateway::start().await;
    let refusal = Refusal::new(Code::Unavailable, ErrorReason::Unavailable, "draining");
    gateway
        .lesson
        .refuse(refusal.retry_after(Duration::from_millis(2500)));
    let response = gateway.get("/api/v1/lessons").student().send().await;
    let response = response.unwrap();
    assert_eq!(response.headers()["retry-after"], "3");
    problem_of(response, 503, "UNAVAILABLE").await;
}

#[tokio::test]
async fn a_service_that_is_away_answers_503() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", unused.local_addr().unwrap());
    drop(unused);
    let gateway = Gateway::with(&[("REST_LESSON_URL", &url)]).await;
    let response = gateway.get("/api/v1/lessons").student().send().await;
    let response = response.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    problem_of(response, 503, "UNAVAILABLE").await;
}

#[tokio::test]
async fn a_service_that_does_not_answer_in_time_is_a_504() {
    let gateway = Gateway::with(&[("REST_LESSON_TIMEOUT", "0.2")]).await;
    let _gate = gateway.lesson.hold();
    problem(gateway.get("/api/v1/lessons").student(), 504, "TIMED_OUT").await;
}

#[tokio::test]
async fn a_service_that_fails_without_a_reason_is_an_opaque_500() {
    let gateway = Gateway::start().await;
    gateway
        .lesson
        .fail(Status::unknown("the password is hunter2"));
    let request = gateway.get(&format!("/api/v1/lessons/{LESSON}")).student();
    let problem = problem(request, 500, "INTERNAL").await;
    assert!(!problem.to_string().contains("hunter2"));
    // The next request is served.
    json(gateway.get("/livez"), 200).await;
}

#[tokio::test]
async fn a_services_internal_error_is_an_opaque_500() {
    let gateway = Gateway::start().await;
    gateway.lesson.fail(service_kit::status::internal(
        "olm.lesson",
        &std::io::Error::other("the password is hunter2"),
    ));
    let problem = problem(gateway.get("/api/v1/lessons").student(), 500, "INTERNAL").await;
    assert!(!problem.to_string().contains("hunter2"));
}
