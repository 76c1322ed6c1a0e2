//! Two replicas of notify-svc, two gateways of one bot, a PostgreSQL and the simulator as
//! processes, with proxies where a network would be. lesson-svc is not needed: the load
//! comes from clients.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;
use service_kit::grpc::{
    client::{Backend, BackendConfig},
    tls::Authorities,
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use telegram_sim::client::SimClient;
use tokio::process::Command;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use uuid::Uuid;

use super::{load::Doors, proxy::Proxy, record};
use crate::{
    Result,
    keys::Keys,
    ports,
    postgres::{self, Cluster, Durability, ServiceUrls},
    process::Process,
    program::Program,
    stack::SIMULATED_TOKEN,
    story::Story,
    system::eventually,
};

/// How long a process may take from its start to readiness, on a machine that is busy.
pub(super) const READY: Duration = Duration::from_secs(90);
/// How long one may take from SIGTERM to its end.
pub(super) const STOP: Duration = Duration::from_secs(15);

/// Which of two.
pub type Index = usize;

/// Everything that runs. Dropped, it kills what is left.
#[derive(Debug)]
pub struct Site {
    /// The database server.
    pub cluster: Cluster,
    /// The superuser's view of the database.
    pub database: PgPool,
    /// Telegram's stand-in.
    pub sim: SimClient,
    /// Between each gateway and the replicas, its own first.
    pub to_service: Vec<Proxy>,
    /// Between each gateway and Telegram.
    pub to_telegram: Vec<Proxy>,
    /// The one bot.
    pub bot_id: i64,
    keys: Keys,
    directory: PathBuf,
    binaries: PathBuf,
    urls: ServiceUrls,
    ports: Ports,
    silence: Duration,
    simulator: Process,
    services: Vec<Option<Process>>,
    gateways: Vec<Option<Process>>,
    first_gateway: Uuid,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    sim: u16,
    services: [u16; 2],
    gateways: [u16; 2],
}

impl Site {
    /// Starts everything in `directory`, with the programs in `binaries`; a begun row that
    /// nobody said a word of for `silence` is uncertain.
    ///
    /// # Errors
    ///
    /// When a part does not start.
    pub async fn start(directory: &Path, binaries: &Path, silence: Duration) -> Result<Self> {
        let place = postgres::reachable_directory(&directory.join("postgres"))?;
        let cluster = Cluster::start(&place, ports::free()?, Durability::Process).await?;
        let admin = cluster.database("olm").await?;
        let urls = postgres::prepare(&admin, "chaos-password").await?;
        let ports = Ports {
            sim: ports::free()?,
            services: [ports::free()?, ports::free()?],
            gateways: [ports::free()?, ports::free()?],
        };
        let simulator = simulator(directory, binaries, ports.sim)?;
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let [a, b] = ports.services.map(local);
        let mut site = Self {
            cluster,
            // Connections are few, and die with the server now and then.
            database: PgPoolOptions::new()
                .max_connections(4)
                .acquire_timeout(Duration::from_secs(5))
                .connect_lazy(&admin)?,
            sim: SimClient::at(local(ports.sim)),
            to_service: vec![
                Proxy::start(vec![a, b]).await?,
                Proxy::start(vec![b, a]).await?,
            ],
            to_telegram: vec![
                Proxy::start(vec![local(ports.sim)]).await?,
                Proxy::start(vec![local(ports.sim)]).await?,
            ],
            bot_id: Story::bot_id()?,
            keys: Keys::in_directory(&directory.join("keys"))?,
            directory: directory.to_owned(),
            binaries: binaries.to_owned(),
            urls,
            ports,
            silence,
            simulator,
            services: vec![None, None],
            gateways: vec![None, None],
            first_gateway: Uuid::nil(),
        };
        site.begin().await?;
        Ok(site)
    }

    async fn begin(&mut self) -> Result<()> {
        let output = self.service_command(0).arg("migrate").output().await?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("notify-svc migrate failed:\n{text}").into());
        }
        record::log_transitions(&self.database).await?;
        self.sim.ready(READY).await?;
        for index in [0, 1] {
            self.start_service(index).await?;
        }
        // Alone at first, so that its id is known from the owner's row.
        self.start_gateway(0).await?;
        let database = self.database.clone();
        eventually("the first gateway owns the bot", READY, async || {
            owner_of(&database).await.is_ok_and(|owner| owner.is_some())
        })
        .await?;
        self.first_gateway = owner_of(&self.database).await?.unwrap_or_default();
        self.start_gateway(1).await
    }

    /// Which gateway owned the bot last.
    ///
    /// # Errors
    ///
    /// When the database does not say.
    pub async fn owner(&self) -> Result<Index> {
        let owner = owner_of(&self.database).await?;
        Ok(usize::from(owner != Some(self.first_gateway)))
    }

    /// Ends a replica as a crash does.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub async fn kill_service(&mut self, index: Index) -> Result<()> {
        kill(self.services[index].take()).await
    }

    /// Ends a gateway as a crash does.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub async fn kill_gateway(&mut self, index: Index) -> Result<()> {
        kill(self.gateways[index].take()).await
    }

    /// Asks a replica to stop, as a deployment does.
    ///
    /// # Errors
    ///
    /// When it does not stop in time.
    pub async fn stop_service(&mut self, index: Index) -> Result<()> {
        stop(self.services[index].take()).await
    }

    /// Asks a gateway to stop, as a deployment does.
    ///
    /// # Errors
    ///
    /// When it does not stop in time.
    pub async fn stop_gateway(&mut self, index: Index) -> Result<()> {
        stop(self.gateways[index].take()).await
    }

    /// Suspends a gateway, or lets it go on.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn signal_gateway(&self, index: Index, signal: Signal) -> Result<()> {
        signalled(self.gateways[index].as_ref(), signal)
    }

    /// Suspends a replica, or lets it go on.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn signal_service(&self, index: Index, signal: Signal) -> Result<()> {
        signalled(self.services[index].as_ref(), signal)
    }

    /// Starts a replica and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it does not become ready.
    pub async fn start_service(&mut self, index: Index) -> Result<()> {
        let name = format!("notify-svc-{index}");
        let process = self.launch(&name, &mut self.service_command(index))?;
        self.services[index] = Some(process);
        let service = "olm.notify.v1.NotificationService";
        self.ready(&name, self.ports.services[index], service).await
    }

    /// Starts a gateway and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub async fn start_gateway(&mut self, index: Index) -> Result<()> {
        let name = format!("bot-gateway-{index}");
        let process = self.launch(&name, &mut self.gateway_command(index))?;
        self.gateways[index] = Some(process);
        self.ready(&name, self.ports.gateways[index], "").await
    }

    /// Whatever a fault left behind is undone: everything runs, nothing is held.
    ///
    /// # Errors
    ///
    /// When a part does not come back.
    pub async fn heal(&mut self) -> Result<()> {
        self.sim.clear_faults().await?;
        for proxy in self.to_service.iter().chain(&self.to_telegram) {
            proxy.heal();
        }
        for index in [0, 1] {
            if self.services[index].is_none() {
                self.start_service(index).await?;
            }
            if self.gateways[index].is_none() {
                self.start_gateway(index).await?;
            }
            self.signal_service(index, Signal::CONT)?;
            self.signal_gateway(index, Signal::CONT)?;
        }
        Ok(())
    }

    /// Fails when a process has ended that nobody ended, with the end of its log.
    ///
    /// # Errors
    ///
    /// Names it.
    pub fn check(&mut self) -> Result<()> {
        let processes = self.services.iter_mut().chain(&mut self.gateways);
        processes.flatten().try_for_each(Process::check)?;
        self.simulator.check()
    }

    /// Stops everything in order.
    ///
    /// # Errors
    ///
    /// When a part does not stop in time.
    pub async fn stop(mut self) -> Result<()> {
        for index in [0, 1] {
            self.stop_gateway(index).await?;
        }
        for index in [0, 1] {
            self.stop_service(index).await?;
        }
        self.simulator.stop(Signal::TERM, STOP).await?;
        self.database.close().await;
        self.cluster.stop().await
    }

    fn launch(&self, name: &str, command: &mut Command) -> Result<Process> {
        let logs = self.directory.join("logs");
        fs::create_dir_all(&logs)?;
        Process::start(name, command, &logs.join(format!("{name}.log")))
    }

    async fn ready(&mut self, name: &str, port: u16, service: &str) -> Result<()> {
        let answered = async || is_serving(port, service).await.unwrap_or(false);
        let ready = eventually(&format!("{name} is ready"), READY, answered).await;
        self.check()?;
        ready
    }

    fn command(&self, program: Program) -> Command {
        let mut command = Command::new(self.binaries.join(program.name()));
        command.current_dir(&self.directory).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    /// A replica whose waits are short; what they are by default changes no rule.
    fn service_command(&self, index: Index) -> Command {
        let keys = [
            ("lesson-svc", false),
            ("bot-gateway", true),
            ("operator", true),
        ];
        let listen = format!("127.0.0.1:{}", self.ports.services[index]);
        let mut command = self.command(Program::NotifySvc);
        command
            .env("NOTIFY_LISTEN", listen)
            .env("NOTIFY_METRICS_LISTEN", "off")
            .env("NOTIFY_LOG_FORMAT", "json")
            .env("NOTIFY_DATABASE_URL", &self.urls.notify)
            .env("NOTIFY_DATABASE_POOL", "8")
            .env("NOTIFY_SERVICE_KEYS", self.keys.digests(&keys))
            .env("NOTIFY_SWEEP_INTERVAL", "0.25")
            .env("NOTIFY_SILENCE", self.silence.as_secs().to_string())
            .env("NOTIFY_BACKOFF_LONGEST", "2")
            .env("NOTIFY_REFUSED_SPREAD", "2")
            .env("NOTIFY_DRAIN", "5");
        command
    }

    fn gateway_command(&self, index: Index) -> Command {
        let listen = format!("127.0.0.1:{}", self.ports.gateways[index]);
        let journal = self.directory.join(format!("journal-{index}.redb"));
        let mut command = self.command(Program::BotGateway);
        command
            .env("BOT_LISTEN", listen)
            .env("BOT_METRICS_LISTEN", "off")
            .env("BOT_LOG_FORMAT", "json")
            .env("BOT_JOURNAL", journal)
            .env("TELEGRAM_BOT_TOKEN", SIMULATED_TOKEN)
            .env("BOT_TELEGRAM_API_URL", self.to_telegram[index].url())
            .env("BOT_TELEGRAM_TIMEOUT", "4")
            .env("BOT_NOTIFY_URL", self.to_service[index].url())
            .env("BOT_NOTIFY_KEY", self.keys.of("bot-gateway"))
            // Nobody writes to the bot, so nobody asks lesson-svc.
            .env("BOT_LESSON_URL", "http://127.0.0.1:9")
            .env("BOT_LESSON_KEY", self.keys.of("bot-gateway"))
            .env("BOT_DRAIN", "5");
        command
    }
}

impl Doors for Site {
    fn sim(&self) -> &SimClient {
        &self.sim
    }

    fn bot_id(&self) -> i64 {
        self.bot_id
    }

    /// Not through a proxy.
    fn notify(&self, replica: Index, caller: &str) -> Result<Backend> {
        Ok(Backend::connect_lazy(&BackendConfig {
            service: "notify-svc",
            url: url(self.ports.services[replica]).parse()?,
            authorities: Authorities::default(),
            key: self.keys.of(caller).into(),
            timeout: Duration::from_secs(3),
        })?)
    }
}

pub(super) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

pub(super) fn simulator(directory: &Path, binaries: &Path, port: u16) -> Result<Process> {
    let logs = directory.join("logs");
    fs::create_dir_all(&logs)?;
    let mut command = Command::new(binaries.join(Program::TelegramSim.name()));
    command
        .current_dir(directory)
        .env_clear()
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--token", SIMULATED_TOKEN]);
    Process::start("telegram-sim", &mut command, &logs.join("telegram-sim.log"))
}

async fn owner_of(database: &PgPool) -> Result<Option<Uuid>> {
    let owner = sqlx::query_scalar("SELECT gateway_id FROM notify.owners")
        .fetch_optional(database)
        .await?;
    Ok(owner)
}

pub(super) async fn is_serving(port: u16, service: &str) -> Result<bool> {
    let endpoint = tonic::transport::Endpoint::from_shared(url(port))?;
    let channel = endpoint.timeout(Duration::from_secs(2)).connect().await?;
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = HealthClient::new(channel).check(request).await?;
    Ok(answer.into_inner().status() == ServingStatus::Serving)
}

async fn kill(process: Option<Process>) -> Result<()> {
    process.ok_or("not running")?.kill().await
}

async fn stop(process: Option<Process>) -> Result<()> {
    let mut process = process.ok_or("not running")?;
    let status = process.stop(Signal::TERM, STOP).await?;
    if status.success() {
        return Ok(());
    }
    Err(format!("ended with {status}:\n{}", process.log_tail()).into())
}

fn signalled(process: Option<&Process>, signal: Signal) -> Result<()> {
    process.map_or(Ok(()), |process| process.signal(signal))
}
