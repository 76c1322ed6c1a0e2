//! Tells the tails of other replicas that there are changes: a NOTIFY of its own, for many
//! commits at once. One that is lost costs a poll, never a change.

use std::time::Duration;

use service_kit::shutdown::Shutdown;
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::time::sleep;

use crate::state::State;

/// The channel of `NOTIFY`.
const CHANNEL: &str = "lesson_changes";
/// Commits within this share one NOTIFY: it takes a lock that every other one waits for.
const DEBOUNCE: Duration = Duration::from_millis(5);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);
/// Before the listener connects again.
const RECONNECT: Duration = Duration::from_secs(1);

/// One connection apart from the requests' pool: neither may starve the other.
fn own_connection(state: &State) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(state.pool.connect_options().as_ref().clone())
}

/// Sends NOTIFY for other replicas until stopping begins.
pub async fn announce(state: State, shutdown: Shutdown) {
    let pool = own_connection(&state);
    let shared = &state.watchers.0;
    loop {
        tokio::select! {
            () = shutdown.stopping() => break,
            () = shared.announce.notified() => {}
        }
        let sent = sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(shared.replica.simple().to_string())
            .execute(&pool)
            .await;
        if let Err(error) = sent {
            tracing::debug!(%error, "other replicas were not woken; they will see by polling");
        }
        sleep(DEBOUNCE).await;
    }
    pool.close().await;
}

/// Hears NOTIFY of other replicas until stopping begins.
pub async fn listen(state: State, shutdown: Shutdown) {
    let mut heard = true;
    loop {
        tokio::select! {
            () = shutdown.stopping() => return,
            ended = hear(&state, &mut heard) => if let Err(error) = ended
                && std::mem::take(&mut heard) {
                // Said once until it is heard again.
                tracing::warn!(%error, "changes of other replicas are seen by polling only");
            },
        }
        tokio::select! {
            () = shutdown.stopping() => return,
            () = sleep(RECONNECT) => {}
        }
    }
}

async fn hear(state: &State, heard: &mut bool) -> sqlx::Result<()> {
    let own = state.watchers.0.replica.simple().to_string();
    let mut listener = PgListener::connect_with(&own_connection(state)).await?;
    listener.listen(CHANNEL).await?;
    *heard = true;
    loop {
        // Whatever came before listening began, or while the connection was away.
        state.watchers.look();
        while let Some(notification) = listener.try_recv().await? {
            if notification.payload() != own {
                state.watchers.look();
            }
        }
    }
}
