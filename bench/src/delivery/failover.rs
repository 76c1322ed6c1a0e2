//! `cargo xtask bench failover`: how long nobody is written to when the gateway that owns a
//! bot goes and another one is there. Rows are due all the time; the simulator's ledger says
//! how late each arrived.

use std::time::Duration;

use clap::Args;
use e2e::{Result, chaos::dice::Dice};
use service_kit::clock::{Clock as _, SystemClock};
use telegram_sim::{
    Limits,
    api::{Fault, FaultKind},
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Contestant,
    arena::Arena,
    judge::{Cost, Figures},
    ours::{Gateway, Ours},
    schedule::{Item, Schedule, micros},
};
use crate::table;

/// Rows due in a second: below the limit, so that only the failover makes them late.
const PER_SECOND: u64 = 20;
/// The owner goes when so much of the window is over.
const GOES_AFTER: Duration = Duration::from_secs(5);
const WINDOW: Duration = Duration::from_secs(25);
const ROUND_TRIP_MS: u64 = 5;

/// How much is measured.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Rounds; the table has their medians and ranges
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
}

/// How the owner goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// SIGTERM, as in a rolling deploy.
    Deployed,
    /// kill -9.
    Killed,
}

impl End {
    const ALL: [Self; 2] = [Self::Deployed, Self::Killed];

    fn name(self) -> &'static str {
        match self {
            Self::Deployed => "SIGTERM, another gateway waits",
            Self::Killed => "kill -9, another gateway waits",
        }
    }
}

/// Measures, prints, and stops what it started.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    println!("starting PostgreSQL, telegram-sim, notify-svc and two bot-gateways …");
    let arena = Arena::start(rows()).await?;
    let mut ours = Ours::new(&arena).await?;
    let mut measured = Vec::new();
    for round in 1..=plan.rounds {
        for end in End::ALL {
            let figures = measure(&arena, &mut ours, end, round).await?;
            let late = figures.late(100).unwrap_or_default();
            println!(
                "round {round} of {}: {}: latest {late:.0} ms",
                plan.rounds,
                end.name()
            );
            measured.push((end, figures));
        }
    }
    println!("\nPostgreSQL {}\n", arena.version().await?);
    print(&measured);
    arena.stop().await
}

fn rows() -> u32 {
    u32::try_from(PER_SECOND * WINDOW.as_secs()).unwrap_or(u32::MAX)
}

/// Rows at random instants of the window, one for each person.
fn schedule(round: u32, lead: Duration) -> Schedule {
    let start_us = SystemClock.now().as_microsecond() + micros(lead);
    let mut dice = Dice::new(PER_SECOND, round);
    let window_us = micros(WINDOW).unsigned_abs();
    let row = |chat| Item {
        chat,
        at_us: start_us + i64::try_from(dice.below(window_us)).unwrap_or(0),
        live: false,
        watched: true,
    };
    Schedule {
        items: (1..=i64::from(rows())).map(row).collect(),
        start_us,
        watched: WINDOW * 2,
        limits: true,
    }
}

async fn measure(arena: &Arena, ours: &mut Ours, end: End, round: u32) -> Result<Figures> {
    let sim = &arena.sim;
    sim.clear_faults().await?;
    sim.set_limits(Limits::TELEGRAM).await?;
    let delay = FaultKind::Delay { ms: ROUND_TRIP_MS };
    sim.fault(&Fault::new(delay).on("sendMessage").times(0))
        .await?;
    ours.begin(arena, true).await?;
    ours.start_gateway(arena, true, Gateway::Second)?;
    let schedule = schedule(round, ours.lead(rows()));
    let producer = ours.enqueue(&schedule).await?;
    let first = arena.ledger_end().await?;
    let sent_before = arena.sent(Contestant::Ours).await?;
    let begin = Instant::now() + schedule.until_start()?;
    sleep_until(begin + GOES_AFTER).await;
    match end {
        End::Deployed => ours.stop_gateway().await?,
        End::Killed => ours.kill_gateway().await?,
    }
    let until = begin + schedule.watched;
    let expected = u64::from(schedule.expected());
    while Instant::now() < until && arena.sent(Contestant::Ours).await? - sent_before < expected {
        sleep(Duration::from_millis(100)).await;
    }
    let entries = arena.ledger_since(Contestant::Ours, first).await?;
    producer.abort();
    ours.end().await?;
    Ok(Figures::judge(&schedule, &entries, Cost::NOTHING))
}

fn print(measured: &[(End, Figures)]) {
    let head = [
        "the owner ends by",
        "latest row, ms",
        "429s",
        "not sent",
        "sent twice",
    ];
    let rows = End::ALL.map(|end| {
        let of_end = || measured.iter().filter(move |(of, _)| *of == end);
        let mut late: Vec<_> = of_end()
            .filter_map(|(_, figures)| figures.late(100))
            .collect();
        late.sort_unstable_by(f64::total_cmp);
        let sum = |count: fn(&Figures) -> u32| {
            let counts = of_end().map(|(_, figures)| count(figures));
            counts.sum::<u32>().to_string()
        };
        vec![
            end.name().to_owned(),
            table::cell(&late),
            sum(|figures| figures.refused),
            sum(|figures| figures.expected - figures.sent),
            sum(|figures| figures.copies),
        ]
    });
    for line in table::lines(&head, &rows) {
        println!("{line}");
    }
}
