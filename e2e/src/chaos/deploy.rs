//! An update under load, in the order that docs/operations/update.md tells: migrate, then every
//! service one process after the other. `cargo xtask chaos --deploy` replaces programs by
//! themselves, `cargo xtask update-check` those of an earlier release by those of this one.

pub mod fleet;
mod judge;
pub mod visitors;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use service_kit::clock::{Clock as _, SystemClock};
use tokio::time::{Instant, sleep};

use super::{
    Figures, SETTLING,
    dice::Dice,
    history::{self, Breach, Window},
    load::{self, Load, lessons::Ended},
    record,
};
use crate::Result;
use fleet::{Fleet, ORDER};
use visitors::{Seen, Visitors};

/// Load is started for so long at a time.
const SLICE: Duration = Duration::from_secs(2);
/// Of 100 notifications, how many their clients cancel.
const CANCELED: u64 = 15;

/// How processes are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Two of each; the next one serves before the one it replaces is told to stop. As on
    /// Kubernetes, where bot-gateway's pods keep their volume and so are replaced one by one.
    Rolling,
    /// One of each; it stops, then the next one starts in its place. As with Docker Compose.
    InPlace,
}

impl Style {
    /// How many there are of each service.
    #[must_use]
    pub fn replicas(self) -> usize {
        match self {
            Self::Rolling => 2,
            Self::InPlace => 1,
        }
    }
}

impl fmt::Display for Style {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rolling => "two of each, one after the other",
            Self::InPlace => "one of each, in place",
        })
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides the load.
    pub seed: u64,
    /// How many updates.
    pub rounds: u32,
    /// How processes are replaced.
    pub style: Style,
    /// The programs that run at first.
    pub before: PathBuf,
    /// Those that replace them.
    pub after: PathBuf,
    /// How long the programs that were there go on with the new schema, and then side by side
    /// with the new ones after each service.
    pub soak: Duration,
    /// Afterwards goes back to the first ones, with the new schema.
    pub and_back: bool,
    /// Every second update, the database roles' passwords change too.
    pub passwords: bool,
    /// Where data and logs go.
    pub directory: PathBuf,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Of notifications.
    pub figures: Figures,
    /// Of lessons.
    pub seen: Seen,
    /// Updates that were made.
    pub rounds: u32,
    /// What did not hold.
    pub breaches: Vec<Breach>,
}

impl Verdict {
    /// Whether nothing was lost, doubled or refused.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.breaches.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Breach { invariant, what } in &self.breaches {
            writeln!(formatter, "{invariant:>6}  {what}")?;
        }
        let Seen {
            calls,
            again,
            instead,
            longest,
            written,
            ..
        } = &self.seen;
        writeln!(formatter, "{}", self.figures)?;
        write!(
            formatter,
            "{calls} requests answered, {again} of them asked again"
        )?;
        for (what, count) in instead {
            write!(formatter, ", {what}: {count}")?;
        }
        writeln!(
            formatter,
            ", the longest after {:.1} s; {written} wrote to the bot and were answered",
            longest.as_secs_f64()
        )?;
        let updates = self.rounds;
        if self.is_good() {
            write!(formatter, "{updates} updates: nothing lost, nothing twice")
        } else {
            write!(formatter, "{} breaches", self.breaches.len())
        }
    }
}

/// Makes the updates and stops at the first that loses something; `tell` gets a line of each.
///
/// # Errors
///
/// When a process does not start, does not become ready, or does not end as it should.
pub async fn run(plan: &Plan, mut tell: impl FnMut(&str)) -> Result<Verdict> {
    let mut fleet = Fleet::start(&plan.directory, &plan.before, &plan.after, plan.style).await?;
    record::log_transitions(&fleet.database).await?;
    load::introduce(&fleet).await?;
    let mut load = Load::new(&fleet)?;
    let mut visitors = Visitors::introduce(&fleet).await?;
    let mut windows = Vec::new();
    let mut verdict = Verdict::default();
    for round in 1..=plan.rounds {
        let begun = Instant::now();
        let from_us = SystemClock.now().as_microsecond();
        let mut dice = Dice::new(plan.seed, round);
        let over = AtomicBool::new(false);
        let updated = async {
            let updated = steps(plan, &mut fleet, round).await;
            over.store(true, Ordering::Relaxed);
            updated
        };
        let loaded = async {
            while !over.load(Ordering::Relaxed) {
                load.start(&mut dice, SLICE, CANCELED);
                visitors.start(&mut dice, SLICE);
                sleep(SLICE).await;
            }
        };
        let (updated, ()) = tokio::join!(updated, loaded);
        updated?;
        load.finish().await;
        visitors.finish().await;
        settle(&fleet).await;
        fleet.check()?;
        windows.push(Window {
            name: plan.style.to_string(),
            from_us,
            until_us: SystemClock.now().as_microsecond(),
            hides_outcomes: false,
            delays_requests: false,
        });
        judge(&fleet, &load, &visitors, &windows, &mut verdict).await?;
        let result = if verdict.is_good() { "ok" } else { "BROKEN" };
        let seconds = begun.elapsed().as_secs_f64();
        tell(&format!(
            "update {round:>3}  {:<34}  {result}  {seconds:.1} s",
            plan.style
        ));
        if !verdict.is_good() {
            return Ok(verdict);
        }
    }
    fleet.stop().await?;
    Ok(verdict)
}

/// One update.
async fn steps(plan: &Plan, fleet: &mut Fleet, round: u32) -> Result<()> {
    // It comes into the midst of the load.
    sleep(SLICE).await;
    fleet.migrate(&plan.after).await?;
    if plan.passwords && round.is_multiple_of(2) {
        fleet
            .change_passwords(&format!("password number {round}"))
            .await?;
    }
    replace_all(plan, fleet, &plan.after).await?;
    if plan.and_back {
        replace_all(plan, fleet, &plan.before).await?;
    }
    Ok(())
}

async fn replace_all(plan: &Plan, fleet: &mut Fleet, binaries: &Path) -> Result<()> {
    for program in ORDER {
        sleep(plan.soak).await;
        fleet.replace(program, binaries).await?;
    }
    sleep(plan.soak).await;
    Ok(())
}

/// Waits until nothing is under way; what stays so is the judge's to name.
async fn settle(fleet: &Fleet) {
    let deadline = Instant::now() + SETTLING;
    while Instant::now() < deadline {
        let told = matches!(judge::untold(&fleet.database).await, Ok(0));
        if told && matches!(record::open_rows(&fleet.database).await, Ok(0)) {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn judge(
    fleet: &Fleet,
    load: &Load,
    visitors: &Visitors,
    windows: &[Window],
    verdict: &mut Verdict,
) -> Result<()> {
    let seen = visitors.seen();
    let mut known = load.known();
    known
        .lessons
        .extend(seen.lessons.iter().map(|lesson| Ended {
            chats: vec![lesson.chat],
            start: lesson.start,
            end: lesson.end,
            canceled: lesson.canceled,
        }));
    let sim = load::Doors::sim(fleet);
    let history = record::history(&fleet.database, sim, known, windows.to_vec()).await?;
    let books = judge::books(&fleet.database, visitors.teachers()).await?;
    verdict.breaches = history::check(&history);
    verdict.breaches.extend(judge::check(&seen, &books));
    verdict.figures = Figures::of(&history);
    verdict.seen = seen;
    verdict.rounds += 1;
    Ok(())
}
