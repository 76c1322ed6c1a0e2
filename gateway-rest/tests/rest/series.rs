//! Series.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        CancelSeriesRequest, ConflictMode, CreateSeriesRequest, ListSeriesRequest,
        PreviewSeriesRequest, PreviewSeriesUpdateRequest, SeriesChange, SeriesPattern,
        UpdateSeriesRequest, WantedSeries, series_change, wanted_series,
    },
};
use serde_json::{Value, json};
use service_kit::status::{Refusal, Violations};
use tonic::Code;

use crate::{
    fakes::{GROUP, LESSON, SERIES, STUDENT, TEACHER},
    gateway::{Gateway, Headers as _, fields, json, problem},
    operations::wanted_series,
};

fn series() -> Value {
    json!({
        "id": SERIES,
        "teacher_id": TEACHER,
        "teacher_name": "Anna",
        "student_id": STUDENT,
        "student_name": "Boris",
        "pattern": {
            "time_zone": "Europe/Berlin",
            "first_date": "2026-01-19",
            "start_time_of_day": "18:30",
            "lesson_duration_s": 3600,
            "every_weeks": 1,
            "notes": "bring the book",
        },
        "occurrence_count": 12,
        "last_date": "2026-04-06",
        "state": "running",
        "version": 3,
        "create_time": "2026-01-10T08:00:00Z",
        "next_start_time": "2026-01-19T17:30:00Z",
        "skipped": [{
            "ordinal": 4,
            "start_time": "2026-02-16T17:30:00Z",
            "conflict": "time_off",
            "unasked": true,
        }],
    })
}

/// What `wanted_series` is to the service.
fn wanted() -> WantedSeries {
    WantedSeries {
        people: Some(wanted_series::People::StudentId(STUDENT.to_owned())),
        pattern: Some(SeriesPattern {
            time_zone: "Europe/Berlin".to_owned(),
            first_date: "2026-01-19".to_owned(),
            start_time_of_day: "18:30".to_owned(),
            ..SeriesPattern::default()
        }),
        end: Some(wanted_series::End::Count(12)),
        ..WantedSeries::default()
    }
}

#[tokio::test]
async fn a_preview_tells_each_occurrence_with_what_clocks_do() {
    let gateway = Gateway::start().await;
    let request = gateway.post("/api/v1/series/preview", &wanted_series());
    let preview = json(request.teacher(), 200).await;
    assert_eq!(
        preview,
        json!({
            "occurrences": [{
                "ordinal": 10,
                "start_time": "2026-03-30T16:30:00Z",
                "end_time": "2026-03-30T17:30:00Z",
                "local_start_time": "2026-03-30T18:30:00+02:00",
                "viewer_local_start_time": "2026-03-30T20:30:00+04:00",
                "conflict": "teacher_busy",
                "conflicting_lesson_id": LESSON,
                "clock_marks": ["series_clock_changed", "student_time_shifts"],
                "outside_hours": true,
            }],
            "conflict_count": 1,
            "viewer_time_zone": "Asia/Tbilisi",
            "shifted_student_ids": [STUDENT],
            "booked_count": 11,
        })
    );
    let message = gateway.lesson.asked::<PreviewSeriesRequest>();
    assert_eq!(message.series, Some(wanted()));
}

#[tokio::test]
async fn a_series_is_made_for_a_group_until_a_date() {
    let gateway = Gateway::start().await;
    let mut body = json!({"series": wanted_series(), "conflict_mode": "skip"});
    let asked = body["series"].as_object_mut().unwrap();
    asked.remove("student_id");
    asked.remove("count");
    asked.extend([
        ("group_id".to_owned(), json!(GROUP)),
        ("teacher_id".to_owned(), json!(TEACHER)),
        ("until_date".to_owned(), json!("2026-06-29")),
        ("every_weeks".to_owned(), json!(2)),
        ("lesson_duration_s".to_owned(), json!(5400)),
        ("notes".to_owned(), json!("bring the book")),
    ]);
    let request = gateway.post("/api/v1/series", &body).teacher().once("a");
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 201);
    let path = format!("/api/v1/series/{SERIES}");
    assert_eq!(response.headers()["location"], path);
    assert_eq!(response.headers()["etag"], "\"3\"");
    let mut expected = series();
    expected["lesson_ids"] = json!([LESSON]);
    assert_eq!(response.json::<Value>().await.unwrap(), expected);
    let message = gateway.lesson.asked::<CreateSeriesRequest>();
    assert!(!message.request_id.is_empty());
    assert_eq!(message.conflict_mode(), ConflictMode::Skip);
    assert_eq!(
        message.series,
        Some(WantedSeries {
            teacher_id: TEACHER.to_owned(),
            people: Some(wanted_series::People::GroupId(GROUP.to_owned())),
            pattern: Some(SeriesPattern {
                lesson_duration: Some(prost_types::Duration {
                    seconds: 5400,
                    nanos: 0
                }),
                every_weeks: 2,
                notes: "bring the book".to_owned(),
                ..wanted().pattern.unwrap()
            }),
            end: Some(wanted_series::End::UntilDate("2026-06-29".to_owned())),
        })
    );
}

#[tokio::test]
async fn what_cannot_be_a_series_is_told_field_by_field() {
    let gateway = Gateway::start().await;
    let request = gateway.post("/api/v1/series", &json!({})).teacher();
    let faults = problem(request.once("a"), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["series", "conflict_mode"]);
    let body = json!({"series": {}, "conflict_mode": "strict"});
    let request = gateway.post("/api/v1/series", &body).teacher();
    let faults = problem(request.once("b"), 400, "INVALID_FIELDS").await;
    let missing = [
        "series.student_id",
        "series.time_zone",
        "series.first_date",
        "series.start_time_of_day",
        "series.until_date",
    ];
    assert_eq!(fields(&faults), missing);
    let mut body = wanted_series();
    body["group_id"] = json!(GROUP);
    body["until_date"] = json!("2026-06-29");
    body["first_date"] = json!("19.01.2026");
    body["start_time_of_day"] = json!("24:00");
    body["every_weeks"] = json!(0);
    let request = gateway.post("/api/v1/series/preview", &body).teacher();
    let faults = problem(request, 400, "INVALID_FIELDS").await;
    let wrong = [
        "group_id",
        "first_date",
        "start_time_of_day",
        "every_weeks",
        "count",
    ];
    assert_eq!(fields(&faults), wrong);
    assert!(gateway.lesson.calls().is_empty());
    // The service's own findings come back in this endpoint's words.
    let mut violations = Violations::default();
    violations.add(
        "series.pattern.lesson_duration",
        "is no whole number of minutes",
    );
    gateway.lesson.refuse(violations.check().unwrap_err());
    let body = json!({"series": wanted_series(), "conflict_mode": "strict"});
    let request = gateway.post("/api/v1/series", &body).teacher();
    let faults = problem(request.once("c"), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["series.lesson_duration_s"]);
}

#[tokio::test]
async fn conflicts_are_told_with_their_starts() {
    let gateway = Gateway::start().await;
    let refusal = Refusal::new(
        Code::FailedPrecondition,
        ErrorReason::SeriesConflicts,
        "something stands against 2 of the occurrences",
    );
    let starts = "2026-02-16T17:30:00Z,2026-02-23T17:30:00Z";
    let refusal = refusal.metadata("conflict_count", "2");
    gateway.lesson.refuse(refusal.metadata("starts", starts));
    let body = json!({"series": wanted_series(), "conflict_mode": "strict"});
    let request = gateway.post("/api/v1/series", &body).teacher().once("a");
    let problem = problem(request, 409, "SERIES_CONFLICTS").await;
    assert_eq!(problem["conflict_count"], 2);
    let starts: Vec<_> = starts.split(',').collect();
    assert_eq!(problem["conflict_starts"], json!(starts));
}

#[tokio::test]
async fn series_are_listed_and_read() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/series?include_ended=true&group_id={GROUP}&page_size=5");
    let page = json(gateway.get(&path).student(), 200).await;
    assert_eq!(
        page,
        json!({"series": [series()], "next_page_token": "next"})
    );
    assert_eq!(
        gateway.lesson.asked::<ListSeriesRequest>(),
        ListSeriesRequest {
            include_ended: true,
            group_id: GROUP.to_owned(),
            page_size: 5,
            page_token: String::new(),
        }
    );
    let path = format!("/api/v1/series/{SERIES}");
    assert_eq!(json(gateway.get(&path).student(), 200).await, series());
}

#[tokio::test]
async fn a_series_is_changed_from_one_of_its_lessons_on() {
    let gateway = Gateway::start().await;
    let change = json!({
        "from_lesson_id": LESSON,
        "day_of_week": 2,
        "start_time_of_day": "19:00",
        "notes": "",
        "count": 20,
    });
    let path = format!("/api/v1/series/{SERIES}");
    let request = gateway.post(&format!("{path}/preview"), &change).teacher();
    let preview = json(request, 200).await;
    assert_eq!(preview["kept_lesson_ids"], json!([LESSON]));
    let body = json!({"change": change, "conflict_mode": "strict"});
    let request = gateway.patch(&path, &body).teacher().read_at(3);
    let mut expected = series();
    expected["changed_lesson_ids"] = json!([LESSON]);
    expected["kept_lesson_ids"] = json!([]);
    assert_eq!(json(request, 200).await, expected);
    let calls = gateway.lesson.calls();
    let asked = calls[0].message::<PreviewSeriesUpdateRequest>();
    let wanted = Some(SeriesChange {
        from_lesson_id: LESSON.to_owned(),
        day_of_week: 2,
        start_time_of_day: Some("19:00".to_owned()),
        notes: Some(String::new()),
        end: Some(series_change::End::Count(20)),
        ..SeriesChange::default()
    });
    assert_eq!(asked.change, wanted);
    let asked = calls[1].message::<UpdateSeriesRequest>();
    assert_eq!((asked.change, asked.expected_version), (wanted, 3));
    assert_eq!(asked.conflict_mode, i32::from(ConflictMode::Strict));
}

#[tokio::test]
async fn a_series_is_cancelled_from_one_of_its_lessons_on() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/series/{SERIES}/cancel");
    let body = json!({"from_lesson_id": LESSON, "reason": "I move"});
    let request = gateway.post(&path, &body).student().read_at(3);
    let canceled = json(request, 200).await;
    assert_eq!(
        (&canceled["canceled_lessons"], &canceled["id"]),
        (&json!(7), &json!(SERIES))
    );
    assert_eq!(
        gateway.lesson.asked::<CancelSeriesRequest>(),
        CancelSeriesRequest {
            series_id: SERIES.to_owned(),
            expected_version: 3,
            from_lesson_id: LESSON.to_owned(),
            reason: "I move".to_owned(),
        }
    );
    let refusal = Refusal::new(
        Code::FailedPrecondition,
        ErrorReason::SeriesEnded,
        "it is over",
    );
    gateway.lesson.refuse(refusal);
    let request = gateway.post(&path, &json!({})).student().read_at(3);
    problem(request, 409, "SERIES_ENDED").await;
}
