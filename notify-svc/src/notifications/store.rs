//! Tables `notify.notifications` (hot) and `notify.notification_details` (cold):
//! accepting, seeing, and every edge of the state machine but Begin.

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Kind,
    requests::{self, NewNotification},
    states::{self, Backoff, Change, Event, Standing, State, UncertainPolicy},
};

/// A notification as clients see it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which.
    pub id: Uuid,
    /// To whom.
    pub user_id: Uuid,
    /// Where it stands.
    pub state: State,
    /// In which lane; the contract's number.
    pub lane: i16,
    /// When it is to be sent.
    pub due_at: jiff_sqlx::Timestamp,
    /// When it is pointless to begin.
    pub expires_at: jiff_sqlx::Timestamp,
    /// How often it was begun.
    pub attempt_no: i32,
    /// How often Telegram refused it.
    pub counted: i16,
    /// A second copy was allowed.
    pub resent: bool,
    /// Cancelled too late to be sure.
    pub stop: bool,
    /// When it reached its state.
    pub state_at: jiff_sqlx::Timestamp,
    /// What it tells.
    pub kind: Kind,
    /// Telegram's id of the message.
    pub telegram_message_id: Option<i64>,
    /// Why it failed.
    pub failure: String,
    /// When it was accepted.
    pub created_at: jiff_sqlx::Timestamp,
}

/// Who made a notification: a caller, on behalf of one of its clients or itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creator {
    /// The caller's name.
    pub caller: String,
    /// Its client; empty: the caller itself.
    pub client: String,
}

/// Who asks to see notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// A person: what is addressed to them.
    Person(Uuid),
    /// A client: what it created.
    Creator(Creator),
}

/// What an earlier request with the same id left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// The notification it made.
    pub id: Uuid,
    /// Whether it asked for the same.
    pub same_body: bool,
}

/// The notification made by an earlier request with this id, if any.
///
/// # Errors
///
/// When the database fails.
pub async fn find_request(
    conn: &mut PgConnection,
    creator: &Creator,
    request_id: Uuid,
    body_hash: &[u8],
) -> sqlx::Result<Option<Earlier>> {
    sqlx::query_as!(
        Earlier,
        r#"SELECT notification_id AS id, body_hash = $4 AS "same_body!"
           FROM notify.notification_details
           WHERE caller = $1 AND client = $2 AND request_id = $3"#,
        creator.caller,
        creator.client,
        request_id,
        body_hash,
    )
    .fetch_optional(conn)
    .await
}

/// Accepts a custom notification; `None` when its request id was used meanwhile.
///
/// # Errors
///
/// When the database fails.
pub async fn insert(
    conn: &mut PgConnection,
    new: &NewNotification,
    user_id: Uuid,
    traceparent: &str,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        r#"WITH accepted AS (
               INSERT INTO notify.notification_details
                   (notification_id, kind, content, caller, client, request_id, body_hash,
                    uncertain_policy, traceparent)
               VALUES ($1, 'custom', $2, $3, $4, $5, $6, $7, $8)
               ON CONFLICT (caller, client, request_id) DO NOTHING
               RETURNING notification_id
           )
           INSERT INTO notify.notifications
               (id, user_id, bot_id, lane, due_at, next_at, expires_at, sender, webhook)
           SELECT a.notification_id, r.user_id, r.bot_id, 4, t.due_at, t.due_at,
                  -- It may have passed on the way here.
                  greatest(coalesce($11::timestamptz, t.due_at + interval '24 hours'),
                           t.due_at + interval '1 microsecond'), $12, $13
           FROM accepted a
           JOIN notify.recipients r ON r.user_id = $9
           CROSS JOIN (SELECT coalesce($10::timestamptz, clock_timestamp()) AS due_at) t
           RETURNING id"#,
        Uuid::new_v4(),
        new.content,
        new.creator.caller,
        new.creator.client,
        new.request_id,
        new.body_hash,
        new.policy as UncertainPolicy,
        traceparent,
        user_id,
        new.due_at.map(jiff_sqlx::Timestamp::from) as _,
        new.expires_at.map(jiff_sqlx::Timestamp::from) as _,
        requests::sender(&new.creator),
        new.webhook.is_some(),
    )
    .fetch_optional(conn)
    .await
}

/// A notification, if this viewer may see it.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    id: Uuid,
    viewer: &Viewer,
) -> sqlx::Result<Option<Seen>> {
    let (person, caller, client) = match viewer {
        Viewer::Person(id) => (Some(*id), "", ""),
        Viewer::Creator(creator) => (None, creator.caller.as_str(), creator.client.as_str()),
    };
    sqlx::query_as!(
        Seen,
        r#"SELECT n.id, n.user_id, n.state AS "state: State", n.lane, n.due_at, n.expires_at,
                  n.attempt_no, n.counted, n.resent, n.stop, n.state_at,
                  d.kind AS "kind: Kind", d.telegram_message_id, d.failure, d.created_at
           FROM notify.notifications n
           JOIN notify.notification_details d ON d.notification_id = n.id
           WHERE n.id = $1
             AND CASE WHEN $2::uuid IS NULL THEN d.caller = $3 AND d.client = $4
                      ELSE n.user_id = $2 END"#,
        id,
        person,
        caller,
        client,
    )
    .fetch_optional(conn)
    .await
}

/// Which rows of a list a page holds.
#[derive(Debug)]
pub struct Page {
    /// Empty: every state.
    pub states: Vec<String>,
    /// Due time and id of the last row of the page before.
    pub after: Option<(Timestamp, Uuid)>,
    /// At most so many.
    pub limit: i64,
}

impl Page {
    fn after(&self) -> (Option<jiff_sqlx::Timestamp>, Option<Uuid>) {
        self.after.map(|(time, id)| (time.into(), id)).unzip()
    }
}

/// One page of what a viewer may see, the latest due first.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    viewer: &Viewer,
    page: &Page,
) -> sqlx::Result<Vec<Seen>> {
    // Two statements, so that each has its index.
    match viewer {
        Viewer::Person(person) => list_addressed(conn, *person, page).await,
        Viewer::Creator(creator) => list_created(conn, creator, page).await,
    }
}

async fn list_addressed(
    conn: &mut PgConnection,
    person: Uuid,
    page: &Page,
) -> sqlx::Result<Vec<Seen>> {
    let (after_time, after_id) = page.after();
    sqlx::query_as!(
        Seen,
        r#"SELECT n.id, n.user_id, n.state AS "state: State", n.lane, n.due_at, n.expires_at,
                  n.attempt_no, n.counted, n.resent, n.stop, n.state_at,
                  d.kind AS "kind: Kind", d.telegram_message_id, d.failure, d.created_at
           FROM notify.notifications n
           JOIN notify.notification_details d ON d.notification_id = n.id
           WHERE n.user_id = $1
             AND (cardinality($2::text[]) = 0 OR n.state = ANY ($2))
             AND ($3::timestamptz IS NULL OR (n.due_at, n.id) < ($3, $4))
           ORDER BY n.due_at DESC, n.id DESC
           LIMIT $5"#,
        person,
        &page.states,
        after_time as _,
        after_id,
        page.limit,
    )
    .fetch_all(conn)
    .await
}

async fn list_created(
    conn: &mut PgConnection,
    creator: &Creator,
    page: &Page,
) -> sqlx::Result<Vec<Seen>> {
    let (after_time, after_id) = page.after();
    sqlx::query_as!(
        Seen,
        r#"SELECT n.id, n.user_id, n.state AS "state: State", n.lane, n.due_at, n.expires_at,
                  n.attempt_no, n.counted, n.resent, n.stop, n.state_at,
                  d.kind AS "kind: Kind", d.telegram_message_id, d.failure, d.created_at
           FROM notify.notification_details d
           JOIN notify.notifications n ON n.id = d.notification_id
           WHERE d.caller = $1 AND d.client = $2 AND d.lesson_id IS NULL
             AND (cardinality($3::text[]) = 0 OR n.state = ANY ($3))
             AND ($4::timestamptz IS NULL OR (n.due_at, n.id) < ($4, $5))
           ORDER BY n.due_at DESC, n.id DESC
           LIMIT $6"#,
        creator.caller,
        creator.client,
        &page.states,
        after_time as _,
        after_id,
        page.limit,
    )
    .fetch_all(conn)
    .await
}

/// A row locked for an edge.
#[derive(Debug, Clone)]
pub struct Locked {
    /// Which.
    pub id: Uuid,
    /// To whom.
    pub user_id: Uuid,
    /// Whose bot sends it.
    pub bot_id: Option<i64>,
    /// When it was begun last.
    pub begun_at: Option<Timestamp>,
    /// What the edge depends on.
    pub standing: Standing,
    pub(crate) version: i64,
}

/// Locks rows in the order everyone locks them in.
///
/// # Errors
///
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Locked>> {
    let rows = sqlx::query!(
        r#"SELECT n.id, n.user_id, n.bot_id, n.begun_at, n.version, n.state AS "state: State",
                  n.attempt_no, n.counted, n.returned, n.resent, n.stop, n.plain,
                  d.uncertain_policy AS "policy: UncertainPolicy",
                  -- A message's id before its end: of a copy that is not the one out.
                  d.telegram_message_id IS NOT NULL AS "proved!",
                  n.expires_at <= clock_timestamp() AS "expired!"
           FROM notify.notifications n
           JOIN notify.notification_details d ON d.notification_id = n.id
           WHERE n.id = ANY ($1)
           ORDER BY n.id
           FOR UPDATE OF n"#,
        ids,
    )
    .fetch_all(conn)
    .await?;
    let locked = rows.into_iter().map(|row| Locked {
        id: row.id,
        user_id: row.user_id,
        bot_id: row.bot_id,
        begun_at: row.begun_at.map(jiff_sqlx::Timestamp::to_jiff),
        version: row.version,
        standing: Standing {
            state: row.state,
            attempt_no: row.attempt_no,
            counted: row.counted,
            returned: row.returned,
            resent: row.resent,
            stop: row.stop,
            policy: row.policy,
            expired: row.expired,
            plain: row.plain,
            proved: row.proved,
        },
    });
    Ok(locked.collect())
}

/// An edge to be taken by a locked row.
#[derive(Debug, Clone)]
pub struct Step {
    /// The row as it was locked.
    pub row: Locked,
    /// What the state machine said.
    pub change: Change,
    /// Telegram's id of the message, where the edge leads to `sent`.
    pub message_id: Option<i64>,
}

/// Compares and sets all steps at once; a planned row that is cancelled unsent gives
/// its key up.
///
/// # Errors
///
/// When the database fails.
pub async fn write(conn: &mut PgConnection, steps: &[Step]) -> sqlx::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(steps);
    sqlx::query!(
        r#"WITH steps AS MATERIALIZED (
               SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::smallint[],
                                    $5::smallint[], $6::bool[], $7::bool[], $8::bigint[],
                                    $9::bigint[], $10::text[], $11::bool[])
                   AS s (id, version, state, counted, returned, resent, stop, wait_us,
                         message_id, failure, plain)
           ), hot AS (
               UPDATE notify.notifications n
               SET state = s.state, counted = s.counted, returned = s.returned,
                   resent = s.resent, stop = s.stop, plain = s.plain, version = n.version + 1,
                   -- Meanwhile the person may have moved to another bot.
                   bot_id = CASE WHEN s.state = 'pending' THEN r.bot_id ELSE n.bot_id END,
                   next_at = CASE WHEN s.wait_us IS NULL THEN n.next_at
                             ELSE greatest(n.due_at,
                                  clock_timestamp() + s.wait_us * interval '1 microsecond') END,
                   state_at = CASE WHEN s.state = n.state THEN n.state_at
                              ELSE clock_timestamp() END
               FROM steps s, notify.recipients r
               WHERE n.id = s.id AND n.version = s.version AND r.user_id = n.user_id
               RETURNING n.id, r.erased_at IS NOT NULL AS erased
           )
           UPDATE notify.notification_details d
           SET telegram_message_id = coalesce(s.message_id, d.telegram_message_id),
               -- Of a person who was erased meanwhile no words are kept.
               failure = CASE WHEN hot.erased THEN '' ELSE coalesce(s.failure, d.failure) END,
               plan_key = CASE WHEN s.state = 'canceled' THEN NULL ELSE d.plan_key END
           FROM steps s JOIN hot ON hot.id = s.id
           WHERE d.notification_id = s.id
             AND (s.message_id IS NOT NULL OR s.failure IS NOT NULL OR s.state = 'canceled')"#,
        &columns.ids,
        &columns.versions,
        &columns.states,
        &columns.counted,
        &columns.returned,
        &columns.resent,
        &columns.stop,
        &columns.waits_us as &[Option<i64>],
        &columns.message_ids as &[Option<i64>],
        &columns.failures as &[Option<String>],
        &columns.plain,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Steps as the arrays that one statement takes.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    versions: Vec<i64>,
    states: Vec<String>,
    counted: Vec<i16>,
    returned: Vec<i16>,
    resent: Vec<bool>,
    stop: Vec<bool>,
    waits_us: Vec<Option<i64>>,
    message_ids: Vec<Option<i64>>,
    failures: Vec<Option<String>>,
    plain: Vec<bool>,
}

impl Columns {
    fn of(steps: &[Step]) -> Self {
        let mut columns = Self::default();
        for step in steps {
            let (after, wait) = (&step.change.standing, step.change.wait);
            columns.ids.push(step.row.id);
            columns.versions.push(step.row.version);
            columns.states.push(after.state.as_str().to_owned());
            columns.counted.push(after.counted);
            columns.returned.push(after.returned);
            columns.resent.push(after.resent);
            columns.stop.push(after.stop);
            let wait_us = wait.map(|wait| i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
            columns.waits_us.push(wait_us);
            columns.message_ids.push(step.message_id);
            columns.failures.push(step.change.failure.clone());
            columns.plain.push(after.plain);
        }
        columns
    }
}

/// A row that took an edge.
#[derive(Debug, Clone)]
pub struct Advanced {
    /// Which.
    pub id: Uuid,
    /// Whose bot sends it.
    pub bot_id: Option<i64>,
    /// Where it stood.
    pub before: State,
    /// Where it stands.
    pub after: Standing,
}

/// Lets one event happen to several rows; answers those it changed.
///
/// # Errors
///
/// When the database fails.
pub async fn advance(
    conn: &mut PgConnection,
    ids: &[Uuid],
    event: &Event<'_>,
    backoff: &Backoff,
) -> sqlx::Result<Vec<Advanced>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let steps: Vec<_> = lock(conn, ids)
        .await?
        .into_iter()
        .filter_map(|row| {
            let change = states::after(&row.standing, event, backoff, jitter())?;
            Some(Step {
                row,
                change,
                message_id: None,
            })
        })
        .collect();
    write(conn, &steps).await?;
    Ok(steps
        .into_iter()
        .map(|step| Advanced {
            id: step.row.id,
            bot_id: step.row.bot_id,
            before: step.row.standing.state,
            after: step.change.standing,
        })
        .collect())
}

/// A random fraction, so that rows that fail together do not come back together.
#[must_use]
pub fn jitter() -> f64 {
    let (high, _) = Uuid::new_v4().as_u64_pair();
    f64::from(u32::try_from(high >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
