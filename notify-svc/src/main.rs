//! The binary: `notify-svc [serve]` or `notify-svc migrate [--down-to VERSION]`.

use std::{error::Error, process::ExitCode};

use clap::{Parser, Subcommand};
use notify_svc::Config;
use service_kit::{clock::SystemClock, config::Settings, shutdown::Shutdown, telemetry};
use tokio::net::TcpListener;

/// What to tell whom and when. Settings: `NOTIFY_…`, see the README.
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
    /// Brings the schema up to this build.
    Migrate {
        /// Undoes every migration after this version instead (0: all).
        #[arg(long, value_name = "VERSION")]
        down_to: Option<i64>,
    },
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut settings = Settings::from_env("NOTIFY");
    let config = Config::read(&mut settings);
    if let Err(faults) = settings.finish() {
        eprintln!("{faults}");
        return faults.exit_code();
    }
    match start(arguments, config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", service_kit::status::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn start(arguments: Arguments, config: Config) -> Result<(), Box<dyn Error + Send + Sync>> {
    let telemetry = telemetry::init(&config.telemetry)?;
    let done = match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(config).await,
        Command::Migrate { down_to } => migrate(&config, down_to).await,
    };
    telemetry.shutdown().await;
    done
}

async fn serve(config: Config) -> Result<(), Box<dyn Error + Send + Sync>> {
    let shutdown = Shutdown::on_signals(config.drain)?;
    let listener = TcpListener::bind(config.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    notify_svc::run(config, listener, shutdown, SystemClock::shared()).await?;
    Ok(())
}

async fn migrate(
    config: &Config,
    down_to: Option<i64>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let migrations = notify_svc::migrations_within_schema();
    config.database.migrate(&migrations, down_to).await?;
    tracing::info!(down_to, "migrated");
    Ok(())
}
