//! Tells a bot's dispatcher that a row came: at once in this process, by a debounced
//! NOTIFY to other replicas. Lost wake-ups cost a sweep interval and are counted; they
//! never cost a notification.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::{sync::Notify, time::sleep};
use uuid::Uuid;

use crate::App;

/// The channel of `NOTIFY`.
const CHANNEL: &str = "notify_due";
/// Bots named while this long passes share one NOTIFY: it takes a lock that every
/// commit in the cluster waits for.
const DEBOUNCE: Duration = Duration::from_millis(5);
/// A payload holds 8,000 bytes; a bot's id takes at most 20.
const BOTS_PER_PAYLOAD: usize = 300;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);
/// Before the listener connects again.
const RECONNECT: Duration = Duration::from_secs(1);

/// Who is to be woken, and whom other replicas are to wake.
#[derive(Debug)]
pub struct Wakeups {
    replica: Uuid,
    inner: Mutex<Inner>,
    /// There is something to announce.
    announce: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    dispatchers: HashMap<i64, Vec<(Uuid, Arc<Notify>)>>,
    elsewhere: BTreeSet<i64>,
}

impl Wakeups {
    /// Of one replica; the id keeps it from answering itself.
    #[must_use]
    pub fn new(replica: Uuid) -> Self {
        Self {
            replica,
            inner: Mutex::default(),
            announce: Notify::new(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a dispatcher of `bot_id`; what it is given is notified when rows come.
    #[must_use]
    pub fn register(&self, bot_id: i64, dispatcher: Uuid) -> Arc<Notify> {
        let wake = Arc::new(Notify::new());
        let mut inner = self.inner();
        let of_bot = inner.dispatchers.entry(bot_id).or_default();
        of_bot.push((dispatcher, wake.clone()));
        wake
    }

    /// Forgets a dispatcher.
    pub fn unregister(&self, bot_id: i64, dispatcher: Uuid) {
        let mut inner = self.inner();
        if let Some(of_bot) = inner.dispatchers.get_mut(&bot_id) {
            of_bot.retain(|(id, _)| *id != dispatcher);
            if of_bot.is_empty() {
                inner.dispatchers.remove(&bot_id);
            }
        }
    }

    /// Call it after the commit that made or changed rows of these bots.
    pub fn wake(&self, bots: impl IntoIterator<Item = i64>) {
        let mut inner = self.inner();
        let mut elsewhere = false;
        for bot_id in bots {
            if !inner.wake_here(bot_id) {
                elsewhere |= inner.elsewhere.insert(bot_id);
            }
        }
        if elsewhere {
            self.announce.notify_one();
        }
    }

    /// Wakes every dispatcher here: what other replicas said may have been lost.
    fn wake_all(&self) {
        let inner = self.inner();
        for (_, wake) in inner.dispatchers.values().flatten() {
            wake.notify_one();
        }
    }

    fn heard(&self, payload: &str) {
        let Some((replica, bots)) = payload.split_once(':') else {
            return;
        };
        if replica == self.replica.simple().to_string() {
            return;
        }
        let inner = self.inner();
        for bot_id in bots.split(',').filter_map(|id| id.parse().ok()) {
            inner.wake_here(bot_id);
        }
    }

    fn payloads(&self) -> Vec<String> {
        let bots: Vec<_> = mem::take(&mut self.inner().elsewhere)
            .into_iter()
            .map(|bot_id| bot_id.to_string())
            .collect();
        let replica = self.replica.simple();
        bots.chunks(BOTS_PER_PAYLOAD)
            .map(|bots| format!("{replica}:{}", bots.join(",")))
            .collect()
    }
}

impl Inner {
    /// False when the bot's dispatcher is not here.
    fn wake_here(&self, bot_id: i64) -> bool {
        let of_bot = self.dispatchers.get(&bot_id);
        of_bot
            .into_iter()
            .flatten()
            .for_each(|(_, wake)| wake.notify_one());
        of_bot.is_some()
    }
}

/// One connection apart from the requests' pool: neither may starve the other.
fn own_connection(app: &App) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(app.pool.connect_options().as_ref().clone())
}

/// Sends NOTIFY for other replicas until stopping begins.
pub async fn announce(app: App) {
    let pool = own_connection(&app);
    loop {
        tokio::select! {
            () = app.shutdown.stopping() => return,
            () = app.wakeups.announce.notified() => {}
        }
        for payload in app.wakeups.payloads() {
            let sent = sqlx::query("SELECT pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(payload)
                .execute(&pool)
                .await;
            if let Err(error) = sent {
                tracing::warn!(%error, "other replicas were not woken; their sweep will see it");
            }
        }
        sleep(DEBOUNCE).await;
    }
}

/// Hears NOTIFY of other replicas until stopping begins.
pub async fn listen(app: App) {
    loop {
        tokio::select! {
            () = app.shutdown.stopping() => return,
            heard = hear(&app) => if let Err(error) = heard {
                tracing::warn!(%error, "wake-ups of other replicas are not heard");
            },
        }
        tokio::select! {
            () = app.shutdown.stopping() => return,
            () = sleep(RECONNECT) => {}
        }
    }
}

async fn hear(app: &App) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(&own_connection(app)).await?;
    listener.listen(CHANNEL).await?;
    // Whatever came before listening began.
    app.wakeups.wake_all();
    loop {
        match listener.try_recv().await? {
            Some(notification) => app.wakeups.heard(notification.payload()),
            // The connection was lost and made anew; so may notifications.
            None => app.wakeups.wake_all(),
        }
    }
}
