//! The tables, and what is done with them. All of it blocks.

use jiff::Timestamp;
use redb::{Database, Durability, ReadableDatabase as _, Table, TableDefinition};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Change, Left, StoreError, Waiting};
use crate::{memory::ChatMemory, updates::Handled};

/// By bot and chat.
const CHATS: TableDefinition<'_, (i64, i64), &[u8]> = TableDefinition::new("chats");
/// By bot and update.
const UPDATES: TableDefinition<'_, (i64, i64), &[u8]> = TableDefinition::new("updates");
/// By bot.
const HANDLED: TableDefinition<'_, i64, &[u8]> = TableDefinition::new("handled");

const DAY_S: i64 = 24 * 60 * 60;
/// Nobody remembers what was asked so long ago, nor looks for the buttons.
const CHATS_KEPT_S: i64 = 30 * DAY_S;
/// As long as Telegram itself keeps an update that nobody takes (Bot API, "Getting
/// updates"): nobody waits for its answer any more.
const UPDATES_KEPT_S: i64 = DAY_S;

/// A value, and when it was written, in Unix seconds.
#[derive(Debug, Serialize, Deserialize)]
struct Kept<T> {
    at: i64,
    value: T,
}

/// Of any value.
#[derive(Debug, Deserialize)]
struct Written {
    at: i64,
}

/// A value as it is kept.
///
/// # Errors
///
/// When it cannot be JSON.
pub(super) fn encode<T: Serialize>(value: &T, now: Timestamp) -> Result<Vec<u8>, StoreError> {
    let at = now.as_second();
    serde_json::to_vec(&Kept { at, value }).map_err(|_| StoreError::Write)
}

/// What cannot be read was written by another version.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<Kept<T>> {
    serde_json::from_slice(bytes).ok()
}

/// Makes the tables where there are none, and sweeps.
pub(super) fn begin(database: &Database, now: Timestamp) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(CHATS)?;
    transaction.open_table(UPDATES)?;
    transaction.open_table(HANDLED)?;
    transaction.commit()?;
    sweep(database, now)
}

/// Forgets what is too old.
pub(super) fn sweep(database: &Database, now: Timestamp) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    let chats = forget_before(
        &mut transaction.open_table(CHATS)?,
        now.as_second() - CHATS_KEPT_S,
    )?;
    let updates = forget_before(
        &mut transaction.open_table(UPDATES)?,
        now.as_second() - UPDATES_KEPT_S,
    )?;
    transaction.commit()?;
    if updates > 0 {
        tracing::warn!(updates, "updates older than a day were never handled");
    }
    tracing::debug!(chats, updates, "the store was swept");
    Ok(())
}

/// Answers how many went.
fn forget_before(
    table: &mut Table<'_, (i64, i64), &'static [u8]>,
    oldest: i64,
) -> Result<u64, redb::Error> {
    let mut gone = 0;
    table.retain(|_, value| {
        let written = serde_json::from_slice::<Written>(value);
        let stays = written.is_ok_and(|written| written.at >= oldest);
        gone += u64::from(!stays);
        stays
    })?;
    Ok(gone)
}

/// What is kept of a chat.
pub(super) fn chat(
    database: &Database,
    bot_id: i64,
    chat: i64,
) -> Result<Option<ChatMemory>, redb::Error> {
    let table = database.begin_read()?.open_table(CHATS)?;
    let value = table.get((bot_id, chat))?;
    // What was written by another version is as if there were nothing.
    let kept = value.and_then(|value| decode(value.value()));
    Ok(kept.map(|kept| kept.value))
}

/// What is kept of a bot's updates.
pub(super) fn left(database: &Database, bot_id: i64) -> Result<Left, redb::Error> {
    let transaction = database.begin_read()?;
    let handled = match transaction.open_table(HANDLED)?.get(bot_id)? {
        None => Handled::default(),
        Some(value) => {
            let kept = decode(value.value()).ok_or_else(|| {
                let what = format!("what is kept of bot {bot_id}'s handled updates is unreadable");
                redb::Error::Corrupted(what)
            })?;
            kept.value
        }
    };
    let mut updates = Vec::new();
    let table = transaction.open_table(UPDATES)?;
    for row in table.range((bot_id, i64::MIN)..=(bot_id, i64::MAX))? {
        let (key, value) = row?;
        if let Some(Kept { at, value }) = decode::<Value>(value.value()) {
            updates.push(Waiting {
                id: key.value().1,
                at: Timestamp::from_second(at).unwrap_or_default(),
                value,
            });
        }
    }
    Ok(Left { updates, handled })
}

/// Writes the changes in their order.
pub(super) fn commit(
    database: &Database,
    changes: Vec<Change>,
    durability: Durability,
) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(durability)?;
    {
        let mut chats = transaction.open_table(CHATS)?;
        let mut stored = transaction.open_table(UPDATES)?;
        let mut ids = transaction.open_table(HANDLED)?;
        for change in changes {
            match change {
                Change::Chat {
                    bot_id,
                    chat,
                    value,
                } => drop(chats.insert((bot_id, chat), value.as_slice())?),
                Change::Updates { bot_id, updates } => {
                    for (update, value) in updates {
                        stored.insert((bot_id, update), value.as_slice())?;
                    }
                }
                Change::Handled {
                    bot_id,
                    updates,
                    handled,
                } => {
                    for update in updates {
                        stored.remove((bot_id, update))?;
                    }
                    ids.insert(bot_id, handled.as_slice())?;
                }
                Change::Close => {}
            }
        }
    }
    transaction.commit()?;
    Ok(())
}
