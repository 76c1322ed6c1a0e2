//! notify-svc and bot-gateway, as production runs them.

use std::time::Duration;

use e2e::{
    Result,
    keys::Keys,
    ports,
    postgres::{self, ServiceUrls},
    process::Process,
    program::Program,
    system::eventually,
};
use rustix::process::Signal;
use service_kit::grpc::{
    client::{Backend, BackendConfig},
    tls::Authorities,
};
use sqlx::{Connection as _, PgConnection};
use tokio::{process::Command, task::AbortHandle, time::Instant};

use super::{
    Contestant,
    arena::{Arena, OURS, STOP, binary, bot_id, token},
    load,
    schedule::Schedule,
};

/// Beside what rows take.
const START: Duration = Duration::from_secs(3);
const READY: Duration = Duration::from_secs(30);
const CALL: Duration = Duration::from_secs(20);

/// Which of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gateway {
    /// Owns the bot.
    First,
    /// Waits for it.
    Second,
}

impl Gateway {
    fn name(self) -> &'static str {
        match self {
            Self::First => "bot-gateway",
            Self::Second => "bot-gateway-2",
        }
    }
}

/// The place of the first gateway among what runs.
const FIRST_GATEWAY: usize = 1;

/// Both services, stopped between measurements.
pub(super) struct Ours {
    urls: ServiceUrls,
    admin: String,
    keys: Keys,
    service_port: u16,
    gateway_ports: [u16; 2],
    running: Vec<Process>,
    epoch: i64,
    /// What a notification took to create, the last time.
    each: Duration,
}

impl Ours {
    /// Makes the database and the people in it.
    pub(super) async fn new(arena: &Arena) -> Result<Self> {
        let admin = arena.cluster.database(OURS).await?;
        let ours = Self {
            urls: postgres::prepare(&admin, "bench-password").await?,
            admin,
            keys: Keys::in_directory(&arena.path().join("keys"))?,
            service_port: ports::free()?,
            gateway_ports: [ports::free()?, ports::free()?],
            running: Vec::new(),
            epoch: 0,
            each: Duration::from_millis(2),
        };
        let output = ours.service(arena)?.arg("migrate").output().await?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("notify-svc migrate failed:\n{text}").into());
        }
        let chats: Vec<_> = arena
            .everybody()
            .chain(arena.groups.iter().copied())
            .collect();
        let ids: Vec<_> = chats.iter().map(|chat| load::user_id(*chat)).collect();
        let mut database = PgConnection::connect(&ours.admin).await?;
        sqlx::query(
            "INSERT INTO notify.recipients (user_id, version, display_name, bot_id, chat_id)
             SELECT user_id, 1, 'Anna', $3, chat_id
             FROM unnest($1::uuid[], $2::bigint[]) AS person (user_id, chat_id)",
        )
        .bind(ids)
        .bind(chats)
        .bind(bot_id(Contestant::Ours))
        .execute(&mut database)
        .await?;
        Ok(ours)
    }

    /// Starts both with an empty queue, and waits until the gateway owns the bot.
    pub(super) async fn begin(&mut self, arena: &Arena, limits: bool) -> Result<()> {
        let mut database = PgConnection::connect(&self.admin).await?;
        sqlx::raw_sql("TRUNCATE notify.notifications, notify.lessons CASCADE")
            .execute(&mut database)
            .await?;
        let mut service = self.service(arena)?;
        let log = arena.log("notify-svc");
        self.running
            .push(Process::start("notify-svc", &mut service, &log)?);
        self.start_gateway(arena, limits, Gateway::First)?;
        let before = self.epoch;
        let owned = eventually("the gateway owns the bot", READY, async || {
            let epoch = sqlx::query_scalar(
                "SELECT epoch FROM notify.owners WHERE ready AND expires_at > now()",
            )
            .fetch_optional(&mut database)
            .await;
            let epoch: Option<i64> = epoch.ok().flatten();
            self.epoch = epoch.unwrap_or(before);
            self.epoch > before
        })
        .await;
        for process in &mut self.running {
            process.check()?;
        }
        owned
    }

    /// Starts a gateway.
    pub(super) fn start_gateway(
        &mut self,
        arena: &Arena,
        limits: bool,
        which: Gateway,
    ) -> Result<()> {
        let mut gateway = self.gateway(arena, limits, which)?;
        let log = arena.log(which.name());
        self.running
            .push(Process::start(which.name(), &mut gateway, &log)?);
        Ok(())
    }

    /// Ends the first gateway in order, and waits for its end.
    pub(super) async fn stop_gateway(&mut self) -> Result<()> {
        let mut gateway = self.running.remove(FIRST_GATEWAY);
        let status = gateway.stop(Signal::TERM, STOP).await?;
        if status.success() {
            return Ok(());
        }
        Err(format!("ended with {status}:\n{}", gateway.log_tail()).into())
    }

    /// Kills the first gateway.
    pub(super) async fn kill_gateway(&mut self) -> Result<()> {
        self.running.remove(FIRST_GATEWAY).kill().await
    }

    /// Both services' ids.
    pub(super) fn processes(&self) -> Vec<u32> {
        self.running.iter().filter_map(Process::id).collect()
    }

    /// From the beginning of enqueueing so many rows to the schedule's.
    pub(super) fn lead(&self, rows: u32) -> Duration {
        START + rows * self.each * 3 / 2
    }

    /// Creates what the schedule has.
    pub(super) async fn enqueue(&mut self, schedule: &Schedule) -> Result<AbortHandle> {
        let [operator, lesson_svc] = ["operator", "lesson-svc"].map(|caller| {
            Result::Ok(Backend::connect_lazy(&BackendConfig {
                service: "notify-svc",
                url: format!("http://127.0.0.1:{}", self.service_port).parse()?,
                authorities: Authorities::default(),
                key: self.keys.of(caller).into(),
                timeout: CALL,
            })?)
        });
        let begun = Instant::now();
        let load = load::enqueue(schedule, operator?, lesson_svc?).await;
        self.each = begun.elapsed() / schedule.expected().max(1);
        load
    }

    /// Stops both.
    pub(super) async fn end(&mut self) -> Result<()> {
        while let Some(mut process) = self.running.pop() {
            let status = process.stop(Signal::TERM, STOP).await?;
            if !status.success() {
                return Err(format!("ended with {status}:\n{}", process.log_tail()).into());
            }
        }
        Ok(())
    }

    fn service(&self, arena: &Arena) -> Result<Command> {
        let mut command = Command::new(binary(Program::NotifySvc.name())?);
        command
            .current_dir(arena.path())
            .env_clear()
            .env("NOTIFY_LISTEN", format!("127.0.0.1:{}", self.service_port))
            .env("NOTIFY_METRICS_LISTEN", "off")
            .env("NOTIFY_LOG_FORMAT", "json")
            .env("NOTIFY_DATABASE_URL", &self.urls.notify)
            .env(
                "NOTIFY_SERVICE_KEYS_FILE",
                self.keys.callers_file(Program::NotifySvc),
            );
        Ok(command)
    }

    fn gateway(&self, arena: &Arena, limits: bool, which: Gateway) -> Result<Command> {
        let mut command = Command::new(binary(Program::BotGateway.name())?);
        let service = format!("http://127.0.0.1:{}", self.service_port);
        command
            .current_dir(arena.path())
            .env_clear()
            .env(
                "BOT_LISTEN",
                format!("127.0.0.1:{}", self.gateway_ports[which as usize]),
            )
            .env("BOT_METRICS_LISTEN", "off")
            .env("BOT_LOG_FORMAT", "json")
            .env(
                "BOT_JOURNAL",
                arena.path().join(format!("{}.redb", which.name())),
            )
            .env("BOT_TELEGRAM_API_URL", &arena.sim_url)
            .env("TELEGRAM_BOT_TOKEN", token(Contestant::Ours))
            .env("BOT_NOTIFY_URL", service)
            .env("BOT_NOTIFY_KEY_FILE", self.keys.file("bot-gateway"))
            // Nobody writes to the bot, so nobody asks lesson-svc.
            .env("BOT_LESSON_URL", "http://127.0.0.1:9")
            .env("BOT_LESSON_KEY_FILE", self.keys.file("bot-gateway"));
        if !limits {
            command
                .env("BOT_MESSAGES_PER_SECOND", "100000")
                .env("BOT_CHAT_INTERVAL", "0");
        }
        Ok(command)
    }
}
