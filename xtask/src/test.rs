//! `cargo xtask test`.

use std::{
    env,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::Result;

use crate::{
    tasks::{binaries, build, cargo, execute_mortal, with_cluster},
    tools,
};

/// Says how many tests run at once; whoever sets it is obeyed.
const THREADS: &str = "RUST_TEST_THREADS";

/// Seeds proptest's cases; whoever sets it is obeyed. Without it each run draws others, and what fails for somebody
/// says nothing about their change.
const SEED: &str = "PROPTEST_RNG_SEED";

/// Builds the programs, starts a private database, runs every test.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let everything = !arguments
        .iter()
        .any(|argument| argument == "-p" || argument.starts_with("--package"));
    let scope: &[&str] = if everything { &["--workspace"] } else { &[] };
    run_of(scope, arguments, Vec::new())
}

/// The same with the tests of the whole system that need more of the machine, and nothing
/// else; what they need is found or unpacked first.
pub(crate) fn run_system(arguments: &[String]) -> Result<()> {
    let programs = [tools::debian("nginx", "nginx")?, openssl()?];
    let folders = programs
        .iter()
        .filter_map(|program| program.parent().map(Path::to_owned));
    run_of(
        &["--workspace", "--test", "system"],
        arguments,
        folders.collect(),
    )
}

/// Makes certificates of a moment.
fn openssl() -> Result<PathBuf> {
    tools::debian("openssl", "openssl")
}

fn run_of(scope: &[&str], arguments: &[String], folders: Vec<PathBuf>) -> Result<()> {
    // The whole-system tests start the programs themselves.
    build()?;
    let runner = binaries()?.join("xtask");
    let runner = runner.display();
    let runner = format!("target.'cfg(all())'.runner = ['{runner}', 'run-test']");
    let usual = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(folders.into_iter().chain(env::split_paths(&usual)))?;
    with_cluster(async |cluster| {
        let mut test = cargo(&["test", "--no-fail-fast", "--config", &runner]);
        test.args(scope)
            .args(arguments)
            .env("PATH", path)
            .env("DATABASE_URL", cluster.database("olm_test").await?);
        if env::var_os(SEED).is_none() {
            test.env(SEED, "1");
        }
        execute_mortal(test).await
    })
}

/// Becomes a test program, with as many tests at once as suit its package.
pub(crate) fn run_one(program: &Path, arguments: &[String]) -> Result<()> {
    let mut test = Command::new(program);
    test.args(arguments);
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    if env::var_os(THREADS).is_none()
        && let Some(factor) = at_once(&package)
    {
        let cores = std::thread::available_parallelism()?.get();
        test.env(THREADS, (cores * factor).to_string());
    }
    // Returns only when it fails.
    Err(format!("{}: {}", program.display(), test.exec()).into())
}

/// Tests that run at once for each core, of packages whose tests mostly wait: those of
/// bot-gateway, for Telegram's second per chat, need a minute of one core in ten.
fn at_once(package: &str) -> Option<usize> {
    (package == "bot-gateway").then_some(4)
}
