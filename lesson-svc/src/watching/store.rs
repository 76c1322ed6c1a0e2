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
    /// No transaction from this one on was certain.
    pub xmin: i64,
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
    /// Whether who is at that cursor has to begin anew: they missed something, or were told
    /// what this log has yet to come to.
    #[must_use]
    pub fn is_out_of(&self, cursor: Cursor) -> bool {
        self.log != cursor.log || cursor.position < self.floor || cursor.position.xid >= self.xmin
    }
}

/// The end of what is certain now: who begins here is told everything that is not.
///
/// # Errors
///
/// When the database fails.
pub async fn head(conn: &mut PgConnection) -> Result<Cursor, Error> {
    let row = sqlx::query!(
        r#"SELECT id AS "id!", pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "xmin!"
           FROM lesson.change_log_now"#
    )
    .fetch_one(conn)
    .await?;
    Ok(Cursor {
        log: row.id,
        position: Position::below(row.xmin),
    })
}

/// The changes after a position, with whom they concern: those who were members of a group
/// when it changed, also when they left since.
///
/// # Errors
///
/// When the database fails.
pub async fn page(conn: &mut PgConnection, after: Position) -> Result<Page, Error> {
    // The snapshot is answered with the rows, also with none: up to it everything was seen.
    let rows = sqlx::query!(
        r#"SELECT g.id AS "log!", g.floor_xid::text::bigint AS "floor_xid!",
               g.floor_id AS "floor_id!",
               pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "xmin!",
               p.xid_number AS "xid?", p.id AS "id?", p.kind AS "kind?",
               p.entity_id AS "entity_id?", p.version AS "version?",
               p.create_time AS "create_time?: jiff_sqlx::Timestamp"
           FROM lesson.change_log_now g LEFT JOIN LATERAL (
               SELECT c.xid::text::bigint AS xid_number, c.id, c.kind, c.entity_id, c.version,
                   c.create_time
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
    let (log, xmin) = (first.log, first.xmin);
    let floor = Position {
        xid: first.floor_xid,
        id: first.floor_id,
    };
    let mut last = BTreeMap::new();
    let (mut read, mut unsettled, mut until) = (0_i64, false, after);
    for row in rows {
        let (Some(xid), Some(id), Some(kind), Some(entity), Some(version), Some(time)) = (
            row.xid,
            row.id,
            row.kind,
            row.entity_id,
            row.version,
            row.create_time,
        ) else {
            continue;
        };
        read += 1;
        if xid >= xmin {
            unsettled = true;
            continue;
        }
        until = Position { xid, id };
        let kind = Kind::from_name(&kind).ok_or(Error::Corrupt("changes.kind"))?;
        let latest = last.entry((kind, entity)).or_insert(Latest {
            position: until,
            version,
            since: time.to_jiff(),
        });
        latest.position = until;
        latest.version = latest.version.max(version);
        latest.since = latest.since.min(time.to_jiff());
    }
    let drained = unsettled || read < PAGE;
    if drained {
        until = until.max(Position::below(xmin));
    }
    let changes = concern(conn, last).await?;
    Ok(Page {
        log,
        floor,
        xmin,
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

/// What a page knows of one thing's changes.
#[derive(Debug, Clone, Copy)]
struct Latest {
    position: Position,
    version: i64,
    /// When the first of them began, by the database's clock.
    since: Timestamp,
}

/// The changes in order, with whom they concern.
async fn concern(
    conn: &mut PgConnection,
    latest: BTreeMap<(Kind, Uuid), Latest>,
) -> Result<Vec<Change>, Error> {
    let people = people(conn, &latest).await?;
    let mut changes: Vec<_> = latest
        .into_iter()
        .map(|((kind, entity), latest)| {
            let (teacher, people) = match kind {
                Kind::User | Kind::Teacher | Kind::Availability => (None, vec![UserId(entity)]),
                Kind::Lesson | Kind::Series | Kind::Group => match people.get(&entity) {
                    Some(concerned) => (
                        concerned.teacher,
                        concerned.people.iter().copied().collect(),
                    ),
                    None => (None, Vec::new()),
                },
            };
            Change {
                position: latest.position,
                kind,
                entity,
                version: latest.version,
                teacher,
                people,
            }
        })
        .collect();
    changes.sort_by_key(|change| change.position);
    Ok(changes)
}

/// Whom a lesson, series or group concerns.
#[derive(Debug, Default)]
struct Concerned {
    teacher: Option<UserId>,
    /// The teacher too.
    people: BTreeSet<UserId>,
}

async fn people(
    conn: &mut PgConnection,
    latest: &BTreeMap<(Kind, Uuid), Latest>,
) -> Result<BTreeMap<Uuid, Concerned>, Error> {
    let of = |wanted: Kind| -> (Vec<Uuid>, Vec<jiff_sqlx::Timestamp>) {
        let some = latest.iter().filter(|((kind, _), _)| *kind == wanted);
        some.map(|((_, entity), latest)| (*entity, latest.since.to_sqlx()))
            .unzip()
    };
    let (lessons, lessons_since) = of(Kind::Lesson);
    let (series, series_since) = of(Kind::Series);
    let (groups, groups_since) = of(Kind::Group);
    let mut concerned: BTreeMap<Uuid, Concerned> = BTreeMap::new();
    if lessons.is_empty() && series.is_empty() && groups.is_empty() {
        return Ok(concerned);
    }
    // Who left is told of what changed until then, however late that is read. The service's
    // clock, by which they left, may be a minute behind the database's.
    let rows = sqlx::query!(
        r#"WITH changed_lessons AS (
               SELECT l.id, l.teacher_id, l.group_id, c.since
               FROM unnest($1::uuid[], $6::timestamptz[]) AS c (id, since)
               JOIN lesson.lessons l USING (id)
           ), changed_series AS (
               SELECT s.id, s.teacher_id, s.student_id, s.group_id, c.since
               FROM unnest($2::uuid[], $4::timestamptz[]) AS c (id, since)
               JOIN lesson.series s USING (id))
           SELECT l.id AS "entity!", l.teacher_id AS "person!", true AS "teaches!"
           FROM changed_lessons l
           UNION ALL
           SELECT b.lesson_id, b.student_id, false FROM lesson.bookings b
           WHERE b.lesson_id = ANY($1)
           UNION ALL
           -- Members see the group's lessons without a seat too.
           SELECT l.id, m.student_id, false
           FROM changed_lessons l JOIN lesson.group_members m ON m.group_id = l.group_id
           WHERE m.end_time IS NULL OR m.end_time >= l.since - interval '1 minute'
           UNION ALL
           SELECT s.id, s.teacher_id, true FROM changed_series s
           UNION ALL
           SELECT s.id, s.student_id, false FROM changed_series s WHERE s.student_id IS NOT NULL
           UNION ALL
           SELECT s.id, m.student_id, false
           FROM changed_series s JOIN lesson.group_members m ON m.group_id = s.group_id
           WHERE m.end_time IS NULL OR m.end_time >= s.since - interval '1 minute'
           UNION ALL
           SELECT g.id, g.teacher_id, true FROM lesson.groups g WHERE g.id = ANY($3)
           UNION ALL
           SELECT m.group_id, m.student_id, false
           FROM unnest($3::uuid[], $5::timestamptz[]) AS c (id, since)
           JOIN lesson.group_members m ON m.group_id = c.id
           WHERE m.end_time IS NULL OR m.end_time >= c.since - interval '1 minute'"#,
        &lessons,
        &series,
        &groups,
        &series_since as &[jiff_sqlx::Timestamp],
        &groups_since as &[jiff_sqlx::Timestamp],
        &lessons_since as &[jiff_sqlx::Timestamp],
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let concerned = concerned.entry(row.entity).or_default();
        let person = UserId(row.person);
        if row.teaches {
            concerned.teacher = Some(person);
        }
        concerned.people.insert(person);
    }
    Ok(concerned)
}

/// Locks the log for whoever forgets what is old; false while another replica does.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_log(conn: &mut PgConnection) -> Result<bool, Error> {
    let log = sqlx::query_scalar!("SELECT log_id FROM lesson.change_log FOR UPDATE SKIP LOCKED")
        .fetch_optional(conn)
        .await?;
    Ok(log.is_some())
}

/// Whether the log has transactions that this cluster has yet to begin, or had them and
/// forgot them: it came here in a dump.
///
/// # Errors
///
/// When the database fails.
pub async fn is_of_another_cluster(conn: &mut PgConnection) -> Result<bool, Error> {
    let ahead = sqlx::query_scalar!(
        r#"SELECT greatest(g.floor_xid, (
                   SELECT c.xid FROM lesson.changes c ORDER BY c.xid DESC, c.id DESC LIMIT 1))
               >= pg_snapshot_xmax(pg_current_snapshot()) AS "ahead!"
           FROM lesson.change_log g"#
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

/// Forgets what is older than a day by the database's clock and certain, so that watchers
/// were told, up to `most` rows from the oldest on, and moves the floor behind it; answers
/// how many.
///
/// # Errors
///
/// When the database fails.
pub async fn delete_old(conn: &mut PgConnection, most: i64) -> Result<usize, Error> {
    // By the primary key: rows stand nearly in the order of their times.
    let head = sqlx::query!(
        r#"SELECT c.xid::text AS "xid!", c.id,
               c.create_time < now() - interval '24 hours'
                   AND c.xid < pg_snapshot_xmin(pg_current_snapshot()) AS "old!"
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
