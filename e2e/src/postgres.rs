//! A private PostgreSQL: found or installed, started, prepared, stopped.

use std::{
    env,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

use crate::{Result, process::Process};

/// The oldest version the schema is written for.
const OLDEST: u32 = 15;
/// The cluster's data, below its folder.
const DATA: &str = "data";
const START_DEADLINE: Duration = Duration::from_secs(30);
const STOP_GRACE: Duration = Duration::from_secs(20);

/// Whether data survives the machine, or only the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production.
    Full,
    /// Its own crash loses nothing committed, the machine's may: for tests that crash it.
    Process,
    /// Without fsync: for tests, which throw the data away.
    None,
}

/// A private cluster that listens on 127.0.0.1 only.
#[derive(Debug)]
pub struct Cluster {
    binaries: PathBuf,
    directory: PathBuf,
    owner: Option<Owner>,
    port: u16,
    password: String,
    durability: Durability,
    process: Option<Process>,
}

/// Whom PostgreSQL runs as when we are root: it refuses root.
#[derive(Debug, Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
}

impl Cluster {
    /// Creates the cluster in `directory` unless it is there, and starts it.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is missing or does not start; the text says what to do.
    pub async fn start(directory: &Path, port: u16, durability: Durability) -> Result<Self> {
        let binaries = find_binaries().await?;
        fs::create_dir_all(directory)?;
        let directory = directory.canonicalize()?;
        let password_file = directory.join("password");
        let data = directory.join(DATA);
        let owner = owner_of(&data)?;
        if let Some(owner) = owner {
            chown(&directory, Some(owner.uid), Some(owner.gid))?;
        }
        if !data.exists() {
            fs::write(&password_file, uuid::Uuid::new_v4().simple().to_string())?;
            fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600))?;
            if let Some(owner) = owner {
                chown(&password_file, Some(owner.uid), Some(owner.gid))?;
            }
            initialise(&binaries, &directory, owner, durability).await?;
        }
        stop_leftover(&directory).await?;
        let mut cluster = Self {
            binaries,
            password: fs::read_to_string(&password_file)?,
            directory,
            owner,
            port,
            durability,
            process: None,
        };
        cluster.resume().await?;
        Ok(cluster)
    }

    /// Starts the server again after [`Cluster::stop`].
    ///
    /// # Errors
    ///
    /// When it does not answer within half a minute.
    pub async fn resume(&mut self) -> Result<()> {
        let mut command = self.command("postgres");
        command
            .arg("-D")
            .arg(self.directory.join(DATA))
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(["-c", "max_connections=200"]);
        if self.durability != Durability::Full {
            command.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        }
        if self.durability == Durability::None {
            command.args(["-c", "synchronous_commit=off"]);
        }
        let log = self.directory.join("log");
        let mut process = Process::start("PostgreSQL", &mut command, &log)?;
        let deadline = Instant::now() + START_DEADLINE;
        while let Err(error) = self.connect("postgres").await {
            process.check()?;
            if Instant::now() > deadline {
                return Err(format!(
                    "PostgreSQL does not answer: {error}\n{}",
                    process.log_tail()
                )
                .into());
            }
            sleep(Duration::from_millis(50)).await;
        }
        self.process = Some(process);
        Ok(())
    }

    /// Stops the server; its data stays.
    ///
    /// # Errors
    ///
    /// When it had to be killed.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            // SIGINT is PostgreSQL's fast shutdown: clients are disconnected.
            process.stop(Signal::INT, STOP_GRACE).await?;
        }
        Ok(())
    }

    /// Ends the server as a crash does; what was committed is there again after
    /// [`Cluster::resume`], unless durability is [`Durability::None`].
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub async fn crash(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            // SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, no goodbye.
            process.stop(Signal::QUIT, STOP_GRACE).await?;
        }
        Ok(())
    }

    /// The superuser's URL of `database`, which is made when it is missing.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn database(&self, database: &str) -> Result<String> {
        let mut admin = self.connect("postgres").await?;
        let exists: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
                .bind(database)
                .fetch_one(&mut admin)
                .await?;
        if !exists {
            sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {database}")))
                .execute(&mut admin)
                .await?;
        }
        admin.close().await?;
        Ok(self.url(database))
    }

    /// The folder with the programs of its version, such as `pg_dump`.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.binaries
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    async fn connect(&self, database: &str) -> std::result::Result<PgConnection, sqlx::Error> {
        PgConnection::connect(&self.url(database)).await
    }

    fn command(&self, program: &str) -> Command {
        command(&self.binaries, program, self.owner, &self.directory)
    }
}

/// The services' URLs of one database, each with its own role.
#[derive(Debug, Clone)]
pub struct ServiceUrls {
    /// lesson-svc's.
    pub lesson: String,
    /// notify-svc's.
    pub notify: String,
}

/// Makes the services' roles and schemas (`migrations/roles.sql`) in the database of
/// `admin_url`, which must be a superuser's; `password` becomes both roles'.
///
/// # Errors
///
/// When the database refuses.
pub async fn prepare(admin_url: &str, password: &str) -> Result<ServiceUrls> {
    let mut admin = PgConnection::connect(admin_url)
        .await
        .map_err(|error| format!("the database cannot be reached: {error}"))?;
    sqlx::raw_sql(include_str!("../../migrations/roles.sql"))
        .execute(&mut admin)
        .await?;
    let url_of = |role: &str| -> Result<String> {
        let mut url = url::Url::parse(admin_url)?;
        if url
            .set_username(role)
            .and_then(|()| url.set_password(Some(password)))
            .is_err()
        {
            return Err("DATABASE_URL names no host".into());
        }
        Ok(url.into())
    };
    let quoted = password.replace('\'', "''");
    for role in ["olm_lesson", "olm_notify"] {
        let statement = format!("ALTER ROLE {role} PASSWORD '{quoted}'");
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut admin)
            .await?;
    }
    admin.close().await?;
    Ok(ServiceUrls {
        lesson: url_of("olm_lesson")?,
        notify: url_of("olm_notify")?,
    })
}

fn command(binaries: &Path, program: &str, owner: Option<Owner>, directory: &Path) -> Command {
    let mut command = Command::new(binaries.join(program));
    // Not the caller's folder: its new owner may not read it.
    command.current_dir(directory).env("LC_ALL", "C.UTF-8");
    if let Some(owner) = owner {
        command.uid(owner.uid).gid(owner.gid);
    }
    command
}

async fn initialise(
    binaries: &Path,
    directory: &Path,
    owner: Option<Owner>,
    durability: Durability,
) -> Result<()> {
    // Renamed when it is whole: what an interrupted first start left is no cluster.
    let unfinished = directory.join("data.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    let mut initdb = command(binaries, "initdb", owner, directory);
    let checked = match durability {
        Durability::Full => "scram-sha-256",
        // The same passwords without the arithmetic, which costs a second in clients that are
        // not optimised, on a machine that is busy.
        Durability::Process | Durability::None => "password",
    };
    initdb
        .arg("-D")
        .arg(&unfinished)
        .args(["-U", "postgres", "-A", checked])
        .args(["-E", "UTF8", "--locale=C.UTF-8"])
        .arg("--pwfile")
        .arg(directory.join("password"));
    if durability != Durability::Full {
        initdb.arg("--no-sync");
    }
    let output = initdb
        .output()
        .await
        .map_err(|error| format!("initdb cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(fs::rename(&unfinished, directory.join(DATA))?);
    }
    Err(format!(
        "initdb failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}

/// Stops a server of the cluster in `directory` that an owner who was killed left
/// behind.
///
/// # Errors
///
/// When it does not stop.
pub async fn stop_leftover(directory: &Path) -> Result<()> {
    let data = directory.join(DATA);
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else {
        return Ok(());
    };
    if let Some(id) = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok())
    {
        crate::process::stop_leftover(id, &data.to_string_lossy(), Signal::INT).await?;
    }
    Ok(())
}

/// A folder for a cluster: `wanted`, unless PostgreSQL's own user could not reach it
/// (a checkout below a closed home folder, say); then one in `/var/tmp`, the same at each call.
///
/// # Errors
///
/// When neither can be made.
pub fn reachable_directory(wanted: &Path) -> Result<PathBuf> {
    fs::create_dir_all(wanted)?;
    let wanted = wanted.canonicalize()?;
    let open_to_all = |folder: &Path| {
        fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
    };
    if owner()?.is_none() || wanted.ancestors().skip(1).all(open_to_all) {
        return Ok(wanted);
    }
    let key = service_kit::keys::digest_hex(&wanted.to_string_lossy());
    let fallback = Path::new("/var/tmp").join(format!("olm-postgres-{}", &key[..16]));
    match DirBuilder::new().mode(0o700).create(&fallback) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    // Anybody may make folders there: one that is another's is not used.
    let found = fs::symlink_metadata(&fallback)?;
    let is_ours = found.uid() == 0 || owner()?.is_some_and(|owner| owner.uid == found.uid());
    if found.is_dir() && is_ours {
        Ok(fallback)
    } else {
        Err(format!("{} belongs to somebody else; remove it", fallback.display()).into())
    }
}

/// Whom PostgreSQL runs as: nobody else when we are not root; else the owner of the
/// data, if an ordinary user made it, else as [`owner`].
fn owner_of(data: &Path) -> Result<Option<Owner>> {
    let Some(default) = owner()? else {
        return Ok(None);
    };
    let made_by = fs::metadata(data).ok().filter(|found| found.uid() != 0);
    Ok(Some(made_by.map_or(default, |found| Owner {
        uid: found.uid(),
        gid: found.gid(),
    })))
}

/// Nobody when we are not root; else PostgreSQL's own user, or `nobody`.
fn owner() -> Result<Option<Owner>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(name) {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Owner { uid, gid })
        })
    };
    find("postgres")
        .or_else(|| find("nobody"))
        .map(Some)
        .ok_or_else(|| {
            "PostgreSQL refuses to run as root, and there is no user postgres or nobody".into()
        })
}

/// The folder with PostgreSQL's programs: on PATH, in the usual places, or, as root
/// on Debian or Ubuntu, after installing the system's package.
async fn find_binaries() -> Result<PathBuf> {
    if let Some(found) = look_for_binaries().await {
        return Ok(found);
    }
    let can_install =
        rustix::process::geteuid().is_root() && Path::new("/usr/bin/apt-get").exists();
    if can_install {
        eprintln!(
            "PostgreSQL {OLDEST} or newer is not installed; installing the system's package postgresql"
        );
        for arguments in [
            &["update", "-q"][..],
            &[
                "install",
                "-q",
                "-y",
                "--no-install-recommends",
                "postgresql",
            ],
        ] {
            let status = Command::new("/usr/bin/apt-get")
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive")
                .stdout(io::stderr())
                .status()
                .await?;
            if !status.success() {
                return Err(format!("apt-get {} failed: {status}", arguments.join(" ")).into());
            }
        }
        return look_for_binaries().await.ok_or_else(|| {
            format!("the system's package postgresql is older than {OLDEST}: install a newer one from apt.postgresql.org").into()
        });
    }
    Err(format!(
        "PostgreSQL {OLDEST} or newer was not found. Install it (Debian, Ubuntu: apt install postgresql; \
         Fedora: dnf install postgresql-server postgresql-contrib; macOS: brew install postgresql@17), put its bin folder on PATH, \
         or set DATABASE_URL to a superuser's URL of a running one"
    )
    .into())
}

async fn look_for_binaries() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    for (parent, below) in [
        ("/usr/lib/postgresql", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/usr", "bin"),
    ] {
        let versions = fs::read_dir(parent).into_iter().flatten().flatten();
        let mut found: Vec<_> = versions
            .filter(|entry| {
                parent.ends_with("postgresql")
                    || entry.file_name().to_string_lossy().starts_with("pgsql")
                    || entry
                        .file_name()
                        .to_string_lossy()
                        .starts_with("postgresql")
            })
            .map(|entry| entry.path().join(below))
            .collect();
        // The newest first.
        found.sort_unstable();
        folders.extend(found.into_iter().rev());
    }
    for folder in folders {
        if folder.join("initdb").exists()
            && version(&folder)
                .await
                .is_some_and(|version| version >= OLDEST)
        {
            return Some(folder);
        }
    }
    None
}

async fn version(folder: &Path) -> Option<u32> {
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}
