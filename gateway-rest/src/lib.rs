//! gateway-rest: the HTTP door of Online Lesson Manager. It turns JSON into calls of
//! lesson-svc and notify-svc and their answers, refusals included, back into JSON
//! and problem+json. It holds no business rule and no database.

mod api;
mod availability;
mod body;
mod calendars;
mod callers;
mod config;
mod docs;
mod etag;
mod events;
mod fields;
mod groups;
mod health;
mod idempotency;
mod invitations;
mod json;
mod lessons;
mod notifications;
mod observe;
mod openapi;
mod paging;
mod people;
mod polling;
mod problem;
mod schemas;
mod series;
mod slots;
mod teachers;

use std::io;

use service_kit::{clock::SharedClock, shutdown::Shutdown};
use tokio::net::TcpListener;

pub use self::config::{Config, Origin, OriginError};

/// Serves HTTP on `listener` until stopping begins, then finishes what runs, but no
/// longer than the drain time. Backends are connected when first used, so their
/// absence at the start is no error.
///
/// # Errors
///
/// When a backend's TLS cannot be set up, or the listener fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: Shutdown,
    clock: SharedClock,
) -> io::Result<()> {
    let app = api::App::new(&config, clock, shutdown.clone()).map_err(io::Error::other)?;
    config.keys.follow();
    let router = api::router(app, &config);
    tracing::info!(listen = %listener.local_addr()?, "serving");
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.stopping())
        .into_future();
    let Some(result) = shutdown.drained(served).await else {
        tracing::warn!("requests still open at the drain deadline were cut");
        return Ok(());
    };
    result
}
