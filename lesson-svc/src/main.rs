//! The binary: reads its configuration, then serves, migrates or asks for health.

use std::{error::Error, process::ExitCode};

use clap::{Parser, Subcommand};
use lesson_svc::{
    Config, MIGRATOR,
    config::{HEALTH_SERVICE, METRICS_PORT, PREFIX, SCHEMA, SERVICE},
};
use service_kit::{
    clock::SystemClock,
    config::{Faults, Settings},
    database::DatabaseConfig,
    health::probe::{Question, healthcheck},
    metrics,
    shutdown::Shutdown,
    status,
    telemetry::{self, TelemetryConfig},
};
use tokio::net::TcpListener;

/// People and their settings, availability, lessons and bookings.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves gRPC (the default).
    Serve,
    /// Asks the one that serves here whether it is ready: 0, or 1 and why not.
    Healthcheck,
    /// Brings the database's schema to this build's migrations, and ends.
    Migrate {
        /// Undoes the migrations after this one instead; 0 undoes all.
        #[arg(long, value_name = "VERSION")]
        down_to: Option<i64>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => Box::pin(serve()).await,
        Command::Healthcheck => return asked().await,
        Command::Migrate { down_to } => migrate(down_to).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

fn failed(error: &(dyn Error + 'static)) -> ExitCode {
    if let Some(faults) = error.downcast_ref::<Faults>() {
        eprintln!("{SERVICE}: {faults}");
        return faults.exit_code();
    }
    eprintln!("{SERVICE}: {}", status::chain(error));
    ExitCode::FAILURE
}

async fn asked() -> ExitCode {
    let mut settings = Settings::from_env(PREFIX);
    let listen = Config::listen(&mut settings);
    healthcheck(settings, listen, Question::Grpc(HEALTH_SERVICE)).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let mut settings = Settings::from_env(PREFIX);
    let config = Config::read(&mut settings);
    let telemetry = TelemetryConfig::read(&mut settings, SERVICE, METRICS_PORT);
    settings.finish()?;
    let figures = telemetry.metrics;
    let telemetry = telemetry::init(&telemetry).map_err(|error| error as Box<dyn Error>)?;
    let shutdown = Shutdown::on_signals(config.drain)?;
    metrics::serve(figures).await?;
    let listener = TcpListener::bind(config.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let clock = SystemClock::shared();
    let ran = Box::pin(lesson_svc::run(config, listener, shutdown, clock)).await;
    telemetry.shutdown().await;
    Ok(ran?)
}

async fn migrate(down_to: Option<i64>) -> Result<(), Box<dyn Error>> {
    let mut settings = Settings::from_env(PREFIX);
    let database = DatabaseConfig::read(&mut settings, SCHEMA);
    settings.finish()?;
    database.migrate(&MIGRATOR, down_to).await?;
    println!("{SERVICE}: schema {SCHEMA} is migrated");
    Ok(())
}
