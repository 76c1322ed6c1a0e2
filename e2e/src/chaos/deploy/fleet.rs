//! The four services as an installation has them, each behind an address of its own, and how
//! one of their processes is replaced by another.

use std::{
    collections::BTreeMap,
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
use tokio::time::sleep;

use super::{
    super::{
        load::Doors,
        proxy::Proxy,
        site::{Index, READY, STOP, is_serving, simulator, url},
    },
    Style,
};
use crate::{
    Result,
    keys::Keys,
    ports,
    postgres::{self, Cluster, Durability, ServiceUrls},
    process::Process,
    program::Program,
    stack::{SIMULATED_TOKEN, Wires},
    story::Story,
    system::eventually,
};

/// In the order of an update: whoever is called is new before who calls it.
pub const ORDER: [Program; 4] = [
    Program::LessonSvc,
    Program::NotifySvc,
    Program::GatewayRest,
    Program::BotGateway,
];
/// A begun row that nobody said a word of is uncertain then; longer than any replacement.
const SILENCE: &str = "20";

/// How long nobody is there when a container takes the place of another one.
const GAP: Duration = Duration::from_secs(2);

/// Everything that runs. Dropped, it kills what is left.
#[derive(Debug)]
pub struct Fleet {
    /// The superuser's view of the database.
    pub database: PgPool,
    cluster: Cluster,
    sim: SimClient,
    simulator: Process,
    bot_id: i64,
    keys: Keys,
    directory: PathBuf,
    urls: ServiceUrls,
    style: Style,
    lines: Lines,
    running: BTreeMap<Program, Vec<Option<Instance>>>,
    launched: u32,
}

/// What callers call, whoever serves there.
#[derive(Debug)]
struct Lines {
    lesson: Proxy,
    notify: Proxy,
    rest: Proxy,
}

impl Lines {
    /// Nobody calls bot-gateway.
    fn of(&self, program: Program) -> Option<&Proxy> {
        match program {
            Program::LessonSvc => Some(&self.lesson),
            Program::NotifySvc => Some(&self.notify),
            Program::GatewayRest => Some(&self.rest),
            Program::BotGateway | Program::TelegramSim => None,
        }
    }
}

#[derive(Debug)]
struct Instance {
    port: u16,
    process: Process,
}

impl Fleet {
    /// Starts everything in `directory` with the programs in `binaries`, which migrate the
    /// database first. The simulator is always ours, and so are the clients.
    ///
    /// # Errors
    ///
    /// When a part does not start.
    pub async fn start(
        directory: &Path,
        binaries: &Path,
        ours: &Path,
        style: Style,
    ) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let place = postgres::reachable_directory(&directory.join("postgres"))?;
        let cluster = Cluster::start(&place, ports::free()?, Durability::Process).await?;
        let admin = cluster.database("olm").await?;
        let urls = postgres::prepare(&admin, "the-first-password").await?;
        let port = ports::free()?;
        let nowhere = Vec::new;
        let mut fleet = Self {
            database: PgPoolOptions::new()
                .max_connections(4)
                .acquire_timeout(Duration::from_secs(5))
                .connect_lazy(&admin)?,
            cluster,
            sim: SimClient::at(SocketAddr::from(([127, 0, 0, 1], port))),
            simulator: simulator(directory, ours, port)?,
            bot_id: Story::bot_id()?,
            keys: Keys::in_directory(&directory.join("keys"))?,
            directory: directory.to_owned(),
            urls,
            style,
            lines: Lines {
                lesson: Proxy::in_turns(nowhere()).await?,
                notify: Proxy::in_turns(nowhere()).await?,
                rest: Proxy::in_turns(nowhere()).await?,
            },
            running: BTreeMap::new(),
            launched: 0,
        };
        fleet.sim.ready(READY).await?;
        fleet.migrate(binaries).await?;
        for program in ORDER {
            for place in 0..style.replicas() {
                let instance = fleet
                    .launch(program, place, ports::free()?, binaries)
                    .await?;
                fleet
                    .running
                    .entry(program)
                    .or_default()
                    .push(Some(instance));
            }
            fleet.point(program, None);
        }
        Ok(fleet)
    }

    /// Brings both schemas to the migrations of the programs in `binaries`.
    ///
    /// # Errors
    ///
    /// Says what the program said.
    pub async fn migrate(&self, binaries: &Path) -> Result<()> {
        for program in [Program::LessonSvc, Program::NotifySvc] {
            let wires = self.wires(0, 0);
            let mut command = wires.command(program, binaries);
            let output = command.current_dir(&self.directory).arg("migrate");
            let output = output.output().await?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!("{} migrate failed:\n{said}", program.name()).into());
            }
        }
        Ok(())
    }

    /// Replaces every process of a program by one of `binaries`, one after the other.
    ///
    /// # Errors
    ///
    /// When one does not become ready, or does not end as it should.
    pub async fn replace(&mut self, program: Program, binaries: &Path) -> Result<()> {
        for place in (0..self.style.replicas()).rev() {
            // bot-gateway's journal is one file, and no other process may have it meanwhile.
            let overlaps = self.style == Style::Rolling && self.lines.of(program).is_some();
            let next = if overlaps {
                let next = self
                    .launch(program, place, ports::free()?, binaries)
                    .await?;
                // Whoever connects from now on does not come to the one that ends.
                self.point(program, Some((place, next.port)));
                self.end(program, place).await?;
                next
            } else {
                let port = self.end(program, place).await?;
                if self.style == Style::InPlace {
                    sleep(GAP).await;
                }
                self.launch(program, place, port, binaries).await?
            };
            self.put(program, place, next);
        }
        Ok(())
    }

    /// Gives both roles another password, which processes that start from now on know.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub async fn change_passwords(&mut self, password: &str) -> Result<()> {
        let admin = self.cluster.database("olm").await?;
        self.urls = postgres::prepare(&admin, password).await?;
        Ok(())
    }

    /// Where HTTP clients go.
    #[must_use]
    pub fn rest_url(&self) -> String {
        self.lines.rest.url()
    }

    /// The key of a client.
    #[must_use]
    pub fn key(&self, client: &str) -> &str {
        self.keys.of(client)
    }

    /// lesson-svc as the operator reaches it.
    ///
    /// # Errors
    ///
    /// When the channel cannot be made.
    pub fn lessons(&self) -> Result<Backend> {
        self.channel("lesson-svc", &self.lines.lesson, "operator")
    }

    /// Fails when a process has ended that nobody ended, with the end of its log.
    ///
    /// # Errors
    ///
    /// Names it.
    pub fn check(&mut self) -> Result<()> {
        let running = self.running.values_mut().flatten().flatten();
        let mut processes = running.map(|instance| &mut instance.process);
        processes.try_for_each(Process::check)?;
        self.simulator.check()
    }

    /// Stops everything in order.
    ///
    /// # Errors
    ///
    /// When a part does not stop in time.
    pub async fn stop(mut self) -> Result<()> {
        for program in ORDER.into_iter().rev() {
            for place in 0..self.style.replicas() {
                self.end(program, place).await?;
            }
        }
        self.simulator.stop(Signal::TERM, STOP).await?;
        self.database.close().await;
        self.cluster.stop().await
    }

    fn channel(&self, service: &'static str, line: &Proxy, caller: &str) -> Result<Backend> {
        Ok(Backend::connect_lazy(&BackendConfig {
            service,
            url: line.url().parse()?,
            authorities: Authorities::default(),
            key: self.keys.of(caller).into(),
            timeout: Duration::from_secs(3),
        })?)
    }

    fn wires(&self, place: Index, port: u16) -> Wires<'_> {
        Wires {
            keys: &self.keys,
            databases: &self.urls,
            listen: format!("127.0.0.1:{port}"),
            lesson_url: self.lines.lesson.url(),
            notify_url: self.lines.notify.url(),
            token: SIMULATED_TOKEN,
            telegram_url: Some(self.sim.base_url().to_owned()),
            journal: self.directory.join(format!("journal-{place}.redb")),
        }
    }

    /// Starts a process and waits until it serves.
    async fn launch(
        &mut self,
        program: Program,
        place: Index,
        port: u16,
        binaries: &Path,
    ) -> Result<Instance> {
        self.launched += 1;
        let name = format!("{}-{}", program.name(), self.launched);
        let mut command = self.wires(place, port).command(program, binaries);
        command
            .current_dir(&self.directory)
            // Shorter waits than in production; they change no rule.
            .env("NOTIFY_SWEEP_INTERVAL", "0.25")
            .env("NOTIFY_SILENCE", SILENCE);
        if let Some((variable, _)) = program.metrics() {
            command.env(variable, "off");
        }
        let log = self.directory.join("logs").join(format!("{name}.log"));
        let mut process = Process::start(&name, &mut command, &log)?;
        let ready = eventually(&format!("{name} is ready"), READY, async || {
            process.check().is_err() || serves(program, port).await
        })
        .await;
        process.check()?;
        ready.map_err(|error| format!("{error}\n{}", process.log_tail()))?;
        Ok(Instance { port, process })
    }

    /// Connections go to what runs, with `next` in the place of the one that it replaces.
    fn point(&self, program: Program, next: Option<(Index, u16)>) {
        let Some(line) = self.lines.of(program) else {
            return;
        };
        let instances = self.running.get(&program).into_iter().flatten();
        let port = |(place, instance): (Index, &Option<Instance>)| match next {
            Some((replaced, port)) if replaced == place => Some(port),
            Some(_) | None => instance.as_ref().map(|instance| instance.port),
        };
        let ports = instances.enumerate().filter_map(port);
        line.point_at(
            ports
                .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
                .collect(),
        );
    }

    fn put(&mut self, program: Program, place: Index, instance: Instance) {
        if let Some(empty) = self.slot(program, place) {
            *empty = Some(instance);
        }
    }

    fn slot(&mut self, program: Program, place: Index) -> Option<&mut Option<Instance>> {
        self.running.get_mut(&program)?.get_mut(place)
    }

    /// Asks a process to stop and waits for its end; answers its port.
    async fn end(&mut self, program: Program, place: Index) -> Result<u16> {
        let instance = self.slot(program, place).and_then(Option::take);
        let Instance { port, mut process } = instance.ok_or("not running")?;
        let status = process.stop(Signal::TERM, STOP).await?;
        if status.success() {
            return Ok(port);
        }
        let name = program.name();
        Err(format!("{name} ended with {status}:\n{}", process.log_tail()).into())
    }
}

impl Doors for Fleet {
    fn sim(&self) -> &SimClient {
        &self.sim
    }

    fn bot_id(&self) -> i64 {
        self.bot_id
    }

    /// The address before all of them.
    fn notify(&self, _replica: Index, caller: &str) -> Result<Backend> {
        self.channel("notify-svc", &self.lines.notify, caller)
    }
}

/// Whether a process would get requests now.
async fn serves(program: Program, port: u16) -> bool {
    if let Some(service) = program.ready_service() {
        return is_serving(port, service).await.unwrap_or(false);
    }
    let health = reqwest::get(format!("{}/api/v1/health", url(port))).await;
    health.is_ok_and(|answer| answer.status().is_success())
}
