//! When teachers work.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        AddTimeOffRequest, DateOverride, DeleteOverrideRequest, GetAvailabilityRequest,
        PutOverrideRequest, RemoveTimeOffRequest, SetWeeklyRulesRequest, TimeInterval, WeeklyRule,
    },
    timestamp,
};
use serde_json::{Value, json};
use service_kit::status::{Refusal, Violations};
use tonic::Code;

use crate::{
    fakes::{LESSON, STUDENT, TEACHER, TIME_OFF, an_availability, at},
    gateway::{Gateway, Headers as _, fields, json, no_content, problem},
};

const RULES: &str = "/api/v1/me/availability/weekly-rules";
const TIMES_OFF: &str = "/api/v1/me/availability/time-off";

fn hours() -> Value {
    json!({
        "teacher_id": TEACHER,
        "time_zone": "Europe/Berlin",
        "rules": [
            {"day_of_week": 5, "start": "22:00", "end": "02:00", "first_date": "2026-01-01"},
        ],
        "version": 7,
        "overrides": [
            {"date": "2026-01-19", "intervals": [{"start": "10:00", "end": "24:00"}]},
        ],
        "time_off": [{
            "id": TIME_OFF,
            "start_time": "2026-07-01T00:00:00Z",
            "end_time": "2026-07-15T00:00:00Z",
            "note": "the sea",
        }],
    })
}

#[tokio::test]
async fn a_teachers_hours_are_read() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/teachers/{TEACHER}/availability");
    let response = gateway.get(&path).student().send().await.unwrap();
    assert_eq!(response.headers()["etag"], "\"7\"");
    assert_eq!(response.json::<Value>().await.unwrap(), hours());
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, STUDENT.parse().ok());
    let message = call.message::<GetAvailabilityRequest>();
    assert_eq!(message.teacher_id, TEACHER);
}

#[tokio::test]
async fn weekly_hours_are_replaced_as_they_were_read() {
    let gateway = Gateway::start().await;
    let read = hours();
    let body = json!({"time_zone": read["time_zone"], "rules": read["rules"]});
    // 0: before the first.
    let request = gateway.put(RULES, &body).teacher().read_at(0);
    assert_eq!(json(request, 200).await, read);
    assert_eq!(
        gateway.lesson.asked::<SetWeeklyRulesRequest>(),
        SetWeeklyRulesRequest {
            time_zone: "Europe/Berlin".to_owned(),
            rules: an_availability().rules,
            expected_version: 0,
        }
    );
}

#[tokio::test]
async fn all_faults_of_weekly_hours_are_told_at_once() {
    let gateway = Gateway::start().await;
    let body = json!({"rules": [
        {"day_of_week": 1, "start": "24:00", "end": "24:00"},
        {"day_of_week": 1, "start": "9:00", "end": "25:00", "first_date": "",
         "last_date": "2026-02-30"},
    ]});
    let request = gateway.put(RULES, &body).teacher().read_at(1);
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    assert_eq!(
        fields(&faults),
        [
            "time_zone",
            "rules[0].start",
            "rules[1].start",
            "rules[1].end",
            "rules[1].first_date",
            "rules[1].last_date"
        ]
    );
    for (body, field) in [
        (json!({"time_zone": "x"}), "rules"),
        (json!({"time_zone": "x", "rules": [{}]}), "rules[0]"),
        (
            json!({"time_zone": "x", "rules": [[1, "09:00", "17:00"]]}),
            "rules[0]",
        ),
        (
            json!({"time_zone": "x", "rules": [{"day_of_week": "1", "start": "", "end": ""}]}),
            "rules[0].day_of_week",
        ),
    ] {
        let request = gateway.put(RULES, &body).teacher().read_at(1);
        let faults = problem(request, 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), [field], "{body}");
    }
    assert!(gateway.lesson.calls().is_empty());
}

#[tokio::test]
async fn a_services_faults_are_told_by_the_names_of_the_endpoint() {
    let gateway = Gateway::start().await;
    let mut violations = Violations::default();
    violations.add("rules[3].end_time_of_day", "is not after start_time_of_day");
    violations.add("rules[3].day_of_week", "is not 1 to 7");
    gateway.lesson.refuse(violations.check().unwrap_err());
    let body = json!({"time_zone": "Europe/Berlin", "rules": []});
    let request = gateway.put(RULES, &body).teacher().read_at(1);
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["rules[3].end", "rules[3].day_of_week"]);
    assert_eq!(faults["violations"][0]["text"], "is not after start");
    let mut violations = Violations::default();
    violations.add("date_override.date", "is before yesterday");
    violations.add("date_override.intervals[1].start_time_of_day", "overlaps");
    gateway.lesson.refuse(violations.check().unwrap_err());
    let path = "/api/v1/me/availability/overrides/2025-01-01";
    let request = gateway.put(path, &json!({"intervals": []})).teacher();
    let faults = problem(request.read_at(1), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["date", "intervals[1].start"]);
}

#[tokio::test]
async fn other_hours_of_a_date_are_set_and_taken_back() {
    let gateway = Gateway::start().await;
    let path = "/api/v1/me/availability/overrides/2026-01-19";
    let body = json!({"intervals": [{"start": "10:00", "end": "24:00"}]});
    let request = gateway.put(path, &body).teacher().read_at(7);
    assert_eq!(json(request, 200).await, hours());
    let day_off = gateway.put(path, &json!({"intervals": []})).teacher();
    json(day_off.read_at(7), 200).await;
    let delete = gateway.delete(path).teacher().read_at(7);
    assert_eq!(json(delete, 200).await, hours());
    let calls = gateway.lesson.calls();
    let put = |intervals| PutOverrideRequest {
        date_override: Some(DateOverride {
            date: "2026-01-19".to_owned(),
            intervals,
        }),
        expected_version: 7,
    };
    let interval = TimeInterval {
        start_time_of_day: "10:00".to_owned(),
        end_time_of_day: "24:00".to_owned(),
    };
    assert_eq!(
        calls[0].message::<PutOverrideRequest>(),
        put(vec![interval])
    );
    assert_eq!(calls[1].message::<PutOverrideRequest>(), put(Vec::new()));
    assert_eq!(
        calls[2].message::<DeleteOverrideRequest>(),
        DeleteOverrideRequest {
            date: "2026-01-19".to_owned(),
            expected_version: 7,
        }
    );
}

#[tokio::test]
async fn a_date_in_a_path_has_one_spelling() {
    let gateway = Gateway::start().await;
    for date in [
        "20260119",
        "2026-1-19",
        "2026-02-30",
        "today",
        "2026-01-19T00:00",
        "%ff",
    ] {
        let path = format!("/api/v1/me/availability/overrides/{date}");
        let request = gateway.delete(&path).teacher().read_at(7);
        let faults = problem(request, 400, "INVALID_FIELDS").await;
        assert_eq!(fields(&faults), ["date"], "{date}");
    }
    assert!(gateway.lesson.calls().is_empty());
}

#[tokio::test]
async fn time_off_is_added_with_the_lessons_that_stand_in_it() {
    let gateway = Gateway::start().await;
    let body = json!({
        "start_time": "2026-07-01T02:00:00+02:00",
        "end_time": "2026-07-15T00:00:00Z",
        "note": "the sea",
    });
    let request = gateway.post(TIMES_OFF, &body).teacher().once("a");
    let mut expected = hours()["time_off"][0].clone();
    expected["lesson_ids"] = json!([LESSON]);
    assert_eq!(json(request, 201).await, expected);
    let message = gateway.lesson.asked::<AddTimeOffRequest>();
    assert_eq!(
        message,
        AddTimeOffRequest {
            request_id: message.request_id.clone(),
            start_time: Some(timestamp(at("2026-07-01T00:00:00Z"))),
            end_time: Some(timestamp(at("2026-07-15T00:00:00Z"))),
            note: "the sea".to_owned(),
        }
    );
    let request = gateway.post(TIMES_OFF, &json!({"end_time": "x"}));
    let faults = problem(request.teacher().once("b"), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["start_time", "end_time"]);
}

#[tokio::test]
async fn more_time_off_than_may_be_answers_409_with_how_much_may() {
    let gateway = Gateway::start().await;
    let refusal = Refusal::new(
        Code::ResourceExhausted,
        ErrorReason::LimitReached,
        "as many as may be are there",
    );
    gateway.lesson.refuse(refusal.metadata("limit", "200"));
    let body = json!({"start_time": "2026-07-01T00:00:00Z", "end_time": "2026-07-15T00:00:00Z"});
    let request = gateway.post(TIMES_OFF, &body).teacher().once("a");
    let problem = problem(request, 409, "LIMIT_REACHED").await;
    assert_eq!(problem["limit"], 200);
}

#[tokio::test]
async fn time_off_is_removed() {
    let gateway = Gateway::start().await;
    let path = format!("{TIMES_OFF}/{TIME_OFF}");
    no_content(gateway.delete(&path).teacher()).await;
    let message = gateway.lesson.asked::<RemoveTimeOffRequest>();
    assert_eq!(message.time_off_id, TIME_OFF);
}

#[tokio::test]
async fn a_rule_without_bounds_has_none() {
    let gateway = Gateway::start().await;
    let rule = json!({"day_of_week": 1, "start": "00:00", "end": "24:00"});
    let body = json!({"time_zone": "Europe/Berlin", "rules": [rule]});
    json(gateway.put(RULES, &body).teacher().read_at(1), 200).await;
    assert_eq!(
        gateway.lesson.asked::<SetWeeklyRulesRequest>().rules,
        [WeeklyRule {
            day_of_week: 1,
            start_time_of_day: "00:00".to_owned(),
            end_time_of_day: "24:00".to_owned(),
            ..WeeklyRule::default()
        }]
    );
}
