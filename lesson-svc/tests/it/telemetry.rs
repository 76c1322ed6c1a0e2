//! What tests see of logs and traces: one subscriber for the whole test binary.

use std::{
    io::{self, Write},
    sync::{Arc, LazyLock, Mutex},
};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use service_kit::grpc::client::acting;
use sqlx::PgPool;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::support::{KEY, World, booking, id};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

static LINES: LazyLock<Lines> = LazyLock::new(|| {
    let lines = Lines::default();
    let writer = lines.clone();
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    tracing_subscriber::registry()
        .with(EnvFilter::new(
            "info,sqlx=off,h2=off,hyper=off,tonic=off,tower=off",
        ))
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .with_writer(move || writer.clone()),
        )
        .init();
    lines
});

/// Begins recording; call it before the service is started.
pub fn record() {
    LazyLock::force(&LINES);
}

/// Lines that contain `text`.
pub fn lines_with(text: &str) -> Vec<serde_json::Value> {
    let bytes = LINES.0.lock().unwrap().clone();
    let lines = String::from_utf8(bytes).unwrap();
    lines
        .lines()
        .filter(|line| line.contains(text))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[sqlx::test(migrator = "lesson_svc::MIGRATOR")]
async fn a_booking_is_logged_with_ids_and_without_names_or_keys(pool: PgPool) {
    record();
    let world = World::start(pool).await;
    let teacher = world.teacher(1, "Zebediah").await;
    let student = id(&world.person(2, "Wilhelmina").await);
    let request = acting(booking(teacher, "2026-06-01T12:00:00Z"), student);
    let lesson = world
        .lessons()
        .book_lesson(request)
        .await
        .unwrap()
        .into_inner()
        .lesson
        .unwrap();
    let events: Vec<_> = lines_with(&lesson.id)
        .into_iter()
        .filter(|line| line["fields"]["event"] == "lesson_booked")
        .collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["level"], "INFO");
    assert_eq!(events[0]["fields"]["student_id"], student.to_string());
    let registered = lines_with(&student.to_string());
    assert!(
        registered
            .iter()
            .any(|line| line["fields"]["event"] == "user_registered")
    );
    for secret in ["Zebediah", "Wilhelmina", KEY] {
        assert!(lines_with(secret).is_empty(), "{secret}");
    }
    world.stop().await;
}
