//! How much waits: counted by every replica, which reads only what is due or in flight.

use std::{collections::HashMap, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::{QUEUE, lane};
use crate::{
    App,
    notifications::{Lane, states::State},
};

/// How often.
const EVERY: Duration = Duration::from_secs(5);

/// Counts until stopping begins; what fails is counted the next time.
pub async fn run(app: App) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = app.shutdown.stopping() => return,
            _ = ticks.tick() => {}
        }
        match count(&app).await {
            Ok(counted) => show(&counted),
            Err(error) => tracing::debug!(%error, "the queue cannot be counted"),
        }
    }
}

type Counted = HashMap<(Lane, State), i64>;

fn show(counted: &Counted) {
    for of in Lane::ALL {
        for state in [State::Pending, State::Sending, State::Uncertain] {
            let rows = counted.get(&(of, state)).copied().unwrap_or_default();
            let rows = u32::try_from(rows).unwrap_or(u32::MAX);
            QUEUE.set(rows, [lane(of), state.as_str()]);
        }
    }
}

async fn count(app: &App) -> sqlx::Result<Counted> {
    let mut conn = app.pool.acquire().await?;
    let rows = sqlx::query!(
        r#"WITH RECURSIVE bots AS (
               SELECT min(bot_id) AS bot_id FROM notify.notifications WHERE state = 'pending'
               UNION ALL
               SELECT (SELECT min(n.bot_id) FROM notify.notifications n
                       WHERE n.state = 'pending' AND n.bot_id > b.bot_id)
               FROM bots b WHERE b.bot_id IS NOT NULL
           )
           SELECT l.lane AS "lane!", 'pending' AS "state!: State",
                  (SELECT coalesce(sum(due.rows), 0)::bigint
                   FROM bots b
                   CROSS JOIN LATERAL (
                       SELECT count(*) AS rows FROM notify.notifications n
                       WHERE n.bot_id = b.bot_id AND n.lane = l.lane AND n.state = 'pending'
                         AND n.next_at <= now()) due) AS "rows!"
           FROM (VALUES (2::smallint), (3::smallint), (4::smallint)) AS l (lane)
           UNION ALL
           SELECT lane, 'sending', count(*) FROM notify.notifications
           WHERE state = 'sending' GROUP BY lane
           UNION ALL
           SELECT lane, 'uncertain', count(*) FROM notify.notifications
           WHERE state = 'uncertain' GROUP BY lane"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let counted = rows.into_iter().filter_map(|row| {
        let lane = Lane::parse(i32::from(row.lane))?;
        Some(((lane, row.state), row.rows))
    });
    Ok(counted.collect())
}
