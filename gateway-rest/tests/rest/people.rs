//! People: themselves as `/me`, others as `/users`.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        EraseUserRequest, GetUserRequest, GetUserResponse, ListUsersRequest, MutedKinds,
        QuietHours, ReminderLeads, RulesZone, SetAdminRequest, UpdateSettingsRequest,
        UpdateUserRequest, User,
    },
    notify::v1::LessonNoticeKind,
};
use serde_json::{Value, json};
use service_kit::status::{Refusal, Violations};
use tonic::Code;

use crate::{
    fakes::{STUDENT, TEACHER, a_user},
    gateway::{CRM_KEY, Gateway, Headers as _, WEBSITE_KEY, fields, json, problem},
};

fn boris() -> Value {
    json!({
        "id": STUDENT,
        "display_name": "Boris",
        "time_zone": "Asia/Tbilisi",
        "about": "I learn",
        "version": 5,
        "language": "ru",
        "reminder_leads_s": [3600, 600],
        "quiet_hours": {"start": "22:00", "end": "08:00"},
        "muted_kinds": ["booked"],
        "telegram": {"bot_id": 7, "chat_id": 42},
        "is_teacher": false,
        "is_admin": false,
        "create_time": "2026-01-10T08:00:00Z",
    })
}

#[tokio::test]
async fn a_person_sees_all_of_themselves() {
    let gateway = Gateway::start().await;
    let response = gateway.get("/api/v1/me").student().send().await.unwrap();
    assert_eq!(response.headers()["etag"], "\"5\"");
    assert_eq!(response.json::<Value>().await.unwrap(), boris());
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, STUDENT.parse().ok());
    assert_eq!(call.message::<GetUserRequest>().user_id, STUDENT);
}

#[tokio::test]
async fn of_others_only_name_zone_and_words_are_told() {
    let gateway = Gateway::start().await;
    gateway.lesson.answer(GetUserResponse {
        user: Some(User {
            id: STUDENT.to_owned(),
            display_name: "Boris".to_owned(),
            time_zone: "Asia/Tbilisi".to_owned(),
            about: "I learn".to_owned(),
            ..User::default()
        }),
    });
    let request = gateway.get(&format!("/api/v1/users/{STUDENT}")).teacher();
    let response = request.send().await.unwrap();
    assert_eq!(response.headers().get("etag"), None);
    assert_eq!(
        response.json::<Value>().await.unwrap(),
        json!({
            "id": STUDENT,
            "display_name": "Boris",
            "time_zone": "Asia/Tbilisi",
            "about": "I learn",
        })
    );
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, TEACHER.parse().ok());
    assert_eq!(call.message::<GetUserRequest>().user_id, STUDENT);
}

#[tokio::test]
async fn what_people_mute_may_be_newer_than_this_gateway() {
    let gateway = Gateway::start().await;
    let mut muted: Vec<i32> = [
        LessonNoticeKind::Moved,
        LessonNoticeKind::PlaceChanged,
        LessonNoticeKind::StudentUnreachable,
    ]
    .map(i32::from)
    .into();
    muted.push(99);
    let user = Some(User {
        muted_kinds: muted,
        ..a_user()
    });
    gateway.lesson.answer(GetUserResponse { user });
    let user = json(gateway.get("/api/v1/me").student(), 200).await;
    let muted = ["moved", "place_changed", "student_unreachable", "unknown"];
    assert_eq!(user["muted_kinds"], json!(muted));
}

#[tokio::test]
async fn a_profile_is_changed_at_the_version_that_was_read() {
    let gateway = Gateway::start().await;
    let patch = |body| gateway.patch("/api/v1/me", &body).student().read_at(5);
    let response = patch(json!({"about": ""})).send().await.unwrap();
    assert_eq!(response.headers()["etag"], "\"5\"");
    assert_eq!(response.json::<Value>().await.unwrap(), boris());
    json(patch(json!({"display_name": "Boris B."})), 200).await;
    let calls = gateway.lesson.calls();
    assert_eq!(
        calls[0].message::<UpdateUserRequest>(),
        UpdateUserRequest {
            display_name: None,
            about: Some(String::new()),
            expected_version: 5,
        }
    );
    let name = calls[1].message::<UpdateUserRequest>().display_name;
    assert_eq!(name.as_deref(), Some("Boris B."));
}

#[tokio::test]
async fn every_setting_is_changed() {
    let gateway = Gateway::start().await;
    let body = json!({
        "language": "en",
        "time_zone": "Europe/Berlin",
        "reminder_leads_s": [3600, 60],
        "quiet_hours": {"start": "22:00", "end": "08:00"},
        "muted_kinds": ["booked", "reminder", "requested", "confirmed", "declined", "lapsed",
                        "student_unreachable"],
        "rules_zone": "convert",
    });
    let request = gateway.patch("/api/v1/me/settings", &body).student();
    assert_eq!(json(request.read_at(5), 200).await, boris());
    let seconds = |seconds| prost_types::Duration { seconds, nanos: 0 };
    let kinds = [
        LessonNoticeKind::Booked,
        LessonNoticeKind::Reminder,
        LessonNoticeKind::Requested,
        LessonNoticeKind::Confirmed,
        LessonNoticeKind::Declined,
        LessonNoticeKind::Lapsed,
        LessonNoticeKind::StudentUnreachable,
    ];
    assert_eq!(
        gateway.lesson.asked::<UpdateSettingsRequest>(),
        UpdateSettingsRequest {
            language: Some("en".to_owned()),
            time_zone: Some("Europe/Berlin".to_owned()),
            reminder_leads: Some(ReminderLeads {
                leads: vec![seconds(3600), seconds(60)],
            }),
            expected_version: 5,
            quiet_hours: Some(QuietHours {
                start_time_of_day: "22:00".to_owned(),
                end_time_of_day: "08:00".to_owned(),
            }),
            muted_kinds: Some(MutedKinds {
                kinds: kinds.map(i32::from).into(),
            }),
            rules_zone: RulesZone::Convert.into(),
        }
    );
}

#[tokio::test]
async fn a_setting_left_out_differs_from_one_taken_back() {
    let gateway = Gateway::start().await;
    for body in [
        json!({}),
        json!({"quiet_hours": null, "reminder_leads_s": [], "muted_kinds": [],
               "rules_zone": "keep"}),
    ] {
        let request = gateway.patch("/api/v1/me/settings", &body).student();
        json(request.read_at(5), 200).await;
    }
    let calls = gateway.lesson.calls();
    let unchanged = UpdateSettingsRequest {
        expected_version: 5,
        ..UpdateSettingsRequest::default()
    };
    assert_eq!(calls[0].message::<UpdateSettingsRequest>(), unchanged);
    assert_eq!(
        calls[1].message::<UpdateSettingsRequest>(),
        UpdateSettingsRequest {
            quiet_hours: Some(QuietHours::default()),
            reminder_leads: Some(ReminderLeads::default()),
            muted_kinds: Some(MutedKinds::default()),
            rules_zone: RulesZone::Keep.into(),
            ..unchanged
        }
    );
}

#[tokio::test]
async fn settings_that_are_none_never_reach_the_service() {
    let gateway = Gateway::start().await;
    for (body, expected) in [
        (
            json!({"quiet_hours": {"start": "", "end": "24:00"}}),
            vec!["quiet_hours.start", "quiet_hours.end"],
        ),
        (
            json!({"quiet_hours": {"start": "22:00"}}),
            vec!["quiet_hours"],
        ),
        (json!({"muted_kinds": ["moved"]}), vec!["muted_kinds[0]"]),
        (json!({"language": "de"}), vec!["language"]),
        (json!({"language": 7}), vec!["language"]),
        (
            json!({"muted_kinds": ["booked", null]}),
            vec!["muted_kinds[1]"],
        ),
        (json!({"rules_zone": "drop"}), vec!["rules_zone"]),
        (
            json!({"reminder_leads_s": [1.5]}),
            vec!["reminder_leads_s[0]"],
        ),
        (json!({"time_zone": null}), vec!["time_zone"]),
        (
            json!({"quiet_hours": ["22:00", "08:00"]}),
            vec!["quiet_hours"],
        ),
        (json!([]), vec!["body"]),
    ] {
        let request = gateway.patch("/api/v1/me/settings", &body).student();
        let faults = problem(request.read_at(5), 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), expected, "{body}");
    }
    assert!(gateway.lesson.calls().is_empty());
}

#[tokio::test]
async fn a_services_faults_are_told_by_the_names_of_the_endpoint() {
    let gateway = Gateway::start().await;
    let mut violations = Violations::default();
    violations.add("reminder_leads.leads[1]", "is there twice");
    violations.add("reminder_leads", "are more than 5");
    violations.add("quiet_hours.end_time_of_day", "equals start_time_of_day");
    violations.add("muted_kinds.kinds[2]", "is there twice");
    violations.add("time_zone", "is not an IANA time zone");
    gateway.lesson.refuse(violations.check().unwrap_err());
    let request = gateway.patch("/api/v1/me/settings", &json!({})).student();
    let faults = problem(request.read_at(5), 400, "INVALID_FIELDS").await;
    assert_eq!(
        fields(&faults),
        [
            "reminder_leads_s[1]",
            "reminder_leads_s",
            "quiet_hours.end",
            "muted_kinds[2]",
            "time_zone"
        ]
    );
    assert_eq!(faults["violations"][2]["text"], "equals start");
}

#[tokio::test]
async fn a_teacher_who_moves_is_asked_what_becomes_of_their_hours() {
    let gateway = Gateway::start().await;
    let refusal = Refusal::new(
        Code::FailedPrecondition,
        ErrorReason::RulesZoneNeeded,
        "say whether the hours stay or move along",
    );
    let zone = "Europe/Berlin";
    gateway
        .lesson
        .refuse(refusal.metadata("rules_time_zone", zone));
    let body = json!({"time_zone": "Asia/Tbilisi"});
    let request = gateway.patch("/api/v1/me/settings", &body).teacher();
    let problem = problem(request.read_at(5), 409, "RULES_ZONE_NEEDED").await;
    assert_eq!(problem["rules_time_zone"], zone);
}

#[tokio::test]
async fn everybody_is_listed_for_admins_only() {
    let gateway = Gateway::start().await;
    let query = [("query", "bo"), ("page_size", "7"), ("page_token", "t")];
    let request = || gateway.get("/api/v1/users").teacher().query(&query);
    assert_eq!(
        json(request(), 200).await,
        json!({"users": [boris()], "next_page_token": "next"})
    );
    assert_eq!(
        gateway.lesson.asked::<ListUsersRequest>(),
        ListUsersRequest {
            query: "bo".to_owned(),
            page_size: 7,
            page_token: "t".to_owned(),
        }
    );
    gateway.lesson.refuse(Refusal::new(
        Code::PermissionDenied,
        ErrorReason::AdminOnly,
        "only admins may",
    ));
    problem(request(), 403, "ADMIN_ONLY").await;
}

#[tokio::test]
async fn admins_are_made_by_people_only() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/users/{STUDENT}/admin");
    let put = || gateway.put(&path, &json!({"is_admin": true}));
    assert_eq!(json(put().teacher(), 200).await, boris());
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, TEACHER.parse().ok());
    assert_eq!(
        call.message::<SetAdminRequest>(),
        SetAdminRequest {
            user_id: STUDENT.to_owned(),
            is_admin: true,
        }
    );
    for key in [WEBSITE_KEY, CRM_KEY] {
        problem(put().key(key), 401, "ACTING_USER_MISSING").await;
    }
    let request = gateway.put(&path, &json!({})).teacher();
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["is_admin"]);
    assert_eq!(gateway.lesson.calls().len(), 1);
}

#[tokio::test]
async fn a_person_is_erased_by_themselves_or_by_an_admin() {
    let gateway = Gateway::start().await;
    let mine = gateway.delete("/api/v1/me").student();
    assert_eq!(json(mine, 200).await, json!({"canceled_lessons": 2}));
    let theirs = gateway.delete(&format!("/api/v1/users/{STUDENT}"));
    json(theirs.teacher(), 200).await;
    let calls = gateway.lesson.calls();
    for (call, by) in calls.iter().zip([STUDENT, TEACHER]) {
        assert_eq!(call.acting_user, by.parse().ok());
        assert_eq!(call.message::<EraseUserRequest>().user_id, STUDENT);
    }
}
