//! What the commands share.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use e2e::{
    Result,
    postgres::{self, Cluster, Durability},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Where the built programs are: beside this one.
pub(crate) fn binaries() -> Result<PathBuf> {
    let own = env::current_exe()?;
    Ok(own
        .parent()
        .ok_or("this program is in no folder")?
        .to_owned())
}

/// `cargo` with `arguments`, in the workspace's folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    // What `cargo run` told this program of its own package: a build script that looks
    // at it (ring's does) would think that everything changed, at each call.
    let own = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
    ];
    for (name, _) in env::vars_os() {
        if own
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Builds every program, as the tests do: `--examples`, of which there are none, has cargo
/// count what only tests depend on, so that nothing is built once more for those.
pub(crate) fn build() -> Result<()> {
    execute(&mut cargo(&[
        "build",
        "--workspace",
        "--bins",
        "--examples",
    ]))
}

/// Runs a command to its end.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    let status = command
        .status()
        .map_err(|error| format!("{line}: {error}"))?;
    ended_well(&line, status)
}

/// Runs a command to its end; given up, it is killed.
pub(crate) async fn execute_mortal(command: Command) -> Result<()> {
    let line = line_of(&command);
    let mut command = tokio::process::Command::from(command);
    let status = command.kill_on_drop(true).status().await;
    ended_well(&line, status.map_err(|error| format!("{line}: {error}"))?)
}

/// Not the command's own form: that shows the environment, and with it a password.
pub(crate) fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

fn ended_well(line: &str, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    Err(format!("{line} failed ({status})").into())
}

/// Runs `work` with a throw-away cluster, which ends with it, also when interrupted.
pub(crate) fn with_cluster<T>(work: impl AsyncFnOnce(&Cluster) -> Result<T>) -> Result<T> {
    runtime()?.block_on(async {
        let mut interrupts = Interrupts::new()?;
        let directory = tempfile::Builder::new().prefix("olm-test-").tempdir()?;
        // PostgreSQL's own user must reach its folder in it.
        open_to_all(directory.path())?;
        let place = postgres::reachable_directory(&directory.path().join("postgres"))?;
        let mut cluster = Cluster::start(&place, e2e::ports::free()?, Durability::None).await?;
        let result = tokio::select! {
            result = work(&cluster) => result,
            () = interrupts.next() => Err("interrupted".into()),
        };
        cluster.stop().await?;
        result
    })
}

/// The ways a person ends a command.
pub(crate) struct Interrupts([Signal; 3]);

impl Interrupts {
    /// Takes them over from the system's default, which would leave children behind.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Lets PostgreSQL's own user pass through a folder.
pub(crate) fn open_to_all(directory: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}
