//! Study groups.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AcceptInvitationResponse, AddGroupMemberRequest, CreateGroupRequest,
        CreateInvitationRequest, DeleteGroupRequest, ListGroupMembersRequest,
        RemoveGroupMemberRequest, UpdateGroupRequest,
    },
};
use serde_json::{Value, json};
use service_kit::status::Refusal;
use tonic::Code;

use crate::{
    fakes::{GROUP, LESSON, STUDENT, TEACHER, TOKEN, a_group, a_teacher},
    gateway::{Gateway, Headers as _, fields, json, no_content, problem},
};

fn group() -> Value {
    json!({
        "id": GROUP,
        "teacher_id": TEACHER,
        "teacher_name": "Anna",
        "title": "Spanish",
        "capacity": 6,
        "member_count": 2,
        "version": 9,
        "create_time": "2026-01-10T08:00:00Z",
    })
}

#[tokio::test]
async fn a_group_is_made_read_listed_changed_and_dissolved() {
    let gateway = Gateway::start().await;
    let body = json!({"title": "Spanish", "capacity": 6});
    let request = gateway.post("/api/v1/groups", &body).teacher().once("a");
    let response = request.send().await.unwrap();
    let path = format!("/api/v1/groups/{GROUP}");
    assert_eq!(response.headers()["location"], path);
    assert_eq!(response.headers()["etag"], "\"9\"");
    assert_eq!(response.json::<Value>().await.unwrap(), group());
    assert_eq!(json(gateway.get(&path).student(), 200).await, group());
    let page = json(gateway.get("/api/v1/groups").student(), 200).await;
    assert_eq!(
        page,
        json!({"groups": [group()], "next_page_token": "next"})
    );
    let request = gateway.patch(&path, &json!({"capacity": 8}));
    json(request.teacher().read_at(9), 200).await;
    no_content(gateway.delete(&path).teacher().read_at(9)).await;
    let calls = gateway.lesson.calls();
    let made = calls[0].message::<CreateGroupRequest>();
    assert_eq!((&*made.title, made.capacity), ("Spanish", 6));
    assert_eq!(
        calls[3].message::<UpdateGroupRequest>(),
        UpdateGroupRequest {
            group_id: GROUP.to_owned(),
            expected_version: 9,
            title: None,
            capacity: Some(8),
        }
    );
    assert_eq!(calls[4].message::<DeleteGroupRequest>().expected_version, 9);
}

#[tokio::test]
async fn what_is_no_group_is_refused() {
    let gateway = Gateway::start().await;
    let request = gateway.post("/api/v1/groups", &json!({"capacity": 6}));
    let faults = problem(request.teacher().once("a"), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["title"]);
    let refusal = Refusal::new(Code::FailedPrecondition, ErrorReason::LessonsAhead, "ahead");
    gateway.lesson.refuse(refusal);
    let path = format!("/api/v1/groups/{GROUP}");
    problem(
        gateway.delete(&path).teacher().read_at(9),
        409,
        "LESSONS_AHEAD",
    )
    .await;
}

#[tokio::test]
async fn members_are_listed_put_in_and_taken_out() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/groups/{GROUP}/members");
    let page = json(gateway.get(&format!("{path}?page_size=3")).teacher(), 200).await;
    let member = json!({
        "student_id": STUDENT,
        "display_name": "Boris",
        "create_time": "2026-01-10T08:00:00Z",
    });
    assert_eq!(page, json!({"members": [member], "next_page_token": null}));
    let member = format!("{path}/{STUDENT}");
    let added = json(gateway.put(&member, &json!({})).teacher(), 200).await;
    let expected = json!({"group": group(), "joined": true, "missed_lesson_ids": [LESSON]});
    assert_eq!(added, expected);
    let removed = json(gateway.delete(&member).student(), 200).await;
    assert_eq!(removed, json!({"canceled_seats": 3}));
    let calls = gateway.lesson.calls();
    assert_eq!(calls[0].message::<ListGroupMembersRequest>().page_size, 3);
    let add = calls[1].message::<AddGroupMemberRequest>();
    assert_eq!((&*add.group_id, &*add.student_id), (GROUP, STUDENT));
    let remove = calls[2].message::<RemoveGroupMemberRequest>();
    assert_eq!((&*remove.group_id, &*remove.student_id), (GROUP, STUDENT));
    assert_eq!(calls[2].acting_user, STUDENT.parse().ok());
    let bad = gateway.delete(&format!("{path}/7")).student();
    let faults = problem(bad, 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["student_id"]);
}

#[tokio::test]
async fn a_full_group_says_how_many_it_holds() {
    let gateway = Gateway::start().await;
    let refusal = Refusal::new(Code::FailedPrecondition, ErrorReason::GroupFull, "full");
    let refusal = refusal.metadata("capacity", "6");
    let refusal = refusal.metadata("group_title", "Chess");
    gateway.lesson.refuse(refusal);
    let path = format!("/api/v1/groups/{GROUP}/members/{STUDENT}");
    let problem = problem(gateway.put(&path, &json!({})).teacher(), 409, "GROUP_FULL").await;
    assert_eq!(problem["capacity"], 6);
    assert_eq!(problem["group_title"], "Chess");
}

#[tokio::test]
async fn an_invitation_leads_into_a_group() {
    let gateway = Gateway::start().await;
    let body = json!({"group_id": GROUP});
    let request = gateway.post("/api/v1/invitations", &body).teacher();
    json(request.once("a"), 201).await;
    let asked = gateway.lesson.asked::<CreateInvitationRequest>();
    assert_eq!(asked.group_id, GROUP);
    gateway.lesson.answer(AcceptInvitationResponse {
        teacher: Some(a_teacher()),
        joined: true,
        group: Some(a_group()),
        missed_lesson_ids: vec![LESSON.to_owned()],
    });
    let body = json!({"token": TOKEN});
    let request = gateway.post("/api/v1/invitations/accept", &body).student();
    let accepted = json(request, 200).await;
    assert_eq!(accepted["group"], group());
    assert_eq!(accepted["missed_lesson_ids"], json!([LESSON]));
}
