//! Whether a lesson's notices reach its students.

use olm_proto::{common::v1::ErrorReason, notify::v1::ListLessonDeliveriesRequest};
use serde_json::json;
use service_kit::status::Refusal;
use tonic::Code;

use crate::{
    fakes::{LESSON, STUDENT},
    gateway::{CRM_KEY, Gateway, Headers as _, json, problem},
};

#[tokio::test]
async fn a_teacher_and_a_server_learn_what_became_of_a_lessons_notices() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}/deliveries");
    let expected = json!({
        "students": [{
            "student_id": STUDENT,
            "reachable": false,
            "deliveries": [{
                "kind": "reminder",
                "state": "failed",
                "due_time": "2026-01-16T12:00:00Z",
                "state_time": "2026-01-16T12:00:01Z",
            }],
        }],
    });
    assert_eq!(json(gateway.get(&path).student(), 200).await, expected);
    assert_eq!(json(gateway.get(&path).key(CRM_KEY), 200).await, expected);
    let calls = gateway.notify.calls();
    assert_eq!(
        (calls[0].acting_user, calls[1].acting_user),
        (STUDENT.parse().ok(), None)
    );
    for call in &calls {
        let asked = call.message::<ListLessonDeliveriesRequest>();
        assert_eq!(asked.lesson_id, LESSON);
    }
}

#[tokio::test]
async fn who_does_not_teach_a_lesson_does_not_find_its_deliveries() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}/deliveries");
    gateway.notify.refuse(Refusal::new(
        Code::NotFound,
        ErrorReason::LessonNotFound,
        "there is no such lesson",
    ));
    problem(gateway.get(&path).student(), 404, "LESSON_NOT_FOUND").await;
    problem(gateway.get(&path), 401, "SERVICE_KEY_MISSING").await;
    problem(
        gateway.get("/api/v1/lessons/7/deliveries").student(),
        400,
        "INVALID_FIELDS",
    )
    .await;
}
