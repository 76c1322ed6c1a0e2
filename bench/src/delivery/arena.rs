//! What everybody shares: a private PostgreSQL, as durable as in production, and the
//! simulator with the people and groups that are written to.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::ValueEnum as _;
use e2e::{
    Result, ports,
    postgres::{self, Cluster, Durability},
    process::Process,
    program::Program,
};
use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use telegram_sim::{
    api::{LedgerEntry, LedgerQuery, NewGroup, NewPerson},
    client::SimClient,
};
use tempfile::TempDir;
use tokio::{process::Command, task::JoinSet};

use super::Contestant;
use crate::processes::parent_of;

/// The services' database.
pub(super) const OURS: &str = "olm";
/// The peers' database, made anew for each measurement.
pub(super) const THEIRS: &str = "peer";
const GROUPS: usize = 20;
/// Two people of each event that is told at once.
const FIRST_OF_PAIRS: i64 = 1_000_001;
const PAIRS: i64 = 1_500;
/// People that are made at once.
const AT_ONCE: i64 = 16;
const READY: Duration = Duration::from_secs(20);
pub(super) const STOP: Duration = Duration::from_secs(15);
const PAGE: usize = 10_000;

/// PostgreSQL and the simulator. Dropped, it kills what still runs.
pub(super) struct Arena {
    pub(super) cluster: Cluster,
    /// PostgreSQL's first process.
    pub(super) postmaster: u32,
    pub(super) sim: SimClient,
    pub(super) sim_url: String,
    /// How many people there are besides the pairs.
    pub(super) people: i64,
    pub(super) groups: Vec<i64>,
    simulator: Process,
    directory: TempDir,
}

impl Arena {
    /// Starts both, with so many people.
    pub(super) async fn start(people: u32) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("olm-bench-").tempdir()?;
        // PostgreSQL's own user must reach its folder in it.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        fs::create_dir_all(directory.path().join("logs"))?;
        let place = postgres::reachable_directory(&directory.path().join("postgres"))?;
        let cluster = Cluster::start(&place, ports::free()?, Durability::Full).await?;
        let mut admin = PgConnection::connect(&cluster.database("postgres").await?).await?;
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut admin)
            .await?;
        let address = format!("127.0.0.1:{}", ports::free()?);
        let mut command = Command::new(binary(Program::TelegramSim.name())?);
        command
            .env_clear()
            .env("TELEGRAM_SIM_LOG", "warn")
            .args(["--listen", &address])
            .args(["--ledger-capacity", "100000"]);
        let log = directory.path().join("logs/telegram-sim.log");
        let mut arena = Self {
            postmaster: parent_of(backend)?,
            cluster,
            sim: SimClient::new(format!("http://{address}")),
            sim_url: format!("http://{address}"),
            people: i64::from(people),
            groups: Vec::new(),
            simulator: Process::start("telegram-sim", &mut command, &log)?,
            directory,
        };
        arena.sim.ready(READY).await?;
        arena.populate().await?;
        Ok(arena)
    }

    async fn populate(&mut self) -> Result<()> {
        let mut tasks = JoinSet::new();
        let everybody: Vec<_> = self.everybody().collect();
        for first in 0..AT_ONCE {
            let sim = self.sim.clone();
            let own: Vec<_> = everybody
                .iter()
                .copied()
                .filter(|id| id % AT_ONCE == first)
                .collect();
            tasks.spawn(async move {
                for id in own {
                    let mut person = NewPerson::named("Anna", "en").with_id(id);
                    person.started_bot_ids = bots();
                    sim.create_person(&person).await?;
                }
                Result::Ok(())
            });
        }
        while let Some(made) = tasks.join_next().await {
            made??;
        }
        for number in 0..GROUPS {
            let group = NewGroup {
                title: format!("Group {number}"),
                bot_ids: bots(),
                person_ids: Vec::new(),
            };
            self.groups.push(self.sim.create_group(&group).await?.id);
        }
        Ok(())
    }

    /// All people's chats, the pairs' included.
    pub(super) fn everybody(&self) -> impl Iterator<Item = i64> {
        (1..=self.people).chain(FIRST_OF_PAIRS..FIRST_OF_PAIRS + 2 * PAIRS)
    }

    /// Two people of each event.
    pub(super) fn pairs() -> impl Iterator<Item = [i64; 2]> {
        (0..PAIRS).map(|number| [0, 1].map(|which| FIRST_OF_PAIRS + 2 * number + which))
    }

    /// Where a program logs.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.path().join("logs").join(format!("{name}.log"))
    }

    /// Copies the logs out of the folder that goes away.
    pub(super) fn keep_logs(&self) -> Result<PathBuf> {
        let place = target()?.join("bench-delivery");
        fs::create_dir_all(&place)?;
        for log in fs::read_dir(self.path().join("logs"))?.flatten() {
            fs::copy(log.path(), place.join(log.file_name()))?;
        }
        Ok(place)
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where the bot's messages are posted.
    pub(super) fn send_url(&self, contestant: Contestant) -> String {
        format!("{}/bot{}/sendMessage", self.sim_url, token(contestant))
    }

    /// The number of the ledger's last entry.
    pub(super) async fn ledger_end(&self) -> Result<u64> {
        let query = LedgerQuery {
            limit: Some(1),
            ..LedgerQuery::default().since(u64::MAX / 2)
        };
        Ok(self.sim.ledger(&query).await?.last_seq)
    }

    /// The messages a contestant asked for after an entry.
    pub(super) async fn ledger_since(
        &self,
        contestant: Contestant,
        mut seq: u64,
    ) -> Result<Vec<LedgerEntry>> {
        let mut entries = Vec::new();
        loop {
            let query = LedgerQuery {
                bot: Some(bot_id(contestant)),
                limit: Some(PAGE),
                ..LedgerQuery::method("sendMessage").since(seq)
            };
            let page = self.sim.ledger(&query).await?;
            if page.first_kept_seq > seq + 1 {
                return Err("the ledger has lost entries".into());
            }
            let Some(last) = page.entries.last() else {
                return Ok(entries);
            };
            seq = last.seq;
            entries.extend(page.entries);
        }
    }

    /// How many of a contestant's messages were accepted so far.
    pub(super) async fn sent(&self, contestant: Contestant) -> Result<u64> {
        let figures = self.sim.figures().await?;
        let bot = bot_id(contestant);
        let own = figures.iter().find(|figures| figures.bot_id == bot);
        Ok(own.map_or(0, |figures| figures.sent))
    }

    /// A transaction in the contestant's database that has written and stays open until it
    /// is dropped.
    pub(super) async fn idle_transaction(&self, contestant: Contestant) -> Result<PgConnection> {
        let database = if contestant == Contestant::Ours {
            OURS
        } else {
            THEIRS
        };
        let url = self.cluster.database(database).await?;
        let mut connection = PgConnection::connect(&url).await?;
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_xact_id()")
            .execute(&mut connection)
            .await?;
        Ok(connection)
    }

    /// An empty database for a peer.
    pub(super) async fn peer_database(&self) -> Result<String> {
        let url = self.cluster.database("postgres").await?;
        let mut admin = PgConnection::connect(&url).await?;
        let drop = format!("DROP DATABASE IF EXISTS {THEIRS} WITH (FORCE)");
        sqlx::raw_sql(AssertSqlSafe(drop))
            .execute(&mut admin)
            .await?;
        self.cluster.database(THEIRS).await
    }

    /// The version of the server.
    pub(super) async fn version(&self) -> Result<String> {
        let url = self.cluster.database("postgres").await?;
        let mut admin = PgConnection::connect(&url).await?;
        Ok(sqlx::query_scalar("SHOW server_version")
            .fetch_one(&mut admin)
            .await?)
    }

    /// Stops both.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.simulator.stop(Signal::TERM, STOP).await?;
        self.cluster.stop().await
    }
}

/// Each contestant has a bot of its own, so that nobody pays for another's 429s.
pub(super) fn bot_id(contestant: Contestant) -> i64 {
    7_000_000_001 + contestant as i64
}

pub(super) fn token(contestant: Contestant) -> String {
    format!("{}:simulated-token-for-development", bot_id(contestant))
}

fn bots() -> Vec<i64> {
    Contestant::value_variants()
        .iter()
        .copied()
        .map(bot_id)
        .collect()
}

/// The folder of everything that is built.
pub(super) fn target() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let target = own.parent().and_then(Path::parent);
    Ok(target.ok_or("no target folder")?.to_owned())
}

/// A built program: beside this one.
pub(super) fn binary(name: &str) -> Result<PathBuf> {
    let own = env::current_exe()?;
    let folder = own.parent().ok_or("this program is in no folder")?;
    Ok(folder.join(name))
}
