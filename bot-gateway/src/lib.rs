//! bot-gateway: the Telegram tokens. Updates come in and are answered from lesson-svc;
//! notifications come over a stream from notify-svc and are sent at their instant, at
//! Telegram's pace, written down before and after.

mod bot;
mod breaker;
mod buttons;
mod config;
mod conversation;
mod dispatch;
mod figures;
mod holding;
mod journal;
mod limited;
mod memory;
mod pacer;
mod replies;
mod server1;
mod store;
mod telegram;
mod updates;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use service_kit::{
    clock::SharedClock,
    grpc::{client::Backend, server::GrpcServer},
    health::Health,
    keys::ServiceKeys,
    shutdown::Shutdown,
};
use tokio::{net::TcpListener, task};
use tonic::service::Routes;

pub use config::Config;
pub use journal::{Attempt, Entry, Journal, JournalError, Opened};
pub use pacer::Limits;
pub use store::StoreError;
pub use telegram::{Timeouts, Token};
pub use updates::webhook::WebhookConfig;

use bot::{Bot, World};
use server1::{Server1, Terms};
use store::Store;
use telegram::{Api, Telegram};
use updates::webhook::{self, Doors};

/// The name under which readiness is told.
pub const HEALTH_SERVICE: &str = "bot-gateway";

/// Why the gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store beside it cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No HTTP client can be made.
    #[error(transparent)]
    Telegram(#[from] telegram::ClientError),
    /// No channel to another service can be made.
    #[error("a channel to another service cannot be made")]
    Backend(#[from] tonic::transport::Error),
    /// Nobody can post updates.
    #[error("the webhook cannot listen on {address}")]
    Webhook {
        /// Where it should.
        address: SocketAddr,
        /// Why it cannot.
        source: io::Error,
    },
    /// The server of health and reflection failed.
    #[error("the server failed")]
    Server(#[from] io::Error),
}

/// Runs the gateway until `shutdown`, then finishes what is out within its drain time.
///
/// # Errors
///
/// When the journal or the store is in use or unreadable, or the server fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: Shutdown,
    clock: SharedClock,
) -> Result<(), RunError> {
    let server1 = reach_server1(&config, &clock)?;
    let store = Store::beside(&config.journal);
    let opened = open_journal(config.journal).await?;
    let store = Store::open(store, Arc::clone(&clock)).await?;
    let api = Api::new(&config.telegram_api_url, config.telegram_timeouts)?;
    let mut bots = Vec::new();
    for token in config.tokens {
        let left = store.left(token.bot_id()).await?;
        bots.push(Bot::new(&api, token, config.limits, !opened.clean, left));
    }
    let posted = listen(config.webhook.as_ref(), &mut bots).await?;
    let world = World {
        server1: server1.clone(),
        notify: Backend::connect_lazy(&config.notify)?.logged(),
        journal: opened.journal.clone(),
        store: store.clone(),
        gateway_id: opened.gateway_id,
        poll_timeout: config.poll_timeout,
        requests_per_minute: config.requests_per_minute,
        clock: Arc::clone(&clock),
    };

    let health = Health::new(&[HEALTH_SERVICE]).await;
    let health = health.with_details(&[server1::HEALTH_DETAIL]).await;
    health.watch(a_token_is_good(&bots), &shutdown);
    let probes = GrpcServer {
        domain: "olm.bot",
        keys: ServiceKeys::default(),
        reflection: config.reflection,
        clock,
    };
    let posted = async {
        if let Some((listener, doors)) = posted {
            webhook::serve(listener, doors, &shutdown).await;
        }
    };
    let served = serve(probes, listener, health.clone(), shutdown.clone());
    let bots = bot::run_all(bots, world, opened.entries, &shutdown);
    let worked = shutdown.drained(async { tokio::join!(bots, posted) });
    let (served, worked, (), ()) = tokio::join!(
        Box::pin(served),
        Box::pin(worked),
        server1.tell(&health, &shutdown),
        Box::pin(server1::follow(server1.clone(), &shutdown)),
    );
    let stored = store.close().await;
    if worked.is_some() {
        opened.journal.close().await?;
    } else {
        tracing::warn!("rows or updates still open at the drain deadline were cut");
    }
    stored?;
    Ok(served?)
}

fn reach_server1(config: &Config, clock: &SharedClock) -> Result<Server1, RunError> {
    let terms = Terms {
        read_timeout: config.lesson_read_timeout,
        write_timeout: config.lesson.timeout,
        failures: config.breaker_failures,
        open_for: config.breaker_open,
    };
    let lesson = Backend::connect_lazy(&config.lesson)?.logged();
    Ok(Server1::new(lesson, terms, Arc::clone(clock)))
}

/// Serves health and reflection. Without its probes the gateway would be killed without a
/// word, so their end is its.
async fn serve(
    probes: GrpcServer,
    listener: TcpListener,
    health: Health,
    shutdown: Shutdown,
) -> io::Result<()> {
    let served = probes
        .serve(listener, Routes::default(), health, shutdown.clone())
        .await;
    shutdown.stop();
    served
}

/// Where that is wanted each bot takes its updates by webhook; answers where they are posted to.
async fn listen(
    config: Option<&WebhookConfig>,
    bots: &mut [Bot],
) -> Result<Option<(TcpListener, Doors)>, RunError> {
    let Some(config) = config else {
        return Ok(None);
    };
    let address = config.listen;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| RunError::Webhook { address, source })?;
    tracing::info!(%address, "updates are taken by webhook");
    let doors = bots
        .iter_mut()
        .map(|bot| (bot.telegram().bot_id(), bot.door(config)));
    Ok(Some((listener, doors.collect())))
}

async fn open_journal(path: PathBuf) -> Result<Opened, JournalError> {
    match task::spawn_blocking(move || Journal::open(&path)).await {
        Ok(opened) => opened,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Telegram refuses every token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Telegram refuses every token")]
struct TokensRefused;

/// Readiness needs no database and no other service: the holder of a token answers
/// people even when server 1 is away. One refused token is no reason to stop the others;
/// the log names its bot.
fn a_token_is_good(
    bots: &[Bot],
) -> impl Fn() -> std::future::Ready<Result<(), TokensRefused>> + Send + 'static {
    let telegrams: Vec<_> = bots.iter().map(|bot| bot.telegram().clone()).collect();
    move || {
        let refused = telegrams.iter().all(Telegram::is_refused);
        std::future::ready(if refused { Err(TokensRefused) } else { Ok(()) })
    }
}
