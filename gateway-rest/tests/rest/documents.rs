//! The OpenAPI document and the page to try it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::{
    fakes::LESSON,
    gateway::{Gateway, json},
};

fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            operations.push((method, path.clone(), operation.clone()));
        }
    }
    operations
}

#[tokio::test]
async fn every_route_is_documented_and_every_documented_route_is_served() {
    let gateway = Gateway::start().await;
    let document = json(gateway.get("/api/v1/openapi.json"), 200).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let operations = operations(&document);
    let found: BTreeSet<_> = operations
        .iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let expected = [
        "GET /api/v1/health",
        "GET /api/v1/health/db",
        "GET /api/v1/lessons",
        "GET /api/v1/lessons/{id}",
        "GET /api/v1/notifications/{id}",
        "GET /api/v1/teachers/{id}/slots",
        "GET /livez",
        "POST /api/v1/lessons",
        "POST /api/v1/lessons/{id}/cancel",
        "POST /api/v1/notifications",
        "POST /send_message/",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
    for (method, path, operation) in operations {
        let path = path.replace("{id}", LESSON);
        let response = gateway.bare(method, &path).send().await.unwrap();
        // Closed exactly where the document says so.
        let closed = operation["security"].is_array();
        let expected = if closed { 401 } else { 200 };
        assert_eq!(response.status().as_u16(), expected, "{path}");
    }
}

#[tokio::test]
async fn every_operation_tells_its_name_its_answers_and_its_problems() {
    let gateway = Gateway::start().await;
    let document = json(gateway.get("/api/v1/openapi.json"), 200).await;
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(name), "{path}");
        assert!(operation["summary"].is_string(), "{path}");
        let answers = operation["responses"].as_object().unwrap();
        assert!(
            answers.keys().any(|status| status.starts_with('2')),
            "{path}"
        );
        let mut problems = vec!["500"];
        if operation["security"].is_array() {
            problems.extend(["400", "401", "403", "503", "504"]);
        }
        if method == Method::POST {
            problems.extend(["413", "415"]);
        }
        for status in problems {
            let answer = &answers[status]["$ref"];
            assert_eq!(answer, "#/components/responses/Problem", "{path} {status}");
        }
        let takes_key = operation["parameters"].as_array().into_iter().flatten();
        let takes_key = takes_key
            .filter(|parameter| parameter["name"] == "Idempotency-Key")
            .any(|parameter| parameter["required"] == true);
        let creates = method == Method::POST && !path.ends_with("/cancel");
        assert_eq!(takes_key, creates, "{path}");
    }
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["service_key"]["name"], "X-Service-Key");
    assert_eq!(schemes["acting_user"]["name"], "X-Acting-User");
    let content = &document["components"]["responses"]["Problem"]["content"];
    assert!(content["application/problem+json"].is_object());
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let gateway = Gateway::start().await;
    let document = json(gateway.get("/api/v1/openapi.json"), 200).await;
    let mut found = 0;
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let target = document.pointer(reference.strip_prefix('#').unwrap());
            assert!(target.is_some(), "{reference}");
            found += 1;
        }
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    assert!(found > 20, "{found}");
}

#[tokio::test]
async fn bodies_are_documented_as_the_server_reads_them() {
    let gateway = Gateway::start().await;
    let document = json(gateway.get("/api/v1/openapi.json"), 200).await;
    let schemas = &document["components"]["schemas"];
    let lesson = &schemas["NewLesson"];
    assert_eq!(
        lesson["required"],
        serde_json::json!(["teacher_id", "start_time"])
    );
    assert_eq!(lesson["properties"]["teacher_id"]["format"], "uuid");
    assert_eq!(lesson["properties"]["start_time"]["format"], "date-time");
    assert_eq!(lesson["additionalProperties"], false);
    let notification = &schemas["NewNotification"];
    assert_eq!(notification["required"], serde_json::json!(["text"]));
    assert_eq!(
        notification["properties"]["telegram_user_id"]["type"],
        "integer"
    );
}

#[tokio::test]
async fn the_page_loads_only_what_this_server_serves() {
    let gateway = Gateway::start().await;
    let page = gateway.get("/api/v1/docs").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"));
    let html = page.text().await.unwrap();
    for part in ["/api/v1/docs/page.js", "/api/v1/docs/page.css"] {
        assert!(html.contains(part), "{part}");
        let response = gateway.get(part).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{part}");
        let text = response.text().await.unwrap();
        assert!(!text.contains("https://"), "{part}");
    }
    assert!(!html.contains("https://"));
}
