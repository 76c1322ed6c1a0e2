//! Lessons and free times.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        BookLessonRequest, CancelLessonRequest, GetLessonRequest, ListLessonsRequest,
        ListSlotsRequest,
    },
    timestamp,
};
use serde_json::json;
use service_kit::status::Refusal;
use tonic::Code;
use uuid::Uuid;

use crate::{
    fakes::{LESSON, Message, NOTIFICATION, STUDENT, TEACHER, at},
    gateway::{CRM_KEY, Gateway, Headers as _, json, problem, problem_of},
};

fn student() -> Uuid {
    STUDENT.parse().unwrap()
}

#[tokio::test]
async fn a_lesson_is_booked_for_the_person_the_caller_speaks_for() {
    let gateway = Gateway::start().await;
    // 13:00 in Berlin; services get the instant.
    let body = json!({"teacher_id": TEACHER, "start_time": "2026-01-16T13:00:00+01:00"});
    let request = gateway.post("/api/v1/lessons", &body).student().once("a");
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 201);
    let location = response.headers()["location"].to_str().unwrap();
    assert_eq!(location, format!("/api/v1/lessons/{LESSON}"));
    assert_eq!(
        response.json::<serde_json::Value>().await.unwrap(),
        json!({
            "id": LESSON,
            "teacher_id": TEACHER,
            "teacher_name": "Anna",
            "start_time": "2026-01-16T12:00:00Z",
            "end_time": "2026-01-16T13:00:00Z",
            "status": "scheduled",
            "version": 3,
            "schedule_version": 1,
            "bookings": [{
                "id": NOTIFICATION,
                "student_id": STUDENT,
                "student_name": "Boris",
                "status": "confirmed",
                "version": 1,
            }],
            "create_time": "2026-01-10T08:00:00.5Z",
        })
    );
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, Some(student()));
    let Message::Book(BookLessonRequest {
        request_id,
        teacher_id,
        start_time,
    }) = call.message
    else {
        panic!("{:?}", call.message);
    };
    assert_eq!(request_id.parse::<Uuid>().unwrap().get_version_num(), 5);
    assert_eq!(teacher_id, TEACHER);
    assert_eq!(start_time, Some(timestamp(at("2026-01-16T12:00:00Z"))));
}

#[tokio::test]
async fn lessons_are_listed_with_their_filters_and_paged() {
    let gateway = Gateway::start().await;
    let request = gateway.get("/api/v1/lessons").student().query(&[
        ("from", "2026-01-01T00:00:00+03:00"),
        ("to", "2026-02-01T00:00:00Z"),
        ("include_canceled", "true"),
        ("page_size", "20"),
        ("page_token", "token"),
    ]);
    let page = json(request, 200).await;
    assert_eq!(page["lessons"][0]["id"], LESSON);
    assert_eq!(page["next_page_token"], "next");
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, Some(student()));
    assert_eq!(
        call.message,
        Message::List(ListLessonsRequest {
            start_time: Some(timestamp(at("2025-12-31T21:00:00Z"))),
            end_time: Some(timestamp(at("2026-02-01T00:00:00Z"))),
            include_canceled: true,
            page_size: 20,
            page_token: "token".to_owned(),
        })
    );
}

#[tokio::test]
async fn a_lesson_is_read_by_its_id() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}");
    let lesson = json(gateway.get(&path).student(), 200).await;
    assert_eq!(lesson["id"], LESSON);
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, Some(student()));
    let lesson_id = LESSON.to_owned();
    assert_eq!(call.message, Message::Get(GetLessonRequest { lesson_id }));
}

#[tokio::test]
async fn a_lesson_is_cancelled_at_the_version_that_was_read() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}/cancel");
    let body = json!({"expected_version": 3, "reason": "I am ill"});
    let lesson = json(gateway.post(&path, &body).student(), 200).await;
    assert_eq!(lesson["status"], "canceled");
    assert_eq!(lesson["cancel_reason"], "I am ill");
    assert_eq!(lesson["version"], 4);
    assert_eq!(
        gateway.lesson.only_call().message,
        Message::Cancel(CancelLessonRequest {
            lesson_id: LESSON.to_owned(),
            expected_version: 3,
            reason: "I am ill".to_owned(),
        })
    );
}

#[tokio::test]
async fn free_times_are_listed_for_a_service_and_for_a_person() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/teachers/{TEACHER}/slots");
    let query = [("from", "2026-01-16T00:00:00Z"), ("limit", "3")];
    let request = gateway.get(&path).key(CRM_KEY).query(&query);
    assert_eq!(
        json(request, 200).await,
        json!({
            "slots": [{
                "start_time": "2026-01-16T12:00:00Z",
                "end_time": "2026-01-16T13:00:00Z",
            }],
            "time_zone": "Europe/Berlin",
            "truncated": true,
        })
    );
    json(gateway.get(&path).student(), 200).await;
    let calls = gateway.lesson.calls();
    assert_eq!(
        calls[0].message,
        Message::Slots(ListSlotsRequest {
            teacher_id: TEACHER.to_owned(),
            start_time: Some(timestamp(at("2026-01-16T00:00:00Z"))),
            end_time: None,
            max_slots: 3,
        })
    );
    assert_eq!(
        (calls[0].acting_user, calls[1].acting_user),
        (None, Some(student()))
    );
}

#[tokio::test]
async fn a_taken_time_answers_409_with_the_alternatives() {
    let gateway = Gateway::start().await;
    let refusal = Refusal::new(
        Code::FailedPrecondition,
        ErrorReason::SlotTaken,
        "another lesson of the teacher takes this time",
    );
    let times = "2026-01-16T14:00:00Z,2026-01-16T15:00:00Z";
    gateway
        .lesson
        .refuse(refusal.metadata("alternatives", times));
    let body = json!({"teacher_id": TEACHER, "start_time": "2026-01-16T12:00:00Z"});
    let request = gateway.post("/api/v1/lessons", &body).student().once("a");
    let problem = problem(request, 409, "SLOT_TAKEN").await;
    assert_eq!(
        problem["alternatives"],
        json!(["2026-01-16T14:00:00Z", "2026-01-16T15:00:00Z"])
    );
}

#[tokio::test]
async fn a_stale_version_answers_409_with_the_current_one() {
    let gateway = Gateway::start().await;
    let refusal = Refusal::new(Code::Aborted, ErrorReason::VersionStale, "read it again");
    gateway
        .lesson
        .refuse(refusal.metadata("current_version", "9"));
    let path = format!("/api/v1/lessons/{LESSON}/cancel");
    let body = json!({"expected_version": 3});
    let request = gateway.post(&path, &body).student().send().await.unwrap();
    let problem = problem_of(request, 409, "VERSION_STALE").await;
    assert_eq!(problem["current_version"], 9);
}
