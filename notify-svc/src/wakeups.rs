//! Tells a bot's dispatcher that a row came, and gateways that wait for a bot that it is
//! free: at once in this process, by a debounced NOTIFY to other replicas. Lost wake-ups of a
//! dispatcher cost a sweep interval and are counted; they never cost a notification. A lost
//! word of a free bot costs what is left of its former owner's time.

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
use tokio::{
    sync::{Notify, mpsc},
    time::sleep,
};
use uuid::Uuid;

use crate::App;

/// The channels of `NOTIFY`: bots with new rows, bots that were released.
const DUE: &str = "notify_due";
const RELEASED: &str = "notify_released";
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
    /// Streams whose gateway wants the bot.
    waiting: HashMap<i64, Vec<(Uuid, mpsc::Sender<i64>)>>,
    due_elsewhere: BTreeSet<i64>,
    released: BTreeSet<i64>,
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
                elsewhere |= inner.due_elsewhere.insert(bot_id);
            }
        }
        if elsewhere {
            self.announce.notify_one();
        }
    }

    /// `freed` is told the bot's id when another gateway releases it; while it is full,
    /// nothing is told.
    pub fn wait_for(&self, bot_id: i64, stream: Uuid, freed: mpsc::Sender<i64>) {
        let mut inner = self.inner();
        let of_bot = inner.waiting.entry(bot_id).or_default();
        of_bot.retain(|(id, _)| *id != stream);
        of_bot.push((stream, freed));
    }

    /// The stream does not want the bot any more, or has it.
    pub fn wait_no_more(&self, bot_id: i64, stream: Uuid) {
        let mut inner = self.inner();
        if let Some(of_bot) = inner.waiting.get_mut(&bot_id) {
            of_bot.retain(|(id, _)| *id != stream);
            if of_bot.is_empty() {
                inner.waiting.remove(&bot_id);
            }
        }
    }

    /// Call it after the commit that made the bot free.
    pub fn released(&self, bot_id: i64) {
        let mut inner = self.inner();
        inner.tell_waiting(bot_id);
        // Whoever waits may do so at any replica.
        inner.released.insert(bot_id);
        self.announce.notify_one();
    }

    /// Wakes everybody here: what other replicas said may have been lost. A bot that is not
    /// free after all is asked for once in vain.
    fn wake_all(&self) {
        let inner = self.inner();
        for (_, wake) in inner.dispatchers.values().flatten() {
            wake.notify_one();
        }
        for bot_id in inner.waiting.keys() {
            inner.tell_waiting(*bot_id);
        }
    }

    fn heard(&self, channel: &str, payload: &str) {
        let Some((replica, bots)) = payload.split_once(':') else {
            return;
        };
        if replica == self.replica.simple().to_string() {
            return;
        }
        let inner = self.inner();
        for bot_id in bots.split(',').filter_map(|id| id.parse().ok()) {
            if channel == RELEASED {
                inner.tell_waiting(bot_id);
            } else {
                inner.wake_here(bot_id);
            }
        }
    }

    /// What is to be announced: channel and payload.
    fn announcements(&self) -> Vec<(&'static str, String)> {
        let (due, released) = {
            let mut inner = self.inner();
            let due = mem::take(&mut inner.due_elsewhere);
            (due, mem::take(&mut inner.released))
        };
        let mut announcements = Vec::new();
        for (channel, bots) in [(RELEASED, released), (DUE, due)] {
            let bots: Vec<_> = bots.into_iter().map(|bot_id| bot_id.to_string()).collect();
            for bots in bots.chunks(BOTS_PER_PAYLOAD) {
                let payload = format!("{}:{}", self.replica.simple(), bots.join(","));
                announcements.push((channel, payload));
            }
        }
        announcements
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

    fn tell_waiting(&self, bot_id: i64) {
        for (_, freed) in self.waiting.get(&bot_id).into_iter().flatten() {
            // One that is full asks by itself a little later.
            let _ = freed.try_send(bot_id);
        }
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
        for (channel, payload) in app.wakeups.announcements() {
            let sent = sqlx::query("SELECT pg_notify($1, $2)")
                .bind(channel)
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
    listener.listen_all([DUE, RELEASED]).await?;
    // Whatever came before listening began.
    app.wakeups.wake_all();
    loop {
        match listener.try_recv().await? {
            Some(notification) => app
                .wakeups
                .heard(notification.channel(), notification.payload()),
            // The connection was lost and made anew; so may notifications.
            None => app.wakeups.wake_all(),
        }
    }
}
