//! Teachers, what they allow and whom they teach.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        CreateTeacherRequest, DeleteTeacherRequest, GetTeacherRequest, GetTeacherResponse,
        ListMyTeachersRequest, ListStudentsRequest, ListStudentsResponse, RemoveStudentRequest,
        SearchTeachersRequest, Student, Teacher, TeacherPolicies, UpdateTeacherRequest,
    },
};
use serde_json::{Value, json};
use service_kit::status::{Refusal, Violations};
use tonic::Code;

use crate::{
    fakes::{STUDENT, TEACHER, a_teacher},
    gateway::{Gateway, Headers as _, fields, json, no_content, problem},
};

fn policies() -> Value {
    json!({
        "lesson_durations_s": [3600, 5400],
        "slot_step_s": 1800,
        "buffer_before_s": 0,
        "buffer_after_s": 600,
        "min_notice_s": 7200,
        "booking_horizon_s": 5_184_000,
        "daily_lesson_limit": 6,
        "requires_approval": true,
        "cancel_notice_s": 86400,
        "reschedule_notice_s": 43200,
        "accepting_students": false,
        "subjects": ["English"],
    })
}

fn anna() -> Value {
    json!({
        "id": TEACHER,
        "display_name": "Anna",
        "time_zone": "Europe/Berlin",
        "about": "I teach",
        "policies": policies(),
        "version": 6,
        "create_time": "2026-01-10T08:00:00Z",
    })
}

#[tokio::test]
async fn a_person_becomes_a_teacher_with_the_policies_they_name() {
    let gateway = Gateway::start().await;
    let body = json!({"policies": policies()});
    let request = gateway.post("/api/v1/teachers", &body).teacher().once("a");
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 201);
    let location = response.headers()["location"].to_str().unwrap();
    assert_eq!(location, format!("/api/v1/teachers/{TEACHER}"));
    assert_eq!(response.headers()["etag"], "\"6\"");
    assert_eq!(response.json::<Value>().await.unwrap(), anna());
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, TEACHER.parse().ok());
    let message = call.message::<CreateTeacherRequest>();
    assert_eq!(message.policies, a_teacher().policies);
}

#[tokio::test]
async fn policies_that_are_left_out_are_the_services_to_choose() {
    let gateway = Gateway::start().await;
    for (key, body) in [("a", json!({})), ("b", json!({"policies": {}}))] {
        let request = gateway.post("/api/v1/teachers", &body).teacher();
        json(request.once(key), 201).await;
    }
    let calls = gateway.lesson.calls();
    let policies = |index: usize| calls[index].message::<CreateTeacherRequest>().policies;
    assert_eq!(policies(0), None);
    assert_eq!(policies(1), Some(TeacherPolicies::default()));
}

#[tokio::test]
async fn policies_are_replaced_as_they_were_read() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/teachers/{TEACHER}");
    let read = json(gateway.get(&path).student(), 200).await;
    assert_eq!(read, anna());
    let request = gateway.put("/api/v1/me/teacher/policies", &read["policies"]);
    assert_eq!(json(request.teacher().read_at(6), 200).await, anna());
    let calls = gateway.lesson.calls();
    assert_eq!(calls[0].message::<GetTeacherRequest>().teacher_id, TEACHER);
    assert_eq!(
        calls[1].message::<UpdateTeacherRequest>(),
        UpdateTeacherRequest {
            policies: a_teacher().policies,
            expected_version: 6,
        }
    );
}

#[tokio::test]
async fn a_services_faults_are_told_by_the_names_of_the_endpoint() {
    let gateway = Gateway::start().await;
    let mut violations = Violations::default();
    violations.add("policies.slot_step", "is shorter than 5 minutes");
    violations.add("policies.lesson_durations[1]", "is there twice");
    violations.add("policies.subjects[0]", "is empty");
    violations.add("policies.daily_lesson_limit", "is more than 48");
    violations.add("policies", "is missing");
    gateway.lesson.refuse(violations.check().unwrap_err());
    let request = gateway.put("/api/v1/me/teacher/policies", &json!({}));
    let faults = problem(request.teacher().read_at(6), 400, "INVALID_FIELDS").await;
    assert_eq!(
        fields(&faults),
        [
            "slot_step_s",
            "lesson_durations_s[1]",
            "subjects[0]",
            "daily_lesson_limit",
            "body"
        ]
    );
    let request = gateway.post("/api/v1/teachers", &json!({}));
    let faults = problem(request.teacher().once("a"), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults)[0], "policies.slot_step_s");
}

#[tokio::test]
async fn a_teacher_with_lessons_ahead_cannot_stop() {
    let gateway = Gateway::start().await;
    let delete = || gateway.delete("/api/v1/me/teacher").teacher().read_at(6);
    no_content(delete()).await;
    let message = gateway.lesson.asked::<DeleteTeacherRequest>();
    assert_eq!(message.expected_version, 6);
    gateway.lesson.refuse(Refusal::new(
        Code::FailedPrecondition,
        ErrorReason::LessonsAhead,
        "cancel them first",
    ));
    problem(delete(), 409, "LESSONS_AHEAD").await;
}

#[tokio::test]
async fn teachers_are_searched_with_every_filter() {
    let gateway = Gateway::start().await;
    let request = gateway.get("/api/v1/teachers").student().query(&[
        ("query", "ann"),
        ("subject", "english"),
        ("only_accepting", "true"),
        ("page_size", "9"),
        ("page_token", "t"),
    ]);
    assert_eq!(
        json(request, 200).await,
        json!({"teachers": [anna()], "next_page_token": "next"})
    );
    assert_eq!(
        gateway.lesson.asked::<SearchTeachersRequest>(),
        SearchTeachersRequest {
            query: "ann".to_owned(),
            page_size: 9,
            page_token: "t".to_owned(),
            subject: "english".to_owned(),
            only_accepting: true,
        }
    );
    let query = [("only_accepting", "yes"), ("page_size", "many")];
    let request = gateway.get("/api/v1/teachers").student().query(&query);
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["only_accepting", "page_size"]);
}

#[tokio::test]
async fn students_are_listed_and_let_go() {
    let gateway = Gateway::start().await;
    let path = "/api/v1/me/students?page_size=3&page_token=t";
    assert_eq!(
        json(gateway.get(path).teacher(), 200).await,
        json!({
            "students": [{
                "id": STUDENT,
                "display_name": "Boris",
                "time_zone": "Asia/Tbilisi",
                "origin": "invitation",
                "create_time": "2026-01-10T08:00:00Z",
            }],
            "next_page_token": null,
        })
    );
    let path = format!("/api/v1/me/students/{STUDENT}");
    no_content(gateway.delete(&path).teacher()).await;
    let calls = gateway.lesson.calls();
    assert_eq!(
        calls[0].message::<ListStudentsRequest>(),
        ListStudentsRequest {
            page_size: 3,
            page_token: "t".to_owned(),
        }
    );
    assert_eq!(
        calls[1].message::<RemoveStudentRequest>().student_id,
        STUDENT
    );
}

#[tokio::test]
async fn a_students_teachers_are_listed() {
    let gateway = Gateway::start().await;
    let request = gateway.get("/api/v1/me/teachers?page_size=3").student();
    assert_eq!(
        json(request, 200).await,
        json!({"teachers": [anna()], "next_page_token": null})
    );
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, STUDENT.parse().ok());
    assert_eq!(call.message::<ListMyTeachersRequest>().page_size, 3);
}

#[tokio::test]
async fn how_somebody_became_a_student_may_be_newer_than_this_gateway() {
    let gateway = Gateway::start().await;
    let created = a_teacher().create_time;
    let students = [1, 99].map(|origin| Student {
        origin,
        create_time: created,
        ..Student::default()
    });
    gateway.lesson.answer(ListStudentsResponse {
        students: students.into(),
        next_page_token: String::new(),
    });
    let page = json(gateway.get("/api/v1/me/students").teacher(), 200).await;
    assert_eq!(page["students"][0]["origin"], "booking");
    assert_eq!(page["students"][1]["origin"], "unknown");
}

#[tokio::test]
async fn a_teacher_without_policies_is_an_answer_that_breaks_the_contract() {
    let gateway = Gateway::start().await;
    let teacher = Some(Teacher {
        policies: None,
        ..a_teacher()
    });
    gateway.lesson.answer(GetTeacherResponse { teacher });
    let path = format!("/api/v1/teachers/{TEACHER}");
    problem(gateway.get(&path).student(), 500, "INTERNAL").await;
}
