//! How many notifications were created in a window of time, and where they stand.

use jiff::Timestamp;
use olm_proto::notify::v1 as wire;
use sqlx::PgConnection;

use super::{Kind, Lane, requests, states::State, store::Creator};

/// So many of one kind, lane and state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    kind: Kind,
    lane: i16,
    state: State,
    count: i64,
}

impl Tally {
    /// In the contract.
    #[must_use]
    pub fn wire(&self) -> wire::NotificationCount {
        let lane = Lane::parse(i32::from(self.lane)).map_or(wire::Lane::Unspecified, Lane::wire);
        wire::NotificationCount {
            kind: self.kind.as_str().to_owned(),
            lane: lane.into(),
            state: requests::wire_state(self.state).into(),
            count: self.count,
        }
    }
}

/// Those created within a window: by a client, or with `None` by anybody.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    creator: Option<&Creator>,
    (start, end): (Timestamp, Timestamp),
) -> sqlx::Result<Vec<Tally>> {
    // Two statements, so that each has its index.
    match creator {
        Some(creator) => list_created(conn, creator, start, end).await,
        None => list_all(conn, start, end).await,
    }
}

async fn list_created(
    conn: &mut PgConnection,
    creator: &Creator,
    start: Timestamp,
    end: Timestamp,
) -> sqlx::Result<Vec<Tally>> {
    sqlx::query_as!(
        Tally,
        r#"SELECT d.kind AS "kind: Kind", n.lane, n.state AS "state: State", count(*) AS "count!"
           FROM notify.notification_details d
           JOIN notify.notifications n ON n.id = d.notification_id
           WHERE d.caller = $1 AND d.client = $2 AND d.lesson_id IS NULL
             AND d.created_at >= $3 AND d.created_at < $4
           GROUP BY d.kind, n.lane, n.state
           ORDER BY d.kind, n.lane, n.state"#,
        creator.caller,
        creator.client,
        jiff_sqlx::Timestamp::from(start) as _,
        jiff_sqlx::Timestamp::from(end) as _,
    )
    .fetch_all(conn)
    .await
}

async fn list_all(
    conn: &mut PgConnection,
    start: Timestamp,
    end: Timestamp,
) -> sqlx::Result<Vec<Tally>> {
    sqlx::query_as!(
        Tally,
        r#"WITH alive AS (
               -- What ended before the window was created before it: by the index of ends.
               SELECT id, lane, state FROM notify.notifications
               WHERE state NOT IN ('pending', 'sending', 'uncertain') AND state_at >= $1
               UNION ALL
               SELECT id, lane, state FROM notify.notifications WHERE state = 'pending'
               UNION ALL
               SELECT id, lane, state FROM notify.notifications WHERE state = 'sending'
               UNION ALL
               SELECT id, lane, state FROM notify.notifications WHERE state = 'uncertain'
           )
           SELECT d.kind AS "kind: Kind", a.lane AS "lane!", a.state AS "state!: State",
                  count(*) AS "count!"
           FROM alive a
           JOIN notify.notification_details d ON d.notification_id = a.id
           WHERE d.created_at >= $1 AND d.created_at < $2
           GROUP BY d.kind, a.lane, a.state
           ORDER BY d.kind, a.lane, a.state"#,
        jiff_sqlx::Timestamp::from(start) as _,
        jiff_sqlx::Timestamp::from(end) as _,
    )
    .fetch_all(conn)
    .await
}
