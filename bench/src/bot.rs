//! `cargo xtask bench bot`: how long people wait for the bot's answer, with the services behind
//! it and without them, beside a bot that has nothing behind it at all. The simulator's clock
//! and ledger are the only judge.

pub(crate) mod bare;
mod crowd;
mod drive;
mod judge;
mod report;
mod script;
mod stage;

use std::time::Duration;

use clap::Args;
use e2e::Result;

use bare::Bare;
use judge::Judged;
use report::{Line, Row};
use stage::{Stage, Which};

/// Before anything is measured, so that everything has been done once.
const WARM_UP: Duration = Duration::from_secs(10);

/// How much is measured.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Rounds; the table has their medians and ranges
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Seconds between two acts of one person: from so many to twice as many
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    pace: u64,
    /// People who use the bot at a time
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=60))]
    users: u32,
    /// Seconds that each measurement takes
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=600))]
    window: u64,
    /// People who press a button at once
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    crowd: u32,
    /// One short round: to see that it works
    #[arg(long)]
    quick: bool,
}

impl Plan {
    fn shortened(&self) -> Self {
        if !self.quick {
            return Self { ..*self };
        }
        Self {
            rounds: 1,
            users: self.users.min(20),
            pace: self.pace,
            window: 10,
            crowd: self.crowd.min(100),
            quick: true,
        }
    }

    /// How long each measurement takes, and the shortest time between two acts of one person.
    fn times(&self) -> (Duration, Duration) {
        (
            Duration::from_secs(self.window),
            Duration::from_secs(self.pace),
        )
    }
}

/// Measures, prints, and stops what it started.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    let plan = &plan.shortened();
    println!("starting PostgreSQL, the services, telegram-sim and the bare bot …");
    let mut stage = Stage::start(plan.users, plan.crowd).await?;
    let bare = Bare::start(&stage).await?;
    let measured = measure_all(plan, &mut stage).await;
    let stopped = bare.stop().await;
    let version = stage.server.version().await?;
    let stopped = stopped.and(stage.stop().await);
    let rows = measured?;
    println!("\nPostgreSQL {version}\n");
    for line in report::table(&rows) {
        println!("{line}");
    }
    stopped
}

async fn measure_all(plan: &Plan, stage: &mut Stage) -> Result<Vec<Row>> {
    println!("{} people meet both bots …", plan.crowd);
    crowd::meet(stage, Which::Bare).await?;
    crowd::meet(stage, Which::Ours).await?;
    for which in Which::ALL {
        drive::run(stage, which, 0, (WARM_UP, plan.times().1)).await?;
    }
    let mut rows = Vec::new();
    for round in 1..=plan.rounds {
        println!("round {round} of {}", plan.rounds);
        let bare = drive::run(stage, Which::Bare, round, plan.times()).await?;
        keep(&mut rows, Row::of(Line::Bare, &bare));
        let there = drive::run(stage, Which::Ours, round, plan.times()).await?;
        keep_parts(&mut rows, Line::THERE, &there);
        stage.cut_off().await?;
        let away = drive::run(stage, Which::Ours, round, plan.times()).await?;
        stage.reconnect().await?;
        keep_parts(&mut rows, Line::AWAY, &away);
        for (which, line) in [
            (Which::Bare, Line::AcknowledgedBare),
            (Which::Ours, Line::Acknowledged),
        ] {
            let pressed = crowd::press(stage, which).await?;
            keep(&mut rows, Row::of(line, &pressed));
        }
        // A crowd is more than lesson-svc may have had time for.
        stage.reaches().await?;
    }
    Ok(rows)
}

/// Reads, writes, and both.
fn keep_parts(rows: &mut Vec<Row>, [reads, writes, all]: [Line; 3], judged: &[Judged]) {
    let part = |of_writes: bool| {
        let own = judged.iter().filter(|one| one.is_write == of_writes);
        own.copied().collect::<Vec<_>>()
    };
    keep(rows, Row::of(reads, &part(false)));
    keep(rows, Row::of(writes, &part(true)));
    keep(rows, Row::of(all, judged));
}

fn keep(rows: &mut Vec<Row>, row: Row) {
    println!("  {}", report::line(&row));
    rows.push(row);
}
