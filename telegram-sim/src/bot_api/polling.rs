//! getUpdates and webhooks.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    answer::{ApiError, ApiResult},
    params::Params,
};
use crate::world::{
    Shared, World,
    updates::{Poll, Updates},
    webhook::Webhook,
};

/// Longest poll, in seconds, as in Telegram's own server.
const MAX_TIMEOUT_SECONDS: i64 = 50;
const MAX_UPDATES: i64 = 100;

/// A newer call ends the older one, which learns it by Telegram's 409.
pub(crate) async fn get_updates(shared: &Shared, bot: i64, params: &Params) -> ApiResult {
    let limit = params.integer("limit").unwrap_or(MAX_UPDATES);
    let limit = usize::try_from(limit.clamp(1, MAX_UPDATES)).unwrap_or(1);
    let timeout = params.integer("timeout").unwrap_or(0);
    let timeout = timeout.clamp(0, MAX_TIMEOUT_SECONDS).unsigned_abs();
    let deadline = Instant::now() + Duration::from_secs(timeout);
    let (generation, mut wake) = shared.step(|world, _| begin(world, bot, params))?;
    let _waiting = Waiting::new(shared, bot);
    loop {
        wake.borrow_and_update();
        match shared.step(|world, _| world.bot_mut(bot).updates.look(generation, limit)) {
            Poll::Terminated => {
                return Err(ApiError::conflict(
                    "terminated by other getUpdates request; make sure that only one bot instance is running",
                ));
            }
            Poll::WebhookSet => {
                return Err(ApiError::conflict("terminated by setWebhook request"));
            }
            Poll::Found(found) if !found.is_empty() || timeout == 0 => {
                return Ok(Value::Array(found));
            }
            Poll::Found(_) => {}
        }
        tokio::select! {
            changed = wake.changed() => {
                if changed.is_err() {
                    return Ok(json!([]));
                }
            }
            () = tokio::time::sleep_until(deadline) => return Ok(json!([])),
            () = shared.shutdown.cancelled() => return Ok(json!([])),
        }
    }
}

fn begin(
    world: &mut World,
    bot: i64,
    params: &Params,
) -> Result<(u64, tokio::sync::watch::Receiver<()>), ApiError> {
    let bot = world.bot_mut(bot);
    if bot.webhook.is_some() {
        return Err(ApiError::conflict(
            "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        ));
    }
    set_allowed_updates(&mut bot.updates, params)?;
    Ok(bot.updates.begin(params.integer("offset").unwrap_or(0)))
}

/// Takes `allowed_updates`: not given, the earlier choice stays; an empty list, the default kinds.
fn set_allowed_updates(updates: &mut Updates, params: &Params) -> Result<(), ApiError> {
    if !params.has("allowed_updates") {
        return Ok(());
    }
    let refused = || ApiError::bad_request("can't parse allowed_updates");
    let list = params.json("allowed_updates").ok_or_else(refused)?;
    let list: Vec<String> = serde_json::from_value(list).map_err(|_| refused())?;
    if list.len() > 100 {
        return Err(refused());
    }
    updates.allowed = Some(list).filter(|list| !list.is_empty());
    Ok(())
}

/// Counts a poll while it waits, also when its caller goes away.
struct Waiting<'a> {
    shared: &'a Shared,
    bot: i64,
}

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared, bot: i64) -> Self {
        shared.step(|world, _| world.bot_mut(bot).updates.waiting += 1);
        Self { shared, bot }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared
            .step(|world, _| world.bot_mut(self.bot).updates.waiting -= 1);
    }
}

pub(crate) fn set_webhook(world: &mut World, bot: i64, params: &Params) -> ApiResult {
    let url = params.text("url").unwrap_or_default();
    if url.is_empty() {
        return Ok(delete_webhook(world, bot, params));
    }
    if !url::Url::parse(&url).is_ok_and(|url| is_postable(&url)) {
        return Err(ApiError::bad_request(
            "bad webhook: An HTTPS URL must be provided for webhook",
        ));
    }
    let secret = params.text("secret_token").unwrap_or_default();
    let secret_fits = secret.len() <= 256
        && secret
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !secret_fits {
        return Err(ApiError::bad_request(
            "secret token contains unallowed characters",
        ));
    }
    let connections = params.integer("max_connections").unwrap_or(40);
    let connections = usize::try_from(connections.clamp(1, 100)).unwrap_or(1);
    let bot = world.bot_mut(bot);
    set_allowed_updates(&mut bot.updates, params)?;
    if params.flag("drop_pending_updates") {
        bot.updates.clear();
    }
    bot.webhooks += 1;
    let secret = Some(secret).filter(|secret| !secret.is_empty());
    bot.webhook = Some(Webhook::new(url, secret, connections, bot.webhooks));
    bot.updates.end_for_webhook();
    Ok(json!(true))
}

/// Telegram wants HTTPS; here a bot on this machine needs none.
fn is_postable(url: &url::Url) -> bool {
    let is_here = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || url.scheme() == "http" && is_here
}

pub(crate) fn delete_webhook(world: &mut World, bot: i64, params: &Params) -> Value {
    let bot = world.bot_mut(bot);
    bot.webhook = None;
    // Whoever posts looks again.
    bot.updates.nudge();
    if params.flag("drop_pending_updates") {
        bot.updates.clear();
    }
    json!(true)
}

pub(crate) fn get_webhook_info(world: &mut World, bot: i64) -> Value {
    let bot = world.bot_mut(bot);
    let mut info = json!({
        "url": "",
        "has_custom_certificate": false,
        "pending_update_count": bot.updates.len(),
    });
    if let Some(webhook) = &bot.webhook {
        info["url"] = json!(webhook.url);
        info["max_connections"] = json!(webhook.max_connections);
        info["ip_address"] = json!("127.0.0.1");
        if let Some((date, message)) = &webhook.last_error {
            info["last_error_date"] = json!(date);
            info["last_error_message"] = json!(message);
        }
    }
    if let Some(allowed) = &bot.updates.allowed {
        info["allowed_updates"] = json!(allowed);
    }
    info
}
