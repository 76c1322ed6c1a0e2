//! Table `notify.recipients`.

use jiff::SignedDuration;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Address, Recipient};

/// A person as stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Their settings; a stub has version 0.
    pub recipient: Recipient,
    /// False after Telegram said that nothing reaches them.
    pub reachable: bool,
    /// A tombstone: nothing is planned for them any more.
    pub erased: bool,
}

struct RecipientRow {
    user_id: Uuid,
    version: i64,
    display_name: String,
    language: String,
    time_zone: String,
    reminder_leads_s: Vec<i64>,
    bot_id: Option<i64>,
    chat_id: Option<i64>,
    reachable: bool,
    erased: bool,
}

impl From<RecipientRow> for Stored {
    fn from(row: RecipientRow) -> Self {
        let address = row.bot_id.zip(row.chat_id);
        Self {
            recipient: Recipient {
                user_id: row.user_id,
                version: row.version,
                display_name: row.display_name,
                language: row.language,
                time_zone: row.time_zone,
                leads: row
                    .reminder_leads_s
                    .into_iter()
                    .map(SignedDuration::from_secs)
                    .collect(),
                address: address.map(|(bot_id, chat_id)| Address { bot_id, chat_id }),
            },
            reachable: row.reachable,
            erased: row.erased,
        }
    }
}

/// Locks these people, making stubs of the unknown. `people` must be sorted: everyone
/// locks in this order, before anything else, so that no two plans wait for each other.
///
/// # Errors
///
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, people: &[Uuid]) -> sqlx::Result<Vec<Stored>> {
    sqlx::query!(
        "INSERT INTO notify.recipients (user_id)
         SELECT user_id FROM unnest($1::uuid[]) AS people (user_id)
         ON CONFLICT (user_id) DO NOTHING",
        people,
    )
    .execute(&mut *conn)
    .await?;
    let rows = sqlx::query_as!(
        RecipientRow,
        r#"SELECT user_id, version, display_name, language, time_zone, reminder_leads_s,
                  bot_id, chat_id, unreachable_since IS NULL AS "reachable!",
                  erased_at IS NOT NULL AS "erased!"
           FROM notify.recipients WHERE user_id = ANY($1)
           ORDER BY user_id
           FOR NO KEY UPDATE"#,
        people,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Stored::from).collect())
}

/// Stores newer settings of a locked person; they are reachable again, for a newer
/// version means that they were heard of.
///
/// # Errors
///
/// When the database fails.
pub async fn update(conn: &mut PgConnection, recipient: &Recipient) -> sqlx::Result<()> {
    let leads: Vec<i64> = recipient
        .leads
        .iter()
        .map(SignedDuration::as_secs)
        .collect();
    sqlx::query!(
        "UPDATE notify.recipients
         SET version = $2, display_name = $3, language = $4, time_zone = $5,
             reminder_leads_s = $6, bot_id = $7, chat_id = $8, unreachable_since = NULL,
             updated_at = clock_timestamp()
         WHERE user_id = $1 AND version < $2 AND erased_at IS NULL",
        recipient.user_id,
        recipient.version,
        recipient.display_name,
        recipient.language,
        recipient.time_zone,
        &leads,
        recipient.address.map(|address| address.bot_id),
        recipient.address.map(|address| address.chat_id),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives what waits for a person their present bot.
///
/// # Errors
///
/// When the database fails.
pub async fn readdress_pending(
    conn: &mut PgConnection,
    user_id: Uuid,
    bot_id: Option<i64>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH waiting AS MATERIALIZED (
             SELECT id FROM notify.notifications
             WHERE user_id = $1 AND state = 'pending' AND bot_id IS DISTINCT FROM $2
             ORDER BY id
             FOR UPDATE
         )
         UPDATE notify.notifications n SET bot_id = $2, version = n.version + 1
         FROM waiting WHERE n.id = waiting.id",
        user_id,
        bot_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A person, stub or not.
///
/// # Errors
///
/// When the database fails.
pub async fn find(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Option<Stored>> {
    let row = sqlx::query_as!(
        RecipientRow,
        r#"SELECT user_id, version, display_name, language, time_zone, reminder_leads_s,
                  bot_id, chat_id, unreachable_since IS NULL AS "reachable!",
                  erased_at IS NOT NULL AS "erased!"
           FROM notify.recipients WHERE user_id = $1"#,
        user_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Stored::from))
}

/// Who writes with the bot in this private chat. Should several bots know the chat, the
/// person heard of last, reachable ones first.
///
/// # Errors
///
/// When the database fails.
pub async fn find_by_chat(conn: &mut PgConnection, chat_id: i64) -> sqlx::Result<Option<Stored>> {
    let row = sqlx::query_as!(
        RecipientRow,
        r#"SELECT user_id, version, display_name, language, time_zone, reminder_leads_s,
                  bot_id, chat_id, unreachable_since IS NULL AS "reachable!",
                  erased_at IS NOT NULL AS "erased!"
           FROM notify.recipients WHERE chat_id = $1 AND erased_at IS NULL
           ORDER BY unreachable_since NULLS FIRST, updated_at DESC
           LIMIT 1"#,
        chat_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Stored::from))
}

/// The person wrote: they can be reached again, and an attempt begun before now says
/// nothing else. True when they could not be before.
///
/// # Errors
///
/// When the database fails.
pub async fn update_reachable(
    conn: &mut PgConnection,
    bot_id: i64,
    chat_id: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE notify.recipients
         SET unreachable_since = NULL, updated_at = clock_timestamp()
         WHERE chat_id = $2 AND bot_id = $1
           AND unreachable_since IS NOT NULL AND erased_at IS NULL",
        bot_id,
        chat_id,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Telegram said at `attempt_begun_at` or later that nothing reaches this person; what
/// was heard of them since counts for more.
///
/// # Errors
///
/// When the database fails.
pub async fn update_unreachable(
    conn: &mut PgConnection,
    user_id: Uuid,
    attempt_begun_at: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let begun = jiff_sqlx::Timestamp::from(attempt_begun_at);
    let done = sqlx::query!(
        "UPDATE notify.recipients SET unreachable_since = clock_timestamp()
         WHERE user_id = $1 AND unreachable_since IS NULL AND updated_at <= $2",
        user_id,
        begun as _,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
