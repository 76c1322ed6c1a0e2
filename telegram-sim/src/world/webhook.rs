//! Where a bot wants its updates posted, and what is under way.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;

use super::{Bot, World, updates::Updates};
use crate::clock::Moment;

/// Updates looked at for one that may be posted; those beyond wait until these are through.
const LOOKED_AT: usize = 2_000;
/// The wait after a failed post doubles from the first to the longest. Telegram does not document
/// its own.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A webhook that was set.
#[derive(Debug)]
pub(crate) struct Webhook {
    pub url: String,
    pub secret: Option<String>,
    pub max_connections: usize,
    /// Tells it from the bot's webhooks before.
    pub number: u64,
    /// When the last post failed (seconds since 1970), and why.
    pub last_error: Option<(i64, String)>,
    /// Updates that are being posted.
    out: BTreeSet<i64>,
    /// Copies that are being posted.
    pub copies_out: usize,
    /// Failed posts by update: how many, and when to try again (monotonic).
    failed: BTreeMap<i64, (u32, u64)>,
}

/// One update to post.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Post {
    pub url: String,
    pub secret: Option<String>,
    pub update: Value,
    /// Absent for a copy, which is posted once, whatever comes of it.
    pub id: Option<i64>,
}

/// What is to be posted now.
#[derive(Debug)]
pub(crate) enum Work {
    /// Post these; look again after this long even if nothing comes.
    Posts(Vec<Post>, Option<Duration>),
    /// The webhook is not there any more.
    Gone,
}

impl Webhook {
    pub fn new(url: String, secret: Option<String>, max_connections: usize, number: u64) -> Self {
        Self {
            url,
            secret,
            max_connections,
            number,
            last_error: None,
            out: BTreeSet::new(),
            copies_out: 0,
            failed: BTreeMap::new(),
        }
    }

    fn post(&self, update: Value, id: Option<i64>) -> Post {
        Post {
            url: self.url.clone(),
            secret: self.secret.clone(),
            update,
            id,
        }
    }

    /// As many as may be out at once, each chat's in their order: one that is out or waits for
    /// another try holds up the later ones of its chat only.
    fn next(&mut self, updates: &mut Updates, now: Moment) -> (Vec<Post>, Option<Duration>) {
        let mut posts = Vec::new();
        let is_free =
            |out: &BTreeSet<i64>, copies: usize| out.len() + copies < self.max_connections;
        while self.copies_out == 0 && is_free(&self.out, self.copies_out) {
            let Some(copy) = updates.take_copy() else {
                break;
            };
            self.copies_out += 1;
            posts.push(self.post(copy, None));
        }
        let mut held: BTreeSet<Option<i64>> = BTreeSet::new();
        let mut soonest: Option<u64> = None;
        for (id, update) in updates.queued().take(LOOKED_AT) {
            if self.out.len() + self.copies_out >= self.max_connections {
                break;
            }
            if !held.insert(chat_of(update)) || self.out.contains(&id) {
                continue;
            }
            let again = self.failed.get(&id).map_or(0, |(_, at)| *at);
            if again > now.mono_us {
                soonest = Some(soonest.map_or(again, |at| at.min(again)));
                continue;
            }
            self.out.insert(id);
            posts.push(self.post(update.clone(), Some(id)));
        }
        let wait = soonest.map(|at| Duration::from_micros(at - now.mono_us));
        (posts, wait)
    }

    fn failed(&mut self, id: i64, now: Moment) {
        let (times, again) = self.failed.entry(id).or_default();
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(*times));
        let wait = wait.min(LONGEST_WAIT).as_micros();
        *times += 1;
        *again = now.mono_us + u64::try_from(wait).unwrap_or(0);
    }
}

impl World {
    /// What a bot's webhook of this number is to get now.
    pub fn next_posts(&mut self, bot: i64, number: u64, now: Moment) -> Work {
        let Bot {
            webhook, updates, ..
        } = self.bot_mut(bot);
        match webhook.as_mut().filter(|webhook| webhook.number == number) {
            Some(webhook) => {
                let (posts, wait) = webhook.next(updates, now);
                Work::Posts(posts, wait)
            }
            None => Work::Gone,
        }
    }

    /// A post has ended, perhaps with a fault.
    pub fn posted(
        &mut self,
        bot: i64,
        number: u64,
        id: Option<i64>,
        fault: Option<String>,
        now: Moment,
    ) {
        let Bot {
            webhook, updates, ..
        } = self.bot_mut(bot);
        let mut webhook = webhook.as_mut().filter(|webhook| webhook.number == number);
        let has_failed = fault.is_some();
        if let (Some(webhook), Some(fault)) = (&mut webhook, fault) {
            webhook.last_error = Some((now.unix_seconds(), fault));
        }
        let Some(id) = id else {
            if let Some(webhook) = webhook {
                webhook.copies_out -= 1;
            }
            return;
        };
        // It has it, even if its webhook was taken away meanwhile.
        if !has_failed {
            updates.delivered(id);
        }
        if let Some(webhook) = webhook {
            webhook.out.remove(&id);
            if has_failed {
                webhook.failed(id, now);
            } else {
                webhook.failed.remove(&id);
            }
        }
    }
}

/// Whose turn an update is part of.
fn chat_of(update: &Value) -> Option<i64> {
    let kinds = [
        &update["message"],
        &update["callback_query"]["message"],
        &update["my_chat_member"],
    ];
    kinds.iter().find_map(|kind| kind["chat"]["id"].as_i64())
}
