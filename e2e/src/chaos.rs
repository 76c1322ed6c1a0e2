//! Faults under load, and a judge: `cargo xtask chaos`. A seed decides what is asked for,
//! which faults come and when; two runs of one seed differ only in what the machine's own
//! timing makes of it.

pub mod deploy;
pub mod dice;
pub mod faults;
pub mod history;
pub mod load;
pub mod proxy;
mod record;
pub mod site;

use std::{fmt, path::PathBuf, time::Duration};

use service_kit::clock::{Clock as _, SystemClock};
use tokio::time::{Instant, sleep};

use crate::Result;
use dice::Dice;
use faults::Fault;
use history::{Breach, History, Window};
use load::Load;
use site::Site;

/// After so long without a word a begun row is uncertain here; longer than any fault.
pub const SILENCE: Duration = Duration::from_secs(20);
/// The same where faults last as long as in the specification: as by default.
const HARD_SILENCE: Duration = Duration::from_mins(2);
/// How long everything may take to come to its end after a fault is over, beside the
/// silence.
const SETTLING: Duration = Duration::from_mins(1);
/// For how long notifications are asked for in one round.
const LOAD: Duration = Duration::from_secs(6);

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides everything.
    pub seed: u64,
    /// Which faults, one a round.
    pub faults: Vec<Fault>,
    /// The number of the first round: a round can be repeated alone.
    pub first_round: u32,
    /// Suspensions and partitions as long as in the specification, 70 s and 30 s.
    pub hard: bool,
    /// Where the programs are.
    pub binaries: PathBuf,
    /// Where data and logs go.
    pub directory: PathBuf,
}

impl Plan {
    /// The faults of `rounds` rounds from `first_round` on, by the seed: every kind comes
    /// before any comes again.
    #[must_use]
    pub fn faults_of(seed: u64, first_round: u32, rounds: u32) -> Vec<Fault> {
        let fault = |round: u32| {
            let kinds = u32::try_from(Fault::ALL.len()).unwrap_or(1);
            let mut order = Fault::ALL.to_vec();
            let mut dice = Dice::new(seed, u32::MAX - round / kinds);
            for place in (1..order.len()).rev() {
                let other = dice.below(u64::try_from(place + 1).unwrap_or(1));
                order.swap(place, usize::try_from(other).unwrap_or(0));
            }
            order[usize::try_from(round % kinds).unwrap_or(0)]
        };
        (first_round..first_round.saturating_add(rounds))
            .map(|round| fault(round - 1))
            .collect()
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What was asked for, and became of it.
    pub figures: Figures,
    /// Invariants that did not hold, and in which round that was seen.
    pub breaches: Vec<(u32, Fault, Breach)>,
    /// Rounds that were run.
    pub rounds: u32,
}

impl Verdict {
    /// Whether all invariants held.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.breaches.is_empty()
    }
}

/// Counts of one history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Notifications that clients were promised.
    pub accepted: usize,
    /// In a chat.
    pub arrived: usize,
    /// Cancelled in time.
    pub canceled: usize,
    /// A second copy was allowed.
    pub resent: usize,
    /// In a chat twice.
    pub twice: usize,
    /// Nobody can know, and nothing more is sent.
    pub unconfirmed: usize,
    /// Lessons that moved and ended.
    pub lessons: usize,
    /// What was told of them, and arrived.
    pub notices: usize,
}

impl Figures {
    fn of(history: &History) -> Self {
        let mut copies = std::collections::BTreeMap::<u64, usize>::new();
        let mut notices = 0;
        for copy in history.copies.iter().filter(|copy| copy.accepted) {
            match copy.number() {
                Some(number) => *copies.entry(number).or_default() += 1,
                None => notices += 1,
            }
        }
        let in_state = |state: &str| {
            history
                .rows
                .values()
                .filter(|row| row.state == state)
                .count()
        };
        Self {
            accepted: history.known.wanted.len(),
            arrived: copies.len(),
            canceled: in_state("canceled"),
            resent: history.rows.values().filter(|row| row.resent).count(),
            twice: copies.values().filter(|count| **count > 1).count(),
            unconfirmed: in_state("unconfirmed"),
            lessons: history.known.lessons.len(),
            notices,
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} accepted: {} arrived, {} cancelled, {} unconfirmed; {} resent, {} of them twice; \
             {} lessons, {} notices of them arrived",
            self.accepted,
            self.arrived,
            self.canceled,
            self.unconfirmed,
            self.resent,
            self.twice,
            self.lessons,
            self.notices
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (round, fault, breach) in &self.breaches {
            let Breach { invariant, what } = breach;
            writeln!(formatter, "{invariant:>6}  round {round} ({fault}): {what}")?;
        }
        writeln!(formatter, "{}", self.figures)?;
        if self.is_good() {
            write!(
                formatter,
                "{} rounds: nothing lost, every invariant held",
                self.rounds
            )
        } else {
            write!(formatter, "{} breaches", self.breaches.len())
        }
    }
}

/// Runs the plan and stops at the first round that breaks an invariant; `tell` gets a line
/// when something is to be told.
///
/// # Errors
///
/// When the system cannot be started, does not come back after a fault, or a fault cannot
/// be made.
pub async fn run(plan: &Plan, mut tell: impl FnMut(&str)) -> Result<Verdict> {
    let silence = if plan.hard { HARD_SILENCE } else { SILENCE };
    let mut site = Site::start(&plan.directory, &plan.binaries, silence).await?;
    load::introduce(&site).await?;
    let mut load = Load::new(&site)?;
    let mut verdict = Verdict {
        figures: Figures::default(),
        breaches: Vec::new(),
        rounds: 0,
    };
    let mut windows = Vec::new();
    for (fault, round) in plan.faults.iter().zip(plan.first_round..) {
        let start = Instant::now();
        let mut dice = Dice::new(plan.seed, round);
        load.start_lessons(&site, &mut dice, LOAD, fault.lessons())
            .await?;
        load.start(&mut dice, LOAD, fault.canceled());
        windows.push(strike(*fault, &mut site, &mut dice, plan.hard).await?);
        load.finish().await;
        settle(&site, silence + SETTLING).await;
        site.check()?;
        let history =
            record::history(&site.database, &site.sim, load.known(), windows.clone()).await?;
        verdict.figures = Figures::of(&history);
        verdict.rounds += 1;
        let breaches = history::check(&history);
        let (name, seconds) = (fault.to_string(), start.elapsed().as_secs_f64());
        let result = if breaches.is_empty() { "ok" } else { "BROKEN" };
        tell(&format!(
            "round {round:>3}  {name:<48}  {result}  {seconds:.1} s"
        ));
        let found = breaches.into_iter().map(|breach| (round, *fault, breach));
        verdict.breaches.extend(found);
        if !verdict.is_good() {
            break;
        }
    }
    if verdict.is_good() {
        site.stop().await?;
    }
    Ok(verdict)
}

/// One fault, from before it comes until everything is healed.
async fn strike(fault: Fault, site: &mut Site, dice: &mut Dice, hard: bool) -> Result<Window> {
    let from_us = SystemClock.now().as_microsecond();
    // The fault comes into the midst of the load.
    sleep(Duration::from_millis(500 + dice.below(1_000))).await;
    let struck = fault.strike(site, dice, hard).await;
    site.heal().await?;
    struck.map_err(|error| format!("{fault}: {error}"))?;
    Ok(Window {
        name: fault.to_string(),
        from_us,
        until_us: SystemClock.now().as_microsecond(),
        hides_outcomes: fault.hides_outcomes(),
        delays_requests: fault.delays_requests(),
    })
}

/// Waits until nothing is under way; what stays so is the judge's to name.
async fn settle(site: &Site, patience: Duration) {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if matches!(record::open_rows(&site.database).await, Ok(0)) {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_fault_comes_before_any_comes_again_and_a_round_repeats_alone() {
        let kinds = Fault::ALL.len();
        let rounds = u32::try_from(kinds * 2).unwrap();
        let faults = Plan::faults_of(7, 1, rounds);
        for fault in Fault::ALL {
            assert!(faults[..kinds].contains(&fault), "{fault}");
            assert!(faults[kinds..].contains(&fault), "{fault}");
        }
        assert_ne!(faults[..kinds], faults[kinds..]);
        assert_eq!(Plan::faults_of(7, 5, 1), faults[4..5]);
        assert_ne!(Plan::faults_of(8, 1, rounds), faults);
    }
}
