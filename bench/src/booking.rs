//! `cargo xtask bench booking`.

use std::{sync::Arc, time::Duration};

use clap::Args;
use e2e::Result;

use crate::{
    contention,
    layers::{Layer, Layers, Recorded, Work},
    measure::{self, Sample},
    milliseconds, peers,
    school::School,
    server::Server,
    table,
};

/// How long each layer is warmed up before the first round.
const WARM_UP: Duration = Duration::from_millis(500);
/// How many clients call at once.
const CLIENTS: [usize; 2] = [1, 16];

/// How long is measured.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Rounds of each layer; the table has their medians
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    rounds: u32,
    /// Length of a round in seconds
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Also print the statements that are replayed
    #[arg(long)]
    statements: bool,
}

/// Measures, prints, and stops what it started.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    println!("starting PostgreSQL, lesson-svc, notify-svc and gateway-rest …");
    let mut server = Server::start().await?;
    let result = measure_all(&mut server, plan).await;
    let stopped = server.stop().await;
    result.and(stopped)
}

async fn measure_all(server: &mut Server, plan: &Plan) -> Result<()> {
    println!("registering people, filling a week …");
    let school = Arc::new(School::open(&server.stack).await?);
    school.fill_week(&server.stack).await?;
    server.drained().await?;
    let recorded = Recorded::of(server, &school).await?;
    server.drained().await?;
    let pool = server.copy().await?;
    let layers = Layers::new(server, school.clone(), recorded, pool.clone()).await?;
    layers.agree().await?;
    println!(
        "PostgreSQL {}, {} rounds of {} s for each layer in turn, medians\n",
        server.version().await?,
        plan.rounds,
        plan.seconds
    );
    for work in [Work::Book, Work::List] {
        let statements = layers.statements(work);
        println!("{}: {} statements", work.name(), statements.len());
        if plan.statements {
            println!(
                "    {}",
                statements.join(
                    "
    "
                )
            );
        }
    }
    for work in [Work::Book, Work::List] {
        for clients in CLIENTS {
            let samples = measure_layers(server, &layers, plan, work, clients).await?;
            print(work, clients, &samples);
        }
    }
    contention::run(server, &school).await?;
    peers::run(&pool, &school).await
}

/// The layers take turns, so that what else the machine does hits all alike.
async fn measure_layers(
    server: &Server,
    layers: &Layers,
    plan: &Plan,
    work: Work,
    clients: usize,
) -> Result<[Sample; 3]> {
    let mut rounds = Layer::ALL.map(|_| Vec::new());
    for round in 0..=plan.rounds {
        let span = if round == 0 {
            WARM_UP
        } else {
            Duration::from_secs(plan.seconds)
        };
        for (layer, samples) in Layer::ALL.into_iter().zip(&mut rounds) {
            let layers = layers.clone();
            let call = move || layers.clone().perform(layer, work);
            let sample = measure::run(clients, span, call).await?;
            if round > 0 {
                samples.push(sample);
            }
            server.drained().await?;
        }
    }
    let [sql, grpc, rest] = rounds;
    Ok([
        Sample::median(&sql)?,
        Sample::median(&grpc)?,
        Sample::median(&rest)?,
    ])
}

fn print(work: Work, clients: usize, samples: &[Sample; 3]) {
    let plural = if clients == 1 { "" } else { "s" };
    println!("\n{}, {clients} client{plural}\n", work.name());
    let [lowest, ..] = samples;
    let mut below = lowest;
    let mut rows = Vec::new();
    for (layer, sample) in Layer::ALL.into_iter().zip(samples) {
        rows.push(vec![
            layer.name().to_owned(),
            format!("{:.0}", sample.rate),
            format!("{:.2}", milliseconds(sample.p50)),
            format!("{:.2}", milliseconds(sample.p99)),
            format!("{:.2}", lowest.rate / sample.rate),
            format!("{:.2}", below.rate / sample.rate),
        ]);
        below = sample;
    }
    let head = [
        "through",
        "per second",
        "p50 ms",
        "p99 ms",
        "× PostgreSQL",
        "× below",
    ];
    for line in table::lines(&head, &rows) {
        println!("{line}");
    }
}
