//! One trace from the caller through this gateway to the services, and a log line that
//! tells no secret.

use std::{
    io,
    sync::{Arc, Mutex},
};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt as _};

use crate::{
    fakes::{BACKEND_KEY, TEACHER},
    gateway::{CRM_KEY, Gateway, Headers as _, WEBSITE_KEY, eventually, json, problem},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The fields of every line about a request.
    fn requests(&self) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &Value| line["target"] == "gateway_rest::observe")
            .map(|line| line["fields"].clone())
            .filter(|fields| fields["message"] == "request")
            .collect()
    }
}

/// Traces and logs of this thread, on which everything of a test runs.
fn listen() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    let subscriber = tracing_subscriber::registry()
        .with(LevelFilter::DEBUG)
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .with_writer(lines.clone()),
        );
    (lines, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn the_callers_trace_goes_on_in_the_services_and_comes_back_in_the_answer() {
    let (_lines, _guard) = listen();
    let gateway = Gateway::start().await;
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let body = json!({"teacher_id": TEACHER, "start_time": "2026-01-16T12:00:00Z"});
    let request = gateway.post("/api/v1/lessons", &body).student().once("a");
    let response = request.header("traceparent", &parent).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 201);
    assert_eq!(response.headers()["x-trace-id"], TRACE);
    let seen = gateway.lesson.only_call().traceparent.unwrap();
    assert!(seen.starts_with(&format!("00-{TRACE}-")), "{seen}");
    assert_ne!(seen, parent);
    let request = gateway
        .get("/api/v1/lessons")
        .header("traceparent", &parent);
    let refused = problem(request, 401, "SERVICE_KEY_MISSING").await;
    assert_eq!(refused["trace_id"], TRACE);
    // What is no trace context begins a trace of its own.
    let request = gateway.get("/livez").header("traceparent", "nonsense");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["x-trace-id"].len(), 32);
}

#[tokio::test]
async fn each_request_is_one_line_without_secrets_texts_and_raw_paths() {
    let (lines, _guard) = listen();
    let gateway = Gateway::start().await;
    let body = json!({"telegram_user_id": 5, "text": "the-secret-text"});
    let request = gateway.post("/api/v1/notifications?q=the-query", &body);
    json(request.key(CRM_KEY).once("the-idempotency-key"), 202).await;
    let request = gateway.get("/the-raw-path").key(WEBSITE_KEY);
    problem(request, 404, "ROUTE_UNKNOWN").await;
    let (text, requests) = (lines.text(), lines.requests());
    assert_eq!(requests.len(), 2, "{text}");
    for (line, expected) in requests.iter().zip([
        ("POST", "/api/v1/notifications", 202, "crm"),
        ("GET", "unmatched", 404, "website"),
    ]) {
        assert_eq!(line["method"], expected.0);
        assert_eq!(line["route"], expected.1);
        assert_eq!(line["status"], expected.2);
        assert_eq!(line["caller"], expected.3);
        assert!(line["duration_ms"].is_f64(), "{line}");
    }
    let ours = text
        .lines()
        .filter(|line| line.contains("\"target\":\"gateway_rest") || line.contains("service_kit"));
    for line in ours {
        for secret in [
            "the-secret-text",
            "the-query",
            "the-idempotency-key",
            "the-raw-path",
            CRM_KEY,
            WEBSITE_KEY,
            BACKEND_KEY,
        ] {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}

#[tokio::test]
async fn a_request_whose_client_goes_away_has_its_line_too() {
    let (lines, _guard) = listen();
    let gateway = Gateway::start().await;
    let _gate = gateway.lesson.hold();
    let request = tokio::spawn(gateway.get("/api/v1/lessons").student().send());
    eventually("the call arrives", || gateway.lesson.calls().len() == 1).await;
    request.abort();
    eventually("the line", || !lines.requests().is_empty()).await;
    assert_eq!(lines.requests()[0]["status"], 499);
}
