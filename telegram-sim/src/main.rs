//! `telegram-sim`: the simulator as a program.

use std::{net::SocketAddr, process::ExitCode};

use clap::Parser;
use telegram_sim::{Config, Limits};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// A Telegram Bot API server for development, tests and benchmarks.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; the chat page is at `/`.
    #[arg(long, env = "TELEGRAM_SIM_LISTEN", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// A token to accept (repeatable); without one every well-formed token is accepted.
    #[arg(
        long = "token",
        env = "TELEGRAM_SIM_TOKENS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    tokens: Vec<String>,
    /// Switches Telegram's sending limits off.
    #[arg(long, env = "TELEGRAM_SIM_NO_LIMITS")]
    no_limits: bool,
    /// How many ledger entries are kept.
    #[arg(
        long,
        env = "TELEGRAM_SIM_LEDGER_CAPACITY",
        default_value_t = 200_000,
        value_parser = clap::value_parser!(u32).range(1..=2_000_000)
    )]
    ledger_capacity: u32,
    /// What to log.
    #[arg(long, env = "TELEGRAM_SIM_LOG", default_value = "info")]
    log: EnvFilter,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(arguments.log)
        .init();
    let config = Config {
        tokens: arguments.tokens,
        limits: if arguments.no_limits {
            Limits::OFF
        } else {
            Limits::TELEGRAM
        },
        ledger_capacity: usize::try_from(arguments.ledger_capacity).unwrap_or(usize::MAX),
        ..Config::default()
    };
    match serve(arguments.listen, config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "telegram-sim cannot run");
            ExitCode::from(if error.kind() == std::io::ErrorKind::InvalidInput {
                64
            } else {
                1
            })
        }
    }
}

async fn serve(address: SocketAddr, config: Config) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    let listener = TcpListener::bind(address).await?;
    telegram_sim::run(listener, config, shutdown).await
}
