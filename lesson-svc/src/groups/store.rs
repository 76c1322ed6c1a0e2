//! SQL of groups and who is in them. Every query that takes a group's id for somebody also
//! takes the viewer.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Group, Member};
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

/// Who is in a group now, by id: there are at most 50. Stable in a transaction that locked
/// the group's teacher.
///
/// # Errors
///
/// When the database fails.
pub async fn list_members(conn: &mut PgConnection, id: GroupId) -> Result<Vec<Member>, Error> {
    let rows = sqlx::query!(
        "SELECT m.student_id, u.display_name, m.create_time
         FROM lesson.group_members m JOIN lesson.users u ON u.id = m.student_id
         WHERE m.group_id = $1 AND m.end_time IS NULL ORDER BY m.student_id",
        id.0,
    )
    .fetch_all(conn)
    .await?;
    let members = rows.into_iter().map(|row| Member {
        student_id: UserId(row.student_id),
        display_name: row.display_name,
        create_time: row.create_time.to_jiff(),
    });
    Ok(members.collect())
}

/// Who is in a group of `teacher`, by name, after the one named and identified by `after`;
/// each with the name they are sorted by.
///
/// # Errors
///
/// When the database fails.
pub async fn list_members_by_name(
    conn: &mut PgConnection,
    teacher: UserId,
    id: GroupId,
    after: (&str, Uuid),
    limit: i64,
) -> Result<Vec<(Member, String)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT m.student_id, u.display_name, m.create_time,
                  lower(u.display_name) AS "sort_name!"
           FROM lesson.group_members m JOIN lesson.users u ON u.id = m.student_id
           WHERE m.group_id = $1 AND m.teacher_id = $2 AND m.end_time IS NULL
             AND (lower(u.display_name) COLLATE "C", u.id) > ($3, $4)
           ORDER BY lower(u.display_name) COLLATE "C", u.id LIMIT $5"#,
        id.0,
        teacher.0,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let members = rows.into_iter().map(|row| {
        let member = Member {
            student_id: UserId(row.student_id),
            display_name: row.display_name,
            create_time: row.create_time.to_jiff(),
        };
        (member, row.sort_name)
    });
    Ok(members.collect())
}

/// Whether a person is in a group now; `None` when they never were.
///
/// # Errors
///
/// When the database fails.
pub async fn find_membership(
    conn: &mut PgConnection,
    id: GroupId,
    student: UserId,
) -> Result<Option<bool>, Error> {
    let is_member = sqlx::query_scalar!(
        r#"SELECT end_time IS NULL AS "is_member!" FROM lesson.group_members
           WHERE group_id = $1 AND student_id = $2"#,
        id.0,
        student.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(is_member)
}

/// Puts a student of its teacher into a locked group.
///
/// # Errors
///
/// [`Error::GroupFull`], or the database's.
pub async fn insert_member(
    conn: &mut PgConnection,
    group: &Group,
    student: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO lesson.group_members AS m (group_id, teacher_id, student_id, create_time)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (group_id, student_id) DO UPDATE SET create_time = $4, end_time = NULL
         WHERE m.end_time IS NOT NULL",
        group.id.0,
        group.teacher_id.0,
        student.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await
    .map_err(Error::of_insert)?;
    Ok(())
}

/// Takes somebody out of a locked group; false when they are not in it.
///
/// # Errors
///
/// When the database fails.
pub async fn update_member_ended(
    conn: &mut PgConnection,
    id: GroupId,
    student: UserId,
    now: Timestamp,
) -> Result<bool, Error> {
    let ended = sqlx::query!(
        "UPDATE lesson.group_members SET end_time = $3
         WHERE group_id = $1 AND student_id = $2 AND end_time IS NULL",
        id.0,
        student.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// Takes a student out of all groups of a locked teacher.
///
/// # Errors
///
/// When the database fails.
pub async fn update_all_ended(
    conn: &mut PgConnection,
    teacher: UserId,
    student: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    // Their rows are written by a trigger, in no order: locked before, in order of id.
    sqlx::query!(
        "SELECT g.id FROM lesson.groups g
         WHERE g.id IN (SELECT m.group_id FROM lesson.group_members m
                        WHERE m.student_id = $2 AND m.teacher_id = $1 AND m.end_time IS NULL)
         ORDER BY g.id FOR NO KEY UPDATE",
        teacher.0,
        student.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE lesson.group_members SET end_time = $3
         WHERE student_id = $2 AND teacher_id = $1 AND end_time IS NULL",
        teacher.0,
        student.0,
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks the running series of the groups that a person is in (of `teacher`; `None`: of all),
/// in order of id; their teachers are locked.
///
/// # Errors
///
/// When the database fails.
pub async fn lock_series(
    conn: &mut PgConnection,
    teacher: Option<UserId>,
    student: UserId,
) -> Result<Vec<Uuid>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT s.id FROM lesson.series s
         WHERE s.status = 'running' AND s.group_id IN (
             SELECT m.group_id FROM lesson.group_members m
             WHERE m.student_id = $1 AND m.end_time IS NULL
               AND ($2::uuid IS NULL OR m.teacher_id = $2))
         ORDER BY s.id FOR NO KEY UPDATE",
        student.0,
        teacher.map(|teacher| teacher.0),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// The teachers of the groups that a person is in.
///
/// # Errors
///
/// When the database fails.
pub async fn list_teachers(conn: &mut PgConnection, student: UserId) -> Result<Vec<UserId>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT DISTINCT teacher_id FROM lesson.group_members
         WHERE student_id = $1 AND end_time IS NULL",
        student.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
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
