//! Forgetting a person: what was addressed to them, and that it was.

use sqlx::PgConnection;
use uuid::Uuid;

use super::store;
use crate::{
    App,
    errors::Error,
    notifications::{
        states::{Event, State},
        store as queue,
    },
};

/// Forgets a person, known or not; answers how many pending notifications it cancelled.
/// What is being sent cannot be taken back, but nothing begins it again.
///
/// # Errors
///
/// When the database fails.
pub async fn erase(app: &App, user_id: Uuid, version: i64) -> Result<usize, Error> {
    let mut tx = app.pool.begin().await?;
    // A stub too: what comes later of somebody never heard of must not revive them.
    let stored = store::lock(&mut tx, &[user_id]).await?;
    if stored.iter().all(|stored| stored.erased) {
        tx.commit().await?;
        return Ok(0);
    }
    forget_lessons(&mut tx, user_id).await?;
    let open = list_open(&mut tx, user_id).await?;
    let backoff = &app.pace.backoff;
    let changed = queue::advance(&mut tx, &open, &Event::Cancel, backoff).await?;
    forget_words(&mut tx, user_id).await?;
    store::erase(&mut tx, user_id, version).await?;
    tx.commit().await?;
    let canceled = changed
        .iter()
        .filter(|row| row.before == State::Pending)
        .count();
    tracing::info!(%user_id, canceled, "recipient erased");
    Ok(canceled)
}

async fn list_open(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT id FROM notify.notifications
         WHERE user_id = $1 AND state IN ('pending', 'sending', 'uncertain')
         ORDER BY id",
        user_id,
    )
    .fetch_all(conn)
    .await
}

/// What is known of lessons that are over: nothing is planned for them any more, and
/// their snapshots may hold words of this person. That they were stays, so that an old
/// snapshot does not bring them back.
async fn forget_lessons(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE notify.lessons l SET snapshot = ''
         FROM notify.lesson_participants p
         WHERE p.user_id = $1 AND l.lesson_id = p.lesson_id AND l.end_at <= now()",
        user_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Everything that was written to a person, what they gave others as reasons, and what was said about the writing.
async fn forget_words(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE notify.notification_details d SET content = '', failure = ''
         FROM notify.notifications n
         WHERE n.user_id = $1 AND d.notification_id = n.id",
        user_id,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE notify.notification_details d SET content = ''
         FROM notify.lesson_participants p, notify.notifications n
         WHERE p.user_id = $1 AND d.lesson_id = p.lesson_id AND d.counterpart_id = $1
           AND d.kind IN ('canceled', 'declined') AND n.id = d.notification_id
           AND n.state NOT IN ('pending', 'sending', 'uncertain')",
        user_id,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE notify.attempts a SET detail = ''
         FROM notify.notifications n
         WHERE n.user_id = $1 AND a.notification_id = n.id AND a.detail <> ''",
        user_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}
