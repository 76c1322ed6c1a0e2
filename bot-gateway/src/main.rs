//! The binary: `bot-gateway [serve]` or `bot-gateway healthcheck`.

use std::{error::Error, process::ExitCode};

use bot_gateway::{Config, HEALTH_SERVICE};
use clap::{Parser, Subcommand};
use service_kit::{
    clock::SystemClock,
    config::Settings,
    health::probe::{Question, healthcheck},
    metrics,
    shutdown::Shutdown,
    telemetry,
};
use tokio::net::TcpListener;

/// The holder of a Telegram bot's token. Settings: `BOT_…` and `TELEGRAM_BOT_TOKEN`, see
/// the README.
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

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    let mut settings = Settings::from_env("BOT");
    match command {
        Command::Serve => {}
        Command::Healthcheck => {
            let listen = Config::listen(&mut settings);
            return healthcheck(settings, listen, Question::Grpc(HEALTH_SERVICE)).await;
        }
    }
    let config = Config::read(&mut settings);
    if let Err(faults) = settings.finish() {
        eprintln!("{faults}");
        return faults.exit_code();
    }
    match Box::pin(serve(config)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", service_kit::status::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> Result<(), Box<dyn Error + Send + Sync>> {
    let telemetry = telemetry::init(&config.telemetry)?;
    let served = async {
        let shutdown = Shutdown::on_signals(config.drain)?;
        metrics::serve(config.telemetry.metrics).await?;
        let listener = TcpListener::bind(config.listen).await?;
        tracing::info!(address = %listener.local_addr()?, "listening");
        bot_gateway::run(config, listener, shutdown, SystemClock::shared()).await?;
        Ok(())
    }
    .await;
    telemetry.shutdown().await;
    served
}
