//! The OpenAPI document and the page to try it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    gateway::{Gateway, json},
    operations::Operation,
};

/// Everything that is served, by method and path.
const ROUTES: &[&str] = &[
    "DELETE /api/v1/groups/{id}",
    "DELETE /api/v1/groups/{id}/members/{student_id}",
    "DELETE /api/v1/invitations/{id}",
    "DELETE /api/v1/me",
    "DELETE /api/v1/me/availability/overrides/{date}",
    "DELETE /api/v1/me/availability/time-off/{id}",
    "DELETE /api/v1/me/calendar-feeds/{id}",
    "DELETE /api/v1/me/students/{id}",
    "DELETE /api/v1/me/teacher",
    "DELETE /api/v1/users/{id}",
    "GET /api/v1/calendars/{token}",
    "GET /api/v1/events",
    "GET /api/v1/groups",
    "GET /api/v1/groups/{id}",
    "GET /api/v1/groups/{id}/members",
    "GET /api/v1/health",
    "GET /api/v1/health/db",
    "GET /api/v1/invitations",
    "GET /api/v1/lessons",
    "GET /api/v1/lessons/{id}",
    "GET /api/v1/lessons/{id}/calendar",
    "GET /api/v1/lessons/{id}/changes",
    "GET /api/v1/lessons/{id}/deliveries",
    "GET /api/v1/me",
    "GET /api/v1/me/calendar-feeds",
    "GET /api/v1/me/students",
    "GET /api/v1/me/teachers",
    "GET /api/v1/notifications",
    "GET /api/v1/notifications/statistics",
    "GET /api/v1/notifications/{id}",
    "GET /api/v1/series",
    "GET /api/v1/series/{id}",
    "GET /api/v1/teachers",
    "GET /api/v1/teachers/{id}",
    "GET /api/v1/teachers/{id}/availability",
    "GET /api/v1/teachers/{id}/slots",
    "GET /api/v1/users",
    "GET /api/v1/users/{id}",
    "GET /api/v1/webhook-key",
    "GET /internal/notifications/pending",
    "GET /livez",
    "PATCH /api/v1/groups/{id}",
    "PATCH /api/v1/lessons/{id}",
    "PATCH /api/v1/me",
    "PATCH /api/v1/me/settings",
    "PATCH /api/v1/series/{id}",
    "PATCH /internal/notifications/{id}",
    "POST /api/v1/groups",
    "POST /api/v1/holds",
    "POST /api/v1/invitations",
    "POST /api/v1/invitations/accept",
    "POST /api/v1/invitations/preview",
    "POST /api/v1/lessons",
    "POST /api/v1/lessons/{id}/cancel",
    "POST /api/v1/lessons/{id}/confirm",
    "POST /api/v1/lessons/{id}/decline",
    "POST /api/v1/lessons/{id}/join",
    "POST /api/v1/lessons/{id}/leave",
    "POST /api/v1/lessons/{id}/reconfirm",
    "POST /api/v1/lessons/{id}/reschedule",
    "POST /api/v1/me/availability/time-off",
    "POST /api/v1/me/calendar-feeds",
    "POST /api/v1/notifications",
    "POST /api/v1/notifications/{id}/cancel",
    "POST /api/v1/notifications/{id}/reschedule",
    "POST /api/v1/series",
    "POST /api/v1/series/preview",
    "POST /api/v1/series/{id}/cancel",
    "POST /api/v1/series/{id}/preview",
    "POST /api/v1/teachers",
    "POST /internal/chats/seen",
    "POST /send_message/",
    "PUT /api/v1/groups/{id}/members/{student_id}",
    "PUT /api/v1/lessons/{id}/bookings/{booking_id}/attendance",
    "PUT /api/v1/me/availability/overrides/{date}",
    "PUT /api/v1/me/availability/weekly-rules",
    "PUT /api/v1/me/teacher/policies",
    "PUT /api/v1/users/{id}/admin",
];

/// What makes something new, so that a repeat needs a key to be known.
const CREATING: &[&str] = &[
    "add_time_off",
    "book_lesson",
    "create_calendar_feed",
    "create_group",
    "create_invitation",
    "create_notification",
    "create_series",
    "create_teacher",
    "hold_slot",
    "send_message",
];

#[tokio::test]
async fn every_route_is_documented_and_every_documented_route_is_served() {
    let gateway = Gateway::start().await;
    let document = json(gateway.get("/api/v1/openapi.json"), 200).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let operations = Operation::all(&gateway).await;
    let found: BTreeSet<_> = operations
        .iter()
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    assert_eq!(
        found,
        ROUTES.iter().map(|route| (*route).to_owned()).collect()
    );
    for operation in operations {
        let request = gateway.bare(operation.method.clone(), &operation.target());
        let response = request.send().await.unwrap();
        // Closed exactly where the document says so.
        let expected = if operation.is_open() { 200 } else { 401 };
        assert_eq!(response.status().as_u16(), expected, "{}", operation.id);
    }
}

#[tokio::test]
async fn every_operation_tells_its_name_its_answers_and_its_problems() {
    let gateway = Gateway::start().await;
    let document = json(gateway.get("/api/v1/openapi.json"), 200).await;
    let mut names = BTreeSet::new();
    let mut creating = BTreeSet::new();
    for operation in Operation::all(&gateway).await {
        let Operation { id, told, .. } = &operation;
        assert!(names.insert(id.clone()), "{id}");
        assert!(told["summary"].is_string(), "{id}");
        let answers = told["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{id}");
        let mut problems = vec!["500"];
        if !operation.is_open() {
            problems.extend(["400", "401", "403", "503", "504"]);
        }
        if told["requestBody"].is_object() {
            problems.extend(["413", "415"]);
        }
        for status in problems {
            let answer = &answers[status]["$ref"];
            assert_eq!(answer, "#/components/responses/Problem", "{id} {status}");
        }
        for parameter in told["parameters"].as_array().into_iter().flatten() {
            let is_header = parameter["in"] == "header";
            let optional = parameter["name"] == "Last-Event-ID";
            let required = parameter["required"] == true;
            let told = parameter["schema"]["pattern"].is_string() && required != optional;
            assert!(told || !is_header, "{id} {parameter}");
        }
        if operation.takes("Idempotency-Key") {
            assert!(operation.statuses().contains(&422), "{id}");
            creating.insert(id.clone());
        }
    }
    assert_eq!(
        creating,
        CREATING.iter().map(|id| (*id).to_owned()).collect()
    );
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
