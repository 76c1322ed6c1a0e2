//! What the commands share.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::{
    Result,
    postgres::{self, Cluster, Durability},
};

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Where cargo puts programs of the dev profile.
pub(crate) fn binaries() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |target| root().join(target));
    target.join("debug")
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

/// Runs a command to its end.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    // Not the command's own form: it shows the environment, and with it a password.
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    let line = words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ");
    let status = command
        .status()
        .map_err(|error| format!("{line}: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{line} failed ({status})").into())
}

/// Runs `work` with a throw-away cluster.
pub(crate) fn with_cluster<T>(work: impl AsyncFnOnce(&Cluster) -> Result<T>) -> Result<T> {
    runtime()?.block_on(async {
        let directory = tempfile::Builder::new().prefix("olm-test-").tempdir()?;
        // PostgreSQL's own user must reach its folder in it.
        open_to_all(directory.path())?;
        let place = postgres::reachable_directory(&directory.path().join("postgres"))?;
        let mut cluster = Cluster::start(&place, e2e::ports::free()?, Durability::None).await?;
        let result = work(&cluster).await;
        cluster.stop().await?;
        result
    })
}

fn open_to_all(directory: &Path) -> Result<()> {
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
