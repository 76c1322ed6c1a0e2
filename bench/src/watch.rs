//! `cargo xtask bench watch`: how soon those who watch hear of a booking, counted from its
//! commit and from its request, at both of two replicas and through REST, beside what
//! PostgreSQL tells by itself.

mod hearing;

use std::{collections::HashMap, time::Duration};

use clap::Args;
use e2e::{Result, program::Program};
use jiff::Timestamp;
use olm_proto::lesson::v1::{BookLessonRequest, lesson_service_client::LessonServiceClient};
use service_kit::grpc::client::{Backend, acting};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use uuid::Uuid;

use self::hearing::{CHANNEL, Heard, Place, Watchers};
use crate::{
    layers::Http,
    measure::Sample,
    milliseconds,
    replica::Replica,
    school::{FreeLesson, PAIRS, School},
    server::{Server, Setup},
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

/// A lesson that was booked.
struct Booked {
    lesson: Uuid,
    begun: Instant,
    commit: Timestamp,
}

/// How long somebody waited.
struct Wait {
    place: Place,
    from_commit: Duration,
    from_request: Duration,
}

/// Measures, prints, and stops what it started.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    println!("starting PostgreSQL, two replicas of lesson-svc, notify-svc and gateway-rest …");
    let server = Server::start_with(Setup {
        database: vec![("track_commit_timestamp".to_owned(), "on".to_owned())],
        ..Setup::default()
    })
    .await?;
    let result = measure_all(&server, plan).await;
    let stopped = server.stop().await;
    result.and(stopped)
}

async fn measure_all(server: &Server, plan: &Plan) -> Result<()> {
    let school = School::open(&server.stack).await?;
    let other = Replica::start(server).await?;
    let (mut watchers, mut heard) = Watchers::new();
    let here = server.stack.operator(Program::LessonSvc)?;
    let http = Http::of(server);
    for number in 0..PAIRS {
        let student = school.pair(number)?.student;
        match usize::try_from(number)? % 3 {
            0 => watchers.grpc(Place::Here, here.clone(), student).await?,
            1 => {
                let there = other.backend.clone();
                watchers.grpc(Place::There, there, student).await?;
            }
            _ => watchers.rest(&http, student).await?,
        }
    }
    println!(
        "{PAIRS} watchers, {} bookings a second for {} s",
        plan.rate, plan.seconds
    );
    let mut admin = server.admin().await?;
    let mut measure = async |what: &str, places: &[Place]| {
        let waits = book(&here, &school, plan, &mut admin, &mut heard).await?;
        print(what, places, &waits)
    };
    measure("nothing else", &Place::SERVED).await?;
    let holder = tokio::spawn(hold(server.admin().await?));
    measure("a writer holds its transactions for 50 ms", &Place::SERVED).await?;
    holder.abort();
    tell_of_commits(&mut server.admin().await?).await?;
    watchers.notify(&server.admin_url().await?).await?;
    measure("each booking's transaction also sends NOTIFY", &Place::ALL).await?;
    drop(watchers);
    other.stop().await
}

/// From now on PostgreSQL itself tells of each change: what the peer hears.
async fn tell_of_commits(admin: &mut PgConnection) -> Result<()> {
    let statements = format!(
        "CREATE FUNCTION lesson.bench_tell() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM pg_notify('{CHANNEL}', NEW.entity_id::text);
             RETURN NULL;
         END
         $$;
         CREATE TRIGGER bench_tells AFTER INSERT ON lesson.changes
             FOR EACH ROW EXECUTE FUNCTION lesson.bench_tell();"
    );
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(admin)
        .await?;
    Ok(())
}

/// Books at an even pace; answers how long it took until each was heard of.
async fn book(
    backend: &Backend,
    school: &School,
    plan: &Plan,
    admin: &mut PgConnection,
    hears: &mut mpsc::UnboundedReceiver<Heard>,
) -> Result<Vec<Wait>> {
    let mut ticks = interval(Duration::from_secs(1) / plan.rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut calls = JoinSet::new();
    for _ in 0..plan.rate * plan.seconds {
        ticks.tick().await;
        calls.spawn(call(backend.clone(), school.next_lesson()?, Instant::now()));
    }
    let mut begun = HashMap::new();
    while let Some(ended) = calls.join_next().await {
        let (lesson, at) = ended??;
        begun.insert(lesson, at);
    }
    let mut events = Vec::new();
    while let Ok(Some(one)) = timeout(PATIENCE, hears.recv()).await {
        events.push(one);
    }
    let booked = commits(admin, &begun).await?;
    let waits: Vec<_> = events
        .iter()
        .filter_map(|heard| {
            let booked = booked.iter().find(|booked| booked.lesson == heard.lesson)?;
            Some(Wait {
                place: heard.place,
                from_commit: Duration::try_from(heard.time.duration_since(booked.commit))
                    .unwrap_or_default(),
                from_request: heard.at.duration_since(booked.begun),
            })
        })
        .collect();
    let served = waits.iter().filter(|wait| wait.place != Place::Notify);
    if served.count() != begun.len() {
        return Err(format!("{} of {} bookings were heard of", waits.len(), begun.len()).into());
    }
    Ok(waits)
}

async fn call(backend: Backend, lesson: FreeLesson, begun: Instant) -> Result<(Uuid, Instant)> {
    let request = BookLessonRequest {
        request_id: Uuid::new_v4().to_string(),
        teacher_id: lesson.pair.teacher.to_string(),
        start_time: Some(olm_proto::timestamp(lesson.start)),
        ..BookLessonRequest::default()
    };
    let mut client = LessonServiceClient::new(backend);
    let booked = client
        .book_lesson(acting(request, lesson.pair.student))
        .await?;
    let lesson = booked
        .into_inner()
        .lesson
        .ok_or("an answer without lesson")?;
    Ok((lesson.id.parse()?, begun))
}

/// When each was committed, as PostgreSQL remembers.
async fn commits(admin: &mut PgConnection, begun: &HashMap<Uuid, Instant>) -> Result<Vec<Booked>> {
    let lessons: Vec<_> = begun.keys().copied().collect();
    let rows: Vec<(Uuid, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "SELECT entity_id, min(pg_xact_commit_timestamp(xid::xid)) FROM lesson.changes
         WHERE kind = 'lesson' AND entity_id = ANY($1) GROUP BY entity_id",
    )
    .bind(lessons)
    .fetch_all(admin)
    .await?;
    let booked = rows.into_iter().filter_map(|(lesson, commit)| {
        Some(Booked {
            lesson,
            begun: *begun.get(&lesson)?,
            commit: commit.to_jiff(),
        })
    });
    Ok(booked.collect())
}

/// Writes and keeps its transaction open, again and again.
async fn hold(mut admin: PgConnection) -> Result<()> {
    loop {
        let seconds = f64::from(HELD_MS) / 1_000.0;
        let statement =
            format!("BEGIN; SELECT pg_current_xact_id(); SELECT pg_sleep({seconds}); COMMIT");
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut admin)
            .await?;
    }
}

fn print(what: &str, places: &[Place], waits: &[Wait]) -> Result<()> {
    let mut rows = Vec::new();
    for place in places {
        let own: Vec<_> = waits.iter().filter(|wait| wait.place == *place).collect();
        let mut row = vec![place.name().to_owned(), own.len().to_string()];
        for span in [
            |wait: &&Wait| wait.from_commit,
            |wait: &&Wait| wait.from_request,
        ] {
            let spans: Vec<_> = own.iter().map(span).collect();
            let longest = spans.iter().max().copied().unwrap_or_default();
            let sample = Sample::of(spans, Duration::from_secs(1))?;
            for span in [sample.p50, sample.p99, longest] {
                row.push(format!("{:.1}", milliseconds(span)));
            }
        }
        rows.push(row);
    }
    println!();
    let head = [
        what,
        "events",
        "from commit: p50 ms",
        "p99 ms",
        "max ms",
        "from request: p50 ms",
        "p99 ms",
        "max ms",
    ];
    for line in table::lines(&head, &rows) {
        println!("{line}");
    }
    Ok(())
}
