//! Tells clients of ends, in every replica: takes what is due, posts it outside of any
//! transaction, writes down what came of it.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Url;
use service_kit::metrics::Counter;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{
    posting::{Answer, Post, Poster},
    retry_after,
    store::{self, Claimed},
};
use crate::{App, notifications::store::jitter};

/// Posts at once, to all hosts.
const MAX_POSTS: usize = 32;
/// How long what was taken stays taken: longer than a post and its writing down take.
const LEASE: Duration = Duration::from_mins(1);

static POSTS: Counter<1> = Counter::new(
    "olm.notify.webhook.posts",
    "{post}",
    "Posts to clients' webhooks, by what came of them; given_up: told no more",
    ["outcome"],
);

/// Tells until stopping begins; what is under way then is told again by another replica.
pub async fn run(app: App) {
    let poster = match Poster::new(app.webhooks.clone()) {
        Ok(poster) => poster,
        Err(error) => {
            tracing::error!(%error, "webhooks cannot be posted: the HTTP client cannot be made");
            return;
        }
    };
    let mut worker = Worker {
        app,
        poster,
        posts: JoinSet::new(),
        busy: BTreeMap::new(),
        last_host: String::new(),
        failing: false,
    };
    let mut ticks = interval(worker.app.pace.sweep);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = worker.app.shutdown.stopping() => return,
            _ = ticks.tick() => worker.take().await,
            Some(ended) = worker.posts.join_next() => {
                worker.freed(ended.ok().as_deref());
                worker.take().await;
            }
        }
    }
}

struct Worker {
    app: App,
    poster: Poster,
    posts: JoinSet<String>,
    /// Posts under way, by host.
    busy: BTreeMap<String, i64>,
    last_host: String,
    failing: bool,
}

impl Worker {
    /// One post to a host has ended. `None`: it panicked, which its hook logged, and nobody
    /// knows to whom.
    fn freed(&mut self, host: Option<&str>) {
        if self.posts.is_empty() {
            self.busy.clear();
        } else if let Some((host, posts)) = host.and_then(|host| self.busy.remove_entry(host))
            && posts > 1
        {
            self.busy.insert(host, posts - 1);
        }
    }

    /// Takes as many ends as may be told now, and begins to post them.
    async fn take(&mut self) {
        let free = MAX_POSTS.saturating_sub(self.posts.len());
        if free == 0 {
            return;
        }
        let claimed = async {
            let mut conn = self.app.pool.acquire().await?;
            let limit = i64::try_from(free).unwrap_or(i64::MAX);
            store::claim(&mut conn, &self.busy, &self.last_host, limit, LEASE).await
        };
        match claimed.await {
            Ok(claimed) => {
                self.failing = false;
                for claimed in claimed {
                    self.begin(claimed);
                }
            }
            Err(error) if self.failing => tracing::debug!(%error, "webhooks still cannot be read"),
            Err(error) => {
                self.failing = true;
                tracing::warn!(%error, "webhooks cannot be read");
            }
        }
    }

    fn begin(&mut self, claimed: Claimed) {
        self.last_host.clone_from(&claimed.host);
        let host = claimed.host.clone();
        *self.busy.entry(host.clone()).or_default() += 1;
        let (app, poster) = (self.app.clone(), self.poster.clone());
        let post = self.post(&claimed);
        self.posts.spawn(async move {
            let answer = match post {
                Some(post) => poster.post(&post).await,
                None => Answer::Failed,
            };
            if let Err(error) = finish(&app, &claimed, answer).await {
                // It is told again after its lease.
                tracing::warn!(notification_id = %claimed.ended.id, %error, "what came of a webhook cannot be stored");
            }
            host
        });
    }

    /// The signed post; `None` without the key it was accepted under, or with an address
    /// that cannot be read.
    fn post(&self, claimed: &Claimed) -> Option<Post> {
        let key = self.app.webhooks.key(&claimed.client)?;
        let url: Url = claimed.url.parse().ok()?;
        let (id, body) = (claimed.ended.message_id(), claimed.ended.body());
        let timestamp = self.app.clock.now().as_second();
        let signature = key.sign(&id, timestamp, &body);
        Some(Post {
            url,
            id,
            timestamp,
            signature,
            body,
        })
    }
}

/// Writes down what came of a post.
async fn finish(app: &App, claimed: &Claimed, answer: Answer) -> sqlx::Result<()> {
    let wait = retry_after(claimed.tries.saturating_add(1), jitter());
    let (outcome, given_up) = match (answer, wait) {
        (Answer::Told, _) => ("told", false),
        (Answer::Gone, _) => ("gone", true),
        (Answer::Failed, Some(_)) => ("failed", false),
        (Answer::Failed, None) => ("given_up", true),
    };
    POSTS.add(1, [outcome]);
    let mut conn = app.pool.acquire().await?;
    match (answer, wait) {
        (Answer::Failed, Some(wait)) => {
            return store::update_failed(&mut conn, claimed, wait).await;
        }
        (Answer::Told | Answer::Gone | Answer::Failed, _) => {
            store::update_done(&mut conn, claimed, given_up).await?;
        }
    }
    let notification_id = claimed.ended.id;
    let state = claimed.ended.state.as_str();
    if given_up {
        let client = &claimed.client.client;
        tracing::warn!(%notification_id, state, client, outcome, "a client is not told any more");
    } else {
        tracing::info!(%notification_id, state, "client told");
    }
    Ok(())
}
