//! The server that posts come to: for all bots of the process.

use std::{collections::HashMap, convert::Infallible, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use service_kit::{metrics, shutdown::Shutdown};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Door, Taken};
use crate::{figures, updates::incoming};

/// Connections at a time: a proxy's, which carry many posts each. More wait.
const CONNECTIONS: usize = 1_024;
/// From a connection's beginning, or its last answer, to the end of a request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection is closed after this long, when its answer is written, and cut off some time
/// later, so that nobody who reads slowly keeps a place.
const LIFETIME: Duration = Duration::from_mins(5);
const LAST_ANSWER: Duration = Duration::from_secs(30);
/// The bytes of a request's headers.
const HEADER_BYTES: usize = 16 * 1024;
/// The largest update; a message's text has 4,096 characters.
const BODY_BYTES: usize = 256 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long writing to disk may take; Telegram tries again.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// Between failed accepts: the process may be short of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bot API, `setWebhook`.
const SECRET: HeaderName = HeaderName::from_static("x-telegram-bot-api-secret-token");

/// Each bot's.
pub(crate) type Doors = HashMap<i64, Door>;

/// Takes posts until stopping begins, then answers those that are here.
pub(crate) async fn serve(listener: TcpListener, doors: Doors, shutdown: &Shutdown) {
    let doors = Arc::new(doors);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    while !shutdown.is_stopping() {
        tokio::select! {
            (stream, place) = accept(&listener, &places) => {
                let (doors, shutdown) = (Arc::clone(&doors), shutdown.clone());
                connections.spawn(async move {
                    connection(stream, doors, &shutdown).await;
                    drop(place);
                });
            }
            Some(_) = connections.join_next() => {}
            () = shutdown.stopping() => {}
        }
    }
    drop(listener);
    let answered = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(shutdown.drain() / 2, answered).await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // Never closed.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                tracing::warn!(%error, "a post to the webhook was not let in");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, doors: Arc<Doors>, shutdown: &Shutdown) {
    let service = service_fn(move |request| {
        let doors = Arc::clone(&doors);
        async move { Ok::<_, Infallible>(answer(&doors, request).await) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = shutdown.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = sleep(LIFETIME) => {
            connection.as_mut().graceful_shutdown();
            // Cut off by being dropped.
            timeout(LAST_ANSWER, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the webhook broke");
    }
}

async fn answer(doors: &Doors, request: Request<Incoming>) -> Response<Empty<Bytes>> {
    let status = match take(doors, request).await {
        Ok(()) => StatusCode::OK,
        Err(status) => status,
    };
    figures::WEBHOOK.add(1, [metrics::word(status.as_str())]);
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    response
}

/// Answers when the update is on disk, or needs nothing any more.
///
/// # Errors
///
/// The status to answer with.
async fn take(doors: &Doors, request: Request<Incoming>) -> Result<(), StatusCode> {
    let door = door(doors, request.uri().path()).ok_or(StatusCode::NOT_FOUND)?;
    if request.method() != Method::POST {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let secret = request.headers().get(&SECRET);
    if !secret.is_some_and(|secret| door.opens_for(secret.as_bytes())) {
        return Err(StatusCode::FORBIDDEN);
    }
    if door.is_anothers() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let update: Value =
        serde_json::from_slice(&body(request).await?).map_err(|_| StatusCode::BAD_REQUEST)?;
    let id = incoming::id(&update).ok_or(StatusCode::BAD_REQUEST)?;
    match timeout(STORE_TIMEOUT, door.take(id, update)).await {
        Ok(Taken::Safely) => Ok(()),
        Ok(Taken::NotStored | Taken::Full) | Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The last part of the path is the bot; those before it are the proxy's affair.
fn door<'a>(doors: &'a Doors, path: &str) -> Option<&'a Door> {
    let (_, bot_id) = path.rsplit_once('/')?;
    doors.get(&bot_id.parse().ok()?)
}

async fn body(request: Request<Incoming>) -> Result<Bytes, StatusCode> {
    let read = Limited::new(request.into_body(), BODY_BYTES).collect();
    match timeout(BODY_TIMEOUT, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}
