//! bot-gateway: the Telegram token. Updates come in and are answered from lesson-svc;
//! notifications come over a stream from notify-svc and are sent at their instant, at
//! Telegram's pace, written down before and after.

mod buttons;
mod config;
mod conversation;
mod dispatch;
mod journal;
mod limited;
mod pacer;
mod replies;
mod telegram;
mod updates;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use serde_json::json;
use service_kit::{
    clock::SharedClock,
    grpc::{client::Backend, server::GrpcServer},
    health::Health,
    keys::ServiceKeys,
    shutdown::Shutdown,
};
use texts::{COMMANDS, Language};
use tokio::{net::TcpListener, sync::mpsc, task, time::sleep};
use tonic::service::Routes;

pub use config::Config;
pub use journal::{Attempt, Entry, Journal, JournalError, Opened};
pub use telegram::{Timeouts, Token};

use conversation::Conversation;
use dispatch::Dispatch;
use pacer::{Limits, gate::Gate};
use replies::Replies;
use telegram::{CallError, Telegram};

/// The name under which readiness is told.
pub const HEALTH_SERVICE: &str = "bot-gateway";

/// Chats that may wait to be told to notify-svc.
const SEEN_CHATS: usize = 1_024;

/// Why the gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// No HTTP client can be made.
    #[error(transparent)]
    Telegram(#[from] telegram::ClientError),
    /// No channel to another service can be made.
    #[error("a channel to another service cannot be made")]
    Backend(#[from] tonic::transport::Error),
    /// The server of health and reflection failed.
    #[error("the server failed")]
    Server(#[from] io::Error),
}

/// Runs the gateway until `shutdown`, then finishes what is out within its drain time.
///
/// # Errors
///
/// When the journal is in use or unreadable, or the server fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: Shutdown,
    clock: SharedClock,
) -> Result<(), RunError> {
    let opened = open_journal(config.journal).await?;
    let telegram = Telegram::new(
        &config.telegram_api_url,
        config.token,
        config.telegram_timeouts,
    )?;
    let gate = Gate::new(Limits::default(), !opened.clean);
    let lesson = Backend::connect_lazy(&config.lesson)?;
    let notify = Backend::connect_lazy(&config.notify)?;

    let health = Health::new(&[HEALTH_SERVICE]).await;
    health.watch(token_is_good(&telegram), &shutdown);
    let probes = GrpcServer {
        domain: "olm.bot",
        keys: ServiceKeys::default(),
        reflection: config.reflection,
        clock: Arc::clone(&clock),
    };
    let served = {
        let (health, shutdown) = (health.clone(), shutdown.clone());
        async move {
            let served = probes
                .serve(listener, Routes::default(), health, shutdown.clone())
                .await;
            // Without its probes the gateway would be killed without a word.
            shutdown.stop();
            served
        }
    };

    let replies = Replies::new(telegram.clone(), gate.clone());
    let conversation = Arc::new(Conversation::new(&lesson, replies, Arc::clone(&clock)));
    let (seen, seen_by_dispatch) = mpsc::channel(SEEN_CHATS);
    let dispatch = Dispatch {
        backend: notify,
        telegram: telegram.clone(),
        gate,
        journal: opened.journal.clone(),
        gateway_id: opened.gateway_id,
        entries: opened.entries,
        seen: seen_by_dispatch,
        clock,
    };
    let announced = task::spawn(announce_commands(telegram.clone()));
    let polled = updates::run(telegram, conversation, seen, config.poll_timeout, &shutdown);
    let dispatched = dispatch::run(dispatch, &shutdown);
    // Boxed, because they are large.
    let work = async { tokio::join!(Box::pin(polled), Box::pin(dispatched)) };
    let (served, worked) = tokio::join!(Box::pin(served), shutdown.drained(work));
    announced.abort();
    if worked.is_some() {
        opened.journal.close().await?;
    } else {
        tracing::warn!("rows or updates still open at the drain deadline were cut");
    }
    Ok(served?)
}

async fn open_journal(path: PathBuf) -> Result<Opened, JournalError> {
    match task::spawn_blocking(move || Journal::open(&path)).await {
        Ok(opened) => opened,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Telegram refuses the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Telegram refuses the token")]
struct TokenRefused;

/// Readiness needs no database and no other service: the holder of the token answers
/// people even when server 1 is away.
fn token_is_good(
    telegram: &Telegram,
) -> impl Fn() -> std::future::Ready<Result<(), TokenRefused>> + Send + 'static {
    let telegram = telegram.clone();
    move || {
        std::future::ready(if telegram.is_refused() {
            Err(TokenRefused)
        } else {
            Ok(())
        })
    }
}

/// Between two tries to fill the menu while Telegram cannot be reached.
const MENU_PAUSE: Duration = Duration::from_secs(30);

/// Fills the menu of commands in each language; a server that refuses it is no reason
/// to stop.
async fn announce_commands(telegram: Telegram) {
    for language in [None, Some(Language::Ru), Some(Language::En)] {
        // Without a language code the list is for everybody else.
        let commands = COMMANDS.map(|command| {
            let description = command.description(language.unwrap_or(Language::En));
            json!({ "command": command.name(), "description": description })
        });
        let mut body = json!({ "commands": commands });
        if let Some(language) = language {
            body["language_code"] = language.tag().into();
        }
        while let Err(error) = telegram.call("setMyCommands", &body).await {
            tracing::warn!(error = %error, "the menu of commands was not set");
            if matches!(error, CallError::Refused { .. }) {
                break;
            }
            sleep(MENU_PAUSE).await;
        }
    }
}
