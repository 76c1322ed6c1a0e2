//! `cargo xtask chaos`: faults or updates under load, and whether promises were kept.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use e2e::{
    Result,
    chaos::{
        self,
        deploy::{self, Style},
    },
};
use tokio::time::timeout;

use crate::tasks::{Interrupts, binaries, cargo, execute, open_to_all, runtime};

/// The programs that take part.
const PROGRAMS: [&str; 3] = ["telegram-sim", "notify-svc", "bot-gateway"];
/// What else takes part in an update.
const OTHERS: [&str; 2] = ["lesson-svc", "gateway-rest"];
/// No round takes longer, whatever happens in it.
const ROUND: Duration = Duration::from_mins(5);
/// Nor an update, there and back, on a machine that is busy.
const UPDATE: Duration = Duration::from_mins(20);
const LATE: &str = "it did not end in time";

/// Which faults, and how many.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Decides the load, the faults and their instants
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many rounds, one fault each: 25 have every kind of fault once, and are the default;
    /// with `--deploy` updates, 3 by default
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: Option<u32>,
    /// The round to begin with: `--round 7 --rounds 1` repeats the seventh alone
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    round: u32,
    /// Suspends for 70 s and partitions for 30 s, instead of seconds
    #[arg(long)]
    hard: bool,
    /// Replaces every service instead, in the order of an update: with two of each one after
    /// the other, then with one of each in place
    #[arg(long, conflicts_with_all = ["hard", "round"])]
    deploy: bool,
}

/// Builds the programs, breaks or replaces them, and says what came of it.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    if plan.deploy {
        build(PROGRAMS.iter().chain(&OTHERS))?;
        let binaries = binaries()?;
        let rounds = plan.rounds.unwrap_or(3);
        for style in [Style::Rolling, Style::InPlace] {
            let again = format!("chaos --deploy --seed {} --rounds {rounds}", plan.seed);
            update(&again, |directory| deploy::Plan {
                seed: plan.seed,
                rounds,
                style,
                before: binaries.clone(),
                after: binaries.clone(),
                soak: Duration::ZERO,
                and_back: false,
                passwords: true,
                directory,
            })?;
        }
        return Ok(());
    }
    build(PROGRAMS.iter())?;
    let rounds = plan.rounds.unwrap_or(25);
    println!("seed {}, {rounds} rounds", plan.seed);
    let again = format!(
        "chaos --seed {} --round {} --rounds {rounds}",
        plan.seed, plan.round
    );
    let binaries = binaries()?;
    judged(&again, async |directory| {
        let chaos = chaos::Plan {
            seed: plan.seed,
            faults: chaos::Plan::faults_of(plan.seed, plan.round, rounds),
            first_round: plan.round,
            hard: plan.hard,
            binaries,
            directory,
        };
        let ran = timeout(
            ROUND * rounds,
            chaos::run(&chaos, |line| println!("{line}")),
        )
        .await;
        let verdict = ran.map_err(|_| LATE)??;
        Ok((verdict.is_good(), verdict.to_string()))
    })
}

fn build<'a>(programs: impl Iterator<Item = &'a &'static str>) -> Result<()> {
    let mut build = cargo(&["build", "--bins"]);
    build.args(programs.flat_map(|program| ["-p", program]));
    execute(&mut build)
}

/// Makes an update under load; `again` is the command that repeats it.
pub(crate) fn update(again: &str, plan: impl FnOnce(PathBuf) -> deploy::Plan) -> Result<()> {
    judged(again, async |directory| {
        let plan = plan(directory);
        println!("{}, seed {}", plan.style, plan.seed);
        let ran = timeout(
            UPDATE * plan.rounds,
            deploy::run(&plan, |line| println!("{line}")),
        )
        .await;
        let verdict = ran.map_err(|_| LATE)??;
        Ok((verdict.is_good(), verdict.to_string()))
    })
}

/// Runs `work` in a folder of its own, which is kept when the verdict is not good.
fn judged(again: &str, work: impl AsyncFnOnce(PathBuf) -> Result<(bool, String)>) -> Result<()> {
    let directory = tempfile::Builder::new().prefix("olm-chaos-").tempdir()?;
    open_to_all(directory.path())?;
    let place = directory.path().to_owned();
    let verdict = runtime()?.block_on(async {
        let mut interrupts = Interrupts::new()?;
        tokio::select! {
            verdict = work(place) => verdict,
            () = interrupts.next() => Err("interrupted".into()),
        }
    });
    match verdict {
        Ok((good, verdict)) => {
            println!("{verdict}");
            if good {
                return Ok(());
            }
        }
        Err(error) => println!("error: {error}"),
    }
    // For whoever looks for the cause.
    println!("logs and data are in {}", directory.keep().display());
    Err(format!("promises were not kept; again: cargo xtask {again}").into())
}
