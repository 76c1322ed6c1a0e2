//! A lesson's life, from HTTP on one server to Telegram from the other, and what
//! can be read about it afterwards.

use std::{collections::BTreeSet, time::Duration};

use e2e::{
    Result,
    otlp::Receiver,
    program::Program,
    stack::SIMULATED_TOKEN,
    story::{PATIENCE, Story, sign},
    system::{System, eventually},
};
use jiff::SignedDuration;
use serde_json::Value;
use service_kit::clock::{Clock as _, SystemClock};

const SERVICES: [Program; 4] = [
    Program::LessonSvc,
    Program::NotifySvc,
    Program::BotGateway,
    Program::GatewayRest,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lesson_is_announced_reminded_of_and_called_off_in_one_trace_and_without_a_secret_in_a_log()
-> Result<()> {
    let (receiver, endpoint) = Receiver::start().await?;
    let system = System::start(Some(endpoint)).await?;
    let (stack, story) = (&system.stack, &system.story);
    let teacher = story.join(stack, "Annabella", "en").await?;
    story.teach(stack, &teacher).await?;
    let mut student = story.join(stack, "Всеволод", "ru").await?;

    let earliest = SystemClock.now() + SignedDuration::from_mins(5);
    let slots = story.slots(&teacher, &student).await?;
    let start = *slots
        .iter()
        .find(|slot| **slot > earliest)
        .ok_or("no slot")?;
    let lead = Story::lead(start, SignedDuration::from_secs(8));
    story.set_lead(stack, &mut student, lead).await?;
    let lesson = story.book(&student, &teacher, start).await?;

    let confirmation = story.notice(&student, sign::BOOKED, 0).await?;
    assert!(
        confirmation
            .text
            .as_deref()
            .is_some_and(|text| text.contains("Annabella")),
        "{confirmation:?}"
    );
    let deliveries = format!("/api/v1/lessons/{}/deliveries", lesson.id);
    let what = "the teacher reads over HTTP that the student was told";
    eventually(what, PATIENCE, async || {
        let read = story.get(&deliveries, &teacher).await;
        let read = read.unwrap_or_default();
        let told = read["students"][0]["deliveries"].as_array();
        let mut told = told.into_iter().flatten();
        told.any(|told| told["kind"] == "booked" && told["state"] == "sent")
    })
    .await?;
    let refused = story.get(&deliveries, &student).await;
    assert!(refused.is_err(), "students do not read it: {refused:?}");
    let told = story.notice(&teacher, sign::BOOKED, 0).await?;
    assert!(
        told.text
            .as_deref()
            .is_some_and(|text| text.contains("Всеволод")),
        "{told:?}"
    );
    let reminder = story.notice(&student, sign::REMINDER, 0).await?;
    assert!(
        reminder.received_unix_us >= (start - lead).as_microsecond(),
        "before its instant: {reminder:?}"
    );

    story.cancel(&student, &lesson).await?;
    story.notice(&student, sign::CANCELED, 0).await?;
    story.notice(&teacher, sign::CANCELED, 0).await?;
    for (sign, copies) in [(sign::BOOKED, 1), (sign::REMINDER, 1), (sign::CANCELED, 1)] {
        assert_eq!(
            story.count(&student, sign).await?,
            copies,
            "{sign} to the student"
        );
    }
    assert_eq!(
        story.count(&teacher, sign::REMINDER).await?,
        0,
        "the teacher's lead of an hour was past"
    );

    let all: BTreeSet<_> = SERVICES
        .iter()
        .map(|program| program.name().to_owned())
        .collect();
    eventually(
        "one trace of four services from the booking to Telegram",
        PATIENCE,
        async || {
            let trace = receiver.traces_with("POST /api/v1/lessons");
            let services: BTreeSet<_> = trace.iter().map(|span| span.service.clone()).collect();
            services == all
                && trace
                    .iter()
                    .any(|span| span.name == "sendMessage" && span.service == "bot-gateway")
        },
    )
    .await?;
    assert!(
        confirmation.traceparent.is_some(),
        "the trace did not reach Telegram's side"
    );

    check_logs(&system)?;
    check_figures(&system).await?;
    system.stop().await?;
    // A service that stops pushes what it counted last.
    for (program, [.., name]) in figures() {
        assert!(
            receiver.has_figure(program.name(), name),
            "{} did not push {name}",
            program.name()
        );
    }
    Ok(())
}

/// What each service counted of a lesson's life: a line as Prometheus reads it begins so,
/// and the name that is pushed.
fn figures() -> [(Program, [&'static str; 2]); 4] {
    [
        (
            Program::LessonSvc,
            [
                "rpc_server_call_duration_seconds_count{\
                 rpc_method=\"olm.lesson.v1.LessonService/BookLesson\",\
                 rpc_response_status_code=\"OK\"} 1",
                "olm.lesson.outbox.lag",
            ],
        ),
        (
            Program::NotifySvc,
            [
                "rpc_server_call_duration_seconds_count{\
                 rpc_method=\"olm.notify.v1.LessonPlanService/SyncLesson\",",
                "db.client.connection.count",
            ],
        ),
        (
            Program::BotGateway,
            [
                "rpc_client_call_duration_seconds_count{\
                 rpc_method=\"olm.lesson.v1.UserService/RegisterTelegramUser\",",
                "rpc.client.call.duration",
            ],
        ),
        (
            Program::GatewayRest,
            [
                "http_server_request_duration_seconds_count{http_request_method=\"POST\",\
                 http_response_status_code=\"201\",http_route=\"/api/v1/lessons\"} 1",
                "http.server.request.duration",
            ],
        ),
    ]
}

async fn check_figures(system: &System) -> Result<()> {
    for (program, [start, _]) in figures() {
        let url = system.stack.metrics_url(program).ok_or("no figures")?;
        let answer = reqwest::get(url).await?;
        assert_eq!(
            answer.headers()["content-type"].to_str()?,
            "text/plain; version=0.0.4; charset=utf-8"
        );
        let text = answer.text().await?;
        assert!(
            text.lines().any(|line| line.starts_with(start)),
            "{start} of {}: {text}",
            program.name()
        );
    }
    Ok(())
}

fn check_logs(system: &System) -> Result<()> {
    for program in SERVICES {
        let log = system.log(program)?;
        assert!(!log.is_empty(), "{} logs nothing", program.name());
        for line in log.lines() {
            let line: Value = serde_json::from_str(line)
                .map_err(|error| format!("{}: {error}: {line}", program.name()))?;
            assert_eq!(line["service"], program.name());
        }
        let token = SIMULATED_TOKEN.split(':').nth(1).unwrap_or_default();
        for private in system.stack.keys.all().chain([
            token,
            "test-password",
            "Annabella",
            "Всеволод",
            "a cold",
        ]) {
            assert!(
                !log.contains(private),
                "{} logs what it must not: {private}",
                program.name()
            );
        }
    }
    let requests = lines(system, Program::GatewayRest, "request")?;
    let booking = requests
        .iter()
        .find(|line| line["method"] == "POST" && line["route"] == "/api/v1/lessons")
        .ok_or("no request line for the booking")?;
    assert_eq!(booking["status"], 201);
    assert!(
        booking["duration_ms"].is_number() && booking["trace_id"].is_string(),
        "{booking}"
    );
    let changed = lines(system, Program::LessonSvc, "lesson changed")?;
    let events: Vec<_> = changed.iter().map(|line| line["event"].as_str()).collect();
    assert_eq!(events, [Some("lesson_booked"), Some("lesson_canceled")]);
    assert_eq!(changed[0]["trace_id"], booking["trace_id"]);
    Ok(())
}

fn lines(system: &System, program: Program, message: &str) -> Result<Vec<Value>> {
    let log = system.log(program)?;
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(lines.filter(|line| line["message"] == message).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_own_message_reaches_the_person_once_however_often_it_is_posted() -> Result<()> {
    let system = System::start(None).await?;
    let member = system.story.join(&system.stack, "Olga", "en").await?;
    let url = format!("{}/send_message/", system.stack.url(Program::GatewayRest));
    let body = serde_json::json!({"telegram_user_id": member.person.id, "message": "🎵 the choir meets at six"});
    let post = || {
        reqwest::Client::new()
            .post(&url)
            .header("x-service-key", system.stack.keys.of("crm"))
            .header("idempotency-key", "choir-1")
            .timeout(Duration::from_secs(20))
            .json(&body)
            .send()
    };
    let (first, second) = tokio::try_join!(post(), post())?;
    assert_eq!(
        (first.status(), second.status()),
        (202.try_into()?, 202.try_into()?)
    );
    let (first, second): (Value, Value) = tokio::try_join!(first.json(), second.json())?;
    assert_eq!(first["id"], second["id"]);
    system.story.notice(&member, "🎵", 0).await?;
    assert_eq!(system.story.count(&member, "🎵").await?, 1);
    system.stop().await
}
