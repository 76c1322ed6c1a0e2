//! A pool of PostgreSQL connections and the migrations of one schema (VIT-9). No
//! query of a domain is here.

use std::{pin::Pin, str::FromStr as _, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    AssertSqlSafe, PgConnection, PgPool, Row as _,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{interval, sleep};

use crate::{config::Settings, metrics::Gauge};

/// How long a caller waits for a connection: shorter than any call's deadline.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a pool's connections are counted.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// How long a migration waits for a lock before it gives way and tries again: whoever wants the
/// table next waits behind it. Below PostgreSQL's `deadlock_timeout` (1 s), so that it is the
/// migration that gives way to people, not one of them to it.
const LOCK_PATIENCE: &str = "500ms";
/// How often it tries, a minute and a half in all.
const LOCK_ATTEMPTS: u32 = 120;
const LOCK_PAUSE: Duration = Duration::from_millis(250);
/// Connections are recycled after an hour, so that none outlives a failover long.
const MAX_LIFETIME: Duration = Duration::from_hours(1);

/// How a service reaches its schema.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `<P>_DATABASE_URL` (or `…_FILE`): `postgres://user:password@host:port/name`;
    /// `?sslmode=verify-full` and the other TLS modes of libpq work.
    pub url: SecretString,
    /// `<P>_DATABASE_POOL`: the most connections of one replica; default 10.
    pub max_connections: u32,
    /// `<P>_DATABASE_PATIENCE`: how many seconds a caller waits for a connection before it
    /// is answered UNAVAILABLE; default 3.
    pub patience: Duration,
    /// The service's own schema.
    pub schema: &'static str,
}

/// What looks at a new connection before it is used; it is closed when that fails.
pub type Check<'c> = Pin<Box<dyn Future<Output = sqlx::Result<()>> + Send + 'c>>;

/// Why a service is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// The database does not answer.
    #[error("the database cannot be reached")]
    Database(#[from] sqlx::Error),
    /// `<service> migrate` has not been run.
    #[error("the schema is at migration {found:?}, this build needs {needed}: run `migrate`")]
    Migrations {
        /// The newest migration in the database.
        found: Option<i64>,
        /// The newest migration of this build.
        needed: i64,
    },
}

impl DatabaseConfig {
    /// Reads the settings named at the fields.
    pub fn read(settings: &mut Settings, schema: &'static str) -> Self {
        let url = settings.secret("DATABASE_URL");
        // What is wrong is not told: the text may hold a password.
        if !url.expose_secret().is_empty()
            && PgConnectOptions::from_str(url.expose_secret()).is_err()
        {
            settings.fault(
                "DATABASE_URL",
                "is not postgres://user:password@host:port/database",
            );
        }
        Self {
            url,
            max_connections: settings.in_range("DATABASE_POOL", 10, 1..=200),
            patience: settings.duration(
                "DATABASE_PATIENCE",
                PATIENCE,
                PATIENCE / 30..=PATIENCE * 100,
            ),
            schema,
        }
    }

    fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let options = PgConnectOptions::from_str(self.url.expose_secret())?;
        Ok(options.application_name(self.schema).options([
            ("search_path", self.schema),
            ("statement_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "10s"),
        ]))
    }

    /// A pool that connects when first used: a service starts without its database and
    /// is merely not ready.
    ///
    /// # Errors
    ///
    /// When the URL cannot be parsed.
    pub fn pool(&self) -> Result<PgPool, sqlx::Error> {
        Ok(self.opened(self.pool_options(), self.options()?))
    }

    /// As [`Self::pool`], but each new connection is used only after `check` has seen it:
    /// another database may have taken the place of the one before.
    ///
    /// # Errors
    ///
    /// When the URL cannot be parsed.
    pub fn checked_pool<C>(&self, check: C) -> Result<PgPool, sqlx::Error>
    where
        C: for<'c> Fn(&'c mut PgConnection) -> Check<'c> + Send + Sync + 'static,
    {
        let options = self
            .pool_options()
            .after_connect(move |conn, _| check(conn));
        Ok(self.opened(options, self.options()?))
    }

    fn pool_options(&self) -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections(self.max_connections)
            .min_connections(1)
            .acquire_timeout(self.patience)
            .max_lifetime(MAX_LIFETIME)
            // Instead of sqlx's own test, for the same round trip.
            .test_before_acquire(false)
            .before_acquire(|conn, _| Box::pin(is_clean(conn)))
    }

    /// A counted pool.
    fn opened(&self, options: PgPoolOptions, connect: PgConnectOptions) -> PgPool {
        let pool = options.connect_lazy_with(connect);
        tokio::spawn(count_connections(self.schema, pool.clone()));
        pool
    }

    /// One connection of its own for [`ready`]: a pool that requests keep busy is no
    /// database that is away.
    ///
    /// # Errors
    ///
    /// When the URL cannot be parsed.
    pub fn probe(&self) -> Result<PgPool, sqlx::Error> {
        Ok(PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(self.patience)
            .max_lifetime(MAX_LIFETIME)
            .connect_lazy_with(self.options()?))
    }

    /// Migrates the schema up to this build, or down to (and without undoing)
    /// migration `down_to`. A schema that has newer migrations is left as it is: the next
    /// release's are backward compatible, and a release that one goes back to has nothing to do.
    /// Services may run meanwhile: a migration gives way to their locks, and is tried again.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached, a migration fails, or does not get its locks within
    /// a minute and a half; migrations before it stay done.
    pub async fn migrate(
        &self,
        migrator: &Migrator,
        down_to: Option<i64>,
    ) -> Result<(), MigrateError> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(
                self.options()?
                    .options([("statement_timeout", "0"), ("lock_timeout", LOCK_PATIENCE)]),
            )
            .await?;
        // Checked first: a role that owns its schema needs no right on the database.
        let exists: bool = sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL")
            .bind(self.schema)
            .fetch_one(&pool)
            .await?;
        if !exists {
            sqlx::raw_sql(AssertSqlSafe(format!(
                "CREATE SCHEMA IF NOT EXISTS {}",
                self.schema
            )))
            .execute(&pool)
            .await?;
        }
        // It would create the schemas it names even when they are there.
        let migrator = Migrator {
            migrations: migrator.migrations.clone(),
            table_name: migrator.table_name.clone(),
            ignore_missing: down_to.is_none(),
            ..Migrator::DEFAULT
        };
        for attempt in 1.. {
            let done = match down_to {
                None => migrator.run(&pool).await,
                Some(version) => migrator.undo(&pool, version).await,
            };
            match done {
                Err(error) if attempt < LOCK_ATTEMPTS && gave_way(&error) => {
                    sleep(LOCK_PAUSE).await;
                }
                Ok(()) => break,
                Err(error) => return Err(error),
            }
        }
        pool.close().await;
        Ok(())
    }
}

/// Whether a migration was ended by a lock of somebody else's; it is undone then.
fn gave_way(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("40P01" | "55P03"))
}

/// Whether a connection answers and is in no transaction; one that is not is closed.
///
/// A request that is given up while its BEGIN is on the way leaves a transaction open that
/// sqlx does not know of (as of 0.9). Whoever had the connection next would write into it:
/// seen by nobody, locks held, until somebody's COMMIT or the session's end.
async fn is_clean(conn: &mut PgConnection) -> sqlx::Result<bool> {
    // The simple protocol: there a statement of its own is as old as its transaction.
    sqlx::raw_sql("SELECT now() = statement_timestamp()")
        .fetch_one(conn)
        .await?
        .try_get(0)
}

/// Counts a pool's connections until it is closed.
async fn count_connections(name: &'static str, pool: PgPool) {
    static NOW: Gauge<2> = Gauge::new(
        "db.client.connection.count",
        "{connection}",
        "Connections of a pool, by what they do",
        [
            "db.client.connection.pool.name",
            "db.client.connection.state",
        ],
    );
    static MOST: Gauge<1> = Gauge::new(
        "db.client.connection.max",
        "{connection}",
        "The most connections a pool may have",
        ["db.client.connection.pool.name"],
    );
    MOST.set(pool.options().get_max_connections(), [name]);
    let mut ticks = interval(COUNT_EVERY);
    loop {
        tokio::select! {
            () = pool.close_event() => return,
            _ = ticks.tick() => {}
        }
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        NOW.set(idle, [name, "idle"]);
        NOW.set(pool.size().saturating_sub(idle), [name, "used"]);
    }
}

/// Whether the database answers and has every migration of this build (it may have
/// newer ones: they are backward compatible).
///
/// # Errors
///
/// [`NotReady`] says what is missing.
pub async fn ready(pool: &PgPool, migrator: &Migrator) -> Result<(), NotReady> {
    let needed = migrator
        .iter()
        .filter(|migration| migration.migration_type.is_up_migration())
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default();
    let table: Option<String> = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations')::text")
        .fetch_one(pool)
        .await?;
    let found: Option<i64> = match table {
        None => None,
        Some(_) => {
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(pool)
                .await?
        }
    };
    if found.is_some_and(|found| found >= needed) {
        Ok(())
    } else {
        Err(NotReady::Migrations { found, needed })
    }
}
