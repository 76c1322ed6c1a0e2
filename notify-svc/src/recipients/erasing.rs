//! Forgetting a person: what was addressed to them, and that it was.

use olm_proto::notify::v1::{Content, LessonRole, LessonSnapshot, SeriesSnapshot, content};
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::store;
use crate::{
    App,
    errors::Error,
    lesson_plans,
    notifications::{
        states::{Event, State},
        store as queue,
    },
    series_plans,
};

/// Notices read at once.
const NOTICES: i64 = 500;

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
    forget_series(&mut tx, user_id).await?;
    let open = list_open(&mut tx, user_id).await?;
    let backoff = &app.pace.backoff;
    let changed = queue::advance(&mut tx, &open, &Event::Cancel, backoff).await?;
    forget_words(&mut tx, user_id).await?;
    forget_notices(&mut tx, user_id).await?;
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

/// What the snapshots of their lessons hold of this person; all of those that are over,
/// for nothing is planned for them any more. That they were stays, so that an old
/// snapshot does not bring them back.
async fn forget_lessons(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE notify.lessons l SET snapshot = ''
         FROM notify.lesson_participants p
         WHERE p.user_id = $1 AND l.lesson_id = p.lesson_id AND l.end_at <= now()",
        user_id,
    )
    .execute(&mut *conn)
    .await?;
    let ahead = sqlx::query!(
        "SELECT l.lesson_id, l.snapshot FROM notify.lessons l
         JOIN notify.lesson_participants p ON p.lesson_id = l.lesson_id
         WHERE p.user_id = $1 AND l.end_at > now()
         ORDER BY l.lesson_id
         FOR NO KEY UPDATE OF l",
        user_id,
    )
    .fetch_all(&mut *conn)
    .await?;
    let (mut ids, mut snapshots) = (Vec::new(), Vec::new());
    for row in ahead {
        // Nothing can be planned by what cannot be read.
        let mut wire = LessonSnapshot::decode(row.snapshot.as_slice()).unwrap_or_default();
        lesson_plans::forget(&mut wire, |id| id == user_id);
        ids.push(row.lesson_id);
        snapshots.push(wire.encode_to_vec());
    }
    sqlx::query!(
        "UPDATE notify.lessons l SET snapshot = f.snapshot
         FROM unnest($1::uuid[], $2::bytea[]) AS f (lesson_id, snapshot)
         WHERE l.lesson_id = f.lesson_id",
        &ids,
        &snapshots,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What the snapshots of series that they are or were in hold of this person.
async fn forget_series(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    let theirs = sqlx::query!(
        "SELECT s.series_id, s.snapshot FROM notify.series s
         JOIN notify.series_participants p ON p.series_id = s.series_id
         WHERE p.user_id = $1
         ORDER BY s.series_id
         FOR NO KEY UPDATE OF s",
        user_id,
    )
    .fetch_all(&mut *conn)
    .await?;
    let (mut ids, mut snapshots) = (Vec::new(), Vec::new());
    for row in theirs {
        let mut wire = SeriesSnapshot::decode(row.snapshot.as_slice()).unwrap_or_default();
        series_plans::forget(&mut wire, |id| id == user_id);
        ids.push(row.series_id);
        snapshots.push(wire.encode_to_vec());
    }
    sqlx::query!(
        "UPDATE notify.series s SET snapshot = f.snapshot
         FROM unnest($1::uuid[], $2::bytea[]) AS f (series_id, snapshot)
         WHERE s.series_id = f.series_id",
        &ids,
        &snapshots,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What others are, were or will be told of this person's lessons and series keeps no word
/// of theirs; without them it is still right to send.
async fn forget_notices(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    let mut after = Uuid::nil();
    loop {
        let rows = sqlx::query!(
            "SELECT n.id, d.content, d.counterpart_id
             FROM (SELECT d.notification_id FROM notify.lesson_participants p
                   JOIN notify.notification_details d ON d.lesson_id = p.lesson_id
                   WHERE p.user_id = $1
                   UNION ALL
                   SELECT d.notification_id FROM notify.series_participants p
                   JOIN notify.notification_details d ON d.series_id = p.series_id
                   WHERE p.user_id = $1) AS theirs
             JOIN notify.notification_details d USING (notification_id)
             JOIN notify.notifications n ON n.id = d.notification_id
             WHERE n.user_id <> $1 AND n.id > $2
             ORDER BY n.id LIMIT $3
             FOR UPDATE OF n",
            user_id,
            after,
            NOTICES,
        )
        .fetch_all(&mut *conn)
        .await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        let (mut ids, mut contents) = (Vec::new(), Vec::new());
        for row in rows {
            let of_counterpart = row.counterpart_id == Some(user_id);
            if let Some(content) = without_words(&row.content, of_counterpart) {
                ids.push(row.id);
                contents.push(content);
            }
        }
        sqlx::query!(
            "UPDATE notify.notification_details d SET content = f.content
             FROM unnest($1::uuid[], $2::bytea[]) AS f (id, content)
             WHERE d.notification_id = f.id",
            &ids,
            &contents,
        )
        .execute(&mut *conn)
        .await?;
    }
}

/// A notice to somebody else without what the erased gave; `None` when that was nothing.
fn without_words(content: &[u8], of_counterpart: bool) -> Option<Vec<u8>> {
    let Ok(mut content) = Content::decode(content) else {
        return Some(Vec::new());
    };
    // Whose, by whom, and the words: a link, a group's title, a reason.
    let (reader, author, url, title, reason) = match &mut content.kind {
        Some(content::Kind::LessonNotice(notice)) => (
            notice.reader_role(),
            notice.changed_by(),
            &mut notice.meeting_url,
            &mut notice.group_title,
            &mut notice.cancel_reason,
        ),
        Some(content::Kind::SeriesNotice(notice)) => (
            notice.reader_role(),
            notice.changed_by(),
            &mut notice.meeting_url,
            &mut notice.group_title,
            &mut notice.cancel_reason,
        ),
        Some(content::Kind::CustomText(_)) | None => return None,
    };
    // A student's counterpart is the teacher; whoever else takes part is a student.
    let taught = of_counterpart && reader == LessonRole::Student;
    let gave_reason = match author {
        LessonRole::Teacher => taught,
        LessonRole::Student => !taught,
        LessonRole::Admin | LessonRole::Unspecified => false,
    };
    let said = |word: &String, theirs: bool| theirs && !word.is_empty();
    if !said(url, taught) && !said(title, taught) && !said(reason, gave_reason) {
        return None;
    }
    if taught {
        url.clear();
        title.clear();
    }
    if gave_reason {
        reason.clear();
    }
    Some(content.encode_to_vec())
}

/// Everything that was written to a person, and what was said about the writing.
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
        "UPDATE notify.attempts a SET detail = ''
         FROM notify.notifications n
         WHERE n.user_id = $1 AND a.notification_id = n.id AND a.detail <> ''",
        user_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}
