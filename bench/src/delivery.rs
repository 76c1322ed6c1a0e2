//! `cargo xtask bench delivery`: notifications on time and at Telegram's limits, ours beside
//! the queues people would use instead. One machine, one PostgreSQL, one simulator, whose
//! ledger is the only judge.

mod arena;
pub(crate) mod failover;
mod judge;
mod load;
mod ours;
mod peer;
mod report;
mod schedule;

use std::time::Duration;

use clap::{Args, ValueEnum};
use e2e::Result;
use telegram_sim::{
    Limits,
    api::{Fault, FaultKind},
};
use tokio::time::{Instant, sleep, sleep_until};

use arena::Arena;
use judge::{Cost, Figures};
use ours::Ours;
use peer::{Peer, Peers};
use schedule::Schedule;

/// How often a measurement begins anew because enqueueing took too long.
const TRIES: u32 = 3;

/// How much is measured.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Rounds; the table has their medians and ranges
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Seconds that each measurement looks at
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=600))]
    window: u64,
    /// Rows that are due at one instant in a burst
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=50_000))]
    burst: u32,
    /// Rows at random instants of the window
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    rows: u32,
    /// Round trips to Telegram in milliseconds
    #[arg(long, value_delimiter = ',', default_values_t = [5, 50])]
    round_trips: Vec<u64>,
    /// Only these
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<Scenario>,
    /// Only these
    #[arg(long, value_delimiter = ',')]
    contestants: Vec<Contestant>,
    /// One short round: to see that it works
    #[arg(long)]
    quick: bool,
}

/// What is asked of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Scenario {
    /// Rows at random instants, no limits: how late?
    Precision,
    /// All at one instant, Telegram's limits: how near to them, how often beyond?
    Burst,
    /// The same, and people who are told what just happened: how long do they wait?
    Interactive,
    /// All at one instant, no limits: how many a second, how much work each?
    Throughput,
    /// Groups with more than they may get, and people beside them
    Groups,
    /// As throughput, while a transaction is held open
    Idle,
}

impl Scenario {
    fn has_limits(self) -> bool {
        match self {
            Self::Burst | Self::Interactive | Self::Groups => true,
            Self::Precision | Self::Throughput | Self::Idle => false,
        }
    }
}

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Contestant {
    /// notify-svc and bot-gateway
    Ours,
    /// pgqueuer as it comes
    Pgqueuer,
    /// pgqueuer, looking every 5 ms, 100 rows at a time
    PgqueuerTuned,
    /// graphile-worker as it comes
    Graphile,
    /// graphile-worker, looking every 100 ms, 500 rows at a time
    GraphileTuned,
    /// A table that is looked at every 30 s
    Source,
}

impl Contestant {
    /// Looking every 30 seconds needs no further measurement.
    fn takes_part(self, scenario: Scenario) -> bool {
        self != Self::Source || scenario == Scenario::Precision
    }

    fn peer(self) -> Option<Peer> {
        match self {
            Self::Ours => None,
            Self::Pgqueuer => Some(Peer::Pgqueuer { tuned: false }),
            Self::PgqueuerTuned => Some(Peer::Pgqueuer { tuned: true }),
            Self::Graphile => Some(Peer::Graphile { tuned: false }),
            Self::GraphileTuned => Some(Peer::Graphile { tuned: true }),
            Self::Source => Some(Peer::Source),
        }
    }
}

/// One cell of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Case {
    scenario: Scenario,
    round_trip_ms: u64,
    contestant: Contestant,
}

/// Measures, prints, and stops what it started.
pub(crate) async fn run(plan: &Plan) -> Result<()> {
    let plan = &plan.shortened();
    let peers = if plan
        .cases()
        .iter()
        .any(|case| case.contestant.peer().is_some())
    {
        Some(Peers::install().await?)
    } else {
        None
    };
    println!("starting PostgreSQL, telegram-sim, notify-svc and bot-gateway …");
    let arena = Arena::start(plan.burst.max(plan.rows)).await?;
    let mut ours = Ours::new(&arena).await?;
    let (mut measured, mut failed) = (Vec::new(), 0_u32);
    let cases = plan.cases();
    for round in 1..=plan.rounds {
        for (number, case) in cases.iter().enumerate() {
            let at = format!(
                "round {round} of {}, {} of {}",
                plan.rounds,
                number + 1,
                cases.len()
            );
            match measure(plan, &arena, &mut ours, peers.as_ref(), *case, round).await {
                Ok(figures) => {
                    println!("{at}: {}", report::line(*case, &figures));
                    measured.push((*case, figures));
                }
                // What was measured before is not thrown away.
                Err(error) => {
                    println!("{at}: {}: FAILED: {error}", report::name(*case));
                    failed += 1;
                    println!("the logs are in {}", arena.keep_logs()?.display());
                    ours.end().await?;
                }
            }
        }
    }
    println!("\nPostgreSQL {}\n", arena.version().await?);
    for line in report::table(&measured) {
        println!("{line}");
    }
    arena.stop().await?;
    if failed > 0 {
        return Err(format!("{failed} measurements failed").into());
    }
    Ok(())
}

impl Plan {
    fn shortened(&self) -> Self {
        let all = |wanted: &[Scenario]| match wanted {
            [] => Scenario::value_variants().to_vec(),
            some => some.to_vec(),
        };
        let everybody = |wanted: &[Contestant]| match wanted {
            [] => Contestant::value_variants().to_vec(),
            some => some.to_vec(),
        };
        let few = |figure: u32, most: u32| if self.quick { figure.min(most) } else { figure };
        Self {
            rounds: few(self.rounds, 1),
            window: if self.quick { 6 } else { self.window },
            burst: few(self.burst, 1_000),
            rows: few(self.rows, 300),
            round_trips: self.round_trips.clone(),
            scenarios: all(&self.scenarios),
            contestants: everybody(&self.contestants),
            quick: self.quick,
        }
    }

    fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for scenario in &self.scenarios {
            for round_trip_ms in &self.round_trips {
                for contestant in &self.contestants {
                    if contestant.takes_part(*scenario) {
                        cases.push(Case {
                            scenario: *scenario,
                            round_trip_ms: *round_trip_ms,
                            contestant: *contestant,
                        });
                    }
                }
            }
        }
        cases
    }

    /// About how many rows are enqueued before the beginning.
    fn ahead(&self, scenario: Scenario) -> u32 {
        match scenario {
            Scenario::Precision => self.rows,
            Scenario::Groups => schedule::ROWS_OF_GROUPS,
            Scenario::Burst | Scenario::Interactive | Scenario::Throughput | Scenario::Idle => {
                self.burst
            }
        }
    }

    fn window(&self) -> Duration {
        Duration::from_secs(self.window)
    }
}

async fn measure(
    plan: &Plan,
    arena: &Arena,
    ours: &mut Ours,
    peers: Option<&Peers>,
    case: Case,
    round: u32,
) -> Result<Figures> {
    let limits = case.scenario.has_limits();
    let sim = &arena.sim;
    sim.clear_faults().await?;
    // Also forgives: nobody pays for the 429s of what was measured before.
    sim.set_limits(if limits {
        Limits::TELEGRAM
    } else {
        Limits::OFF
    })
    .await?;
    let delay = FaultKind::Delay {
        ms: case.round_trip_ms,
    };
    sim.fault(&Fault::new(delay).on("sendMessage").times(0))
        .await?;
    match (case.contestant.peer(), peers) {
        (Some(peer), Some(peers)) => {
            let mut work = peers.begin(arena, case.contestant, peer, limits).await?;
            let lead = Peer::lead(plan.ahead(case.scenario));
            let schedule = Schedule::new(plan, arena, case, round, lead);
            let producer = work.enqueue(&schedule).await?;
            let figures = judged(arena, &schedule, case, &work.processes()).await;
            producer.abort();
            work.end().await?;
            figures
        }
        (Some(_), None) => Err("the peers are not installed".into()),
        (None, _) => {
            for _ in 1..TRIES {
                let tried = of_ours(plan, arena, ours, case, round).await?;
                if let Some(figures) = tried {
                    return Ok(figures);
                }
            }
            let last = of_ours(plan, arena, ours, case, round).await?;
            last.ok_or_else(|| "enqueueing takes longer and longer".into())
        }
    }
}

/// `None` when enqueueing took longer than expected: the next time that is known.
async fn of_ours(
    plan: &Plan,
    arena: &Arena,
    ours: &mut Ours,
    case: Case,
    round: u32,
) -> Result<Option<Figures>> {
    ours.begin(arena, case.scenario.has_limits()).await?;
    let lead = ours.lead(plan.ahead(case.scenario));
    let schedule = Schedule::new(plan, arena, case, round, lead);
    let producer = ours.enqueue(&schedule).await?;
    let figures = match schedule.until_start() {
        Ok(_) => Some(judged(arena, &schedule, case, &ours.processes()).await),
        Err(_) => None,
    };
    producer.abort();
    ours.end().await?;
    figures.transpose()
}

/// Waits for the schedule's beginning, and then until everything arrived or the window is
/// over; reads the ledger.
async fn judged(
    arena: &Arena,
    schedule: &Schedule,
    case: Case,
    workers: &[u32],
) -> Result<Figures> {
    let left = schedule.until_start()?;
    let begin = Instant::now() + left;
    let idle = match case.scenario {
        Scenario::Idle => Some(arena.idle_transaction(case.contestant).await?),
        Scenario::Precision
        | Scenario::Burst
        | Scenario::Interactive
        | Scenario::Throughput
        | Scenario::Groups => None,
    };
    let first = arena.ledger_end().await?;
    let sent_before = arena.sent(case.contestant).await?;
    sleep_until(begin).await;
    let before = Cost::now(arena.postmaster, workers)?;
    let end = begin + schedule.watched;
    let mut finished = false;
    while Instant::now() < end && !finished {
        sleep(Duration::from_millis(200)).await;
        finished =
            arena.sent(case.contestant).await? - sent_before >= u64::from(schedule.expected());
    }
    let cost = Cost::now(arena.postmaster, workers)?.since(before);
    let entries = arena.ledger_since(case.contestant, first).await?;
    drop(idle);
    Ok(Figures::judge(schedule, &entries, cost))
}
