//! Invitations by link.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AcceptInvitationRequest, CreateInvitationRequest, Invitation, ListInvitationsRequest,
        ListInvitationsResponse, PreviewInvitationRequest, RevokeInvitationRequest,
    },
    timestamp,
};
use serde_json::{Value, json};
use service_kit::status::Refusal;
use tonic::Code;

use crate::{
    fakes::{INVITATION, STUDENT, TEACHER, TOKEN, at},
    gateway::{Gateway, Headers as _, fields, json, problem},
};

fn invitation() -> Value {
    json!({
        "id": INVITATION,
        "teacher_id": TEACHER,
        "max_uses": 3,
        "uses": 1,
        "state": "open",
        "create_time": "2026-01-10T08:00:00Z",
        "expire_time": "2026-01-13T08:00:00Z",
    })
}

#[tokio::test]
async fn an_invitation_is_made_with_its_token() {
    let gateway = Gateway::start().await;
    let create = |body| gateway.post("/api/v1/invitations", &body).teacher();
    let request = create(json!({"max_uses": 3, "lifetime_s": 7200}));
    let mut expected = invitation();
    expected["token"] = json!(TOKEN);
    assert_eq!(json(request.once("a"), 201).await, expected);
    json(create(json!({})).once("b"), 201).await;
    let calls = gateway.lesson.calls();
    let message = |index: usize| calls[index].message::<CreateInvitationRequest>();
    assert_eq!(message(0).max_uses, 3);
    assert_eq!(message(0).lifetime.unwrap().seconds, 7200);
    assert_eq!((message(1).max_uses, message(1).lifetime), (0, None));
    // The service's word for its default is not one of ours.
    let request = create(json!({"max_uses": 0})).once("c");
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["max_uses"]);
}

#[tokio::test]
async fn invitations_are_listed_in_every_state() {
    let gateway = Gateway::start().await;
    let request = gateway.get("/api/v1/invitations?page_size=2").teacher();
    assert_eq!(
        json(request, 200).await,
        json!({"invitations": [invitation()], "next_page_token": null})
    );
    let message = gateway.lesson.asked::<ListInvitationsRequest>();
    assert_eq!(message.page_size, 2);
    let time = Some(timestamp(at("2026-01-10T08:00:00Z")));
    let states = [0, 1, 2, 3, 4, 99];
    let invitations = states.map(|state| Invitation {
        state,
        create_time: time,
        expire_time: time,
        ..Invitation::default()
    });
    gateway.lesson.answer(ListInvitationsResponse {
        invitations: invitations.into(),
        next_page_token: "more".to_owned(),
    });
    let page = json(gateway.get("/api/v1/invitations").teacher(), 200).await;
    let told = page["invitations"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|one| one["state"].as_str().unwrap()).collect();
    let names = [
        "unknown", "open", "used_up", "expired", "revoked", "unknown",
    ];
    assert_eq!(told, names);
    assert_eq!(page["next_page_token"], "more");
}

#[tokio::test]
async fn an_invitation_is_taken_back() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/invitations/{INVITATION}");
    let revoked = json(gateway.delete(&path).teacher(), 200).await;
    assert_eq!(revoked["state"], "revoked");
    assert_eq!(revoked["revoke_time"], "2026-01-11T08:00:00Z");
    let message = gateway.lesson.asked::<RevokeInvitationRequest>();
    assert_eq!(message.invitation_id, INVITATION);
}

#[tokio::test]
async fn who_was_invited_sees_by_whom_and_accepts() {
    let gateway = Gateway::start().await;
    let body = json!({"token": TOKEN});
    let request = gateway.post("/api/v1/invitations/preview", &body).student();
    let preview = json(request, 200).await;
    assert_eq!(preview["teacher"]["display_name"], "Anna");
    let request = gateway.post("/api/v1/invitations/accept", &body).student();
    let accepted = json(request, 200).await;
    assert_eq!(accepted["joined"], true);
    assert_eq!(accepted["teacher"], preview["teacher"]);
    let calls = gateway.lesson.calls();
    assert_eq!(calls[0].message::<PreviewInvitationRequest>().token, TOKEN);
    assert_eq!(calls[1].message::<AcceptInvitationRequest>().token, TOKEN);
    assert_eq!(calls[1].acting_user, STUDENT.parse().ok());
}

#[tokio::test]
async fn an_invitation_that_invites_no_more_answers_409_with_why() {
    let gateway = Gateway::start().await;
    for path in ["/api/v1/invitations/preview", "/api/v1/invitations/accept"] {
        for (reason, name) in [
            (ErrorReason::InvitationExpired, "INVITATION_EXPIRED"),
            (ErrorReason::InvitationRevoked, "INVITATION_REVOKED"),
            (ErrorReason::InvitationUsedUp, "INVITATION_USED_UP"),
            (ErrorReason::SelfInvitation, "SELF_INVITATION"),
        ] {
            gateway
                .lesson
                .refuse(Refusal::new(Code::FailedPrecondition, reason, "no more"));
            let request = gateway.post(path, &json!({"token": TOKEN})).student();
            problem(request, 409, name).await;
        }
        let request = gateway.post(path, &json!({})).student();
        let faults = problem(request, 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), ["token"]);
    }
}
