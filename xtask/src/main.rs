//! The developer's commands: `cargo xtask up`, `test`, `ci`, `sqlx`, `bench`, `chaos`,
//! `contract-fuzz`, `deploy-check`.

mod bench;
mod chaos;
mod ci;
mod deploy;
mod fuzz;
mod sql;
mod tasks;
mod test;
mod tools;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "The developer's commands of Online Lesson Manager"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything: database, services and, without a real bot's token, a simulated Telegram
    Up {
        /// Books a lesson through the public API, waits for its messages, prints the timeline, ends
        #[arg(long)]
        demo_once: bool,
    },
    /// Runs all tests on a private database
    Test {
        /// Passed on to `cargo test`, e.g. `-p lesson-svc`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs everything a change must pass: fmt, contract lint, clippy, doc, SQL metadata, tests, demo
    Ci,
    /// Writes the SQL metadata that builds without a database read (.sqlx)
    Sqlx,
    /// Measures optimised builds: `booking`, `delivery`, `failover`, `feed`, `slots`, `watch`
    Bench {
        /// Which benchmark, and its options, e.g. `booking --rounds 3`; `--help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<String>,
    },
    /// Breaks processes, networks, database and Telegram under load, and judges what was delivered
    Chaos(chaos::Plan),
    /// Tries the running gateway with requests made from its OpenAPI document (schemathesis)
    ContractFuzz(fuzz::Plan),
    /// Writes what of gRPC the proxy opens to server 2, from the contract's policies
    ProxyMethods,
    /// Validates whatever deploys with its own tools, and prints one table
    DeployCheck {
        /// Only these checks, e.g. `images`
        checks: Vec<String>,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Up { demo_once } => up::run(demo_once),
        Command::Test { arguments } => test::run(&arguments),
        Command::Ci => ci::run(),
        Command::Sqlx => sql::write(),
        Command::Bench { arguments } => bench::run(&arguments),
        Command::Chaos(plan) => chaos::run(&plan),
        Command::ContractFuzz(plan) => fuzz::run(&plan),
        Command::ProxyMethods => deploy::proxy::write(),
        Command::DeployCheck { checks } => deploy::run(&checks),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
