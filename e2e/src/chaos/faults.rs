//! What is done to the system, and how long.
//!
//! A sleep here is how long a fault lasts under load; no verdict waits for one. What a round
//! comes to is polled for (`settle`) and judged from the ledger and the database.

use std::{fmt, time::Duration};

use rustix::process::Signal;
use sqlx::Connection as _;
use telegram_sim::api::{Chance, Fault as SimFault, FaultKind, FaultPlan};
use tokio::time::sleep;

use super::{
    dice::Dice,
    site::{Index, Site},
};
use crate::{Result, system::eventually};

/// Where bytes are held when a process is killed: a step of the protocol that is then the
/// last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Wherever it happens to be.
    Any,
    /// Begun and pushed, not arrived at the gateway: no byte was written.
    Delivery,
    /// Written by the gateway, not arrived at Telegram.
    Request,
    /// Accepted by Telegram, not answered.
    Answer,
    /// Answered, not reported to the service.
    Report,
}

/// One kind of disaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The owner's process dies and comes back.
    KillGateway(Step),
    /// The dispatching replica dies and comes back.
    KillService(Step),
    /// The owner is suspended longer than its ownership lasts.
    SuspendGateway,
    /// A replica is suspended.
    SuspendService,
    /// The owner and the service do not reach each other.
    PartitionService,
    /// Nothing arrives between the owner and the service, and nobody is told.
    SilentService,
    /// The owner cannot connect to Telegram.
    PartitionTelegram,
    /// Everything to and from Telegram is slow.
    SlowTelegram,
    /// Telegram's answers are lost, reset, cut off, or no answers.
    HiddenAnswers,
    /// Telegram says 429, again and again.
    FloodWaits,
    /// PostgreSQL crashes and recovers.
    CrashDatabase,
    /// Every connection of the services is terminated.
    TerminateBackends,
    /// Only those that listen for wake-ups are.
    CutListeners,
    /// A transaction is held open, with all that it keeps from being cleaned up.
    IdleTransaction,
    /// Clients cancel nearly all they asked for.
    CancelStorm,
    /// Many lessons move again and again.
    MoveStorm,
    /// Every process is replaced in order, one at a time.
    RollingDeploy,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::KillGateway(Step::Delivery),
        Self::KillService(Step::Any),
        Self::KillGateway(Step::Answer),
        Self::CrashDatabase,
        Self::CancelStorm,
        Self::MoveStorm,
        Self::KillGateway(Step::Request),
        Self::HiddenAnswers,
        Self::KillGateway(Step::Report),
        Self::KillService(Step::Delivery),
        Self::RollingDeploy,
        Self::SuspendGateway,
        Self::KillService(Step::Report),
        Self::PartitionTelegram,
        Self::TerminateBackends,
        Self::KillGateway(Step::Any),
        Self::PartitionService,
        Self::FloodWaits,
        Self::CutListeners,
        Self::KillService(Step::Request),
        Self::SilentService,
        Self::IdleTransaction,
        Self::SlowTelegram,
        Self::SuspendService,
        Self::KillService(Step::Answer),
    ];

    /// While it lasts, an outcome may be known to nobody who can say it.
    #[must_use]
    pub fn hides_outcomes(self) -> bool {
        match self {
            Self::KillGateway(step) => {
                // Killed before the first byte or after the outcome was written down: known.
                !matches!(step, Step::Delivery | Step::Report)
            }
            Self::KillService(step) => matches!(step, Step::Request | Step::Answer),
            // Longer than a request waits for its answer.
            Self::SuspendGateway | Self::PartitionTelegram => true,
            // Of hidden answers the ledger says so, one by one.
            Self::HiddenAnswers
            // Shorter than the silence after which a row is resolved without its gateway.
            | Self::PartitionService
            | Self::SilentService
            | Self::SuspendService
            // Far shorter than a request waits.
            | Self::SlowTelegram
            | Self::FloodWaits
            | Self::CrashDatabase
            | Self::TerminateBackends
            | Self::CutListeners
            | Self::IdleTransaction
            | Self::CancelStorm
            | Self::MoveStorm
            | Self::RollingDeploy => false,
        }
    }

    /// While it lasts, a request may arrive long after it was written.
    #[must_use]
    pub fn delays_requests(self) -> bool {
        matches!(
            self,
            Self::SlowTelegram
                | Self::PartitionTelegram
                | Self::KillGateway(Step::Request)
                | Self::KillService(Step::Request)
        )
    }

    /// Of 100 notifications, how many their clients cancel meanwhile.
    #[must_use]
    pub fn canceled(self) -> u64 {
        if self == Self::CancelStorm { 90 } else { 15 }
    }

    /// How many lessons there are meanwhile, and how often each moves.
    #[must_use]
    pub fn lessons(self) -> (u32, u64) {
        if self == Self::MoveStorm {
            (12, 20)
        } else {
            (2, 4)
        }
    }

    /// Does it to the system while the load goes on; returns when what it did is over,
    /// but for what [`Site::heal`] undoes.
    ///
    /// # Errors
    ///
    /// When it cannot be done.
    pub async fn strike(self, site: &mut Site, dice: &mut Dice, hard: bool) -> Result<()> {
        let owner = site.owner().await?;
        match self {
            Self::KillGateway(step) => {
                hold(site, owner, step, dice).await?;
                site.kill_gateway(owner).await?;
                release(site, owner);
                site.start_gateway(owner).await
            }
            Self::KillService(step) => {
                hold(site, owner, step, dice).await?;
                let replica = dispatching(site, owner);
                site.kill_service(replica).await?;
                release(site, owner);
                site.start_service(replica).await
            }
            Self::SuspendGateway => {
                site.signal_gateway(owner, Signal::STOP)?;
                sleep(Duration::from_secs(if hard { 70 } else { 8 })).await;
                site.signal_gateway(owner, Signal::CONT)
            }
            Self::SuspendService => {
                let replica = dispatching(site, owner);
                site.signal_service(replica, Signal::STOP)?;
                sleep(Duration::from_secs(if hard { 70 } else { 5 })).await;
                site.signal_service(replica, Signal::CONT)
            }
            Self::PartitionService => {
                site.to_service[owner].set(|weather| weather.absent = true);
                site.to_service[owner].cut();
                sleep(Duration::from_secs(if hard { 30 } else { 8 })).await;
                site.to_service[owner].heal();
                Ok(())
            }
            Self::SilentService => {
                site.to_service[owner].set(|weather| {
                    weather.hold_up = true;
                    weather.hold_down = true;
                });
                sleep(Duration::from_secs(if hard { 30 } else { 7 })).await;
                site.to_service[owner].heal();
                Ok(())
            }
            Self::PartitionTelegram => partition_telegram(site, owner, dice).await,
            Self::SlowTelegram => {
                let delay = Duration::from_millis(50 + dice.below(400));
                site.to_telegram[owner].set(|weather| weather.delay = delay);
                sleep(Duration::from_secs(5)).await;
                site.to_telegram[owner].heal();
                Ok(())
            }
            Self::HiddenAnswers => {
                site.sim.plan_faults(&hidden_answers(dice)).await?;
                sleep(Duration::from_secs(5)).await;
                Ok(site.sim.clear_faults().await?)
            }
            Self::FloodWaits => flood_waits(site, dice).await,
            Self::CrashDatabase => {
                sleep(Duration::from_millis(500 + dice.below(1_500))).await;
                site.cluster.crash().await?;
                site.cluster.resume().await
            }
            Self::TerminateBackends | Self::CutListeners => self.terminate(site, dice).await,
            Self::IdleTransaction => idle_transaction(site).await,
            Self::CancelStorm | Self::MoveStorm => {
                sleep(Duration::from_secs(4)).await;
                Ok(())
            }
            Self::RollingDeploy => rolling_deploy(site).await,
        }
    }

    async fn terminate(self, site: &Site, dice: &mut Dice) -> Result<()> {
        for _ in 0..3 {
            sleep(Duration::from_millis(500 + dice.below(1_000))).await;
            sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE usename = 'olm_notify' AND ($1 OR query ILIKE 'LISTEN%')",
            )
            .bind(self == Self::TerminateBackends)
            .execute(&site.database)
            .await?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::KillGateway(step) => return write!(formatter, "kill -9 the gateway, {step}"),
            Self::KillService(step) => return write!(formatter, "kill -9 notify-svc, {step}"),
            Self::SuspendGateway => "suspend the gateway",
            Self::SuspendService => "suspend notify-svc",
            Self::PartitionService => "cut gateway from service",
            Self::SilentService => "hold all between gateway and service",
            Self::PartitionTelegram => "cut gateway from Telegram",
            Self::SlowTelegram => "slow Telegram",
            Self::HiddenAnswers => "lose, reset and cut Telegram's answers",
            Self::FloodWaits => "429 storm",
            Self::CrashDatabase => "crash PostgreSQL",
            Self::TerminateBackends => "terminate database connections",
            Self::CutListeners => "terminate LISTEN connections",
            Self::IdleTransaction => "hold a transaction open",
            Self::CancelStorm => "cancel storm",
            Self::MoveStorm => "reschedule storm",
            Self::RollingDeploy => "rolling deploy",
        };
        formatter.write_str(text)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Any => "anywhere",
            Self::Delivery => "begun, not delivered",
            Self::Request => "written, not at Telegram",
            Self::Answer => "at Telegram, not answered",
            Self::Report => "answered, not reported",
        })
    }
}

/// So many rows are in a step before the death that finds them there.
const SOME: i64 = 4;

/// The replica that the owner's stream runs to.
fn dispatching(site: &Site, owner: Index) -> Index {
    // Each proxy has its own replica first.
    (owner + site.to_service[owner].target()) % 2
}

/// Holds bytes back at a step and waits until some are held there, so that the death
/// that follows finds rows in that very step.
async fn hold(site: &Site, owner: Index, step: Step, dice: &mut Dice) -> Result<()> {
    sleep(Duration::from_millis(300 + dice.below(700))).await;
    let proxies = (&site.to_service[owner], &site.to_telegram[owner]);
    match step {
        Step::Any => return Ok(()),
        Step::Delivery => proxies.0.set(|weather| weather.hold_down = true),
        Step::Request => proxies.1.set(|weather| weather.hold_up = true),
        Step::Answer => proxies.1.set(|weather| weather.hold_down = true),
        Step::Report => proxies.0.set(|weather| weather.hold_up = true),
    }
    let database = site.database.clone();
    let within = Duration::from_secs(5);
    eventually(&format!("rows are {step}"), within, async || {
        let begun: sqlx::Result<i64> =
            sqlx::query_scalar("SELECT count(*) FROM notify.notifications WHERE state = 'sending'")
                .fetch_one(&database)
                .await;
        begun.is_ok_and(|begun| begun >= SOME)
    })
    .await?;
    // For what is begun to come as far as it can.
    sleep(Duration::from_millis(200)).await;
    Ok(())
}

/// What was held never arrives: its sender is dead.
fn release(site: &Site, owner: Index) {
    site.to_service[owner].heal();
    site.to_telegram[owner].heal();
}

async fn partition_telegram(site: &Site, owner: Index, dice: &mut Dice) -> Result<()> {
    let proxy = &site.to_telegram[owner];
    if dice.percent(50) {
        proxy.set(|weather| weather.absent = true);
        proxy.cut();
    } else {
        proxy.set(|weather| weather.hold_down = true);
    }
    sleep(Duration::from_secs(5)).await;
    proxy.heal();
    Ok(())
}

fn hidden_answers(dice: &mut Dice) -> FaultPlan {
    let kinds = [
        FaultKind::LoseResponse,
        FaultKind::ResetBefore,
        FaultKind::ResetAfter,
        FaultKind::TruncatedBody,
        FaultKind::AfterAcceptance502,
    ];
    FaultPlan {
        seed: dice.below(u64::MAX),
        chances: kinds.map(|kind| Chance::of_sends(40, kind)).into(),
    }
}

async fn flood_waits(site: &Site, dice: &mut Dice) -> Result<()> {
    for _ in 0..10 {
        let retry_after = 1 + u32::try_from(dice.below(2))?;
        let fault = SimFault::new(FaultKind::Status {
            code: 429,
            description: format!("Too Many Requests: retry after {retry_after}"),
            retry_after: Some(retry_after),
            migrate_to_chat_id: None,
        });
        site.sim.fault(&fault.on("sendMessage")).await?;
        sleep(Duration::from_millis(dice.below(800))).await;
    }
    Ok(())
}

async fn idle_transaction(site: &Site) -> Result<()> {
    let mut connection = site.database.acquire().await?;
    let mut transaction = connection.begin().await?;
    // A snapshot and a row's lock in the table's own file, kept.
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        .execute(&mut *transaction)
        .await?;
    sqlx::query("SELECT count(*) FROM notify.notifications")
        .execute(&mut *transaction)
        .await?;
    sleep(Duration::from_secs(6)).await;
    transaction.rollback().await?;
    Ok(())
}

async fn rolling_deploy(site: &mut Site) -> Result<()> {
    for index in [0, 1] {
        site.stop_service(index).await?;
        site.start_service(index).await?;
    }
    for index in [0, 1] {
        site.stop_gateway(index).await?;
        site.start_gateway(index).await?;
    }
    Ok(())
}
