//! `cargo xtask bench`.

use std::process::Command;

use e2e::Result;

use crate::tasks::{binaries, cargo, execute};

/// What is measured beside the benchmarks' own process.
const SERVICES: [&str; 3] = ["lesson-svc", "notify-svc", "gateway-rest"];

/// Builds what is measured, optimised, and measures it; `arguments` begin with which
/// benchmark.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut build = cargo(&["build", "--release", "-p", "bench"]);
    if arguments.first().is_some_and(|name| name != "slots") {
        build.args(SERVICES.iter().flat_map(|service| ["-p", service]));
    }
    println!("building, optimised; the first time takes minutes …");
    execute(&mut build)?;
    let target = binaries()?;
    let target = target.parent().ok_or("no target folder")?;
    execute(Command::new(target.join("release/bench")).args(arguments))
}
