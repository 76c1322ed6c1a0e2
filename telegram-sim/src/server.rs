//! The accept loop.
//!
//! It is our own rather than `axum::serve` because a lost response needs a connection that closes
//! without one: a handler marks its response with [`HangUp`], and the connection ends instead of
//! writing it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{Config, bot_api, control, page, webhooks, world::Shared};

/// Connections served at a time; more wait in the listener's backlog.
const MAX_CONNECTIONS: usize = 4096;

/// Put into a response's extensions: close the connection instead of writing the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HangUp {
    /// An orderly end (FIN).
    Close,
    /// A reset (RST).
    Reset,
}

/// Serves the Bot API, the controls and the chat page on `listener` until `shutdown` is cancelled.
///
/// Then long polls end at once, open requests get [`Config::drain`] to finish, and everything that is
/// still open is dropped. HTTP/1.1 only, like Telegram's own local Bot API server.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] when the configuration is faulty; nothing is served then.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let drain = config.drain;
    let shared = Shared::new(config, shutdown.clone())
        .map_err(|fault| io::Error::new(io::ErrorKind::InvalidInput, fault))?;
    let shared = Arc::new(shared);
    let posting = tokio::spawn(webhooks::run(Arc::clone(&shared)));
    let router = control::router()
        .merge(page::router())
        .merge(bot_api::router())
        .with_state(shared);
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "telegram-sim listens");
    }
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    let dropped = CancellationToken::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = serve_connection(stream, router.clone(), shutdown.clone());
                let dropped = dropped.clone();
                connections.spawn(async move {
                    tokio::select! {
                        () = connection => {}
                        () = dropped.cancelled() => {}
                    }
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: let some connections end first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were dropped");
    }
    dropped.cancel();
    connections.wait().await;
    posting.abort();
    Ok(())
}

/// The handler asked for the connection to end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is hung up on purpose")]
struct HungUp;

async fn serve_connection(stream: TcpStream, router: Router, shutdown: CancellationToken) {
    let reset = Arc::new(AtomicBool::new(false));
    // Answers are small and measured: never wait for more to send.
    stream.set_nodelay(true).ok();
    let service = {
        let reset = Arc::clone(&reset);
        service_fn(move |request: Request<Incoming>| {
            Box::pin(answer(router.clone(), request, Arc::clone(&reset)))
        })
    };
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = std::future::poll_fn(|context| connection.poll_without_shutdown(context)) => {
                break ended;
            }
            () = shutdown.cancelled(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let stream = connection.into_parts().io.into_inner();
    if reset.load(Ordering::Relaxed) {
        stream.set_zero_linger().ok();
    }
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    reset: Arc<AtomicBool>,
) -> Result<Response<Body>, HungUp> {
    let response = match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match response.extensions().get::<HangUp>() {
        None => Ok(response),
        Some(HangUp::Close) => Err(HungUp),
        Some(HangUp::Reset) => {
            reset.store(true, Ordering::Relaxed);
            Err(HungUp)
        }
    }
}
