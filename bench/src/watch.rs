//! `cargo xtask bench watch`: how long after the request for a booking those who watch hear
//! of it, at both of two replicas and through REST.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use clap::Args;
use e2e::{Result, program::Program};
use olm_proto::lesson::v1::{
    BookLessonRequest, ChangeKind, WatchChangesRequest, change_service_client::ChangeServiceClient,
    lesson_service_client::LessonServiceClient,
};
use service_kit::grpc::client::{Backend, acting};
use sqlx::AssertSqlSafe;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use uuid::Uuid;

use crate::{
    layers::Http,
    measure::Sample,
    milliseconds,
    replica::Replica,
    school::{FreeLesson, PAIRS, School},
    server::Server,
    table,
};

/// After the last booking.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the writer that is in everybody's way holds its transaction.
const HELD_MS: u32 = 50;

/// How much is watched.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Bookings a second
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    rate: u32,
    /// For how long, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
}

/// Where somebody watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Place {
    /// Where the lessons are booked.
    Here,
    /// At the other replica.
    There,
    /// Through gateway-rest, as server-sent events.
    Rest,
}

impl Place {
    const ALL: [Self; 3] = [Self::Here, Self::There, Self::Rest];

    fn name(self) -> &'static str {
        match self {
            Self::Here => "gRPC, the replica that books",
            Self::There => "gRPC, another replica",
            Self::Rest => "REST, server-sent events",
        }
    }
}

/// Somebody heard of a lesson.
type Heard = (Place, Uuid, Instant);

/// Measures, prints, and stops what it started.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    println!("starting PostgreSQL, two replicas of lesson-svc, notify-svc and gateway-rest …");
    let server = Server::start().await?;
    let result = measure_all(&server, plan).await;
    let stopped = server.stop().await;
    result.and(stopped)
}

async fn measure_all(server: &Server, plan: &Plan) -> Result<()> {
    let school = School::open(&server.stack).await?;
    let other = Replica::start(server).await?;
    let (tell, mut heard) = mpsc::unbounded_channel();
    let mut watchers = JoinSet::new();
    let here = server.stack.operator(Program::LessonSvc)?;
    let http = Http::of(server);
    for number in 0..PAIRS {
        let (student, tell) = (school.pair(number)?.student, tell.clone());
        let place = Place::ALL[usize::try_from(number)? % Place::ALL.len()];
        match place {
            Place::Here => watch(&mut watchers, here.clone(), place, student, tell).await?,
            Place::There => {
                watch(&mut watchers, other.backend.clone(), place, student, tell).await?;
            }
            Place::Rest => watch_rest(&mut watchers, &http, student, tell).await?,
        }
    }
    println!(
        "{PAIRS} watchers, {} bookings a second for {} s; from the request to the event",
        plan.rate, plan.seconds
    );
    let spans = book(&here, &school, plan, &mut heard).await?;
    print("", &spans)?;
    let holder = tokio::spawn(hold(server.admin().await?));
    let spans = book(&here, &school, plan, &mut heard).await?;
    holder.abort();
    print(
        "with a writer that holds its transactions for 50 ms",
        &spans,
    )?;
    watchers.abort_all();
    other.stop().await
}

/// Watches as a student, who is in one lesson at a time.
async fn watch(
    watchers: &mut JoinSet<()>,
    backend: Backend,
    place: Place,
    student: Uuid,
    heard: mpsc::UnboundedSender<Heard>,
) -> Result<()> {
    let mut client = ChangeServiceClient::new(backend);
    let request = acting(WatchChangesRequest::default(), student);
    let mut answers = client.watch_changes(request).await?.into_inner();
    answers.message().await?.ok_or("the stream ended")?;
    watchers.spawn(async move {
        while let Ok(Some(answer)) = answers.message().await {
            let now = Instant::now();
            let lesson = |kind: ChangeKind| kind == ChangeKind::Lesson;
            if answer.changes.iter().any(|change| lesson(change.kind())) {
                let _ = heard.send((place, student, now));
            }
        }
    });
    Ok(())
}

async fn watch_rest(
    watchers: &mut JoinSet<()>,
    http: &Http,
    student: Uuid,
    heard: mpsc::UnboundedSender<Heard>,
) -> Result<()> {
    let mut events = http.events(student).await?;
    events.chunk().await?.ok_or("the stream ended")?;
    watchers.spawn(async move {
        while let Ok(Some(chunk)) = events.chunk().await {
            let now = Instant::now();
            if String::from_utf8_lossy(&chunk).contains("\"kind\":\"lesson\"") {
                let _ = heard.send((Place::Rest, student, now));
            }
        }
    });
    Ok(())
}

/// Books at an even pace; answers how long it took until each was heard of.
async fn book(
    backend: &Backend,
    school: &School,
    plan: &Plan,
    hears: &mut mpsc::UnboundedReceiver<Heard>,
) -> Result<Vec<(Place, Duration)>> {
    let begun: Arc<Mutex<HashMap<Uuid, Instant>>> = Arc::default();
    let mut ticks = interval(Duration::from_secs(1) / plan.rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut calls = JoinSet::new();
    let count = plan.rate * plan.seconds;
    let mut spans = Vec::new();
    let mut note = |(place, student, at): Heard| {
        let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(begun) = begun.remove(&student) {
            spans.push((place, at.duration_since(begun)));
        }
    };
    for _ in 0..count {
        ticks.tick().await;
        while let Ok(heard) = hears.try_recv() {
            note(heard);
        }
        let lesson = school.next_lesson()?;
        let student = lesson.pair.student;
        begun
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(student, Instant::now());
        calls.spawn(call(backend.clone(), lesson));
    }
    while let Some(ended) = calls.join_next().await {
        ended??;
    }
    while let Ok(Some(heard)) = timeout(PATIENCE, hears.recv()).await {
        note(heard);
    }
    if spans.len() != usize::try_from(count)? {
        return Err(format!("{} of {count} bookings were heard of", spans.len()).into());
    }
    Ok(spans)
}

async fn call(backend: Backend, lesson: FreeLesson) -> Result<()> {
    let request = BookLessonRequest {
        request_id: Uuid::new_v4().to_string(),
        teacher_id: lesson.pair.teacher.to_string(),
        start_time: Some(olm_proto::timestamp(lesson.start)),
        ..BookLessonRequest::default()
    };
    let mut client = LessonServiceClient::new(backend);
    client
        .book_lesson(acting(request, lesson.pair.student))
        .await?;
    Ok(())
}

/// Writes and keeps its transaction open, again and again.
async fn hold(mut admin: sqlx::PgConnection) -> Result<()> {
    loop {
        let seconds = f64::from(HELD_MS) / 1_000.0;
        let statement =
            format!("BEGIN; SELECT pg_current_xact_id(); SELECT pg_sleep({seconds}); COMMIT");
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut admin)
            .await?;
    }
}

fn print(what: &str, spans: &[(Place, Duration)]) -> Result<()> {
    println!("\n{what}\n");
    let mut rows = Vec::new();
    for place in Place::ALL {
        let own = spans.iter().filter(|(of, _)| *of == place);
        let own: Vec<_> = own.map(|(_, span)| *span).collect();
        let most = own.iter().max().copied().unwrap_or_default();
        let sample = Sample::of(own.clone(), Duration::from_secs(1))?;
        rows.push(vec![
            place.name().to_owned(),
            own.len().to_string(),
            format!("{:.1}", milliseconds(sample.p50)),
            format!("{:.1}", milliseconds(sample.p99)),
            format!("{:.1}", milliseconds(most)),
        ]);
    }
    for line in table::lines(
        &["watched through", "events", "p50 ms", "p99 ms", "max ms"],
        &rows,
    ) {
        println!("{line}");
    }
    Ok(())
}
