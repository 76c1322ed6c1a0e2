//! Updates by webhook: Telegram posts them, one server takes those of all bots, and each is
//! answered when it is on disk. A gateway behind which the bot is another's sends them away;
//! Telegram tries again.

mod server;

use std::{net::SocketAddr, pin::pin, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use service_kit::{config::Settings, shutdown::Shutdown};
use subtle::ConstantTimeEq as _;
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use url::Url;

use super::{
    FIRST_WORD, KINDS, first_word, free,
    inbox::{Inbox, Taken},
};
use crate::{
    holding::{Holder, Holding},
    telegram::{self, CallError, Telegram},
};

pub(crate) use server::{Doors, serve};

/// Posts that wait to be looked at; as many as Telegram has on the way at most.
const POSTS: usize = 100;
/// The address is set again after this long, in case somebody took it off.
const SET_AGAIN: Duration = Duration::from_mins(5);
/// Wait after it could not be set.
const PAUSE: Duration = Duration::from_secs(5);
/// Where Telegram posts to (Bot API, `setWebhook`).
const PORTS: [u16; 4] = [443, 80, 88, 8443];

/// Where updates are posted to.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// `BOT_WEBHOOK_LISTEN`: where posts are taken, by plain HTTP: TLS is the proxy's; default
    /// 127.0.0.1:8082.
    pub listen: SocketAddr,
    /// `BOT_WEBHOOK_URL`: what Telegram is told, with `/<bot id>` at its end; https, unless
    /// the Bot API server is another one than Telegram's.
    pub url: Url,
    /// `BOT_WEBHOOK_CONNECTIONS`: how many updates of one bot Telegram may have on the way;
    /// default 40, from 1 to 100.
    pub connections: u16,
}

impl WebhookConfig {
    /// Reads the settings named at the fields; `api_url` is the Bot API server's. `None` when
    /// they cannot be used, which is recorded.
    pub fn read(settings: &mut Settings, api_url: &str) -> Option<Self> {
        let listen = settings.value("WEBHOOK_LISTEN", SocketAddr::from(([127, 0, 0, 1], 8082)));
        let connections = settings.in_range("WEBHOOK_CONNECTIONS", 40, 1..=100);
        let text: String = settings.required("WEBHOOK_URL");
        if text.is_empty() {
            return None;
        }
        let parsed = parse(&text, telegram::is_telegrams(api_url));
        let url = parsed.map_err(|fault| settings.fault("WEBHOOK_URL", fault));
        Some(Self {
            listen,
            url: url.ok()?,
            connections,
        })
    }

    /// Where the updates of one bot go.
    fn url_of(&self, bot_id: i64) -> String {
        format!("{}/{bot_id}", self.url.as_str().trim_end_matches('/'))
    }
}

/// A server other than Telegram's may post anywhere.
fn parse(text: &str, by_telegram: bool) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let plain = url.filter(|url| {
        let is_bare = url.query().is_none() && url.fragment().is_none();
        let is_open = url.username().is_empty() && url.password().is_none();
        is_bare && is_open && matches!(url.scheme(), "http" | "https")
    });
    let Some(url) = plain else {
        // A password in it must not be shown.
        return Err("is not https://host[:port][/path] without user and password".to_owned());
    };
    let port = url.port_or_known_default().unwrap_or_default();
    if by_telegram && url.scheme() != "https" {
        return Err("is not https, as Telegram wants it".to_owned());
    }
    if by_telegram && !PORTS.contains(&port) {
        return Err(format!("Telegram posts to no port but {PORTS:?}"));
    }
    Ok(url)
}

/// Where the server leaves the updates of one bot.
#[derive(Debug)]
pub(crate) struct Door {
    secret: SecretString,
    holding: Holding,
    posts: mpsc::Sender<Post>,
}

/// An update, and who waits for it to be safe.
#[derive(Debug)]
struct Post {
    id: i64,
    update: Value,
    told: oneshot::Sender<Taken>,
}

impl Door {
    /// Whether a post knows the secret; takes as long for every wrong one.
    fn opens_for(&self, secret: &[u8]) -> bool {
        self.secret.expose_secret().as_bytes().ct_eq(secret).into()
    }

    /// Whether the bot's updates are to be handled by somebody else.
    fn is_anothers(&self) -> bool {
        match self.holding.get() {
            Holder::Others => true,
            // While nobody says whose it is, people are answered.
            Holder::Us | Holder::Unknown => false,
        }
    }

    /// Leaves an update; answers what became of it.
    async fn take(&self, id: i64, update: Value) -> Taken {
        let (told, taken) = oneshot::channel();
        let post = Post { id, update, told };
        if self.posts.try_send(post).is_err() {
            return Taken::Full;
        }
        // Without a word the gateway is stopping.
        taken.await.unwrap_or(Taken::NotStored)
    }
}

/// The updates of one bot that were left at its door.
#[derive(Debug)]
pub(crate) struct Hook {
    config: WebhookConfig,
    posts: mpsc::Receiver<Post>,
}

impl Hook {
    /// A bot's door, and what comes in by it.
    pub(crate) fn new(
        config: WebhookConfig,
        telegram: &Telegram,
        holding: Holding,
    ) -> (Self, Door) {
        let (sender, posts) = mpsc::channel(POSTS);
        let door = Door {
            secret: telegram.webhook_secret(),
            holding,
            posts: sender,
        };
        (Self { config, posts }, door)
    }

    /// Takes updates until stopping begins, then lets the handlers finish. Telegram is told
    /// where to post as long as the bot is ours, and keeps posting there afterwards: it waits
    /// for whoever comes next.
    pub(super) async fn run(
        mut self,
        telegram: Telegram,
        holding: Holding,
        inbox: &mut Inbox,
        shutdown: &Shutdown,
    ) {
        let taken = async {
            let mut first_word = pin!(first_word(&holding));
            let mut has_begun = false;
            while !shutdown.is_stopping() {
                tokio::select! {
                    () = &mut first_word, if !has_begun => {
                        has_begun = true;
                        inbox.begin();
                    }
                    Some(Post { id, update, told }) = self.posts.recv() => {
                        inbox.take_one(id, update, told);
                    }
                    event = inbox.next() => inbox.on(event),
                    () = shutdown.stopping() => {}
                }
            }
        };
        tokio::select! {
            () = taken => {}
            () = keep_set(&self.config, &telegram, &holding) => {}
        }
        // Who waits at the door is sent away.
        drop(self.posts);
        inbox.finish(shutdown).await;
    }
}

/// Tells Telegram where to post whenever the bot is ours; never ends.
async fn keep_set(config: &WebhookConfig, telegram: &Telegram, holding: &Holding) {
    let bot_id = telegram.bot_id();
    let secret = telegram.webhook_secret();
    let body = json!({
        "url": config.url_of(bot_id),
        "secret_token": secret.expose_secret(),
        "max_connections": config.connections,
        "allowed_updates": KINDS,
    });
    loop {
        free(holding, FIRST_WORD).await;
        match telegram.call("setWebhook", &body).await {
            Ok(_) => {
                tracing::debug!(bot_id, "the webhook is set");
                let lost = holding.leaves(&[Holder::Us, Holder::Unknown]);
                let _ = timeout(SET_AGAIN, lost).await;
            }
            Err(error) => {
                tracing::error!(bot_id, error = %error, "the webhook cannot be set");
                sleep(pause(&error)).await;
            }
        }
    }
}

fn pause(error: &CallError) -> Duration {
    match error {
        CallError::Limited { retry_after } => *retry_after,
        // Only people can help there.
        CallError::Refused { .. } => SET_AGAIN,
        CallError::NotWritten { .. }
        | CallError::TokenRefused
        | CallError::Moved { .. }
        | CallError::ChatGone { .. }
        | CallError::Ambiguous { .. } => PAUSE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telegram_posts_by_https_to_four_ports_and_other_servers_anywhere() {
        for good in [
            "https://bot.example.org",
            "https://bot.example.org:8443/telegram/",
        ] {
            assert!(parse(good, true).is_ok(), "{good}");
        }
        for wrong in ["http://bot.example.org", "https://bot.example.org:8080"] {
            assert!(parse(wrong, true).is_err(), "{wrong}");
            assert!(parse(wrong, false).is_ok(), "{wrong}");
        }
        for wrong in [
            "bot.example.org",
            "ftp://bot.example.org",
            "https://a:b@bot.example.org",
            "https://bot.example.org/?a",
            "https://bot.example.org/#a",
        ] {
            assert!(parse(wrong, false).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_bot_has_its_path() {
        for (base, url) in [
            ("https://a.example", "https://a.example/42"),
            ("https://a.example/b/", "https://a.example/b/42"),
        ] {
            let config = WebhookConfig {
                listen: SocketAddr::from(([127, 0, 0, 1], 1)),
                url: base.parse().unwrap(),
                connections: 1,
            };
            assert_eq!(config.url_of(42), url);
        }
    }
}
