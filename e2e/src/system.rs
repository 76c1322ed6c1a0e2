//! A whole system for one test, with a database of its own.

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{
    Result, ports,
    postgres::{self, Cluster, Durability},
    program::Program,
    stack::{Bot, Options, Stack},
    story::Story,
};

/// PostgreSQL, the services, the people. Dropped, it kills what still runs.
#[derive(Debug)]
pub struct System {
    /// The database server.
    pub cluster: Cluster,
    /// The services.
    pub stack: Stack,
    /// What people do.
    pub story: Story,
    /// Where logs, keys and the journal are.
    pub directory: TempDir,
}

impl System {
    /// Starts everything; spans go to `otlp_endpoint`.
    ///
    /// # Errors
    ///
    /// When a part does not start, or the programs were not built.
    pub async fn start(otlp_endpoint: Option<String>) -> Result<Self> {
        Self::with(otlp_endpoint, Vec::new(), false).await
    }

    /// The same with some settings of its own, and with a line to cut, see
    /// [`Stack::line`].
    ///
    /// # Errors
    ///
    /// As [`System::start`].
    pub async fn with(
        otlp_endpoint: Option<String>,
        settings: Vec<(Program, &'static str, String)>,
        has_line: bool,
    ) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("olm-e2e-").tempdir()?;
        // PostgreSQL's own user must reach its folder in it.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        let place = postgres::reachable_directory(&directory.path().join("postgres"))?;
        let cluster = Cluster::start(&place, ports::free()?, Durability::None).await?;
        let databases = postgres::prepare(&cluster.database("olm").await?, "test-password").await?;
        let stack = Stack::start(Options {
            binaries: binaries()?,
            directory: directory.path().to_owned(),
            databases,
            bot: Bot::Simulated,
            otlp_endpoint,
            default_ports: false,
            settings,
            has_line,
        })
        .await?;
        let story = Story::of(&stack);
        Ok(Self {
            cluster,
            stack,
            story,
            directory,
        })
    }

    /// Stops everything in order.
    ///
    /// # Errors
    ///
    /// When a service does not stop cleanly within its deadline.
    pub async fn stop(mut self) -> Result<()> {
        self.stack.stop().await?;
        self.cluster.stop().await
    }

    /// A program's log so far.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn log(&self, program: Program) -> Result<String> {
        Ok(fs::read_to_string(self.stack.log(program))?)
    }
}

/// Waits until `holds`, looking every 20 ms; fails after `within`.
///
/// # Errors
///
/// Names what did not come.
pub async fn eventually(
    what: &str,
    within: Duration,
    mut holds: impl AsyncFnMut() -> bool,
) -> Result<()> {
    let deadline = Instant::now() + within;
    while !holds().await {
        if Instant::now() > deadline {
            return Err(format!("not within {within:?}: {what}").into());
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// The folder of the built programs: beside this one, or, of a test, above its own.
///
/// # Errors
///
/// When they are not there.
pub fn binaries() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let folder = own.parent().ok_or("no target folder")?;
    // A test is in a folder of its own below.
    let folder = folder
        .parent()
        .filter(|_| folder.ends_with("deps"))
        .unwrap_or(folder);
    for program in Program::ALL {
        if !folder.join(program.name()).exists() {
            return Err(format!(
                "{} is not built: run the tests with `cargo xtask test`",
                program.name()
            )
            .into());
        }
    }
    Ok(folder.to_owned())
}
