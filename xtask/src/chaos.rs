//! `cargo xtask chaos`: faults under load, and whether delivery kept its promises.

use std::time::Duration;

use clap::Args;
use e2e::{Result, chaos};
use tokio::time::timeout;

use crate::tasks::{Interrupts, binaries, cargo, execute, open_to_all, runtime};

/// The programs that take part.
const PROGRAMS: [&str; 3] = ["telegram-sim", "notify-svc", "bot-gateway"];
/// No round takes longer, whatever happens in it.
const ROUND: Duration = Duration::from_mins(5);

/// Which faults, and how many.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Decides the load, the faults and their instants
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many rounds, one fault each; 25 rounds have every kind of fault once
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// The round to begin with: `--round 7 --rounds 1` repeats the seventh alone
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    round: u32,
    /// Suspends for 70 s and partitions for 30 s, instead of seconds
    #[arg(long)]
    hard: bool,
}

/// Builds the programs, breaks them, and says what came of it.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let mut build = cargo(&["build", "--bins"]);
    build.args(PROGRAMS.iter().flat_map(|program| ["-p", program]));
    execute(&mut build)?;
    let directory = tempfile::Builder::new().prefix("olm-chaos-").tempdir()?;
    open_to_all(directory.path())?;
    println!("seed {}, {} rounds", plan.seed, plan.rounds);
    let chaos = chaos::Plan {
        seed: plan.seed,
        faults: chaos::Plan::faults_of(plan.seed, plan.round, plan.rounds),
        first_round: plan.round,
        hard: plan.hard,
        binaries: binaries()?,
        directory: directory.path().to_owned(),
    };
    let verdict = runtime()?.block_on(async {
        let mut interrupts = Interrupts::new()?;
        tokio::select! {
            verdict = timeout(ROUND * plan.rounds, chaos::run(&chaos, |line| println!("{line}"))) => {
                verdict.map_err(|_| "it did not end in time")?
            }
            () = interrupts.next() => Err("interrupted".into()),
        }
    });
    match verdict {
        Ok(verdict) if verdict.is_good() => {
            println!("{verdict}");
            return Ok(());
        }
        Ok(verdict) => println!("{verdict}"),
        Err(error) => println!("error: {error}"),
    }
    // For whoever looks for the cause.
    println!("logs and data are in {}", directory.keep().display());
    Err(format!(
        "delivery did not keep its promises; again: cargo xtask chaos --seed {} --round {} --rounds {}",
        plan.seed, plan.round, plan.rounds
    )
    .into())
}
