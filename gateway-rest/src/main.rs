//! `gateway-rest` as a program: configuration from the environment, then [`run`].

use std::{io, process::ExitCode};

use clap::Parser;
use gateway_rest::{Config, run};
use service_kit::{
    clock::SystemClock, config::Settings, metrics, shutdown::Shutdown, status, telemetry,
};
use tokio::net::TcpListener;

/// The HTTP door of Online Lesson Manager. Settings are environment variables named
/// `REST_…`, or lines of a file `.env`; the README has their table.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {}

#[tokio::main]
async fn main() -> ExitCode {
    Arguments::parse();
    let mut settings = Settings::from_env("REST");
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
