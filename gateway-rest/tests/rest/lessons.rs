//! Lessons.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        BookLessonRequest, BookingStatus, CancelLessonRequest, ConfirmLessonRequest,
        DeclineLessonRequest, GetLessonRequest, GetLessonResponse, HoldSlotRequest, Lesson,
        LessonStatus, ListLessonChangesRequest, ListLessonChangesResponse, ListLessonsRequest,
        RecordAttendanceRequest, RescheduleLessonRequest, UpdateLessonRequest,
    },
    timestamp,
};
use serde_json::json;
use service_kit::status::{Refusal, Violations};
use tonic::Code;
use uuid::Uuid;

use crate::{
    fakes::{BOOKING, LESSON, STUDENT, TEACHER, a_lesson, at},
    gateway::{Gateway, Headers as _, fields, json, problem},
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
                "id": BOOKING,
                "student_id": STUDENT,
                "student_name": "Boris",
                "status": "confirmed",
                "version": 1,
            }],
            "create_time": "2026-01-10T08:00:00.5Z",
            "capacity": 1,
            "seats_taken": 1,
        })
    );
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, Some(student()));
    let message = call.message::<BookLessonRequest>();
    let request_id = message.request_id.parse::<Uuid>().unwrap();
    assert_eq!(request_id.get_version_num(), 5);
    assert_eq!(
        message,
        BookLessonRequest {
            request_id: message.request_id.clone(),
            teacher_id: TEACHER.to_owned(),
            start_time: Some(timestamp(at("2026-01-16T12:00:00Z"))),
            ..BookLessonRequest::default()
        }
    );
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
        ("user_id", TEACHER),
    ]);
    let page = json(request, 200).await;
    assert_eq!(page["lessons"][0]["id"], LESSON);
    assert_eq!(page["next_page_token"], "next");
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, Some(student()));
    assert_eq!(
        call.message::<ListLessonsRequest>(),
        ListLessonsRequest {
            start_time: Some(timestamp(at("2025-12-31T21:00:00Z"))),
            end_time: Some(timestamp(at("2026-02-01T00:00:00Z"))),
            include_canceled: true,
            page_size: 20,
            page_token: "token".to_owned(),
            user_id: TEACHER.to_owned(),
            ..ListLessonsRequest::default()
        }
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
    assert_eq!(call.message::<GetLessonRequest>().lesson_id, LESSON);
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
async fn a_lesson_is_booked_with_everything_that_can_be_said() {
    let gateway = Gateway::start().await;
    let body = json!({
        "teacher_id": TEACHER,
        "start_time": "2026-01-16T12:00:00Z",
        "lesson_duration_s": 5400,
        "student_id": STUDENT,
        "held_lesson_id": LESSON,
        "notes": "Unit 3",
    });
    let request = gateway.post("/api/v1/lessons", &body).student().once("a");
    json(request, 201).await;
    let message = gateway.lesson.asked::<BookLessonRequest>();
    assert_eq!(
        message,
        BookLessonRequest {
            request_id: message.request_id.clone(),
            teacher_id: TEACHER.to_owned(),
            start_time: Some(timestamp(at("2026-01-16T12:00:00Z"))),
            lesson_duration: Some(prost_types::Duration {
                seconds: 5400,
                nanos: 0
            }),
            student_id: STUDENT.to_owned(),
            held_lesson_id: LESSON.to_owned(),
            notes: "Unit 3".to_owned(),
            ..BookLessonRequest::default()
        }
    );
}

#[tokio::test]
async fn a_time_is_held_as_a_lesson_that_lapses() {
    let gateway = Gateway::start().await;
    let body = json!({"teacher_id": TEACHER, "start_time": "2026-01-16T12:00:00Z"});
    let request = gateway.post("/api/v1/holds", &body).student().once("a");
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 201);
    assert_eq!(
        response.headers()["location"],
        format!("/api/v1/lessons/{LESSON}")
    );
    assert_eq!(response.headers()["etag"], "\"3\"");
    let lesson: serde_json::Value = response.json().await.unwrap();
    assert_eq!(lesson["status"], "held");
    assert_eq!(lesson["expire_time"], "2026-01-16T12:05:00Z");
    let message = gateway.lesson.asked::<HoldSlotRequest>();
    assert_eq!(message.teacher_id, TEACHER);
    assert_eq!(message.lesson_duration, None);
}

#[tokio::test]
async fn a_lesson_is_cancelled_at_the_version_that_was_read() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}/cancel");
    let body = json!({"reason": "I am ill"});
    let request = gateway.post(&path, &body).student().read_at(3);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["etag"], "\"4\"");
    let lesson: serde_json::Value = response.json().await.unwrap();
    assert_eq!(lesson["status"], "canceled");
    assert_eq!(lesson["cancel_reason"], "I am ill");
    assert_eq!(lesson["version"], 4);
    assert_eq!(
        gateway.lesson.asked::<CancelLessonRequest>(),
        CancelLessonRequest {
            lesson_id: LESSON.to_owned(),
            expected_version: 3,
            reason: "I am ill".to_owned(),
        }
    );
}

#[tokio::test]
async fn a_request_is_confirmed_or_declined_by_its_teacher() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}/confirm");
    // Without a body: there is nothing to say.
    let request = gateway.bare(reqwest::Method::POST, &path);
    json(request.teacher().read_at(2), 200).await;
    let path = format!("/api/v1/lessons/{LESSON}/decline");
    let request = gateway.post(&path, &json!({"reason": "a holiday"}));
    json(request.teacher().read_at(2), 200).await;
    let calls = gateway.lesson.calls();
    assert_eq!(calls[0].acting_user, TEACHER.parse().ok());
    assert_eq!(
        calls[0].message::<ConfirmLessonRequest>(),
        ConfirmLessonRequest {
            lesson_id: LESSON.to_owned(),
            expected_version: 2,
        }
    );
    assert_eq!(
        calls[1].message::<DeclineLessonRequest>(),
        DeclineLessonRequest {
            lesson_id: LESSON.to_owned(),
            expected_version: 2,
            reason: "a holiday".to_owned(),
        }
    );
}

#[tokio::test]
async fn a_lesson_is_moved() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}/reschedule");
    let body = json!({"start_time": "2026-01-17T12:00:00Z"});
    json(gateway.post(&path, &body).student().read_at(3), 200).await;
    assert_eq!(
        gateway.lesson.asked::<RescheduleLessonRequest>(),
        RescheduleLessonRequest {
            lesson_id: LESSON.to_owned(),
            expected_version: 3,
            start_time: Some(timestamp(at("2026-01-17T12:00:00Z"))),
        }
    );
}

#[tokio::test]
async fn what_is_left_out_of_a_lessons_change_stays_as_it_is() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}");
    let change = |body| gateway.patch(&path, &body).teacher().read_at(3);
    json(change(json!({"notes": ""})), 200).await;
    json(
        change(json!({"meeting_url": "https://meet.example/a"})),
        200,
    )
    .await;
    let calls = gateway.lesson.calls();
    let message = |index: usize| calls[index].message::<UpdateLessonRequest>();
    assert_eq!(
        (message(0).notes, message(0).meeting_url),
        (Some(String::new()), None)
    );
    let url = "https://meet.example/a".to_owned();
    assert_eq!(
        (message(1).notes, message(1).meeting_url),
        (None, Some(url))
    );
}

#[tokio::test]
async fn attendance_is_recorded_for_a_seat() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}/bookings/{BOOKING}/attendance");
    for (status, expected) in [
        ("attended", BookingStatus::Attended),
        ("no_show", BookingStatus::NoShow),
        ("late_canceled", BookingStatus::LateCanceled),
        ("canceled", BookingStatus::Canceled),
    ] {
        let request = gateway.put(&path, &json!({"status": status}));
        json(request.teacher().read_at(3), 200).await;
        assert_eq!(
            gateway
                .lesson
                .calls()
                .pop()
                .unwrap()
                .message::<RecordAttendanceRequest>(),
            RecordAttendanceRequest {
                lesson_id: LESSON.to_owned(),
                expected_version: 3,
                booking_id: BOOKING.to_owned(),
                status: expected.into(),
            }
        );
    }
    for (body, field) in [
        (json!({"status": "confirmed"}), "status"),
        (json!({}), "status"),
    ] {
        let request = gateway.put(&path, &body).teacher().read_at(3);
        let faults = problem(request, 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), [field]);
    }
    let path = "/api/v1/lessons/7/bookings/8/attendance";
    let request = gateway.put(path, &json!({"status": "attended"}));
    let faults = problem(request.teacher().read_at(3), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["id", "booking_id"]);
}

#[tokio::test]
async fn a_lessons_history_is_listed() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}/changes?page_size=2&page_token=t");
    assert_eq!(
        json(gateway.get(&path).student(), 200).await,
        json!({
            "changes": [{
                "version": 2,
                "kind": "moved",
                "actor_id": TEACHER,
                "actor_role": "teacher",
                "change_time": "2026-01-11T08:00:00Z",
                "start_time": "2026-01-16T12:00:00Z",
                "end_time": "2026-01-16T13:00:00Z",
                "previous_start_time": "2026-01-15T12:00:00Z",
                "previous_end_time": "2026-01-15T13:00:00Z",
            }],
            "next_page_token": null,
        })
    );
    assert_eq!(
        gateway.lesson.asked::<ListLessonChangesRequest>(),
        ListLessonChangesRequest {
            lesson_id: LESSON.to_owned(),
            page_size: 2,
            page_token: "t".to_owned(),
        }
    );
}

#[tokio::test]
async fn what_a_newer_service_says_is_told_as_unknown() {
    let gateway = Gateway::start().await;
    let mut lesson = Lesson {
        status: 99,
        notes: "Unit 3".to_owned(),
        meeting_url: "https://meet.example/a".to_owned(),
        ..a_lesson()
    };
    lesson.bookings[0].status = 99;
    gateway.lesson.answer(GetLessonResponse {
        lesson: Some(lesson),
    });
    let path = format!("/api/v1/lessons/{LESSON}");
    let lesson = json(gateway.get(&path).student(), 200).await;
    assert_eq!(lesson["status"], "unknown");
    assert_eq!(lesson["bookings"][0]["status"], "unknown");
    assert_eq!(lesson["notes"], "Unit 3");
    assert_eq!(lesson["meeting_url"], "https://meet.example/a");
    let time = Some(timestamp(at("2026-01-16T12:00:00Z")));
    gateway.lesson.answer(ListLessonChangesResponse {
        changes: vec![olm_proto::lesson::v1::LessonChange {
            kind: 99,
            actor_role: 99,
            booking_status: 99,
            change_time: time,
            start_time: time,
            end_time: time,
            ..Default::default()
        }],
        next_page_token: String::new(),
    });
    let page = json(gateway.get(&format!("{path}/changes")).student(), 200).await;
    let change = &page["changes"][0];
    for member in ["kind", "actor_role", "booking_status"] {
        assert_eq!(change[member], "unknown", "{member}");
    }
    assert_eq!(change.get("actor_id"), None);
}

#[tokio::test]
async fn every_status_of_a_lesson_has_its_name() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}");
    for (status, name) in [
        (LessonStatus::Held, "held"),
        (LessonStatus::Requested, "requested"),
        (LessonStatus::Declined, "declined"),
        (LessonStatus::Lapsed, "lapsed"),
    ] {
        let lesson = Lesson {
            status: status.into(),
            ..a_lesson()
        };
        gateway.lesson.answer(GetLessonResponse {
            lesson: Some(lesson),
        });
        let lesson = json(gateway.get(&path).student(), 200).await;
        assert_eq!(lesson["status"], name);
    }
}

#[tokio::test]
async fn a_services_faults_are_told_by_the_names_of_the_endpoint() {
    let gateway = Gateway::start().await;
    let mut violations = Violations::default();
    violations.add("request_id", "is not a UUID");
    violations.add("lesson_duration", "is not whole seconds");
    violations.add("notes", "is longer than 2000 characters");
    gateway.lesson.refuse(violations.check().unwrap_err());
    let body = json!({"teacher_id": TEACHER, "start_time": "2026-01-16T12:00:00Z"});
    let request = gateway.post("/api/v1/lessons", &body).student().once("a");
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    assert_eq!(
        fields(&faults),
        ["Idempotency-Key", "lesson_duration_s", "notes"]
    );
}
