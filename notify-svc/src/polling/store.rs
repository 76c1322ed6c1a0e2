//! Begin for bots in polling mode, and what their clients have begun.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    notifications::{Kind, states::State, store::Seen},
    recipients::QuietHours,
};

/// The bot that a client polls for.
///
/// # Errors
///
/// When the database fails.
pub async fn find_bot(conn: &mut PgConnection, client: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT bot_id FROM notify.bots WHERE client = $1", client)
        .fetch_optional(conn)
        .await
}

/// A row begun for a client, with all that is joined when it is sent.
#[derive(Debug, Clone)]
pub struct Polled {
    /// As it stands now.
    pub seen: Seen,
    /// Whose bot sends it.
    pub bot_id: i64,
    /// Where it goes.
    pub chat_id: i64,
    /// The reader's language.
    pub language: String,
    /// The reader's IANA zone.
    pub time_zone: String,
    /// When nothing is to sound.
    pub quiet_hours: Option<QuietHours>,
    /// An encoded `olm.notify.v1.Content` without names.
    pub content: Vec<u8>,
    /// The other side's name; empty when there is none.
    pub counterpart_name: String,
}

/// Begins what is due for a client's bot, the most urgent lane first: as dispatchers
/// begin, but for whom the bot is in polling mode, which is checked and locked in the
/// same statement. Nothing while sending is off. Give out only what this answers, after
/// it returned: it has committed then.
///
/// # Errors
///
/// When the database fails; it may have begun the rows all the same.
pub async fn begin(
    conn: &mut PgConnection,
    client: &str,
    gateway_id: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Polled>> {
    let rows = sqlx::query_as!(
        PolledRow,
        r#"WITH bot AS MATERIALIZED (
               SELECT b.bot_id FROM notify.bots b
               JOIN notify.sending s ON s.enabled
               WHERE b.client = $1
               FOR SHARE OF b
           ), locked AS MATERIALIZED (
               -- (now(), not clock_timestamp(): only that bounds a scan of the index.)
               -- Lane after lane, each read by its index, until there are enough; rows
               -- that another poller is beginning are passed over.
               SELECT u.id
               FROM bot
               CROSS JOIN (VALUES (2::smallint), (3::smallint), (4::smallint)) AS lanes (lane)
               CROSS JOIN LATERAL (
                   SELECT n.id
                   FROM notify.notifications n
                   JOIN notify.recipients r ON r.user_id = n.user_id
                   WHERE n.bot_id = bot.bot_id AND n.lane = lanes.lane AND n.state = 'pending'
                     AND n.next_at <= now() AND n.expires_at > now()
                     AND NOT n.stop
                     AND r.bot_id = bot.bot_id AND r.unreachable_since IS NULL
                     AND r.erased_at IS NULL
                   ORDER BY n.next_at
                   LIMIT $3
                   FOR UPDATE OF n SKIP LOCKED
               ) u
               LIMIT $3
           ), begun AS (
               UPDATE notify.notifications n
               SET state = 'sending', attempt_no = n.attempt_no + 1, epoch = 0,
                   begun_at = clock_timestamp(), state_at = clock_timestamp(),
                   version = n.version + 1
               FROM locked
               WHERE n.id = locked.id
               RETURNING n.*
           ), logged AS (
               INSERT INTO notify.attempts (notification_id, attempt_no, bot_id, gateway_id, epoch)
               SELECT id, attempt_no, bot_id, $2, 0 FROM begun
           )
           SELECT b.id AS "id!", b.user_id AS "user_id!", b.state AS "state!: State",
                  b.lane AS "lane!", b.due_at AS "due_at!", b.expires_at AS "expires_at!",
                  b.attempt_no AS "attempt_no!", b.counted AS "counted!", b.resent AS "resent!",
                  b.stop AS "stop!", b.state_at AS "state_at!", b.bot_id AS "bot_id!",
                  d.kind AS "kind: Kind", d.telegram_message_id, d.failure, d.created_at,
                  d.content, r.chat_id AS "chat_id!", r.language, r.time_zone,
                  r.quiet_start_minute, r.quiet_end_minute,
                  coalesce(c.display_name, '') AS "counterpart_name!"
           FROM begun b
           JOIN notify.recipients r ON r.user_id = b.user_id
           JOIN notify.notification_details d ON d.notification_id = b.id
           LEFT JOIN notify.recipients c ON c.user_id = d.counterpart_id
           ORDER BY b.lane, b.next_at, b.id"#,
        client,
        gateway_id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Polled::from).collect())
}

struct PolledRow {
    id: Uuid,
    user_id: Uuid,
    state: State,
    lane: i16,
    due_at: jiff_sqlx::Timestamp,
    expires_at: jiff_sqlx::Timestamp,
    attempt_no: i32,
    counted: i16,
    resent: bool,
    stop: bool,
    state_at: jiff_sqlx::Timestamp,
    bot_id: i64,
    kind: Kind,
    telegram_message_id: Option<i64>,
    failure: String,
    created_at: jiff_sqlx::Timestamp,
    content: Vec<u8>,
    chat_id: i64,
    language: String,
    time_zone: String,
    quiet_start_minute: Option<i16>,
    quiet_end_minute: Option<i16>,
    counterpart_name: String,
}

impl From<PolledRow> for Polled {
    fn from(row: PolledRow) -> Self {
        let quiet = row.quiet_start_minute.zip(row.quiet_end_minute);
        Self {
            seen: Seen {
                id: row.id,
                user_id: row.user_id,
                state: row.state,
                lane: row.lane,
                due_at: row.due_at,
                expires_at: row.expires_at,
                attempt_no: row.attempt_no,
                counted: row.counted,
                resent: row.resent,
                stop: row.stop,
                state_at: row.state_at,
                kind: row.kind,
                telegram_message_id: row.telegram_message_id,
                failure: row.failure,
                created_at: row.created_at,
            },
            bot_id: row.bot_id,
            chat_id: row.chat_id,
            language: row.language,
            time_zone: row.time_zone,
            quiet_hours: quiet.and_then(|(start, end)| QuietHours::new(start, end)),
            content: row.content,
            counterpart_name: row.counterpart_name,
        }
    }
}

/// An attempt that a client made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which.
    pub attempt_no: i32,
    /// As it is logged; `None`: not known yet.
    pub outcome: Option<String>,
    /// It came after the notification had ended another way.
    pub late: bool,
}

impl Attempt {
    /// Whether what is said of it may still change something.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.outcome.as_deref(), None | Some("ambiguous"))
    }
}

/// The last attempt at a notification that a client made, or the one of this number.
///
/// # Errors
///
/// When the database fails.
pub async fn find_attempt(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    notification_id: Uuid,
    attempt_no: Option<i32>,
) -> sqlx::Result<Option<Attempt>> {
    sqlx::query_as!(
        Attempt,
        "SELECT attempt_no, outcome, late FROM notify.attempts
         WHERE notification_id = $1 AND gateway_id = $2
           AND ($3::int IS NULL OR attempt_no = $3)
         ORDER BY attempt_no DESC LIMIT 1",
        notification_id,
        gateway_id,
        attempt_no,
    )
    .fetch_optional(conn)
    .await
}

/// A notification as the one who sends it sees it: of this bot, or begun by this client.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    id: Uuid,
    bot_id: Option<i64>,
    gateway_id: Uuid,
) -> sqlx::Result<Option<Seen>> {
    sqlx::query_as!(
        Seen,
        r#"SELECT n.id, n.user_id, n.state AS "state: State", n.lane, n.due_at, n.expires_at,
                  n.attempt_no, n.counted, n.resent, n.stop, n.state_at,
                  d.kind AS "kind: Kind", d.telegram_message_id, d.failure, d.created_at
           FROM notify.notifications n
           JOIN notify.notification_details d ON d.notification_id = n.id
           WHERE n.id = $1
             AND (n.bot_id = $2 OR EXISTS (
                 SELECT FROM notify.attempts a
                 WHERE a.notification_id = n.id AND a.gateway_id = $3))"#,
        id,
        bot_id,
        gateway_id,
    )
    .fetch_optional(conn)
    .await
}
