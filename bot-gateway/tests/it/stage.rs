//! A gateway with everything around it.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use bot_gateway::{Config, RunError};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use service_kit::{
    clock::{SharedClock, SystemClock},
    config::Settings,
    shutdown::Shutdown,
};
use telegram_sim::{
    api::{MessageView, Person},
    client::SimClient,
};
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tracing_subscriber::{
    filter::LevelFilter, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};
use uuid::Uuid;

use crate::{lessons::Lessons, notify::Notify};

pub const BOT_ID: i64 = 4242;
pub const SECRET: &str = "0123456789-abcdefghij_SECRET";
/// Enough for anything that happens at all, on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Everything that any gateway of this test run has logged, at every level.
pub static LOGS: LazyLock<Logs> = LazyLock::new(|| {
    let logs = Logs::default();
    let tracer = SdkTracerProvider::builder().build().tracer("tests");
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(logs.clone());
    tracing_subscriber::registry()
        .with(LevelFilter::TRACE)
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(lines)
        .init();
    logs
});

/// A buffer that lines are logged to.
#[derive(Debug, Clone, Default)]
pub struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Logs {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The world around one gateway; the gateway itself can be started and stopped.
pub struct Stage {
    pub sim: SimClient,
    pub lessons: Arc<Lessons>,
    pub notify: Arc<Notify>,
    pub journal: PathBuf,
    /// What each person saw when they last pressed something.
    before: Mutex<HashMap<i64, Vec<MessageView>>>,
    variables: HashMap<String, String>,
    simulator: CancellationToken,
}

/// A running gateway.
pub struct Running {
    pub address: SocketAddr,
    pub shutdown: Shutdown,
    pub task: JoinHandle<Result<(), RunError>>,
}

impl Stage {
    /// Somebody is about to press something: what they see now is no answer to it.
    pub async fn look(&self, person: &Person) {
        let seen = self.sim.chat(person).await.unwrap().messages;
        self.before.lock().unwrap().insert(person.id, seen);
    }

    /// The newest message that fits, written or edited since the person last pressed something.
    pub async fn news(&self, person: &Person, fits: impl Fn(&MessageView) -> bool) -> MessageView {
        let before = self.before.lock().unwrap().get(&person.id).cloned();
        let before = before.unwrap_or_default();
        let is_new = |message: &MessageView| !before.contains(message) && fits(message);
        self.sim.message(person, SOON, is_new).await.unwrap()
    }

    pub async fn new() -> Self {
        let token = format!("{BOT_ID}:{SECRET}");
        Self::with_tokens(std::slice::from_ref(&token), &token).await
    }

    /// A stage whose Telegram knows the tokens `known`, and whose gateway has `tokens`.
    pub async fn with_tokens(known: &[String], tokens: &str) -> Self {
        LazyLock::force(&LOGS);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sim = SimClient::at(listener.local_addr().unwrap());
        let simulator = CancellationToken::new();
        let config = telegram_sim::Config {
            tokens: known.to_vec(),
            ..telegram_sim::Config::default()
        };
        tokio::spawn(telegram_sim::run(listener, config, simulator.clone()));
        let (lessons, lesson_url) = Lessons::start().await;
        let (notify, notify_url) = Notify::start().await;
        let journal = std::env::temp_dir().join(format!("olm-bot-{}.redb", Uuid::new_v4()));
        let variables = [
            ("TELEGRAM_BOT_TOKEN", tokens.to_owned()),
            ("BOT_TELEGRAM_API_URL", sim.base_url().to_owned()),
            ("BOT_LESSON_URL", lesson_url),
            ("BOT_LESSON_KEY", "lesson-key".to_owned()),
            ("BOT_LESSON_TIMEOUT", "2".to_owned()),
            // For a busy machine; a test that needs less says so.
            ("BOT_LESSON_READ_TIMEOUT", "10".to_owned()),
            ("BOT_NOTIFY_URL", notify_url),
            ("BOT_NOTIFY_KEY", "notify-key".to_owned()),
            ("BOT_JOURNAL", journal.to_str().unwrap().to_owned()),
            ("BOT_POLL_TIMEOUT", "5".to_owned()),
            ("BOT_USER_REQUESTS_PER_MINUTE", "100".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        Self {
            sim,
            lessons,
            notify,
            journal,
            before: Mutex::default(),
            variables: variables.into_iter().collect(),
            simulator,
        }
    }

    /// Gateways that are started from now on take updates by webhook; answers where.
    pub fn by_webhook(&mut self) -> String {
        // An address of its own, so that no other test has its port.
        let [a, b, c, ..] = Uuid::new_v4().into_bytes();
        let address = format!("127.{}.{b}.{c}:8082", 100 + a / 2);
        let url = format!("http://{address}/telegram");
        self.set("BOT_UPDATES", "webhook");
        self.set("BOT_WEBHOOK_LISTEN", &address);
        self.set("BOT_WEBHOOK_URL", &url);
        url
    }

    /// Waits until the bot was given every copy that it is to get.
    pub async fn redelivered(&self) {
        let given = async {
            while self.sim.bots().await.unwrap()[0].redelivery_count > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(SOON, given).await.expect("copies are delivered");
    }

    pub fn config(&self) -> Config {
        let mut settings = Settings::from_map("BOT", self.variables.clone());
        let config = Config::read(&mut settings);
        settings.finish().unwrap();
        config
    }

    /// Sets a variable for the gateways that are started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Starts a gateway that may take `drain` to stop.
    pub async fn start(&self, drain: Duration) -> Running {
        self.start_with(self.config(), drain).await
    }

    /// Starts a gateway with a clock of the test's.
    pub async fn start_at(&self, drain: Duration, clock: SharedClock) -> Running {
        serve(self.config(), drain, clock).await
    }

    /// Starts another gateway, with a journal of its own.
    pub async fn start_beside(&self, drain: Duration) -> Running {
        let mut config = self.config();
        config.journal.set_extension("second.redb");
        self.start_with(config, drain).await
    }

    async fn start_with(&self, config: Config, drain: Duration) -> Running {
        serve(config, drain, SystemClock::shared()).await
    }

    /// Starts a gateway on a runtime of its own: dropping that in the background ends
    /// everything where it stands, as the death of a process does.
    pub fn start_mortal(&self) -> Runtime {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let config = self.config();
        runtime.spawn(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let shutdown = Shutdown::manual(SOON);
            bot_gateway::run(config, listener, shutdown, SystemClock::shared()).await
        });
        runtime
    }

    /// Starts a gateway as soon as the one before has let go of its files.
    pub async fn start_after_crash(&self, drain: Duration) -> Running {
        self.released().await;
        self.start(drain).await
    }

    /// Waits until no process has the gateway's files.
    pub async fn released(&self) {
        let released = async {
            for file in [
                self.journal.clone(),
                self.journal.with_extension("chats.redb"),
            ] {
                // A process may have ended before it made it.
                while std::fs::File::open(&file).is_ok_and(|file| file.try_lock().is_err()) {
                    tokio::task::yield_now().await;
                }
            }
        };
        timeout(SOON, released)
            .await
            .expect("the files are released");
    }

    /// A stage with a gateway on it.
    pub async fn running() -> (Self, Running) {
        let stage = Self::new().await;
        let running = stage.start(Duration::from_secs(8)).await;
        (stage, running)
    }
}

async fn serve(config: Config, drain: Duration, clock: SharedClock) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::manual(drain);
    let run = bot_gateway::run(config, listener, shutdown.clone(), clock);
    Running {
        address,
        shutdown,
        task: tokio::spawn(run),
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.simulator.cancel();
        for end in ["redb", "chats.redb", "second.redb", "second.chats.redb"] {
            let _ = std::fs::remove_file(self.journal.with_extension(end));
        }
    }
}

impl Running {
    /// Waits until readiness is told to be `status`.
    pub async fn becomes(&self, status: ServingStatus) {
        let channel = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        let mut health = HealthClient::new(channel.connect().await.unwrap());
        let request = HealthCheckRequest {
            service: bot_gateway::HEALTH_SERVICE.to_owned(),
        };
        let mut watch = health.watch(request).await.unwrap().into_inner();
        let told = async {
            while let Some(answer) = watch.message().await.unwrap() {
                if answer.status() == status {
                    return;
                }
            }
            panic!("the watch ended");
        };
        timeout(SOON, told).await.expect("it is told");
    }

    /// Stops the gateway and waits for its end.
    pub async fn stop(self) -> Result<(), RunError> {
        self.shutdown.stop();
        timeout(SOON, self.task)
            .await
            .expect("the gateway stops")
            .unwrap()
    }
}
