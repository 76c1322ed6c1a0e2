//! The binary: `bot-gateway`.

use std::{error::Error, process::ExitCode};

use bot_gateway::Config;
use clap::Parser;
use service_kit::{clock::SystemClock, config::Settings, metrics, shutdown::Shutdown, telemetry};
use tokio::net::TcpListener;

/// The holder of a Telegram bot's token. Settings: `BOT_…` and `TELEGRAM_BOT_TOKEN`, see
/// the README.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let _: Arguments = Arguments::parse();
    let mut settings = Settings::from_env("BOT");
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
