//! Table `notify.recipients`.

use jiff::SignedDuration;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Address, QuietHours, Recipient};
use crate::{dispatch::AttemptRef, notifications::Kind};

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
    quiet_start_minute: Option<i16>,
    quiet_end_minute: Option<i16>,
    muted_kinds: Vec<String>,
    bot_id: Option<i64>,
    chat_id: Option<i64>,
    reachable: bool,
    erased: bool,
}

impl From<RecipientRow> for Stored {
    fn from(row: RecipientRow) -> Self {
        let address = row.bot_id.zip(row.chat_id);
        let quiet = row.quiet_start_minute.zip(row.quiet_end_minute);
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
                quiet_hours: quiet.and_then(|(start, end)| QuietHours::new(start, end)),
                muted: row
                    .muted_kinds
                    .iter()
                    .filter_map(|kind| Kind::parse(kind))
                    .collect(),
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
                  quiet_start_minute, quiet_end_minute, muted_kinds,
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

/// Stores newer settings of a locked person; at another address they can be reached
/// again.
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
    let muted: Vec<_> = recipient
        .muted
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect();
    sqlx::query!(
        "UPDATE notify.recipients
         SET version = $2, display_name = $3, language = $4, time_zone = $5,
             reminder_leads_s = $6, bot_id = $7, chat_id = $8,
             unreachable_since = CASE WHEN (bot_id, chat_id) IS NOT DISTINCT FROM ($7, $8)
                                      THEN unreachable_since END,
             seen_at = CASE WHEN (bot_id, chat_id) IS NOT DISTINCT FROM ($7, $8)
                            THEN seen_at ELSE clock_timestamp() END,
             quiet_start_minute = $9, quiet_end_minute = $10, muted_kinds = $11,
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
        recipient.quiet_hours.map(QuietHours::start_minute),
        recipient.quiet_hours.map(QuietHours::end_minute),
        &muted,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives what waits for a person their present bot. What had none waits on while its
/// lesson is to be planned anew: it was planned for nobody known.
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
             SELECT n.id FROM notify.notifications n
             JOIN notify.notification_details d ON d.notification_id = n.id
             WHERE n.user_id = $1 AND n.state = 'pending' AND n.bot_id IS DISTINCT FROM $2
               AND (n.bot_id IS NOT NULL OR NOT EXISTS (
                   SELECT FROM notify.replans q WHERE q.lesson_id = d.lesson_id))
             ORDER BY n.id
             FOR UPDATE OF n
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
                  quiet_start_minute, quiet_end_minute, muted_kinds,
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
                  quiet_start_minute, quiet_end_minute, muted_kinds,
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
    let returned = sqlx::query_scalar!(
        r#"WITH seen AS MATERIALIZED (
             SELECT user_id, unreachable_since IS NOT NULL AS returned
             FROM notify.recipients
             WHERE chat_id = $2 AND bot_id = $1 AND erased_at IS NULL
             ORDER BY user_id
             FOR NO KEY UPDATE
         )
         UPDATE notify.recipients r
         SET unreachable_since = NULL, seen_at = clock_timestamp(),
             updated_at = clock_timestamp()
         FROM seen WHERE r.user_id = seen.user_id
         RETURNING seen.returned AS "returned!""#,
        bot_id,
        chat_id,
    )
    .fetch_all(conn)
    .await?;
    Ok(returned.contains(&true))
}

/// Telegram said of these attempts, which `gateway_id` began and nobody else reported,
/// that nothing reaches their readers; what was heard of a person since their attempt was
/// begun counts for more. Answers who cannot be reached from now on.
///
/// # Errors
///
/// When the database fails.
pub async fn update_unreachable(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    attempts: &[AttemptRef],
) -> sqlx::Result<Vec<Uuid>> {
    let ids: Vec<_> = attempts.iter().map(|of| of.notification_id).collect();
    let numbers: Vec<_> = attempts.iter().map(|of| of.attempt_no).collect();
    sqlx::query_scalar!(
        "WITH gone AS MATERIALIZED (
             SELECT r.user_id
             FROM unnest($1::uuid[], $2::int[]) AS w (id, no)
             JOIN notify.attempts a ON a.notification_id = w.id AND a.attempt_no = w.no
             JOIN notify.notifications n ON n.id = w.id
             JOIN notify.recipients r ON r.user_id = n.user_id
             WHERE a.gateway_id = $3 AND (a.outcome IS NULL OR a.outcome = 'ambiguous')
               AND r.unreachable_since IS NULL AND r.erased_at IS NULL
               AND (r.seen_at IS NULL OR r.seen_at <= a.begun_at)
             ORDER BY r.user_id
             FOR NO KEY UPDATE OF r
         )
         UPDATE notify.recipients r SET unreachable_since = clock_timestamp()
         WHERE r.user_id IN (SELECT user_id FROM gone)
         RETURNING r.user_id",
        &ids,
        &numbers,
        gateway_id,
    )
    .fetch_all(conn)
    .await
}

/// Keeps a person from being erased until the transaction ends; false when they are
/// nobody already.
///
/// # Errors
///
/// When the database fails.
pub async fn hold(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<bool> {
    let held = sqlx::query_scalar!(
        "SELECT user_id FROM notify.recipients
         WHERE user_id = $1 AND erased_at IS NULL
         FOR SHARE",
        user_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(held.is_some())
}

/// Makes a locked person a tombstone: nothing of them is left but that they were.
///
/// # Errors
///
/// When the database fails.
pub async fn erase(conn: &mut PgConnection, user_id: Uuid, version: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE notify.recipients
         SET version = greatest(version, $2), display_name = '', language = 'en',
             time_zone = 'UTC', reminder_leads_s = '{}', bot_id = NULL, chat_id = NULL,
             quiet_start_minute = NULL, quiet_end_minute = NULL, muted_kinds = '{}',
             unreachable_since = NULL, seen_at = NULL, erased_at = clock_timestamp(),
             updated_at = clock_timestamp()
         WHERE user_id = $1",
        user_id,
        version,
    )
    .execute(conn)
    .await?;
    Ok(())
}
