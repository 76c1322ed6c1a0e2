//! Tables `notify.lessons` and `notify.lesson_participants`, and the reconciliation of
//! planned notifications with the plan.

use std::collections::BTreeMap;

use jiff::Timestamp;
use olm_proto::notify::v1::LessonSnapshot;
use prost::Message as _;
use service_kit::status::Violations;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Snapshot,
    planner::{self, Due, Key, Planned, Reader, Told},
};
use crate::{
    errors::Error,
    notifications::{
        states::{Backoff, Event, State},
        store as queue,
    },
    recipients::{Recipient, store::Stored},
};

/// What a plan is made under.
#[derive(Debug)]
pub struct Planning<'a> {
    /// For leads that are past.
    pub now: Timestamp,
    /// Of the state machine.
    pub backoff: &'a Backoff,
    /// The trace that new rows continue.
    pub traceparent: &'a str,
}

/// What a reconciliation changed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// Rows accepted.
    pub accepted: Vec<(Uuid, Key)>,
    /// Rows no longer wanted: cancelled, or stopped where sending had begun.
    pub dropped: Vec<Uuid>,
    /// Rows whose time or content changed.
    pub changed: Vec<Uuid>,
}

impl Reconciled {
    /// One line per row: ids and kinds, never names or texts.
    pub fn log(&self, snapshot: &Snapshot) {
        for (id, key) in &self.accepted {
            let (lesson_id, kind) = (snapshot.lesson_id, key.kind.as_str());
            tracing::info!(notification_id = %id, %lesson_id, kind, "notification accepted");
        }
        for id in &self.dropped {
            let lesson_id = snapshot.lesson_id;
            tracing::info!(notification_id = %id, %lesson_id, "notification dropped by its plan");
        }
    }
}

/// Stores a snapshot and who takes part, unless one as new is there: then its version.
/// The people must be locked.
///
/// # Errors
///
/// When the database fails.
pub async fn put(
    conn: &mut PgConnection,
    snapshot: &Snapshot,
    bytes: &[u8],
) -> sqlx::Result<Option<i64>> {
    let done = sqlx::query!(
        "INSERT INTO notify.lessons AS l (lesson_id, version, start_at, end_at, snapshot)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (lesson_id) DO UPDATE
         SET version = excluded.version, start_at = excluded.start_at, end_at = excluded.end_at,
             snapshot = excluded.snapshot, updated_at = clock_timestamp()
         WHERE l.version < excluded.version",
        snapshot.lesson_id,
        snapshot.version,
        jiff_sqlx::Timestamp::from(snapshot.start) as _,
        jiff_sqlx::Timestamp::from(snapshot.end) as _,
        bytes,
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        let stored = sqlx::query_scalar!(
            "SELECT version FROM notify.lessons WHERE lesson_id = $1",
            snapshot.lesson_id
        );
        return stored.fetch_one(conn).await.map(Some);
    }
    sqlx::query!(
        "WITH gone AS (
             DELETE FROM notify.lesson_participants
             WHERE lesson_id = $1 AND user_id <> ALL ($2)
         )
         INSERT INTO notify.lesson_participants (user_id, lesson_id)
         SELECT user_id, $1 FROM unnest($2::uuid[]) AS people (user_id)
         ON CONFLICT (user_id, lesson_id) DO NOTHING",
        snapshot.lesson_id,
        &snapshot.people(),
    )
    .execute(conn)
    .await?;
    Ok(None)
}

/// Plans the coming lessons of a locked person anew, for that person only.
///
/// # Errors
///
/// When the database fails or a stored snapshot cannot be read.
pub async fn replan_person(
    conn: &mut PgConnection,
    recipient: &Recipient,
    now: Timestamp,
    backoff: &Backoff,
) -> Result<(), Error> {
    let lessons = sqlx::query_scalar!(
        "SELECT l.snapshot FROM notify.lessons l
         JOIN notify.lesson_participants p ON p.lesson_id = l.lesson_id
         WHERE p.user_id = $1 AND l.end_at > now()
         ORDER BY l.lesson_id
         FOR UPDATE OF l",
        recipient.user_id,
    )
    .fetch_all(&mut *conn)
    .await?;
    let person = [Stored {
        recipient: recipient.clone(),
        reachable: true,
        erased: false,
    }];
    for bytes in lessons {
        let wire = LessonSnapshot::decode(bytes.as_slice()).map_err(Error::stored)?;
        let mut violations = Violations::default();
        let snapshot = Snapshot::parse(&wire, &mut violations);
        if !violations.is_empty() {
            return Err(Error::stored("a stored snapshot is not valid"));
        }
        let planning = Planning {
            now,
            backoff,
            traceparent: &service_kit::telemetry::traceparent(),
        };
        let only = Some(recipient.user_id);
        let plan = replan(conn, &snapshot, &person, only, &planning).await?;
        plan.log(&snapshot);
    }
    Ok(())
}

/// Makes the rows of a lesson what the plan says: `people` are locked; with `only`,
/// nobody else's rows are touched.
///
/// # Errors
///
/// When the database fails or a stored key cannot be read.
pub async fn replan(
    conn: &mut PgConnection,
    snapshot: &Snapshot,
    people: &[Stored],
    only: Option<Uuid>,
    planning: &Planning<'_>,
) -> Result<Reconciled, Error> {
    let existing = lock_told(conn, snapshot.lesson_id, only).await?;
    let told: Vec<_> = existing.values().map(|row| row.told).collect();
    let readers: Vec<_> = people
        .iter()
        .filter(|person| !person.erased)
        .map(|person| Reader {
            user_id: person.recipient.user_id,
            leads: person.recipient.leads.clone(),
        })
        .collect();
    let planned = planner::plan(snapshot, &readers, &told, planning.now);
    let mut reconciled = Reconciled::default();
    for row in &planned {
        match existing.get(&row.key) {
            None => {
                let id = insert(conn, snapshot.lesson_id, row, planning).await?;
                reconciled.accepted.extend(id.map(|id| (id, row.key)));
            }
            Some(existing) if existing.told.state == State::Pending => {
                if update(conn, existing.id, row).await? {
                    reconciled.changed.push(existing.id);
                }
            }
            Some(_) => {}
        }
    }
    let unwanted: Vec<_> = existing
        .values()
        .filter(|row| planned.iter().all(|planned| planned.key != row.told.key))
        .map(|row| row.id)
        .collect();
    let dropped = queue::advance(conn, &unwanted, &Event::Cancel, planning.backoff).await?;
    reconciled.dropped = dropped.into_iter().map(|row| row.id).collect();
    Ok(reconciled)
}

struct Existing {
    id: Uuid,
    told: Told,
}

/// What was told, locked, so that nothing of it begins while the plan is made.
async fn lock_told(
    conn: &mut PgConnection,
    lesson_id: Uuid,
    only: Option<Uuid>,
) -> Result<BTreeMap<Key, Existing>, Error> {
    let rows = sqlx::query!(
        r#"SELECT n.id, n.user_id, n.state AS "state: State", n.resent, d.plan_key AS "plan_key!"
           FROM notify.notifications n
           JOIN notify.notification_details d ON d.notification_id = n.id
           WHERE d.lesson_id = $1 AND d.plan_key IS NOT NULL
             AND ($2::uuid IS NULL OR n.user_id = $2)
           ORDER BY n.id
           FOR UPDATE OF n"#,
        lesson_id,
        only,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let key: Key = row.plan_key.parse().map_err(Error::stored)?;
            let told = Told {
                key,
                user_id: row.user_id,
                state: row.state,
                resent: row.resent,
            };
            Ok((key, Existing { id: row.id, told }))
        })
        .collect()
}

/// Accepts a planned row; `None` when its key is taken: it was told before.
async fn insert(
    conn: &mut PgConnection,
    lesson_id: Uuid,
    planned: &Planned,
    planning: &Planning<'_>,
) -> sqlx::Result<Option<Uuid>> {
    let due_at = match planned.due {
        Due::AtOnce => None,
        Due::At(at) => Some(jiff_sqlx::Timestamp::from(at)),
    };
    sqlx::query_scalar!(
        r#"WITH accepted AS (
               INSERT INTO notify.notification_details
                   (notification_id, kind, content, counterpart_id, lesson_id, plan_key,
                    caller, traceparent)
               VALUES ($1, $2, $3, $4, $5, $6, 'lesson-svc', $7)
               ON CONFLICT (plan_key) DO NOTHING
               RETURNING notification_id
           )
           INSERT INTO notify.notifications
               (id, user_id, bot_id, lane, due_at, next_at, expires_at)
           SELECT a.notification_id, r.user_id, r.bot_id, $9, t.due_at, t.due_at,
                  coalesce($11::timestamptz, t.due_at + interval '24 hours')
           FROM accepted a
           JOIN notify.recipients r ON r.user_id = $8
           CROSS JOIN (SELECT coalesce($10::timestamptz, clock_timestamp()) AS due_at) t
           RETURNING id"#,
        Uuid::new_v4(),
        planned.key.kind.as_str(),
        planned.content.encode_to_vec(),
        planned.counterpart_id,
        lesson_id,
        planned.key.to_string(),
        planning.traceparent,
        planned.user_id,
        planned.lane.number(),
        due_at as _,
        planned.expires_at.map(jiff_sqlx::Timestamp::from) as _,
    )
    .fetch_optional(conn)
    .await
}

/// Gives a locked pending row its present time and content; false when it has them.
async fn update(conn: &mut PgConnection, id: Uuid, planned: &Planned) -> sqlx::Result<bool> {
    let content = sqlx::query!(
        "UPDATE notify.notification_details SET content = $2, counterpart_id = $3
         WHERE notification_id = $1
           AND (content <> $2 OR counterpart_id IS DISTINCT FROM $3)",
        id,
        planned.content.encode_to_vec(),
        planned.counterpart_id,
    )
    .execute(&mut *conn)
    .await?;
    // What goes out at once is not moved by planning it again.
    let Due::At(due_at) = planned.due else {
        return Ok(content.rows_affected() > 0);
    };
    let times = sqlx::query!(
        "UPDATE notify.notifications
         SET due_at = $2, expires_at = coalesce($3, expires_at), version = version + 1,
             next_at = CASE WHEN next_at = due_at THEN $2 ELSE greatest($2, next_at) END
         WHERE id = $1 AND state = 'pending'
           AND (due_at <> $2 OR expires_at <> coalesce($3, expires_at))",
        id,
        jiff_sqlx::Timestamp::from(due_at) as _,
        planned.expires_at.map(jiff_sqlx::Timestamp::from) as _,
    )
    .execute(conn)
    .await?;
    Ok(content.rows_affected() + times.rows_affected() > 0)
}
