//! `ETag` and `If-Match`: who changes a resource says which version they have seen.

use std::collections::BTreeSet;

use olm_proto::common::v1::ErrorReason;
use service_kit::status::Refusal;
use tonic::Code;

use crate::{
    gateway::{Gateway, Headers as _, problem, problem_of},
    operations::{Operation, VERSION},
};

async fn conditional(gateway: &Gateway) -> Vec<Operation> {
    let mut operations = Operation::all(gateway).await;
    operations.retain(|operation| operation.takes("If-Match"));
    let names: BTreeSet<_> = operations.iter().map(|one| one.id.as_str()).collect();
    let expected = [
        "update_me",
        "update_settings",
        "set_policies",
        "stop_teaching",
        "set_weekly_rules",
        "put_override",
        "delete_override",
        "update_lesson",
        "confirm_lesson",
        "decline_lesson",
        "reschedule_lesson",
        "cancel_lesson",
        "record_attendance",
        "leave_lesson",
        "reconfirm_lesson",
        "update_series",
        "cancel_series",
        "update_group",
        "delete_group",
    ];
    assert_eq!(names, BTreeSet::from(expected));
    operations
}

#[tokio::test]
async fn the_tag_a_change_is_meant_for_becomes_the_expected_version() {
    let gateway = Gateway::start().await;
    for operation in conditional(&gateway).await {
        let response = operation.request(&gateway).send().await.unwrap();
        assert!(response.status().is_success(), "{}", operation.id);
        let message = gateway.lesson.calls().pop().unwrap().reflect();
        let version = message.get_field_by_name("expected_version").unwrap();
        assert_eq!(version.as_i64(), Some(VERSION), "{}", operation.id);
    }
}

#[tokio::test]
async fn a_change_without_a_tag_answers_428() {
    let gateway = Gateway::start().await;
    for operation in conditional(&gateway).await {
        problem(operation.plain(&gateway), 428, "PRECONDITION_REQUIRED").await;
        assert!(operation.statuses().contains(&428), "{}", operation.id);
    }
    assert!(gateway.lesson.calls().is_empty());
}

#[tokio::test]
async fn what_is_not_one_strong_tag_of_a_version_answers_400() {
    let gateway = Gateway::start().await;
    for operation in conditional(&gateway).await {
        for bad in [
            "",
            "*",
            "3",
            "W/\"3\"",
            "\"3\", \"4\"",
            "\"-3\"",
            "\"x\"",
            "\"03\"",
        ] {
            let request = operation.plain(&gateway).header("If-Match", bad);
            problem(request, 400, "IF_MATCH_MALFORMED").await;
        }
        let twice = operation.plain(&gateway).read_at(3).read_at(3);
        problem(twice, 400, "IF_MATCH_MALFORMED").await;
    }
    assert!(gateway.lesson.calls().is_empty());
}

#[tokio::test]
async fn a_stale_tag_answers_412_with_the_current_version() {
    let gateway = Gateway::start().await;
    let refusal = Refusal::new(Code::Aborted, ErrorReason::VersionStale, "read it again");
    gateway
        .lesson
        .refuse(refusal.metadata("current_version", "18"));
    for operation in conditional(&gateway).await {
        let response = operation.request(&gateway).send().await.unwrap();
        let problem = problem_of(response, 412, "VERSION_STALE").await;
        assert_eq!(problem["current_version"], 18);
        assert!(operation.statuses().contains(&412), "{}", operation.id);
    }
}

#[tokio::test]
async fn the_tag_of_an_answer_is_its_version() {
    let gateway = Gateway::start().await;
    let mut tagged = 0;
    for operation in Operation::of_people(&gateway).await {
        let response = operation.request(&gateway).send().await.unwrap();
        let Some(tag) = response.headers().get("etag").cloned() else {
            continue;
        };
        let body: serde_json::Value = response.json().await.unwrap();
        let version = body["version"].as_i64().unwrap();
        assert_eq!(tag, format!("\"{version}\""), "{}", operation.id);
        tagged += 1;
    }
    // Every change but two deletions, set_admin, what makes a lesson, a teacher, a series or
    // a group or takes a seat, and reads.
    assert_eq!(tagged, 17 + 1 + 6 + 7);
}
