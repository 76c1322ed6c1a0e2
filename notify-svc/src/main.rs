//! The binary: `notify-svc [serve]`, `notify-svc healthcheck` or `notify-svc migrate [--down-to VERSION]`.

use std::{error::Error, future::Future, process::ExitCode};

use clap::{Parser, Subcommand};
use notify_svc::{
    Config,
    config::{HEALTH_SERVICE, METRICS_PORT},
};
use service_kit::{
    clock::SystemClock,
    config::{Faults, Settings},
    database::DatabaseConfig,
    health::probe::{Question, healthcheck},
    metrics,
    shutdown::Shutdown,
    telemetry::{self, TelemetryConfig},
};
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
    /// Asks the one that serves here whether it is ready: 0, or 1 and why not.
    Healthcheck,
    /// Brings the schema up to this build.
    Migrate {
        /// Undoes every migration after this version instead (0: all).
        #[arg(long, value_name = "VERSION")]
        down_to: Option<i64>,
    },
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    let mut settings = Settings::from_env("NOTIFY");
    let done = match command {
        Command::Serve => {
            let config = Config::read(&mut settings);
            if let Err(faults) = settings.finish() {
                return refuse(&faults);
            }
            let telemetry = config.telemetry.clone();
            with_telemetry(&telemetry, Box::pin(serve(config))).await
        }
        Command::Healthcheck => {
            let listen = Config::listen(&mut settings);
            return healthcheck(settings, listen, Question::Grpc(HEALTH_SERVICE)).await;
        }
        // A step of its own, so it needs the database and nothing else.
        Command::Migrate { down_to } => {
            let database = DatabaseConfig::read(&mut settings, "notify");
            let telemetry = TelemetryConfig::read(&mut settings, "notify-svc", METRICS_PORT);
            if let Err(faults) = settings.finish() {
                return refuse(&faults);
            }
            with_telemetry(&telemetry, migrate(database, down_to)).await
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", service_kit::status::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

type Done = Result<(), Box<dyn Error + Send + Sync>>;

fn refuse(faults: &Faults) -> ExitCode {
    eprintln!("{faults}");
    faults.exit_code()
}

async fn with_telemetry(config: &TelemetryConfig, work: impl Future<Output = Done>) -> Done {
    let telemetry = telemetry::init(config)?;
    let done = work.await;
    telemetry.shutdown().await;
    done
}

async fn serve(config: Config) -> Done {
    let shutdown = Shutdown::on_signals(config.drain)?;
    metrics::serve(config.telemetry.metrics).await?;
    let listener = TcpListener::bind(config.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    notify_svc::run(config, listener, shutdown, SystemClock::shared()).await?;
    Ok(())
}

async fn migrate(database: DatabaseConfig, down_to: Option<i64>) -> Done {
    database.migrate(&notify_svc::MIGRATOR, down_to).await?;
    tracing::info!(down_to, "migrated");
    Ok(())
}
