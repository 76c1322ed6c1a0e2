//! `cargo xtask bench`.

use std::process::Command;

use e2e::Result;

use crate::tasks::{binaries, cargo, execute};

/// What is measured beside the benchmarks' own process.
const SERVICES: [&str; 3] = ["lesson-svc", "notify-svc", "gateway-rest"];
/// What `bot` and `sizing` measure: all of them.
const EVERYTHING: [&str; 5] = [
    "lesson-svc",
    "notify-svc",
    "gateway-rest",
    "bot-gateway",
    "telegram-sim",
];
/// What `delivery` and `failover` measure.
const DELIVERY: [&str; 3] = ["notify-svc", "bot-gateway", "telegram-sim"];

/// Builds what is measured, optimised, and measures it; `arguments` begin with which
/// benchmark.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut build = cargo(&["build", "--release", "-p", "bench"]);
    let measured: &[&str] = match arguments.first().map(String::as_str) {
        None | Some("slots") => &[],
        Some("delivery" | "failover") => &DELIVERY,
        Some("bot" | "sizing") => &EVERYTHING,
        Some(_) => &SERVICES,
    };
    build.args(measured.iter().flat_map(|service| ["-p", service]));
    println!("building, optimised; the first time takes minutes …");
    execute(&mut build)?;
    let target = binaries()?;
    let target = target.parent().ok_or("no target folder")?;
    execute(Command::new(target.join("release/bench")).args(arguments))
}
