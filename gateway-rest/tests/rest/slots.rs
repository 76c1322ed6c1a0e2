//! A teacher's free times.

use olm_proto::{common::v1::ErrorReason, lesson::v1::ListSlotsRequest, timestamp};
use serde_json::json;
use service_kit::status::Refusal;
use tonic::Code;

use crate::{
    fakes::{LESSON, STUDENT, TEACHER, at},
    gateway::{CRM_KEY, Gateway, Headers as _, fields, json, problem},
};

#[tokio::test]
async fn free_times_are_listed_for_a_service_and_for_a_person() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/teachers/{TEACHER}/slots");
    let query = [
        ("from", "2026-01-16T00:00:00Z"),
        ("limit", "3"),
        ("lesson_duration_s", "5400"),
        ("time_zone", "Asia/Tbilisi"),
        ("except_lesson_id", LESSON),
    ];
    let request = gateway.get(&path).key(CRM_KEY).query(&query);
    assert_eq!(
        json(request, 200).await,
        json!({
            "slots": [{
                "start_time": "2026-01-16T12:00:00Z",
                "end_time": "2026-01-16T13:00:00Z",
                "local_start_time": "2026-01-16T16:00:00+04:00",
            }],
            "time_zone": "Europe/Berlin",
            "truncated": true,
            "viewer_time_zone": "Asia/Tbilisi",
        })
    );
    json(gateway.get(&path).student(), 200).await;
    let calls = gateway.lesson.calls();
    assert_eq!(
        calls[0].message::<ListSlotsRequest>(),
        ListSlotsRequest {
            teacher_id: TEACHER.to_owned(),
            start_time: Some(timestamp(at("2026-01-16T00:00:00Z"))),
            end_time: None,
            max_slots: 3,
            lesson_duration: Some(prost_types::Duration {
                seconds: 5400,
                nanos: 0
            }),
            time_zone: "Asia/Tbilisi".to_owned(),
            except_lesson_id: LESSON.to_owned(),
        }
    );
    assert_eq!(
        calls[1].message::<ListSlotsRequest>(),
        ListSlotsRequest {
            teacher_id: TEACHER.to_owned(),
            ..ListSlotsRequest::default()
        }
    );
    assert_eq!(
        (calls[0].acting_user, calls[1].acting_user),
        (None, STUDENT.parse().ok())
    );
}

#[tokio::test]
async fn faults_of_the_query_are_told_at_once() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/teachers/{TEACHER}/slots");
    let query = [
        ("from", "x"),
        ("to", "y"),
        ("limit", "z"),
        ("lesson_duration_s", "1h"),
        ("except_lesson_id", "7"),
    ];
    let request = gateway.get(&path).student().query(&query);
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    assert_eq!(
        fields(&faults),
        [
            "from",
            "to",
            "limit",
            "lesson_duration_s",
            "except_lesson_id"
        ]
    );
    assert!(gateway.lesson.calls().is_empty());
}

#[tokio::test]
async fn a_length_that_is_not_offered_answers_409_with_those_that_are() {
    let gateway = Gateway::start().await;
    let refusal = Refusal::new(
        Code::FailedPrecondition,
        ErrorReason::DurationNotOffered,
        "the teacher gives no lessons of this length",
    );
    gateway
        .lesson
        .refuse(refusal.metadata("durations_s", "3600,5400"));
    let path = format!("/api/v1/teachers/{TEACHER}/slots?lesson_duration_s=1800");
    let problem = problem(gateway.get(&path).student(), 409, "DURATION_NOT_OFFERED").await;
    assert_eq!(problem["durations_s"], json!([3600, 5400]));
}
