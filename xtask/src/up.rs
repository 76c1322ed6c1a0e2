//! `cargo xtask up`: the whole system on this machine, from nothing.

pub(crate) mod demo;

use std::{
    env,
    fs::{self, File},
    time::Duration,
};

use e2e::{
    Result,
    keys::Keys,
    postgres::{self, Cluster, Durability, ServiceUrls},
    program::Program,
    stack::{Bot, Options, Stack},
};
use service_kit::shutdown::Shutdown;
use tokio::time::{interval, timeout};

use crate::tasks::{Interrupts, binaries, build, root, runtime};

/// The port of the private PostgreSQL when nobody else took it.
const POSTGRES_PORT: u16 = 54_320;

/// What an installation is told from outside.
#[derive(Debug, Default)]
struct Wishes {
    token: Option<String>,
    database_url: Option<String>,
    otlp_endpoint: Option<String>,
}

impl Wishes {
    /// From the environment, then `.env`.
    fn read() -> Self {
        let file: Vec<_> = dotenvy::from_path_iter(root().join(".env"))
            .into_iter()
            .flatten()
            .flatten()
            .collect();
        let find = |name: &str| {
            let in_file = || {
                file.iter()
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value.clone())
            };
            env::var(name)
                .ok()
                .or_else(in_file)
                .filter(|value| !value.trim().is_empty())
        };
        let token_in_file = || fs::read_to_string(find("TELEGRAM_BOT_TOKEN_FILE")?).ok();
        let token = find("TELEGRAM_BOT_TOKEN").or_else(token_in_file);
        Self {
            token: token.map(|token| token.trim().to_owned()),
            database_url: find("DATABASE_URL"),
            otlp_endpoint: find("OTEL_EXPORTER_OTLP_ENDPOINT"),
        }
    }
}

/// Starts everything; with `demo_once` tells one story and ends.
pub(crate) fn run(demo_once: bool) -> Result<()> {
    let wishes = Wishes::read();
    if demo_once && wishes.token.is_some() {
        return Err("--demo-once needs the simulator, but TELEGRAM_BOT_TOKEN is set".into());
    }
    let directory = root().join(".run");
    fs::create_dir_all(&directory)?;
    let lock_path = directory.join("lock");
    let lock =
        File::create(&lock_path).map_err(|error| format!("{}: {error}", lock_path.display()))?;
    if lock.try_lock().is_err() {
        return Err("already running here: stop the other `cargo xtask up` first".into());
    }
    println!("building the programs …");
    build()?;
    runtime()?.block_on(async {
        let shutdown = Shutdown::manual(Duration::ZERO);
        tokio::select! {
            result = start_and_serve(demo_once, wishes, &shutdown) => result,
            result = interrupted(&shutdown) => result,
        }
    })
}

/// The first interrupt asks everything to stop in order; the second, or a minute, ends
/// this program's work at once, and the processes with it.
async fn interrupted(shutdown: &Shutdown) -> Result<()> {
    let mut interrupts = Interrupts::new()?;
    interrupts.next().await;
    println!("stopping … (again to kill)");
    shutdown.stop();
    let _ = timeout(Duration::from_mins(1), interrupts.next()).await;
    Err("killed before everything had stopped".into())
}

async fn start_and_serve(demo_once: bool, wishes: Wishes, shutdown: &Shutdown) -> Result<()> {
    let directory = root().join(".run");
    let mut cluster = None;
    let databases = if let Some(url) = &wishes.database_url {
        println!("using the database of DATABASE_URL");
        prepare(url).await?
    } else {
        let place = postgres::reachable_directory(&directory.join("postgres"))?;
        postgres::stop_leftover(&place).await?;
        let port = e2e::ports::free_or(POSTGRES_PORT)?;
        println!(
            "starting a private PostgreSQL on port {port}, data in {} …",
            place.display()
        );
        let started = cluster.insert(Cluster::start(&place, port, Durability::Full).await?);
        prepare(&started.database("olm").await?).await?
    };
    println!("migrating, starting the services …");
    let options = Options {
        binaries: binaries()?,
        directory,
        databases,
        bot: wishes.token.map_or(Bot::Simulated, Bot::Real),
        otlp_endpoint: wishes.otlp_endpoint,
        default_ports: true,
        settings: Vec::new(),
        has_line: false,
    };
    let result = with_stack(options, demo_once, shutdown).await;
    let stopped = match &mut cluster {
        Some(cluster) => cluster.stop().await,
        None => Ok(()),
    };
    result.and(stopped)
}

async fn prepare(admin_url: &str) -> Result<ServiceUrls> {
    // Kept with the other keys: the same at each start.
    let keys = Keys::in_directory(&root().join(".run/keys"))?;
    postgres::prepare(admin_url, keys.of("database")).await
}

async fn with_stack(options: Options, demo_once: bool, shutdown: &Shutdown) -> Result<()> {
    let simulated = options.bot == Bot::Simulated;
    let mut stack = tokio::select! {
        started = Stack::start(options) => started?,
        () = shutdown.stopping() => return Err("stopped before everything was started".into()),
    };
    let result = if demo_once {
        tokio::select! {
            result = demo::tell(&stack) => {
                println!("  The services' logs are in .run/logs.\n");
                result
            }
            () = shutdown.stopping() => Err("stopped before the story's end".into()),
        }
    } else {
        serve(&mut stack, simulated, shutdown).await
    };
    let stopped = stack.stop().await;
    result.and(stopped)
}

async fn serve(stack: &mut Stack, simulated: bool, shutdown: &Shutdown) -> Result<()> {
    let teacher = if simulated {
        Some(demo::load(stack).await?)
    } else {
        None
    };
    print_table(stack);
    if let Some(teacher) = teacher {
        println!("{}", what_to_try(stack, &teacher));
    } else {
        println!(
            "\nOpen your bot in Telegram and press /start. To make yourself a teacher, see \"A real bot\" in README.md."
        );
    }
    println!("\nCtrl-C stops everything.");
    let mut ticks = interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = shutdown.stopping() => return Ok(()),
            _ = ticks.tick() => stack.check()?,
        }
    }
}

fn print_table(stack: &Stack) {
    println!();
    println!("  {:<14} {:<30} log", "service", "address");
    for program in stack.programs() {
        let port = stack.port(program);
        let moved = if port == program.default_port() {
            String::new()
        } else {
            format!(" ({} was taken)", program.default_port())
        };
        let log = stack.log(program);
        let log = log.strip_prefix(root()).unwrap_or(&log).display();
        println!(
            "  {:<14} {:<30} {log}",
            program.name(),
            format!("127.0.0.1:{port}{moved}")
        );
    }
}

fn what_to_try(stack: &Stack, teacher: &str) -> String {
    let sim = stack.url(Program::TelegramSim);
    let rest = stack.url(Program::GatewayRest);
    let lesson = stack.url(Program::LessonSvc);
    format!(
        "
  What to try
    Telegram, simulated   {sim}/  (be the student: /start, your time, a day, a time, Confirm)
    REST, with a form     {rest}/api/v1/docs
    health                curl {rest}/api/v1/health
    free slots            curl -H \"X-Service-Key: $(cat .run/keys/website)\" '{rest}/api/v1/teachers/{teacher}/slots?limit=3'
    gRPC by reflection    buf curl --protocol grpc --http2-prior-knowledge --list-services {lesson}
    the demo's teacher    {teacher}"
    )
}
