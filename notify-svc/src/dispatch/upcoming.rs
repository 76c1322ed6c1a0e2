//! What a dispatcher reads of the queue: the next seconds of one bot, so that no sender and
//! no chat takes the place of all others.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::notifications::Lane;

/// Senders whose broadcasts are read at once; the others' turn comes with the next read.
pub const MAX_SENDERS: usize = 64;
/// Before a lane's read to what is due: what was accepted is committed by then, and what waits
/// longer is known.
const PROMPT_BACK: Duration = Duration::from_secs(10);
/// Rows looked at for new senders.
const RECENT: i64 = 200;
/// Rows of a lane that a chat with more than fit has in memory: more than it may be sent
/// until the next read.
pub const CHAT_SHARE: usize = 10;

/// A pending row as a dispatcher holds it in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upcoming {
    /// Which.
    pub id: Uuid,
    /// To whom.
    pub user_id: Uuid,
    /// Begin compares it.
    pub version: i64,
    /// The contract's number.
    pub lane: i16,
    /// Whose broadcast it is.
    pub sender: i64,
    /// Whose chat it goes to.
    pub chat_id: i64,
    /// Until it is to be begun, by the database's clock; negative when late.
    pub in_us: i64,
    /// When it fell due, by the database's clock, in microseconds since 1970: whatever put it
    /// off, it goes before what its sender's chat has later.
    pub due_us: i64,
    /// It was out, uncounted, and keeps its place.
    pub back: bool,
    /// Rows that may have been read with it at most; 0: read by itself.
    pub share: i64,
}

/// Who has more due in a lane than a read holds: read apart, so that the others are seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crowded(pub Vec<(Lane, Uuid)>);

impl Crowded {
    /// Those of a lane.
    #[must_use]
    pub fn of(&self, lane: Lane) -> Vec<Uuid> {
        let of_lane = self.0.iter().filter(|(of, _)| *of == lane);
        of_lane.map(|(_, user_id)| *user_id).collect()
    }
}

/// What is read.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// Which bot.
    pub bot_id: i64,
    /// How far ahead.
    pub horizon: Duration,
    /// How far back: what was sent lies there, and as long as some transaction of somebody's
    /// may still see it, its entries in the index are walked over.
    pub back: Duration,
    /// Rows of each lane.
    pub rows: i64,
    /// Whose broadcasts.
    pub senders: &'a [i64],
    /// Who is read apart.
    pub crowded: &'a Crowded,
}

/// Who has broadcasts waiting, at most [`MAX_SENDERS`] after this one: fewer are the last.
///
/// # Errors
///
/// When the database fails.
pub async fn list_senders(
    conn: &mut PgConnection,
    bot_id: i64,
    after: i64,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"WITH RECURSIVE senders AS (
               (SELECT n.sender, 1 AS place FROM notify.notifications n
                WHERE n.bot_id = $1 AND n.state = 'pending' AND n.lane = 4 AND n.sender > $2
                ORDER BY n.sender LIMIT 1)
               UNION ALL
               SELECT later.sender, s.place + 1
               FROM senders s
               CROSS JOIN LATERAL (
                   SELECT n.sender FROM notify.notifications n
                   WHERE n.bot_id = $1 AND n.state = 'pending' AND n.lane = 4
                     AND n.sender > s.sender
                   ORDER BY n.sender LIMIT 1
               ) later
               WHERE s.place < $3
           )
           SELECT sender AS "sender!" FROM senders"#,
        bot_id,
        after,
        i32::try_from(MAX_SENDERS).unwrap_or(i32::MAX),
    )
    .fetch_all(conn)
    .await
}

/// Who has broadcasts due last within a window of time: a sender that nothing waited for
/// when [`list_senders`] looked.
///
/// # Errors
///
/// When the database fails.
pub async fn list_recent_senders(
    conn: &mut PgConnection,
    bot_id: i64,
    back: Duration,
    horizon: Duration,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT DISTINCT last.sender FROM (
             SELECT n.sender FROM notify.notifications n
             WHERE n.bot_id = $1 AND n.lane = 4 AND n.state = 'pending'
               AND n.next_at BETWEEN now() - $2 * interval '1 second'
                                 AND now() + $3 * interval '1 second'
             ORDER BY n.next_at DESC LIMIT $4
         ) last",
        bot_id,
        back.as_secs_f64(),
        horizon.as_secs_f64(),
        RECENT,
    )
    .fetch_all(conn)
    .await
}

/// The next rows of a bot; none while sending is off. Broadcasts are read sender by sender,
/// each with the same share.
///
/// # Errors
///
/// When the database fails.
pub async fn list_upcoming(
    conn: &mut PgConnection,
    window: Window<'_>,
) -> sqlx::Result<Vec<Upcoming>> {
    let (lanes, users): (Vec<_>, Vec<_>) = window
        .crowded
        .0
        .iter()
        .map(|(lane, user_id)| (lane.number(), *user_id))
        .unzip();
    let senders = window.senders;
    let share = window.rows / i64::try_from(senders.len().max(1)).unwrap_or(i64::MAX);
    let share = share.max(1);
    sqlx::query_as!(
        Upcoming,
        r#"WITH upcoming AS (
               (SELECT n.id, n.user_id, n.version, n.lane, n.sender, n.next_at, n.due_at,
                       n.returned > 0 AND n.counted = 0 AS back, $3::bigint AS share
                FROM notify.notifications n
                WHERE n.bot_id = $1 AND n.lane = 2 AND n.state = 'pending'
                  AND n.next_at BETWEEN now() - $12 * interval '1 second'
                                     AND now() + $2 * interval '1 second'
                  AND n.expires_at > now()
                  AND n.user_id <> ALL ($5::uuid[])
                ORDER BY n.next_at LIMIT $3)
               UNION ALL
               (SELECT n.id, n.user_id, n.version, n.lane, n.sender, n.next_at, n.due_at,
                       n.returned > 0 AND n.counted = 0, $3
                FROM notify.notifications n
                WHERE n.bot_id = $1 AND n.lane = 3 AND n.state = 'pending'
                  AND n.next_at BETWEEN now() - $12 * interval '1 second'
                                     AND now() + $2 * interval '1 second'
                  AND n.expires_at > now()
                  AND n.user_id <> ALL ($6::uuid[])
                ORDER BY n.next_at LIMIT $3)
               UNION ALL
               SELECT of_sender.*
               FROM unnest($4::bigint[]) AS senders (sender)
               CROSS JOIN LATERAL (
                   SELECT n.id, n.user_id, n.version, n.lane, n.sender, n.next_at, n.due_at,
                          n.returned > 0 AND n.counted = 0, $10::bigint
                   FROM notify.notifications n
                   WHERE n.bot_id = $1 AND n.lane = 4 AND n.state = 'pending'
                     AND n.sender = senders.sender
                     AND n.next_at BETWEEN now() - $12 * interval '1 second'
                                     AND now() + $2 * interval '1 second'
                  AND n.expires_at > now()
                     AND n.user_id <> ALL ($7::uuid[])
                   ORDER BY n.next_at LIMIT $10
               ) of_sender
               UNION ALL
               SELECT apart.*
               FROM unnest($8::smallint[], $9::uuid[]) AS crowded (lane, user_id)
               CROSS JOIN LATERAL (
                   SELECT n.id, n.user_id, n.version, n.lane, n.sender, n.next_at, n.due_at,
                          n.returned > 0 AND n.counted = 0, 0::bigint
                   FROM notify.notifications n
                   WHERE n.user_id = crowded.user_id AND n.bot_id = $1
                     AND n.lane = crowded.lane AND n.state = 'pending'
                     AND n.next_at BETWEEN now() - $12 * interval '1 second'
                                     AND now() + $2 * interval '1 second'
                  AND n.expires_at > now()
                   ORDER BY n.next_at LIMIT $11
               ) apart
           )
           SELECT u.id AS "id!", u.user_id AS "user_id!", u.version AS "version!",
                  u.lane AS "lane!", u.sender AS "sender!", r.chat_id AS "chat_id!",
                  (extract(epoch FROM u.next_at - clock_timestamp()) * 1e6)::bigint AS "in_us!",
                  (extract(epoch FROM u.due_at) * 1e6)::bigint AS "due_us!",
                  u.back AS "back!", u.share AS "share!"
           FROM upcoming u
           -- One by one: a join as a whole may read everybody.
           CROSS JOIN LATERAL (
               SELECT r.chat_id FROM notify.recipients r
               WHERE r.user_id = u.user_id AND r.bot_id = $1
                 AND r.unreachable_since IS NULL AND r.erased_at IS NULL
               LIMIT 1
           ) r
           WHERE EXISTS (SELECT FROM notify.sending WHERE enabled)"#,
        window.bot_id,
        window.horizon.as_secs_f64(),
        window.rows,
        senders,
        &window.crowded.of(Lane::Interactive),
        &window.crowded.of(Lane::Reminder),
        &window.crowded.of(Lane::Broadcast),
        &lanes,
        &users,
        share,
        i64::try_from(CHAT_SHARE).unwrap_or(i64::MAX),
        window.back.as_secs_f64(),
    )
    .fetch_all(conn)
    .await
}

/// What came into the interactive lane of a bot of late and is due, but for those who are read
/// `apart`; none while sending is off.
///
/// # Errors
///
/// When the database fails.
pub async fn list_interactive(
    conn: &mut PgConnection,
    bot_id: i64,
    horizon: Duration,
    apart: &[Uuid],
    rows: i64,
) -> sqlx::Result<Vec<Upcoming>> {
    sqlx::query_as!(
        Upcoming,
        r#"SELECT u.id AS "id!", u.user_id AS "user_id!", u.version AS "version!",
                  u.lane AS "lane!", u.sender AS "sender!", r.chat_id AS "chat_id!",
                  (extract(epoch FROM u.next_at - clock_timestamp()) * 1e6)::bigint AS "in_us!",
                  (extract(epoch FROM u.due_at) * 1e6)::bigint AS "due_us!",
                  u.returned > 0 AND u.counted = 0 AS "back!", $4::bigint AS "share!"
           FROM (
               SELECT n.id, n.user_id, n.version, n.lane, n.sender, n.next_at, n.due_at,
                      n.returned, n.counted
               FROM notify.notifications n
               WHERE n.bot_id = $1 AND n.lane = 2 AND n.state = 'pending'
                 AND n.next_at BETWEEN now() - $5 * interval '1 second'
                                    AND now() + $2 * interval '1 second'
                 AND n.expires_at > now()
                 AND n.user_id <> ALL ($3::uuid[])
               ORDER BY n.next_at LIMIT $4
           ) u
           CROSS JOIN LATERAL (
               SELECT r.chat_id FROM notify.recipients r
               WHERE r.user_id = u.user_id AND r.bot_id = $1
                 AND r.unreachable_since IS NULL AND r.erased_at IS NULL
               LIMIT 1
           ) r
           WHERE EXISTS (SELECT FROM notify.sending WHERE enabled)"#,
        bot_id,
        horizon.as_secs_f64(),
        apart,
        rows,
        PROMPT_BACK.as_secs_f64(),
    )
    .fetch_all(conn)
    .await
}
