//! The services as processes, wired to each other as in production.

mod clients;
mod wires;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    net::TcpStream,
    process::Command,
    time::{Instant, sleep},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    Result,
    chaos::proxy::Proxy,
    keys::Keys,
    ports,
    postgres::ServiceUrls,
    process::{self, Process},
    program::Program,
};

pub(crate) use wires::Wires;

/// How long a service may take from its start to readiness.
const READY_DEADLINE: Duration = Duration::from_secs(30);
/// How long a service may take from SIGTERM to its end; its own drain is shorter.
const STOP_GRACE: Duration = Duration::from_secs(15);

/// The token telegram-sim is asked with when none is given.
pub const SIMULATED_TOKEN: &str = "7000000001:simulated-token-for-development";

/// What a system is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder with the built programs.
    pub binaries: PathBuf,
    /// Where keys, logs and the journal are kept.
    pub directory: PathBuf,
    /// The services' databases.
    pub databases: ServiceUrls,
    /// Who carries messages to people.
    pub bot: Bot,
    /// Where spans go.
    pub otlp_endpoint: Option<String>,
    /// Whether to take the default ports where they are free.
    pub default_ports: bool,
    /// Settings of programs, before those that every system has.
    pub settings: Vec<(Program, &'static str, String)>,
    /// Whether the bot reaches lesson-svc through a [`Proxy`], see [`Stack::line`].
    pub has_line: bool,
}

/// Who carries messages to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bot {
    /// bot-gateway, with telegram-sim in Telegram's place.
    Simulated,
    /// bot-gateway, with a real bot's token.
    Real(String),
    /// Nobody: neither bot-gateway nor telegram-sim is started.
    Absent,
}

/// A running system.
#[derive(Debug)]
pub struct Stack {
    options: Options,
    /// Its service keys.
    pub keys: Keys,
    ports: BTreeMap<Program, u16>,
    metrics_ports: BTreeMap<Program, u16>,
    line: Option<Proxy>,
    running: BTreeMap<Program, Process>,
}

impl Stack {
    /// Migrates the database and starts every program; returns when all are ready.
    ///
    /// # Errors
    ///
    /// When a program does not become ready; the text ends with its log.
    pub async fn start(options: Options) -> Result<Self> {
        fs::create_dir_all(options.directory.join("logs"))?;
        stop_leftovers(&options.directory).await?;
        let port = |wanted| {
            if options.default_ports {
                ports::free_or(wanted)
            } else {
                ports::free()
            }
        };
        let (mut used, mut metrics_ports) = (BTreeMap::new(), BTreeMap::new());
        for program in Program::ALL {
            used.insert(program, port(program.default_port())?);
            if let Some((_, wanted)) = program.metrics() {
                metrics_ports.insert(program, port(wanted)?);
            }
        }
        let lesson = used.get(&Program::LessonSvc).copied().unwrap_or_default();
        let line = if options.has_line {
            Some(Proxy::start(vec![SocketAddr::from(([127, 0, 0, 1], lesson))]).await?)
        } else {
            None
        };
        let mut stack = Self {
            keys: Keys::in_directory(&options.directory.join("keys"))?,
            options,
            ports: used,
            metrics_ports,
            line,
            running: BTreeMap::new(),
        };
        stack.run(Program::LessonSvc, "migrate").await?;
        stack.run(Program::NotifySvc, "migrate").await?;
        for program in stack.programs() {
            stack.launch(program)?;
        }
        for program in stack.programs() {
            stack.wait_ready(program).await?;
        }
        Ok(stack)
    }

    /// Starts these programs once more, over the same databases and with the same keys; they
    /// know each other, and of the rest the first ones.
    ///
    /// # Errors
    ///
    /// When one does not become ready; the text ends with its log.
    pub async fn beside(&self, programs: &[Program]) -> Result<Self> {
        let directory = self.options.directory.join("beside");
        fs::create_dir_all(directory.join("logs"))?;
        let (mut used, mut metrics_ports) = (self.ports.clone(), self.metrics_ports.clone());
        for program in programs {
            used.insert(*program, ports::free()?);
            metrics_ports.insert(*program, ports::free()?);
        }
        let mut stack = Self {
            keys: Keys::in_directory(&self.options.directory.join("keys"))?,
            options: Options {
                directory,
                ..self.options.clone()
            },
            ports: used,
            metrics_ports,
            line: None,
            running: BTreeMap::new(),
        };
        for program in programs {
            stack.launch(*program)?;
        }
        for program in programs {
            stack.wait_ready(*program).await?;
        }
        Ok(stack)
    }

    /// The programs that belong to this system.
    #[must_use]
    pub fn programs(&self) -> Vec<Program> {
        let bot = &self.options.bot;
        let belongs = |program: &Program| match program {
            Program::TelegramSim => *bot == Bot::Simulated,
            Program::BotGateway => *bot != Bot::Absent,
            Program::LessonSvc | Program::NotifySvc | Program::GatewayRest => true,
        };
        Program::ALL.into_iter().filter(belongs).collect()
    }

    /// The port of a program.
    #[must_use]
    pub fn port(&self, program: Program) -> u16 {
        self.ports.get(&program).copied().unwrap_or_default()
    }

    /// `http://127.0.0.1:port` of a program.
    #[must_use]
    pub fn url(&self, program: Program) -> String {
        format!("http://127.0.0.1:{}", self.port(program))
    }

    /// The line between the bot and lesson-svc, to be cut.
    ///
    /// # Errors
    ///
    /// When the system was started without one.
    pub fn line(&self) -> Result<&Proxy> {
        Ok(self.line.as_ref().ok_or("the bot has no line of its own")?)
    }

    /// Where a program's figures are read; telegram-sim has none.
    #[must_use]
    pub fn metrics_url(&self, program: Program) -> Option<String> {
        let port = self.metrics_ports.get(&program)?;
        Some(format!("http://127.0.0.1:{port}/metrics"))
    }

    /// Where a program's log is.
    #[must_use]
    pub fn log(&self, program: Program) -> PathBuf {
        self.options
            .directory
            .join("logs")
            .join(format!("{}.log", program.name()))
    }

    /// The id of a program's process while it runs.
    #[must_use]
    pub fn process_id(&self, program: Program) -> Option<u32> {
        self.running.get(&program)?.id()
    }

    /// Ends a program at once, as a crash does.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub async fn kill(&mut self, program: Program) -> Result<()> {
        self.running
            .remove(&program)
            .ok_or("not running")?
            .kill()
            .await
    }

    /// Has a program read its keys anew.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn reload(&self, program: Program) -> Result<()> {
        let process = self.running.get(&program).ok_or("not running")?;
        process.signal(Signal::HUP)
    }

    /// Asks a program to stop and waits for its end.
    ///
    /// # Errors
    ///
    /// When it is not running, ends badly, or has to be killed.
    pub async fn stop_one(&mut self, program: Program) -> Result<()> {
        let mut process = self.running.remove(&program).ok_or("not running")?;
        let status = process.stop(Signal::TERM, STOP_GRACE).await?;
        if status.success() {
            return Ok(());
        }
        Err(format!(
            "{} ended with {status}:\n{}",
            program.name(),
            process.log_tail()
        )
        .into())
    }

    /// Starts a program again, on its old port, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it does not become ready.
    pub async fn restart(&mut self, program: Program) -> Result<()> {
        self.launch(program)?;
        self.wait_ready(program).await
    }

    /// Stops everything, the last started first.
    ///
    /// # Errors
    ///
    /// Names the first program that did not stop cleanly; the others are stopped all
    /// the same.
    pub async fn stop(mut self) -> Result<()> {
        let mut result = Ok(());
        for program in Program::ALL.into_iter().rev() {
            if self.running.contains_key(&program) {
                let stopped = self.stop_one(program).await;
                result = result.and(stopped);
            }
        }
        result
    }

    /// Fails when any program has ended, with the end of its log.
    ///
    /// # Errors
    ///
    /// Names the program.
    pub fn check(&mut self) -> Result<()> {
        self.running.values_mut().try_for_each(Process::check)
    }

    /// What the health service of a program says; `None` when it does not answer.
    pub async fn health(&self, program: Program, service: &str) -> Option<ServingStatus> {
        let endpoint = tonic::transport::Endpoint::from_shared(self.url(program)).ok()?;
        let channel = endpoint
            .timeout(Duration::from_secs(2))
            .connect()
            .await
            .ok()?;
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = HealthClient::new(channel).check(request).await.ok()?;
        Some(answer.into_inner().status())
    }

    /// What a container's health check runs.
    ///
    /// # Errors
    ///
    /// When the program does not find itself healthy; telegram-sim cannot say.
    pub async fn healthcheck(&self, program: Program) -> Result<()> {
        self.run(program, "healthcheck").await
    }

    async fn run(&self, program: Program, task: &str) -> Result<()> {
        let output = self.command(program).arg(task).output().await?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!(
            "{} {task} failed:\n{}{}",
            program.name(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
        .into())
    }

    fn launch(&mut self, program: Program) -> Result<()> {
        let process = Process::start(
            program.name(),
            &mut self.command(program),
            &self.log(program),
        )?;
        if let Some(id) = process.id() {
            fs::write(id_file(&self.options.directory, program), id.to_string())?;
        }
        self.running.insert(program, process);
        Ok(())
    }

    async fn wait_ready(&mut self, program: Program) -> Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        loop {
            if let Some(process) = self.running.get_mut(&program) {
                process.check()?;
            }
            let ready = match program.ready_service() {
                Some(service) => {
                    self.health(program, service).await == Some(ServingStatus::Serving)
                }
                None => TcpStream::connect(("127.0.0.1", self.port(program)))
                    .await
                    .is_ok(),
            };
            if ready {
                return Ok(());
            }
            if Instant::now() > deadline {
                let tail = self
                    .running
                    .get(&program)
                    .map(Process::log_tail)
                    .unwrap_or_default();
                return Err(format!(
                    "{} is not ready after {READY_DEADLINE:?}:\n{tail}",
                    program.name()
                )
                .into());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// A program with its settings and nothing of our own environment but PATH.
    fn command(&self, program: Program) -> Command {
        let is_bots = program == Program::BotGateway;
        let lesson_url = match &self.line {
            Some(line) if is_bots => line.url(),
            Some(_) | None => self.url(Program::LessonSvc),
        };
        let (token, telegram_url) = match &self.options.bot {
            Bot::Real(token) => (token.as_str(), None),
            Bot::Simulated => (SIMULATED_TOKEN, Some(self.url(Program::TelegramSim))),
            Bot::Absent => (SIMULATED_TOKEN, None),
        };
        let wires = Wires {
            keys: &self.keys,
            databases: &self.options.databases,
            listen: format!("127.0.0.1:{}", self.port(program)),
            lesson_url,
            notify_url: self.url(Program::NotifySvc),
            token,
            telegram_url,
            journal: self.options.directory.join("journal.redb"),
        };
        let mut command = wires.command(program, &self.options.binaries);
        command.current_dir(&self.options.directory);
        if let Some(endpoint) = &self.options.otlp_endpoint {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        }
        if let (Some((variable, _)), Some(port)) =
            (program.metrics(), self.metrics_ports.get(&program))
        {
            command.env(variable, format!("127.0.0.1:{port}"));
        }
        let own = self.options.settings.iter();
        for (_, name, value) in own.filter(|(of, ..)| *of == program) {
            command.env(name, value);
        }
        command
    }
}

fn id_file(directory: &Path, program: Program) -> PathBuf {
    directory
        .join("logs")
        .join(format!("{}.pid", program.name()))
}

/// Stops what an owner who was killed left running.
async fn stop_leftovers(directory: &Path) -> Result<()> {
    for program in Program::ALL {
        let text = fs::read_to_string(id_file(directory, program)).unwrap_or_default();
        if let Ok(id) = text.parse() {
            process::stop_leftover(id, program.name(), Signal::TERM).await?;
        }
    }
    Ok(())
}
