//! `cargo xtask bench sizing`: what each process of an installation takes of memory and CPU,
//! idle and while lessons are booked through REST and people are told of them, and what
//! PostgreSQL keeps of it. Figures stand in docs/operations/sizing.md.

mod database;
mod usage;

use std::{fs, time::Duration};

use clap::Args;
use e2e::{Result, otlp::Receiver, program::Program, stack::Bot, system::eventually};
use reqwest::StatusCode;
use telegram_sim::{api::NewPerson, client::SimClient};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use self::{
    database::Kept,
    usage::{Usage, Watched},
};
use crate::{
    layers::Http,
    measure::Sample,
    milliseconds,
    school::{FreeLesson, PEOPLE, School},
    server::{Server, Setup},
    table,
};

/// Whose people they are. A booking is told to two, so that 1,000 a minute are 33 messages a
/// second; Telegram takes 30 of one token. The pairs are shared out among them.
const BOTS: [i64; 2] = [7_000_000_001, 7_000_000_002];
/// Whom a booking is told to: its student and its teacher.
const TOLD: u64 = 2;
/// What the table of PostgreSQL is scaled to.
const SCALE: u32 = 10_000;
/// Until the last message has arrived.
const PATIENCE: Duration = Duration::from_mins(1);
/// After the start: what is loaded, registered and connected once.
const SETTLING: Duration = Duration::from_secs(5);

/// How long is measured, and how much is done.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// How long nothing happens, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    idle: u64,
    /// Bookings a minute
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_500))]
    rate: u32,
    /// For how long lessons are booked, in seconds
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(5..=3_600))]
    seconds: u32,
}

/// Measures, prints, and stops what it started.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    let load = fs::read_to_string("/proc/loadavg")?;
    let load: Vec<_> = load.split_whitespace().take(3).collect();
    println!("load of this machine before: {}", load.join(", "));
    println!("starting PostgreSQL, all services and telegram-sim …");
    let (_receiver, endpoint) = Receiver::start().await?;
    let server = Server::start_with(setup(endpoint)).await?;
    let result = measure(&server, plan).await;
    let stopped = server.stop().await;
    result.and(stopped)
}

/// As on server 1: its PostgreSQL's settings, logs and spans as in production.
fn setup(endpoint: String) -> Setup {
    let tokens = BOTS.map(|bot| format!("{bot}:simulated-token-for-development"));
    let production = |program, name| (program, name, "production".to_owned());
    Setup {
        database: database::settings(),
        bot: Bot::Simulated,
        otlp_endpoint: Some(endpoint),
        programs: vec![
            production(Program::LessonSvc, "LESSON_ENVIRONMENT"),
            production(Program::NotifySvc, "NOTIFY_ENVIRONMENT"),
            production(Program::BotGateway, "BOT_ENVIRONMENT"),
            production(Program::GatewayRest, "REST_ENVIRONMENT"),
            (Program::BotGateway, "TELEGRAM_BOT_TOKEN", tokens.join(",")),
        ],
    }
}

async fn measure(server: &Server, plan: &Plan) -> Result<()> {
    let sim = SimClient::new(server.stack.url(Program::TelegramSim));
    println!("opening {PEOPLE} chats, registering people …");
    for number in 1..=PEOPLE {
        let mut person = NewPerson::named("Anna", "en").with_id(number);
        person.started_bot_ids = BOTS.to_vec();
        sim.create_person(&person).await?;
    }
    let school = School::open_at(&server.stack, &BOTS).await?;
    server.drained().await?;
    sleep(SETTLING).await;
    let mut watched = Watched::of(server).await?;
    println!("idle for {} s …", plan.idle);
    let idle = async {
        sleep(Duration::from_secs(plan.idle)).await;
        Ok(())
    };
    let (idle, ()) = watched.during(idle).await?;

    let bookings = plan.rate * plan.seconds / 60;
    println!("{bookings} bookings, {} a minute …", plan.rate);
    let before = Kept::now(server).await?;
    let sent = told(&sim).await?;
    let http = Http::of(server);
    let (busy, calls) = watched
        .during(book(&http, &school, plan.rate, bookings))
        .await?;
    let expected = sent + u64::from(bookings) * TOLD;
    eventually("everybody is told", PATIENCE, async || {
        told(&sim).await.is_ok_and(|sent| sent >= expected)
    })
    .await?;
    judge(&sim, expected).await?;
    server.drained().await?;
    let after = Kept::now(server).await?;

    print_usage(&idle, &busy, bookings);
    let dump = database::dump(server).await?;
    print_kept(&before, &after, dump, bookings);
    println!("\nfrom a request to its answer: {}", described(&calls));
    println!("connections at most: {}", watched.connections());
    println!(
        "WAL kept on disk at the end: {:.0} MiB",
        mebibytes(after.wal_on_disk)
    );
    for name in ["journal.redb", "journal.chats.redb"] {
        if let Ok(file) = fs::metadata(server.directory().join(name)) {
            let bytes = i64::try_from(file.len())?;
            println!("bot-gateway's {name}: {:.1} MiB", mebibytes(bytes));
        }
    }
    Ok(())
}

/// Books at an even pace, whether or not the ones before were answered; how long each took.
async fn book(http: &Http, school: &School, rate: u32, bookings: u32) -> Result<Sample> {
    let begun = Instant::now();
    let mut ticks = interval(Duration::from_mins(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut calls, mut spans) = (JoinSet::new(), Vec::new());
    for _ in 0..bookings {
        ticks.tick().await;
        calls.spawn(call(http.clone(), school.next_lesson()?));
        while let Some(ended) = calls.try_join_next() {
            spans.push(ended??);
        }
    }
    while let Some(ended) = calls.join_next().await {
        spans.push(ended??);
    }
    Sample::of(spans, begun.elapsed())
}

async fn call(http: Http, lesson: FreeLesson) -> Result<Duration> {
    let begun = Instant::now();
    let answer = http.book(lesson).await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    if status == StatusCode::CREATED {
        return Ok(begun.elapsed());
    }
    Err(format!("HTTP {status}: {}", String::from_utf8_lossy(&body)).into())
}

/// How many messages Telegram's stand-in took.
async fn told(sim: &SimClient) -> Result<u64> {
    Ok(sim.figures().await?.iter().map(|bot| bot.sent).sum())
}

/// Everybody was told once, within the limits.
async fn judge(sim: &SimClient, expected: u64) -> Result<()> {
    let figures = sim.figures().await?;
    let sent: u64 = figures.iter().map(|bot| bot.sent).sum();
    let over: u64 = figures
        .iter()
        .map(|bot| bot.over_token + bot.over_chat + bot.over_group)
        .sum();
    if sent == expected && over == 0 {
        return Ok(());
    }
    Err(format!("{sent} messages instead of {expected}, {over} over a limit").into())
}

fn print_usage(idle: &[Usage], busy: &[Usage], bookings: u32) {
    let mut rows = Vec::new();
    for (idle, busy) in idle.iter().zip(busy) {
        rows.push(vec![
            idle.name.to_owned(),
            format!("{:.1}", idle.memory_mib),
            format!("{:.2}", idle.cores * 100.0),
            format!("{:.1}", busy.memory_mib),
            format!("{:.1}", busy.memory_peak_mib),
            format!("{:.1}", busy.cores * 100.0),
            format!("{:.2}", milliseconds(busy.cpu) / f64::from(bookings)),
        ]);
    }
    let head = [
        "process",
        "idle: MiB",
        "CPU %",
        "busy: MiB",
        "most MiB",
        "CPU %",
        "CPU ms a booking",
    ];
    print(&head, &rows);
}

fn print_kept(before: &Kept, after: &Kept, dump: i64, bookings: u32) {
    let scaled = |bytes: i64| {
        let scale = f64::from(SCALE) / f64::from(bookings);
        format!("{:.1}", mebibytes(bytes) * scale)
    };
    let rows = [
        ("schema lesson", after.lesson - before.lesson),
        ("schema notify", after.notify - before.notify),
        ("the whole database", after.database - before.database),
        ("WAL written", after.wal - before.wal),
    ];
    let mut rows: Vec<_> = rows
        .map(|(name, bytes)| vec![name.to_owned(), scaled(bytes)])
        .into();
    rows.push(vec![
        "a backup of everything there is, not scaled".to_owned(),
        format!("{:.1}", mebibytes(dump)),
    ]);
    print(&["PostgreSQL, for 10,000 bookings", "MiB"], &rows);
}

fn print(head: &[&str], rows: &[Vec<String>]) {
    println!();
    for line in table::lines(head, rows) {
        println!("{line}");
    }
}

fn described(calls: &Sample) -> String {
    format!(
        "p50 {:.1} ms, p99 {:.1} ms",
        milliseconds(calls.p50),
        milliseconds(calls.p99)
    )
}

/// To a thousandth of one.
fn mebibytes(bytes: i64) -> f64 {
    let kibibytes = i32::try_from(bytes / 1_024).unwrap_or(i32::MAX);
    f64::from(kibibytes) / 1_024.0
}
