//! Table `notify.attempts`, and Begin: the only permission to send.

use std::time::Duration;

use jiff::SignedDuration;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{AttemptRef, Report};
use crate::recipients::QuietHours;

/// Attempts asked about in one hello: more than credit ever lets be out.
const MAX_IN_FLIGHT: i64 = 2_000;

/// Attempts this gateway began whose outcome only its journal may know.
///
/// # Errors
///
/// When the database fails.
pub async fn list_in_flight(
    conn: &mut PgConnection,
    bot_id: i64,
    gateway_id: Uuid,
) -> sqlx::Result<Vec<AttemptRef>> {
    sqlx::query_as!(
        AttemptRef,
        "SELECT a.notification_id, a.attempt_no
         FROM notify.attempts a
         JOIN notify.notifications n
           ON n.id = a.notification_id AND n.attempt_no = a.attempt_no
         WHERE a.bot_id = $1 AND a.gateway_id = $2 AND a.outcome IS NULL
           AND n.state IN ('sending', 'uncertain')
         ORDER BY a.begun_at
         LIMIT $3",
        bot_id,
        gateway_id,
        MAX_IN_FLIGHT,
    )
    .fetch_all(conn)
    .await
}

/// Attempts of an epoch that were begun within `silence` and have no outcome, by the
/// database's word; older ones are the sweep's.
///
/// # Errors
///
/// When the database fails.
pub async fn list_begun(
    conn: &mut PgConnection,
    bot_id: i64,
    epoch: i64,
    silence: Duration,
) -> sqlx::Result<Vec<AttemptRef>> {
    sqlx::query_as!(
        AttemptRef,
        "SELECT id AS notification_id, attempt_no FROM notify.notifications
         WHERE state = 'sending' AND bot_id = $1 AND epoch = $2
           AND begun_at > now() - $3 * interval '1 second'",
        bot_id,
        epoch,
        silence.as_secs_f64(),
    )
    .fetch_all(conn)
    .await
}

/// In whose name rows are begun.
#[derive(Debug, Clone, Copy)]
pub struct Epoch {
    /// Which bot.
    pub bot_id: i64,
    /// Which gateway.
    pub gateway_id: Uuid,
    /// Must be current and unexpired.
    pub epoch: i64,
}

/// A begun row with all that is joined when it is sent.
#[derive(Debug, Clone)]
pub struct Begun {
    /// Which.
    pub id: Uuid,
    /// Which attempt this is.
    pub attempt_no: i32,
    /// The contract's number.
    pub lane: i16,
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
    /// W3C trace context of what caused it.
    pub traceparent: String,
    /// Without its markup.
    pub plain: bool,
    /// How much later than it was due it was to be begun, because of attempts before.
    pub put_off: SignedDuration,
}

/// What Begin did.
#[derive(Debug)]
pub struct Beginning {
    /// The last renewal stored in this epoch.
    pub renewal: i64,
    /// The rows that are begun now.
    pub begun: Vec<Begun>,
}

/// Begins rows that are still as they were read: pending, not stopped, of that version,
/// unexpired, their recipient reachable. The owner's epoch is checked and locked in the
/// same statement, which also logs the attempts. Push only what this answers, after it
/// returned: it has committed then. `None`: the epoch is over or ran out, or sending is off.
///
/// # Errors
///
/// When the database fails; it may have begun the rows all the same.
pub async fn begin(
    conn: &mut PgConnection,
    owner: Epoch,
    ids: &[Uuid],
    versions: &[i64],
) -> sqlx::Result<Option<Beginning>> {
    let rows = sqlx::query_as!(
        BeginRow,
        r#"WITH owner AS MATERIALIZED (
               SELECT o.renewal FROM notify.owners o
               WHERE o.bot_id = $1 AND o.epoch = $2 AND o.expires_at > clock_timestamp()
                 AND EXISTS (SELECT FROM notify.sending WHERE enabled)
               FOR SHARE OF o
           ), locked AS MATERIALIZED (
               SELECT n.id
               FROM owner
               CROSS JOIN unnest($4::uuid[], $5::bigint[]) AS w (id, version)
               JOIN notify.notifications n ON n.id = w.id AND n.version = w.version
               JOIN notify.recipients r ON r.user_id = n.user_id
               WHERE n.state = 'pending' AND NOT n.stop AND n.bot_id = $1
                 AND n.expires_at > clock_timestamp()
                 AND r.bot_id = $1 AND r.unreachable_since IS NULL AND r.erased_at IS NULL
               ORDER BY n.id
               FOR UPDATE OF n SKIP LOCKED
           ), begun AS (
               UPDATE notify.notifications n
               SET state = 'sending', attempt_no = n.attempt_no + 1, epoch = $2,
                   begun_at = clock_timestamp(), state_at = clock_timestamp(),
                   version = n.version + 1
               FROM locked
               WHERE n.id = locked.id
               RETURNING n.id, n.user_id, n.attempt_no, n.lane, n.plain,
                         n.next_at - n.due_at AS put_off
           ), logged AS (
               INSERT INTO notify.attempts (notification_id, attempt_no, bot_id, gateway_id, epoch)
               SELECT id, attempt_no, $1, $3, $2 FROM begun
           )
           SELECT owner.renewal, b.id AS "id?", b.attempt_no AS "attempt_no?", b.lane AS "lane?",
                  b.plain AS "plain?",
                  (extract(epoch FROM b.put_off) * 1e6)::bigint AS "put_off_us?",
                  r.chat_id AS "chat_id?", r.language AS "language?", r.time_zone AS "time_zone?",
                  r.quiet_start_minute AS "quiet_start_minute?",
                  r.quiet_end_minute AS "quiet_end_minute?",
                  d.content AS "content?", d.traceparent AS "traceparent?",
                  coalesce(c.display_name, '') AS "counterpart_name!"
           FROM owner
           LEFT JOIN begun b ON true
           LEFT JOIN notify.recipients r ON r.user_id = b.user_id
           LEFT JOIN notify.notification_details d ON d.notification_id = b.id
           LEFT JOIN notify.recipients c ON c.user_id = d.counterpart_id"#,
        owner.bot_id,
        owner.epoch,
        owner.gateway_id,
        ids,
        versions,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .first()
        .map(|row| row.renewal)
        .map(|renewal| Beginning {
            renewal,
            begun: rows.into_iter().filter_map(BeginRow::begun).collect(),
        }))
}

/// The owner's renewal beside each begun row, or beside nothing.
struct BeginRow {
    renewal: i64,
    id: Option<Uuid>,
    attempt_no: Option<i32>,
    lane: Option<i16>,
    plain: Option<bool>,
    put_off_us: Option<i64>,
    chat_id: Option<i64>,
    language: Option<String>,
    time_zone: Option<String>,
    quiet_start_minute: Option<i16>,
    quiet_end_minute: Option<i16>,
    content: Option<Vec<u8>>,
    traceparent: Option<String>,
    counterpart_name: String,
}

impl BeginRow {
    fn begun(self) -> Option<Begun> {
        let quiet = self.quiet_start_minute.zip(self.quiet_end_minute);
        Some(Begun {
            id: self.id?,
            attempt_no: self.attempt_no?,
            lane: self.lane?,
            chat_id: self.chat_id?,
            language: self.language?,
            time_zone: self.time_zone?,
            quiet_hours: quiet.and_then(|(start, end)| QuietHours::new(start, end)),
            content: self.content?,
            counterpart_name: self.counterpart_name,
            traceparent: self.traceparent?,
            plain: self.plain?,
            put_off: SignedDuration::from_micros(self.put_off_us?),
        })
    }
}

/// Which of these attempts this gateway began, and whose outcome is open or ambiguous.
///
/// # Errors
///
/// When the database fails.
pub async fn list_open(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    attempts: &[AttemptRef],
) -> sqlx::Result<Vec<AttemptRef>> {
    let (ids, numbers) = columns(attempts.iter().copied());
    sqlx::query_as!(
        AttemptRef,
        "SELECT a.notification_id, a.attempt_no
         FROM unnest($1::uuid[], $2::int[]) AS w (id, no)
         JOIN notify.attempts a ON a.notification_id = w.id AND a.attempt_no = w.no
         WHERE a.gateway_id = $3 AND (a.outcome IS NULL OR a.outcome = 'ambiguous')",
        &ids,
        &numbers,
        gateway_id,
    )
    .fetch_all(conn)
    .await
}

/// Completes the log of attempts.
///
/// # Errors
///
/// When the database fails.
pub async fn update_outcomes(
    conn: &mut PgConnection,
    reports: &[(&Report, bool)],
) -> sqlx::Result<()> {
    let (ids, numbers) = columns(reports.iter().map(|(report, _)| report.attempt));
    let outcomes = reports.iter().map(|(report, _)| &report.outcome);
    let kinds: Vec<_> = outcomes.clone().map(|of| of.as_str().to_owned()).collect();
    let details: Vec<_> = outcomes.clone().map(|of| of.detail().to_owned()).collect();
    let messages: Vec<_> = outcomes.map(super::Outcome::message_id).collect();
    let late: Vec<_> = reports.iter().map(|(_, late)| *late).collect();
    sqlx::query!(
        "UPDATE notify.attempts a
         SET outcome = w.outcome, outcome_at = clock_timestamp(),
             -- Of a person who was erased meanwhile no words are kept.
             detail = CASE WHEN r.erased_at IS NULL THEN w.detail ELSE '' END,
             telegram_message_id = w.message_id, late = w.late
         FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::bool[])
              AS w (id, no, outcome, detail, message_id, late)
         JOIN notify.notifications n ON n.id = w.id
         JOIN notify.recipients r ON r.user_id = n.user_id
         WHERE a.notification_id = w.id AND a.attempt_no = w.no",
        &ids,
        &numbers,
        &kinds,
        &details,
        &messages as &[Option<i64>],
        &late,
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn columns(attempts: impl Iterator<Item = AttemptRef>) -> (Vec<Uuid>, Vec<i32>) {
    attempts
        .map(|attempt| (attempt.notification_id, attempt.attempt_no))
        .unzip()
}
