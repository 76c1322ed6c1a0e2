//! `gateway-rest` as a program: configuration from the environment, then [`run`].

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};
use gateway_rest::{Config, run};
use service_kit::{
    clock::SystemClock,
    config::Settings,
    health::probe::{Question, healthcheck},
    metrics,
    shutdown::Shutdown,
    status, telemetry,
};
use tokio::net::TcpListener;

/// The HTTP door of Online Lesson Manager. Settings are environment variables named
/// `REST_…`, or lines of a file `.env`; the README has their table.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves until SIGTERM or SIGINT; what happens without a command.
    Serve,
    /// Asks the one that serves here whether it is ready: 0, or 1 and why not.
    Healthcheck,
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    let mut settings = Settings::from_env("REST");
    match command {
        Command::Serve => {}
        Command::Healthcheck => {
            let listen = Config::listen(&mut settings);
            return healthcheck(settings, listen, Question::Http("/api/v1/health")).await;
        }
    }
    let config = Config::read(&mut settings);
    if let Err(faults) = settings.finish() {
        eprintln!("{faults}");
        return faults.exit_code();
    }
    let telemetry = match telemetry::init(&config.telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("telemetry cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = serve(config).await;
    if let Err(error) = &result {
        tracing::error!(error = %status::chain(error), "gateway-rest cannot run");
    }
    telemetry.shutdown().await;
    if result.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn serve(config: Config) -> io::Result<()> {
    let shutdown = Shutdown::on_signals(config.drain)?;
    metrics::serve(config.telemetry.metrics).await?;
    let listener = TcpListener::bind(config.listen).await?;
    run(config, listener, shutdown, SystemClock::shared()).await
}
