//! Calendars outside.

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{
        CalendarEntry, CalendarEntryState, CreateCalendarFeedRequest, GetCalendarEntryRequest,
        ReadCalendarFeedRequest, ReadCalendarFeedResponse, RevokeCalendarFeedRequest,
    },
};
use reqwest::Response;
use serde_json::json;
use service_kit::status::Refusal;
use tonic::Code;

use crate::{
    fakes::{FEED, LESSON, TOKEN, an_entry},
    gateway::{Gateway, Headers as _, json, problem},
};

#[tokio::test]
async fn a_link_is_made_listed_and_revoked() {
    let gateway = Gateway::start().await;
    let request = gateway.post("/api/v1/me/calendar-feeds", &json!({}));
    let made = json(request.student().once("a"), 201).await;
    let feed = json!({"id": FEED, "create_time": "2026-01-10T08:00:00Z"});
    let mut expected = feed.clone();
    expected["path"] = json!(format!("/api/v1/calendars/{TOKEN}.ics"));
    assert_eq!(made, expected);
    let listed = json(gateway.get("/api/v1/me/calendar-feeds").student(), 200).await;
    assert_eq!(listed, json!({"feeds": [feed]}));
    let path = format!("/api/v1/me/calendar-feeds/{FEED}");
    let revoked = json(gateway.delete(&path).student(), 200).await;
    assert_eq!(revoked["revoke_time"], "2026-01-11T08:00:00Z");
    let calls = gateway.lesson.calls();
    assert!(
        !calls[0]
            .message::<CreateCalendarFeedRequest>()
            .request_id
            .is_empty()
    );
    assert_eq!(
        calls[2].message::<RevokeCalendarFeedRequest>().feed_id,
        FEED
    );
}

async fn read(gateway: &Gateway, path: &str, known: Option<&str>) -> Response {
    let request = gateway.get(path);
    let request = match known {
        Some(tag) => request.header("If-None-Match", tag),
        None => request,
    };
    request.send().await.unwrap()
}

#[tokio::test]
async fn whoever_has_the_link_reads_the_calendar_and_asks_only_for_what_is_new() {
    let gateway = Gateway::start().await;
    let path = format!("/api/v1/calendars/{TOKEN}.ics");
    let response = read(&gateway, &path, None).await;
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "text/calendar; charset=utf-8");
    assert_eq!(headers["cache-control"], "private, max-age=300");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    let text = response.text().await.unwrap();
    for line in [
        "X-WR-CALNAME:Уроки",
        &format!("UID:{LESSON}"),
        "SEQUENCE:2",
        "DTSTAMP:20260111T080000Z",
        "DTSTART;TZID=Europe/Berlin:20260116T130000",
        "DTEND;TZID=Europe/Berlin:20260116T140000",
        "SUMMARY:Урок: Anna\\; the teacher",
        "URL:https://meet.example/a,b",
        "LOCATION:https://meet.example/a\\,b",
        "STATUS:CONFIRMED",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} in {text}");
    }
    assert_eq!(
        gateway.lesson.asked::<ReadCalendarFeedRequest>().token,
        TOKEN
    );
    let tag = headers["etag"].to_str().unwrap();
    let without = format!("/api/v1/calendars/{TOKEN}");
    for known in [tag, &format!("\"x\", W/{tag}"), "*"] {
        let same = read(&gateway, &without, Some(known)).await;
        assert_eq!(same.status().as_u16(), 304);
        assert_eq!(same.headers()["etag"], tag);
        assert_eq!(same.text().await.unwrap(), "");
    }
    gateway.lesson.answer(ReadCalendarFeedResponse {
        entries: vec![CalendarEntry {
            state: CalendarEntryState::Canceled.into(),
            sequence: 3,
            ..an_entry()
        }],
        language: "ru".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
    });
    let changed = read(&gateway, &path, Some(tag)).await;
    assert_eq!(changed.status().as_u16(), 200);
    assert_ne!(changed.headers()["etag"], tag);
    assert!(changed.text().await.unwrap().contains("STATUS:CANCELLED"));
}

#[tokio::test]
async fn what_is_no_link_is_not_found() {
    let gateway = Gateway::start().await;
    for bad in ["x", "x.ics", &"A".repeat(2_000)] {
        let request = gateway.get(&format!("/api/v1/calendars/{bad}"));
        problem(request, 404, "CALENDAR_FEED_NOT_FOUND").await;
    }
    assert!(gateway.lesson.calls().is_empty());
    let reason = ErrorReason::CalendarFeedNotFound;
    gateway
        .lesson
        .refuse(Refusal::new(Code::NotFound, reason, "revoked"));
    let request = gateway.get(&format!("/api/v1/calendars/{TOKEN}"));
    problem(request, 404, "CALENDAR_FEED_NOT_FOUND").await;
}

#[tokio::test]
async fn one_lesson_is_downloaded_as_a_file() {
    let gateway = Gateway::start().await;
    let request = gateway.get(&format!("/api/v1/lessons/{LESSON}/calendar"));
    let response = request.student().send().await.unwrap();
    let disposition = &response.headers()["content-disposition"];
    assert_eq!(disposition, "attachment; filename=\"lesson.ics\"");
    let text = response.text().await.unwrap();
    assert!(text.contains("DTSTART:20260116T120000Z\r\n"), "{text}");
    let asked = gateway.lesson.asked::<GetCalendarEntryRequest>();
    assert_eq!(asked.lesson_id, LESSON);
}
