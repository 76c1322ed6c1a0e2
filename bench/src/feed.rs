//! `cargo xtask bench feed`: a calendar of 2,000 lessons through gRPC and REST, beside the
//! same one as the crate `icalendar` writes it.

mod peer;

use std::{sync::Arc, time::Duration};

use clap::Args;
use e2e::{Result, program::Program};
use olm_proto::lesson::v1::{
    CreateCalendarFeedRequest, ReadCalendarFeedRequest,
    calendar_service_client::CalendarServiceClient,
};
use reqwest::{Client, StatusCode, header};
use service_kit::grpc::client::acting;
use uuid::Uuid;

use self::peer::Peer;
use crate::{measure, milliseconds, school::School, server::Server, table};

/// As many as a feed has.
const LESSONS: i32 = 2_000;

/// How long is measured.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Length of a round in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
}

/// Measures, prints, and stops what it started.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    println!("starting PostgreSQL, lesson-svc, notify-svc and gateway-rest …");
    let server = Server::start().await?;
    let result = measure_all(&server, plan).await;
    let stopped = server.stop().await;
    result.and(stopped)
}

async fn measure_all(server: &Server, plan: &Plan) -> Result<()> {
    let school = School::open(&server.stack).await?;
    fill(server, &school).await?;
    let backend = server.stack.operator(Program::LessonSvc)?;
    let mut calendars = CalendarServiceClient::new(backend).max_decoding_message_size(8 << 20);
    let request = CreateCalendarFeedRequest {
        request_id: Uuid::new_v4().to_string(),
    };
    let made = calendars.create_calendar_feed(acting(request, school.popular));
    let token = made.await?.into_inner().token;
    let url = format!("{}/api/v1/calendars/{token}.ics", server.rest());
    let client = Client::new();
    let first = client.get(&url).send().await?.error_for_status()?;
    let tag = first
        .headers()
        .get(header::ETAG)
        .cloned()
        .ok_or("no ETag")?;
    let text = first.text().await?;
    let entries = text.matches("BEGIN:VEVENT").count();
    if entries != usize::try_from(LESSONS)? {
        return Err(format!("{entries} entries, not {LESSONS}").into());
    }
    println!("{entries} lessons, {} KiB of text", text.len() / 1_024);
    let peer = Peer::serve(calendars.clone()).await?;
    let peer_url = peer.url(&token);
    let other = client.get(&peer_url).send().await?.error_for_status()?;
    let other = other.text().await?;
    if peer::lines(&other) != peer::lines(&text) {
        return Err("the peer writes other entries".into());
    }
    let span = Duration::from_secs(plan.seconds);
    let token: Arc<str> = token.into();
    let grpc = measure::run(1, span, move || {
        let (mut calendars, token) = (calendars.clone(), token.to_string());
        async move {
            let request = ReadCalendarFeedRequest { token };
            calendars.read_calendar_feed(request).await?;
            Ok(())
        }
    });
    let grpc = grpc.await?;
    let get = |url: &str, known: bool| {
        let (client, url, tag) = (client.clone(), url.to_owned(), tag.clone());
        move || {
            let mut request = client.get(&url);
            if known {
                request = request.header(header::IF_NONE_MATCH, tag.clone());
            }
            let wanted = if known {
                StatusCode::NOT_MODIFIED
            } else {
                StatusCode::OK
            };
            async move {
                let response = request.send().await?;
                if response.status() != wanted {
                    return Err(format!("answered {}", response.status()).into());
                }
                response.bytes().await?;
                Ok(())
            }
        }
    };
    let whole = measure::run(1, span, get(&url, false)).await?;
    let same = measure::run(1, span, get(&url, true)).await?;
    let others = measure::run(1, span, get(&peer_url, false)).await?;
    drop(peer);
    let mut rows = Vec::new();
    for (name, sample) in [
        ("gRPC", grpc),
        ("REST, 200", whole),
        ("REST, 304", same),
        ("`icalendar` over HTTP", others),
    ] {
        rows.push(vec![
            name.to_owned(),
            format!("{:.0}", sample.rate),
            format!("{:.2}", sample.p50.as_secs_f64() / grpc.p50.as_secs_f64()),
            format!("{:.1}", milliseconds(sample.p50)),
            format!("{:.1}", milliseconds(sample.p99)),
        ]);
    }
    for line in table::lines(
        &[
            "read through",
            "per second",
            "× gRPC, p50",
            "p50 ms",
            "p99 ms",
        ],
        &rows,
    ) {
        println!("{line}");
    }
    Ok(())
}

/// Gives the popular teacher lessons with the crowd, one an hour, past the service.
async fn fill(server: &Server, school: &School) -> Result<()> {
    let mut admin = server.admin().await?;
    sqlx::query(
        "WITH made AS (
             INSERT INTO lesson.lessons (id, teacher_id, during, blocked, status, create_time)
             SELECT gen_random_uuid(), $1, during, during, 'scheduled', now()
             FROM generate_series(1, $3) n,
                  LATERAL (SELECT tstzrange(now() + n * interval '1 hour',
                                            now() + (n + 1) * interval '1 hour') AS during) AS t
             RETURNING id, during)
         INSERT INTO lesson.bookings (id, lesson_id, student_id, during, status, create_time)
         SELECT gen_random_uuid(), id, $2, during, 'confirmed', now() FROM made",
    )
    .bind(school.popular)
    .bind(school.crowd.first())
    .bind(LESSONS)
    .execute(&mut admin)
    .await?;
    // With clock changes in it.
    sqlx::query("UPDATE lesson.users SET time_zone = 'Europe/Berlin' WHERE id = $1")
        .bind(school.popular)
        .execute(&mut admin)
        .await?;
    sqlx::raw_sql("ANALYZE").execute(&mut admin).await?;
    Ok(())
}
