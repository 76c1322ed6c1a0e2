//! Benchmarks of the services as processes. `cargo xtask bench` builds everything
//! optimised and runs this.

mod booking;
mod bot;
mod contention;
mod delivery;
mod feed;
mod layers;
mod measure;
mod peers;
mod processes;
mod record;
mod replay;
mod replica;
mod school;
mod server;
mod sizing;
mod slots;
mod table;
mod watch;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use e2e::Result;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(name = "cargo xtask bench", about = "Benchmarks, optimised builds")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bookings and slot lists through REST, through gRPC and straight to PostgreSQL; and
    /// a race for one teacher's week
    Booking(booking::Plan),
    /// A calendar of 2,000 lessons through gRPC and REST
    Feed(feed::Plan),
    /// How soon those who watch hear of bookings, at two replicas and through REST
    Watch(watch::Plan),
    /// Notifications on time and at Telegram's limits, beside other queues
    Delivery(delivery::Plan),
    /// How long people wait for the bot's answer, with the services behind it and without
    Bot(bot::Plan),
    /// What `bot` compares with
    #[command(hide = true)]
    BareBot(bot::bare::Address),
    /// How long nobody is written to when a bot's owner goes
    Failover(delivery::failover::Plan),
    /// What each process takes of memory and CPU, idle and at a steady load, and what
    /// PostgreSQL keeps of it
    Sizing(sizing::Plan),
    /// The year of a busy teacher, listed in memory
    Slots,
}

#[tokio::main]
async fn main() -> ExitCode {
    let work = async {
        match Arguments::parse().command {
            Command::Booking(plan) => booking::run(&plan).await,
            Command::Feed(plan) => feed::run(&plan).await,
            Command::Watch(plan) => watch::run(&plan).await,
            Command::Delivery(plan) => delivery::run(&plan).await,
            Command::Bot(plan) => bot::run(&plan).await,
            Command::BareBot(address) => bot::bare::serve(&address).await,
            Command::Failover(plan) => delivery::failover::run(&plan).await,
            Command::Sizing(plan) => sizing::run(&plan).await,
            Command::Slots => slots::run(),
        }
    };
    let result = tokio::select! {
        result = work => result,
        result = interrupted() => result,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Dropping the work ends its processes: by themselves they would outlive us.
async fn interrupted() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Err("interrupted".into())
}

/// Milliseconds with fractions, for people.
fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}
