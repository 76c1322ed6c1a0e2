//! Seats in lessons of groups.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        BookLessonRequest, BookLessonResponse, JoinLessonRequest, LeaveLessonRequest,
        ListLessonsRequest, ReconfirmLessonRequest,
    },
};
use serde_json::json;
use service_kit::status::Refusal;
use tonic::Code;

use crate::{
    fakes::{GROUP, LESSON, SERIES, STUDENT, TEACHER, a_group_lesson},
    gateway::{Gateway, Headers as _, fields, json, problem},
};

#[tokio::test]
async fn a_seat_is_taken_given_up_and_confirmed_anew() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}");
    let request = gateway.post(&format!("{path}/join"), &json!({})).student();
    let joined = json(request, 200).await;
    assert_eq!(
        (&joined["joined"], &joined["id"]),
        (&json!(true), &json!(LESSON))
    );
    let leave = format!("{path}/leave");
    let lesson = json(gateway.post(&leave, &json!({})).student().read_at(3), 200).await;
    assert_eq!(
        (&lesson["capacity"], &lesson["seats_taken"]),
        (&json!(6), &json!(4))
    );
    assert_eq!(
        (&lesson["group_id"], &lesson["group_title"]),
        (&json!(GROUP), &json!("Spanish"))
    );
    assert_eq!(lesson["series_id"], SERIES);
    assert_eq!(lesson["series_start_time"], "2026-01-16T11:00:00Z");
    let seat = &lesson["bookings"][0];
    assert_eq!(seat["status"], "reconfirm");
    assert_eq!(seat["reconfirm_expire_time"], "2026-01-15T12:00:00Z");
    let body = json!({"student_id": STUDENT});
    json(gateway.post(&leave, &body).teacher().read_at(3), 200).await;
    let request = gateway.post(&format!("{path}/reconfirm"), &json!({}));
    json(request.student().read_at(3), 200).await;
    let calls = gateway.lesson.calls();
    assert_eq!(calls[0].message::<JoinLessonRequest>().lesson_id, LESSON);
    let leave = |index: usize| calls[index].message::<LeaveLessonRequest>();
    assert_eq!((leave(1).expected_version, &*leave(1).student_id), (3, ""));
    assert_eq!(leave(2).student_id, STUDENT);
    let reconfirm = calls[3].message::<ReconfirmLessonRequest>();
    assert_eq!(reconfirm.expected_version, 3);
}

#[tokio::test]
async fn a_seat_that_cannot_be_had_answers_409_with_why() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons/{LESSON}/join");
    for (reason, name) in [
        (ErrorReason::LessonFull, "LESSON_FULL"),
        (ErrorReason::StudentBusy, "STUDENT_BUSY"),
        (ErrorReason::ReconfirmTooLate, "RECONFIRM_TOO_LATE"),
    ] {
        let refusal = Refusal::new(Code::FailedPrecondition, reason, "no");
        gateway.lesson.refuse(refusal.metadata("capacity", "6"));
        let problem = problem(gateway.post(&path, &json!({})).student(), 409, name).await;
        assert_eq!(problem["capacity"], 6);
    }
}

#[tokio::test]
async fn a_lesson_is_booked_for_a_group_and_names_who_has_no_seat() {
    let gateway = Gateway::start().await;
    gateway.lesson.answer(BookLessonResponse {
        lesson: Some(a_group_lesson()),
        busy_student_ids: vec![STUDENT.to_owned()],
    });
    let mut body = json!({
        "teacher_id": TEACHER,
        "start_time": "2026-01-16T12:00:00Z",
        "group_id": GROUP,
        "open_seats": 4,
    });
    let request = gateway.post("/api/v1/lessons", &body).teacher().once("a");
    let booked = json(request, 201).await;
    assert_eq!(booked["busy_student_ids"], json!([STUDENT]));
    let asked = gateway.lesson.asked::<BookLessonRequest>();
    assert_eq!((&*asked.group_id, asked.open_seats), (GROUP, 4));
    body["open_seats"] = json!(0);
    let request = gateway.post("/api/v1/lessons", &body).teacher().once("b");
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["open_seats"]);
}

#[tokio::test]
async fn the_lessons_of_a_group_or_a_series_are_listed() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/lessons?group_id={GROUP}&series_id={SERIES}");
    json(gateway.get(&path).student(), 200).await;
    let asked = gateway.lesson.asked::<ListLessonsRequest>();
    assert_eq!((&*asked.group_id, &*asked.series_id), (GROUP, SERIES));
}
