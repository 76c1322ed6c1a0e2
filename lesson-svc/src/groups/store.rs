//! SQL of groups and who is in them. Every query that takes a group's id for somebody also
//! takes the viewer.

mod members;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

pub use members::{
    find_membership, insert_member, list_members, list_members_by_name, list_teachers, lock_of,
    update_members_ended,
};

use super::Group;
use crate::{
    errors::Error,
    ids::{GroupId, UserId},
};

struct GroupRow {
    id: Uuid,
    teacher_id: Uuid,
    teacher_name: String,
    title: String,
    capacity: i16,
    member_count: i16,
    version: i64,
    create_time: jiff_sqlx::Timestamp,
    delete_time: Option<jiff_sqlx::Timestamp>,
    sort_title: String,
}

impl From<GroupRow> for Group {
    fn from(row: GroupRow) -> Self {
        Self {
            id: GroupId(row.id),
            teacher_id: UserId(row.teacher_id),
            teacher_name: row.teacher_name,
            title: row.title,
            capacity: row.capacity,
            member_count: row.member_count,
            version: row.version,
            create_time: row.create_time.to_jiff(),
            delete_time: row.delete_time.map(jiff_sqlx::Timestamp::to_jiff),
        }
    }
}

/// `SELECT` of a whole group; the tail says which, and how it is locked.
macro_rules! select_group {
    ($tail:literal, $($arg:expr),+ $(,)?) => {
        sqlx::query_as!(
            GroupRow,
            r#"SELECT g.id, g.teacher_id, u.display_name AS teacher_name, g.title, g.capacity,
                      g.member_count, g.version, g.create_time, g.delete_time,
                      lower(g.title) AS "sort_title!"
               FROM lesson.groups g JOIN lesson.users u ON u.id = g.teacher_id "#
                + $tail,
            $($arg),+
        )
    };
}

/// A group that `viewer` teaches or is in (`None`: any), also one that was dissolved.
///
/// # Errors
///
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    viewer: Option<UserId>,
    id: GroupId,
) -> Result<Option<Group>, Error> {
    let row = select_group!(
        "WHERE g.id = $1 AND ($2::uuid IS NULL OR g.teacher_id = $2 OR EXISTS (
             SELECT FROM lesson.group_members m
             WHERE m.group_id = g.id AND m.student_id = $2 AND m.end_time IS NULL))",
        id.0,
        viewer.map(|viewer| viewer.0),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Group::from))
}

/// A group that was not dissolved, locked until the transaction ends. Whoever locks it to
/// change it, or who is in it, has locked its teacher.
///
/// # Errors
///
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, id: GroupId) -> Result<Option<Group>, Error> {
    let row = select_group!(
        "WHERE g.id = $1 AND g.delete_time IS NULL FOR NO KEY UPDATE OF g",
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Group::from))
}

/// Inserts a group that nobody is in.
///
/// # Errors
///
/// When the database fails.
pub async fn insert(
    conn: &mut PgConnection,
    id: GroupId,
    teacher: UserId,
    (title, capacity): (&str, i16),
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.groups (id, teacher_id, title, capacity, create_time)
         VALUES ($1, $2, $3, $4, $5)",
        id.0,
        teacher.0,
        title,
        capacity,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many groups a locked teacher has.
///
/// # Errors
///
/// When the database fails.
pub async fn count(conn: &mut PgConnection, teacher: UserId) -> Result<usize, Error> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM lesson.groups
           WHERE teacher_id = $1 AND delete_time IS NULL"#,
        teacher.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Writes a locked group's title and capacity, and raises the version.
///
/// # Errors
///
/// [`Error::GroupFull`] when more are in it, or the database's.
pub async fn update(
    conn: &mut PgConnection,
    id: GroupId,
    title: &str,
    capacity: i16,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.groups SET title = $2, capacity = $3, version = version + 1 WHERE id = $1",
        id.0,
        title,
        capacity,
    )
    .execute(conn)
    .await
    .map_err(Error::of_insert)?;
    Ok(())
}

/// Dissolves a locked group.
///
/// # Errors
///
/// When the database fails.
pub async fn update_dissolved(
    conn: &mut PgConnection,
    id: GroupId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE lesson.group_members SET end_time = $2 WHERE group_id = $1 AND end_time IS NULL",
        id.0,
        now.to_sqlx(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.groups SET delete_time = $2, version = version + 1 WHERE id = $1",
        id.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a group has a series that goes on, or lessons that have not begun.
///
/// # Errors
///
/// When the database fails.
pub async fn has_ahead(
    conn: &mut PgConnection,
    id: GroupId,
    now: Timestamp,
) -> Result<bool, Error> {
    let ahead = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM lesson.lessons
                          WHERE group_id = $1 AND lower(during) > $2 AND status = 'scheduled')
               OR EXISTS (SELECT FROM lesson.series
                          WHERE group_id = $1 AND due_time IS NOT NULL) AS "ahead!""#,
        id.0,
        now.to_sqlx(),
    )
    .fetch_one(conn)
    .await?;
    Ok(ahead)
}

/// The groups that a person teaches or is in, by title, after the one titled and
/// identified by `after`; each with the title it is sorted by.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    person: UserId,
    after: (&str, Uuid),
    limit: i64,
) -> Result<Vec<(Group, String)>, Error> {
    let rows = select_group!(
        r#"WHERE g.id = ANY(ARRAY(
               SELECT t.id FROM lesson.groups t WHERE t.teacher_id = $1 AND t.delete_time IS NULL
               UNION ALL
               SELECT m.group_id FROM lesson.group_members m
               WHERE m.student_id = $1 AND m.end_time IS NULL))
             AND (lower(g.title) COLLATE "C", g.id) > ($2, $3)
           ORDER BY lower(g.title) COLLATE "C", g.id LIMIT $4"#,
        person.0,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let groups = rows.into_iter().map(|mut row| {
        let sort_title = std::mem::take(&mut row.sort_title);
        (Group::from(row), sort_title)
    });
    Ok(groups.collect())
}

/// Takes a person who is being erased out of all groups, and dissolves and forgets those
/// that they teach.
///
/// # Errors
///
/// When the database fails.
pub async fn update_erased(
    conn: &mut PgConnection,
    person: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    // Their rows are written by a trigger, in no order: locked before, in order of id.
    sqlx::query!(
        "SELECT g.id FROM lesson.groups g
         WHERE g.id = ANY(ARRAY(
             SELECT t.id FROM lesson.groups t WHERE t.teacher_id = $1
             UNION ALL
             SELECT m.group_id FROM lesson.group_members m
             WHERE m.student_id = $1 AND m.end_time IS NULL))
         ORDER BY g.id FOR NO KEY UPDATE",
        person.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.group_members SET end_time = $2
         WHERE student_id = $1 AND end_time IS NULL",
        person.0,
        now.to_sqlx(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.group_members SET end_time = $2
         WHERE end_time IS NULL AND group_id = ANY(ARRAY(
             SELECT g.id FROM lesson.groups g WHERE g.teacher_id = $1))",
        person.0,
        now.to_sqlx(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.groups
         SET title = '', delete_time = coalesce(delete_time, $2), version = version + 1
         WHERE teacher_id = $1 AND title <> ''",
        person.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
