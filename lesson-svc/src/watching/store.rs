//! The log of changes in SQL.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Change, Kind, Position, cursor::Cursor};
use crate::{errors::Error, ids::UserId};

/// Rows of one page.
const PAGE: i64 = 500;

/// What became of the log after a position.
#[derive(Debug)]
pub struct Page {
    /// The log there is now.
    pub log: Uuid,
    /// Positions before it were forgotten.
    pub floor: Position,
    /// Everything up to here is decided: what is in it was read, nothing comes to it.
    pub until: Position,
    /// Everything that is certain was read; else there is more at once.
    pub drained: bool,
    /// Something is committed and not certain yet: to be looked for soon.
    pub unsettled: bool,
    /// In order; each thing once, at its last change.
    pub changes: Vec<Change>,
}

impl Page {
    /// Whether a watcher at that cursor missed something.
    #[must_use]
    pub fn is_past(&self, cursor: Cursor) -> bool {
        self.log != cursor.log || cursor.position < self.floor
    }
}

/// The end of what is certain now: who begins here is told everything that is not.
///
/// # Errors
///
/// When the database fails.
pub async fn head(conn: &mut PgConnection) -> Result<Cursor, Error> {
    let row = sqlx::query!(
        r#"SELECT log_id, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "xmin!"
           FROM lesson.change_log"#
    )
    .fetch_one(conn)
    .await?;
    Ok(Cursor {
        log: row.log_id,
        position: Position::below(row.xmin),
    })
}

/// The changes after a position, with whom they concern: members of groups also when they
/// left since `left_after`.
///
/// # Errors
///
/// When the database fails.
pub async fn page(
    conn: &mut PgConnection,
    after: Position,
    left_after: Timestamp,
) -> Result<Page, Error> {
    // The snapshot is answered with the rows, also with none: up to it everything was seen.
    let rows = sqlx::query!(
        r#"SELECT g.log_id, g.floor_xid::text::bigint AS "floor_xid!", g.floor_id,
               pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "xmin!",
               p.xid_number AS "xid?", p.id AS "id?", p.kind AS "kind?",
               p.entity_id AS "entity_id?", p.version AS "version?"
           FROM lesson.change_log g LEFT JOIN LATERAL (
               SELECT c.xid::text::bigint AS xid_number, c.id, c.kind, c.entity_id, c.version
               FROM lesson.changes c WHERE (c.xid, c.id) > ($1::text::xid8, $2)
               ORDER BY c.xid, c.id LIMIT $3) p ON true
           ORDER BY p.xid_number, p.id"#,
        after.xid.to_string(),
        after.id,
        PAGE,
    )
    .fetch_all(&mut *conn)
    .await?;
    let first = rows.first().ok_or(Error::Corrupt("change_log is empty"))?;
    let (log, xmin) = (first.log_id, first.xmin);
    let floor = Position {
        xid: first.floor_xid,
        id: first.floor_id,
    };
    let mut last = BTreeMap::new();
    let (mut read, mut unsettled, mut until) = (0_i64, false, after);
    for row in rows {
        let (Some(xid), Some(id), Some(kind), Some(entity), Some(version)) =
            (row.xid, row.id, row.kind, row.entity_id, row.version)
        else {
            continue;
        };
        read += 1;
        if xid >= xmin {
            unsettled = true;
            continue;
        }
        until = Position { xid, id };
        let kind = Kind::from_name(&kind).ok_or(Error::Corrupt("changes.kind"))?;
        let version = match last.get(&(kind, entity)) {
            Some((_, before)) => version.max(*before),
            None => version,
        };
        last.insert((kind, entity), (until, version));
    }
    let drained = unsettled || read < PAGE;
    if drained {
        until = until.max(Position::below(xmin));
    }
    let mut changes: Vec<_> = last
        .into_iter()
        .map(|((kind, entity), (position, version))| Change {
            position,
            kind,
            entity,
            version,
            teacher: None,
            people: Vec::new(),
        })
        .collect();
    changes.sort_by_key(|change| change.position);
    concern(conn, &mut changes, left_after).await?;
    Ok(Page {
        log,
        floor,
        until,
        drained,
        unsettled,
        changes,
    })
}

/// Whether more than so many changes are after a position.
///
/// # Errors
///
/// When the database fails.
pub async fn is_behind(conn: &mut PgConnection, after: Position, most: i64) -> Result<bool, Error> {
    let behind = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM lesson.changes c WHERE (c.xid, c.id) > ($1::text::xid8, $2)
               ORDER BY c.xid, c.id OFFSET $3 LIMIT 1) AS "behind!""#,
        after.xid.to_string(),
        after.id,
        most,
    )
    .fetch_one(conn)
    .await?;
    Ok(behind)
}

/// Fills in whom the changes concern.
async fn concern(
    conn: &mut PgConnection,
    changes: &mut [Change],
    left_after: Timestamp,
) -> Result<(), Error> {
    let of = |wanted: Kind| -> Vec<Uuid> {
        let some = changes.iter().filter(|change| change.kind == wanted);
        some.map(|change| change.entity).collect()
    };
    let (lessons, series, groups) = (of(Kind::Lesson), of(Kind::Series), of(Kind::Group));
    let mut concerned: BTreeMap<Uuid, (Option<UserId>, BTreeSet<UserId>)> = BTreeMap::new();
    if !(lessons.is_empty() && series.is_empty() && groups.is_empty()) {
        let rows = sqlx::query!(
            r#"SELECT l.id AS "entity!", l.teacher_id AS "person!", true AS "teaches!"
               FROM lesson.lessons l WHERE l.id = ANY($1)
               UNION ALL
               SELECT b.lesson_id, b.student_id, false FROM lesson.bookings b
               WHERE b.lesson_id = ANY($1)
               UNION ALL
               SELECT s.id, s.teacher_id, true FROM lesson.series s WHERE s.id = ANY($2)
               UNION ALL
               SELECT s.id, s.student_id, false FROM lesson.series s
               WHERE s.id = ANY($2) AND s.student_id IS NOT NULL
               UNION ALL
               SELECT s.id, m.student_id, false
               FROM lesson.series s JOIN lesson.group_members m ON m.group_id = s.group_id
               WHERE s.id = ANY($2) AND (m.end_time IS NULL OR m.end_time >= $4)
               UNION ALL
               SELECT g.id, g.teacher_id, true FROM lesson.groups g WHERE g.id = ANY($3)
               UNION ALL
               SELECT m.group_id, m.student_id, false FROM lesson.group_members m
               WHERE m.group_id = ANY($3) AND (m.end_time IS NULL OR m.end_time >= $4)"#,
            &lessons,
            &series,
            &groups,
            left_after.to_sqlx(),
        )
        .fetch_all(conn)
        .await?;
        for row in rows {
            let (teacher, people) = concerned.entry(row.entity).or_default();
            let person = UserId(row.person);
            if row.teaches {
                *teacher = Some(person);
            }
            people.insert(person);
        }
    }
    for change in changes {
        match change.kind {
            Kind::User | Kind::Teacher | Kind::Availability => {
                change.people = vec![UserId(change.entity)];
            }
            Kind::Lesson | Kind::Series | Kind::Group => {
                if let Some((teacher, people)) = concerned.get(&change.entity) {
                    change.teacher = *teacher;
                    change.people = people.iter().copied().collect();
                }
            }
        }
    }
    Ok(())
}

/// Locks the log for whoever forgets what is old; `None` while another replica does.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_log(conn: &mut PgConnection) -> Result<Option<Uuid>, Error> {
    let log = sqlx::query_scalar!("SELECT log_id FROM lesson.change_log FOR UPDATE SKIP LOCKED")
        .fetch_optional(conn)
        .await?;
    Ok(log)
}

/// Whether the log has transactions that this cluster has yet to begin: it came here in a
/// dump.
///
/// # Errors
///
/// When the database fails.
pub async fn is_of_another_cluster(conn: &mut PgConnection) -> Result<bool, Error> {
    let ahead = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM (SELECT c.xid FROM lesson.changes c ORDER BY c.xid DESC, c.id DESC LIMIT 1) newest
               WHERE newest.xid >= pg_snapshot_xmax(pg_current_snapshot())) AS "ahead!""#
    )
    .fetch_one(conn)
    .await?;
    Ok(ahead)
}

/// Begins a new, empty log: every cursor there is means nothing any more.
///
/// # Errors
///
/// When the database fails.
pub async fn begin_anew(conn: &mut PgConnection, log: Uuid) -> Result<(), Error> {
    sqlx::query!("TRUNCATE lesson.changes")
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "UPDATE lesson.change_log SET log_id = $1, floor_xid = '0', floor_id = 0",
        log
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what is older than a day by the database's clock, up to `most` rows from the
/// oldest on, and moves the floor behind it; answers how many.
///
/// # Errors
///
/// When the database fails.
pub async fn delete_old(conn: &mut PgConnection, most: i64) -> Result<usize, Error> {
    // By the primary key: rows stand nearly in the order of their times.
    let head = sqlx::query!(
        r#"SELECT c.xid::text AS "xid!", c.id,
               c.create_time < now() - interval '24 hours' AS "old!"
           FROM lesson.changes c ORDER BY c.xid, c.id LIMIT $1"#,
        most,
    )
    .fetch_all(&mut *conn)
    .await?;
    let old: Vec<_> = head.iter().take_while(|row| row.old).collect();
    let Some(last) = old.last() else {
        return Ok(0);
    };
    sqlx::query!(
        "DELETE FROM lesson.changes c WHERE (c.xid, c.id) <= ($1::text::xid8, $2)",
        last.xid,
        last.id,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.change_log SET floor_xid = $1::text::xid8, floor_id = $2",
        last.xid,
        last.id,
    )
    .execute(conn)
    .await?;
    Ok(old.len())
}
