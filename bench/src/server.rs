//! What is measured: a private PostgreSQL as durable as in production, and the services
//! as processes beside it.

use std::{
    collections::HashMap,
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use e2e::{
    Result, ports,
    postgres::{self, Cluster, Durability, ServiceUrls},
    program::Program,
    stack::{Bot, Options, Stack},
    system::eventually,
};
use service_kit::{config::Settings, database::DatabaseConfig};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tempfile::TempDir;

/// The services' database.
const DATABASE: &str = "olm";
/// A copy of it that only the replayed statements work on.
const COPY: &str = "olm_replay";
/// How long notify-svc may take to be told of everything.
const DRAIN: Duration = Duration::from_mins(1);

/// What else than the usual is started.
pub(crate) struct Setup {
    /// Settings of PostgreSQL, by name and value.
    pub(crate) database: Vec<(String, String)>,
    /// Who carries messages to people.
    pub(crate) bot: Bot,
    /// Where spans go.
    pub(crate) otlp_endpoint: Option<String>,
    /// Settings of programs.
    pub(crate) programs: Vec<(Program, &'static str, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            database: Vec::new(),
            bot: Bot::Absent,
            otlp_endpoint: None,
            programs: Vec::new(),
        }
    }
}

/// A running system. Dropped, it kills what still runs.
pub(crate) struct Server {
    pub(crate) stack: Stack,
    cluster: Cluster,
    databases: ServiceUrls,
    place: PathBuf,
    directory: TempDir,
}

impl Server {
    /// Starts lesson-svc, notify-svc and gateway-rest; nobody carries messages to people.
    pub(crate) async fn start() -> Result<Self> {
        Self::start_with(Setup::default()).await
    }

    /// Likewise, but for what `setup` says.
    pub(crate) async fn start_with(setup: Setup) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("olm-bench-").tempdir()?;
        // PostgreSQL's own user must reach its folder in it.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        let place = postgres::reachable_directory(&directory.path().join("postgres"))?;
        let mut cluster = Cluster::start(&place, ports::free()?, Durability::Full).await?;
        if !setup.database.is_empty() {
            let mut admin = PgConnection::connect(&cluster.database("postgres").await?).await?;
            for (name, value) in &setup.database {
                let statement = format!("ALTER SYSTEM SET {name} = '{value}'");
                sqlx::raw_sql(AssertSqlSafe(statement))
                    .execute(&mut admin)
                    .await?;
            }
            admin.close().await?;
            cluster.stop().await?;
            cluster.resume().await?;
        }
        let admin = cluster.database(DATABASE).await?;
        let databases = postgres::prepare(&admin, "bench-password").await?;
        let own = env::current_exe()?;
        let stack = Stack::start(Options {
            binaries: own
                .parent()
                .ok_or("this program is in no folder")?
                .to_owned(),
            directory: directory.path().to_owned(),
            databases: databases.clone(),
            bot: setup.bot,
            otlp_endpoint: setup.otlp_endpoint,
            default_ports: false,
            settings: setup.programs,
            has_line: false,
        })
        .await?;
        Ok(Self {
            stack,
            cluster,
            databases,
            place,
            directory,
        })
    }

    /// The superuser's connection to the services' database.
    pub(crate) async fn admin(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.admin_url().await?).await?)
    }

    /// Where the superuser finds it.
    pub(crate) async fn admin_url(&self) -> Result<String> {
        self.cluster.database(DATABASE).await
    }

    /// Where lesson-svc finds its schema.
    pub(crate) fn lesson_database(&self) -> String {
        self.databases.lesson.clone()
    }

    /// Where PostgreSQL logs.
    pub(crate) fn database_log(&self) -> PathBuf {
        self.place.join("log")
    }

    /// Where the programs of PostgreSQL's version are.
    pub(crate) fn database_programs(&self) -> &Path {
        self.cluster.programs()
    }

    /// Where keys, logs and the bot's journal are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Copies the services' database, which nobody may be connected to meanwhile, and
    /// returns a pool over the copy such as lesson-svc has.
    pub(crate) async fn copy(&mut self) -> Result<PgPool> {
        let programs = self.stack.programs();
        for program in programs.iter().rev() {
            self.stack.stop_one(*program).await?;
        }
        let url = self.cluster.database("postgres").await?;
        let mut admin = PgConnection::connect(&url).await?;
        let copy = format!("CREATE DATABASE {COPY} TEMPLATE {DATABASE}");
        sqlx::raw_sql(AssertSqlSafe(copy))
            .execute(&mut admin)
            .await?;
        admin.close().await?;
        for program in programs {
            self.stack.restart(program).await?;
        }
        let mut url: reqwest::Url = self.databases.lesson.parse()?;
        url.set_path(COPY);
        let variables = HashMap::from([("LESSON_DATABASE_URL".to_owned(), url.into())]);
        let mut settings = Settings::from_map("LESSON", variables);
        Ok(DatabaseConfig::read(&mut settings, "lesson").pool()?)
    }

    /// Waits until notify-svc knows every lesson and person: what bookings leave behind
    /// belongs to them, not to what is measured next.
    pub(crate) async fn drained(&self) -> Result<()> {
        let mut admin = self.admin().await?;
        eventually("notify-svc knows everything", DRAIN, async || {
            let waiting: std::result::Result<bool, _> = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM lesson.outbox WHERE park_time IS NULL)",
            )
            .fetch_one(&mut admin)
            .await;
            waiting.is_ok_and(|waiting| !waiting)
        })
        .await
    }

    /// Stops everything in order.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.stack.stop().await?;
        self.cluster.stop().await
    }

    /// The version of the server.
    pub(crate) async fn version(&self) -> Result<String> {
        let mut admin = self.admin().await?;
        Ok(sqlx::query_scalar("SHOW server_version")
            .fetch_one(&mut admin)
            .await?)
    }

    /// How many lessons there are.
    pub(crate) async fn lessons(&self) -> Result<i64> {
        let mut admin = self.admin().await?;
        let count = sqlx::query_scalar("SELECT count(*) FROM lesson.lessons");
        Ok(count.fetch_one(&mut admin).await?)
    }

    /// Where HTTP is served.
    pub(crate) fn rest(&self) -> String {
        self.stack.url(Program::GatewayRest)
    }
}
