//! The developer's commands: `cargo xtask up`, `test`, `ci`, `sqlx`, `bench`, `chaos`,
//! `update-check`, `contract-fuzz`, `screens`, `proxy-methods`, `deploy-check`.

mod bench;
mod chaos;
mod ci;
mod deploy;
mod fuzz;
mod policies;
mod screens;
mod sql;
mod tasks;
mod test;
mod tools;
mod up;
mod update;

use std::{path::PathBuf, process::ExitCode};

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
        /// Instead those that need more of the machine, such as nginx, which is looked for or
        /// unpacked below `target/tools`
        #[arg(long)]
        system: bool,
        /// Passed on to `cargo test`, e.g. `-p lesson-svc`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs one test program, as `cargo test` asks for it
    #[command(hide = true)]
    RunTest {
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs the images' programs beside this one, as `deploy-check build` asks for it
    #[command(hide = true)]
    RunImages,
    /// Runs everything a change must pass: fmt, contract lint, clippy, doc, SQL metadata, tests, deploy-check,
    /// update-check, demo
    Ci,
    /// Writes the SQL metadata that builds without a database read (.sqlx)
    Sqlx,
    /// Measures optimised builds: `booking`, `bot`, `delivery`, `failover`, `feed`, `sizing`,
    /// `slots`, `watch`
    Bench {
        /// Which benchmark, and its options, e.g. `booking --rounds 3`; `--help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<String>,
    },
    /// Breaks processes, networks, database and Telegram under load, or replaces the services, and judges
    Chaos(chaos::Plan),
    /// Updates the release before this one to this one under load, and goes back
    UpdateCheck(update::Plan),
    /// Tries the running gateway with requests made from its OpenAPI document (schemathesis)
    ContractFuzz(fuzz::Plan),
    /// Takes pictures of the bot's main screens in both languages into docs/bot (Chromium)
    Screens,
    /// Writes what of gRPC the proxy opens to server 2, from the contract's policies
    ProxyMethods,
    /// Writes the security model's table of who may call what, from the contract's policies
    Policies,
    /// Validates whatever deploys with its own tools, and prints one table
    DeployCheck {
        /// Only these checks, e.g. `images`
        checks: Vec<String>,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Up { demo_once } => up::run(demo_once),
        Command::Test {
            system: true,
            arguments,
        } => test::run_system(&arguments),
        Command::Test {
            system: false,
            arguments,
        } => test::run(&arguments),
        Command::RunTest { program, arguments } => test::run_one(&program, &arguments),
        Command::RunImages => deploy::build::run_images(),
        Command::Ci => ci::run(),
        Command::Sqlx => sql::write(),
        Command::Bench { arguments } => bench::run(&arguments),
        Command::Chaos(plan) => chaos::run(&plan),
        Command::UpdateCheck(plan) => update::run(&plan),
        Command::ContractFuzz(plan) => fuzz::run(&plan),
        Command::Screens => screens::run(),
        Command::ProxyMethods => deploy::proxy::write(),
        Command::Policies => policies::write(),
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
