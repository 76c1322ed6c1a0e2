//! Changes as server-sent events.

use std::time::Duration;

use olm_proto::{
    common::v1::ErrorReason,
    lesson::v1::{WatchChangesRequest, WatchChangesResponse},
};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use service_kit::status::Refusal;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::{
    fakes::{Heard, LESSON, STUDENT, TEACHER, changed},
    gateway::{Gateway, Headers as _, fields, problem},
};

const EVENTS: &str = "/api/v1/events";

/// A stream of events that is being read.
struct Events {
    response: Response,
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Event {
    kind: String,
    id: String,
    data: Value,
}

impl Events {
    async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let text = String::new();
        Self { response, text }
    }

    /// The next event; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let text = self.text.clone();
            if let Some((event, rest)) = text.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = event.lines();
                    let values = lines.filter_map(|line| line.strip_prefix(name));
                    values.map(|value| value.trim().to_owned()).next()
                };
                assert_eq!(field("retry:").as_deref(), Some("1000"));
                let event = Event {
                    kind: field("event:").unwrap(),
                    id: field("id:").unwrap(),
                    data: serde_json::from_str(&field("data:").unwrap()).unwrap(),
                };
                rest.clone_into(&mut self.text);
                return Some(event);
            }
            let chunk = timeout(Duration::from_secs(10), self.response.chunk()).await;
            let chunk = chunk.expect("an event in time").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn changed(&mut self, id: &str, version: i64) {
        let change = json!({"kind": "lesson", "entity_id": LESSON, "version": version});
        let event = Event {
            kind: "changes".to_owned(),
            id: id.to_owned(),
            data: json!({"changes": [change]}),
        };
        assert_eq!(self.next().await, Some(event));
    }
}

fn beat(cursor: &str) -> WatchChangesResponse {
    WatchChangesResponse {
        cursor: cursor.to_owned(),
        ..WatchChangesResponse::default()
    }
}

#[tokio::test]
async fn what_happens_is_told_at_once_with_where_to_go_on() {
    let gateway = Gateway::start().await;
    let reset = WatchChangesResponse {
        reset: true,
        ..beat("b")
    };
    let heard = Heard::default().open(vec![Ok(beat("a")), Ok(reset), Ok(changed("c", 4))]);
    gateway.lesson.answer(heard);
    let request = gateway.get(&format!("{EVENTS}?teacher_ids={TEACHER},{STUDENT}"));
    let request = request.student().header("Last-Event-ID", "handled");
    let mut events = Events::open(request).await;
    for (kind, id) in [("beat", "a"), ("reset", "b")] {
        let event = events.next().await.unwrap();
        assert_eq!((&*event.kind, &*event.id), (kind, id));
        assert_eq!(event.data, json!({}));
    }
    events.changed("c", 4).await;
    let call = gateway.lesson.only_call();
    assert_eq!(call.acting_user, STUDENT.parse().ok());
    assert_eq!(
        call.message::<WatchChangesRequest>(),
        WatchChangesRequest {
            cursor: "handled".to_owned(),
            teacher_ids: vec![TEACHER.to_owned(), STUDENT.to_owned()],
        }
    );
}

#[tokio::test]
async fn a_replica_that_stops_is_replaced_unseen_and_nothing_is_missed() {
    let gateway = Gateway::start().await;
    let stopped = Status::unavailable("this replica stops");
    let heard = Heard::default()
        .over(vec![Ok(changed("a", 1)), Err(stopped)])
        .over(vec![Ok(changed("b", 2))])
        .open(vec![Ok(changed("c", 3))]);
    gateway.lesson.answer(heard);
    let mut events = Events::open(gateway.get(EVENTS).student()).await;
    for (id, version) in [("a", 1), ("b", 2), ("c", 3)] {
        events.changed(id, version).await;
    }
    let calls = gateway.lesson.calls();
    let cursors: Vec<_> = calls
        .iter()
        .map(|call| call.message::<WatchChangesRequest>().cursor)
        .collect();
    assert_eq!(cursors, ["", "a", "b"]);
}

#[tokio::test]
async fn who_is_too_slow_or_erased_is_ended() {
    let gateway = Gateway::start().await;
    let reasons = [
        (Code::ResourceExhausted, ErrorReason::WatcherTooSlow),
        (Code::NotFound, ErrorReason::UserNotFound),
    ];
    for (code, reason) in reasons {
        let end = Refusal::new(code, reason, "the end").into_status("olm.lesson");
        let heard = Heard::default().open(vec![Ok(changed("a", 1)), Err(end)]);
        gateway.lesson.answer(heard);
        let mut events = Events::open(gateway.get(EVENTS).student()).await;
        events.changed("a", 1).await;
        assert_eq!(events.next().await, None);
    }
    assert_eq!(gateway.lesson.calls().len(), 2, "it is not tried again");
}

#[tokio::test]
async fn a_refusal_is_a_problem_before_any_event() {
    let gateway = Gateway::start().await;
    for (code, reason, status, name) in [
        (
            Code::InvalidArgument,
            ErrorReason::CursorInvalid,
            400,
            "CURSOR_INVALID",
        ),
        (
            Code::ResourceExhausted,
            ErrorReason::TooManyWatchers,
            503,
            "TOO_MANY_WATCHERS",
        ),
    ] {
        gateway.lesson.refuse(Refusal::new(code, reason, "no"));
        problem(gateway.get(EVENTS).student(), status, name).await;
    }
    let faults = gateway.get(&format!("{EVENTS}?teacher_ids={TEACHER},7"));
    let faults = problem(faults.student(), 400, "INVALID_FIELDS").await;
    assert_eq!(fields(&faults), ["teacher_ids"]);
    let empty = gateway.get(EVENTS).student().header("Last-Event-ID", "");
    problem(empty, 400, "CURSOR_INVALID").await;
    problem(gateway.get(EVENTS), 401, "SERVICE_KEY_MISSING").await;
}

#[tokio::test]
async fn a_place_is_free_again_once_its_caller_went() {
    let gateway = Gateway::with(&[("REST_WATCHERS", "1"), ("REST_MAX_REQUESTS", "1")]).await;
    let heard = Heard::default()
        .open(vec![Ok(beat("a"))])
        .open(vec![Ok(beat("b"))]);
    gateway.lesson.answer(heard);
    let mut events = Events::open(gateway.get(EVENTS).student()).await;
    assert_eq!(events.next().await.unwrap().id, "a");
    problem(gateway.get(EVENTS).student(), 503, "OVERLOADED").await;
    // Who watches takes no place of others.
    let other = gateway.get("/api/v1/me").student().send().await.unwrap();
    assert_eq!(other.status().as_u16(), 200);
    drop(events);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let response = gateway.get(EVENTS).student().send().await.unwrap();
        if response.status().as_u16() == 200 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "the place is free");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_stream_outlives_the_timeout_of_requests_and_ends_with_the_gateway() {
    let gateway =
        Gateway::with(&[("REST_REQUEST_TIMEOUT", "1"), ("REST_LESSON_TIMEOUT", "1")]).await;
    let heard = Heard::default().open(vec![Ok(beat("a"))]);
    gateway.lesson.answer(heard.clone());
    let mut events = Events::open(gateway.get(EVENTS).student()).await;
    assert_eq!(events.next().await.unwrap().id, "a");
    let gate = gateway.lesson.hold();
    problem(gateway.get("/api/v1/me").student(), 504, "TIMED_OUT").await;
    assert_eq!(gateway.lesson.calls().len(), 2, "still the first stream");
    drop(gate);
    gateway.shutdown.stop();
    assert_eq!(events.next().await, None);
    gateway.ended().await.unwrap();
}
