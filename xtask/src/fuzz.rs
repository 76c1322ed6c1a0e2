//! `cargo xtask contract-fuzz`: requests made from the gateway's own OpenAPI document,
//! good and bad ones, against the services as processes. Whatever is answered must be
//! what the document says, and never a 5xx.

mod people;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;
use e2e::{
    Result, postgres,
    program::Program,
    stack::{Bot, Options, Stack},
};

use crate::{
    tasks::{binaries, cargo, execute, execute_mortal, open_to_all, root, with_cluster},
    tools,
};

/// The tool that makes requests and judges answers, from `PyPI` by name and version.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// What is started, and what the gateway needs behind it.
const SERVICES: [&str; 3] = ["lesson-svc", "notify-svc", "gateway-rest"];

/// How long, and which requests.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// How long requests are made
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(10..=3600))]
    seconds: u32,
    /// The same seed makes the same requests, in the same order
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Only operations whose path matches this regular expression
    #[arg(long)]
    path: Option<String>,
}

/// Builds and starts the services with a few people and lessons, and tries them.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let tool = tools::python(SCHEMATHESIS, "schemathesis")?;
    let mut build = cargo(&["build"]);
    build.args(SERVICES.iter().flat_map(|service| ["-p", service]));
    execute(&mut build)?;
    with_cluster(async |cluster| {
        let directory = tempfile::Builder::new().prefix("olm-fuzz-").tempdir()?;
        open_to_all(directory.path())?;
        let databases = postgres::prepare(&cluster.database("olm").await?, "fuzz-password").await?;
        let mut stack = Stack::start(Options {
            binaries: binaries()?,
            directory: directory.path().to_owned(),
            databases,
            bot: Bot::Absent,
            otlp_endpoint: None,
            default_ports: false,
            settings: Vec::new(),
            has_line: false,
        })
        .await?;
        let result = fuzz(&stack, &tool, directory.path(), plan).await;
        let result = result.and_then(|()| stack.check());
        if result.is_err() {
            let kept = keep_logs(&stack)?;
            println!("the services' logs are in {}", kept.display());
        }
        let stopped = stack.stop().await;
        result.and(stopped)
    })
}

async fn fuzz(stack: &Stack, tool: &Path, directory: &Path, plan: &Plan) -> Result<()> {
    let people = people::invite(stack).await?;
    let ours = root().join("xtask/src/fuzz");
    let mut command = Command::new(tool);
    command
        .arg("--config-file")
        .arg(ours.join("schemathesis.toml"))
        .arg("run")
        .arg(format!(
            "{}/api/v1/openapi.json",
            stack.url(Program::GatewayRest)
        ))
        .args(["--max-time", &plan.seconds.to_string()])
        .args(["--seed", &plan.seed.to_string()])
        // A stream of events has no end that could be judged.
        .args(["--exclude-path", "/api/v1/events"])
        // What it leaves behind goes with the folder.
        .current_dir(directory)
        .env("PYTHONPATH", &ours)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("OLM_SERVICE_KEY", stack.keys.of("website"))
        .env("OLM_PEOPLE", people);
    if let Some(path) = &plan.path {
        command.args(["--include-path-regex", path]);
    }
    execute_mortal(command)
        .await
        .map_err(|_| "the gateway did not do what its document says; see above".into())
}

/// The logs, out of the folder that goes away.
fn keep_logs(stack: &Stack) -> Result<PathBuf> {
    let place = root().join("target/contract-fuzz");
    fs::create_dir_all(&place)?;
    for program in stack.programs() {
        let log = stack.log(program);
        fs::copy(&log, place.join(log.file_name().unwrap_or_default()))?;
    }
    Ok(place)
}
