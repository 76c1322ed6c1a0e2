//! What the simulator can be told at its start.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

/// Settings of one simulator. `Config::default()` is what most tests want: any well-formed token,
/// Telegram's limits.
#[derive(Debug, Clone)]
pub struct Config {
    /// The tokens that are known; empty accepts every token of the form `<digits>:<20+ characters>`.
    /// A bot is created for each of them at the start, otherwise at the token's first use.
    pub tokens: Vec<String>,
    /// The sending limits; can be changed later with `PUT /sim/limits`.
    pub limits: Limits,
    /// How many ledger entries are kept; the oldest are dropped beyond it.
    pub ledger_capacity: usize,
    /// How long a callback query can be answered. Telegram does not document its own figure.
    pub callback_lifetime: Duration,
    /// How long [`crate::run`] waits for open requests after the stop signal.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            limits: Limits::TELEGRAM,
            ledger_capacity: 200_000,
            callback_lifetime: Duration::from_mins(1),
            drain: Duration::from_secs(3),
        }
    }
}

impl Config {
    /// The known tokens by bot id.
    ///
    /// # Errors
    /// A token that is not of the form `<digits>:<20+ characters>`, or two tokens of one bot.
    pub(crate) fn known_bots(&self) -> Result<BTreeMap<i64, String>, ConfigFault> {
        let mut bots = BTreeMap::new();
        for token in &self.tokens {
            let bot_id = bot_id_of(token).ok_or(ConfigFault::MalformedToken)?;
            if bots.insert(bot_id, token.clone()).is_some() {
                return Err(ConfigFault::TwoTokens(bot_id));
            }
        }
        Ok(bots)
    }
}

/// Sending limits; 0 switches one off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Writing methods per token in any second.
    pub per_token_per_second: u32,
    /// `sendMessage` per bot and chat in any second.
    pub per_chat_per_second: u32,
    /// `sendMessage` per bot and group in any minute.
    pub per_group_per_minute: u32,
}

impl Limits {
    /// Telegram's own figures: <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>.
    pub const TELEGRAM: Self = Self {
        per_token_per_second: 30,
        per_chat_per_second: 1,
        per_group_per_minute: 20,
    };
    /// No limits at all.
    pub const OFF: Self = Self {
        per_token_per_second: 0,
        per_chat_per_second: 0,
        per_group_per_minute: 0,
    };
}

/// Why a configuration cannot be used. The token itself is never shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    /// Not `<digits>:<20+ characters>`.
    #[error("a token is not of the form <digits>:<20 or more letters, digits, '_' or '-'>")]
    MalformedToken,
    /// One bot has one token.
    #[error("two tokens are given for bot {0}")]
    TwoTokens(i64),
}

/// The bot's id in a well-formed token.
pub(crate) fn bot_id_of(token: &str) -> Option<i64> {
    let (id, secret) = token.split_once(':')?;
    let secret_fits = (20..=200).contains(&secret.len())
        && secret
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !secret_fits || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    id.parse().ok().filter(|id| *id > 0)
}
